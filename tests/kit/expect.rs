//! Assertions about the peer. A failure prints the whole transcript, at the line of the
//! test.

use std::time::{Duration, Instant};

use super::client::Client;
use super::frame::{Frame, MAX_STREAM, code, code_name, kind};
use super::response::{Ended, Response};
use super::transcript::{End, Transcript};
use super::{PATIENCE, SLACK};

impl Client {
    #[track_caller]
    pub fn fail(&self, message: &str) -> ! {
        let address = self.local_address();
        panic!("{message}\ntranscript of {address}:\n{}", self.transcript)
    }

    #[track_caller]
    pub fn check(&self, holds: bool, message: &str) {
        if !holds {
            self.fail(message);
        }
    }

    /// The next GOAWAY that the test has not examined.
    #[track_caller]
    pub fn expect_goaway(&mut self, last_stream: u32, code: u32) -> Instant {
        let nth = self.goaways_seen;
        let wanted = format!("GOAWAY(last {last_stream}, {})", code_name(code));
        let come = |transcript: &Transcript| transcript.goaway_position(nth).is_some();
        if !self.read_until(PATIENCE, come) {
            self.fail(&format!("{wanted} did not come as GOAWAY number {}", nth + 1));
        }
        let goaway = &self.transcript.goaways()[nth];
        let fits = (goaway.last_stream, goaway.code) == (last_stream, code);
        self.check(fits, &format!("GOAWAY number {} is not {wanted}", nth + 1));
        self.goaways_seen += 1;
        let position = self.transcript.goaway_position(nth).expect("it came");
        self.transcript.entries[position].at
    }

    /// The first step of a graceful close: a GOAWAY that allows every stream, and a PING
    /// whose acknowledgement shows that the client has read it (RFC 9113, section 6.8).
    #[track_caller]
    pub fn expect_first_goaway(&mut self) -> Instant {
        let at = self.expect_goaway(MAX_STREAM, code::NO_ERROR);
        let ping_after_goaway = |transcript: &Transcript| {
            let goaway = transcript.goaway_position(0);
            let ping = transcript.positions(|frame| frame.is(kind::PING)).last();
            ping > goaway
        };
        if !self.read_until(PATIENCE, ping_after_goaway) {
            self.fail("no PING came after the first GOAWAY");
        }
        at
    }

    /// The second step: a GOAWAY with the last accepted stream.
    #[track_caller]
    pub fn expect_final_goaway(&mut self, last_stream: u32) -> Instant {
        self.expect_goaway(last_stream, code::NO_ERROR)
    }

    /// Both steps and the FIN. The client's side stays open.
    #[track_caller]
    pub fn expect_graceful_close_and_stay(&mut self, last_stream: u32) {
        self.expect_first_goaway();
        self.expect_final_goaway(last_stream);
        let end = self.read_until_end();
        self.check(end == End::Fin, "no FIN");
    }

    /// Both steps and the FIN, and no further GOAWAY; then the client closes, too.
    #[track_caller]
    pub fn expect_graceful_close(&mut self, last_stream: u32) -> Instant {
        self.expect_first_goaway();
        self.expect_final_goaway(last_stream);
        let at = self.expect_fin();
        self.expect_no_more_goaways();
        at
    }

    #[track_caller]
    pub fn expect_no_more_goaways(&self) {
        let all_seen = self.transcript.goaways().len() == self.goaways_seen;
        self.check(all_seen, "more GOAWAY frames than a close has");
    }

    /// The session continues: it responds, and no GOAWAY arrived.
    #[track_caller]
    pub fn expect_undisturbed(&mut self) {
        let response = self.get("/");
        self.expect_hello(&response);
        let none = self.transcript.goaways().is_empty();
        self.check(none, "a GOAWAY on a session that nobody closed");
    }

    #[track_caller]
    pub fn expect_hello(&self, response: &Response) {
        self.expect_complete(response);
        let whole = response.status == 200 && response.body == b"Hello, World!";
        self.check(whole, "not 200 with `Hello, World!`");
    }

    /// The response is complete: END_STREAM, and the declared length.
    #[track_caller]
    pub fn expect_complete(&self, response: &Response) {
        let complete = response.ended == Ended::Complete;
        self.check(complete, &format!("not complete: {:?}", response.ended));
        if let Some(length) = response.header("content-length") {
            let fits = length == response.body.len().to_string();
            let body = response.body.len();
            self.check(fits, &format!("content-length {length}, body {body} bytes"));
        }
    }

