//! What has come from the peer and is not taken yet.
//!
//! A read goes into a buffer of the thread, and the engine takes it from there.
//! Only what it cannot take yet is kept, so an idle connection holds no buffer.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use super::buffered_socket::BufferedSocket;
use crate::transport::Transport;

/// How much is read in one system call.
const READ: usize = 64 << 10;
/// How much is read ahead of what may be taken.
pub(super) const AHEAD: usize = 16 << 10;

thread_local! {
    /// One buffer for all connections of a thread: it is needed only while what
    /// was read is taken.
    static READING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and not taken.
#[derive(Default)]
pub struct Input {
    held: Vec<u8>,
}

/// Bytes on their way to the engine, out of the input until they are returned.
pub struct Loan {
    bytes: Vec<u8>,
    len: usize,
    is_of_thread: bool,
}

impl Input {
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// The bytes of memory that it holds.
    pub fn memory(&self) -> usize {
        self.held.capacity()
    }

    /// Lends what was read before. None if there is nothing.
    pub fn lend(&mut self) -> Option<Loan> {
        let bytes = mem::take(&mut self.held);
        if bytes.is_empty() { None } else { Some(Loan { len: bytes.len(), bytes, is_of_thread: false }) }
    }

    /// Reads once, up to `most` bytes, and lends all that is there now. Nothing
    /// is read when the peer has closed its side.
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

    /// The loan ends; what stands behind its first `taken` bytes is kept.
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
