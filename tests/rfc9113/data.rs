//! Section 6.1: DATA.

use crate::case::Outcome::{Goaway, Ignored, Reset, Status};
use crate::case::{Case, case, check};
use crate::kit::{Frame, code, flag, kind};
use crate::session::Session;

pub const CASES: &[Case] = &[
    case("6.1", "one DATA frame", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        s.send(Frame::data(stream, b"data", true));
        expect_echo(s, stream, b"data")
    }),
    case("6.1", "several DATA frames, some of them empty", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        for (piece, is_last) in [("da", false), ("", false), ("ta", false), ("", true)] {
            s.send(Frame::data(stream, piece.as_bytes(), is_last));
        }
        expect_echo(s, stream, b"data")
    }),
    case("6.1", "padding is no data", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        s.send(padded(stream, b"da", 0));
        s.send(padded(stream, b"ta", 255));
        s.send(padded(stream, b"", 100));
        s.send(Frame::data(stream, b"", true));
        expect_echo(s, stream, b"data")
    }),
    case("6.1", "more padding than there is room for", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("POST", "/echo");
        s.send(Frame::new(kind::DATA, flag::PADDED, stream, [5, b'd', b'a', b't', b'a']));
        stream
    }),
    case(
        "6.1",
        "a padding length that is missing",
        &[Goaway(code::PROTOCOL_ERROR), Goaway(code::FRAME_SIZE_ERROR)],
        |s| {
            let stream = s.begin("POST", "/echo");
            s.send(Frame::new(kind::DATA, flag::PADDED, stream, []));
            stream
        },
    ),
    case("6.1", "DATA on stream 0", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::data(0, b"data", false));
        0
    }),
    case(
        "6.1",
        "DATA on a stream that is not open",
        &[Ignored, Reset(code::STREAM_CLOSED), Goaway(code::STREAM_CLOSED)],
        |s| {
            let stream = s.begin("POST", "/echo");
            s.data(stream, b"data", true);
            let response = s.response(stream);
            s.expect_complete(&response);
            s.send(Frame::data(stream, b"more", true));
            0
        },
    ),
];

fn padded(stream: u32, data: &[u8], padding: u8) -> Frame {
    let payload = [&[padding], data, &vec![0; usize::from(padding)]].concat();
    Frame::new(kind::DATA, flag::PADDED, stream, payload)
}

#[track_caller]
fn expect_echo(s: &mut Session, stream: u32, body: &[u8]) -> u32 {
    let response = s.response(stream);
    s.check(response.body == body, "the body is not what was sent");
    stream
}

#[test]
fn every_case_holds() {
    check(CASES);
}
