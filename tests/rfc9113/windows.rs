//! Sections 5.2 and 6.9: flow control.

use crate::case::Outcome::{Goaway, Ignored, Reset, Status};
use crate::case::{Case, case, check};
use crate::kit::{Frame, MAX_STREAM, code, kind, setting};
use crate::session::Session;

pub const CASES: &[Case] = &[
    case("5.2", "the windows come back while an upload goes on", &[Status(200)], |s| {
        let stream = s.begin("POST", "/echo");
        // More than the window of the connection.
        s.data(stream, &vec![b'x'; 1_500_000], true);
        let response = s.response(stream);
        s.check(response.body.len() == 1_500_000, "not all of it came back");
        stream
    }),
    case("6.9", "WINDOW_UPDATE of the connection and of a stream", &[Ignored], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::window_update(0, 1));
        s.send(Frame::window_update(stream, 1));
        s.send(Frame::window_update(stream, (1 << 31) | 1));
        stream
    }),
    case("6.9", "an increment of 0 for the connection", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::window_update(0, 0));
        0
    }),
    case("6.9", "an increment of 0 for a stream", &[Reset(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::window_update(stream, 0));
        stream
    }),
    case("6.9", "WINDOW_UPDATE of 3 bytes", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.send(Frame::new(kind::WINDOW_UPDATE, 0, 0, [0, 0, 1]));
        0
    }),
    case("6.9", "WINDOW_UPDATE of 5 bytes on a stream", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::new(kind::WINDOW_UPDATE, 0, stream, [0, 0, 0, 1, 0]));
        0
    }),
    case("6.9.1", "a response keeps to a window of 1", &[Status(200)], |s| {
        narrow(s, 1);
        let stream = s.ask("/");
        for length in 1..13 {
            expect_exactly(s, stream, length);
            s.send(Frame::window_update(stream, 1));
        }
        widen(s);
        stream
    }),
    case("6.9.1", "a window of the connection above 2^31-1", &[Goaway(code::FLOW_CONTROL_ERROR)], |s| {
        s.send(Frame::window_update(0, MAX_STREAM));
        s.send(Frame::window_update(0, MAX_STREAM));
        0
    }),
    case("6.9.1", "a window of a stream above 2^31-1", &[Reset(code::FLOW_CONTROL_ERROR)], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::window_update(stream, MAX_STREAM));
        s.send(Frame::window_update(stream, MAX_STREAM));
        stream
    }),
    case(
        "6.9.1",
        "more than the stream's window",
        &[Reset(code::FLOW_CONTROL_ERROR), Goaway(code::FLOW_CONTROL_ERROR)],
        |s| {
            let stream = s.begin("GET", "/hang");
            let window = s.windows.stream(stream) as usize;
            s.data(stream, &vec![0; window], false);
            s.send(Frame::data(stream, b"x", false));
            stream
        },
    ),
    case("6.9.1", "more than the connection's window", &[Goaway(code::FLOW_CONTROL_ERROR)], |s| {
        while s.windows.connection() > 0 {
            let stream = s.begin("GET", "/hang");
            let length = s.windows.connection().min(s.windows.stream(stream));
            s.data(stream, &vec![0; length as usize], false);
        }
        let stream = s.begin("GET", "/hang");
        s.send(Frame::data(stream, &[0; 16_384], false));
        stream
    }),
    case("6.9.2", "a window of 0, which opens later", &[Status(200)], |s| {
        narrow(s, 0);
        let stream = s.ask("/");
        s.expect_headers(stream);
        expect_exactly(s, stream, 0);
        s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 3)]);
        expect_exactly(s, stream, 3);
        widen(s);
        stream
    }),
    case("6.9.2", "a window that becomes negative", &[Status(200)], |s| {
        narrow(s, 5);
        let stream = s.ask("/");
        expect_exactly(s, stream, 5);
        s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 2)]);
        s.send(Frame::window_update(stream, 3));
        expect_exactly(s, stream, 5);
        s.send(Frame::window_update(stream, 1));
        expect_exactly(s, stream, 6);
        widen(s);
        stream
    }),
    case("6.9.2", "a stream's window that SETTINGS take above 2^31-1", &[Goaway(code::FLOW_CONTROL_ERROR)], |s| {
        let stream = s.ask("/hang");
        s.send(Frame::window_update(stream, MAX_STREAM - 65_535));
        s.send(Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 65_536)]));
        0
    }),
    case("6.9.2", "an initial window of 2^31", &[Goaway(code::FLOW_CONTROL_ERROR)], |s| {
        s.send(Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 31)]));
        0
    }),
    case("6.9.2", "the initial window is not the connection's", &[Status(200)], |s| {
        s.behaviour.open_window = false;
        s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 1_000_000)]);
        let stream = s.ask("/big");
        // The window that the echo used was opened again: `open_window` was enabled.
        let window = 65_535;
        expect_exactly(s, stream, window);
        s.behaviour.open_window = true;
        s.send(Frame::window_update(0, window as u32));
        stream
    }),
];

/// From now on the windows of the client do not open automatically, and new ones have
/// this size.
#[track_caller]
fn narrow(s: &mut Session, window: u32) {
    s.behaviour.open_window = false;
    s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, window)]);
}

#[track_caller]
fn widen(s: &mut Session) {
    s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 65_535)]);
    s.behaviour.open_window = true;
}

/// Asserts that `length` bytes of the response arrive, and no more.
#[track_caller]
fn expect_exactly(s: &mut Session, stream: u32, length: usize) {
    let patience = s.patience;
    s.read_until(patience, |transcript| transcript.body_length(stream) >= length);
    s.barrier();
    s.barrier();
    let come = s.transcript.body_length(stream);
    s.check(come == length, &format!("{come} bytes of the response, not {length}"));
}

#[test]
fn every_case_holds() {
    check(CASES);
}
