//! Lines of the log that are kept until the host takes them, for hosts that the
//! library's threads cannot call.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use crate::error::{Error, Result};
use crate::table::{MAX_FORKS, fork, lock};

/// Lines that are kept; later ones are counted only.
const MOST: usize = 1024;

/// A line of the log.
#[derive(Debug)]
pub struct Line {
    pub level: u8,
    /// The module that says it.
    pub target: String,
    pub message: String,
    /// Lines before this one that there was no room for.
    pub left_out: u64,
}

/// The lines of one process. Each fork has its own: the parent's may be locked.
#[derive(Default)]
struct Kept {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    waiting: VecDeque<Line>,
    left_out: u64,
}

static KEPT: [OnceCell<Kept>; MAX_FORKS] = [const { OnceCell::new() }; MAX_FORKS];
/// Up to which level lines are kept; 0 keeps none.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// Keeps the lines up to a level from now on; 0 ends it, and wakes who waits.
pub fn keep(level: u8) {
    LEVEL.store(level, Relaxed);
    if let Some(kept) = kept() {
        // A waiter is either before its look at the level or woken by this.
        drop(lock(&kept.lines));
        kept.changed.notify_all();
    }
}

/// Up to which level lines are kept.
pub fn kept_level() -> u8 {
    LEVEL.load(Relaxed)
}

/// Keeps a line, if there is room.
pub fn push(mut line: Line) {
    let Some(kept) = kept() else { return };
    let mut lines = lock(&kept.lines);
    if lines.waiting.len() >= MOST {
        lines.left_out += 1;
        return;
    }
    line.left_out = std::mem::take(&mut lines.left_out);
    lines.waiting.push_back(line);
    drop(lines);
    kept.changed.notify_one();
}

/// The oldest line, waited for until `timeout`; None as the time waits indefinitely.
pub fn take(timeout: Option<Duration>) -> Result<Line> {
    let kept = kept().ok_or(Error::Forked)?;
    let until = timeout.map(|timeout| Instant::now() + timeout);
    let mut lines = lock(&kept.lines);
    loop {
        if let Some(line) = lines.waiting.pop_front() {
            return Ok(line);
        }
        if kept_level() == 0 {
            return Err(Error::State("the log is not kept"));
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        lines = match left {
            Some(Duration::ZERO) => return Err(Error::Timeout),
            Some(left) => kept.changed.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0,
            None => kept.changed.wait(lines).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

fn kept() -> Option<&'static Kept> {
    KEPT.get(fork()).map(|kept| kept.get_or_init(Kept::default))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: usize) -> Line {
        Line { level: 1, target: "goaway".into(), message: message.to_string(), left_out: 0 }
    }

    /// One test, since the lines are the process's.
    #[test]
    fn so_many_lines_are_kept_and_the_rest_is_counted() {
        let poll = || take(Some(Duration::ZERO));
        assert!(matches!(poll(), Err(Error::State(_))));
        keep(4);
        assert!(matches!(poll(), Err(Error::Timeout)));
        (0..MOST + 5).for_each(|message| push(line(message)));
        for message in 0..MOST {
            let line = poll().unwrap();
            assert_eq!((line.message, line.left_out), (message.to_string(), 0));
        }
        push(line(0));
        assert_eq!(poll().unwrap().left_out, 5);
        push(line(1));
        keep(0);
        assert_eq!(poll().unwrap().left_out, 0, "what was kept can still be taken");
        assert!(matches!(poll(), Err(Error::State(_))));
        keep(4);
        let waiting = std::thread::spawn(|| take(None));
        std::thread::sleep(Duration::from_millis(5));
        keep(0);
        assert!(matches!(waiting.join().unwrap(), Err(Error::State(_))), "whoever waits is woken");
    }
}