    /// RST_STREAM and never END_STREAM: a cut response must not look complete (section
    /// 8.1).
    #[track_caller]
    pub fn expect_rst_stream(&mut self, stream: u32, code: u32) -> Instant {
        let come = |transcript: &Transcript| transcript.is_over(stream);
        let over = self.read_until(PATIENCE, come);
        let complete = self.transcript.is_complete(stream);
        self.check(!complete, "END_STREAM on a stream that was cut");
        self.check(over, &format!("no RST_STREAM on stream {stream}"));
        let (at, got) = self.transcript.reset_of(stream).expect("it is over");
        let wanted = code_name(code);
        self.check(got == code, &format!("stream {stream} not reset with {wanted}"));
        at
    }

    /// The peer's FIN, with a GOAWAY before it if there was a session (section 9.1); then
    /// the client closes.
    #[track_caller]
    pub fn expect_fin(&mut self) -> Instant {
        let end = self.read_until_end();
        self.check(end == End::Fin, "the connection did not end with a FIN");
        if self.settled {
            let told = !self.transcript.goaways().is_empty();
            self.check(told, "a FIN without a GOAWAY before it");
        }
        self.finish_writing();
        self.ended_at()
    }

    /// The peer has reset the connection, as with SO_LINGER 0.
    #[track_caller]
    pub fn expect_reset_by_kernel(&mut self) -> Instant {
        let end = self.read_until_end();
        self.check(end == End::Reset, "the connection did not end with ECONNRESET");
        self.ended_at()
    }

    /// Reads to the end, and checks the invariants of every connection.
    #[track_caller]
    pub fn read_until_end(&mut self) -> End {
        self.read_until(PATIENCE, |transcript| transcript.end.is_some());
        if let Some(breach) = self.transcript.breach() {
            self.fail(&breach);
        }
        match self.transcript.end {
            Some((_, end)) => end,
            None => self.fail("the connection does not end"),
        }
    }

    fn ended_at(&self) -> Instant {
        let (at, _) = self.transcript.end.expect("the connection has ended");
        at
    }

    /// A PING of the client is acknowledged with its payload (section 6.7). The peer has
    /// then read all earlier frames.
    #[track_caller]
    pub fn ping_and_wait(&mut self, payload: [u8; 8]) {
        self.send(Frame::ping(payload));
        let answer = |frame: &Frame| frame.kind == kind::PING && frame.is_ack() && frame.payload == payload;
        if !self.read_until(PATIENCE, |transcript| transcript.positions(answer).next().is_some()) {
            self.fail("PING was not answered");
        }
    }

    /// SETTINGS of the client are acknowledged (section 6.5.3).
    #[track_caller]
    pub fn settings_and_wait(&mut self, values: &[(u16, u32)]) {
        let acks = |transcript: &Transcript| {
            let ack = |frame: &Frame| frame.kind == kind::SETTINGS && frame.is_ack();
            transcript.positions(ack).count()
        };
        let before = acks(&self.transcript);
        self.send(Frame::settings(values));
        if !self.read_until(PATIENCE, |transcript| acks(transcript) > before) {
            self.fail("SETTINGS were not acknowledged");
        }
    }

    /// Waits for the first DATA of the response on `stream`.
    #[track_caller]
    pub fn expect_data(&mut self, stream: u32) {
        let come = |transcript: &Transcript| {
            let data = |frame: &Frame| frame.kind == kind::DATA && frame.stream == stream;
            transcript.positions(data).next().is_some()
        };
        if !self.read_until(PATIENCE, come) {
            self.fail(&format!("no DATA came on stream {stream}"));
        }
    }

    /// Waits for the header section of the response on `stream`.
    #[track_caller]
    pub fn expect_headers(&mut self, stream: u32) -> Response {
        let come = |transcript: &Transcript| Response::gather(transcript, stream).status != 0;
        if !self.read_until(PATIENCE, come) {
            self.fail(&format!("no final HEADERS came on stream {stream}"));
        }
        Response::gather(&self.transcript, stream)
    }

    /// Asserts that `at` is not earlier than `start` plus `bound`, less the difference of
    /// two clocks, and not later than that plus the slack for a busy machine.
    #[track_caller]
    pub fn check_deadline(&self, what: &str, start: Instant, bound: Duration, at: Instant) {
        let took = at.saturating_duration_since(start);
        let early = took + Duration::from_millis(50) < bound;
        self.check(!early, &format!("{what} after {took:.1?}, before {bound:?}"));
        let late = took > bound + SLACK;
        self.check(!late, &format!("{what} only after {took:.1?}, not {bound:?}"));
    }
}
