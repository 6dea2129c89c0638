//! Counts the memory that the library holds for peers, by its purpose, for each session
//! and for all sessions of the process.
//!
//! A [`Meter`] counts for one session. Each holder of memory has a [`Usage`], which knows
//! how much of each [`Part`] it holds, and subtracts that when it is dropped. Nothing
//! stays counted, whichever way a request or a session ends. The count of the process is
//! shared by all threads and updated by [`Meter::publish`], once for each poll of a
//! session's task. Memory without a session has a [`CommonUsage`].

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicUsize, Ordering::AcqRel, Ordering::Relaxed, Ordering::Release, Ordering::SeqCst,
};

use crate::table::{MAX_FORKS, fork};

/// The purpose of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The fixed cost of each connection.
    Sessions,
    /// The fixed cost of each open request.
    Streams,
    /// Header and trailer sections of requests and responses, and incomplete header
    /// blocks.
    Fields,
    /// Header compression tables.
    Compression,
    /// Content of requests that the host has not consumed.
    Bodies,
    /// Content of responses that was not written to the output.
    Responses,
    /// Bytes that were read and not processed.
    Input,
    /// Output that the kernel has not accepted.
    Output,
    /// The state and the buffers of TLS.
    Tls,
    /// Batches of event queues, which belong to no session.
    Records,
}

/// When less than half of the memory is held, and this much less, the rest is returned
/// to the system.
const FALL: usize = 4 << 20;

/// The number of parts.
const PARTS: usize = Part::Records as usize + 1;

impl Part {
    const ALL: [Part; PARTS] = [
        Part::Sessions,
        Part::Streams,
        Part::Fields,
        Part::Compression,
        Part::Bodies,
        Part::Responses,
        Part::Input,
        Part::Output,
        Part::Tls,
        Part::Records,
    ];
}

type Counts = [AtomicUsize; PARTS];

const fn nothing() -> Counts {
    [const { AtomicUsize::new(0) }; PARTS]
}

/// The counts of the process, one for each fork: a child holds nothing for the peers of
/// its parent.
static TOTALS: [Total; MAX_FORKS] = [const { Total::new() }; MAX_FORKS];

struct Total {
    all: AtomicUsize,
    /// The number of meters.
    sessions: AtomicUsize,
    parts: Counts,
}

/// The memory that is held for one session.
pub struct Meter {
    held: Counts,
    /// The counts as they were last added to the count of the process.
    published: Counts,
    /// Whether a count has changed since they were last added.
    has_changed: AtomicBool,
    total: &'static Total,
}

/// The memory of one holder, held for its session.
pub struct Usage {
    meter: Arc<Meter>,
    bytes: [usize; PARTS],
    is_counted: bool,
}

/// Memory that is held for no session.
pub struct CommonUsage {
    total: &'static Total,
    part: Part,
    bytes: usize,
}

/// How much memory is held for all peers of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot([usize; PARTS]);

impl Default for Meter {
    fn default() -> Self {
        Self::counted_in(of_process())
    }
}

impl Meter {
    fn counted_in(total: &'static Total) -> Self {
        total.sessions.fetch_add(1, Relaxed);
        Self { held: nothing(), published: nothing(), has_changed: AtomicBool::new(false), total }
    }

    /// How much memory is held for the session.
    pub fn held(&self) -> usize {
        self.held.iter().map(|held| held.load(Relaxed)).sum()
    }

    /// How much of it is held for this purpose.
    pub fn held_as(&self, part: Part) -> usize {
        self.held[part as usize].load(Relaxed)
    }

    /// How much is held in addition to the fixed cost of a connection.
    #[cfg(test)]
    pub fn in_use(&self) -> usize {
        self.held() - self.held_as(Part::Sessions)
    }

    /// How much of it is in the count of the process.
    #[cfg(test)]
    pub fn published_in_use(&self) -> usize {
        self.published[Part::Sessions as usize + 1..].iter().map(|published| published.load(Relaxed)).sum()
    }

    /// Counts a fixed amount, which [`Self::remove`] removes.
    pub fn add(&self, part: Part, bytes: usize) {
        self.change(part, 0, bytes);
    }

    pub fn remove(&self, part: Part, bytes: usize) {
        self.change(part, bytes, 0);
    }

    fn change(&self, part: Part, before: usize, now: usize) {
        change(&self.held[part as usize], before, now);
        self.has_changed.store(true, Release);
    }

    /// Updates the count of the process.
    pub fn publish(&self) {
        if !self.has_changed.load(Relaxed) || !self.has_changed.swap(false, AcqRel) {
            return;
        }
        for (part, (held, published)) in self.held.iter().zip(&self.published).enumerate() {
            let mut now = held.load(Relaxed);
            while now != published.load(Relaxed) {
                let before = published.swap(now, SeqCst);
                self.total.change(part, before, now);
                // Another thread may have published an older value in the meantime.
                now = held.load(SeqCst);
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        for (part, published) in self.published.iter().enumerate() {
            self.total.change(part, published.load(Relaxed), 0);
        }
        self.total.sessions.fetch_sub(1, Relaxed);
    }
}

impl Usage {
    /// A usage of nothing.
    pub fn new(meter: &Arc<Meter>) -> Self {
        Self { meter: meter.clone(), bytes: [0; PARTS], is_counted: false }
    }

    /// Sets how many bytes of this part the holder holds.
    pub fn set(&mut self, part: Part, bytes: usize) {
        let known = &mut self.bytes[part as usize];
        if bytes != *known {
            self.meter.change(part, *known, bytes);
            *known = bytes;
            self.is_counted = true;
        }
    }

    /// The holder holds nothing any more.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_counted) {
            Part::ALL.into_iter().for_each(|part| self.set(part, 0));
            self.is_counted = false;
        }
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        self.clear();
    }
}

