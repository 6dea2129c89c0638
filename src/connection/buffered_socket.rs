//! The socket of a session, what is gathered for it, and how much has passed.
//!
//! What is written is gathered and sent when the session's task has done all it
//! could do, so that many small responses leave in one system call. A busy
//! session holds the buffer for it, an idle one none.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use crate::output::Output;
use crate::transport::Transport;

/// What has left of a buffer before the rest is moved to its start.
const SENT: usize = 256 << 10;
/// Slices that one system call is given at most.
const SLICES: usize = 32;
/// What is gathered before it is sent though more has come; a response may have so
/// much here beside what the host allows it.
pub(super) const GATHERED: usize = 256 << 10;
/// What is read and thrown away of a peer that goes on talking when all is said.
const DISCARDED: usize = 4 << 20;
/// Buffers that a thread keeps for its sessions, and how large at most: those that
/// are ready together write into one each before the first of them sends.
const KEPT_BUFFERS: usize = 64;
const KEPT_BYTES: usize = 32 << 10;
/// So many may be larger, and up to that.
const KEPT_LARGE: usize = 2;
const LARGE_BYTES: usize = 512 << 10;
/// What a new one has room for.
const FIRST_BYTES: usize = 4096;

thread_local! {
    /// Empty buffers with room, for reuse while they are warm.
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

pub struct BufferedSocket<S> {
    /// None once the session has given it up.
    socket: Option<S>,
    /// Gathered, not yet with the kernel.
    out: Output,
    /// Whether the peer has closed its side.
    pub peer_finished: bool,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Bytes that were read only to be thrown away.
    discarded: usize,
}

impl<S: Transport> BufferedSocket<S> {
    pub fn new(socket: S) -> Self {
        let out = Output::new(socket.is_write_vectored());
        Self { socket: Some(socket), out, peer_finished: false, bytes_in: 0, bytes_out: 0, discarded: 0 }
    }
}

impl<S> BufferedSocket<S> {
    /// Gives the socket up; what is still wanted of it fails.
    pub fn take_socket(&mut self) -> Option<S> {
        self.socket.take()
    }

    /// Bytes that wait for the socket.
    pub fn unsent(&self) -> usize {
        self.out.len()
    }

    /// The bytes of memory that wait for the socket.
    pub fn memory(&self) -> usize {
        self.out.memory()
    }

    /// Whether the socket takes long pieces from where they stand.
    pub fn lends(&self) -> bool {
        self.out.lends()
    }

    /// Where the last byte that is gathered will stand among all that leave.
    pub fn end(&self) -> u64 {
        self.bytes_out + self.unsent() as u64
    }

    /// What is gathered, to be added to.
    pub fn gather(&mut self) -> &mut Output {
        if !self.out.has_buffer() {
            self.out.set_buffer(BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(FIRST_BYTES)));
        }
        if self.out.left_behind() >= SENT {
            // A slow reader takes a part at a time: what it has is given back.
            self.out.compact();
        }
        &mut self.out
    }

    /// If nothing is left to send: an idle session holds no buffer.
    pub fn rest(&mut self) {
        if let Some(buffer) = self.out.take_buffer() {
            BUFFERS.with_borrow_mut(|buffers| {
                let most = if buffers.len() < KEPT_LARGE { LARGE_BYTES } else { KEPT_BYTES };
                if buffers.len() < KEPT_BUFFERS && buffer.capacity() <= most {
                    buffers.push(buffer);
                }
            });
        }
    }
}

impl<S: Transport> BufferedSocket<S> {
    /// The bytes of memory that the transport holds.
    pub fn memory_of_transport(&self) -> usize {
        self.socket.as_ref().map_or(0, Transport::memory)
    }

    /// Bytes given to the socket that the peer does not have.
    pub fn unacknowledged(&self) -> usize {
        self.socket.as_ref().map_or(0, Transport::unacknowledged)
    }

    /// Bytes that wait for the kernel, or with it for the peer.
    pub fn under_way(&self) -> usize {
        self.unsent() + self.unacknowledged()
    }

    /// Where the last byte that the kernel has stands among all that leave, or
    /// somewhat before it: what TLS holds has grown by its records.
    pub fn left(&self) -> u64 {
        let held = self.socket.as_ref().map_or(0, Transport::held);
        self.bytes_out.saturating_sub(held as u64)
    }

    /// Whether bytes wait for the kernel.
    pub fn has_unsent(&self) -> bool {
        self.unsent() > 0 || self.socket.as_ref().is_some_and(|socket| socket.held() > 0)
    }

    /// Reads what has come, behind what `buf` holds. Nothing is read when the
    /// peer has closed its side.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.socket()?.poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        self.peer_finished |= read == 0;
        self.bytes_in += read as u64;
        Poll::Ready(Ok(()))
    }

    /// Sends what is gathered. Ready when all of it is with the kernel.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let Some(socket) = &mut self.socket else { return Poll::Ready(Err(gone())) };
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.out.slices(&mut slices);
            let sent = match count {
                1 => ready!(Pin::new(socket).poll_write(cx, &slices[0]))?,
                _ => ready!(Pin::new(socket).poll_write_vectored(cx, &slices[..count]))?,
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.bytes_out += sent as u64;
            self.out.advance(sent);
        }
        self.rest();
        self.socket()?.poll_flush(cx)
    }

    /// Closes our side.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }

    /// Reads and throws away until the peer closes its side. What stands unread
    /// when a socket is closed makes the kernel reset it, and a reset may
    /// overtake what was said last. At a limit no more is read: [`Self::is_flooded`].
    /// `see` is shown what is thrown away.
    pub fn poll_discard(&mut self, cx: &mut Context<'_>, mut see: impl FnMut(&[u8])) -> Poll<()> {
        let mut bytes = [0; 4096];
        while !self.peer_finished {
            if self.is_flooded() {
                return Poll::Pending;
            }
            let mut taken = ReadBuf::new(&mut bytes);
            match ready!(self.poll_read(cx, &mut taken)) {
                Ok(()) => {
                    self.discarded += taken.filled().len();
                    see(taken.filled());
                }
                Err(_) => self.peer_finished = true,
            }
        }
        Poll::Ready(())
    }

    /// Whether the peer has sent so much that nothing more of it is read.
    pub fn is_flooded(&self) -> bool {
        self.discarded >= DISCARDED
    }

    /// Whether the peer has closed its side, or is lost, though bytes of it may
    /// stand unread.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_end(cx)
    }

    /// Drops the socket so that the kernel keeps nothing for a peer that does not read.
    pub fn close_hard(&mut self) {
        if let Some(socket) = self.take_socket() {
            socket.close_hard();
        }
    }

    fn socket(&mut self) -> io::Result<Pin<&mut S>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(gone)
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}
