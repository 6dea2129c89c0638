//! The streams of a connection: the open ones, and what is remembered about closed ones.
//!
//! Most requests get their response before the next frame is read. Their streams exist
//! only in the slot for the newest stream, and never enter a table.

use std::collections::VecDeque;

use super::stream::Stream;

/// The memory of an empty table is kept up to this many entries.
const KEPT: usize = 8;
/// How many recent gaps between stream identifiers are remembered.
const GAPS: usize = 4;

/// Streams by ascending identifier. A removed stream leaves an empty entry for a while,
/// so that the cost of a removal does not depend on the number of streams.
#[derive(Default)]
struct Table {
    entries: Vec<Option<Stream>>,
    ids: Vec<u32>,
    open: usize,
}

impl Table {
    fn push(&mut self, stream: Stream) {
        self.ids.push(stream.id);
        self.entries.push(Some(stream));
        self.open += 1;
    }

    /// The index of a stream, which mostly is the newest or the oldest one.
    #[inline]
    fn place(&self, id: u32) -> Option<usize> {
        let last = self.ids.len().checked_sub(1)?;
        if self.ids[last] == id {
            Some(last)
        } else if self.ids[0] == id {
            Some(0)
        } else {
            self.ids.binary_search(&id).ok()
        }
    }

    #[inline]
    fn get(&self, id: u32) -> Option<&Stream> {
        self.entries[self.place(id)?].as_ref()
    }

    #[inline]
    fn get_mut(&mut self, id: u32) -> Option<&mut Stream> {
        let place = self.place(id)?;
        self.entries[place].as_mut()
    }

    fn remove(&mut self, id: u32) -> Option<Stream> {
        let place = self.place(id)?;
        let stream = self.entries[place].take()?;
        self.open -= 1;
        if self.open == 0 {
            self.clear();
        } else if self.open * 2 + KEPT < self.ids.len() {
            self.entries.retain(Option::is_some);
            self.ids.clear();
            self.ids.extend(self.entries.iter().flatten().map(|stream| stream.id));
        } else {
            while self.entries.pop_if(|last| last.is_none()).is_some() {
                self.ids.pop();
            }
        }
        Some(stream)
    }

    fn clear(&mut self) {
        self.open = 0;
        if self.ids.capacity() > KEPT {
            (self.entries, self.ids) = (Vec::new(), Vec::new());
        }
        self.entries.clear();
        self.ids.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.entries.iter().flatten()
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.entries.iter_mut().flatten()
    }

    fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Option<Stream>>() + self.ids.capacity() * size_of::<u32>()
    }
}

/// The state of a stream that is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was not opened yet.
    Idle,
    /// We have reset it, and the peer may not have known that when it sent a frame.
    Reset,
    /// The peer has opened a later one instead (RFC 9113, section 5.1.1).
    Skipped,
    /// It is closed, and the peer knows that.
    Closed,
}

pub struct Streams {
    /// The newest stream of the peer, until the next frame is read.
    fresh: Option<Stream>,
    /// The streams of the peer.
    table: Table,
    /// The streams that we have opened (server push).
    pushed: Table,
    /// The highest stream that the peer has opened.
    highest: u32,
    /// The next stream of ours.
    next_push: u32,
    /// Streams that we have reset, the newest last. The peer may still send frames for
    /// them.
    resets: VecDeque<u32>,
    /// How many of those are remembered. The peer cannot have more of them open without
    /// knowing of a reset.
    max_resets: usize,
    /// The newest gaps: identifiers from the first to the second were never opened.
    gaps: VecDeque<(u32, u32)>,
    /// Whether the slot for the newest stream is used.
    pub uses_slot: bool,
}

impl Streams {
    pub fn new(max_concurrent: u32) -> Self {
        Self {
            fresh: None,
            table: Table::default(),
            pushed: Table::default(),
            highest: 0,
            next_push: 2,
            resets: VecDeque::new(),
            max_resets: max_resets(max_concurrent),
            gaps: VecDeque::new(),
            uses_slot: true,
        }
    }

    /// Sets how many streams the peer may have open.
    pub fn set_max_concurrent(&mut self, max_concurrent: u32) {
        // More may have been open before, and were reset a moment ago.
        self.max_resets = self.max_resets.max(max_resets(max_concurrent));
    }

    /// The newest stream stays open: it moves to the table.
    #[inline]
    pub fn promote(&mut self) {
        if let Some(stream) = self.fresh.take() {
            self.table.push(stream);
        }
    }

