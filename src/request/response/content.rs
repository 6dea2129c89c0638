//! The content of a response: the pieces that wait for the peer, and how many bytes may
//! wait.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::super::OnReady;
use super::super::autotune::HighWaterAutotune;
use super::super::block::{copy, copy_in_pieces, fill, memory_of};
use crate::error::{Error, Result};
use crate::output::Data;
use crate::session::SessionHandle;

/// Pieces from this length on have memory of their own.
const SHORT: usize = 4096;

#[derive(Default)]
pub struct Content {
    /// The first of all pieces if it is short, from `short_taken` on.
    short: Vec<u8>,
    short_taken: usize,
    /// The first piece of those that are not there; it is empty only if there is none.
    first: Bytes,
    /// The bytes of memory of that piece.
    first_memory: usize,
    /// The pieces after it.
    others: VecDeque<Bytes>,
    /// The bytes of memory of those pieces.
    others_memory: usize,
    /// Bytes in all pieces.
    queued: usize,
    high_water: usize,
    /// The limit up to which the mark may grow; 0 if the host has set the mark.
    most: usize,
    /// By how much the mark has grown.
    autotune: Option<HighWaterAutotune>,
    /// The peer has taken everything since room was last reported to the host.
    ran_dry: bool,
    /// A write was refused or the mark was passed: the host waits for a notification.
    is_full: bool,
    on_writable: Option<OnReady>,
    /// The content-length that the host set.
    announced: Option<u64>,
    written: u64,
}

impl Content {
    /// For a new response, of which up to `high_water` bytes may wait for the peer, and
    /// up to `most` for a peer that takes much.
    pub fn begin(&mut self, high_water: usize, most: usize) {
        (self.high_water, self.most) = (high_water, most);
    }

    /// The same for another response.
    pub fn begin_beside(&mut self, other: &Content) {
        self.begin(other.high_water - other.autotune.as_ref().map_or(0, HighWaterAutotune::bytes), other.most);
    }

    /// The bytes of memory that it holds, including those that wait for the peer.
    pub fn memory(&self) -> usize {
        let places = self.others.capacity() * size_of::<Bytes>();
        self.short.capacity() + self.first_memory + self.others_memory + places
    }

    /// Drops everything except a buffer of up to `kept` bytes.
    pub fn clear(&mut self, kept: usize) {
        if self.short.capacity() > kept {
            self.short = Vec::new();
        }
        self.short.clear();
        self.short_taken = 0;
        if !self.first.is_empty() {
            self.first = Bytes::new();
        }
        if self.others.capacity() > 0 {
            self.others = VecDeque::new();
        }
        (self.first_memory, self.others_memory) = (0, 0);
        (self.queued, self.written, self.announced) = (0, 0, None);
        (self.is_full, self.ran_dry) = (false, false);
        (self.autotune, self.on_writable) = (None, None);
    }

    /// Sets the content-length that the host has declared, or none.
    pub fn announce(&mut self, length: Option<u64>) {
        self.announced = length;
    }

    /// Adds a copy of the content of a response that is given in one call. If
    /// `is_dropped`, nothing of it is kept.
    pub fn write_whole(&mut self, data: &[u8], is_dropped: bool) -> Result<()> {
        if data.len() < SHORT {
            return if is_dropped { Ok(()) } else { self.write_short(data) };
        }
        // A dropped body must have a possible length too.
        let copied = copy(data)?;
        if !is_dropped {
            self.push(copied);
        }
        Ok(())
    }

    fn push(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        self.count(data.len());
        let memory = memory_of(data.len());
        if self.first.is_empty() {
            (self.first, self.first_memory) = (data, memory);
        } else {
            self.others.push_back(data);
            self.others_memory += memory;
        }
    }

    /// Adds a copy of a short piece. The first piece of all is copied into memory that
    /// the next response reuses.
    fn write_short(&mut self, data: &[u8]) -> Result<()> {
        if self.queued > 0 {
            self.push(copy(data)?);
            return Ok(());
        }
        self.short.clear();
        self.short_taken = 0;
        fill(&mut self.short, data, data.len())?;
        if !data.is_empty() {
            self.count(data.len());
        }
        Ok(())
    }

