//! Section 3: the beginning of a connection. Section 9.1: its duration.

use crate::case::Outcome::{Closed, Goaway, Ignored, Status};
use crate::case::{Case, at_the_beginning, case, check};
use crate::kit::frame::PREFACE;
use crate::kit::{Frame, code, kind};

pub const CASES: &[Case] = &[
    at_the_beginning("3.4", "the server's preface is a SETTINGS frame", &[Ignored], |s| {
        s.preface(&[]);
        s.settle();
        let first = &s.transcript.received().next().expect("SETTINGS came").frame;
        let is_preface = first.is(kind::SETTINGS) && first.stream == 0;
        s.check(is_preface, "the first frame is not SETTINGS");
        0
    }),
    at_the_beginning("3.4", "a request right behind the client's preface", &[Status(200)], |s| {
        s.preface(&[]);
        s.ask("/")
    }),
    at_the_beginning("3.4", "the client's preface byte by byte", &[Status(200)], |s| {
        let settings = Frame::settings(&[]).encode();
        for byte in [PREFACE, &settings].concat() {
            s.raw(&[byte]);
        }
        s.ask("/")
    }),
    at_the_beginning("3.4", "a wrong preface", &[Goaway(code::PROTOCOL_ERROR), Closed], |s| {
        s.raw(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
        0
    }),
    at_the_beginning("3.4", "a first frame that is not SETTINGS", &[Goaway(code::PROTOCOL_ERROR), Closed], |s| {
        s.raw(&[PREFACE, &Frame::ping(*b"too soon").encode()].concat());
        0
    }),
    at_the_beginning("3.4", "a first frame that acknowledges SETTINGS", &[Goaway(code::PROTOCOL_ERROR), Closed], |s| {
        s.raw(&[PREFACE, &Frame::settings_ack().encode()].concat());
        0
    }),
    case("9.1", "requests one after the other on one connection", &[Status(200)], |s| {
        for _ in 0..20 {
            s.closed_stream();
        }
        s.ask("/")
    }),
];

#[test]
fn every_case_holds() {
    check(CASES);
}
