//! Log lines that peers can cause: a limited number per period is written, the rest
//! is counted.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::table::lock;

/// Lines of one kind that are written in a period.
const MOST: u32 = 10;
const PERIOD: Duration = Duration::from_secs(10);

/// Lines of one kind.
#[derive(Debug)]
pub struct Throttle {
    /// What the lines are about.
    what: &'static str,
    /// Whether the lines are warnings.
    is_warning: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    told: u32,
    left_out: u64,
}

impl Throttle {
    pub fn new(what: &'static str, is_warning: bool) -> Self {
        Self { what, is_warning, state: Mutex::default() }
    }

    /// Writes a line or counts it. First writes how many lines were left out.
    pub fn tell(&self, line: impl FnOnce()) {
        if self.admits(Instant::now()) {
            self.flush();
            line();
        }
    }

    fn admits(&self, now: Instant) -> bool {
        let mut state = lock(&self.state);
        if state.since.is_none_or(|since| now.saturating_duration_since(since) >= PERIOD) {
            (state.since, state.told) = (Some(now), 0);
        }
        let admits = state.told < MOST;
        match admits {
            true => state.told += 1,
            false => state.left_out += 1,
        }
        admits
    }

    /// Writes how many lines were left out since the last written one.
    pub fn flush(&self) {
        let left_out = std::mem::take(&mut lock(&self.state).left_out);
        match self.is_warning {
            _ if left_out == 0 => {}
            true => tracing::warn!("{left_out} more {} were left out of the log", self.what),
            false => tracing::info!("{left_out} more {} were left out of the log", self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_period_and_the_rest_is_counted() {
        let throttle = Throttle::new("refusals", true);
        let began = Instant::now();
        let admitted = (0..25).filter(|at| throttle.admits(began + PERIOD / 26 * *at)).count();
        assert_eq!((admitted, lock(&throttle.state).left_out), (10, 15));
        assert!(throttle.admits(began + PERIOD));
        throttle.flush();
        assert_eq!(lock(&throttle.state).left_out, 0);
    }
}
