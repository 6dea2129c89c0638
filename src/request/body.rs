//! The body of a request as it is received.
//!
//! The session's task takes content from the protocol engine as it arrives and collects
//! it here. The stream's flow-control window bounds it; the window is reopened only by
//! the bytes that the host has consumed. The host takes the body in one of three ways:
//! pushed into a callback, read into its own buffer, or collected whole.

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

/// Receives the pieces in order. The last call is marked as the last, and its piece may
/// be empty.
pub type OnBody = Box<dyn FnMut(Subject, &[u8], bool) + Send>;
/// Receives the whole body.
pub type OnCollected = Box<dyn FnOnce(Subject, &[u8]) + Send>;

/// Shorter pieces are merged, so that a peer that sends one byte at a time does not
/// cost one buffer per byte.
const SMALL: usize = 1024;

/// How the host takes the body.
pub enum Reader {
    /// The host has not chosen yet.
    Undecided,
    Pushed(OnBody),
    Pulled(OnReady),
    Collected(OnCollected),
    /// Delivered to a queue as records.
    Queued,
    /// The hook is being called, or the body has been delivered.
    Away,
    /// The hook of a pulled body is being called, and may read.
    PulledAway,
}

/// What to do after the entry's lock is released.
pub enum Delivery {
    Piece(OnBody, Bytes, bool),
    Ready(OnReady),
    Whole(OnCollected, Bytes),
    /// More arrived than the library collects, for this body or for all bodies of the
    /// session.
    TooLarge,
    TooLargeTogether,
}

/// The share of a collected body in what its session may collect, given back on drop.
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
    /// Bytes that the host has taken and for which the window is not yet reopened.
    consumed: usize,
    /// Bytes that a queue's host was given and has not consumed.
    lent: usize,
    /// All bytes received.
    received: u64,
    /// Whether the peer has sent the end of the body.
    ended: bool,
    /// Whether the end has been delivered to the host.
    end_told: bool,
    paused: bool,
    /// Whether a pulled reader found no bytes and waits for a notification.
    starved: bool,
    /// The host reads it, and has perhaps given no hook.
    is_read: bool,
    collect_limit: usize,
    /// Present while the body is collected.
    share: Option<Share>,
    reader: Reader,
    /// Boxed, since few requests have trailers.
    pub trailers: Option<Box<HeaderList>>,
}

impl Body {
    /// A body that is still to be received, or an empty one if `ended`.
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

    /// The bytes of memory of what was received and the host has not consumed.
    pub fn memory(&self) -> usize {
        self.held + self.lent + self.pieces.capacity() * size_of::<Bytes>()
    }

    /// Those of the trailer section.
    pub fn memory_of_trailers(&self) -> usize {
        self.trailers.as_ref().map_or(0, |trailers| size_of::<HeaderList>() + trailers.memory())
    }

    /// Takes a piece received from the peer.
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

    /// Whether the host has the whole body or receives no more of it.
    pub fn is_over(&self) -> bool {
        self.ended && (self.end_told || matches!(self.reader, Reader::Away))
    }

    /// Drops the bytes received and their receiver.
    pub fn drop_pieces(&mut self) {
        self.pieces = VecDeque::new();
        self.held = 0;
        self.share = None;
        self.reader = Reader::Away;
    }

    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether the library collects it and the peer has not sent all of it.
    pub fn is_awaited(&self) -> bool {
        matches!(self.reader, Reader::Collected(_)) && !self.ended
    }

    /// The bytes by which to open the window. Each byte is returned once.
    pub fn take_consumed(&mut self) -> usize {
        std::mem::take(&mut self.consumed)
    }

    /// Whether the host has asked for the body.
    pub fn is_wanted(&self) -> bool {
        !matches!(self.reader, Reader::Undecided)
    }

    /// Sets how the host takes the body, once.
    pub fn set_reader(&mut self, reader: Reader) -> Result<()> {
        if self.is_wanted() || self.is_read && !matches!(reader, Reader::Pulled(_)) {
            return Err(Error::State("the body is read in another way already"));
        }
        // A pulled reader is notified of bytes that are already there.
        self.starved = matches!(reader, Reader::Pulled(_));
        self.reader = reader;
        Ok(())
    }

    pub fn collect(&mut self, limit: usize, mut share: Share, on_collected: OnCollected) -> Result<()> {
        self.set_reader(Reader::Collected(on_collected))?;
        self.collect_limit = limit;
        // The limits bound a collected body, so that the window does not have to.
        self.consumed += self.held;
        share.take(self.held);
        self.share = Some(share);
        Ok(())
    }

    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Copies available bytes into `out`. `Ok(0)` is the end of the body.
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

    /// The callback that is due now, if any.
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

    /// Bytes received and not delivered.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether all of it is held, with nothing behind it, and is no more than that.
    pub fn is_whole(&self, most: usize) -> bool {
        self.ended && self.trailers.is_none() && self.held <= most
    }

    /// Whether there is something that has not been delivered to a queue's host.
    pub fn has_to_lend(&self) -> bool {
        matches!(self.reader, Reader::Queued) && (self.held > 0 || (self.ended && !self.end_told))
    }

    /// Appends everything that is held to `out` and counts it as consumed.
    pub fn give(&mut self, out: &mut Vec<u8>) {
        self.consumed += self.move_to(out, usize::MAX);
    }

    /// Appends about `most` of the held bytes to `out`; `give_back` reports them as
    /// consumed. Returns true if they include the end of the body.
    pub fn lend(&mut self, out: &mut Vec<u8>, most: usize) -> bool {
        self.lent += self.move_to(out, most);
        self.end_told
    }

    /// Takes whole pieces until they are `most` bytes or more.
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

    /// Counts as consumed this many of the bytes handed out before.
    pub fn give_back(&mut self, bytes: u64) -> Result<()> {
        let given = usize::try_from(bytes).ok().filter(|bytes| *bytes <= self.lent);
        let given = given.ok_or_else(|| {
            Error::invalid(format_args!("{bytes} bytes cannot be consumed: {} are not consumed yet", self.lent))
        })?;
        self.lent -= given;
        self.consumed += given;
        Ok(())
    }

    /// Takes the hook back after its call.
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
