//! A client connection, and everything that a test can send on it: requests, single
//! frames, raw bytes, or nothing.

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

/// What the client does automatically while it reads. A test of a misbehaving peer
/// disables a part.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Acknowledge SETTINGS (RFC 9113, section 6.5.3).
    pub ack_settings: bool,
    /// Answer PING (section 6.7).
    pub ack_ping: bool,
    /// Open the windows with WINDOW_UPDATE for received DATA (section 6.9).
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
    /// The fields of the last `encode`, for the transcript.
    encoded: Option<Fields>,
    pub(super) receiving: Receiving,
    address: SocketAddr,
    next_stream: u32,
    /// Whether the preface was sent. No SETTINGS is acknowledged before it, because the
    /// preface must be the first thing that a client sends (section 3.4). Otherwise the
    /// test would measure the error handling of the server.
    pub(super) preface_sent: bool,
    /// Whether both sides have acknowledged the SETTINGS, so that the server counts the
    /// connection as a session.
    pub(super) settled: bool,
    /// Whether a write has returned ECONNRESET. The kernel reports it once: a later read
    /// returns an end that looks like a FIN.
    pub(super) reset_while_writing: bool,
    /// How many GOAWAY frames the test has examined.
    pub(super) goaways_seen: usize,
}

/// Received bytes of an incomplete frame, and the incomplete header section.
pub(super) struct Receiving {
    pub bytes: Vec<u8>,
    pub decoder: Decoder<'static>,
    /// The transcript entry of the header section and its block so far.
    pub section: Option<(usize, Vec<u8>)>,
    /// SETTINGS that are acknowledged when the preface was sent.
    pub owed_settings_acks: usize,
}

impl Client {
    /// Connects by TCP only: no byte is sent.
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).unwrap_or_else(|error| panic!("connect {address}: {error}"))
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        Ok(Client::on(Stream::connect(address)?, address))
    }

    /// Connects with or without TLS, whatever the environment says.
    pub fn connect_over(tls: bool, address: SocketAddr) -> Client {
        let socket = Stream::connect_over(tls, address, &["h2"]);
        Client::on(socket.unwrap_or_else(|error| panic!("connect {address}: {error}")), address)
    }

    /// A client on an existing connection.
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

    /// A session that the server has completely established.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Client {
        Client::open_with(address, &[])
    }

    /// The same as `open`, with these values in the client's SETTINGS.
    #[track_caller]
    pub fn open_with(address: SocketAddr, settings: &[(u16, u32)]) -> Client {
        let mut client = Client::connect(address);
        client.preface(settings);
        client.settle();
        client
    }

    /// Waits until the SETTINGS of both sides are acknowledged. The PING at the end
    /// proves that the server has read the acknowledgement, so that a following close
    /// finds a session and not a handshake.
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

    /// The preface and a GET on stream 1 in one write. Errors show when the response is
    /// read.
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

    /// Sends bytes that need not be frames.
    #[track_caller]
    pub fn raw(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_raw(bytes) {
            self.fail(&format!("cannot send {} bytes: {error}", bytes.len()));
        }
    }

    /// The same for tests that keep sending after the peer has closed.
    pub fn try_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = self.socket.write_all(bytes);
        let reset = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset;
        self.reset_while_writing |= sent.as_ref().is_err_and(reset);
        sent
    }

    /// The same, returning when the socket accepts nothing for a moment.
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

    /// Sends several frames in one write, so that the peer reads them together.
    #[track_caller]
    pub fn send_together(&mut self, frames: &[Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        self.raw(&bytes);
        for frame in frames {
            self.transcript.record(true, frame.clone());
        }
    }

    /// The next stream identifier of the client (section 5.1.1).
    pub fn next_stream(&mut self) -> u32 {
        self.next_stream += 2;
        self.next_stream - 2
    }

    /// Encodes the HEADERS frame of a request on a new stream. It must be sent in the
    /// order of encoding, or the HPACK tables would differ.
    pub fn request_frame(&mut self, method: &str, path: &str, more: &[(&str, &str)], end_stream: bool) -> Frame {
        let stream = self.next_stream();
        let authority = self.authority();
        let scheme = if self.socket.is_tls() { "https" } else { "http" };
        let mut fields =
            vec![(":method", method), (":scheme", scheme), (":authority", authority.as_str()), (":path", path)];
        fields.extend(more);
        Frame::headers(stream, self.encode(&fields), end_stream)
    }

    /// Encodes a header block. New names enter the HPACK table.
    pub fn encode(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let text = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        self.encoded = Some(fields.iter().map(text).collect());
        self.encoder.encode(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    /// Sends a request without a body. Returns its stream.
    #[track_caller]
    pub fn request(&mut self, method: &str, path: &str) -> u32 {
        let frame = self.request_frame(method, path, &[], true);
        let stream = frame.stream;
        self.send(frame);
        stream
    }

    /// Sends a request whose body follows. Returns its stream.
    #[track_caller]
    pub fn upload(&mut self, method: &str, path: &str) -> u32 {
        let frame = self.request_frame(method, path, &[], false);
        let stream = frame.stream;
        self.send(frame);
        stream
    }

    /// Sends all of `bytes` as DATA, waiting for the peer's windows. The window of the
    /// connection must open even if the peer discards the stream (section 6.8).
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

    /// Sends a request with exactly these fields, including pseudo-header fields, valid
    /// or not. Returns its stream.
    #[track_caller]
    pub fn request_of(&mut self, fields: &[(&str, &str)], end_stream: bool) -> u32 {
        let stream = self.next_stream();
        let block = self.encode(fields);
        self.send(Frame::headers(stream, block, end_stream));
        stream
    }

    /// A request with its response.
    #[track_caller]
    pub fn fetch(&mut self, method: &str, path: &str) -> Response {
        let stream = self.request(method, path);
        self.response(stream)
    }

    #[track_caller]
    pub fn get(&mut self, path: &str) -> Response {
        self.fetch("GET", path)
    }

    /// Sends a FIN and keeps reading.
    pub fn finish_writing(&mut self) {
        // It fails if the peer has closed already, which then needs no FIN.
        let _ = self.socket.finish_writing();
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address in the form of `:authority`.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    pub fn is_tls(&self) -> bool {
        self.socket.is_tls()
    }

    /// The local address of the connection, as in the demo's `/sessions`.
    pub fn local_address(&self) -> SocketAddr {
        self.socket.socket().local_addr().expect("a connected socket has an address")
    }

    /// Makes the receive buffer of the kernel small, so that the peer keeps what it
    /// cannot send. Loopback would buffer several MiB otherwise.
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
