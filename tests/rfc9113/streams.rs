//! Section 5.1: frames in each state of a stream, and the numbering and counting of
//! streams. Section 5.4: errors.

use crate::block;
use crate::case::Outcome::{Goaway, Ignored, Reset, Status};
use crate::case::{Case, Outcome, case, check};
use crate::kit::{Frame, MAX_STREAM, code, kind};
use crate::session::Session;

/// The outcomes for a frame on a stream that the client has ended: section 5.1 allows
/// both kinds of errors, or to discard the frame.
const ON_A_CLOSED_STREAM: &[Outcome] = &[Ignored, Reset(code::STREAM_CLOSED), Goaway(code::STREAM_CLOSED)];

/// HEADERS may also count as a new stream with a used identifier (5.1.1).
const HEADERS_ON_A_CLOSED_STREAM: &[Outcome] =
    &[Ignored, Reset(code::STREAM_CLOSED), Goaway(code::STREAM_CLOSED), Goaway(code::PROTOCOL_ERROR)];

/// CONTINUATION is wrong in two ways (6.10).
const CONTINUATION_ON_A_CLOSED_STREAM: &[Outcome] = &[Goaway(code::STREAM_CLOSED), Goaway(code::PROTOCOL_ERROR)];

pub const CASES: &[Case] = &[
    // Idle.
    case("5.1", "idle: DATA", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::data(99, b"data", true));
        0
    }),
    case("5.1", "idle: RST_STREAM", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::rst_stream(99, code::CANCEL));
        0
    }),
    case("5.1", "idle: WINDOW_UPDATE", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::window_update(99, 100));
        0
    }),
    case("5.1", "idle: CONTINUATION", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let block = s.block("GET", "/", &[]);
        s.send(Frame::continuation(99, &block, true));
        0
    }),
    case("5.1", "idle: PRIORITY", &[Ignored], |s| {
        s.send(Frame::new(kind::PRIORITY, 0, 99, [0, 0, 0, 0, 15]));
        0
    }),
    // Half-closed by the client: the request has ended, the response has not.
    case("5.1", "half-closed: DATA", &[Reset(code::STREAM_CLOSED)], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::data(stream, b"data", true));
        stream
    }),
    case("5.1", "half-closed: HEADERS", &[Reset(code::STREAM_CLOSED)], |s| {
        let stream = s.ask("/hang");
        s.trailers(stream, &[("x-late", "1")]);
        stream
    }),
    case("5.1", "half-closed: CONTINUATION", CONTINUATION_ON_A_CLOSED_STREAM, |s| {
        let stream = s.ask("/hang");
        s.send(Frame::continuation(stream, &[], true));
        0
    }),
    case("5.1", "half-closed: WINDOW_UPDATE and PRIORITY", &[Ignored], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::window_update(stream, 100));
        s.send(Frame::new(kind::PRIORITY, 0, stream, [0, 0, 0, 0, 15]));
        stream
    }),
    case("5.1", "half-closed: RST_STREAM", &[Ignored], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::rst_stream(stream, code::CANCEL));
        stream
    }),
    // Closed by the client's RST_STREAM.
    case("5.1", "reset by the client: DATA", ON_A_CLOSED_STREAM, |s| {
        let stream = reset_stream(s);
        s.send(Frame::data(stream, b"data", true));
        stream
    }),
    case("5.1", "reset by the client: HEADERS", HEADERS_ON_A_CLOSED_STREAM, |s| {
        let stream = reset_stream(s);
        s.trailers(stream, &[("x-late", "1")]);
        stream
    }),
    case("5.1", "reset by the client: CONTINUATION", CONTINUATION_ON_A_CLOSED_STREAM, |s| {
        let stream = reset_stream(s);
        s.send(Frame::continuation(stream, &[], true));
        0
    }),
    case("5.1", "reset by the client: PRIORITY", &[Ignored], |s| {
        let stream = reset_stream(s);
        s.send(Frame::new(kind::PRIORITY, 0, stream, [0, 0, 0, 0, 15]));
        stream
    }),
    // Closed by END_STREAM from both sides. The outcome is that of the connection,
    // because the stream has its response.
    case("5.1", "closed: DATA", &[Ignored, Goaway(code::STREAM_CLOSED)], |s| {
        let stream = s.closed_stream();
        s.send(Frame::data(stream, b"data", true));
        0
    }),
    case("5.1", "closed: HEADERS", &[Ignored, Goaway(code::STREAM_CLOSED), Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.closed_stream();
        let block = s.block("GET", "/", &[]);
        s.send(Frame::headers(stream, block, true));
        0
    }),
    case("5.1", "closed: CONTINUATION", CONTINUATION_ON_A_CLOSED_STREAM, |s| {
        let stream = s.closed_stream();
        s.send(Frame::continuation(stream, &[], true));
        0
    }),
    case("5.1", "closed: WINDOW_UPDATE, RST_STREAM and PRIORITY", &[Ignored], |s| {
        let stream = s.closed_stream();
        s.send(Frame::window_update(stream, 100));
        s.send(Frame::rst_stream(stream, code::CANCEL));
        s.send(Frame::new(kind::PRIORITY, 0, stream, [0, 0, 0, 0, 15]));
        0
    }),
    // Reset by the server: the client may have sent these frames before it knew.
    case(
        "5.1",
        "reset by the server: DATA, trailers, WINDOW_UPDATE, RST_STREAM",
        &[Reset(code::PROTOCOL_ERROR)],
        |s| {
            let stream = malformed_upload(s);
            s.expect_reset(stream, code::PROTOCOL_ERROR);
            s.data(stream, b"data", false);
            s.send(Frame::window_update(stream, 100));
            s.trailers(stream, &[("x-late", "1")]);
            s.send(Frame::rst_stream(stream, code::CANCEL));
            s.barrier();
            expect_one_reset(s, stream);
            stream
        },
    ),
    case("5.1", "reset by the server: more DATA than the connection's window", &[Ignored], |s| {
        // A whole window for each stream, and together more than the window of the
        // connection.
        for _ in 0..6 {
            let stream = malformed_upload(s);
            s.data(stream, &[b'x'; 200_000], true);
            s.expect_reset(stream, code::PROTOCOL_ERROR);
            s.barrier();
            expect_one_reset(s, stream);
        }
        0
    }),
    case("5.1.1", "an even stream id", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let block = s.block("GET", "/", &[]);
        s.send(Frame::headers(1000, block, true));
        0
    }),
    case("5.1.1", "a stream id below the last", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let block = s.block("GET", "/", &[]);
        s.next_stream();
        s.ask("/hang");
        s.send(Frame::headers(3, block, true));
        0
    }),
    case("5.1.1", "stream ids with gaps", &[Status(200)], |s| {
        for _ in 0..1000 {
            s.next_stream();
        }
        s.ask("/")
    }),
    case("5.1.1", "the last stream id there is", &[Goaway(code::NO_ERROR)], |s| {
        s.finish_echo();
        let block = s.block("GET", "/", &[]);
        s.send(Frame::headers(MAX_STREAM, block, true));
        let response = s.response(MAX_STREAM);
        s.expect_hello(&response);
        s.send(Frame::goaway(0, code::NO_ERROR, b""));
        0
    }),
    case(
        "5.1.1",
        "DATA on a stream that was passed over",
        &[Goaway(code::PROTOCOL_ERROR), Goaway(code::STREAM_CLOSED), Ignored],
        |s| {
            let passed_over = s.next_stream();
            s.closed_stream();
            s.send(Frame::data(passed_over, b"data", true));
            0
        },
    ),
    case("5.1.2", "one stream too many", &[Reset(code::REFUSED_STREAM)], |s| {
        // One of the 100 is the echo.
        let hanging: Vec<u32> = (0..99).map(|_| s.ask("/hang")).collect();
        let refused = s.ask("/");
        s.expect_reset(refused, code::REFUSED_STREAM);
        for stream in hanging {
            s.send(Frame::rst_stream(stream, code::CANCEL));
        }
        refused
    }),
    case("5.4.1", "the connection ends with the error's GOAWAY", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.closed_stream();
        s.send(Frame::new(kind::PING, 0, 0, *b"short"));
        s.read_until_end();
        let last = s.transcript.received().last().expect("something came");
        s.check(last.frame.kind == kind::GOAWAY, "something follows the GOAWAY");
        0
    }),
    case("5.4.2", "RST_STREAM is not answered with RST_STREAM", &[Ignored], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::rst_stream(stream, code::CANCEL));
        s.send(Frame::rst_stream(stream, code::CANCEL));
        stream
    }),
];

/// A stream that the client has reset.
#[track_caller]
fn reset_stream(s: &mut Session) -> u32 {
    let stream = s.begin("GET", "/hang");
    s.send(Frame::rst_stream(stream, code::CANCEL));
    stream
}

/// A request that the server resets before its body has arrived.
#[track_caller]
fn malformed_upload(s: &mut Session) -> u32 {
    s.ask_by([s.block("POST", "/echo", &[]), block::literals(&[("X-Upper", "case")])].concat(), false)
}

#[track_caller]
fn expect_one_reset(s: &Session, stream: u32) {
    let resets = s.transcript.on_stream(stream).filter(|entry| entry.frame.kind == kind::RST_STREAM).count();
    s.check(resets == 1, &format!("{resets} RST_STREAM frames on stream {stream}"));
}

#[test]
fn every_case_holds() {
    check(CASES);
}
