//! Every live session of a server: the single source of truth for what is open.
//!
//! A session is entered when its connection is accepted, before a byte of it is
//! read. It is removed when its [`Registration`](crate::registration::Registration)
//! is dropped, on every path, panics included. "Closing" is a state under the
//! same lock: a session that is entered later reads it, and one that was entered
//! earlier is woken. No session can miss a close.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::callback::Flag;
use crate::close::{Report, SessionReport};
use crate::event::Cause;
use crate::session::{SessionHandle, SessionInfo};
use crate::table::{Locked, Tables, lock};

/// Sessions of all servers, by the ids that hosts hold.
pub static SESSIONS: Tables<Arc<SessionHandle>> = Tables::new("the session", 1);

/// How long [`Registry::wait`] waits for the callbacks that report the end.
const CALLBACKS: Duration = Duration::from_secs(1);

/// After so many sessions have ended, freed memory is returned to the system.
const CROWD: usize = 500;

/// Called with the report when the close is complete.
pub type OnClose = Box<dyn FnOnce(&Report) + Send>;

#[derive(Default)]
pub struct Registry {
    state: Mutex<State>,
    /// Signalled when the control thread has to look at the state.
    pub changed: Notify,
    /// Whether most sessions have ended since memory was last returned.
    has_thinned: AtomicBool,
    /// Signalled when the close is complete and when its callbacks have returned.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    live: HashMap<u64, Entry>,
    /// The most live sessions since memory was last returned.
    peak: usize,
    closing: Option<Closing>,
    counted: Report,
    report: Option<Report>,
    finished: Option<Instant>,
    /// Whether the callbacks that report the end have returned.
    is_reported: bool,
    waiters: Vec<OnClose>,
}

struct Entry {
    session: Arc<SessionHandle>,
    /// Whether the session's thread is inside a callback of the host.
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
    /// Enters a session, which then reads [`Self::deadline`].
    pub fn enter(&self, session: Arc<SessionHandle>, in_callback: Flag) {
        let mut state = lock(&self.state);
        state.live.insert(session.id, Entry { session, in_callback });
        state.peak = state.peak.max(state.live.len());
    }

    /// Removes a session and, during a close, counts it.
    pub fn leave(&self, id: u64, cause: Cause, session_report: SessionReport) {
        let mut state = lock(&self.state);
        let was_live = state.live.remove(&id).is_some();
        if state.peak >= CROWD && state.live.len() <= state.peak / 4 {
            state.peak = state.live.len();
            self.has_thinned.store(true, Relaxed);
            self.changed.notify_one();
        }
        if was_live && state.closing.is_some() {
            state.counted.add(cause.outcome(), session_report);
            if state.live.is_empty() {
                self.changed.notify_one();
            }
        }
    }

    /// Orders every session, present and future, to end by `now + drain`. A later
    /// call can only shorten the time. The control thread calls `on_close`.
    pub fn close(&self, drain: Duration, on_close: Option<OnClose>) {
        let mut state = lock(&self.state);
        state.waiters.extend(on_close);
        let began = Instant::now();
        let deadline = began + drain;
        let known = state.closing.get_or_insert(Closing { began, deadline });
        known.deadline = known.deadline.min(deadline);
        state.live.values().for_each(|entry| entry.session.check_shutdown());
        self.changed.notify_one();
    }

    /// Whether most sessions have ended since the last call.
    pub fn take_thinned(&self) -> bool {
        self.has_thinned.swap(false, Relaxed)
    }

    /// The deadline of the close; None while the server runs.
    pub fn deadline(&self) -> Option<Instant> {
        lock(&self.state).closing.map(|closing| closing.deadline)
    }

    /// Wakes every session, which then looks at the state and at all of its requests.
    pub fn check_shutdown(&self) {
        lock(&self.state).live.values().for_each(|entry| entry.session.check_shutdown());
    }

    pub fn len(&self) -> usize {
        lock(&self.state).live.len()
    }

    /// The number of live sessions whose peer has that address.
    pub fn len_from(&self, address: IpAddr) -> usize {
        lock(&self.state).live.values().filter(|entry| entry.session.peer().ip() == Some(address)).count()
    }

