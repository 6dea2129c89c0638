//! Sections 6.7 and 6.8: PING and GOAWAY.

use crate::case::Outcome::{Goaway, Ignored, Status};
use crate::case::{Case, case, check};
use crate::kit::{Frame, code, flag, kind};

pub const CASES: &[Case] = &[
    case("6.7", "PINGs with any payload", &[Ignored], |s| {
        for payload in [[0; 8], [255; 8], *b"payload!", *b"settled?"] {
            s.ping_and_wait(payload);
        }
        0
    }),
    case("6.7", "an acknowledgement of nothing", &[Ignored], |s| {
        s.send(Frame::new(kind::PING, flag::ACK, 0, *b"unasked!"));
        0
    }),
    case("6.7", "PING on a stream", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        s.send(Frame::new(kind::PING, 0, stream, *b"payload!"));
        0
    }),
    case("6.7", "PING of 6 bytes", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.send(Frame::new(kind::PING, 0, 0, [0; 6]));
        0
    }),
    case("6.7", "PING of 9 bytes", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.send(Frame::new(kind::PING, 0, 0, [0; 9]));
        0
    }),
    case("6.7", "PING while a large response is under way", &[Status(200)], |s| {
        let stream = s.ask("/big");
        for number in 0..5_u64 {
            let come = s.transcript.body_length(stream);
            let patience = s.patience;
            s.read_until(patience, |transcript| transcript.body_length(stream) > come);
            s.ping_and_wait(number.to_be_bytes());
        }
        let is_over = s.transcript.is_over(stream);
        s.check(!is_over, "the PINGs waited for the end of the response");
        stream
    }),
    case("6.8", "GOAWAY from a client: what is open is finished", &[Goaway(code::NO_ERROR)], |s| {
        s.send(Frame::goaway(0, code::NO_ERROR, b"leaving"));
        s.finish_echo();
        0
    }),
    case("7", "GOAWAY with an unknown error code", &[Goaway(code::NO_ERROR)], |s| {
        s.send(Frame::goaway(0, 0xff, b""));
        s.finish_echo();
        0
    }),
    case("6.8", "GOAWAY on a stream", &[Goaway(code::PROTOCOL_ERROR)], |s| {
        let stream = s.begin("GET", "/hang");
        let mut goaway = Frame::goaway(0, code::NO_ERROR, b"");
        goaway.stream = stream;
        s.send(goaway);
        0
    }),
    case("6.8", "GOAWAY of 7 bytes", &[Goaway(code::FRAME_SIZE_ERROR)], |s| {
        s.send(Frame::new(kind::GOAWAY, 0, 0, [0; 7]));
        0
    }),
];

#[test]
fn every_case_holds() {
    check(CASES);
}
