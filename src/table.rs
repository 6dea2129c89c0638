//! Ids: tables that map an id of the host to the live object that it names.
//!
//! An id has the slot number in its low 20 bits and the generation of the slot
//! above them: 53 bits, which a double of JavaScript holds exactly. The generation
//! grows with each use of the slot, and a slot whose generations are used up is
//! retired. No id is ever used twice in a process, and a stale id is an error,
//! never another object.
//!
//! A lookup takes one uncontended lock and no shared counter. Each worker has its
//! own [`SlotAllocator`], so that workers do not contend.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use once_cell::sync::OnceCell;

use crate::callback::Held;
use crate::error::{Error, Result};

const SLOT_BITS: u32 = 20;
const GENERATION_BITS: u32 = 33;
/// The step between generations: the ids of different kinds never coincide.
const KINDS: u64 = 2;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
const LAST_GENERATION: u64 = (1 << GENERATION_BITS) - 1;
const SEGMENT_SLOTS: usize = 1 << 10;
const SEGMENTS: usize = 1 << (SLOT_BITS - 10);
/// How many slots an allocator claims at a time: few, since an idle worker wastes them.
const CLAIM: u32 = 64;
/// How many boxes an allocator keeps for reuse: as many as one session has open at a time
/// by default. Its requests with content, which are responded to later, then find
/// all that they need.
const SPARE: usize = 100;

/// The number of forks since the library was loaded. Each fork has its own tables,
/// since those of the parent may stay locked in the child.
static FORKS: AtomicUsize = AtomicUsize::new(0);
/// The deepest fork that can have a server.
pub const MAX_FORKS: usize = 64;

/// Called in the child right after fork(). It only stores a number, since locks are
/// not safe there.
pub fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The number of this fork. An object of another fork belongs to another process.
pub fn fork() -> usize {
    FORKS.load(Ordering::Relaxed)
}

/// The tables of one kind of object, one for each fork.
pub struct Tables<T> {
    name: &'static str,
    first: u64,
    forks: [OnceCell<Box<Table<T>>>; MAX_FORKS],
}

impl<T> Tables<T> {
    /// `kind`, 0 or 1, keeps the ids of two kinds apart.
    pub const fn new(name: &'static str, kind: u64) -> Self {
        Self { name, first: KINDS + kind, forks: [const { OnceCell::new() }; MAX_FORKS] }
    }

    /// This process's table.
    pub fn here(&self) -> Result<&Table<T>> {
        let fork = fork();
        let Some(cell) = self.forks.get(fork) else { return Err(Error::Forked) };
        Ok(cell.get_or_init(|| Box::new(Table::new(self.name, self.first, self.used_before(fork)))))
    }

    /// The first slot number that no ancestor has used, so that the ids differ.
    fn used_before(&self, fork: usize) -> u32 {
        let ancestors = self.forks[..fork].iter().rev();
        ancestors.filter_map(OnceCell::get).map(|table| table.next.load(Ordering::Relaxed)).next().unwrap_or(0)
    }
}

/// The slots for objects of one kind.
pub struct Table<T> {
    name: &'static str,
    /// The generation of a slot's first use.
    first: u64,
    /// The first slot of this process. Those below belong to its ancestors.
    base: u32,
    /// The first slot that was never claimed.
    next: AtomicU32,
    segments: Box<[OnceCell<Segment<T>>]>,
    /// Free slots that no allocator owns.
    spare: Mutex<Vec<u32>>,
}

type Segment<T> = Box<[Mutex<Slot<T>>]>;

struct Slot<T> {
    generation: u64,
    value: Option<Box<T>>,
}

/// The free slots of one worker.
pub struct SlotAllocator<T: 'static> {
    table: &'static Table<T>,
    free: Vec<u32>,
    /// Boxes of ended objects, for reuse.
    spare: Vec<Box<T>>,
}

/// A live object, locked while the guard exists.
pub struct SlotGuard<'a, T>(Locked<'a, Slot<T>>);

impl<T> Table<T> {
    fn new(name: &'static str, first: u64, base: u32) -> Self {
        Self {
            name,
            first,
            base,
            next: AtomicU32::new(base),
            segments: (0..SEGMENTS).map(|_| OnceCell::new()).collect(),
            spare: Mutex::new(Vec::new()),
        }
    }

