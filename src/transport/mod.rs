//! The transport of a connection: a socket, or TLS over a socket.

mod socket;
mod stream;
mod tls;

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

pub use socket::Socket;
pub use stream::Stream;
pub use tls::TlsSocket;

/// The protocol of a connection.
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

/// What a session needs of its transport.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Makes the next close drop unsent data and reset the connection (SO_LINGER 0), so
    /// that the kernel keeps nothing for a peer that does not read.
    fn close_hard(&self);

    /// The bytes that it has accepted and not yet passed to the kernel.
    fn held(&self) -> usize {
        0
    }

    /// The bytes of memory that it holds beside itself.
    fn memory(&self) -> usize {
        0
    }

    /// The bytes that the peer has not acknowledged.
    fn unacknowledged(&self) -> usize;

    /// Ready when the peer has closed its side or the connection has failed, even if
    /// bytes of the peer are unread.
    fn poll_end(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}
