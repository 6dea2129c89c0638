//! The memory that peers make the library hold, counted for each session and for all
//! sessions of the process.
//!
//! A [`Meter`] counts for one session. Each holder of memory has a [`Usage`], which
//! states how much it holds and subtracts it when it is dropped. Nothing stays
//! counted, whichever way a request or a session ends. All threads share the count
//! of the process, which [`Meter::publish`] updates once per turn of a session's task.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

use crate::table::{MAX_FORKS, fork};

/// The count of the process, one for each fork: a child holds nothing for the
/// peers of its parent.
static TOTALS: [AtomicUsize; MAX_FORKS] = [const { AtomicUsize::new(0) }; MAX_FORKS];

/// What is held for one session.
pub struct Meter {
    held: AtomicUsize,
    /// The part that is in the count of the process.
    published: AtomicUsize,
    total: &'static AtomicUsize,
}

/// The part of one holder.
pub struct Usage {
    meter: Arc<Meter>,
    bytes: usize,
}

impl Default for Meter {
    fn default() -> Self {
        Self::counted_in(of_process())
    }
}

impl Meter {
    fn counted_in(total: &'static AtomicUsize) -> Self {
        Self { held: AtomicUsize::new(0), published: AtomicUsize::new(0), total }
    }

    /// The bytes that are held for the session.
    pub fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// The part of them that is in the count of the process.
    #[cfg(test)]
    pub fn published(&self) -> usize {
        self.published.load(Relaxed)
    }

    /// Adds the change to the count of the process.
    pub fn publish(&self) {
        let mut held = self.held();
        while held != self.published.load(Relaxed) {
            let before = self.published.swap(held, SeqCst);
            change(self.total, before, held);
            // Another thread may have entered what was held before this.
            held = self.held.load(SeqCst);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        change(self.total, self.published.load(Relaxed), 0);
    }
}

impl Usage {
    /// A usage of nothing.
    pub fn new(meter: &Arc<Meter>) -> Self {
        Self { meter: meter.clone(), bytes: 0 }
    }

    /// Sets how many bytes the holder holds from now on.
    pub fn set(&mut self, bytes: usize) {
        if bytes != self.bytes {
            change(&self.meter.held, self.bytes, bytes);
            self.bytes = bytes;
        }
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// The published bytes that are held for all peers of this process.
#[allow(dead_code, reason = "the limit that it is for is to come")]
pub fn held() -> usize {
    of_process().load(Relaxed)
}

fn of_process() -> &'static AtomicUsize {
    // Behind the last fork that can serve there are no sessions.
    &TOTALS[fork().min(MAX_FORKS - 1)]
}

fn change(count: &AtomicUsize, before: usize, now: usize) {
    match now >= before {
        true => count.fetch_add(now - before, Relaxed),
        false => count.fetch_sub(before - now, Relaxed),
    };
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn counted() -> (&'static AtomicUsize, Arc<Meter>) {
        let total = Box::leak(Box::default());
        (total, Arc::new(Meter::counted_in(total)))
    }

    #[test]
    fn what_is_dropped_is_not_held() {
        let (total, meter) = counted();
        let (mut one, mut other) = (Usage::new(&meter), Usage::new(&meter));
        one.set(100);
        other.set(20);
        one.set(30);
        assert_eq!((meter.held(), total.load(Relaxed)), (50, 0), "the process learns it later");
        meter.publish();
        assert_eq!(total.load(Relaxed), 50);
        drop(one);
        meter.publish();
        assert_eq!((meter.held(), total.load(Relaxed)), (20, 20));
        // The session's task has ended, and the host lets go of a request after it.
        drop(other);
        drop(meter);
        assert_eq!(total.load(Relaxed), 0);
    }

    #[test]
    fn threads_of_the_host_count_too() {
        let (total, meter) = counted();
        let change = || {
            let mut usage = Usage::new(&meter);
            (0..1000).for_each(|bytes| usage.set(bytes * 7 % 100));
        };
        thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(change)));
            let publish = || (0..1000).for_each(|_| meter.publish());
            (0..2).for_each(|_| drop(scope.spawn(publish)));
        });
        meter.publish();
        assert_eq!((meter.held(), total.load(Relaxed)), (0, 0));
    }

    #[test]
    fn sessions_of_the_process_are_counted_together() {
        // Other tests have sessions of their own meanwhile.
        let meter = Arc::new(Meter::default());
        let mut usage = Usage::new(&meter);
        usage.set(1 << 40);
        meter.publish();
        assert!(held() >= 1 << 40);
        drop((usage, meter));
        assert!(held() < 1 << 40);
    }
}
