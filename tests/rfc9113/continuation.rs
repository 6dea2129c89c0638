//! Section 6.10: CONTINUATION.

use crate::case::Outcome::{Goaway, Status};
use crate::case::{Case, case, check};
use crate::frames::half_a_block;
use crate::kit::{Frame, code, flag, kind};
use crate::session::Session;

pub const CASES: &[Case] = &[
    case("6.10", "one CONTINUATION", &[Status(200)], |s| ask_in_pieces(s, usize::MAX)),
    case("6.10", "several CONTINUATION frames", &[Status(200)], |s| ask_in_pieces(s, 30)),
    case("6.10", "some CONTINUATION frames of one byte", &[Status(200)], |s| {
        let stream = s.next_stream();
        let block = s.block("GET", "/", &[]);
        let mut frames = vec![Frame::new(kind::HEADERS, flag::END_STREAM, stream, &block[..1])];
        frames.extend(block[1..5].iter().map(|&byte| Frame::continuation(stream, &[byte], false)));
        frames.push(Frame::continuation(stream, &block[5..], true));
        s.send_together(&frames);
        stream
    }),
    // No client splits a block like this, and about 70 frames may count as a flood
    // (10.5.1).
    case("6.10", "nothing but CONTINUATION frames of one byte", &[Status(200), Goaway(code::ENHANCE_YOUR_CALM)], |s| {
        ask_in_pieces(s, 1)
    }),
    case("6.10", "CONTINUATION frames without a payload", &[Status(200)], |s| {
        let stream = s.next_stream();
        let block = s.block("GET", "/", &[]);
        s.send(Frame::new(kind::HEADERS, flag::END_STREAM, stream, []));
        s.send(Frame::continuation(stream, &block, false));
        s.send(Frame::continuation(stream, &[], true));
        stream
    }),
    case("6.10", "trailers in pieces", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        s.data(stream, b"data", false);
        s.send(Frame::new(kind::HEADERS, flag::END_STREAM, stream, *b"\x00\x03x-a"));
        s.send(Frame::continuation(stream, b"\x01b", true));
        stream
    }),
    case("6.10", "a frame of another type behind CONTINUATION", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = half_a_block(s);
        s.send(Frame::continuation(stream, &[], false));
        s.send(Frame::data(stream, b"data", true));
        0
    }),
    case("6.10", "CONTINUATION on stream 0", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        half_a_block(s);
        s.send(Frame::continuation(0, &[], true));
        0
    }),
    case("6.10", "CONTINUATION behind a whole header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::continuation(stream, &[], true));
        0
    }),
    case("6.10", "CONTINUATION behind the last CONTINUATION", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = ask_in_pieces(s, usize::MAX);
        s.send(Frame::continuation(stream, &[], true));
        0
    }),
    case("6.10", "CONTINUATION behind DATA", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("POST", "/echo");
        s.send(Frame::data(stream, b"data", false));
        s.send(Frame::continuation(stream, &[], true));
        0
    }),
];

/// A request with one byte of its header block in HEADERS, and the others in CONTINUATION
/// frames of `size` bytes.
#[track_caller]
fn ask_in_pieces(s: &mut Session, length: usize) -> u32 {
    let stream = s.next_stream();
    let block = s.block("GET", "/", &[]);
    let mut frames = vec![Frame::new(kind::HEADERS, flag::END_STREAM, stream, &block[..1])];
    frames.extend(block[1..].chunks(length).map(|piece| Frame::continuation(stream, piece, false)));
    frames.last_mut().expect("a frame").flags |= flag::END_HEADERS;
    s.send_together(&frames);
    stream
}

#[test]
fn every_case_holds() {
    check(CASES);
}
