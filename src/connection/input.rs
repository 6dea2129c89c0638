//! Input that was read from the socket and not taken by the engine.
//!
//! Each read fills a buffer of the thread, and the engine takes the bytes from there.
//! Only what it cannot take yet is kept, so an idle connection holds no buffer.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use super::buffered_socket::BufferedSocket;
use crate::transport::Transport;

/// How much one system call reads.
const READ: usize = 64 << 10;
/// How much is read beyond what the engine may take.
pub(super) const AHEAD: usize = 16 << 10;

thread_local! {
    /// One buffer for all connections of a thread. A connection needs it only until it
    /// has processed what it has read.
    static READING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and not taken.
#[derive(Default)]
pub struct Input {
    held: Vec<u8>,
}

/// Bytes that are lent to the engine until [`Input::give_back`].
pub struct Loan {
    bytes: Vec<u8>,
    len: usize,
    is_of_thread: bool,
}

impl Input {
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// How much memory the input holds.
    pub fn memory(&self) -> usize {
        self.held.capacity()
    }

    /// Lends the bytes that were kept, or `None` if there are none.
    pub fn lend(&mut self) -> Option<Loan> {
        let bytes = mem::take(&mut self.held);
        if bytes.is_empty() { None } else { Some(Loan { len: bytes.len(), bytes, is_of_thread: false }) }
    }

    /// Reads once, up to `most` bytes, and lends everything that is available. Reads
    /// nothing after the peer has closed its side.
    pub fn poll_read<S: Transport>(
        &mut self,
        socket: &mut BufferedSocket<S>,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Loan>>> {
        let mut bytes = READING.take();
        bytes.resize(READ, 0);
        let mut buf = ReadBuf::new(&mut bytes[..most.min(READ)]);
        let polled = socket.poll_read(cx, &mut buf);
        let len = buf.filled().len();
        if polled.is_ready() && len > 0 && self.held.is_empty() {
            return Poll::Ready(Ok(Some(Loan { bytes, len, is_of_thread: true })));
        }
        self.held.extend_from_slice(&bytes[..len]);
        READING.set(bytes);
        ready!(polled)?;
        Poll::Ready(Ok(if len > 0 { self.lend() } else { None }))
    }

    /// Ends the loan. All bytes after the first `taken` ones are kept.
    pub fn give_back(&mut self, loan: Loan, taken: usize) {
        let Loan { mut bytes, len, is_of_thread } = loan;
        if is_of_thread {
            self.held = bytes[taken..len].to_vec();
            READING.set(bytes);
        } else if taken < len {
            bytes.drain(..taken);
            self.held = bytes;
        }
    }
}

impl Loan {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
