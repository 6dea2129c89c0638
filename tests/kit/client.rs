//! A connection, and everything a test can send on it: well-formed requests,
//! single frames, raw bytes, silence.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use loona_hpack::{Decoder, Encoder};

use super::PATIENCE;
use super::flow::SendWindows;
use super::frame::{Frame, PREFACE, kind};
use super::response::Response;
use super::stream::Stream;
use super::transcript::{Fields, Transcript};

/// What the client does by itself while it reads. A test of a peer that
/// misbehaves switches one of them off.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Acknowledge SETTINGS (RFC 9113, section 6.5.3).
    pub ack_settings: bool,
    /// Answer PING (section 6.7).
    pub ack_ping: bool,
    /// Give back with WINDOW_UPDATE what DATA has used up (section 6.9).
    pub open_window: bool,
}

impl Behaviour {
    pub const GOOD: Behaviour = Behaviour { ack_settings: true, ack_ping: true, open_window: true };
}

pub struct Client {
    pub(super) socket: Stream,
    pub behaviour: Behaviour,
    pub transcript: Transcript,
    pub windows: SendWindows,
    encoder: Encoder<'static>,
    /// What `encode` was last asked for, until it is sent: for the transcript.
    encoded: Option<Fields>,
    pub(super) receiving: Receiving,
    address: SocketAddr,
    next_stream: u32,
    /// Whether our preface went out. No SETTINGS is acknowledged before it: the
    /// preface must be the first thing a client sends (section 3.4), and a
    /// prober that forgets it measures the server's error handling instead.
    pub(super) preface_sent: bool,
    /// Whether both sides have acknowledged each other's SETTINGS, so that the
    /// server counts us as a session.
    pub(super) settled: bool,
    /// Whether a write met ECONNRESET. The kernel says so once: a read after it
    /// sees an end that looks like a FIN.
    pub(super) reset_while_writing: bool,
    /// How many GOAWAY frames the test has already looked at.
    pub(super) goaways_seen: usize,
}

/// What has arrived but is not yet a frame, and the header section in the
/// making.
pub(super) struct Receiving {
    pub bytes: Vec<u8>,
    pub decoder: Decoder<'static>,
    /// The transcript's entry that began the header section, and its block so
    /// far.
    pub section: Option<(usize, Vec<u8>)>,
    /// SETTINGS that wait for our preface before they are acknowledged.
    pub owed_settings_acks: usize,
}

