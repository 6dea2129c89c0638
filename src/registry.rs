//! Every live session of a server: the single source of truth for what is open.
//!
//! A session is entered when its connection is accepted, before a byte of it is
//! read. It is removed when its [`Registration`](crate::registration::Registration)
//! is dropped, on every path, panics included. "Closing" is a state under the
//! same lock: a session that is entered later reads it, and one that was entered
//! earlier is woken. No session can miss a close.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::callback::Flag;
use crate::close::{Report, SessionReport};
use crate::event::Cause;
use crate::eviction::{Idle, Line};
use crate::session::{Order, SessionHandle, SessionInfo};
use crate::table::{Locked, Tables, lock};

/// Sessions of all servers, by the ids that hosts hold.
pub static SESSIONS: Tables<Arc<SessionHandle>> = Tables::new("the session", 1);

/// How long [`Registry::wait`] waits for the callbacks that report the end.
const CALLBACKS: Duration = Duration::from_secs(1);

/// Silent connections that may leave at a time, beside as many as there are places.
const FEW: usize = 16;

/// Called with the report when the close is complete.
pub type OnClose = Box<dyn FnOnce(&Report) + Send>;

#[derive(Default)]
pub struct Registry {
    state: Mutex<State>,
    /// Signalled when the control thread has to look at the state.
    pub changed: Notify,
    /// TLS handshakes that wait for their turn.
    waiting_handshakes: AtomicUsize,
    /// Signalled when the close is complete and when its callbacks have returned.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    live: HashMap<u64, Entry>,
    /// Connections that are silent, as far as is known.
    silent: Line,
    /// Those whose TLS handshakes have a turn, as far as is known.
    handshaking: Line,
    idle: Idle,
    /// The number of live sessions that make room for others.
    leaving: usize,
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
    /// Whether the session makes room for another one.
    is_leaving: bool,
}

#[derive(Clone, Copy)]
struct Closing {
    /// When the host asked for it.
    asked: Instant,
    /// When it begins: after the shutdown delay.
    begins: Instant,
    /// Whether it has begun, so that sessions drain.
    has_begun: bool,
    deadline: Instant,
}

impl State {
    /// The close, if its shutdown delay has passed.
    fn begun(&self) -> Option<Closing> {
        self.closing.filter(|closing| closing.has_begun)
    }

