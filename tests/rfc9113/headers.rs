//! Sections 6.2 to 6.4: HEADERS, PRIORITY, RST_STREAM.

use crate::block;
use crate::case::Outcome::{Goaway, Ignored, Reset, Status};
use crate::case::{Case, case, check};
use crate::frames::half_a_block;
use crate::kit::{Frame, code, flag, kind};
use crate::session::Session;

pub const CASES: &[Case] = &[
    case("6.2", "HEADERS", &[Status(200)], |s| s.ask("/")),
    case("6.2", "padding", &[Status(200)], |s| ask_as(s, flag::PADDED, &[5], &[0; 5])),
    case("6.2", "priority fields", &[Status(200)], |s| ask_as(s, flag::PRIORITY, &[0x80, 0, 0, 0, 255], &[])),
    case("6.2", "padding and priority fields", &[Status(200)], |s| {
        ask_as(s, flag::PADDED | flag::PRIORITY, &[3, 0, 0, 0, 1, 15], &[0; 3])
    }),
    // An error in RFC 7540 (5.3.1), which RFC 9113 does not mention.
    case("6.2", "a stream that depends on itself", &[Status(200), Reset(code::PROTOCOL_ERROR)], |s| {
        // The next stream: `ask_as` uses it.
        let stream = s.next_stream() + 2;
        let priority = [&stream.to_be_bytes()[..], &[15]].concat();
        ask_as(s, flag::PRIORITY, &priority, &[])
    }),
    case("6.2", "HEADERS on stream 0", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let block = s.block("GET", "/", &[]);
        s.send(Frame::headers(0, block, true));
        0
    }),
    case("6.2", "more padding than there is room for", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        ask_as(s, flag::PADDED, &[255], &[])
    }),
    case(
        "6.2",
        "padding that reaches into the priority fields",
        &[Goaway(code::PROTOCOL_ERROR), Goaway(code::FRAME_SIZE_ERROR)],
        |s| {
            let stream = s.next_stream();
            let flags = flag::PADDED | flag::PRIORITY | flag::END_HEADERS;
            s.send(Frame::new(kind::HEADERS, flags, stream, [3, 0, 0, 0, 0, 15, 0, 0]));
            stream
        },
    ),
    case("6.2", "priority fields that are cut", &[Goaway(code::PROTOCOL_ERROR), Goaway(code::FRAME_SIZE_ERROR)], |s| {
        let stream = s.next_stream();
        s.send(Frame::new(kind::HEADERS, flag::PRIORITY | flag::END_HEADERS, stream, [0; 4]));
        stream
    }),
    case("6.2", "HEADERS without END_HEADERS, then PRIORITY", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = half_a_block(s);
        s.send(Frame::new(kind::PRIORITY, 0, stream, [0, 0, 0, 0, 15]));
        0
    }),
    case("6.2", "HEADERS without END_HEADERS, then HEADERS of another stream", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        half_a_block(s);
        s.ask("/");
        0
    }),
    case("6.3", "PRIORITY of any weight and dependency", &[Ignored], |s| {
        let stream = s.begin("GET", "/hang");
        for payload in [[0, 0, 0, 0, 0], [0, 0, 0, 0, 255], [0, 0, 0, 99, 15], [0x80, 0, 0, 1, 15]] {
            s.send(Frame::new(kind::PRIORITY, 0, stream, payload));
        }
        stream
    }),
    case("6.3", "PRIORITY of a stream that depends on itself", &[Ignored, Reset(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        let payload = [&stream.to_be_bytes()[..], &[15]].concat();
        s.send(Frame::new(kind::PRIORITY, 0, stream, payload));
        stream
    }),
    case("6.3", "PRIORITY opens no stream", &[Status(200)], |s| {
        s.send(Frame::new(kind::PRIORITY, 0, 99, [0, 0, 0, 0, 15]));
        s.ask("/")
    }),
    case("6.3", "PRIORITY on stream 0", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::new(kind::PRIORITY, 0, 0, [0, 0, 0, 0, 15]));
        0
    }),
    case("6.3", "PRIORITY of 4 bytes on an open stream", &[Reset(code::FRAME_SIZE_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::new(kind::PRIORITY, 0, stream, [0; 4]));
        stream
    }),
    case("6.3", "PRIORITY of 6 bytes on an open stream", &[Reset(code::FRAME_SIZE_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::new(kind::PRIORITY, 0, stream, [0; 6]));
        stream
    }),
    // RST_STREAM must not be sent on it (5.1), so it is a connection error.
    case("6.3", "PRIORITY of 4 bytes on an idle stream", &[Goaway(code::FRAME_SIZE_ERROR), Ignored], |s| {
        s.send(Frame::new(kind::PRIORITY, 0, 99, [0; 4]));
        0
    }),
    case("6.4", "RST_STREAM", &[Ignored], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::rst_stream(stream, code::CANCEL));
        stream
    }),
    case("6.4", "RST_STREAM on stream 0", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::rst_stream(0, code::CANCEL));
        0
    }),
    case("6.4", "RST_STREAM on an idle stream", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::rst_stream(99, code::CANCEL));
        0
    }),
    case("6.4", "RST_STREAM of 3 bytes", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::new(kind::RST_STREAM, 0, stream, [0; 3]));
        stream
    }),
    case("6.4", "RST_STREAM of 5 bytes", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::new(kind::RST_STREAM, 0, stream, [0; 5]));
        stream
    }),
    case("7", "RST_STREAM with an unknown error code", &[Ignored], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::rst_stream(stream, 0xff));
        stream
    }),
];

/// A GET whose HEADERS frame has these additional flags, and these bytes around its
/// header block.
#[track_caller]
fn ask_as(s: &mut Session, flags: u8, before: &[u8], after: &[u8]) -> u32 {
    let stream = s.next_stream();
    let block = block::literals(&s.target("GET", "/"));
    let flags = flags | flag::END_STREAM | flag::END_HEADERS;
    s.send(Frame::new(kind::HEADERS, flags, stream, [before, &block, after].concat()));
    stream
}

#[test]
fn every_case_holds() {
    check(CASES);
}