    /// The object that `id` names, locked until the guard is dropped.
    pub fn find(&self, id: u64) -> Result<SlotGuard<'_, T>> {
        let slot = self.slot(id)?;
        if slot.generation == id >> SLOT_BITS && slot.value.is_some() {
            Ok(SlotGuard(slot))
        } else {
            Err(Error::Gone(self.name))
        }
    }

    /// Ends `id`, which is stale from now on. The slot returns to the table.
    pub fn remove(&self, id: u64) -> Option<Box<T>> {
        let (value, reusable) = self.find(id).ok()?.end()?;
        if reusable {
            lock(&self.spare).push((id & SLOT_MASK) as u32);
        }
        Some(value)
    }

    /// The same for a guard.
    pub fn end(&self, id: u64, live: SlotGuard<'_, T>) {
        let ended = live.end();
        if matches!(ended, Some((_, true))) {
            lock(&self.spare).push((id & SLOT_MASK) as u32);
        }
    }

    fn slot(&self, id: u64) -> Result<Locked<'_, Slot<T>>> {
        let index = (id & SLOT_MASK) as u32;
        if index < self.base && id >> SLOT_BITS != 0 {
            return Err(Error::Forked);
        }
        let segment = self.segments[index as usize / SEGMENT_SLOTS].get();
        let Some(segment) = segment else { return Err(Error::Gone(self.name)) };
        Ok(lock(&segment[index as usize % SEGMENT_SLOTS]))
    }

    /// Up to `CLAIM` slots for an allocator: free ones first, then new ones.
    fn claim(&self) -> Vec<u32> {
        let mut spare = lock(&self.spare);
        if !spare.is_empty() {
            let from = spare.len().saturating_sub(CLAIM as usize);
            return spare.split_off(from);
        }
        let first = self.next.load(Ordering::Relaxed);
        let end = (first + CLAIM).min(1 << SLOT_BITS);
        self.next.store(end, Ordering::Relaxed);
        for slot in first..end {
            self.segments[slot as usize / SEGMENT_SLOTS].get_or_init(|| new_segment(self.first));
        }
        (first..end).rev().collect()
    }
}

fn new_segment<T>(generation: u64) -> Segment<T> {
    (0..SEGMENT_SLOTS).map(|_| Mutex::new(Slot { generation, value: None })).collect()
}

impl<T> SlotAllocator<T> {
    pub fn new(table: &'static Table<T>) -> Self {
        Self { table, free: Vec::new(), spare: Vec::new() }
    }

    /// The box of an ended object, for reuse.
    pub fn spare(&mut self) -> Option<Box<T>> {
        self.spare.pop()
    }

    /// Enters what `make` returns. `None` if a million objects are live.
    pub fn insert(&mut self, make: impl FnOnce(u64) -> Box<T>) -> Option<u64> {
        if self.free.is_empty() {
            self.free = self.table.claim();
        }
        let index = self.free.pop()?;
        let segment = self.table.segments[index as usize / SEGMENT_SLOTS].get()?;
        let mut slot = lock(&segment[index as usize % SEGMENT_SLOTS]);
        let id = slot.generation << SLOT_BITS | u64::from(index);
        slot.value = Some(make(id));
        Some(id)
    }

    pub fn find(&self, id: u64) -> Result<SlotGuard<'static, T>> {
        self.table.find(id)
    }

    /// Ends the id of a guard, empties the object with `clear`, and keeps slot and
    /// box for reuse.
    pub fn end(&mut self, id: u64, live: SlotGuard<'_, T>, clear: impl FnOnce(&mut T)) {
        let Some((mut value, reusable)) = live.end() else { return };
        if reusable {
            self.free.push((id & SLOT_MASK) as u32);
        }
        if self.spare.len() < SPARE {
            clear(&mut value);
            self.spare.push(value);
        }
    }
}

impl<T> Drop for SlotAllocator<T> {
    fn drop(&mut self) {
        lock(&self.table.spare).append(&mut self.free);
    }
}

impl<T> SlotGuard<'_, T> {
    /// Takes the value out. Returns whether the slot can be used again.
    fn end(mut self) -> Option<(Box<T>, bool)> {
        let value = self.0.value.take()?;
        self.0.generation += KINDS;
        Some((value, self.0.generation <= LAST_GENERATION))
    }
}

impl<T> std::ops::Deref for SlotGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.value.as_ref().expect("find checked it")
    }
}

impl<T> std::ops::DerefMut for SlotGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.value.as_mut().expect("find checked it")
    }
}

/// Locks, also after a panic of another thread: each statement leaves the value valid.
#[inline]
pub fn lock<T>(mutex: &Mutex<T>) -> Locked<'_, T> {
    let held = Held::new();
    Locked { guard: mutex.lock().unwrap_or_else(PoisonError::into_inner), held }
}

