//! The drain of a session as a state machine, and the report of a close.
//!
//! [`Drain`] takes a session from running to closed. It holds no socket and no
//! clock: its caller passes the time, and [`Drain::act`] returns the next step.
//! A close of the server is the same order for every session. The registry
//! keeps it as a state that each session reads, and counts the outcomes in a
//! [`Report`].

use std::ffi::CStr;
use std::time::{Duration, Instant};

use crate::event::Outcome;

/// How long the final GOAWAY waits for the PING to be acknowledged.
pub const LAST_CALL_CAP: Duration = Duration::from_secs(1);
/// How long a newly accepted connection may take to become a session during a
/// close. What it sent with its first packet may not have arrived yet.
pub const NEWCOMER: Duration = Duration::from_millis(50);
/// How long the peer may take to close its side after the server has closed its own.
pub const LINGER: Duration = Duration::from_secs(1);
/// When a socket is closed hard, counted from the deadline. The rest of the
/// promised second is left for counting and for callbacks.
pub const CUT: Duration = Duration::from_millis(800);

/// How far the shutdown of a session, or of the server, has come.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The connection is accepted. The HTTP session has not begun.
    Handshake = 0,
    /// Requests are served.
    Open = 1,
    /// The first GOAWAY has been sent. New streams are still served.
    Draining = 2,
    /// The final GOAWAY has been sent. Only streams up to its last stream id are served.
    LastCall = 3,
    /// The deadline has passed. Open streams are reset.
    Forcing = 4,
    /// The session has ended. The socket waits for the peer to close its side.
    Closing = 5,
}

impl Stage {
    /// The names for logs and reports, by number.
    pub const NAMES: [&CStr; 6] = [c"handshake", c"open", c"draining", c"last_call", c"forcing", c"closing"];

    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Stage::Handshake,
            1 => Stage::Open,
            2 => Stage::Draining,
            3 => Stage::LastCall,
            4 => Stage::Forcing,
            _ => Stage::Closing,
        }
    }
}

/// The next step of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Send the first GOAWAY and a PING.
    Announce,
    /// Send the final GOAWAY although the PING was not acknowledged.
    LastCall,
    /// Reset every open stream.
    Force,
    /// Close the socket hard.
    Cut,
}

/// The drain of one session (RFC 9113, section 6.8).
#[derive(Debug, Default)]
pub struct Drain {
    deadline: Option<Instant>,
    last_call_at: Option<Instant>,
    announced: bool,
    last_call: bool,
    forced: bool,
}

impl Drain {
    /// Orders the session to end by `deadline`. A later call can only shorten the time.
    pub fn order(&mut self, deadline: Instant) {
        self.deadline = Some(self.deadline.map_or(deadline, |known| known.min(deadline)));
    }

    pub fn is_ordered(&self) -> bool {
        self.deadline.is_some()
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the first GOAWAY has been written.
    pub fn is_announced(&self) -> bool {
        self.announced
    }

    pub fn stage(&self) -> Stage {
        match self {
            Drain { forced: true, .. } => Stage::Forcing,
            Drain { last_call: true, .. } => Stage::LastCall,
            Drain { announced: true, .. } => Stage::Draining,
            _ => Stage::Open,
        }
    }

    /// Records that the final GOAWAY has been sent, for whatever reason.
    pub fn last_call_is_out(&mut self) {
        self.last_call = true;
    }

    /// Returns the step that is due at `now`. Call it until it returns `None`.
    pub fn act(&mut self, now: Instant) -> Option<Act> {
        let deadline = self.deadline?;
        if !self.announced {
            self.announced = true;
            self.last_call_at = Some(now + LAST_CALL_CAP);
            return Some(Act::Announce);
        }
        if now >= deadline + CUT {
            return Some(Act::Cut);
        }
        if now >= deadline && !self.forced {
            self.forced = true;
            return Some(Act::Force);
        }
        if !self.last_call && !self.forced && self.last_call_at.is_some_and(|at| now >= at) {
            self.last_call_at = None;
            return Some(Act::LastCall);
        }
        None
    }

    /// When to call [`Self::act`] again if nothing else happens.
    pub fn next(&self) -> Option<Instant> {
        let deadline = self.deadline?;
        let forced = if self.forced { deadline + CUT } else { deadline };
        let last_call = self.last_call_at.filter(|_| !self.last_call && !self.forced);
        Some(last_call.map_or(forced, |at| at.min(forced)))
    }

    /// Until when an ended session waits for the peer to close its side.
    pub fn linger_until(&self, now: Instant) -> Instant {
        let full = now + LINGER;
        self.deadline.map_or(full, |deadline| full.min(deadline + CUT))
    }
}

/// What became of the sessions and streams that were open when the close began
/// or were opened during it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub sessions_graceful: u64,
    pub sessions_by_peer: u64,
    pub sessions_in_handshake: u64,
    pub sessions_forced: u64,
    /// The forced sessions whose thread was inside a callback of the host.
    pub sessions_stuck: u64,
    pub streams_completed: u64,
    pub streams_reset: u64,
    pub streams_refused: u64,
    pub bytes_unsent: u64,
    pub elapsed_ms: u64,
}

