//! A socket that buffers more than the kernel accepts, as TLS does. The buffered bytes
//! are sent without further writes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, duplex};

use super::*;

/// How much it accepts at a time.
const TAKES: usize = 64 << 10;

struct Holding {
    socket: DuplexStream,
    held: Vec<u8>,
}

impl Holding {
    fn of(socket: DuplexStream) -> Self {
        Self { socket, held: Vec::new() }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.held))?;
            self.held.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Holding {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Holding {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        let taken = bytes.len().min(TAKES);
        self.held.extend_from_slice(&bytes[..taken]);
        match self.poll_drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_drain(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl Transport for Holding {
    fn close_hard(&self) {}

    fn held(&self) -> usize {
        self.held.len()
    }

    fn unacknowledged(&self) -> usize {
        self.held.len()
    }
}

#[test]
fn the_end_of_a_response_is_flushed() {
    in_virtual_time(async {
        let mut peer = Peer::through(Holding::of, Config::default(), 1 << 12, responds_much);
        for _ in 0..2 {
            peer.send(GET).await;
            peer.until("\r\n\r\n").await;
            let mut body = vec![0; 4 << 20];
            peer.stream.read_exact(&mut body).await.unwrap();
        }
        assert_eq!(peer.seconds(), 0, "a timer had to wake it");
    });
}

#[test]
fn held_bytes_do_not_count_as_sent() {
    in_virtual_time(async {
        let responds = |id| {
            request::response(id, |response| response.respond(200, &[b'x'; 10_000])).unwrap();
        };
        let mut peer = Peer::through(Holding::of, Config::default(), 1 << 12, responds);
        peer.send(GET).await;
        sleep(Duration::from_secs(1)).await;
        peer.drain(20);
        sleep(Duration::from_secs(1)).await;
        drop(std::mem::replace(&mut peer.stream, duplex(1).0));
        assert_eq!(peer.closed().await, Cause::PeerClosed, "with a response that it does not have");
    });
}
