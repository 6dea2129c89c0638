//! Content and ends of responses that the engine has written and that have not
//! left: where they stand among all bytes of the connection.

use std::cell::RefCell;
use std::collections::VecDeque;

/// How many empty lists a thread keeps, and of how many entries at most.
const KEPT: usize = 64;
const KEPT_ENTRIES: usize = 1024;

thread_local! {
    /// Empty, with room: an idle connection holds none.
    static SPARE: RefCell<Vec<VecDeque<Part>>> = const { RefCell::new(Vec::new()) };
}

/// Part of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it ends among all bytes that leave.
    pub end: u64,
    pub stream: u32,
    /// Bytes of content in it.
    pub bytes: u32,
    /// Whether the response is complete with it.
    pub is_last: bool,
}

/// In the order in which they leave.
#[derive(Default)]
pub struct Unsent {
    parts: VecDeque<Part>,
    /// Ends among them.
    ends: usize,
    content: u64,
}

impl Unsent {
    /// The bytes of memory that it holds.
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

    /// Takes the next part that has left, if so many bytes have.
    pub fn next(&mut self, left: u64) -> Option<Part> {
        let part = self.parts.front().filter(|part| part.end <= left).copied()?;
        self.parts.pop_front();
        self.ends -= usize::from(part.is_last);
        self.content -= u64::from(part.bytes);
        Some(part)
    }

    /// The peer wants no more of a response. True if it was complete but for its
    /// way out.
    pub fn forget_end(&mut self, stream: u32) -> bool {
        let end = self.parts.iter_mut().find(|part| part.stream == stream && part.is_last);
        let found = end.map(|part| part.is_last = false).is_some();
        self.ends -= usize::from(found);
        found
    }

    /// How many responses are complete but for their way out.
    pub fn ends(&self) -> usize {
        self.ends
    }

    /// Bytes of content that have not left.
    pub fn content(&self) -> u64 {
        self.content
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Nothing of it will leave.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Nothing more happens for now: what is empty is for others to use.
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
