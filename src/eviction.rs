//! Selects the connection that makes room for a new one when the limit is reached: first
//! the oldest one that has sent nothing, then the session that has been idle longest.
//!
//! The lists here are approximate: an entry is checked when it is selected. A session
//! that becomes active therefore has no cost, and an eviction costs about the same for
//! any number of connections.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many idle sessions one search through all sessions finds.
const FOUND: usize = 64;
/// How long to wait after a search without a result.
const PAUSE: Duration = Duration::from_millis(100);
/// How many outdated entries a list may have.
const STALE: usize = 64;

/// Connections in the order in which they were accepted. Outdated entries are removed
/// when they are selected, or when they outnumber the others.
#[derive(Default)]
pub struct Line(VecDeque<u64>);

impl Line {
    /// Adds a connection. `is_waiting` says whether an id still belongs to the list; at
    /// most about `live` ids do.
    pub fn enter(&mut self, id: u64, live: usize, is_waiting: impl Fn(u64) -> bool) {
        if self.0.len() > 2 * live + STALE {
            self.0.retain(|id| is_waiting(*id));
        }
        self.0.push_back(id);
    }

    /// Removes and returns the first id that still belongs to the list.
    pub fn take(&mut self, is_waiting: impl Fn(u64) -> bool) -> Option<u64> {
        while let Some(id) = self.0.pop_front() {
            if is_waiting(id) {
                return Some(id);
            }
        }
        None
    }
}

/// The sessions that have been idle longest.
#[derive(Default)]
pub struct Idle {
    /// Ids with the time since when they are idle. The one that is idle longest is the
    /// last.
    found: Vec<(Instant, u64)>,
    /// When a search had no result.
    missed: Option<Instant>,
}

impl Idle {
    /// Removes and returns the session that has been idle longest. `since` returns since
    /// when a session is idle, if it is. `all` has the ids of all sessions.
    pub fn take(
        &mut self,
        now: Instant,
        since: impl Fn(u64) -> Option<Instant>,
        all: impl Iterator<Item = u64>,
    ) -> Option<u64> {
        let known = self.next(&since);
        if known.is_some() || self.missed.is_some_and(|missed| now < missed + PAUSE) {
            return known;
        }
        let mut found: Vec<_> = all.filter_map(|id| since(id).map(|since| (since, id))).collect();
        found.sort_unstable();
        found.truncate(FOUND);
        found.reverse();
        self.found = found;
        let next = self.next(&since);
        self.missed = if next.is_none() { Some(now) } else { None };
        next
    }

    /// The next result of the last search that was not active since then.
    fn next(&mut self, since: impl Fn(u64) -> Option<Instant>) -> Option<u64> {
        while let Some((known, id)) = self.found.pop() {
            if since(id) == Some(known) {
                return Some(id);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_line_gives_the_first_that_waits_and_does_not_grow() {
        let mut line = Line::default();
        for id in 0..10_000 {
            line.enter(id, 10, |id| id >= 9_990);
        }
        assert!(line.0.len() <= 2 * 10 + STALE + 1, "{}", line.0.len());
        assert_eq!(line.take(|id| id >= 9_995), Some(9_995));
        assert_eq!(line.take(|id| id == 9_999), Some(9_999));
        assert_eq!(line.take(|_| true), None);
    }

    #[test]
    fn the_session_that_is_idle_longest_is_taken() {
        let now = Instant::now();
        let at = |second: u64| now + Duration::from_secs(second);
        // More than one search finds, in no order.
        let sessions: BTreeMap<u64, Instant> = (0..200).map(|id| (id, at(id * 7 % 200))).collect();
        let sessions = RefCell::new(sessions);
        let mut idle = Idle::default();
        let mut take = |now| {
            let all: Vec<u64> = sessions.borrow().keys().copied().collect();
            let id = idle.take(now, |id| sessions.borrow().get(&id).copied(), all.into_iter())?;
            sessions.borrow_mut().remove(&id)
        };
        for second in 0..100 {
            assert_eq!(take(now), Some(at(second)));
        }
        // The next one becomes active, and another one ends.
        let of = |second| sessions.borrow().iter().find(|(_, since)| **since == at(second)).map(|(id, _)| *id).unwrap();
        let (used, ended) = (of(100), of(101));
        sessions.borrow_mut().insert(used, at(500));
        sessions.borrow_mut().remove(&ended);
        for second in (102..200).chain([500]) {
            assert_eq!(take(now), Some(at(second)));
        }
        assert_eq!(take(now), None);
        sessions.borrow_mut().insert(1000, now);
        assert_eq!(take(now), None, "it has just looked at all of them");
        assert_eq!(take(now + PAUSE), Some(now));
    }
}
