//! A client that writes and reads bytes (RFC 9112), and repairs nothing.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::kit::stream::Stream;
use crate::kit::{Demo, Frame, PATIENCE, code, kind};

pub struct Peer {
    stream: Stream,
    /// Received bytes that were not read.
    bytes: Vec<u8>,
    end: Option<End>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Over TLS with close_notify before it (RFC 8446, section 6.1).
    Fin,
    Reset,
    /// A FIN without close_notify: the data may be truncated.
    Cut,
}

pub struct Answer {
    pub version: String,
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// Whether the body has ended as its head announced.
    pub is_whole: bool,
}

/// Without the body, which may be long.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, status, fields, body, trailers, is_whole } = self;
        write!(f, "{version} {status} {fields:?}, {} bytes, {trailers:?}, whole: {is_whole}", body.len())
    }
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    /// Whether the response announces the end of the connection.
    pub fn is_last(&self) -> bool {
        match self.version.as_str() {
            "HTTP/1.0" => self.field("connection") != Some("keep-alive"),
            _ => self.field("connection") == Some("close"),
        }
    }
}

impl Peer {
    #[track_caller]
    pub fn of(demo: &Demo) -> Peer {
        Peer::asking_for(demo, &["http/1.1"])
    }

    /// A client that offers these protocols over TLS.
    #[track_caller]
    pub fn asking_for(demo: &Demo, protocols: &[&str]) -> Peer {
        Peer::on(Stream::connect_for(demo.address(), protocols).expect("the demo accepts"))
    }

    /// With or without TLS, whatever the environment says. The demo must match.
    #[track_caller]
    pub fn over(tls: bool, demo: &Demo) -> Peer {
        Peer::on(Stream::connect_over(tls, demo.address(), &["http/1.1"]).expect("the demo accepts"))
    }

    /// A client on an existing connection.
    pub fn on(stream: Stream) -> Peer {
        Peer { stream, bytes: Vec::new(), end: None }
    }

    /// The local address of the connection, as in the demo's `/sessions`.
    pub fn local_address(&self) -> SocketAddr {
        self.stream.socket().local_addr().expect("a connected socket has an address")
    }

    /// Closes the client's side, with close_notify over TLS. Input can still be read.
    pub fn finish_writing(&mut self) {
        let _ = self.stream.finish_writing();
    }

