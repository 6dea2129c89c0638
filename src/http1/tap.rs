//! The wire between hyper and the socket.
//!
//! hyper reads and writes through a [`Tap`]; the session's task holds the other
//! end, the [`Wire`]. hyper gets of what has come only the request whose turn it
//! is, its head whole and read by the [`Scanner`] before. So what is no request
//! never reaches hyper, and what was sent behind a request is still untouched
//! when the session ends.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::ReadBuf;

use super::message::{Fault, Scanner};
use crate::connection::departure::Outlet;
use crate::connection::port::Port;
use crate::transport::Transport;

/// How much is read in one system call.
const READ: usize = 16 << 10;
/// What is read of requests whose turn has not come.
const AHEAD: usize = 16 << 10;

thread_local! {
    /// What was read last; what is not passed on at once is copied.
    static READING: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// hyper's end.
pub struct Tap<S>(pub Rc<RefCell<Wire<S>>>);

/// The socket and what passes.
pub struct Wire<S> {
    pub port: Port<S>,
    pub scanner: Scanner,
    /// What has come and hyper has not.
    held: Vec<u8>,
    /// How much at its start hyper may have.
    granted: usize,
    /// Why the request that comes next is refused.
    pub fault: Option<Fault>,
}

/// The wire for bytes that hyper has no part in.
pub trait Duct {
    /// Adds to what is gathered.
    fn write(&mut self, bytes: &[u8]);

    /// Takes up to `most` of the bytes that come; none at their end.
    fn poll_bytes(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<Bytes>>;
}

impl<S> Wire<S> {
    pub fn new(socket: S, scanner: Scanner) -> Self {
        Self { port: Port::new(socket), scanner, held: Vec::new(), granted: 0, fault: None }
    }

    /// Whether hyper has all of the request under way.
    pub fn has_given_all(&self) -> bool {
        self.scanner.is_whole() && self.granted == 0
    }

    /// Whether nothing has come that is not passed on, and nothing waits to leave.
    pub fn is_empty(&self) -> bool
    where
        S: Transport,
    {
        self.held.is_empty() && !self.port.has_unsent()
    }

    /// Puts a trailer section behind the last chunk that hyper has just written.
    pub fn write_trailers(&mut self, section: &[u8]) {
        if self.port.waiting().ends_with(b"0\r\n\r\n") {
            self.port.take_back(self.port.unsent() - 2);
            self.port.write(section);
            self.port.write(b"\r\n");
        }
    }

    /// Grants what may be passed of what is held. False if that is nothing.
    fn grant(&mut self) -> bool {
        match self.scanner.pass(&self.held) {
            Ok(granted) => self.granted = granted,
            Err(fault) => self.fault = Some(fault),
        }
        self.granted > 0
    }

    /// Gives hyper what was granted, as far as it has room.
    fn give(&mut self, buf: &mut ReadBufCursor<'_>) {
        let given = self.granted.min(buf.remaining());
        buf.put_slice(&self.held[..given]);
        self.granted -= given;
        match given == self.held.len() {
            true => self.held = Vec::new(),
            false => drop(self.held.drain(..given)),
        }
    }
}

impl<S: Transport> Wire<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.granted > 0 {
                self.give(&mut buf);
                return Poll::Ready(Ok(()));
            }
            if self.fault.is_some() || self.scanner.is_whole() {
                // The session's task looks at it after this.
                return Poll::Pending;
            }
            if !self.held.is_empty() && (self.grant() || self.fault.is_some()) {
                continue;
            }
            if self.port.peer_finished || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if !self.held.is_empty() {
                ready!(self.poll_hold(cx))?;
            } else if ready!(self.poll_read_through(cx, &mut buf))? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads, and passes on at once what may be passed. True if that is something, or the end.
    fn poll_read_through(&mut self, cx: &mut Context<'_>, buf: &mut ReadBufCursor<'_>) -> Poll<io::Result<bool>> {
        READING.with_borrow_mut(|reading| {
            let most = buf.remaining().min(reading.len());
            let read = ready!(self.poll_socket(cx, &mut reading[..most]))?;
            let given = match self.scanner.pass(&reading[..read]) {
                Ok(granted) => granted,
                Err(fault) => {
                    self.fault = Some(fault);
                    0
                }
            };
            buf.put_slice(&reading[..given]);
            self.held.extend_from_slice(&reading[given..read]);
            Poll::Ready(Ok(given > 0 || self.port.peer_finished))
        })
    }

    /// Reads more of what hyper may not have yet.
    pub fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        READING.with_borrow_mut(|reading| {
            let read = ready!(self.poll_socket(cx, reading))?;
            self.held.extend_from_slice(&reading[..read]);
            Poll::Ready(Ok(()))
        })
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>, reading: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(reading);
        ready!(self.port.poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Reads what comes behind a request that is whole, so that the end of the
    /// peer is seen. Ready when there is no more use in it.
    pub fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.port.peer_finished && self.scanner.is_whole() && self.held.len() < AHEAD {
            ready!(self.poll_hold(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes up to `most` of the bytes that come behind the request; none at their end.
    fn poll_bytes(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<Bytes>> {
        if !self.held.is_empty() {
            let taken: Vec<u8> = self.held.drain(..most.min(self.held.len())).collect();
            return Poll::Ready(Ok(taken.into()));
        }
        READING.with_borrow_mut(|reading| {
            let most = most.min(reading.len());
            let read = ready!(self.poll_socket(cx, &mut reading[..most]))?;
            Poll::Ready(Ok(Bytes::copy_from_slice(&reading[..read])))
        })
    }
}

impl<S: Transport> Outlet<S> for Wire<S> {
    fn port(&mut self) -> &mut Port<S> {
        &mut self.port
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.port.poll_send(cx, |_| {})
    }
}

impl<S: Transport> Duct for Wire<S> {
    fn write(&mut self, bytes: &[u8]) {
        self.port.write(bytes);
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<Bytes>> {
        self.poll_bytes(cx, most)
    }
}

impl<S: Transport> Read for Tap<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buf)
    }
}

impl<S: Transport> Write for Tap<S> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().port.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut wire = self.0.borrow_mut();
        pieces.iter().for_each(|piece| wire.port.write(piece));
        Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
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
