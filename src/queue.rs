//! The event queue: records gather in a batch until the host takes it.
//!
//! There are two batches: the threads of the sessions write one while the host
//! reads the other. Taking swaps them. The host is woken once for each batch, at
//! the end of a session's turn. A writer that finds the batch full waits and is
//! woken after the next take. The records that cannot wait are bounded by the
//! number of live requests and sessions.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Write};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use crate::callback;
use crate::close::Report;
use crate::error::{Error, Result};
use crate::memory::{CommonUsage, Part};
use crate::record::Batch;
use crate::table::{Locked, lock, try_lock};

/// How many records may be untaken before writers wait.
const LIMIT: usize = 4096;
const MOST: u32 = 1 << 20;
/// How many bytes those records may refer to before writers wait.
const ARENA: usize = 16 << 20;
/// How much memory an empty batch keeps beyond what its last use explains.
const KEEP: usize = 256 << 10;

thread_local! {
    /// Whether this thread is inside the callback that announces a batch, where it
    /// must not wait for the end of that call.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Called when a batch waits.
pub type OnBatch = Box<dyn Fn() + Send + Sync>;

pub struct Queue {
    /// What is written.
    state: Mutex<BatchState>,
    /// What the host reads.
    taken: Mutex<Batch>,
    /// Signalled when a batch waits.
    came: Condvar,
    /// Whether records were written since the host was last woken.
    has_news: AtomicBool,
    /// Held for reading while it is called: freeing the queue waits for that.
    on_batch: RwLock<Option<OnBatch>>,
    /// The events that the host watches beside its requests.
    watched: AtomicU32,
    is_freed: AtomicBool,
    /// Has the sessions look at their requests; set at the start.
    call_all: OnceCell<Box<dyn Fn() + Send + Sync>>,
}

struct BatchState {
    batch: Batch,
    limit: usize,
    /// What the host reads, as of the last take.
    taken_memory: usize,
    memory: CommonUsage,
    /// The number of takes. Writers that waited before the last one have been woken.
    takes: u64,
    /// The wakers for the next take.
    waiting: Vec<Waker>,
    /// Whether the host was woken for this batch.
    is_notified: bool,
    notifier: Option<Notifier>,
    /// Whether the last record has been written.
    is_closed: bool,
}

/// A descriptor that is readable while a batch waits.
pub struct Notifier {
    pub reader: File,
    /// Where it is not the same.
    pub writer: Option<File>,
}

/// The batch that is written, locked.
pub struct Writing<'a> {
    state: Locked<'a, BatchState>,
}

/// Records since which take a writer waits, so that it registers its waker once.
#[derive(Default)]
pub struct WaitToken(Option<u64>);

impl Default for Queue {
    fn default() -> Self {
        let state = BatchState {
            batch: Batch::default(),
            limit: LIMIT,
            taken_memory: 0,
            memory: CommonUsage::new(Part::Records),
            takes: 0,
            waiting: Vec::new(),
            is_notified: false,
            notifier: None,
            is_closed: false,
        };
        Self {
            state: Mutex::new(state),
            taken: Mutex::default(),
            came: Condvar::new(),
            has_news: AtomicBool::new(false),
            on_batch: RwLock::new(None),
            watched: AtomicU32::new(0),
            is_freed: AtomicBool::new(false),
            call_all: OnceCell::new(),
        }
    }
}

// What the server does.

impl Queue {
    /// The server has started. `call_all` has its sessions look at every request.
    pub fn begin(&self, call_all: impl Fn() + Send + Sync + 'static) {
        let _ = self.call_all.set(Box::new(call_all));
    }