/// What one session adds to the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionReport {
    pub streams_completed: u64,
    pub streams_reset: u64,
    pub streams_refused: u64,
    pub bytes_unsent: u64,
}

impl Report {
    /// The numbers, in the order of declaration.
    pub fn numbers(&self) -> [u64; 10] {
        [
            self.sessions_graceful,
            self.sessions_by_peer,
            self.sessions_in_handshake,
            self.sessions_forced,
            self.sessions_stuck,
            self.streams_completed,
            self.streams_reset,
            self.streams_refused,
            self.bytes_unsent,
            self.elapsed_ms,
        ]
    }

    pub fn add(&mut self, outcome: Outcome, session_report: SessionReport) {
        *match outcome {
            Outcome::Graceful => &mut self.sessions_graceful,
            Outcome::ByPeer => &mut self.sessions_by_peer,
            Outcome::Handshake => &mut self.sessions_in_handshake,
            Outcome::Forced => &mut self.sessions_forced,
        } += 1;
        self.streams_completed += session_report.streams_completed;
        self.streams_reset += session_report.streams_reset;
        self.streams_refused += session_report.streams_refused;
        self.bytes_unsent += session_report.bytes_unsent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn ordered(drain_ms: u32) -> (Drain, Instant) {
        let (mut drain, start) = (Drain::default(), Instant::now());
        drain.order(start + drain_ms * MS);
        (drain, start)
    }

    /// Every act in order with its time, when nothing but time passes.
    fn acts(mut drain: Drain, start: Instant) -> Vec<(u128, Act)> {
        let (mut now, mut acts) = (start, Vec::new());
        loop {
            while let Some(act) = drain.act(now) {
                acts.push(((now - start).as_millis(), act));
                if act == Act::Cut {
                    return acts;
                }
            }
            now = drain.next().expect("an ordered drain always has a next time");
        }
    }

    #[test]
    fn without_an_order_nothing_happens() {
        let mut drain = Drain::default();
        assert_eq!((drain.act(Instant::now()), drain.next()), (None, None));
        assert_eq!(drain.stage(), Stage::Open);
    }

    #[test]
    fn a_silent_peer_sees_every_step_and_the_end_comes_within_a_second() {
        let (drain, start) = ordered(5000);
        let expected = [(0, Act::Announce), (1000, Act::LastCall), (5000, Act::Force), (5800, Act::Cut)];
        assert_eq!(acts(drain, start), expected);
    }

    #[test]
    fn a_short_deadline_forces_before_the_cap() {
        let (drain, start) = ordered(300);
        assert_eq!(acts(drain, start), [(0, Act::Announce), (300, Act::Force), (1100, Act::Cut)]);
    }

    #[test]
    fn zero_forces_at_once() {
        let (drain, start) = ordered(0);
        assert_eq!(acts(drain, start), [(0, Act::Announce), (0, Act::Force), (800, Act::Cut)]);
    }

    #[test]
    fn an_answered_ping_leaves_only_the_deadline() {
        let (mut drain, start) = ordered(5000);
        assert_eq!(drain.act(start), Some(Act::Announce));
        drain.last_call_is_out();
        assert_eq!(drain.stage(), Stage::LastCall);
        assert_eq!(drain.act(start + 2000 * MS), None);
        assert_eq!(drain.next(), Some(start + 5000 * MS));
    }

    #[test]
    fn orders_only_shorten() {
        let (mut drain, start) = ordered(5000);
        drain.order(start + 9000 * MS);
        assert_eq!(drain.deadline(), Some(start + 5000 * MS));
        drain.order(start + 100 * MS);
        assert_eq!(acts(drain, start), [(0, Act::Announce), (100, Act::Force), (900, Act::Cut)]);
    }

    #[test]
    fn lingering_never_outlasts_the_promise() {
        let (drain, start) = ordered(500);
        assert_eq!(drain.linger_until(start), start + 1000 * MS);
        assert_eq!(drain.linger_until(start + 500 * MS), start + 1300 * MS);
        assert_eq!(Drain::default().linger_until(start), start + 1000 * MS);
    }
}