    /// Wakes every session if a close has begun, or begins now.
    fn begin_if_due(&mut self, now: Instant) {
        if let Some(closing) = self.closing.as_mut().filter(|closing| now >= closing.begins) {
            closing.has_begun = true;
            self.live.values().for_each(|entry| entry.session.check_shutdown());
        }
    }
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
        let State { live, silent, .. } = &mut *state;
        let id = session.id;
        live.insert(id, Entry { session, in_callback, is_leaving: false });
        silent.enter(id, live.len(), |id| is_silent(live, id));
    }

    /// Whether there is a place for one more session, if there are `most` places. If
    /// all are taken, the connection that has been silent longest is closed, or the
    /// session that has been idle longest is drained. Until they have left there may be
    /// more sessions: twice as many while silent ones leave, which takes no time, and a
    /// quarter more while idle ones do.
    pub fn make_room(&self, most: usize) -> bool {
        let mut state = lock(&self.state);
        if state.live.len() - state.leaving < most {
            return true;
        }
        let State { live, silent, idle, leaving, .. } = &mut *state;
        if *leaving >= most + FEW {
            return false;
        }
        let found = silent.take(|id| is_silent(live, id)).or_else(|| {
            if *leaving > most / 4 {
                return None;
            }
            let staying = |id| live.get(&id).filter(|entry| !entry.is_leaving);
            idle.take(Instant::now(), |id| staying(id)?.session.idle_since(), live.keys().copied())
        });
        found.is_some_and(|id| state.evict(id))
    }

    /// The TLS handshake of a connection has its turn, and its hello is not complete.
    pub fn enter_handshake(&self, id: u64) {
        let mut state = lock(&self.state);
        let State { live, handshaking, .. } = &mut *state;
        handshaking.enter(id, live.len(), |id| is_silent(live, id));
        drop(state);
        if self.waiting_handshakes.load(Relaxed) > 0 {
            self.make_room_for_handshake();
        }
    }

    /// All turns of TLS handshakes are taken, and another one waits until what is
    /// returned is dropped. Connections whose hello is not complete make room.
    pub fn wait_for_handshake(&self) -> impl Drop {
        struct Waits<'a>(&'a AtomicUsize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Relaxed);
            }
        }
        self.waiting_handshakes.fetch_add(1, Relaxed);
        let waits = Waits(&self.waiting_handshakes);
        self.make_room_for_handshake();
        waits
    }

    /// Closes the connection that got its turn first of those whose hello is not
    /// complete.
    fn make_room_for_handshake(&self) {
        let mut state = lock(&self.state);
        let State { live, handshaking, .. } = &mut *state;
        if let Some(id) = handshaking.take(|id| is_silent(live, id)) {
            state.evict(id);
        }
    }

    /// The session does not make room after all: it is in use.
    pub fn stay(&self, id: u64) {
        let mut state = lock(&self.state);
        let was_leaving = state.live.get_mut(&id).is_some_and(|entry| std::mem::take(&mut entry.is_leaving));
        state.leaving -= usize::from(was_leaving);
    }

    /// Removes a session and, during a close, counts it.
    pub fn leave(&self, id: u64, cause: Cause, session_report: SessionReport) {
        let mut state = lock(&self.state);
        let entry = state.live.remove(&id);
        let was_live = entry.is_some();
        state.leaving -= usize::from(entry.is_some_and(|entry| entry.is_leaving));
        if was_live && state.begun().is_some() {
            state.counted.add(cause.outcome(), session_report);
            if state.live.is_empty() {
                self.changed.notify_one();
            }
        }
    }

    /// Orders every session, present and future, to begin to drain after `delay`, and to
    /// end `drain` later. A later call can only shorten both times. The control thread
    /// calls `on_close`.
    pub fn close(&self, delay: Duration, drain: Duration, on_close: Option<OnClose>) {
        let mut state = lock(&self.state);
        state.waiters.extend(on_close);
        let asked = Instant::now();
        let begins = asked + delay;
        let deadline = begins + drain;
        let known = state.closing.get_or_insert(Closing { asked, begins, has_begun: false, deadline });
        known.begins = known.begins.min(begins);
        known.deadline = known.deadline.min(deadline);
        state.begin_if_due(asked);
        self.changed.notify_one();
    }

    /// Begins the close whose shutdown delay has passed.
    pub fn begin_if_due(&self) {
        lock(&self.state).begin_if_due(Instant::now());
    }

    /// When the close begins or has begun; `None` if no close was ordered.
    pub fn begins(&self) -> Option<Instant> {
        lock(&self.state).closing.map(|closing| closing.begins)
    }

    /// The deadline of the close; `None` until it has begun.
    pub fn deadline(&self) -> Option<Instant> {
        lock(&self.state).begun().map(|closing| closing.deadline)
    }

    /// Wakes every session, which then looks at the state and at all of its requests.
    pub fn check_shutdown(&self) {
        lock(&self.state).live.values().for_each(|entry| entry.session.check_shutdown());
    }

    /// Each live session with the bytes of memory that are held for it.
    pub fn sizes(&self) -> Vec<(u64, usize)> {
        lock(&self.state).live.iter().map(|(id, entry)| (*id, entry.session.memory.held())).collect()
    }

    /// Memory is not short any more: sessions that wait for it go on.
    pub fn resume(&self) {
        let waiting = |entry: &&Entry| entry.session.is_held();
        lock(&self.state).live.values().filter(waiting).for_each(|entry| entry.session.resume());
    }

    /// The live session of that id.
    pub fn find(&self, id: u64) -> Option<Arc<SessionHandle>> {
        lock(&self.state).live.get(&id).map(|entry| entry.session.clone())
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
        let left = state.begun().map(|closing| closing.deadline.saturating_duration_since(Instant::now()));
        let left_ms = left.unwrap_or_default().as_millis() as u64;
        Progress { sessions: state.live.len() as u64, streams, left_ms }
    }

    /// Closes the remaining sockets hard and counts their sessions as forced. Their
    /// threads have not ended them in time: either a callback of the host blocks the
    /// thread, which also counts as stuck, or the machine has not run it.
    pub fn cut_the_rest(&self) {
        let mut state = lock(&self.state);
        state.leaving = 0;
        for (_, Entry { session, in_callback, .. }) in std::mem::take(&mut state.live) {
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
        report.elapsed_ms = state.closing.map_or(0, |closing| closing.asked.elapsed().as_millis() as u64);
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

impl State {
    /// Orders a session to make room.
    fn evict(&mut self, id: u64) -> bool {
        let Some(entry) = self.live.get_mut(&id) else { return false };
        self.leaving += usize::from(!std::mem::replace(&mut entry.is_leaving, true));
        entry.session.order(Order::MakeRoom);
        true
    }
}

/// Whether nothing was heard of the connection, and it does not leave already.
fn is_silent(live: &HashMap<u64, Entry>, id: u64) -> bool {
    live.get(&id).is_some_and(|entry| !entry.is_leaving && entry.session.is_silent())
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
            registry.close(Duration::ZERO, Duration::ZERO, None);
            crate::callback::run(|| registry.cut_the_rest());
            registry.finish();
            let report = registry.report().unwrap();
            assert_eq!((report.sessions_forced, report.sessions_stuck), (2, 1));
        })
        .join()
        .unwrap();
    }

    /// What was ordered to make room is closed; gives its id.
    fn evicted(registry: &Registry, sessions: &[Arc<SessionHandle>]) -> Vec<u64> {
        let made = sessions.iter().filter(|session| session.messages().is_some_and(|posted| !posted.orders.is_empty()));
        let made: Vec<_> = made.map(|session| session.id).collect();
        made.iter().for_each(|id| registry.leave(*id, Cause::Evicted, SessionReport::default()));
        made
    }

    #[test]
    fn silent_connections_make_room_first_then_idle_sessions() {
        let registry = Registry::default();
        let new = |id| Arc::new(SessionHandle::new(id, Endpoint::default(), Arc::default(), Arc::default()));
        let sessions: Vec<_> = (0..6).map(new).collect();
        for session in &sessions {
            assert!(registry.make_room(6));
            registry.enter(session.clone(), Flag::default());
        }
        let second = Duration::from_secs(1);
        for (id, used) in [(1, 5), (2, 9), (3, 7), (4, 1)] {
            sessions[id].set_heard();
            sessions[id].set_used(sessions[id].opened + used * second);
        }
        sessions[4].counters.open_streams.store(1, Relaxed);
        for expected in [0, 5, 1, 3, 2] {
            assert!(registry.make_room(registry.len()), "for {expected}");
            assert_eq!(evicted(&registry, &sessions), [expected]);
        }
        assert!(!registry.make_room(1), "a session in use stays");
        sessions[4].counters.open_streams.store(0, Relaxed);
        assert!(!registry.make_room(1), "it was looked at a moment ago");
        assert!(evicted(&registry, &sessions).is_empty());
    }

    #[test]
    fn one_that_stays_counts_again_and_no_more_leave_than_may() {
        let registry = Registry::default();
        let new = |id| Arc::new(SessionHandle::new(id, Endpoint::default(), Arc::default(), Arc::default()));
        for id in 0..8 {
            let session = new(id);
            session.set_heard();
            registry.enter(session, Flag::default());
        }
        assert!(registry.make_room(8));
        assert!(registry.make_room(8), "seven of eight places are taken");
        registry.enter(new(8), Flag::default());
        assert!(registry.make_room(8));
        assert_eq!(lock(&registry.state).leaving, 2);
        registry.stay(0);
        registry.stay(0);
        let state = lock(&registry.state);
        assert_eq!(state.leaving, state.live.values().filter(|entry| entry.is_leaving).count());
    }

    #[test]
    fn a_handshake_that_waits_gets_the_place_of_a_hello_that_is_not_complete() {
        let registry = Registry::default();
        let new = |id| Arc::new(SessionHandle::new(id, Endpoint::default(), Arc::default(), Arc::default()));
        let sessions: Vec<_> = (0..4).map(new).collect();
        for session in &sessions {
            registry.enter(session.clone(), Flag::default());
        }
        registry.enter_handshake(0);
        registry.enter_handshake(1);
        assert!(evicted(&registry, &sessions).is_empty(), "none waits");
        sessions[0].set_heard();
        let waits = registry.wait_for_handshake();
        assert_eq!(evicted(&registry, &sessions), [1]);
        let other = registry.wait_for_handshake();
        assert!(evicted(&registry, &sessions).is_empty(), "there is none");
        drop(waits);
        registry.enter_handshake(2);
        assert_eq!(evicted(&registry, &sessions), [2], "since another one waits");
        drop(other);
        registry.enter_handshake(3);
        assert!(evicted(&registry, &sessions).is_empty());
    }

    #[test]
    fn a_close_begins_after_its_delay_and_a_later_call_only_shortens() {
        let (registry, second) = (Registry::default(), Duration::from_secs(1));
        let drain = 5 * second;
        registry.close(60 * second, drain, None);
        let first = registry.begins().unwrap();
        registry.begin_if_due();
        assert_eq!((registry.deadline(), registry.progress().left_ms), (None, 0), "the delay has not passed");
        registry.close(90 * second, Duration::ZERO, None);
        assert_eq!(registry.begins(), Some(first), "a longer delay changes nothing");
        registry.close(30 * second, 90 * second, None);
        let shortened = registry.begins().unwrap();
        assert!(shortened < first && registry.deadline().is_none());
        registry.close(Duration::ZERO, 2 * second, None);
        let begins = registry.begins().unwrap();
        assert_eq!(registry.deadline(), Some(begins + 2 * second), "without a delay it begins at once");
        registry.close(60 * second, 60 * second, None);
        assert_eq!(registry.deadline(), Some(begins + 2 * second));
    }
}
