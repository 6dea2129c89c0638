//! The socket of a session with its output buffer and byte counts.
//!
//! Output is gathered and sent when the task has done all other work, so that many small
//! responses leave in one system call. A session holds a buffer only while it has output.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use crate::output::Output;
use crate::transport::Transport;

/// A buffer is compacted when this many of its bytes have been sent.
const SENT: usize = 256 << 10;
/// The most slices of one system call. Chunked content that is gathered to the limit has
/// two for each block of 16 KiB that the host has written, 40 by default, and a few more
/// for what is left of blocks.
const SLICES: usize = 64;
/// Output is sent when this much has been gathered, although more input is available. A
/// response may have this much here in addition to what the host may queue.
pub(super) const GATHERED: usize = 256 << 10;
/// The most bytes that are read and discarded from a peer after the protocol has ended.
const DISCARDED: usize = 4 << 20;
/// How many buffers a thread keeps for its sessions, and how large each may be. Sessions
/// that are ready at the same time fill one buffer each before the first of them sends.
const KEPT_BUFFERS: usize = 64;
const KEPT_BYTES: usize = 32 << 10;
/// How many of them may be larger, and how large.
const KEPT_LARGE: usize = 2;
const LARGE_BYTES: usize = 512 << 10;
/// The initial capacity of a new buffer.
const FIRST_BYTES: usize = 4096;

thread_local! {
    /// Empty buffers with capacity, which are used again while the cache holds them.
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

pub struct BufferedSocket<S> {
    /// None after the session has dropped the socket.
    socket: Option<S>,
    /// Output that the kernel has not accepted yet.
    out: Output,
    /// Whether the peer has closed its side (FIN).
    pub peer_finished: bool,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// How many bytes were read only to be discarded.
    discarded: usize,
}

impl<S: Transport> BufferedSocket<S> {
    pub fn new(socket: S) -> Self {
        let out = Output::new(socket.is_write_vectored());
        Self { socket: Some(socket), out, peer_finished: false, bytes_in: 0, bytes_out: 0, discarded: 0 }
    }
}

impl<S> BufferedSocket<S> {
    /// Drops the socket. Later calls fail.
    pub fn take_socket(&mut self) -> Option<S> {
        self.socket.take()
    }

    /// How many bytes wait for the socket.
    pub fn unsent(&self) -> usize {
        self.out.len()
    }

    /// How much memory the waiting bytes occupy.
    pub fn memory(&self) -> usize {
        self.out.memory()
    }

    /// Whether the socket sends long pieces without a copy.
    pub fn lends(&self) -> bool {
        self.out.lends()
    }

    /// The position of the last gathered byte in the output stream of the connection.
    pub fn end(&self) -> u64 {
        self.bytes_out + self.unsent() as u64
    }

    /// The output buffer, to append to.
    pub fn gather(&mut self) -> &mut Output {
        if !self.out.has_buffer() {
            self.out.set_buffer(BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(FIRST_BYTES)));
        }
        if self.out.left_behind() >= SENT {
            // A slow peer takes a part at a time. Memory of the sent part is freed.
            self.out.compact();
        }
        &mut self.out
    }

    /// Releases the buffer if there is no output: an idle session holds none.
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
    /// How much memory the transport holds.
    pub fn memory_of_transport(&self) -> usize {
        self.socket.as_ref().map_or(0, Transport::memory)
    }

    /// How many bytes were given to the socket that the peer has not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.socket.as_ref().map_or(0, Transport::unacknowledged)
    }

    /// How many bytes wait for the kernel, or in the kernel for the peer.
    pub fn under_way(&self) -> usize {
        self.unsent() + self.unacknowledged()
    }

    /// The position, in the output stream, of the last byte that the kernel has accepted.
    /// It may be too low over TLS, whose records are longer than their content.
    pub fn left(&self) -> u64 {
        let held = self.socket.as_ref().map_or(0, Transport::held);
        self.bytes_out.saturating_sub(held as u64)
    }

    /// Whether bytes wait for the kernel.
    pub fn has_unsent(&self) -> bool {
        self.unsent() > 0 || self.socket.as_ref().is_some_and(|socket| socket.held() > 0)
    }

    /// Reads available input and appends it to `buf`. Reads nothing after the peer has
    /// closed its side.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.socket()?.poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        self.peer_finished |= read == 0;
        self.bytes_in += read as u64;
        Poll::Ready(Ok(()))
    }

    /// Sends the gathered output. Ready when the kernel has accepted all of it.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let Some(socket) = &mut self.socket else { return Poll::Ready(Err(gone())) };
            let sent = match self.out.only_slice() {
                Some(slice) => ready!(Pin::new(socket).poll_write(cx, slice))?,
                None => ready!(poll_write_slices(Pin::new(socket), cx, &self.out))?,
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

    /// Closes our side (FIN).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }

    /// Reads and discards input until the peer closes its side. When a socket is closed
    /// with unread input, the kernel resets the connection, and the reset may overtake
    /// the last output. After a limit nothing more is read: [`Self::is_flooded`]. `see`
    /// is called with the discarded input.
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

    /// Whether the peer has sent so much that nothing more is read.
    pub fn is_flooded(&self) -> bool {
        self.discarded >= DISCARDED
    }

    /// Whether the peer has closed its side or is lost, also if unread input is left.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_end(cx)
    }

    /// Drops the socket with SO_LINGER 0, so that the kernel keeps no output for a peer
    /// that does not read.
    pub fn close_hard(&mut self) {
        if let Some(socket) = self.take_socket() {
            socket.close_hard();
        }
    }

    fn socket(&mut self) -> io::Result<Pin<&mut S>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(gone)
    }
}

/// Sends the start of output that is in several pieces.
fn poll_write_slices<S: Transport>(socket: Pin<&mut S>, cx: &mut Context<'_>, out: &Output) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let count = out.slices(&mut slices);
    socket.poll_write_vectored(cx, &slices[..count])
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}