    /// Counts this many more bytes as waiting for the peer.
    fn count(&mut self, bytes: usize) {
        self.queued += bytes;
        self.is_full |= self.queued >= self.high_water;
    }

    /// Adds a copy of a piece. It is refused whole if the mark is reached. If
    /// `is_dropped`, as for a response to HEAD, it counts as written and is not kept.
    pub fn write(&mut self, data: &[u8], is_dropped: bool) -> Result<()> {
        let written = self.written + data.len() as u64;
        if let Some(announced) = self.announced.filter(|announced| written > *announced && !is_dropped) {
            return Err(Error::Length { announced, written });
        }
        if self.queued >= self.high_water {
            self.is_full = true;
            return Err(Error::WouldBlock("the high-water mark is reached"));
        }
        self.copy(data, is_dropped)
    }

    /// The same with the last piece, which is accepted however many bytes wait.
    pub fn write_last(&mut self, data: &[u8], is_dropped: bool) -> Result<()> {
        self.copy(data, is_dropped)
    }

    fn copy(&mut self, data: &[u8], is_dropped: bool) -> Result<()> {
        if data.len() < SHORT && !is_dropped {
            self.write_short(data)?;
        } else if !is_dropped {
            let (first, rest) = copy_in_pieces(data)?;
            [first].into_iter().chain(rest).for_each(|piece| self.push(piece));
        }
        self.written += data.len() as u64;
        Ok(())
    }

    /// Whether the declared content-length equals the bytes written and `more` bytes.
    pub fn check_length(&self, more: usize) -> Result<()> {
        let written = self.written + more as u64;
        match self.announced.filter(|announced| *announced != written) {
            Some(announced) => Err(Error::Length { announced, written }),
            None => Ok(()),
        }
    }

    /// Takes up to `room` bytes, which is not 0, of the first piece. Also returns how
    /// many bytes are left.
    pub fn take(&mut self, room: usize) -> (Data<'_>, usize) {
        let piece = if self.short_taken < self.short.len() {
            let rest = &self.short[self.short_taken..];
            let taken = &rest[..rest.len().min(room)];
            self.short_taken += taken.len();
            Data::Borrowed(taken)
        } else if self.first.len() <= room {
            let next = self.others.pop_front().unwrap_or_default();
            self.first_memory = memory_of(next.len());
            self.others_memory -= self.first_memory;
            Data::Owned(mem::replace(&mut self.first, next))
        } else {
            Data::Owned(self.first.split_to(room))
        };
        self.queued -= piece.len();
        self.ran_dry |= self.queued == 0;
        (piece, self.queued)
    }

    /// Bytes that wait for the peer.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// How many bytes may wait for the peer.
    pub fn high_water(&self) -> usize {
        self.high_water
    }

    /// The host waits for a notification.
    pub fn await_room(&mut self) {
        self.is_full = true;
    }

    /// Whether half of the mark is free.
    pub fn has_room(&self) -> bool {
        self.queued <= self.high_water / 2
    }

    /// Sets the mark for the host. It does not grow any more.
    pub fn set_high_water(&mut self, bytes: usize) -> Result<()> {
        if bytes == 0 {
            return Err(Error::invalid("a high-water mark of 0 would refuse every write"));
        }
        (self.high_water, self.most, self.autotune) = (bytes, 0, None);
        Ok(())
    }

    /// Raises the mark if the peer waited for the host and has taken many bytes before.
    pub fn grow(&mut self, session: &Arc<SessionHandle>) {
        let taken = self.written.saturating_sub(self.queued as u64);
        let (most, step) = (self.most, HighWaterAutotune::step(self.high_water, self.most, taken));
        if !mem::take(&mut self.ran_dry) || step == 0 {
            return;
        }
        if self.autotune.get_or_insert_with(|| HighWaterAutotune::new(session)).take(step, most) {
            self.high_water += step;
        }
    }

    pub fn set_on_writable(&mut self, on_writable: OnReady) {
        self.on_writable = Some(on_writable);
    }

    /// The hook to call if the host waits for room and there is some.
    pub fn take_writable(&mut self) -> Option<OnReady> {
        if !(self.is_full || self.queued >= self.high_water) || !self.has_room() {
            return None;
        }
        self.is_full = false;
        self.on_writable.take()
    }