impl Client {
    /// TCP only: not a byte is sent.
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).unwrap_or_else(|error| panic!("connect {address}: {error}"))
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        Ok(Client::on(Stream::connect(address)?, address))
    }

    /// TCP only, over TLS or not, whatever the environment says.
    pub fn connect_over(tls: bool, address: SocketAddr) -> Client {
        let socket = Stream::connect_over(tls, address, &["h2"]);
        Client::on(socket.unwrap_or_else(|error| panic!("connect {address}: {error}")), address)
    }

    /// On a connection that is there already.
    pub fn on(socket: Stream, address: SocketAddr) -> Client {
        Client {
            socket,
            behaviour: Behaviour::GOOD,
            transcript: Transcript::new(),
            windows: SendWindows::new(),
            encoder: Encoder::new(),
            encoded: None,
            receiving: Receiving { bytes: Vec::new(), decoder: Decoder::new(), section: None, owed_settings_acks: 0 },
            address,
            next_stream: 1,
            preface_sent: false,
            settled: false,
            reset_while_writing: false,
            goaways_seen: 0,
        }
    }

    /// A session that the server has fully taken in.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Client {
        Client::open_with(address, &[])
    }

    /// As `open`, with these values in our SETTINGS.
    #[track_caller]
    pub fn open_with(address: SocketAddr, settings: &[(u16, u32)]) -> Client {
        let mut client = Client::connect(address);
        client.preface(settings);
        client.settle();
        client
    }

    /// Waits until both sides' SETTINGS are acknowledged. The PING at the end is
    /// the proof that the server has read our acknowledgement, which it does not
    /// answer: a close that comes after it meets a session, not a handshake.
    #[track_caller]
    pub fn settle(&mut self) {
        let both = |transcript: &Transcript| {
            let has = |ack| {
                let wanted = move |frame: &Frame| frame.kind == kind::SETTINGS && frame.is_ack() == ack;
                transcript.positions(wanted).next().is_some()
            };
            has(true) && has(false)
        };
        if !self.read_until(PATIENCE, both) {
            self.fail("SETTINGS and the acknowledgement of ours did not come");
        }
        self.ping_and_wait(*b"settled?");
        self.settled = true;
    }

    /// The client's side of the connection preface (section 3.4).
    #[track_caller]
    pub fn preface(&mut self, settings: &[(u16, u32)]) {
        let mut bytes = PREFACE.to_vec();
        let frame = Frame::settings(settings);
        bytes.extend(frame.encode());
        self.raw(&bytes);
        self.transcript.record(true, frame);
        self.preface_sent = true;
        self.settle_debts();
    }

    /// The preface and a GET on stream 1 in one write. Errors are seen when the
    /// response is read.
    #[track_caller]
    pub fn preface_with_request(&mut self, path: &str) {
        let settings = Frame::settings(&[]);
        let request = self.request_frame("GET", path, &[], true);
        let bytes = [PREFACE, &settings.encode(), &request.encode()].concat();
        let _ = self.try_raw(&bytes);
        self.transcript.record(true, settings);
        self.transcript.record(true, request);
        self.transcript.entries.last_mut().expect("just recorded").fields = self.encoded.take();
        self.preface_sent = true;
    }

    /// Bytes that need not be frames.
    #[track_caller]
    pub fn raw(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_raw(bytes) {
            self.fail(&format!("cannot send {} bytes: {error}", bytes.len()));
        }
    }

    /// As `raw`, for those who go on sending after the peer has gone.
    pub fn try_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = self.socket.write_all(bytes);
        let reset = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset;
        self.reset_while_writing |= sent.as_ref().is_err_and(reset);
        sent
    }

    /// The same, giving up when the socket takes nothing for a moment.
    pub fn try_raw_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.socket().set_write_timeout(Some(Duration::from_millis(20)))?;
        let result = self.try_raw(bytes);
        self.socket.socket().set_write_timeout(None)?;
        result
    }

    #[track_caller]
    pub fn send(&mut self, frame: Frame) {
        self.raw(&frame.encode());
        let fields = if frame.kind == kind::HEADERS { self.encoded.take() } else { None };
        self.transcript.record(true, frame);
        self.transcript.entries.last_mut().expect("just recorded").fields = fields;
    }

    /// Several frames in one write, so that the peer finds them together.
    #[track_caller]
    pub fn send_together(&mut self, frames: &[Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        self.raw(&bytes);
        for frame in frames {
            self.transcript.record(true, frame.clone());
        }
    }

    /// The next id for a stream of ours (section 5.1.1).
    pub fn next_stream(&mut self) -> u32 {
        self.next_stream += 2;
        self.next_stream - 2
    }

    /// The HEADERS frame of a request on a new stream, encoded but not sent:
    /// whoever encodes must send, and in this order, or HPACK's tables part.
    pub fn request_frame(&mut self, method: &str, path: &str, more: &[(&str, &str)], end_stream: bool) -> Frame {
        let stream = self.next_stream();
        let authority = self.authority();
        let scheme = if self.socket.is_tls() { "https" } else { "http" };
        let mut fields =
            vec![(":method", method), (":scheme", scheme), (":authority", authority.as_str()), (":path", path)];
        fields.extend(more);
        Frame::headers(stream, self.encode(&fields), end_stream)
    }

    /// A header block of these fields, which enter HPACK's table if their names
    /// are new to it.
    pub fn encode(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let text = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        self.encoded = Some(fields.iter().map(text).collect());
        self.encoder.encode(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    /// A request without a body; gives its stream.
    #[track_caller]
    pub fn request(&mut self, method: &str, path: &str) -> u32 {
        let frame = self.request_frame(method, path, &[], true);
        let stream = frame.stream;
        self.send(frame);
        stream
    }

    /// A request whose body is still to come; gives its stream.
    #[track_caller]
    pub fn upload(&mut self, method: &str, path: &str) -> u32 {
        let frame = self.request_frame(method, path, &[], false);
        let stream = frame.stream;
        self.send(frame);
        stream
    }

    /// All of `bytes` as DATA, waiting where the peer's windows are used up
    /// until it opens them: the connection's window must come back even if the
    /// stream is one that the peer discards (section 6.8).
    #[track_caller]
    pub fn data(&mut self, stream: u32, bytes: &[u8], end_stream: bool) {
        let mut left = bytes;
        loop {
            let length = self.wait_for_window(stream, left.len());
            let (now, later) = left.split_at(length);
            let frame = Frame::data(stream, now, end_stream && later.is_empty());
            self.windows.spend(stream, length);
            self.send(frame);
            left = later;
            if left.is_empty() {
                return;
            }
        }
    }

    #[track_caller]
    fn wait_for_window(&mut self, stream: u32, wanted: usize) -> usize {
        let deadline = Instant::now() + PATIENCE;
        self.pump(Duration::ZERO);
        while wanted > 0 && self.windows.allowed(stream) == 0 {
            if self.transcript.end.is_some() || Instant::now() > deadline {
                let (all, one) = (self.windows.connection(), self.windows.stream(stream));
                self.fail(&format!(
                    "no WINDOW_UPDATE for DATA on stream {stream}; windows: connection {all}, stream {one}"
                ));
            }
            self.pump(Duration::from_millis(50));
        }
        wanted.min(self.windows.allowed(stream))
    }

    /// A request of these fields and no others, pseudo-header fields included, be
    /// they right or wrong; gives its stream.
    #[track_caller]
    pub fn request_of(&mut self, fields: &[(&str, &str)], end_stream: bool) -> u32 {
        let stream = self.next_stream();
        let block = self.encode(fields);
        self.send(Frame::headers(stream, block, end_stream));
        stream
    }

    /// A whole exchange.
    #[track_caller]
    pub fn fetch(&mut self, method: &str, path: &str) -> Response {
        let stream = self.request(method, path);
        self.response(stream)
    }

    #[track_caller]
    pub fn get(&mut self, path: &str) -> Response {
        self.fetch("GET", path)
    }

    /// Our FIN; we go on reading.
    pub fn finish_writing(&mut self) {
        // A peer that is already gone makes this fail, and needs no FIN.
        let _ = self.socket.finish_writing();
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same, as `:authority` names it.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    pub fn is_tls(&self) -> bool {
        self.socket.is_tls()
    }

    /// Our end of the connection, as the demo's `/sessions` shows it.
    pub fn local_address(&self) -> SocketAddr {
        self.socket.socket().local_addr().expect("a connected socket has an address")
    }

    /// Makes our kernel take in little, so that what the peer cannot send stays
    /// with the peer. Loopback would swallow several MiB otherwise.
    pub fn shrink_receive_buffer(&mut self) {
        let size: libc::c_int = 4096;
        let length = size_of_val(&size) as libc::socklen_t;
        // SAFETY: the descriptor is open, and the option is one int.
        let status = unsafe {
            libc::setsockopt(
                self.socket.socket().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVBUF,
                (&raw const size).cast(),
                length,
            )
        };
        assert_eq!(status, 0, "SO_RCVBUF: {}", io::Error::last_os_error());
    }
}
