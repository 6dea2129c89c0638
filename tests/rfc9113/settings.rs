//! Section 6.5: SETTINGS in both directions, and changes during a connection.

use crate::block;
use crate::case::Outcome::{Goaway, Ignored, Reset, Status};
use crate::case::{Case, at_the_beginning, case, check};
use crate::kit::{Client, Frame, MAX_STREAM, code, flag, kind, setting};
use crate::session::Session;

pub const CASES: &[Case] = &[
    case("6.5", "SETTINGS", &[Ignored], |s| {
        s.settings_and_wait(&[]);
        0
    }),
    case("6.5", "an acknowledgement with a payload", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.send(Frame::new(kind::SETTINGS, flag::ACK, 0, [0; 6]));
        0
    }),
    case("6.5", "an acknowledgement of nothing", &[Ignored], |s| {
        s.send(Frame::settings_ack());
        s.send(Frame::settings_ack());
        0
    }),
    case("6.5", "SETTINGS on a stream", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::new(kind::SETTINGS, 0, stream, []));
        0
    }),
    case("6.5", "SETTINGS of 5 bytes", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.send(Frame::new(kind::SETTINGS, 0, 0, [0; 5]));
        0
    }),
    case("6.5", "SETTINGS of 7 bytes", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.send(Frame::new(kind::SETTINGS, 0, 0, [0; 7]));
        0
    }),
    case("6.5.2", "all values that are allowed", &[Ignored], |s| {
        for setting in [
            (setting::HEADER_TABLE_SIZE, u32::MAX),
            (setting::ENABLE_PUSH, 0),
            (setting::ENABLE_PUSH, 1),
            (setting::MAX_CONCURRENT_STREAMS, 0),
            (setting::MAX_CONCURRENT_STREAMS, u32::MAX),
            (setting::INITIAL_WINDOW_SIZE, 1_000_000),
            (setting::MAX_FRAME_SIZE, 16_384),
            (setting::MAX_FRAME_SIZE, (1 << 24) - 1),
            (setting::MAX_HEADER_LIST_SIZE, u32::MAX),
        ] {
            s.settings_and_wait(&[setting]);
        }
        0
    }),
    case("6.5.2", "ENABLE_PUSH of 2", &[Goaway(code::PROTOCOL_ERROR)], |s| send(s, setting::ENABLE_PUSH, 2)),
    case("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", &[Goaway(code::FLOW_CONTROL_ERROR)], |s| {
        send(s, setting::INITIAL_WINDOW_SIZE, MAX_STREAM + 1)
    }),
    case("6.5.2", "MAX_FRAME_SIZE of 16,383", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        send(s, setting::MAX_FRAME_SIZE, 16_383)
    }),
    case("6.5.2", "MAX_FRAME_SIZE of 2^24", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        send(s, setting::MAX_FRAME_SIZE, 1 << 24)
    }),
    case("6.5.2", "unknown settings", &[Ignored], |s| {
        s.settings_and_wait(&[(0x0a0a, 1), (0xffff, u32::MAX), (0, 0)]);
        0
    }),
    case("6.5.2", "MAX_FRAME_SIZE does not make the server's frames longer than it", &[Status(200)], |s| {
        s.settings_and_wait(&[(setting::MAX_FRAME_SIZE, 20_000)]);
        let stream = s.ask("/big");
        s.response(stream);
        s.settings_and_wait(&[(setting::MAX_FRAME_SIZE, 16_384)]);
        let later = s.ask("/big");
        s.response(later);
        for (stream, most) in [(stream, 20_000), (later, 16_384)] {
            let longest = s.transcript.on_stream(stream).map(|entry| entry.frame.payload.len()).max();
            s.check(longest <= Some(most), &format!("a frame of {longest:?} bytes"));
        }
        later
    }),
    case("6.9.2", "a window below nothing opens again", &[Status(200)], |s| {
        s.behaviour.open_window = false;
        s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 1000)]);
        let stream = s.ask("/big");
        s.expect_data(stream);
        s.barrier();
        // 1000 bytes have been received, so the window is negative now.
        s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 10)]);
        s.send(Frame::window_update(stream, 990));
        s.barrier();
        s.barrier();
        let come = s.transcript.body_length(stream);
        s.check(come == 1000, &format!("{come} bytes of a window of 0"));
        s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 65_535)]);
        s.behaviour.open_window = true;
        // The received bytes have used up the window of the session, which was not
        // opened.
        s.send(Frame::window_update(0, 65_535));
        s.send(Frame::window_update(stream, 65_535));
        stream
    }),
    case("6.5.3", "each SETTINGS is acknowledged", &[Ignored], |s| {
        let before = acknowledgements(s);
        let empty = Frame::settings(&[]);
        s.send_together(&[empty.clone(), empty.clone(), empty]);
        s.barrier();
        let come = acknowledgements(s) - before;
        s.check(come == 3, &format!("{come} acknowledgements of 3"));
        0
    }),
    case("6.5.3", "of several values the last one counts", &[Status(200)], |s| {
        s.behaviour.open_window = false;
        s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 100), (setting::INITIAL_WINDOW_SIZE, 1)]);
        let stream = s.ask("/");
        s.expect_data(stream);
        s.barrier();
        s.barrier();
        let come = s.transcript.body_length(stream);
        s.check(come == 1, &format!("{come} bytes, not 1"));
        s.send(Frame::window_update(stream, 100));
        s.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 65_535)]);
        s.behaviour.open_window = true;
        stream
    }),
    case("6.5.3", "a table of 0 bytes and back", &[Status(200)], |s| {
        s.closed_stream();
        s.settings_and_wait(&[(setting::HEADER_TABLE_SIZE, 0)]);
        let stream = s.closed_stream();
        // RFC 7541, section 4.2: the encoder announces it at the start of the next block.
        let block = s.transcript.on_stream(stream).next().expect("HEADERS came").frame.content().to_vec();
        s.check(block[0] == block::table_size(0)[0], "no dynamic table size update to 0");
        let smaller = s.closed_stream();
        let block = s.transcript.on_stream(smaller).next().expect("HEADERS came").frame.content().to_vec();
        s.check(block.len() > 20, "a field of a table that has no room");
        s.settings_and_wait(&[(setting::HEADER_TABLE_SIZE, 4096)]);
        for _ in 0..3 {
            s.closed_stream();
        }
        s.ask("/trailers")
    }),
    case("6.5.2", "MAX_HEADER_LIST_SIZE of 0 is advice", &[Status(200)], |s| {
        s.settings_and_wait(&[(setting::MAX_HEADER_LIST_SIZE, 0)]);
        s.ask("/trailers")
    }),
    case("6.5.3", "header blocks fit shorter frames at once", &[Status(200)], |s| {
        s.settings_and_wait(&[(setting::MAX_FRAME_SIZE, 1 << 20), (setting::MAX_FRAME_SIZE, 16_384)]);
        s.ask("/trailers")
    }),
    case("6.5.3", "a table that shrinks and grows between two responses", &[Status(200)], |s| {
        s.closed_stream();
        let [none, all] = [0, 4096].map(|size| Frame::settings(&[(setting::HEADER_TABLE_SIZE, size)]));
        s.send_together(&[none, all]);
        s.barrier();
        s.closed_stream();
        s.ask("/")
    }),
    // RFC 9218, section 2.1.
    at_the_beginning("9218, 2.1", "NO_RFC7540_PRIORITIES of 1", &[Status(200)], |s| {
        s.preface(&[(setting::NO_RFC7540_PRIORITIES, 1)]);
        s.settle();
        s.ask("/")
    }),
    at_the_beginning("9218, 2.1", "NO_RFC7540_PRIORITIES said again", &[Status(200)], |s| {
        s.preface(&[(setting::NO_RFC7540_PRIORITIES, 1)]);
        s.settle();
        s.settings_and_wait(&[(setting::NO_RFC7540_PRIORITIES, 1)]);
        s.ask("/")
    }),
    case("9218, 2.1", "NO_RFC7540_PRIORITIES that changes", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        send(s, setting::NO_RFC7540_PRIORITIES, 1)
    }),
    case("9218, 2.1", "NO_RFC7540_PRIORITIES of 2", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        send(s, setting::NO_RFC7540_PRIORITIES, 2)
    }),
    case("9218, 2.1", "the server says that it ignores the priorities of RFC 7540", &[Ignored], |s| {
        let settings = s.transcript.received().find_map(|entry| entry.frame.as_settings()).expect("SETTINGS came");
        s.check(settings.contains(&(setting::NO_RFC7540_PRIORITIES, 1)), "no NO_RFC7540_PRIORITIES");
        0
    }),
    case("6.6", "PUSH_PROMISE from a client", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        let block = s.block("GET", "/", &[]);
        let payload = [&2_u32.to_be_bytes()[..], &block].concat();
        s.send(Frame::new(kind::PUSH_PROMISE, flag::END_HEADERS, stream, payload));
        0
    }),
    case("6.5.2", "a stream above MAX_CONCURRENT_STREAMS of the server", &[Reset(code::REFUSED_STREAM)], |s| {
        let settings = s.transcript.received().find_map(|entry| entry.frame.as_settings()).expect("SETTINGS came");
        let most = settings.iter().find(|(id, _)| *id == setting::MAX_CONCURRENT_STREAMS).expect("a limit").1;
        let hanging: Vec<u32> = (1..most).map(|_| s.ask("/hang")).collect();
        let refused = s.ask("/");
        s.expect_reset(refused, code::REFUSED_STREAM);
        for stream in hanging {
            s.send(Frame::rst_stream(stream, code::CANCEL));
        }
        refused
    }),
];

#[track_caller]
fn send(s: &mut Session, id: u16, value: u32) -> u32 {
    s.send(Frame::settings(&[(id, value)]));
    0
}

fn acknowledgements(client: &Client) -> usize {
    client.transcript.positions(|frame| frame.kind == kind::SETTINGS && frame.is_ack()).count()
}

#[test]
fn every_case_holds() {
    check(CASES);
}
