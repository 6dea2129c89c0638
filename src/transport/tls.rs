//! TLS between a session and its socket: the handshake and the records.
//!
//! rustls works on borrowed memory, so that an idle session holds no buffer. Input is
//! read into a buffer of the thread and decrypted in place. Output is encrypted into
//! another one. A session keeps only the rest: part of a record that has not arrived
//! completely, and ciphertext that the kernel has not accepted.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, InsufficientSizeError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Transport;
use crate::tls::{Choice, Facts, HandshakeConfig};

/// The length of the longest record, including its head (RFC 8446, section 5.2).
const RECORD: usize = 5 + (1 << 14) + 256;
/// The most bytes that are read before they are decrypted. It bounds the longest
/// handshake message, the client's certificates.
const INBOUND: usize = 64 << 10;
/// The most bytes that are encrypted at a time. They count as sent when the kernel has
/// the first byte of them, so that the amount is small.
const CHUNK: usize = 64 << 10;
/// The same with the overhead of each record.
const OUTBOUND: usize = CHUNK + 1024;

/// The memory that rustls and aws-lc-rs hold for a connection, as measured: keys,
/// the ticket, the name, the certificates' reference.
const STATE: usize = 3072;

thread_local! {
    /// One buffer in each direction for all sessions of a thread, since it is needed
    /// only during a call.
    static INBOUND_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTBOUND_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A connection that speaks TLS.
pub struct TlsSocket<S> {
    socket: S,
    tls: UnbufferedServerConnection,
    choice: Arc<Choice>,
    /// The part of the next record that has arrived.
    rest: Vec<u8>,
    plain: Plain,
    out: Outbound,
    has_hello: bool,
    /// Whether the peer has closed its side or violated the protocol.
    is_over: bool,
    /// The violation, reported after the plaintext before it has been read.
    fault: Option<io::Error>,
    /// Whether the server's side is closed, except for what is in `out`.
    is_closed: bool,
}

/// Why rustls has stopped.
enum Step {
    /// There is plaintext.
    Read,
    /// It needs more input, and accepts plaintext to send.
    Hungry,
    /// The peer sends nothing more.
    Ended,
}

impl<S: Transport> TlsSocket<S> {
    pub fn new(socket: S, live: &HandshakeConfig, has_http1: bool) -> io::Result<Self> {
        let (tls, choice) = live.begin(has_http1).map_err(broken)?;
        let (rest, plain, out) = (Vec::new(), Plain::default(), Outbound::default());
        let (has_hello, is_over, is_closed) = (false, false, false);
        Ok(Self { socket, tls, choice, rest, plain, out, has_hello, is_over, fault: None, is_closed })
    }

    /// Continues the handshake. Input behind the handshake is kept.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inbound = Inbound::lend(&mut self.rest);
        let polled = self.shake_hands(&mut inbound, cx);
        inbound.give_back(&mut self.rest);
        polled
    }

    fn shake_hands(&mut self, inbound: &mut Inbound, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.is_handshaking() {
            let stepped = self.step(inbound, None);
            self.has_hello |= !self.out.bytes.is_empty();
            // What the kernel does not accept now leaves later. It may contain an alert
            // with the reason of a failure.
            let drained = self.poll_drain(cx);
            let ended = matches!(stepped?, Step::Ended);
            if let Poll::Ready(Err(error)) = drained {
                return Poll::Ready(Err(error));
            }
            if !self.tls.is_handshaking() {
                break;
            }
            if ended || ready!(inbound.poll_fill(&mut self.socket, cx, 0))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the client's hello has arrived: it has been responded to.
    pub fn has_hello(&self) -> bool {
        self.has_hello
    }

    /// The result of the handshake.
    pub fn facts(&self, live: &HandshakeConfig) -> Facts {
        Facts::new(live, &self.tls, &self.choice)
    }

    /// Ends a failed handshake: sends the alert and discards input, so that no TCP reset
    /// overtakes the alert.
    pub fn poll_dismiss(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
        let mut bytes = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Runs rustls on the input until there is plaintext or nothing more to do.
    /// Plaintext goes to `buf` as far as there is room.
    fn step(&mut self, inbound: &mut Inbound, mut buf: Option<&mut ReadBuf<'_>>) -> io::Result<Step> {
        loop {
            let status = self.tls.process_tls_records(inbound.unread());
            let mut discard = status.discard;
            let step = match status.state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(broken)?;
                        discard += record.discard;
                        self.plain.add(record.payload, buf.as_deref_mut());
                    }
                    Some(Step::Read)
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    self.out.add(|room| data.encode(room).map_err(needs_to_encode))?;
                    None
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    None
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => Some(Step::Hungry),
                // The end of the peer's side, of both sides, or early data, which is never offered.
                Ok(_) => Some(Step::Ended),
                Err(error) => {
                    self.is_over = true;
                    self.add_alert();
                    return Err(broken(error));
                }
            };
            inbound.used(discard);
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// Sends what rustls has to send after an error.
    fn add_alert(&mut self) {
        while let Ok(ConnectionState::EncodeTlsData(mut data)) = self.tls.process_tls_records(&mut []).state {
            if self.out.add(|room| data.encode(room).map_err(needs_to_encode)).is_err() {
                return;
            }
        }
        self.out.correct_alert();
    }

    fn receive(&mut self, inbound: &mut Inbound, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        loop {
            match self.step(inbound, Some(buf)) {
                Ok(Step::Read) if buf.remaining() == 0 => return Poll::Ready(Ok(())),
                Ok(Step::Read) => continue,
                Ok(Step::Hungry) if buf.filled().len() > before => return Poll::Ready(Ok(())),
                Ok(Step::Hungry) => {}
                Ok(Step::Ended) => self.is_over = true,
                // The input before the error is valid.
                Err(error) if buf.filled().len() > before => {
                    self.fault = Some(error);
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            // A missing close_notify is no error: HTTP itself shows what is complete.
            if self.is_over || ready!(inbound.poll_fill(&mut self.socket, cx, buf.remaining()))? == 0 {
                self.is_over = true;
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Encrypts `bytes`, or close_notify if there are none.
    fn encrypt(&mut self, bytes: &[u8]) -> io::Result<()> {
        loop {
            let status = self.tls.process_tls_records(&mut self.rest);
            let mut discard = status.discard;
            let mut is_done = false;
            match status.state.map_err(broken)? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    let mut write = |room: &mut [u8]| match bytes {
                        [] => traffic.queue_close_notify(room),
                        _ => traffic.encrypt(bytes, room),
                    };
                    self.out.add(|room| write(room).map_err(needs_to_encrypt))?;
                    is_done = true;
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    self.out.add(|room| data.encode(room).map_err(needs_to_encode))?;
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(broken)?;
                        discard += record.discard;
                        self.plain.add(record.payload, None);
                    }
                }
                ConnectionState::PeerClosed => self.is_over = true,
                _ => return Err(io::ErrorKind::NotConnected.into()),
            }
            self.rest.drain(..discard);
            if is_done {
                return Ok(());
            }
        }
    }

    /// Writes the ciphertext to the kernel. Ready when the kernel has accepted all of it.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.out.poll_drain(&mut self.socket, cx);
        self.out.settle();
        polled
    }
}

impl<S: Transport> AsyncRead for TlsSocket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.plain.fetch(buf) {
            return Poll::Ready(Ok(()));
        }
        if this.is_over {
            return Poll::Ready(this.fault.take().map_or(Ok(()), Err));
        }
        let mut inbound = Inbound::lend(&mut this.rest);
        let polled = this.receive(&mut inbound, cx, buf);
        inbound.give_back(&mut this.rest);
        polled
    }
}

impl<S: Transport> AsyncWrite for TlsSocket<S> {
    /// Accepted bytes are encrypted, and the kernel has the first of them.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        let taken = bytes.len().min(CHUNK);
        this.encrypt(&bytes[..taken])?;
        match this.poll_drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_drain(cx)
    }

    /// Sends close_notify, then closes the TCP write side.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_closed {
            this.is_closed = true;
            // It fails after an alert, which has ended the TLS session already.
            let _ = this.encrypt(&[]);
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

impl<S: Transport> Transport for TlsSocket<S> {
    fn close_hard(&self) {
        self.socket.close_hard();
    }

    fn held(&self) -> usize {
        self.out.len()
    }

    fn memory(&self) -> usize {
        let buffers = self.rest.capacity() + self.plain.bytes.capacity() + self.out.bytes.capacity();
        size_of::<Self>() + STATE + buffers
    }

    fn unacknowledged(&self) -> usize {
        self.out.len() + self.socket.unacknowledged()
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_end(cx)
    }
}

/// Input that is not decrypted yet, in the thread's buffer.
struct Inbound {
    bytes: Vec<u8>,
    from: usize,
    to: usize,
}

impl Inbound {
    fn lend(rest: &mut Vec<u8>) -> Self {
        let mut bytes = INBOUND_BUFFER.take();
        bytes.resize(INBOUND, 0);
        let to = rest.len();
        bytes[..to].copy_from_slice(rest);
        *rest = Vec::new();
        Self { bytes, from: 0, to }
    }

    fn give_back(self, rest: &mut Vec<u8>) {
        if self.from < self.to {
            *rest = self.bytes[self.from..self.to].to_vec();
        }
        INBOUND_BUFFER.set(self.bytes);
    }

    fn unread(&mut self) -> &mut [u8] {
        &mut self.bytes[self.from..self.to]
    }

    fn used(&mut self, count: usize) {
        self.from += count;
    }

    /// Reads enough for `wanted` bytes of plaintext, at least one record.
    fn poll_fill<S: Transport>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        self.bytes.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        let room = (INBOUND - self.to).min(RECORD.max(wanted + 512));
        if room == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "a message of TLS is too long")));
        }
        let mut buf = ReadBuf::new(&mut self.bytes[self.to..self.to + room]);
        ready!(Pin::new(socket).poll_read(cx, &mut buf))?;
        let read = buf.filled().len();
        self.to += read;
        Poll::Ready(Ok(read))
    }
}