    #[inline]
    pub fn get(&self, id: u32) -> Option<&Stream> {
        match &self.fresh {
            Some(stream) if stream.id == id => Some(stream),
            _ if is_pushed(id) => self.pushed.get(id),
            _ => self.table.get(id),
        }
    }

    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Stream> {
        match &mut self.fresh {
            Some(stream) if stream.id == id => Some(stream),
            _ if is_pushed(id) => self.pushed.get_mut(id),
            _ => self.table.get_mut(id),
        }
    }

    /// The peer has opened a stream, which may be refused.
    pub fn note_opened(&mut self, id: u32) {
        if id != self.highest + 2 && id > 1 {
            let first = if self.highest == 0 { 1 } else { self.highest + 2 };
            if self.gaps.len() == GAPS {
                self.gaps.pop_front();
            }
            self.gaps.push_back((first, id - 2));
        }
        self.highest = id;
    }

    /// Stores a stream that the peer has just opened.
    pub fn insert(&mut self, stream: Stream) {
        self.promote();
        if self.uses_slot {
            self.fresh = Some(stream);
        } else {
            self.table.push(stream);
        }
    }

    /// The identifier of a new stream of ours, or `None` if there are no more.
    pub fn next_push(&self) -> Option<u32> {
        Some(self.next_push).filter(|id| *id <= super::frame::MAX_31)
    }

    /// Stores a stream of ours with this identifier.
    pub fn insert_pushed(&mut self, stream: Stream) {
        self.next_push = stream.id + 2;
        self.pushed.push(stream);
    }

    /// Removes a stream that has ended.
    #[inline]
    pub fn remove(&mut self, id: u32) -> Option<Stream> {
        if self.fresh.as_ref().is_some_and(|stream| stream.id == id) {
            return self.fresh.take();
        }
        if is_pushed(id) { self.pushed.remove(id) } else { self.table.remove(id) }
    }

    /// We have reset a stream of the peer. Frames that still arrive for it are ignored.
    pub fn remember_reset(&mut self, id: u32) {
        if is_pushed(id) {
            return;
        }
        if self.resets.len() >= self.max_resets {
            self.resets.pop_front();
        }
        self.resets.push_back(id);
    }

    /// The state of a stream that is not open.
    pub fn fate(&self, id: u32) -> Gone {
        if is_pushed(id) {
            return if id < self.next_push { Gone::Closed } else { Gone::Idle };
        }
        if id > self.highest {
            Gone::Idle
        } else if self.resets.iter().rev().any(|reset| *reset == id) {
            Gone::Reset
        } else if self.gaps.iter().any(|(first, last)| (*first..=*last).contains(&id)) {
            Gone::Skipped
        } else {
            Gone::Closed
        }
    }

    pub fn highest(&self) -> u32 {
        self.highest
    }

    /// How many streams of the peer are open.
    #[inline]
    pub fn open(&self) -> usize {
        self.table.open + usize::from(self.fresh.is_some())
    }

    /// How many streams of ours are open.
    pub fn open_pushed(&self) -> usize {
        self.pushed.open
    }

    pub fn is_empty(&self) -> bool {
        self.open() + self.open_pushed() == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.fresh.iter().chain(self.table.iter()).chain(self.pushed.iter())
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.fresh.iter_mut().chain(self.table.iter_mut()).chain(self.pushed.iter_mut())
    }

    /// A stream of ours above `last`.
    pub fn pushed_above(&self, last: u32) -> Option<u32> {
        self.pushed.iter().map(|stream| stream.id).filter(|id| *id > last).last()
    }

    /// Removes all streams.
    pub fn clear(&mut self) {
        self.fresh = None;
        self.table.clear();
        self.pushed.clear();
        self.resets = VecDeque::new();
    }

    pub fn memory(&self) -> usize {
        let ids = self.resets.capacity() * size_of::<u32>() + self.gaps.capacity() * size_of::<(u32, u32)>();
        self.table.memory() + self.pushed.memory() + ids
    }
}

fn max_resets(max_concurrent: u32) -> usize {
    (max_concurrent as usize * 2).clamp(128, 1 << 14)
}

/// Whether a stream with this identifier is ours (RFC 9113, section 5.1.1).
pub fn is_pushed(id: u32) -> bool {
    id.is_multiple_of(2)
}