    /// Takes the hook back after its call.
    pub fn restore_writable(&mut self, on_writable: OnReady) {
        self.on_writable.get_or_insert(on_writable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use crate::output::Output;

    fn content() -> Content {
        let mut content = Content::default();
        content.begin(100, 1000);
        content
    }

    #[test]
    fn full_content_refuses_and_tells_when_there_is_room() {
        let mut content = content();
        content.set_on_writable(Box::new(|_| {}));
        content.write(&[0; 150], false).unwrap();
        assert_eq!(content.queued(), 150, "the one write that passes the mark is taken");
        assert!(matches!(content.write(b"x", false), Err(Error::WouldBlock(_))));
        assert!(content.take_writable().is_none());
        assert_eq!(content.take(100).0.len(), 100);
        assert!(content.take_writable().is_some(), "half the mark is free");
        content.write(b"x", false).unwrap();
    }

    #[test]
    fn pieces_leave_in_their_order() {
        let mut content = content();
        content.push(Bytes::new());
        assert_eq!(content.queued(), 0);
        content.write(b"abc", false).unwrap();
        content.write(b"de", false).unwrap();
        content.write(b"dropped", true).unwrap();
        content.write_last(b"f", false).unwrap();
        let long = vec![b'x'; SHORT + 1];
        content.write_last(&long, false).unwrap();
        let take = |content: &mut Content, room| {
            let (data, left) = content.take(room);
            let mut output = Output::new(true);
            output.push(data);
            (output.take(), left)
        };
        for (expected, left) in [(&b"ab"[..], 4), (b"c", 3), (b"de", 1), (b"f", 0)] {
            assert_eq!(take(&mut content, 2), (expected.to_vec(), left + long.len()));
        }
        assert_eq!(take(&mut content, SHORT).1, 1);
        // What comes when all has left stands in front again.
        assert_eq!(take(&mut content, SHORT), (b"x".to_vec(), 0));
        content.write(b"g", false).unwrap();
        content.write_last(&long, false).unwrap();
        assert_eq!(take(&mut content, 2 * SHORT), (b"g".to_vec(), long.len()));
        assert_eq!(take(&mut content, 2 * SHORT), (long, 0));
    }

    #[test]
    fn memory_of_short_pieces_is_kept_for_the_next_response() {
        let mut content = content();
        content.write_whole(&[1; 1000], false).unwrap();
        assert_eq!((content.queued(), content.memory()), (1000, 1000));
        content.take(400);
        assert_eq!((content.queued(), content.memory()), (600, 1000), "it is held until the response ends");
        content.clear(1000);
        assert_eq!((content.queued(), content.memory()), (0, 1000));
        content.write_whole(&[2; 10], false).unwrap();
        assert_eq!(content.take(100), (Data::Borrowed(&[2; 10][..]), 0));
        content.clear(999);
        assert_eq!(content.memory(), 0);
        content.write_whole(&[3; 10], true).unwrap();
        assert_eq!((content.queued(), content.memory()), (0, 0), "of a response to HEAD nothing is kept");
    }

    #[test]
    fn the_mark_grows_with_a_peer_that_takes_everything() {
        let session = Arc::new(SessionHandle::new(1, Endpoint::default(), Arc::default(), Arc::default()));
        let mut grown = content();
        let pass = |content: &mut Content, bytes: usize, taken: usize| {
            content.write(&vec![0; bytes], false).unwrap();
            content.take(taken);
            content.grow(&session);
            content.high_water()
        };
        assert_eq!(pass(&mut grown, 100, 100), 100, "a short body says nothing of its peer");
        assert_eq!(pass(&mut grown, 300, 200), 100, "the peer is slow");
        grown.take(100);
        assert_eq!(pass(&mut grown, 100, 100), 200);
        let mut beside = Content::default();
        beside.begin_beside(&grown);
        assert_eq!(beside.high_water(), 100, "another response begins as this one did");
        for _ in 0..50 {
            pass(&mut grown, 200, 200);
        }
        assert_eq!(grown.high_water(), 1000);
        grown.set_high_water(50).unwrap();
        assert_eq!(pass(&mut grown, 40, 40), 50, "what the host says holds");
    }
}
