//! Health checks: requests that the library responds to itself, and the detection of a
//! host that makes no progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http::Method;

use crate::check::Check;
use crate::error::{Error, Result};
use crate::route::{Routes, Target};

/// The shortest and the longest interval between two samples.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The health of a server, shared by its threads and the host.
#[derive(Clone, Default)]
pub struct Health(Arc<State>);

#[derive(Default)]
struct State {
    /// Whether the host has set the server to not ready.
    is_held_back: AtomicBool,
    /// Whether the host makes no progress.
    is_stalled: AtomicBool,
}

impl Health {
    pub fn set_held_back(&self, is_held_back: bool) {
        self.0.is_held_back.store(is_held_back, Relaxed);
    }

    pub fn is_held_back(&self) -> bool {
        self.0.is_held_back.load(Relaxed)
    }

    /// Sets whether the host is stalled. Returns whether that has changed.
    pub fn set_stalled(&self, is_stalled: bool) -> bool {
        self.0.is_stalled.swap(is_stalled, Relaxed) != is_stalled
    }

    pub fn is_stalled(&self) -> bool {
        self.0.is_stalled.load(Relaxed)
    }
}

/// Registers the paths of health checks. Nothing changes if one of them cannot be
/// registered.
pub fn register(routes: &mut Routes, ready: Option<&str>, live: Option<&str>) -> Result<()> {
    let wanted = [(ready, Check::Ready), (live, Check::Live)];
    let wanted: Vec<_> = wanted.into_iter().filter_map(|(path, check)| Some((path?, check))).collect();
    for (path, _) in &wanted {
        let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_path || path.contains(['{', '}', '?', '#']) {
            let rule = "begin with \"/\" and contain neither white space nor any of { } ? #";
            return Err(Error::invalid(format_args!("{path:?} is no path of a health check: it must {rule}")));
        }
        if routes.has(&Method::GET, path) {
            return Err(Error::invalid(format_args!("\"GET {path}\" has a handler already")));
        }
    }
    if ready.is_some() && ready == live {
        return Err(Error::invalid("the paths for readiness and for liveness are the same"));
    }
    wanted.into_iter().try_for_each(|(path, check)| routes.register(&format!("GET {path}"), Target::Check(check)))
}

/// Detects a host that makes no progress, by samples of all places where the library may
/// wait for it. A sample is a number that changes with each step of progress, or `None`
/// if nothing waits for the host.
pub struct StallWatch {
    stall: Duration,
    seen: Vec<Option<(u64, Instant)>>,
}

impl StallWatch {
    /// The host is stalled when a sample has not changed for `stall`.
    pub fn new(stall: Duration) -> Self {
        Self { stall, seen: Vec::new() }
    }

    /// How long to wait before the next samples.
    pub fn interval(&self) -> Duration {
        (self.stall / 4).clamp(LOOKS.0, LOOKS.1)
    }

    /// Takes the samples of all places, always in the same order. Returns whether the
    /// host is stalled.
    pub fn look(&mut self, now: Instant, places: impl Iterator<Item = Option<u64>>) -> bool {
        let mut is_stalled = false;
        for (index, busy) in places.enumerate() {
            if self.seen.len() <= index {
                self.seen.push(None);
            }
            let seen = &mut self.seen[index];
            *seen = match (busy, *seen) {
                (None, _) => None,
                (Some(step), Some((before, since))) if step == before => Some((step, since)),
                (Some(step), _) => Some((step, now)),
            };
            is_stalled |= seen.is_some_and(|(_, since)| now.duration_since(since) >= self.stall);
        }
        is_stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_place_that_does_not_change_is_a_stall_and_ends_with_its_next_step() {
        let (mut watch, start) = (StallWatch::new(100 * MS), Instant::now());
        let mut look = |at: u32, places: [Option<u64>; 2]| watch.look(start + at * MS, places.into_iter());
        assert!(!look(0, [None, Some(1)]));
        assert!(!look(99, [Some(1), Some(1)]));
        assert!(look(100, [Some(1), Some(1)]));
        assert!(!look(150, [Some(1), Some(3)]), "the second has made a step, the first began later");
        assert!(look(199, [Some(1), Some(5)]));
        assert!(!look(200, [None, Some(7)]));
        assert!(!look(1000, [Some(1), None]), "nothing has waited meanwhile");
    }

    #[test]
    fn it_looks_often_enough() {
        let interval = |ms: u32| StallWatch::new(ms * MS).interval();
        assert_eq!((interval(1), interval(400), interval(60_000)), (10 * MS, 100 * MS, 1000 * MS));
    }

    #[test]
    fn paths_are_checked_and_all_or_none_is_registered() {
        let mut routes = Routes::default();
        routes.register("GET /taken", Target::Check(Check::Ready)).unwrap();
        for bad in ["", "ready", "/a b", "/{id}", "/a?b", "/a#b", "/\u{e4}", "/a\n", "/taken"] {
            assert!(register(&mut routes, Some("/ready"), Some(bad)).is_err(), "{bad:?}");
            assert!(!routes.has(&Method::GET, "/ready"), "{bad:?}");
        }
        assert!(register(&mut routes, Some("/same"), Some("/same")).is_err());
        register(&mut routes, Some("/ready"), None).unwrap();
        register(&mut routes, None, Some("/live")).unwrap();
        register(&mut routes, None, None).unwrap();
        assert!(register(&mut routes, Some("/ready"), None).is_err());
        assert!(routes.has(&Method::GET, "/live"));
    }
}