/// Plaintext that was not read for lack of room, from `fetched` on.
#[derive(Default)]
struct Plain {
    bytes: Vec<u8>,
    fetched: usize,
}

impl Plain {
    fn add(&mut self, bytes: &[u8], buf: Option<&mut ReadBuf<'_>>) {
        let fits = buf.as_ref().map_or(0, |buf| buf.remaining()).min(bytes.len());
        if let Some(buf) = buf {
            buf.put_slice(&bytes[..fits]);
        }
        self.bytes.extend_from_slice(&bytes[fits..]);
    }

    /// Returns false if there is none.
    fn fetch(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let waiting = &self.bytes[self.fetched..];
        if waiting.is_empty() {
            return false;
        }
        let fits = waiting.len().min(buf.remaining());
        buf.put_slice(&waiting[..fits]);
        self.fetched += fits;
        if self.fetched == self.bytes.len() {
            *self = Self::default();
        }
        true
    }
}

/// Ciphertext that the kernel has not accepted, from `sent` to `filled`. It is in the
/// thread's buffer during a call, and kept by the session after it if necessary.
#[derive(Default)]
struct Outbound {
    bytes: Vec<u8>,
    sent: usize,
    filled: usize,
}

impl Outbound {
    fn len(&self) -> usize {
        self.filled - self.sent
    }