    /// The batch, if it has room for `bytes` more. Otherwise the result of `waker`
    /// is woken at the next take.
    pub fn try_push(
        &self,
        bytes: usize,
        wait_token: &mut WaitToken,
        waker: impl FnOnce() -> Waker,
    ) -> Option<Writing<'_>> {
        let mut state = lock(&self.state);
        if state.has_room(bytes) {
            return Some(self.write(state));
        }
        state.wait(wait_token, waker);
        None
    }

    /// The batch, if it has room, for records that may be dropped.
    pub fn try_offer(&self) -> Option<Writing<'_>> {
        let state = lock(&self.state);
        state.has_room(0).then(|| self.write(state))
    }

    /// The batch, whether it has room or not, for records that cannot wait. `None`
    /// after the last record.
    pub fn push_forced(&self) -> Option<Writing<'_>> {
        let state = lock(&self.state);
        (!state.is_closed).then(|| self.write(state))
    }

    /// Writes the last record.
    pub fn close(&self, write: impl FnOnce(&mut Batch)) {
        if let Some(mut batch) = self.push_forced() {
            write(&mut batch);
            batch.state.is_closed = true;
        }
    }

    /// The server ends without a start.
    pub fn close_unstarted(&self, aloud: bool) {
        self.close(|batch| batch.closed(&Report::default()));
        self.notify(aloud);
    }

    /// Ready when the batch has room, or will never have any.
    pub fn poll_room(&self, wait_token: &mut WaitToken, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.is_closed || state.has_room(0) {
            return Poll::Ready(());
        }
        state.wait(wait_token, || cx.waker().clone());
        Poll::Pending
    }

    /// Wakes the host if there are new records; `aloud` allows its callback.
    pub fn notify(&self, aloud: bool) {
        if !self.has_news.load(Relaxed) || !self.has_news.swap(false, Relaxed) {
            return;
        }
        let mut state = lock(&self.state);
        state.count_memory();
        if state.is_notified || state.batch.records.is_empty() {
            return;
        }
        state.is_notified = true;
        if let Some(notifier) = &state.notifier {
            notifier.notify();
        }
        drop(state);
        self.came.notify_all();
        if aloud && let Some(on_batch) = &*self.on_batch.read().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            TELLING.set(true);
            callback::run(on_batch);
            TELLING.set(false);
        }
    }

    pub fn watches(&self, what: u32) -> bool {
        self.watched.load(Relaxed) & what != 0
    }

    pub fn is_freed(&self) -> bool {
        self.is_freed.load(Relaxed)
    }

    fn write<'a>(&self, state: Locked<'a, BatchState>) -> Writing<'a> {
        self.has_news.store(true, Relaxed);
        Writing { state }
    }
}

// What the host does.

impl Queue {
    /// The events that the host watches beside its requests.
    pub fn watch(&self, what: u32) -> Result<()> {
        self.check_setup()?;
        self.watched.fetch_or(what, Relaxed);
        Ok(())
    }

    pub fn set_on_batch(&self, on_batch: OnBatch) -> Result<()> {
        self.check_setup()?;
        *self.on_batch.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(on_batch);
        Ok(())
    }

    pub fn set_limit(&self, records: u32) -> Result<()> {
        if !(1..=MOST).contains(&records) {
            return Err(Error::invalid(format_args!("{records} is outside 1 to {MOST}")));
        }
        lock(&self.state).limit = records as usize;
        Ok(())
    }

    /// The descriptor that is readable while a batch waits, made by `make` the first time.
    pub fn notifier<R>(&self, make: impl FnOnce() -> Result<Notifier>, see: impl FnOnce(&File) -> R) -> Result<R> {
        let mut state = lock(&self.state);
        if state.notifier.is_none() {
            let notifier = make()?;
            if state.is_notified {
                notifier.notify();
            }
            state.notifier = Some(notifier);
        }
        let notifier = state.notifier.as_ref().ok_or(Error::State("there is no descriptor"))?;
        Ok(see(&notifier.reader))
    }

