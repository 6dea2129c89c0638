//! The wire between h2 and the socket.
//!
//! h2 reads and writes through a [`Tap`]; the session's task holds the other
//! end, the [`Wire`]. In passing, the wire reads every frame head in both
//! directions: that is where RST_STREAM, GOAWAY and the end of each stream
//! become visible, exactly when they reach or leave this process. Because it
//! knows the frame boundaries, it can also act: slip in frames of its own
//! between h2's, and hand h2 the PING answer that a silent peer owes.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::budget::Budget;
use super::frame::{self, ACK, Scanner, kind};
use super::seen::{Marks, Note, STREAM_MAX, Seen};
use crate::connection::departure::Outlet;
use crate::connection::port::Port;
use crate::transport::Transport;

/// What is gathered before a write goes out by itself.
const GATHER: usize = 256 * 1024;
/// Entries of a list for which its memory is kept.
const KEPT_ENTRIES: usize = 64;
/// The payload of the PING that h2 sends with its first GOAWAY.
const SHUTDOWN_PING: [u8; 8] = [0x0b, 0x7b, 0xa2, 0xf0, 0x8b, 0x9b, 0xfe, 0x54];
/// That of the PING by which h2 asks whether the peer is there.
const KEEPALIVE_PING: [u8; 8] = [0x3b, 0x7c, 0xdb, 0x7a, 0x0b, 0x87, 0x16, 0xb4];
/// Whether a PING of that payload would be taken for one of h2's.
pub fn is_ping_of_h2(payload: &[u8; 8]) -> bool {
    [SHUTDOWN_PING, KEEPALIVE_PING].contains(payload)
}

/// h2's end.
pub struct Tap<S>(pub Rc<RefCell<Wire<S>>>);

/// The socket and what passes.
pub struct Wire<S> {
    pub port: Port<S>,
    inbound: Scanner,
    outbound: Scanner,
    /// Frames of our own that wait until what is gathered ends with a whole frame.
    slipped: Vec<u8>,
    /// A PING answer that h2 is to read at the next boundary.
    answer: Vec<u8>,
    /// The socket had nothing to read when it was last asked, and will wake the
    /// task: until then there is no use in asking again, as h2 does for each request.
    is_dry: bool,
    /// Everything h2 still says is taken, however much waits already: it is the
    /// last, and short.
    pub is_forced: bool,
    seen: Seen,
    pub marks: Marks,
    pub budget: Budget,
}

impl<S: Transport> Wire<S> {
    pub fn new(socket: S, budget: Budget) -> Self {
        Self {
            port: Port::new(socket),
            inbound: Scanner::after(frame::PREFACE),
            outbound: Scanner::after(0),
            slipped: Vec::new(),
            answer: Vec::new(),
            is_dry: false,
            is_forced: false,
            seen: Seen::default(),
            marks: Marks::new(),
            budget,
        }
    }
}

impl<S> Wire<S> {
    /// The task was woken, perhaps by the socket, and time has passed.
    pub fn wake(&mut self, now: Instant) {
        self.is_dry = false;
        self.budget.refill(now);
    }

    /// Whether a header block or a control frame has begun and is not whole.
    pub fn is_mid_block(&self) -> bool {
        self.marks.is_block_open || self.inbound.is_mid_control()
    }

    /// What passed since the last look, if anything did. It comes back with `looked`.
    pub fn look(&mut self) -> Option<Seen> {
        self.seen.anything.then(|| std::mem::take(&mut self.seen))
    }

