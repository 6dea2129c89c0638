//! A socket that its session uses and that another thread can close. TCP and Unix
//! sockets have the same type, since nothing is done with it that only TCP can.

use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::{Protocol, Transport};
use crate::system::System;

/// The first bytes of an HTTP/2 client connection preface (RFC 9113, section
/// 3.4), with which no request of HTTP/1.1 begins.
const PREFACE: [u8; 3] = *b"PRI";

#[derive(Clone)]
pub struct Socket {
    stream: Arc<TcpStream>,
    system: System,
    /// Whether the readiness for reading was cleared to wait for the next event. A read
    /// must not wait for the runtime then.
    is_put_aside: bool,
}

impl Socket {
    /// Takes over a connected, non-blocking socket on the current runtime.
    pub fn new(stream: std::net::TcpStream, system: System) -> io::Result<Self> {
        Ok(Self { stream: Arc::new(TcpStream::from_std(stream)?), system, is_put_aside: false })
    }

    /// The kernel had fewer bytes than there was room for. The next read waits for
    /// readiness, which saves a system call that finds nothing. The event cannot be
    /// missed, since its runtime runs on this thread.
    fn expect_nothing(&self, interest: Interest) {
        let _ = self.stream.try_io(interest, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    }

    /// Waits until the peer has sent something, closed its side, or is lost.
    pub async fn heard(&self) -> io::Result<()> {
        self.stream.peek(&mut [0]).await.map(|_| ())
    }

    /// Waits until the peer's first bytes determine the protocol.
    pub async fn spoken(&self) -> io::Result<Protocol> {
        loop {
            let ready = self.stream.ready(Interest::READABLE).await?;
            let mut bytes = [0; PREFACE.len()];
            let count = self.stream.peek(&mut bytes).await?;
            if bytes == PREFACE {
                return Ok(Protocol::Http2);
            }
            if count == 0 || !PREFACE.starts_with(&bytes[..count]) || ready.is_read_closed() {
                return Ok(Protocol::Http1);
            }
            // Too few bytes: the kernel reports when there are more.
            self.expect_nothing(Interest::READABLE);
        }
    }

    pub fn local(&self) -> Option<SocketAddr> {
        self.stream.local_addr().ok()
    }

    /// Peeks at the next bytes. 0 means that the peer has closed its side.
    pub async fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.peek(bytes).await
    }

    pub fn cut(&self) {
        self.close_hard();
        // If it fails, the connection has ended already.
        let _ = SockRef::from(&*self.stream).shutdown(Shutdown::Both);
    }
}

impl Transport for Socket {
    fn close_hard(&self) {
        let _ = SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO));
    }

    fn unacknowledged(&self) -> usize {
        (self.system.unacknowledged)(self.stream.as_raw_fd())
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if (self.system.has_ended)(self.stream.as_raw_fd()) {
                let error = self.stream.take_error()?;
                return Poll::Ready(error.map_or(Ok(()), Err));
            }
            ready!(self.stream.poll_read_ready(cx))?;
            self.is_put_aside = true;
            self.expect_nothing(Interest::READABLE);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        if std::mem::take(&mut socket.is_put_aside) {
            match (&*SockRef::from(&*socket.stream)).read(buf.initialize_unfilled()) {
                Ok(read) => {
                    buf.advance(read);
                    // There may be more bytes.
                    socket.is_put_aside = read > 0;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        loop {
            ready!(socket.stream.poll_read_ready(cx))?;
            let room = buf.remaining();
            match socket.stream.try_read_buf(buf) {
                Ok(read) => {
                    if read > 0 && read < room {
                        socket.expect_nothing(Interest::READABLE);
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match SockRef::from(&*self.stream).shutdown(Shutdown::Write) {
            // The peer has closed the connection already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}