    /// Passes the waiting batch to `see`. It stays unchanged until the next call.
    pub fn take<R>(&self, see: impl FnOnce(&Batch) -> R) -> Result<R> {
        let mut taken = try_lock(&self.taken).ok_or(Error::State("another thread takes from the queue now"))?;
        empty(&mut taken.records);
        empty(&mut taken.arena);
        let mut state = lock(&self.state);
        std::mem::swap(&mut state.batch, &mut taken);
        state.taken_memory = taken.memory();
        state.count_memory();
        state.takes += 1;
        if std::mem::take(&mut state.is_notified)
            && let Some(notifier) = &state.notifier
        {
            notifier.rest();
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        Ok(see(&taken))
    }

    /// The number of takes, if a batch waits for the host.
    pub fn waiting_since_take(&self) -> Option<u64> {
        let state = lock(&self.state);
        state.is_notified.then_some(state.takes)
    }

    /// Blocks until a batch waits. `None` as `timeout` waits indefinitely.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<()> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = lock(&self.state);
        while !state.is_notified {
            if self.is_freed() || state.is_closed && state.batch.records.is_empty() {
                return Err(Error::Gone("the queue's server"));
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Error::Timeout);
            }
            state = Locked::wait(state, &self.came, left);
        }
        Ok(())
    }

    /// The host has freed the queue: nothing is written any more. With `may_wait`
    /// the call waits for a callback that is running.
    pub fn free(&self, may_wait: bool) {
        self.is_freed.store(true, Relaxed);
        let mut state = lock(&self.state);
        state.is_closed = true;
        state.is_notified = false;
        state.batch = Batch::default();
        state.taken_memory = 0;
        state.count_memory();
        state.notifier = None;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        *lock(&self.taken) = Batch::default();
        self.came.notify_all();
        waiting.into_iter().for_each(Waker::wake);
        self.call_all.get().into_iter().for_each(|call_all| call_all());
        if may_wait && !TELLING.get() {
            *self.on_batch.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        }
    }

    fn check_setup(&self) -> Result<()> {
        match self.call_all.get() {
            None => Ok(()),
            Some(_) => Err(Error::State("the server was started already")),
        }
    }
}

impl BatchState {
    /// Wakes `waker` at the next take, once.
    fn wait(&mut self, wait_token: &mut WaitToken, waker: impl FnOnce() -> Waker) {
        if wait_token.0.replace(self.takes) != Some(self.takes) && !self.is_closed {
            self.waiting.push(waker());
        }
    }

    fn count_memory(&mut self) {
        let bytes = self.batch.memory() + self.taken_memory;
        self.memory.set(bytes);
    }

    fn has_room(&self, bytes: usize) -> bool {
        let fits = self.batch.arena.is_empty() || self.batch.arena.len() + bytes <= ARENA;
        !self.is_closed && self.batch.records.len() < self.limit && fits
    }
}

impl Deref for Writing<'_> {
    type Target = Batch;
    fn deref(&self) -> &Batch {
        &self.state.batch
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut Batch {
        &mut self.state.batch
    }
}

impl Notifier {
    // It holds one token at most, so that neither can block; what fails is
    // seen by the host as a batch that comes without a sign.

    fn notify(&self) {
        let _ = self.writer.as_ref().unwrap_or(&self.reader).write(&1u64.to_ne_bytes());
    }

    fn rest(&self) {
        let _ = (&self.reader).read(&mut [0; 8]);
    }
}

