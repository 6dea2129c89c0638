//! RFC 9218: which of several responses is sent first. RFC 9113, section 5.3, refers to
//! it.

use std::ops::Range;

use crate::case::Outcome::{Goaway, Ignored, Status};
use crate::case::{Case, case, check};
use crate::kit::{Frame, MAX_STREAM, Transcript, code, kind, setting};
use crate::session::Session;

/// By how much the window of the connection opens at a time. A server has at least this
/// much of a long response available.
const STEP: usize = 16_384;

const STEPS: usize = 8;

pub const CASES: &[Case] = &[
    case("9218, 4.1", "the more urgent response is sent first", &[Ignored], |s| {
        let streams = two(s, Some("u=5"), Some("u=1"));
        expect_share(s, streams, 0..1)
    }),
    case("9218, 4.1", "no priority field is an urgency of 3", &[Ignored], |s| {
        let streams = two(s, None, Some("u=2"));
        expect_share(s, streams, 0..1)
    }),
    case("9218, 4.1", "less urgent than one without a priority field", &[Ignored], |s| {
        let streams = two(s, Some("u=4"), None);
        expect_share(s, streams, 0..1)
    }),
    case("9218, 4.2", "equally urgent responses one after the other", &[Ignored], |s| {
        let streams = two(s, None, None);
        expect_share(s, streams, STEPS * STEP..usize::MAX)
    }),
    case("9218, 4.2", "equally urgent incremental responses in turn", &[Ignored], |s| {
        let streams = two(s, Some("i"), Some("u=3, i"));
        expect_share(s, streams, STEPS * STEP / 4..STEPS * STEP * 3 / 4)
    }),
    case("9218, 5", "a priority field that cannot be parsed", &[Status(200)], |s| {
        for value in ["", "u=9", "u=-1", "u=a", "i=?2", "((", "u=1, u=2, ,", "\"u=1"] {
            let stream = s.ask_with("GET", "/", &[("priority", value)], true);
            let response = s.response(stream);
            s.expect_hello(&response);
        }
        s.ask("/")
    }),
    case("9218, 7.1", "PRIORITY_UPDATE while the responses are under way", &[Ignored], |s| {
        let streams = two(s, Some("u=1"), Some("u=5"));
        s.send(Frame::priority_update(streams[1], "u=0"));
        s.barrier();
        expect_share(s, streams, 0..1)
    }),
    case("9218, 7.1", "PRIORITY_UPDATE before the request, which counts more than its field", &[Ignored], |s| {
        let first = s.next_stream() + 2;
        s.send(Frame::priority_update(first + 2, "u=0"));
        let streams = two(s, Some("u=1"), Some("u=5"));
        s.check(streams == [first, first + 2], "other streams than were prioritized");
        expect_share(s, streams, 0..1)
    }),
    case("9218, 7.1", "the last of several PRIORITY_UPDATE frames counts", &[Ignored], |s| {
        let streams = two(s, None, None);
        for value in ["u=7", "u=5, i", "u=0"] {
            s.send(Frame::priority_update(streams[1], value));
        }
        s.barrier();
        expect_share(s, streams, 0..1)
    }),
    case("9218, 7.1", "PRIORITY_UPDATE with a value that cannot be parsed", &[Ignored], |s| {
        let stream = s.begin("GET", "/hang");
        for value in ["", "u=9", "((", "\0\u{ff}"] {
            s.send(Frame::priority_update(stream, value));
        }
        stream
    }),
    case("9218, 7.1", "PRIORITY_UPDATE of a closed stream", &[Ignored], |s| {
        let stream = s.closed_stream();
        s.send(Frame::priority_update(stream, "u=0"));
        0
    }),
    case("9218, 7.1", "PRIORITY_UPDATE on a stream", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame { stream, ..Frame::priority_update(stream, "u=0") });
        0
    }),
    case("9218, 7.1", "PRIORITY_UPDATE of stream 0", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        s.send(Frame::priority_update(0, "u=0"));
        0
    }),
    case(
        "9218, 7.1",
        "PRIORITY_UPDATE of 3 bytes",
        &[Goaway(code::FRAME_SIZE_ERROR), Goaway(code::PROTOCOL_ERROR)],
        |s| {
            s.send(Frame::new(kind::PRIORITY_UPDATE, 0, 0, [0; 3]));
            0
        },
    ),
];

/// Two requests for long responses with these `priority` fields, after the window of the
/// connection was used up.
#[track_caller]
fn two(s: &mut Session, first: Option<&str>, second: Option<&str>) -> [u32; 2] {
    s.behaviour.open_window = false;
    s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, MAX_STREAM)]);
    let streams = [first, second].map(|value| {
        let field: Vec<_> = value.map(|value| ("priority", value)).into_iter().collect();
        s.ask_with("GET", "/big", &field, true)
    });
    expect_in_all(s, streams, 65_535);
    // Until the response with the smaller share of the window is available, too.
    s.barrier();
    streams
}

/// Opens the window of the connection in steps: `first` bytes of it must go to the first
/// response, and the rest to the second.
#[track_caller]
fn expect_share(s: &mut Session, streams: [u32; 2], wanted: Range<usize>) -> u32 {
    let before = s.transcript.body_length(streams[0]);
    for _ in 0..STEPS {
        let come = in_all(&s.transcript, streams);
        s.send(Frame::window_update(0, STEP as u32));
        expect_in_all(s, streams, come + STEP);
        s.barrier();
    }
    let share = s.transcript.body_length(streams[0]) - before;
    s.check(wanted.contains(&share), &format!("{share} of {} bytes to the first, not {wanted:?}", STEPS * STEP));
    for stream in streams {
        s.send(Frame::rst_stream(stream, code::CANCEL));
    }
    s.send(Frame::window_update(0, 1 << 20));
    0
}

#[track_caller]
fn expect_in_all(s: &mut Session, streams: [u32; 2], length: usize) {
    let patience = s.patience;
    let come = s.read_until(patience, |transcript| in_all(transcript, streams) >= length);
    s.check(come, &format!("not {length} bytes of the two responses"));
}

fn in_all(transcript: &Transcript, streams: [u32; 2]) -> usize {
    streams.into_iter().map(|stream| transcript.body_length(stream)).sum()
}

#[test]
fn every_case_holds() {
    check(CASES);
}
