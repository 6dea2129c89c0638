//! Section 10.5: what an honest client may do, however many frames it sends.

use std::time::Duration;

use crate::case::Outcome::{Ignored, Reset, Status};
use crate::case::{Case, case, check};
use crate::kit::{Frame, code};

pub const CASES: &[Case] = &[
    case("10.5", "streams above the limit are refused, and cost nothing", &[Ignored], |s| {
        let hanging: Vec<u32> = (0..99).map(|_| s.ask("/hang")).collect();
        for _ in 0..200 {
            let refused = s.ask("/");
            s.expect_reset(refused, code::REFUSED_STREAM);
        }
        for stream in hanging {
            s.send(Frame::rst_stream(stream, code::CANCEL));
        }
        0
    }),
    case("10.5", "honest: 5,000 pieces of 20 bytes, the echo of which is read late", &[Status(200)], |s| {
        s.behaviour.open_window = false;
        let stream = s.begin("POST", "/echo");
        let piece = Frame::data(stream, &[b'x'; 20], false);
        for _ in 0..100 {
            s.send_together(&vec![piece.clone(); 50]);
            s.pump(Duration::ZERO);
        }
        s.barrier();
        s.behaviour.open_window = true;
        s.send(Frame::window_update(stream, 1 << 20));
        s.send(Frame::window_update(0, 1 << 20));
        s.send(Frame::data(stream, b"", true));
        let response = s.response(stream);
        s.check(response.body.len() == 100_000, &format!("{} bytes came back", response.body.len()));
        stream
    }),
    case("10.5", "honest: a PING beside every request", &[Status(200)], |s| {
        for number in 0..150_u64 {
            let stream = s.ask("/");
            s.ping_and_wait(number.to_be_bytes());
            let response = s.response(stream);
            s.expect_hello(&response);
        }
        s.ask("/")
    }),
    case("10.5", "honest: every third request is cancelled", &[Status(200)], |s| {
        for _ in 0..100 {
            let (first, cancelled, last) = (s.ask("/"), s.ask("/hang"), s.ask("/"));
            s.send(Frame::rst_stream(cancelled, code::CANCEL));
            for stream in [first, last] {
                let response = s.response(stream);
                s.expect_hello(&response);
            }
        }
        s.ask("/")
    }),
    case("10.5", "honest: 2,000 requests that find nothing", &[Status(404)], |s| {
        for _ in 0..40 {
            let streams: Vec<u32> = (0..50).map(|_| s.ask("/nowhere")).collect();
            for stream in streams {
                let response = s.response(stream);
                s.check(response.status == 404, "not 404");
            }
        }
        s.ask("/nowhere")
    }),
    case("10.5", "honest: window updates for every DATA frame of a large response", &[Status(200)], |s| s.ask("/big")),
    case("10.5", "honest: uploads of 1,000 bytes that nobody wants, 100 at a time", &[Status(404)], |s| {
        for round in 1..=10 {
            for _ in 0..99 {
                let stream = s.begin("POST", "/nowhere");
                s.send(Frame::data(stream, &[b'x'; 1000], true));
            }
            let patience = s.patience;
            let come = s.read_until(patience, |transcript| {
                transcript.positions(Frame::ends_stream).count() >= 99 * round || !transcript.goaways().is_empty()
            });
            s.check(come, "some are not answered");
        }
        let stream = s.begin("POST", "/nowhere");
        s.data(stream, b"x", true);
        stream
    }),
    case("10.5", "honest: one malformed request in a hundred", &[Reset(code::PROTOCOL_ERROR)], |s| {
        for number in 0..1000 {
            if number % 100 == 0 {
                let malformed = s.ask_with("GET", "/", &[("X-Upper", "case")], true);
                s.expect_reset(malformed, code::PROTOCOL_ERROR);
            }
            s.closed_stream();
        }
        s.ask_with("GET", "/", &[("X-Upper", "case")], true)
    }),
];

#[test]
fn every_case_holds() {
    check(CASES);
}
