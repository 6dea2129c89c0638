//! A client on whose connection an echo is in progress.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use crate::block;
use crate::kit::frame::code_name;
use crate::kit::{Client, Demo, Frame, Transcript, kind};

const BEFORE: &[u8] = b"before, ";
const AFTER: &[u8] = b"and after";

/// The header blocks of these requests do not use the dynamic table, so a test may change
/// the table.
pub struct Session {
    client: Client,
    /// The stream of the echo; 0 if there is none.
    echo: u32,
    /// How long to wait for events that must happen.
    pub patience: Duration,
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Session {
    pub fn connect(demo: &Demo, tls: bool, patience: Duration) -> Session {
        Session { client: Client::connect_over(tls, demo.address()), echo: 0, patience }
    }

    #[track_caller]
    pub fn open(demo: &Demo, tls: bool, patience: Duration) -> Session {
        let mut session = Session::connect(demo, tls, patience);
        session.preface(&[]);
        session.settle();
        session.echo = session.begin("POST", "/echo");
        let echo = session.echo;
        session.data(echo, BEFORE, false);
        session.expect_data(echo);
        session
    }

    /// The four pseudo-header fields of a request.
    pub fn target(&self, method: &str, path: &str) -> Vec<(String, String)> {
        let scheme = if self.is_tls() { "https" } else { "http" };
        let fields = [(":method", method), (":scheme", scheme), (":authority", &self.authority()), (":path", path)];
        fields.map(|(name, value)| (name.to_string(), value.to_string())).to_vec()
    }

    /// The header block of a request with these additional fields, which does not use the
    /// dynamic table.
    pub fn block(&self, method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
        [block::literals(&self.target(method, path)), block::literals(more)].concat()
    }

    /// Sends a GET without a body. Returns its stream.
    #[track_caller]
    pub fn ask(&mut self, path: &str) -> u32 {
        self.ask_with("GET", path, &[], true)
    }

    /// Sends a request whose body follows. Returns its stream.
    #[track_caller]
    pub fn begin(&mut self, method: &str, path: &str) -> u32 {
        self.ask_with(method, path, &[], false)
    }

    #[track_caller]
    pub fn ask_with(&mut self, method: &str, path: &str, more: &[(&str, &str)], end_stream: bool) -> u32 {
        let block = self.block(method, path, more);
        self.ask_by(block, end_stream)
    }

    /// Sends a request with this header block. Returns its stream.
    #[track_caller]
    pub fn ask_by(&mut self, block: Vec<u8>, end_stream: bool) -> u32 {
        let stream = self.next_stream();
        self.send(Frame::headers(stream, block, end_stream));
        stream
    }

    /// Ends the body of a request with trailers.
    #[track_caller]
    pub fn trailers(&mut self, stream: u32, fields: &[(&str, &str)]) {
        self.send(Frame::headers(stream, block::literals(fields), true));
    }

    /// Asserts that RST_STREAM arrives on `stream` with this code.
    #[track_caller]
    pub fn expect_reset(&mut self, stream: u32, code: u32) {
        let patience = self.patience;
        self.read_until(patience, |transcript| transcript.is_over(stream) || !transcript.goaways().is_empty());
        let reset = self.transcript.reset_of(stream).map(|(_, code)| code);
        let wanted = code_name(code);
        self.check(reset == Some(code), &format!("stream {stream} is not reset with {wanted}"));
    }

    /// A stream whose request and response have ended.
    #[track_caller]
    pub fn closed_stream(&mut self) -> u32 {
        let stream = self.ask("/");
        let response = self.response(stream);
        self.expect_hello(&response);
        stream
    }

    /// Waits until the server has read all that was sent.
    #[track_caller]
    pub fn barrier(&mut self) {
        self.ping_and_wait(*b"all read");
    }

    /// The same as `barrier` for a connection that may have ended.
    pub fn ping_or_end(&mut self, payload: [u8; 8]) {
        let _ = self.try_raw(&Frame::ping(payload).encode());
        let answer = |frame: &Frame| frame.kind == kind::PING && frame.is_ack() && frame.payload == payload;
        let patience = self.patience;
        self.read_until(patience, |transcript: &Transcript| {
            !transcript.goaways().is_empty() || transcript.positions(answer).next().is_some()
        });
    }

    /// Completes the echo, which must be unchanged. No effect without an echo.
    #[track_caller]
    pub fn finish_echo(&mut self) {
        let stream = std::mem::take(&mut self.echo);
        if stream == 0 {
            return;
        }
        self.data(stream, AFTER, true);
        let response = self.response(stream);
        self.expect_complete(&response);
        self.check(response.body == [BEFORE, AFTER].concat(), "the echo beside it was disturbed");
    }
}
