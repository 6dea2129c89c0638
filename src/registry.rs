//! Every live session of a server: the one source of truth for what is open.
//!
//! A session is entered when its connection is accepted, before a byte of it
//! is read, and leaves when its [`Registration`](crate::registration::Registration) is dropped, on every path
//! there is. Closing is a level kept under the same lock: whoever is entered
//! later sees it, whoever was there before is called, and nobody is missed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::callback::Flag;
use crate::close::{Parting, Report};
use crate::event::Cause;
use crate::session::{Remote, SessionInfo};
use crate::table::{Tables, lock};

/// Sessions of all servers, by the ids that hosts hold.
pub static SESSIONS: Tables<Arc<Remote>> = Tables::new("the session", 1);

/// How long callbacks that are told of the end may take before nobody waits for them.
const TOLD: Duration = Duration::from_secs(1);

/// So many sessions are a crowd, whose going is worth to tidy up after.
const CROWD: usize = 500;

/// Told the report when the close is complete.
pub type OnClose = Box<dyn FnOnce(&Report) + Send>;

#[derive(Default)]
pub struct Registry {
    roll: Mutex<Roll>,
    /// Signalled when the roll has something for the closer to look at.
    pub changed: Notify,
    /// A crowd has gone, and nobody has tidied up yet.
    has_thinned: AtomicBool,
    told: Condvar,
}

#[derive(Default)]
struct Roll {
    live: HashMap<u64, Entry>,
    /// The most that were live since the last crowd went.
    peak: usize,
    closing: Option<Closing>,
    counted: Report,
    report: Option<Report>,
    finished: Option<Instant>,
    is_told: bool,
    waiters: Vec<OnClose>,
}

struct Entry {
    remote: Arc<Remote>,
    /// Of the thread that it lives on.
    in_callback: Flag,
}

#[derive(Clone, Copy)]
struct Closing {
    began: Instant,
    deadline: Instant,
}

/// How far a close has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub sessions: u64,
    pub streams: u64,
    pub left_ms: u64,
}

impl Registry {
    /// Enters a session. The level is the session's to look at: [`Self::deadline`].
    pub fn enter(&self, remote: Arc<Remote>, in_callback: Flag) {
        let mut roll = lock(&self.roll);
        roll.live.insert(remote.id, Entry { remote, in_callback });
        roll.peak = roll.peak.max(roll.live.len());
    }

    /// Takes a session off the roll and counts it, if the server is closing.
    pub fn leave(&self, id: u64, cause: Cause, parting: Parting) {
        let mut roll = lock(&self.roll);
        let was_live = roll.live.remove(&id).is_some();
        if roll.peak >= CROWD && roll.live.len() <= roll.peak / 4 {
            roll.peak = roll.live.len();
            self.has_thinned.store(true, Relaxed);
            self.changed.notify_one();
        }
        if was_live && roll.closing.is_some() {
            roll.counted.add(cause.outcome(), parting);
            if roll.live.is_empty() {
                self.changed.notify_one();
            }
        }
    }

    /// Orders every session, present and future, to be gone by `now + drain`.
    /// A later order can only shorten. `on_close` is called by the closer.
    pub fn close(&self, drain: Duration, on_close: Option<OnClose>) {
        let mut roll = lock(&self.roll);
        roll.waiters.extend(on_close);
        let began = Instant::now();
        let deadline = began + drain;
        let known = roll.closing.get_or_insert(Closing { began, deadline });
        known.deadline = known.deadline.min(deadline);
        roll.live.values().for_each(|entry| entry.remote.look_up());
        self.changed.notify_one();
    }

    /// Whether a crowd has gone since the last call.
    pub fn take_thinned(&self) -> bool {
        self.has_thinned.swap(false, Relaxed)
    }

    /// The deadline of the close; None while the server runs.
    pub fn deadline(&self) -> Option<Instant> {
        lock(&self.roll).closing.map(|closing| closing.deadline)
    }

    /// Has every session look at all of its requests.
    pub fn look_up(&self) {
        lock(&self.roll).live.values().for_each(|entry| entry.remote.look_up());
    }

    pub fn len(&self) -> usize {
        lock(&self.roll).live.len()
    }

    /// Live sessions with a peer of that address.
    pub fn len_from(&self, address: IpAddr) -> usize {
        lock(&self.roll).live.values().filter(|entry| entry.remote.peer().ip() == Some(address)).count()
    }