impl CommonUsage {
    /// A usage of nothing.
    pub fn new(part: Part) -> Self {
        Self { total: of_process(), part, bytes: 0 }
    }

    /// Sets how many bytes are held.
    pub fn set(&mut self, bytes: usize) {
        self.total.change(self.part as usize, self.bytes, bytes);
        self.bytes = bytes;
    }
}

impl Drop for CommonUsage {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Snapshot {
    /// The published counts.
    pub fn take() -> Self {
        let total = of_process();
        Self(Part::ALL.map(|part| total.parts[part as usize].load(Relaxed)))
    }

    pub fn of(&self, part: Part) -> usize {
        self.0[part as usize]
    }

    pub fn sum(&self) -> usize {
        self.0.iter().sum()
    }
}

impl Total {
    const fn new() -> Self {
        Self { all: AtomicUsize::new(0), sessions: AtomicUsize::new(0), parts: nothing() }
    }

    fn change(&self, part: usize, before: usize, now: usize) {
        if before != now {
            change(&self.parts[part], before, now);
            change(&self.all, before, now);
        }
    }
}

/// The published bytes that are held for all peers of this process.
pub fn held() -> usize {
    of_process().all.load(Relaxed)
}

/// The number of sessions of this process, with those of which the host still holds
/// a request.
pub fn sessions() -> usize {
    of_process().sessions.load(Relaxed)
}

/// Whether so much less is held than before that unused memory is worth returning to
/// the system.
pub fn has_fallen(peak: usize, held: usize) -> bool {
    held <= peak / 2 && peak - held >= FALL
}

fn of_process() -> &'static Total {
    // After the last possible fork there are no sessions.
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

    fn counted() -> (&'static Total, Arc<Meter>) {
        let total = Box::leak(Box::new(Total::new()));
        (total, Arc::new(Meter::counted_in(total)))
    }

    #[test]
    fn what_is_dropped_is_not_held() {
        let (total, meter) = counted();
        let (mut one, mut other) = (Usage::new(&meter), Usage::new(&meter));
        one.set(Part::Bodies, 100);
        one.set(Part::Input, 7);
        other.set(Part::Bodies, 20);
        one.set(Part::Bodies, 30);
        assert_eq!((meter.held(), meter.held_as(Part::Bodies)), (57, 50));
        assert_eq!(total.all.load(Relaxed), 0, "the process learns it later");
        meter.publish();
        assert_eq!(total.all.load(Relaxed), 57);
        assert_eq!(total.parts[Part::Bodies as usize].load(Relaxed), 50);
        drop(one);
        meter.publish();
        assert_eq!((meter.held(), total.all.load(Relaxed)), (20, 20));
        // The session's task has ended, and the host releases a request after it.
        drop(other);
        drop(meter);
        assert_eq!(total.all.load(Relaxed), 0);
    }

    #[test]
    fn threads_of_the_host_count_too() {
        let (total, meter) = counted();
        let change = || {
            let mut usage = Usage::new(&meter);
            (0..1000).for_each(|bytes| usage.set(Part::Output, bytes * 7 % 100));
        };
        thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(change)));
            let publish = || (0..1000).for_each(|_| meter.publish());
            (0..2).for_each(|_| drop(scope.spawn(publish)));
        });
        meter.publish();
        assert_eq!((meter.held(), total.all.load(Relaxed)), (0, 0));
    }

    #[test]
    fn sessions_of_the_process_are_counted_together() {
        // Other tests have sessions at the same time.
        let meter = Arc::new(Meter::default());
        let mut usage = Usage::new(&meter);
        usage.set(Part::Tls, 1 << 40);
        meter.publish();
        let taken = Snapshot::take();
        assert!(taken.of(Part::Tls) >= 1 << 40 && taken.sum() >= 1 << 40);
        drop((usage, meter));
        assert!(Snapshot::take().sum() < 1 << 40);
    }

    #[test]
    fn what_no_session_holds_is_counted_at_once() {
        let mut usage = CommonUsage::new(Part::Records);
        usage.set(1 << 41);
        assert!(Snapshot::take().of(Part::Records) >= 1 << 41);
        usage.set(1);
        assert!(Snapshot::take().of(Part::Records) < 1 << 41);
    }

    #[test]
    fn each_part_stands_at_its_number() {
        assert!(Part::ALL.iter().enumerate().all(|(number, part)| *part as usize == number));
    }

    #[test]
    fn memory_has_fallen_when_much_of_it_is_free() {
        assert!(has_fallen(FALL, 0) && has_fallen(3 * FALL, FALL));
        assert!(!has_fallen(FALL - 1, 0) && !has_fallen(3 * FALL, 2 * FALL) && !has_fallen(0, FALL));
    }
}
