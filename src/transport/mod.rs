//! What a connection speaks through: a socket, or TLS over it.

mod socket;
mod stream;
mod tls;

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

pub use socket::Socket;
pub use stream::Stream;
pub use tls::TlsSocket;

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// Its name for ALPN (RFC 7301).
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http1 => "http/1.1",
            Protocol::Http2 => "h2",
        }
    }
}

/// What a session needs of the thing it speaks through.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Makes the coming close drop unsent data and reset the connection, so
    /// that the kernel keeps nothing for a peer that does not read.
    fn close_hard(&self);

    /// Bytes that it has taken and the kernel has not.
    fn held(&self) -> usize {
        0
    }

    /// Bytes taken that the peer has not acknowledged.
    fn unacknowledged(&self) -> usize;

    /// Ready when the peer has closed its side or the connection has failed,
    /// though bytes of the peer may stand unread.
    fn poll_end(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}