    /// The live sessions and their figures at this moment, oldest first.
    pub fn list(&self) -> Vec<SessionInfo> {
        let live: Vec<_> = lock(&self.roll).live.values().map(|entry| entry.remote.clone()).collect();
        let mut infos: Vec<_> = live.iter().map(SessionInfo::from).collect();
        infos.sort_by_key(|info| (std::cmp::Reverse(info.age), info.id));
        infos
    }

    pub fn progress(&self) -> Progress {
        let roll = lock(&self.roll);
        let streams = roll.live.values().map(|entry| u64::from(entry.remote.figures.open_streams.load(Relaxed))).sum();
        let left = roll.closing.map(|closing| closing.deadline.saturating_duration_since(Instant::now()));
        let left_ms = left.unwrap_or_default().as_millis() as u64;
        Progress { sessions: roll.live.len() as u64, streams, left_ms }
    }

    /// Cuts the sockets of all that are left and counts them as forced, since
    /// their threads have not ended them in time: a callback of the host holds the
    /// thread, which counts as stuck, or the machine has not run it.
    pub fn cut_the_rest(&self) {
        let mut roll = lock(&self.roll);
        for (_, Entry { remote, in_callback }) in std::mem::take(&mut roll.live) {
            remote.cut();
            let streams_reset = u64::from(remote.figures.open_streams.load(Relaxed));
            roll.counted.add(Cause::Deadline.outcome(), Parting { streams_reset, ..Parting::default() });
            roll.counted.sessions_stuck += u64::from(in_callback.is_set());
        }
    }

    /// Everything has ended: fixes the report.
    pub fn finish(&self) {
        let mut roll = lock(&self.roll);
        roll.finished = Some(Instant::now());
        let mut report = roll.counted;
        report.elapsed_ms = roll.closing.map_or(0, |closing| closing.began.elapsed().as_millis() as u64);
        roll.report = Some(report);
        self.told.notify_all();
    }

    /// Those who asked to be told have been: whoever waits may go on.
    pub fn release(&self) {
        lock(&self.roll).is_told = true;
        self.told.notify_all();
    }

    /// The report, once the close is complete.
    pub fn report(&self) -> Option<Report> {
        lock(&self.roll).report
    }

    pub fn take_waiters(&self) -> Vec<OnClose> {
        std::mem::take(&mut lock(&self.roll).waiters)
    }

    /// Blocks until the close is complete and its callbacks have returned, or
    /// the time is up. A callback that does not return is waited for a second.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<Report> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut roll = lock(&self.roll);
        loop {
            let patience = roll.finished.map(|finished| finished + TOLD);
            let now = Instant::now();
            if roll.is_told || patience.is_some_and(|patience| now >= patience) {
                return roll.report;
            }
            let next = until.into_iter().chain(patience).min();
            if until.is_some_and(|until| now >= until) {
                return None;
            }
            let rest = next.map_or(TOLD, |next| next.saturating_duration_since(now));
            let waited = self.told.wait_timeout(roll, rest);
            roll = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    #[test]
    fn only_a_session_whose_thread_is_in_a_callback_is_stuck() {
        std::thread::spawn(|| {
            let (registry, held) = (Registry::default(), Flag::default());
            held.attach();
            for (id, in_callback) in [(1, held), (2, Flag::default())] {
                let remote = Remote::new(id, Endpoint::default(), Arc::default(), Arc::default());
                registry.enter(Arc::new(remote), in_callback);
            }
            registry.close(Duration::ZERO, None);
            crate::callback::run(|| registry.cut_the_rest());
            registry.finish();
            let report = registry.report().unwrap();
            assert_eq!((report.sessions_forced, report.sessions_stuck), (2, 1));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_crowd_that_goes_is_noticed_once_and_a_few_are_not() {
        let registry = Registry::default();
        let enter = |count: u64| {
            let remote = |id| Arc::new(Remote::new(id, Endpoint::default(), Arc::default(), Arc::default()));
            (1..=count).for_each(|id| registry.enter(remote(id), Flag::default()));
        };
        let leave = |ids: std::ops::RangeInclusive<u64>| {
            ids.for_each(|id| registry.leave(id, Cause::PeerClosed, Parting::default()));
        };
        enter(CROWD as u64 - 1);
        leave(1..=CROWD as u64 - 1);
        assert!(!registry.take_thinned());
        let crowd = CROWD as u64 + 100;
        enter(crowd);
        leave(1..=crowd / 2);
        assert!(!registry.take_thinned(), "half of it is there");
        leave(crowd / 2 + 1..=crowd);
        assert!(registry.take_thinned());
        enter(10);
        leave(1..=10);
        assert!(!registry.take_thinned());
    }
}
