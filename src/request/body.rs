//! A request's body on its way in.
//!
//! The session's task takes content from the engine as it comes and gathers it here,
//! bounded by the stream's flow-control window, which is opened again only by
//! what the host has consumed. The host takes it in one of three ways: pushed
//! into a callback, read into its own buffer, or collected whole.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Bytes, BytesMut};

use super::{OnReady, Subject};
use crate::error::{Error, Result};
use crate::header_list::HeaderList;
use crate::session::SessionHandle;

/// Gets the pieces in order; the last call says that it is the last, and may be empty.
pub type OnBody = Box<dyn FnMut(Subject, &[u8], bool) + Send>;
/// Gets the whole body.
pub type OnCollected = Box<dyn FnOnce(Subject, &[u8]) + Send>;

/// Pieces shorter than this are put together, so that a peer that sends a
/// byte at a time does not cost a buffer a byte.
const SMALL: usize = 1024;

/// How the host takes the body.
pub enum Reader {
    /// The host has not said yet.
    Undecided,
    Pushed(OnBody),
    Pulled(OnReady),
    Collected(OnCollected),
    /// Told to a queue, in records.
    Queued,
    /// The hook is out being called, or the body has been delivered.
    Away,
    /// The hook of a pulled body is out being called, and may read.
    PulledAway,
}

/// What to do next outside the entry's lock.
pub enum Delivery {
    Piece(OnBody, Bytes, bool),
    Ready(OnReady),
    Whole(OnCollected, Bytes),
    /// More came than the library collects: of this body, or of all bodies of its session.
    TooLarge,
    TooLargeTogether,
}

/// A collected body's part of what its session may collect, given back when it is dropped.
pub struct Share {
    session: Arc<SessionHandle>,
    limit: usize,
    bytes: usize,
}

impl Share {
    pub fn new(session: &Arc<SessionHandle>, limit: usize) -> Self {
        Self { session: session.clone(), limit, bytes: 0 }
    }

    fn take(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.session.counters.collected.fetch_add(bytes, Relaxed);
    }

    /// Whether the session has no room for it.
    fn is_over(&self) -> bool {
        self.bytes > 0 && self.session.counters.collected.load(Relaxed) > self.limit
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.session.counters.collected.fetch_sub(self.bytes, Relaxed);
    }
}

pub struct Body {
    pieces: VecDeque<Bytes>,
    /// Bytes in `pieces`.
    held: usize,
    /// Bytes the host has taken, for which the window is to be opened.
    consumed: usize,
    /// Bytes that a queue's host was given and has not consumed.
    lent: usize,
    /// Bytes that have come in all.
    received: u64,
    /// Whether the peer has sent the last of it.
    ended: bool,
    /// Whether the host was given the end.
    end_told: bool,
    paused: bool,
    /// A pulled reader found nothing and waits to be told.
    starved: bool,
    /// The host reads it, and has perhaps given no hook.
    is_read: bool,
    collect_limit: usize,
    /// While it is collected.
    share: Option<Share>,
    reader: Reader,
    /// Boxed, since few requests have any.
    pub trailers: Option<Box<HeaderList>>,
}

impl Body {
    /// A body that is still to come, or none if `ended`.
    pub fn new(ended: bool) -> Self {
        Self {
            pieces: VecDeque::new(),
            held: 0,
            consumed: 0,
            lent: 0,
            received: 0,
            ended,
            end_told: false,
            paused: false,
            starved: false,
            is_read: false,
            collect_limit: 0,
            share: None,
            reader: Reader::Undecided,
            trailers: None,
        }
    }

    /// The bytes that have come and that the host has not consumed, trailers among them.
    pub fn memory(&self) -> usize {
        self.held + self.lent + self.trailers.as_ref().map_or(0, |trailers| trailers.memory())
    }