    /// Calls `write` to add bytes. It returns how many it has added, or, as an error, how
    /// many it needs.
    fn add(&mut self, mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>) -> io::Result<()> {
        if self.bytes.is_empty() {
            self.bytes = OUTBOUND_BUFFER.take();
            self.bytes.resize(OUTBOUND, 0);
        }
        loop {
            match write(&mut self.bytes[self.filled..]) {
                Ok(added) => {
                    self.filled += added;
                    return Ok(());
                }
                Err(Some(needed)) => self.bytes.resize(self.filled + needed, 0),
                Err(None) => return Err(io::Error::other("the keys of the TLS session are used up")),
            }
        }
    }

    fn poll_drain<S: Transport>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.filled {
            let sent = ready!(Pin::new(&mut *socket).poll_write(cx, &self.bytes[self.sent..self.filled]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        Poll::Ready(Ok(()))
    }

    /// rustls sends the alert certificate_required also in TLS 1.2, although only TLS 1.3
    /// defines it (RFC 8446, appendix B.2). In TLS 1.2 the record is not encrypted; it is
    /// changed into handshake_failure here.
    fn correct_alert(&mut self) {
        const ALERT: [u8; 6] = [21, 3, 3, 0, 2, 2];
        const CERTIFICATE_REQUIRED: u8 = 116;
        const HANDSHAKE_FAILURE: u8 = 40;
        if let [.., a, b, c, d, e, f, description] = &mut self.bytes[self.sent..self.filled]
            && [*a, *b, *c, *d, *e, *f] == ALERT
            && *description == CERTIFICATE_REQUIRED
        {
            *description = HANDSHAKE_FAILURE;
        }
    }

    /// Returns the buffer to the thread.
    fn settle(&mut self) {
        if self.bytes.len() < OUTBOUND && self.len() > 0 {
            // A buffer of the session, as small as possible.
            return;
        }
        let left = self.bytes[self.sent..self.filled].to_vec();
        let bytes = std::mem::replace(&mut self.bytes, left);
        (self.sent, self.filled) = (0, self.bytes.len());
        if bytes.len() >= OUTBOUND {
            OUTBOUND_BUFFER.set(bytes);
        }
    }
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn needs_to_encode(error: EncodeError) -> Option<usize> {
    match error {
        EncodeError::InsufficientSize(InsufficientSizeError { required_size, .. }) => Some(required_size),
        EncodeError::AlreadyEncoded => None,
    }
}

fn needs_to_encrypt(error: EncryptError) -> Option<usize> {
    match error {
        EncryptError::InsufficientSize(InsufficientSizeError { required_size, .. }) => Some(required_size),
        EncryptError::EncryptExhausted => None,
    }
}
