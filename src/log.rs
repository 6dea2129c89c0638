//! Log lines that are kept until the host takes them, for hosts that threads of the
//! library cannot call.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use crate::error::{Error, Result};
use crate::table::{Locked, MAX_FORKS, fork, lock};

/// The number of lines that are kept. Later ones are only counted.
const MOST: usize = 1024;

/// A line of the log.
#[derive(Debug)]
pub struct Line {
    pub level: u8,
    /// The module that wrote the line.
    pub target: String,
    pub message: String,
    /// The number of lines left out before this one.
    pub left_out: u64,
}

/// The lines of one process. Each fork has its own, since the parent's may be locked.
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
/// The level up to which lines are kept; 0 keeps none.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// Sets the level up to which lines are kept. 0 keeps none and wakes all waiters.
pub fn keep(level: u8) {
    LEVEL.store(level, Relaxed);
    if let Some(kept) = kept() {
        // A waiter sees the new level, or is woken here.
        drop(lock(&kept.lines));
        kept.changed.notify_all();
    }
}

/// The level up to which lines are kept.
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

/// Takes the oldest line and waits for it until `timeout`; `None` waits indefinitely.
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
            left => Locked::wait(lines, &kept.changed, left),
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

    /// One test, since the process has one list of lines.
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