    /// Closes the client's side of the socket, without close_notify.
    pub fn cut(&mut self) {
        let _ = self.stream.socket().shutdown(Shutdown::Write);
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(self) {
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        let size = size_of_val(&at_once) as libc::socklen_t;
        let socket = self.stream.socket().as_raw_fd();
        // SAFETY: the descriptor is open, and the option is one linger.
        let status =
            unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const at_once).cast(), size) };
        assert_eq!(status, 0, "SO_LINGER: {}", std::io::Error::last_os_error());
    }

    /// The protocol that ALPN has selected.
    pub fn protocol(&self) -> Option<String> {
        self.stream.protocol()
    }

    /// The same connection for another thread that only writes.
    pub fn clone_for_writing(&self) -> Peer {
        Peer { stream: self.stream.try_clone().unwrap(), bytes: Vec::new(), end: None }
    }

    /// Errors show when the response is read.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends a request without a body.
    pub fn ask(&mut self, method: &str, path: &str) {
        self.send(format!("{method} {path} HTTP/1.1\r\nhost: demo\r\n\r\n"));
    }

    /// Reads its response.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path);
        self.answer("GET")
    }

    /// Reads the next response, with its body to its end or the end of the connection.
    /// `method` is that of the request.
    #[track_caller]
    pub fn answer(&mut self, method: &str) -> Answer {
        let head = self.head();
        let mut answer = parse(&head);
        if method == "HEAD" || answer.status < 200 || matches!(answer.status, 204 | 304) {
            return answer;
        }
        if answer.field("transfer-encoding") == Some("chunked") {
            answer.is_whole = false;
            self.read_chunks(&mut answer);
        } else if let Some(length) = answer.field("content-length") {
            let length = length.parse().expect("a length");
            answer.is_whole = self.fill(length);
            answer.body = self.take(length.min(self.bytes.len()));
        } else {
            while self.read_more() {}
            answer.is_whole = self.end == Some(End::Fin);
            answer.body = std::mem::take(&mut self.bytes);
        }
        answer
    }

    /// Reads the head of the next response.
    #[track_caller]
    pub fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                return String::from_utf8(self.take(at + 4)).expect("a head is a text");
            }
            assert!(self.read_more(), "no answer, but {:?} after {:?}", self.end, String::from_utf8_lossy(&self.bytes));
        }
    }

    /// Reads `count` bytes.
    #[track_caller]
    pub fn expect(&mut self, wanted: &str) {
        self.fill(wanted.len());
        let come = self.take(wanted.len().min(self.bytes.len()));
        assert_eq!(String::from_utf8_lossy(&come), wanted);
    }

    /// Asserts that the connection ends, and that nothing is received before.
    #[track_caller]
    pub fn expect_end(&mut self) -> End {
        while self.read_more() {}
        assert!(self.bytes.is_empty(), "before the end: {:?}", String::from_utf8_lossy(&self.bytes));
        self.end.expect("it has ended")
    }

    /// Asserts that SETTINGS and GOAWAY(PROTOCOL_ERROR) of HTTP/2 are received before the
    /// end (RFC 9113, section 3.4).
    #[track_caller]
    pub fn expect_http2_refusal(&mut self) -> End {
        while self.read_more() {}
        let frames: Vec<_> = std::iter::from_fn(|| Frame::decode(&mut self.bytes)).collect();
        let kinds: Vec<_> = frames.iter().map(|frame| frame.kind).collect();
        assert_eq!(kinds, [kind::SETTINGS, kind::WINDOW_UPDATE, kind::GOAWAY], "{frames:?}");
        assert_eq!(frames[2].payload[4..8], code::PROTOCOL_ERROR.to_be_bytes(), "{frames:?}");
        self.expect_end()
    }

    /// Asserts that nothing is received for a moment.
    #[track_caller]
    pub fn expect_silence(&mut self) {
        self.stream.socket().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut byte = [0];
        let read = self.stream.read(&mut byte);
        assert!(read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "something came, or the end");
    }

    fn read_chunks(&mut self, answer: &mut Answer) {
        loop {
            let Some(size) = self.line().and_then(|line| usize::from_str_radix(&line, 16).ok()) else { return };
            if size == 0 {
                break;
            }
            let is_whole = self.fill(size + 2);
            let piece = self.take(size.min(self.bytes.len()));
            answer.body.extend(piece);
            if !is_whole {
                return;
            }
            assert_eq!(self.take(2), b"\r\n", "a chunk is as long as it says");
        }
        while let Some(line) = self.line() {
            match line.split_once(": ") {
                Some((name, value)) => answer.trailers.push((name.into(), value.into())),
                None => {
                    answer.is_whole = line.is_empty();
                    return;
                }
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.bytes.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(at + 2);
                return Some(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            if !self.read_more() {
                return None;
            }
        }
    }

    /// Whether `count` bytes are available.
    fn fill(&mut self, count: usize) -> bool {
        while self.bytes.len() < count && self.read_more() {}
        self.bytes.len() >= count
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.bytes.drain(..count).collect()
    }

    /// Reads to the end.
    #[track_caller]
    pub fn read_out(&mut self) -> (Vec<u8>, End) {
        while self.read_more() {}
        (std::mem::take(&mut self.bytes), self.end.expect("it has ended"))
    }

    /// False at the end of the connection.
    #[track_caller]
    fn read_more(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        let mut bytes = [0; 16_384];
        let began = Instant::now();
        self.stream.socket().set_read_timeout(Some(PATIENCE)).unwrap();
        match self.stream.read(&mut bytes) {
            Ok(0) => self.end = Some(End::Fin),
            Ok(count) => self.bytes.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.end = Some(End::Reset),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.end = Some(End::Cut),
            Err(error) => {
                panic!("{error}, after {:?}, with {:?}", began.elapsed(), String::from_utf8_lossy(&self.bytes))
            }
        }
        self.end.is_none()
    }
}

fn parse(head: &str) -> Answer {
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next().expect("a first line").splitn(3, ' ');
    let version = first.next().expect("a version").to_owned();
    let status = first.next().and_then(|status| status.parse().ok()).expect("a status");
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let fields = lines.map(|line| field(line).expect("a field")).collect();
    Answer { version, status, fields, body: Vec::new(), trailers: Vec::new(), is_whole: true }
}
