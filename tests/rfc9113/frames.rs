//! Section 4: frame format, frame size, and header blocks in several frames. Section 5.5:
//! unknown frames and settings.

use crate::block;
use crate::case::Outcome::{Goaway, Ignored, Reset, Status};
use crate::case::{Case, case, check};
use crate::kit::frame::DEFAULT_MAX_FRAME_SIZE;
use crate::kit::{Frame, code, flag, kind};
use crate::session::Session;

const UNKNOWN: u8 = 0xee;

pub const CASES: &[Case] = &[
    case("4.1", "frames of an unknown type", &[Ignored], |s| {
        let open = s.begin("GET", "/hang");
        for stream in [0, open, 99] {
            s.send(Frame::new(UNKNOWN, 0xff, stream, *b"whatever"));
        }
        open
    }),
    case("4.1", "undefined flags", &[Ignored], |s| {
        let ping = Frame::new(kind::PING, 0xfe, 0, *b"flagged!");
        s.send(ping);
        let answer = |frame: &Frame| frame.is_ack() && frame.payload == b"flagged!";
        let patience = s.patience;
        let come = s.read_until(patience, |transcript| transcript.positions(answer).next().is_some());
        s.check(come, "the PING is not answered");
        0
    }),
    case("4.1", "undefined flags on DATA and HEADERS", &[Status(200)], |s| {
        let stream = s.next_stream();
        let block = s.block("POST", "/echo", &[]);
        s.send(Frame::new(kind::HEADERS, flag::END_HEADERS | 0xd2, stream, block));
        s.send(Frame::new(kind::DATA, flag::END_STREAM | 0xf6, stream, *b"data"));
        stream
    }),
    case("4.1", "the reserved bit of a stream id", &[Status(200)], |s| {
        let stream = s.next_stream();
        let block = s.block("GET", "/", &[]);
        s.send(Frame::headers(stream | 1 << 31, block, true));
        stream
    }),
    case("4.2", "DATA of the largest size", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        s.data(stream, &[b'x'; DEFAULT_MAX_FRAME_SIZE], true);
        let response = s.response(stream);
        s.check(response.body.len() == DEFAULT_MAX_FRAME_SIZE, "not all of it came back");
        stream
    }),
    case("4.2", "DATA one byte too long", &[Reset(code::FRAME_SIZE_ERROR), Goaway(code::FRAME_SIZE_ERROR)], |s| {
        let stream = s.begin("POST", "/echo");
        s.send(Frame::data(stream, &[0; DEFAULT_MAX_FRAME_SIZE + 1], false));
        stream
    }),
    case("4.2", "HEADERS one byte too long", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        let block = s.block("GET", "/", &[]);
        let padding = vec![0; DEFAULT_MAX_FRAME_SIZE + 1 - block.len()];
        s.ask_by([block, padding].concat(), true)
    }),
    case("4.2", "CONTINUATION one byte too long", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        let stream = half_a_block(s);
        s.send(Frame::continuation(stream, &[0; DEFAULT_MAX_FRAME_SIZE + 1], true));
        0
    }),
    case("4.2", "SETTINGS too long", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.send(Frame::settings(&[(0xabcd, 0); DEFAULT_MAX_FRAME_SIZE / 6 + 1]));
        0
    }),
    case("4.2", "a frame of an unknown type too long", &[Goaway(code::FRAME_SIZE_ERROR), Ignored], |s| {
        s.send(Frame::new(UNKNOWN, 0, 0, [0; DEFAULT_MAX_FRAME_SIZE + 1]));
        0
    }),
    case("4.3", "a header block that cannot be decompressed", &[Goaway(code::COMPRESSION_ERROR)], |s| {
        s.ask_by(block::indexed(1000), true)
    }),
    case("4.3", "a header block that ends in the middle of a field", &[Goaway(code::COMPRESSION_ERROR)], |s| {
        let mut block = s.block("GET", "/", &[("x-cut", "value")]);
        block.pop();
        s.ask_by(block, true)
    }),
    case("4.3", "PRIORITY within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = half_a_block(s);
        s.send(Frame::new(kind::PRIORITY, 0, stream, [0, 0, 0, 0, 15]));
        0
    }),
    case("4.3", "HEADERS of another stream within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        half_a_block(s);
        s.ask("/");
        0
    }),
    case("4.3", "CONTINUATION of another stream within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = half_a_block(s);
        s.send(Frame::continuation(stream + 2, &[], true));
        0
    }),
    case("4.3", "DATA within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = half_a_block(s);
        s.send(Frame::data(stream, b"data", false));
        0
    }),
    case("4.3", "PING within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        half_a_block(s);
        s.send(Frame::ping(*b"too soon"));
        0
    }),
    case("4.3", "SETTINGS within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        half_a_block(s);
        s.send(Frame::settings(&[]));
        0
    }),
    case("4.3", "RST_STREAM within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = half_a_block(s);
        s.send(Frame::rst_stream(stream, code::CANCEL));
        0
    }),
    case("4.3", "WINDOW_UPDATE within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        half_a_block(s);
        s.send(Frame::window_update(0, 1));
        0
    }),
    case("4.3.1", "the block of a malformed request counts for the table", &[Status(200)], |s| {
        let stored = block::literal(block::INDEXED, "x-stored", "kept");
        let malformed = [s.block("GET", "/", &[]), stored, block::literals(&[("X-Upper", "case")])].concat();
        s.ask_by(malformed, true);
        ask_with_newest(s)
    }),
    case("4.3.1", "the block of a refused request counts for the table", &[Status(200)], |s| {
        // One of the 100 is the echo.
        let hanging: Vec<u32> = (0..99).map(|_| s.ask("/hang")).collect();
        let stored = block::literal(block::INDEXED, "x-stored", "kept");
        let refused = s.ask_by([s.block("GET", "/", &[]), stored].concat(), true);
        s.expect_reset(refused, code::REFUSED_STREAM);
        for stream in hanging {
            s.send(Frame::rst_stream(stream, code::CANCEL));
        }
        ask_with_newest(s)
    }),
    case("4.3.1", "trailers of a stream that was reset count for the table", &[Status(200)], |s| {
        let stream = s.ask_with("POST", "/echo", &[("X-Upper", "case")], false);
        s.expect_reset(stream, code::PROTOCOL_ERROR);
        s.send(Frame::headers(stream, block::literal(block::INDEXED, "x-stored", "kept"), true));
        ask_with_newest(s)
    }),
    case("5.5", "frames of an unknown type between those of a request", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        s.send(Frame::new(UNKNOWN, flag::END_STREAM, stream, *b"not DATA"));
        s.data(stream, b"data", false);
        s.send(Frame::new(UNKNOWN, 0, 0, []));
        s.data(stream, b"", true);
        let response = s.response(stream);
        s.check(response.body == b"data", "the body is not what DATA had");
        stream
    }),
    case("5.5", "a frame of an unknown type within a header block", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = half_a_block(s);
        s.send(Frame::new(UNKNOWN, 0, stream, []));
        0
    }),
];

/// Sends HEADERS without END_HEADERS. Returns its stream.
#[track_caller]
pub fn half_a_block(s: &mut Session) -> u32 {
    let stream = s.next_stream();
    let block = s.block("GET", "/", &[]);
    s.send(Frame::new(kind::HEADERS, flag::END_STREAM, stream, &block[..block.len() / 2]));
    stream
}

/// A request whose field `x-stored: kept` becomes the newest entry of the table.
#[track_caller]
pub fn ask_with_newest(s: &mut Session) -> u32 {
    let stream = s.ask_by([s.block("GET", "/headers", &[]), block::indexed(block::NEWEST)].concat(), true);
    let response = s.response(stream);
    s.check(response.text().contains("x-stored: kept\n"), "the field of the table did not arrive");
    stream
}

#[test]
fn every_case_holds() {
    check(CASES);
}