    /// A snapshot of the live sessions, oldest first.
    pub fn list(&self) -> Vec<SessionInfo> {
        let live: Vec<_> = lock(&self.state).live.values().map(|entry| entry.session.clone()).collect();
        let mut infos: Vec<_> = live.iter().map(SessionInfo::from).collect();
        infos.sort_by_key(|info| (std::cmp::Reverse(info.age), info.id));
        infos
    }

    pub fn progress(&self) -> Progress {
        let state = lock(&self.state);
        let streams =
            state.live.values().map(|entry| u64::from(entry.session.counters.open_streams.load(Relaxed))).sum();
        let left = state.closing.map(|closing| closing.deadline.saturating_duration_since(Instant::now()));
        let left_ms = left.unwrap_or_default().as_millis() as u64;
        Progress { sessions: state.live.len() as u64, streams, left_ms }
    }

    /// Closes the remaining sockets hard and counts their sessions as forced. Their
    /// threads have not ended them in time: either a callback of the host blocks the
    /// thread, which also counts as stuck, or the machine has not run it.
    pub fn cut_the_rest(&self) {
        let mut state = lock(&self.state);
        for (_, Entry { session, in_callback }) in std::mem::take(&mut state.live) {
            session.cut();
            let streams_reset = u64::from(session.counters.open_streams.load(Relaxed));
            state.counted.add(Cause::Deadline.outcome(), SessionReport { streams_reset, ..SessionReport::default() });
            state.counted.sessions_stuck += u64::from(in_callback.is_set());
        }
    }

    /// Fixes the report. Every session has ended.
    pub fn finish(&self) {
        let mut state = lock(&self.state);
        state.finished = Some(Instant::now());
        let mut report = state.counted;
        report.elapsed_ms = state.closing.map_or(0, |closing| closing.began.elapsed().as_millis() as u64);
        state.report = Some(report);
        self.ended.notify_all();
    }

    /// Ends [`Self::wait`]: the callbacks that report the end have returned.
    pub fn release(&self) {
        lock(&self.state).is_reported = true;
        self.ended.notify_all();
    }

    /// The report, once the close is complete.
    pub fn report(&self) -> Option<Report> {
        lock(&self.state).report
    }

    pub fn take_waiters(&self) -> Vec<OnClose> {
        std::mem::take(&mut lock(&self.state).waiters)
    }

    /// Blocks until the close is complete and its callbacks have returned, or until
    /// `timeout`. A callback that does not return is waited for one second.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<Report> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = lock(&self.state);
        loop {
            let callbacks_until = state.finished.map(|finished| finished + CALLBACKS);
            let now = Instant::now();
            if state.is_reported || callbacks_until.is_some_and(|until| now >= until) {
                return state.report;
            }
            let next = until.into_iter().chain(callbacks_until).min();
            if until.is_some_and(|until| now >= until) {
                return None;
            }
            let left = next.map_or(CALLBACKS, |next| next.saturating_duration_since(now));
            state = Locked::wait(state, &self.ended, Some(left));
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
                let session = SessionHandle::new(id, Endpoint::default(), Arc::default(), Arc::default());
                registry.enter(Arc::new(session), in_callback);
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
    fn the_end_of_many_sessions_is_noticed_once_and_of_a_few_is_not() {
        let registry = Registry::default();
        let enter = |count: u64| {
            let session = |id| Arc::new(SessionHandle::new(id, Endpoint::default(), Arc::default(), Arc::default()));
            (1..=count).for_each(|id| registry.enter(session(id), Flag::default()));
        };
        let leave = |ids: std::ops::RangeInclusive<u64>| {
            ids.for_each(|id| registry.leave(id, Cause::PeerClosed, SessionReport::default()));
        };
        enter(CROWD as u64 - 1);
        leave(1..=CROWD as u64 - 1);
        assert!(!registry.take_thinned());
        let crowd = CROWD as u64 + 100;
        enter(crowd);
        leave(1..=crowd / 2);
        assert!(!registry.take_thinned(), "half of them are open");
        leave(crowd / 2 + 1..=crowd);
        assert!(registry.take_thinned());
        enter(10);
        leave(1..=10);
        assert!(!registry.take_thinned());
    }
}
