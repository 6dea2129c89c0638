//! Which threads of the library are inside a callback of the host.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

thread_local! {
    /// The flag of this thread, if it has one.
    static HERE: OnceCell<Flag> = const { OnceCell::new() };
}

thread_local! {
    /// How many of the library's locks this thread holds, in debug builds.
    static LOCKS: Cell<usize> = const { Cell::new(0) };
}

/// Stands beside a lock for as long as it is held. A debug build checks that the
/// host is not called meanwhile: what it calls in turn might need the same lock.
pub struct Held(());

impl Held {
    pub fn new() -> Self {
        count(1);
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        count(-1);
    }
}

fn count(change: isize) {
    if cfg!(debug_assertions) {
        let _ = LOCKS.try_with(|locks| locks.set(locks.get().wrapping_add_signed(change)));
    }
}

/// Says whether a thread is inside a callback of the host. Any thread may read it. It
/// counts the begins and ends of callbacks: an odd number is the inside of one.
#[derive(Clone, Default)]
pub struct Flag(Arc<AtomicU64>);

impl Flag {
    /// Makes this the flag of the calling thread, for the life of the thread.
    pub fn attach(&self) {
        // A thread belongs to one worker, which attaches one flag.
        let _ = HERE.try_with(|here| here.set(self.clone()));
    }

    pub fn is_set(&self) -> bool {
        self.inside().is_some()
    }

    /// A number of the callback that the thread is inside of; `None` if of none.
    pub fn inside(&self) -> Option<u64> {
        Some(self.0.load(Relaxed)).filter(|count| count % 2 == 1)
    }
}

/// Runs a callback of the host. Callbacks may be nested: a library call from inside a
/// callback may call the log's callback. No lock is held meanwhile.
pub fn run<R>(callback: impl FnOnce() -> R) -> R {
    /// Clears the flag at the end of the outermost callback, also after a panic.
    struct Inside {
        is_outermost: bool,
    }
    impl Drop for Inside {
        fn drop(&mut self) {
            if self.is_outermost {
                set(false);
            }
        }
    }
    debug_assert_eq!(LOCKS.try_with(Cell::get).unwrap_or(0), 0, "the host is called while a lock is held");
    let _inside = Inside { is_outermost: set(true) };
    callback()
}

/// Sets this thread's flag. Returns whether it has changed.
fn set(value: bool) -> bool {
    let change = |flag: &Flag| {
        let changes = flag.is_set() != value;
        if changes {
            // Only this thread writes it.
            flag.0.store(flag.0.load(Relaxed).wrapping_add(1), Relaxed);
        }
        changes
    };
    HERE.try_with(|here| here.get().is_some_and(change)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(debug_assertions)]
    #[test]
    fn no_lock_is_held_while_the_host_is_called() {
        let (mutex, called) = (std::sync::Mutex::new(1), || std::panic::catch_unwind(|| run(|| 1)).is_ok());
        let lock = crate::table::lock(&mutex);
        assert!(!called());
        drop(lock);
        assert!(called());
    }

    #[test]
    fn the_flag_is_set_inside_the_outermost_callback() {
        std::thread::spawn(|| {
            let flag = Flag::default();
            assert_eq!(run(|| 1), 1, "without a flag");
            flag.attach();
            run(|| {
                assert!(flag.is_set());
                let inside = flag.inside();
                run(|| assert!(flag.is_set()));
                assert_eq!(flag.inside(), inside, "it is the same callback");
            });
            assert!(!flag.is_set());
            let panicked = std::panic::catch_unwind(|| run(|| panic!("as a callback may")));
            assert!(panicked.is_err() && !flag.is_set());
        })
        .join()
        .unwrap();
    }
}
