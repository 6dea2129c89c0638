//! Which threads of the library are inside a callback of the host.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

thread_local! {
    /// The flag of this thread, if it has one.
    static HERE: OnceCell<Flag> = const { OnceCell::new() };
}

/// Set while a thread is inside a callback of the host. Any thread may read it.
#[derive(Clone, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Makes this the flag of the calling thread, for the life of the thread.
    pub fn attach(&self) {
        // A thread belongs to one worker, which attaches one flag.
        let _ = HERE.try_with(|here| here.set(self.clone()));
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Runs a callback of the host. Callbacks may be nested: a library call from inside a
/// callback may call the log's callback.
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
    let _inside = Inside { is_outermost: set(true) };
    callback()
}

/// Sets this thread's flag. Returns whether it has changed.
fn set(value: bool) -> bool {
    let change = |flag: &Flag| {
        let changes = flag.is_set() != value;
        flag.0.store(value, Relaxed);
        changes
    };
    HERE.try_with(|here| here.get().is_some_and(change)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_set_inside_the_outermost_callback() {
        std::thread::spawn(|| {
            let flag = Flag::default();
            assert_eq!(run(|| 1), 1, "without a flag");
            flag.attach();
            run(|| {
                assert!(flag.is_set());
                run(|| assert!(flag.is_set()));
                assert!(flag.is_set());
            });
            assert!(!flag.is_set());
            let panicked = std::panic::catch_unwind(|| run(|| panic!("as a callback may")));
            assert!(panicked.is_err() && !flag.is_set());
        })
        .join()
        .unwrap();
    }
}
