//! The reaction to a reached memory limit: all sessions except small ones wait, and if
//! that is not enough, the largest are closed. The state machine has neither a clock nor
//! a lock: it is shown how much memory which sessions hold, and returns what has to be
//! done.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A session that holds at most this much continues at the limit.
const SMALL: usize = 128 << 10;
/// How long the others wait before the largest are closed.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the memory of a session that is being closed counts as free soon.
const GOING: Duration = Duration::from_secs(1);

/// A shortage of memory, from the limit until an eighth of it is free.
pub struct Relief {
    began: Instant,
    /// The sessions that are being closed, with the time at which that began.
    closing: HashMap<u64, Instant>,
}

/// Whether more than three quarters of the limit are held: the windows of peers are then
/// smaller.
pub fn is_short(held: usize, limit: usize) -> bool {
    held > limit - limit / 4
}

/// Whether a session that holds this much waits at the limit.
pub fn must_wait(size: usize) -> bool {
    size > SMALL
}

/// Whether the shortage has ended.
pub fn is_enough(held: usize, limit: usize) -> bool {
    held < enough(limit)
}

fn enough(limit: usize) -> usize {
    limit - limit / 8
}

impl Relief {
    pub fn new(now: Instant) -> Self {
        Self { began: now, closing: HashMap::new() }
    }

    /// The sessions to close. `sizes` has the sessions of the server and how much each
    /// holds; `count` is the number of sessions of the process. A session that is smaller
    /// than half of the average is never closed.
    pub fn step(
        &mut self,
        now: Instant,
        (held, limit): (usize, usize),
        count: usize,
        sizes: impl FnOnce() -> Vec<(u64, usize)>,
    ) -> Vec<u64> {
        // Memory that keeps growing belongs to many sessions. Waiting does not help.
        let is_late = now >= self.began + PATIENCE || held >= limit + limit / 16;
        if !is_late || is_enough(held, limit) {
            return Vec::new();
        }
        let least = held / count.max(1) / 2;
        let mut sizes = sizes();
        self.closing.retain(|id, since| now < *since + GOING && sizes.iter().any(|(other, _)| other == id));
        let going: usize = sizes.iter().filter(|(id, _)| self.closing.contains_key(id)).map(|(_, size)| size).sum();
        sizes.retain(|(id, size)| *size >= least && !self.closing.contains_key(id));
        sizes.sort_unstable_by_key(|(id, size)| (Reverse(*size), *id));
        let mut excess = held.saturating_sub(going).saturating_sub(enough(limit));
        let mut chosen = Vec::new();
        for (id, size) in sizes {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(size);
            self.closing.insert(id, now);
            chosen.push(id);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1600;

    /// The sessions that are closed after `millis`.
    fn step(relief: &mut Relief, millis: u64, sizes: &[(u64, usize)]) -> Vec<u64> {
        let held = sizes.iter().map(|(_, size)| size).sum();
        let now = relief.began + Duration::from_millis(millis);
        relief.step(now, (held, LIMIT), sizes.len(), || sizes.to_vec())
    }

    #[test]
    fn the_largest_are_closed_after_a_while_and_no_more_than_needed() {
        let mut relief = Relief::new(Instant::now());
        let mut sizes = vec![(1, 120), (2, 800), (3, 160), (4, 520)];
        assert!(step(&mut relief, 0, &sizes).is_empty());
        assert!(step(&mut relief, 499, &sizes).is_empty());
        assert_eq!(step(&mut relief, 500, &sizes), [2]);
        assert!(step(&mut relief, 505, &sizes).is_empty(), "it is on its way out");
        assert_eq!(step(&mut relief, 1500, &sizes), [2], "it does not end");
        sizes.push((5, 400));
        assert_eq!(step(&mut relief, 1505, &sizes), []);
        sizes.push((6, 500));
        assert_eq!(step(&mut relief, 1510, &sizes), [4], "more came");
        sizes.remove(1);
        assert!(step(&mut relief, 1515, &sizes).is_empty());
    }

    #[test]
    fn what_is_free_in_time_closes_nobody() {
        let mut relief = Relief::new(Instant::now());
        assert!(step(&mut relief, 0, &[(1, 1000), (2, 600)]).is_empty());
        assert!(step(&mut relief, 500, &[(1, 799), (2, 600)]).is_empty());
        assert!(is_enough(1399, LIMIT) && !is_enough(1400, LIMIT));
    }

    #[test]
    fn far_beyond_the_limit_nothing_is_waited_for() {
        let mut relief = Relief::new(Instant::now());
        assert!(step(&mut relief, 0, &[(1, 1000), (2, 600), (3, 99)]).is_empty());
        assert_eq!(step(&mut relief, 0, &[(1, 1000), (2, 600), (3, 100)]), [1]);
    }

    #[test]
    fn small_sessions_are_left_alone() {
        let mut relief = Relief::new(Instant::now());
        // The sessions of another server hold the most.
        let now = relief.began + PATIENCE;
        assert!(relief.step(now, (1800, LIMIT), 10, || vec![(1, 89), (2, 10)]).is_empty());
        assert_eq!(relief.step(now, (1800, LIMIT), 10, || vec![(1, 90), (2, 10)]), [1]);
        assert!(must_wait(SMALL + 1) && !must_wait(SMALL));
    }

    #[test]
    fn three_quarters_are_a_shortage() {
        assert!(!is_short(1200, LIMIT) && is_short(1201, LIMIT));
    }
}