/// The same without waiting. `None` if it is locked, perhaps for ever: fork() copies
/// locks, but not the threads that hold them.
pub fn try_lock<T>(mutex: &Mutex<T>) -> Option<Locked<'_, T>> {
    let guard = match mutex.try_lock() {
        Ok(locked) => locked,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    Some(Locked { guard, held: Held::new() })
}

/// What a mutex protects, locked until this is dropped.
pub struct Locked<'a, T> {
    guard: MutexGuard<'a, T>,
    held: Held,
}

impl<'a, T> Locked<'a, T> {
    /// Waits on `condition` without the lock, for that long at most; None waits indefinitely.
    pub fn wait(locked: Self, condition: &Condvar, timeout: Option<Duration>) -> Self {
        let Self { guard, held } = locked;
        let guard = match timeout {
            Some(timeout) => condition.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0,
            None => condition.wait(guard).unwrap_or_else(PoisonError::into_inner),
        };
        Self { guard, held }
    }
}

impl<T> std::ops::Deref for Locked<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> std::ops::DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remove(slots: &mut SlotAllocator<&'static str>, id: u64) -> Option<&'static str> {
        let live = slots.find(id).ok()?;
        let value = *live;
        slots.end(id, live, |_| {});
        Some(value)
    }

    fn table() -> &'static Table<&'static str> {
        Box::leak(Box::new(Table::new("thing", 1, 0)))
    }

    #[test]
    fn an_id_names_one_thing_only() {
        let mut slots = SlotAllocator::new(table());
        let first = slots.insert(|_| Box::new("first")).unwrap();
        assert_eq!(*slots.find(first).unwrap(), "first");
        assert_eq!(remove(&mut slots, first), Some("first"));
        let second = slots.insert(|_| Box::new("second")).unwrap();
        assert_eq!(second & SLOT_MASK, first & SLOT_MASK, "the slot is used again");
        assert_ne!(second, first);
        assert!(matches!(slots.find(first), Err(Error::Gone("thing"))));
        assert!(remove(&mut slots, first).is_none());
        assert_eq!(*slots.find(second).unwrap(), "second");
    }

    #[test]
    fn made_up_ids_are_gone() {
        let mut slots = SlotAllocator::new(table());
        let id = slots.insert(|_| Box::new("x")).unwrap();
        for made_up in [0, 1, id + 1, id + (1 << SLOT_BITS), u64::MAX, 1 << 53] {
            assert!(slots.find(made_up).is_err(), "{made_up}");
        }
    }

    #[test]
    fn ids_fit_a_double() {
        let mut slots = SlotAllocator::new(table());
        let last = LAST_GENERATION << SLOT_BITS | SLOT_MASK;
        assert_eq!(last, (1 << 53) - 1);
        assert!(slots.insert(|_| Box::new("x")).unwrap() <= last);
    }

    #[test]
    fn a_slot_is_retired_after_its_last_generation() {
        let table = table();
        let mut slots = SlotAllocator::new(table);
        let id = slots.insert(|_| Box::new("x")).unwrap();
        slots.find(id).unwrap().0.generation = LAST_GENERATION;
        let last = LAST_GENERATION << SLOT_BITS | id & SLOT_MASK;
        let free = slots.free.len();
        assert!(remove(&mut slots, last).is_some());
        assert_eq!(slots.free.len(), free);
    }

    #[test]
    fn slots_return_when_a_worker_ends() {
        let table = table();
        for _ in 0..10 {
            let mut slots = SlotAllocator::new(table);
            let ids: Vec<_> = (0..100).map(|_| slots.insert(|_| Box::new("x")).unwrap()).collect();
            ids.into_iter().for_each(|id| assert!(remove(&mut slots, id).is_some()));
        }
        assert!(table.next.load(Ordering::Relaxed) <= 2 * CLAIM);
    }

    #[test]
    fn removal_from_elsewhere_spares_the_slot() {
        let table = table();
        let mut slots = SlotAllocator::new(table);
        let id = slots.insert(|_| Box::new("x")).unwrap();
        assert!(table.remove(id).is_some());
        assert_eq!(lock(&table.spare).len(), 1);
    }

    #[test]
    fn an_ancestors_id_is_told_apart() {
        let table: Table<()> = Table::new("thing", 1, 64);
        assert!(matches!(table.find(1 << SLOT_BITS | 3), Err(Error::Forked)));
        assert!(matches!(table.find(1 << SLOT_BITS | 64), Err(Error::Gone(_))));
    }
}
