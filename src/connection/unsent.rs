//! The parts of responses that the engine has written and the kernel has not accepted:
//! their positions in the output stream of the connection.

use std::cell::RefCell;
use std::collections::VecDeque;

/// How many empty lists a thread keeps, and how many entries each may have.
const KEPT: usize = 64;
const KEPT_ENTRIES: usize = 1024;

thread_local! {
    /// Empty lists with capacity. An idle connection holds none.
    static SPARE: RefCell<Vec<VecDeque<Part>>> = const { RefCell::new(Vec::new()) };
}

/// A part of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The position of its end in the output stream.
    pub end: u64,
    pub stream: u32,
    /// How many content bytes it has.
    pub bytes: u32,
    /// Whether it completes the response.
    pub is_last: bool,
}

/// The parts in the order of the output stream.
#[derive(Default)]
pub struct Unsent {
    parts: VecDeque<Part>,
    /// How many of them complete a response.
    ends: usize,
    content: u64,
}

impl Unsent {
    /// How much memory the list holds.
    pub fn memory(&self) -> usize {
        self.parts.capacity() * size_of::<Part>()
    }

    pub fn push(&mut self, part: Part) {
        if self.parts.capacity() == 0 {
            self.parts = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        self.ends += usize::from(part.is_last);
        self.content += u64::from(part.bytes);
        self.parts.push_back(part);
    }

    /// Removes and returns the next part that was sent, if `left` bytes were.
    pub fn next(&mut self, left: u64) -> Option<Part> {
        let part = self.parts.front().filter(|part| part.end <= left).copied()?;
        self.parts.pop_front();
        self.ends -= usize::from(part.is_last);
        self.content -= u64::from(part.bytes);
        Some(part)
    }

    /// The peer has reset a response. Returns whether the response was complete except
    /// for sending.
    pub fn forget_end(&mut self, stream: u32) -> bool {
        let end = self.parts.iter_mut().find(|part| part.stream == stream && part.is_last);
        let found = end.map(|part| part.is_last = false).is_some();
        self.ends -= usize::from(found);
        found
    }

    /// How many responses are complete except for sending.
    pub fn ends(&self) -> usize {
        self.ends
    }

    /// How many content bytes were not sent.
    pub fn content(&self) -> u64 {
        self.content
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Nothing more will be sent.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The connection becomes idle: an empty list is given to other connections.
    pub fn rest(&mut self) {
        if self.parts.is_empty() && self.parts.capacity() > 0 {
            let parts = std::mem::take(&mut self.parts);
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < KEPT && parts.capacity() <= KEPT_ENTRIES {
                    spare.push(parts);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_leave_in_order_and_ends_are_counted() {
        let mut unsent = Unsent::default();
        let part = |end, stream, bytes, is_last| Part { end, stream, bytes, is_last };
        unsent.push(part(10, 1, 5, false));
        unsent.push(part(20, 3, 7, true));
        unsent.push(part(30, 1, 1, true));
        assert_eq!((unsent.ends(), unsent.content()), (2, 13));
        assert_eq!(unsent.next(9), None);
        assert_eq!(unsent.next(20), Some(part(10, 1, 5, false)));
        assert!(unsent.forget_end(3) && !unsent.forget_end(3) && !unsent.forget_end(5));
        assert_eq!(unsent.next(25), Some(part(20, 3, 7, false)));
        assert_eq!(unsent.next(25), None);
        assert_eq!((unsent.ends(), unsent.content(), unsent.is_empty()), (1, 1, false));
        assert_eq!(unsent.next(30), Some(part(30, 1, 1, true)));
        unsent.rest();
        assert_eq!((unsent.ends(), unsent.content(), unsent.is_empty()), (0, 0, true));
    }
}
