//! Section 8.1: the parts of a message, and malformed messages. Section 8.7.

use crate::block;
use crate::case::Outcome::{Goaway, Ignored, Reset, Status};
use crate::case::{Case, Outcome, case, check};
use crate::kit::{Frame, Response, code};
use crate::session::Session;

const MALFORMED: &[Outcome] = &[Reset(code::PROTOCOL_ERROR)];

pub const CASES: &[Case] = &[
    case("8.1", "GET", &[Status(200)], |s| s.ask("/")),
    case("8.1", "HEAD", &[Status(200)], |s| {
        let stream = s.ask_with("HEAD", "/", &[], true);
        let response = s.response(stream);
        s.check(response.body.is_empty(), "a body for HEAD");
        s.check(response.header("content-length") == Some("13"), "not the length that GET has");
        stream
    }),
    case("8.1", "POST", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        s.data(stream, b"data", true);
        stream
    }),
    case("8.1", "a request with trailers", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        s.data(stream, b"data", false);
        s.trailers(stream, &[("x-checksum", "1"), ("x-other", "2")]);
        let response = s.response(stream);
        s.check(response.body == b"data", "not the body");
        stream
    }),
    case("8.1", "a response with trailers", &[Status(200)], |s| {
        let stream = s.ask("/trailers");
        let response = s.response(stream);
        s.check(response.trailer("x-checksum") == Some("1"), "no trailers");
        stream
    }),
    case("8.1", "an informational response before the final one", &[Status(200)], |s| {
        let stream = s.ask("/early");
        let response = s.response(stream);
        s.check(response.informational.len() == 1, "no informational response");
        stream
    }),
    case("8.1", "a second HEADERS frame that does not end the stream", MALFORMED, |s| {
        let stream = s.begin("POST", "/echo");
        s.data(stream, b"data", false);
        s.send(Frame::headers(stream, block::literals(&[("x-a", "b")]), false));
        stream
    }),
    case("8.1", "DATA behind trailers", &[Reset(code::STREAM_CLOSED)], |s| {
        let stream = s.begin("GET", "/hang");
        s.trailers(stream, &[("x-a", "b")]);
        s.send(Frame::data(stream, b"data", true));
        stream
    }),
    case("8.1", "pseudo-header fields in trailers", MALFORMED, |s| {
        let stream = s.begin("POST", "/echo");
        s.data(stream, b"data", false);
        s.trailers(stream, &[(":path", "/")]);
        stream
    }),
    case("8.1", "a field name in upper case in trailers", MALFORMED, |s| {
        let stream = s.begin("POST", "/echo");
        s.data(stream, b"data", false);
        s.trailers(stream, &[("X-Upper", "case")]);
        stream
    }),
    case("8.1", "a line feed in a value of trailers", MALFORMED, |s| {
        let stream = s.begin("POST", "/echo");
        s.data(stream, b"data", false);
        s.trailers(stream, &[("x-a", "b\nc: d")]);
        stream
    }),
    case("8.1", "a response before the end of the request", &[Status(404)], |s| {
        let stream = s.begin("POST", "/nowhere");
        s.data(stream, b"data", false);
        let response = s.response(stream);
        s.expect_complete(&response);
        s.data(stream, b"more", true);
        stream
    }),
    case("8.1", "a client that closes its sending side gets its responses", &[Goaway(code::NO_ERROR)], |s| {
        let streams = [s.ask("/"), s.ask("/slow"), s.begin("POST", "/echo")];
        s.data(streams[2], b"data", true);
        s.finish_echo();
        s.finish_writing();
        // The response to /slow is a second away.
        s.read_until_end();
        for (stream, body) in streams.into_iter().zip(["Hello, World!", "slow", "data"]) {
            let response = Response::gather(&s.transcript, stream);
            s.expect_complete(&response);
            s.check(response.text() == body, &format!("not {body}"));
        }
        0
    }),
    case("8.1.1", "a body shorter than content-length", MALFORMED, |s| upload(s, "5", &["data"])),
    case("8.1.1", "a body longer than content-length", MALFORMED, |s| upload(s, "3", &["data"])),
    case("8.1.1", "DATA frames that together are shorter", MALFORMED, |s| upload(s, "9", &["da", "ta", "data"])),
    case("8.1.1", "DATA frames that together are longer", MALFORMED, |s| upload(s, "7", &["da", "ta", "data"])),
    case("8.1.1", "DATA frames as long as content-length", &[Status(200)], |s| upload(s, "8", &["da", "ta", "data"])),
    case("8.1.1", "content-length and no body", MALFORMED, |s| {
        s.ask_with("POST", "/echo", &[("content-length", "4")], true)
    }),
    case("8.1.1", "content-length and trailers before the body is whole", MALFORMED, |s| {
        let stream = s.ask_with("POST", "/echo", &[("content-length", "5")], false);
        s.data(stream, b"data", false);
        s.trailers(stream, &[("x-a", "b")]);
        stream
    }),
    case("8.1.1", "content-length of 0 and no body", &[Status(200)], |s| {
        s.ask_with("POST", "/echo", &[("content-length", "0")], true)
    }),
    case("8.1.1", "content-length that is no number", &[Ignored], |s| {
        for value in ["", " 4", "+4", "-4", "4.0", "0x4", "four", "4,4", "4 4", "99999999999999999999999"] {
            let stream = s.ask_with("POST", "/echo", &[("content-length", value)], false);
            s.expect_reset(stream, code::PROTOCOL_ERROR);
        }
        0
    }),
    case("8.1.1", "two values of content-length that differ", MALFORMED, |s| {
        s.ask_with("POST", "/echo", &[("content-length", "4"), ("content-length", "5")], false)
    }),
    case("8.7", "a request that was refused may be tried again", &[Status(200)], |s| {
        let hanging: Vec<u32> = (0..99).map(|_| s.ask("/hang")).collect();
        let refused = s.ask("/");
        s.expect_reset(refused, code::REFUSED_STREAM);
        for stream in hanging {
            s.send(Frame::rst_stream(stream, code::CANCEL));
        }
        s.ask("/")
    }),
];

/// A request whose body has these pieces, with the content-length of this length.
#[track_caller]
fn upload(s: &mut Session, length: &str, pieces: &[&str]) -> u32 {
    let stream = s.ask_with("POST", "/echo", &[("content-length", length)], false);
    let last = pieces.len() - 1;
    let frames: Vec<Frame> =
        pieces.iter().enumerate().map(|(index, piece)| Frame::data(stream, piece.as_bytes(), index == last)).collect();
    s.send_together(&frames);
    stream
}

#[test]
fn every_case_holds() {
    check(CASES);
}