    /// Of that, what the peer said of the session, to be told before the rest is looked at.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.seen.notes)
    }

    /// What was looked at is used again if its lists are short: nearly every
    /// turn of a busy session needs them.
    pub fn looked(&mut self, mut seen: Seen) {
        if !self.seen.anything && seen.ended.capacity().max(seen.data.capacity()) <= KEPT_ENTRIES {
            seen.clear();
            self.seen = seen;
        }
    }

    /// Whether more than the session itself must say may be slipped in.
    pub fn has_room(&self) -> bool {
        self.port.unsent() + self.slipped.len() < GATHER
    }

    /// Has h2 read an answer to the PING of its first GOAWAY, so that it sends
    /// the second one.
    pub fn answer_shutdown_ping(&mut self) {
        frame::write(&mut self.answer, kind::PING, ACK, 0, &SHUTDOWN_PING);
    }

    /// Sends a frame of our own after what is gathered, as soon as that ends with a whole frame.
    pub fn slip_in(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        frame::write(&mut self.slipped, kind, flags, stream, payload);
        self.settle();
    }

    /// Asks the peer with a PING whose answer is the host's alone.
    pub fn ask(&mut self, payload: &[u8; 8]) {
        self.marks.asked.push(*payload);
        self.slip_in(kind::PING, 0, 0, payload);
    }

    /// Says the host's GOAWAY, which is none of the session's own. No later one
    /// may name a higher stream (RFC 9113, section 6.8), nor this one after others.
    pub fn say_goaway(&mut self, last_stream: u32, code: u32, debug: &[u8]) {
        let last_stream = self.lowered(last_stream.min(self.marks.our_goaway.unwrap_or(STREAM_MAX)));
        let payload = frame::goaway(last_stream, code, debug);
        self.marks.farewell.last_stream = Some(last_stream);
        self.marks.farewell.aside.push(frame::kept(&payload).to_vec());
        self.slip_in(kind::GOAWAY, 0, 0, &payload);
    }

    /// The last stream that a GOAWAY may still name.
    pub fn lowered(&self, last_stream: u32) -> u32 {
        last_stream.min(self.marks.farewell.last_stream.unwrap_or(STREAM_MAX))
    }

    /// Has the GOAWAYs of h2 that wait behind the host's name no higher stream than that.
    fn lower_goaways(&mut self) {
        let Some(most) = self.marks.farewell.last_stream else { return };
        let (mut scanner, mut rest) = (self.outbound.clone(), self.port.waiting_mut());
        while !rest.is_empty() {
            let step = if scanner.is_between_frames() { frame::whole(rest) } else { scanner.rest_of_frame(rest) };
            if scanner.is_between_frames() && frame::lower_goaway(rest, most) == Some(STREAM_MAX) {
                self.marks.farewell.first_ones += 1;
            }
            scanner.scan(&rest[..step], |_, _| {});
            rest = &mut rest[step..];
        }
    }

    fn settle(&mut self) {
        if !self.slipped.is_empty() && self.whole_end() == Some(self.port.unsent()) {
            self.port.write(&std::mem::take(&mut self.slipped));
        }
    }

    /// Takes back a frame that h2 will not complete, since it is gone. False if
    /// its start has left already: nothing more can be said on this connection.
    pub fn keep_whole_frames(&mut self) -> bool {
        self.whole_end().inspect(|end| self.port.take_back(*end)).is_some()
    }

    /// Where in what waits the last whole frame ends, or header block: nothing may stand inside one.
    fn whole_end(&self) -> Option<usize> {
        let mut scanner = self.outbound.clone();
        let (mut at, mut end) = (0, None);
        let mut is_block_open = self.marks.is_own_block_open;
        loop {
            let between = scanner.is_between_frames();
            if between && !is_block_open {
                end = Some(at);
            }
            let rest = &self.port.waiting()[at..];
            if rest.is_empty() {
                return end;
            }
            let step = if between { 1 } else { scanner.rest_of_frame(rest) };
            scanner.scan(&rest[..step], |frame, _| is_block_open = frame.leaves_block_open().unwrap_or(is_block_open));
            at += step;
        }
    }
}

impl<S: Transport> Wire<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if !self.answer.is_empty() && self.inbound.is_between_frames() && !self.marks.is_block_open {
            let taken = self.answer.len().min(buf.remaining());
            buf.put_slice(&self.answer[..taken]);
            self.answer.drain(..taken);
            return Poll::Ready(Ok(()));
        }
        if self.is_dry || self.budget.is_overdrawn() {
            // The session's task sees to it that this is asked again.
            return Poll::Pending;
        }
        loop {
            let polled = self.port.poll_read(cx, buf);
            self.is_dry = polled.is_pending();
            ready!(polled)?;
            if buf.filled().len() == before || !self.scan_read(buf, before) {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Sees what was read. True if all of it was for us and nothing for h2.
    fn scan_read(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> bool {
        let read = &buf.filled()[before..];
        let start = self.port.bytes_in - read.len() as u64;
        let Self { seen, marks, budget, .. } = self;
        let mut answers = Vec::new();
        self.inbound.scan(read, |frame, payload| {
            marks.framed += frame.bytes();
            if marks.is_answer(frame, payload) {
                marks.frames_in += 1;
                answers.push(marks.framed);
                return seen.note(Note::Pong(payload.to_vec()));
            }
            budget.received(frame);
            seen.inbound(marks, frame, payload);
        });
        for end in answers.into_iter().rev() {
            // One that began in an earlier read is h2's already, which knows it not and passes it over.
            if let Some(at) = (end - start).checked_sub(frame::PING_BYTES) {
                cut(buf, before + at as usize, frame::PING_BYTES as usize);
            }
        }
        buf.filled().len() == before
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.port.unsent() >= GATHER && !self.is_forced {
            ready!(self.poll_send(cx))?;
        }
        self.port.write(bytes);
        if self.marks.farewell.last_stream.is_some() {
            self.lower_goaways();
        }
        self.settle();
        Poll::Ready(Ok(bytes.len()))
    }
}

impl<S: Transport> Outlet<S> for Wire<S> {
    fn port(&mut self) -> &mut Port<S> {
        &mut self.port
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { port, outbound, seen, marks, budget, .. } = self;
        port.poll_send(cx, |bytes| {
            outbound.scan(bytes, |frame, payload| {
                if frame.kind == kind::DATA {
                    budget.sent_data();
                }
                seen.outbound(marks, frame, payload);
            });
        })
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { port, inbound, marks, .. } = self;
        // Streams that come now are too late, as they were before.
        port.poll_discard(cx, |bytes| {
            inbound.scan(bytes, |frame, _| {
                marks.is_late(frame);
            })
        })
    }
}

/// Takes `count` bytes at `at` out of what was read.
fn cut(buf: &mut ReadBuf<'_>, at: usize, count: usize) {
    let rest = buf.filled().len() - count;
    buf.filled_mut().copy_within(at + count.., at);
    buf.set_filled(rest);
}

impl<S: Transport> AsyncRead for Tap<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buf)
    }
}

impl<S: Transport> AsyncWrite for Tap<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, bytes)
    }

    /// Not here: the session's task sends when it has done all it can.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Not here: the last bytes may take their time, which is the session's to bound.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