    /// A piece came from the peer.
    pub fn arrived(&mut self, piece: Bytes) {
        self.held += piece.len();
        self.received += piece.len() as u64;
        if let Some(share) = &mut self.share {
            self.consumed += piece.len();
            share.take(piece.len());
        }
        match self.pieces.pop_back() {
            Some(last) if last.len() + piece.len() <= SMALL => {
                let mut joined = last.try_into_mut().unwrap_or_else(|last| BytesMut::from(&last[..]));
                joined.extend_from_slice(&piece);
                self.pieces.push_back(joined.freeze());
            }
            last => {
                self.pieces.extend(last);
                self.pieces.push_back(if piece.len() < SMALL { Bytes::copy_from_slice(&piece) } else { piece });
            }
        }
    }

    pub fn arrived_whole(&mut self, trailers: Option<HeaderList>) {
        self.ended = true;
        self.trailers = trailers.map(Box::new);
    }

    /// A piece of `len` bytes has come, perhaps the last, and is the next that the
    /// host gets: the hook for it. None if the piece has to arrive as others do.
    pub fn pass(&mut self, len: usize, is_last: bool) -> Option<OnBody> {
        let is_next = !self.paused && !self.ended && self.pieces.is_empty() && (len > 0 || is_last);
        if !is_next || !matches!(self.reader, Reader::Pushed(_)) {
            return None;
        }
        self.received += len as u64;
        self.consumed += len;
        (self.ended, self.end_told) = (is_last, is_last);
        self.take_on_body()
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the host has all of it, or gets no more.
    pub fn is_over(&self) -> bool {
        self.ended && (self.end_told || matches!(self.reader, Reader::Away))
    }

    /// Lets go of what has come and of who was to get it.
    pub fn drop_pieces(&mut self) {
        self.pieces = VecDeque::new();
        self.held = 0;
        self.share = None;
        self.reader = Reader::Away;
    }

    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether the library gathers it and the peer has not sent all of it.
    pub fn is_awaited(&self) -> bool {
        matches!(self.reader, Reader::Collected(_)) && !self.ended
    }

    /// Bytes to open the window for, counted once.
    pub fn take_consumed(&mut self) -> usize {
        std::mem::take(&mut self.consumed)
    }

    /// Whether the host has said that it wants the body.
    pub fn is_wanted(&self) -> bool {
        !matches!(self.reader, Reader::Undecided)
    }

    /// The host says how it takes the body, once.
    pub fn set_reader(&mut self, reader: Reader) -> Result<()> {
        if self.is_wanted() || self.is_read && !matches!(reader, Reader::Pulled(_)) {
            return Err(Error::State("the body is read in another way already"));
        }
        // A pulled reader is told of what is there already.
        self.starved = matches!(reader, Reader::Pulled(_));
        self.reader = reader;
        Ok(())
    }

    pub fn collect(&mut self, limit: usize, mut share: Share, on_collected: OnCollected) -> Result<()> {
        self.set_reader(Reader::Collected(on_collected))?;
        self.collect_limit = limit;
        // The limits bound a collected body, so the window need not.
        self.consumed += self.held;
        share.take(self.held);
        self.share = Some(share);
        Ok(())
    }

    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Copies what is there into `out`. Ok(0) at the end of the body.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if !matches!(self.reader, Reader::Undecided | Reader::Pulled(_) | Reader::PulledAway) {
            return Err(Error::State("the body is delivered in another way"));
        }
        self.is_read = true;
        let mut filled = 0;
        while filled < out.len() {
            let Some(piece) = self.pieces.front_mut() else { break };
            let taken = piece.len().min(out.len() - filled);
            out[filled..filled + taken].copy_from_slice(&piece.split_to(taken));
            filled += taken;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        self.held -= filled;
        self.consumed += filled;
        self.end_told |= filled == 0 && !out.is_empty() && self.ended;
        if filled == 0 && !out.is_empty() && !self.ended {
            self.starved = true;
            return Err(Error::WouldBlock("no part of the body is here yet"));
        }
        Ok(filled)
    }

    /// What the host is to be called with now, if anything.
    pub fn next_delivery(&mut self) -> Option<Delivery> {
        match &mut self.reader {
            Reader::Pushed(_) => self.next_piece(),
            Reader::Pulled(_) if self.starved && (self.held > 0 || self.ended) => {
                self.starved = false;
                match std::mem::replace(&mut self.reader, Reader::PulledAway) {
                    Reader::Pulled(on_ready) => Some(Delivery::Ready(on_ready)),
                    _ => unreachable!("it was pulled a line ago"),
                }
            }
            Reader::Collected(_) => self.next_whole(),
            _ => None,
        }
    }

    /// Bytes that have come and were not delivered.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether all of it is held, with nothing behind it, and is no more than that.
    pub fn is_whole(&self, most: usize) -> bool {
        self.ended && self.trailers.is_none() && self.held <= most
    }

    /// Whether there is something that a queue's host was not given.
    pub fn has_to_lend(&self) -> bool {
        matches!(self.reader, Reader::Queued) && (self.held > 0 || (self.ended && !self.end_told))
    }

    /// Adds all that is held to `out`, as consumed.
    pub fn give(&mut self, out: &mut Vec<u8>) {
        self.consumed += self.move_to(out, usize::MAX);
    }

    /// Adds about `most` of what is held to `out`, to be consumed by
    /// `give_back`. True if it is the last of the body.
    pub fn lend(&mut self, out: &mut Vec<u8>, most: usize) -> bool {
        self.lent += self.move_to(out, most);
        self.end_told
    }

    /// Whole pieces, until they are `most` or more.
    fn move_to(&mut self, out: &mut Vec<u8>, most: usize) -> usize {
        let mut moved = 0;
        while moved < most
            && let Some(piece) = self.pieces.pop_front()
        {
            moved += piece.len();
            out.extend_from_slice(&piece);
        }
        self.held -= moved;
        self.end_told = self.ended && self.held == 0;
        moved
    }

    /// So much of what was lent has been consumed.
    pub fn give_back(&mut self, bytes: u64) -> Result<()> {
        let given = usize::try_from(bytes).ok().filter(|bytes| *bytes <= self.lent);
        let given = given.ok_or_else(|| Error::invalid(format_args!("of {bytes} bytes {} were given", self.lent)))?;
        self.lent -= given;
        self.consumed += given;
        Ok(())
    }

    /// The hook comes back from its call.
    pub fn restore(&mut self, reader: Reader) {
        self.reader = reader;
    }

    fn next_piece(&mut self) -> Option<Delivery> {
        if self.paused || self.end_told || (self.pieces.is_empty() && !self.ended) {
            return None;
        }
        let piece = self.pieces.pop_front().unwrap_or_default();
        self.held -= piece.len();
        self.consumed += piece.len();
        self.end_told = self.ended && self.pieces.is_empty();
        self.take_on_body().map(|on_body| Delivery::Piece(on_body, piece, self.end_told))
    }

    /// The hook of a pushed body, for a call.
    fn take_on_body(&mut self) -> Option<OnBody> {
        match std::mem::replace(&mut self.reader, Reader::Away) {
            Reader::Pushed(on_body) => Some(on_body),
            _ => unreachable!("only a pushed body gets here"),
        }
    }

    fn next_whole(&mut self) -> Option<Delivery> {
        if self.held > self.collect_limit {
            self.drop_pieces();
            return Some(Delivery::TooLarge);
        }
        if !self.ended {
            let is_over = self.share.as_ref().is_some_and(Share::is_over);
            return is_over.then(|| {
                self.drop_pieces();
                Delivery::TooLargeTogether
            });
        }
        let whole = self.join();
        self.share = None;
        match std::mem::replace(&mut self.reader, Reader::Away) {
            Reader::Collected(on_collected) => Some(Delivery::Whole(on_collected, whole)),
            _ => unreachable!("only a collected body gets here"),
        }
    }

    /// Everything held, as one piece.
    fn join(&mut self) -> Bytes {
        self.held = 0;
        if self.pieces.len() <= 1 {
            return self.pieces.pop_front().unwrap_or_default();
        }
        let mut whole = BytesMut::with_capacity(self.pieces.iter().map(Bytes::len).sum());
        self.pieces.drain(..).for_each(|piece| whole.extend_from_slice(&piece));
        whole.freeze()
    }
}