/// Shrinks a buffer to what its last use explains.
fn empty<T>(buffer: &mut Vec<T>) {
    let used = buffer.len();
    buffer.clear();
    if buffer.capacity() > KEEP / size_of::<T>() && used < buffer.capacity() / 4 {
        buffer.shrink_to((2 * used).max(KEEP / size_of::<T>()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;
    use crate::record::{Record, RecordKind};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    impl Count {
        fn get(&self) -> usize {
            self.0.load(Relaxed)
        }
    }

    fn push(queue: &Queue, wait_token: &mut WaitToken, count: &Arc<Count>, bytes: usize) -> bool {
        let batch = queue.try_push(bytes, wait_token, || Waker::from(count.clone()));
        batch.is_some_and(|mut batch| {
            batch.arena.extend(std::iter::repeat_n(0, bytes));
            batch.records.push(Record::new(RecordKind::Body));
            true
        })
    }

    fn taken(queue: &Queue) -> usize {
        queue.take(|batch| batch.records.len()).unwrap()
    }

    #[test]
    fn what_finds_no_room_is_woken_once_by_the_next_take() {
        let (queue, count, mut wait_token) = (Queue::default(), Arc::default(), WaitToken::default());
        queue.set_limit(2).unwrap();
        assert!(push(&queue, &mut wait_token, &count, 0) && push(&queue, &mut wait_token, &count, 0));
        (0..3).for_each(|_| assert!(!push(&queue, &mut wait_token, &count, 0)));
        assert!(queue.try_offer().is_none() && queue.push_forced().is_some());
        assert_eq!((taken(&queue), count.get()), (2, 1));
        assert!(push(&queue, &mut wait_token, &count, 0) && push(&queue, &mut wait_token, &count, 0));
        assert!(!push(&queue, &mut wait_token, &count, 0));
        assert_eq!((taken(&queue), count.get()), (2, 2), "it waits anew after each take");
    }

    #[test]
    fn the_bytes_are_bounded_too_but_one_record_always_fits() {
        let (queue, count, mut wait_token) = (Queue::default(), Arc::default(), WaitToken::default());
        assert!(push(&queue, &mut wait_token, &count, ARENA + 1));
        assert!(!push(&queue, &mut wait_token, &count, 1));
        taken(&queue);
        assert!(push(&queue, &mut wait_token, &count, ARENA));
        assert!(push(&queue, &mut wait_token, &count, 0));
        assert!(!push(&queue, &mut wait_token, &count, 1));
    }

    #[test]
    fn the_host_is_woken_once_a_batch() {
        let (queue, count) = (Queue::default(), Arc::<Count>::default());
        let told = count.clone();
        queue.set_on_batch(Box::new(move || told.clone().wake())).unwrap();
        let mut wait_token = WaitToken::default();
        queue.notify(true);
        assert_eq!(count.get(), 0, "there is nothing");
        push(&queue, &mut wait_token, &count, 0);
        assert!(matches!(queue.wait(Some(Duration::ZERO)), Err(Error::Timeout)), "the turn is not over");
        queue.notify(true);
        push(&queue, &mut wait_token, &count, 0);
        queue.notify(true);
        assert_eq!(count.get(), 1);
        queue.wait(None).unwrap();
        assert_eq!(taken(&queue), 2);
        queue.notify(true);
        assert_eq!(count.get(), 1, "what it would tell of has been taken");
        push(&queue, &mut wait_token, &count, 0);
        queue.notify(true);
        assert_eq!(count.get(), 2);
    }

    #[test]
    fn nothing_comes_after_the_last() {
        let (queue, count, mut wait_token) = (Queue::default(), Arc::default(), WaitToken::default());
        queue.close(|batch| batch.closed(&Report::default()));
        queue.close(|batch| batch.closed(&Report::default()));
        assert!(!push(&queue, &mut wait_token, &count, 0) && queue.push_forced().is_none());
        queue.notify(false);
        queue.wait(None).unwrap();
        assert_eq!(taken(&queue), 1);
        assert!(matches!(queue.wait(None), Err(Error::Gone(_))));
        let cx = Context::from_waker(Waker::noop());
        assert!(queue.poll_room(&mut wait_token, &cx).is_ready(), "who waits for room goes on");
    }

    #[test]
    fn a_freed_queue_calls_who_waits() {
        let (queue, count, calls) = (Queue::default(), Arc::default(), Arc::<Count>::default());
        let mut wait_token = WaitToken::default();
        let called = calls.clone();
        queue.begin(move || called.clone().wake());
        assert!(queue.watch(1).is_err(), "it is started");
        queue.set_limit(1).unwrap();
        assert!(push(&queue, &mut wait_token, &count, 0) && !push(&queue, &mut wait_token, &count, 0));
        queue.free(true);
        assert_eq!((count.get(), calls.get()), (1, 1));
        assert!(queue.is_freed() && !push(&queue, &mut wait_token, &count, 0));
    }

    #[test]
    fn a_batch_keeps_what_memory_it_uses() {
        let mut buffer = vec![0u8; 16 * KEEP];
        empty(&mut buffer);
        assert_eq!(buffer.capacity(), 16 * KEEP, "it was used just now");
        buffer.resize(10, 0);
        empty(&mut buffer);
        assert!(buffer.capacity() <= 2 * KEEP);
        buffer.resize(KEEP / 2, 0);
        empty(&mut buffer);
        assert!(buffer.capacity() >= KEEP / 2);
    }
}
