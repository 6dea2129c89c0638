//! Section 8.2: valid and invalid fields.

use crate::block::{self, NEVER_INDEXED, literal};
use crate::case::Outcome::{Ignored, Reset, Status};
use crate::case::{Case, Outcome, case, check};
use crate::kit::code;
use crate::session::Session;

const MALFORMED: &[Outcome] = &[Reset(code::PROTOCOL_ERROR)];

pub const CASES: &[Case] = &[
    case("8.2", "fields keep their order, repeated ones too", &[Status(200)], |s| {
        let fields = [("x-a", "1"), ("x-b", "2"), ("x-a", "3"), ("x-c", "4"), ("x-b", "5"), ("x-a", "6")];
        let stream = s.ask_with("GET", "/headers", &fields, true);
        let response = s.response(stream);
        let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        s.check(response.text().contains(&lines), &format!("not in order: {:?}", response.text()));
        stream
    }),
    case("8.2", "values without a byte, and with bytes above 0x7f", &[Status(200)], |s| {
        let odd = [literal(block::NOT_INDEXED, "x-empty", ""), literal(block::NOT_INDEXED, "x-high", b"\x80\xff\xe4")];
        let stream = s.ask_by([s.block("GET", "/headers", &[]), odd.concat()].concat(), true);
        let response = s.response(stream);
        let come = response.body.windows(11).any(|bytes| bytes == b"x-high: \x80\xff\xe4");
        s.check(come && response.text().contains("x-empty: \n"), &format!("not there: {:?}", response.text()));
        stream
    }),
    case("8.2.1", "an upper-case name", MALFORMED, |s| ask_with(s, b"X-Upper", b"case")),
    case("8.2.1", "an empty name", MALFORMED, |s| ask_with(s, b"", b"value")),
    case("8.2.1", "every byte that no name may have", &[Ignored], |s| {
        for byte in (0..=0x20).chain(b'A'..=b'Z').chain([b':']).chain(0x7f..=0xff) {
            let stream = ask_with(s, &[b'x', byte, b'a'], b"value");
            s.expect_reset(stream, code::PROTOCOL_ERROR);
        }
        0
    }),
    case("8.2.1", "a colon within a name", MALFORMED, |s| ask_with(s, b"x:a", b"value")),
    case("8.2.1", "NUL in a value", MALFORMED, |s| ask_with(s, b"x-a", b"a\0b")),
    case("8.2.1", "a line feed in a value", MALFORMED, |s| ask_with(s, b"x-a", b"a\nb: c")),
    case("8.2.1", "a carriage return in a value", MALFORMED, |s| ask_with(s, b"x-a", b"a\rb: c")),
    case("8.2.1", "a space before a value", MALFORMED, |s| ask_with(s, b"x-a", b" value")),
    case("8.2.1", "a space behind a value", MALFORMED, |s| ask_with(s, b"x-a", b"value ")),
    case("8.2.1", "a tab before a value", MALFORMED, |s| ask_with(s, b"x-a", b"\tvalue")),
    case("8.2.1", "a tab behind a value", MALFORMED, |s| ask_with(s, b"x-a", b"value\t")),
    case("8.2.1", "spaces and tabs within a value", &[Status(200)], |s| ask_with(s, b"x-a", b"a \t b")),
    case("8.2.1", "a malformed field among 30 requests that are served", &[Ignored], |s| {
        // As behind a proxy: many requests of many clients, one of which is malformed.
        let before: Vec<u32> = (0..15).map(|_| s.ask("/")).collect();
        let malformed = ask_with(s, b"x-a", b"a\nb");
        let after: Vec<u32> = (0..15).map(|_| s.ask("/")).collect();
        s.expect_reset(malformed, code::PROTOCOL_ERROR);
        for stream in before.into_iter().chain(after) {
            let response = s.response(stream);
            s.expect_hello(&response);
        }
        0
    }),
    case("8.2.2", "connection", MALFORMED, |s| ask_with(s, b"connection", b"keep-alive")),
    case("8.2.2", "proxy-connection", MALFORMED, |s| ask_with(s, b"proxy-connection", b"keep-alive")),
    case("8.2.2", "keep-alive", MALFORMED, |s| ask_with(s, b"keep-alive", b"timeout=5")),
    case("8.2.2", "transfer-encoding", MALFORMED, |s| ask_with(s, b"transfer-encoding", b"chunked")),
    case("8.2.2", "upgrade", MALFORMED, |s| ask_with(s, b"upgrade", b"h2c")),
    case("8.2.2", "te: trailers", &[Status(200)], |s| ask_with(s, b"te", b"trailers")),
    case("8.2.2", "te: gzip", MALFORMED, |s| ask_with(s, b"te", b"gzip")),
    case("8.2.2", "te: trailers, gzip", MALFORMED, |s| ask_with(s, b"te", b"trailers, gzip")),
    case("8.2.3", "cookie crumbs", &[Status(200)], |s| {
        let stream = s.ask_with("GET", "/headers", &[("cookie", "a=1"), ("x-a", "b"), ("cookie", "c=2")], true);
        let response = s.response(stream);
        let all = response.text().contains("a=1") && response.text().contains("c=2");
        s.check(all, &format!("a crumb is lost: {:?}", response.text()));
        stream
    }),
    case("8.2.3", "300 cookie crumbs", &[Status(200)], |s| s.ask_with("GET", "/", &[("cookie", "a=1"); 300], true)),
    // RFC 7541, section 7.1.3.
    case("7541, 7.1.3", "a field that must never be indexed", &[Status(200)], |s| {
        let block = [s.block("GET", "/headers", &[]), literal(NEVER_INDEXED, "x-secret", "token")].concat();
        let stream = s.ask_by(block, true);
        let response = s.response(stream);
        s.check(response.text().contains("x-secret: token\n"), "it did not arrive");
        stream
    }),
    case("10.5.1", "a header list above the limit", &[Status(431)], |s| {
        let value = "v".repeat(8_000);
        s.ask_with("GET", "/", &[("x-a", &value), ("x-b", "b")], true);
        let block = s.block("GET", "/", &[("x-a", &value)]);
        let more = block::indexed(block::NEWEST).repeat(3);
        let stored = block::literal(block::INDEXED, "x-stored", "v".repeat(3_000));
        s.ask_by([block, stored, more].concat(), true)
    }),
    case("10.5.1", "101 fields", &[Status(431)], |s| {
        let more = [("x-a", "b"); 101];
        s.ask_with("GET", "/", &more, true)
    }),
];

/// A GET with this field.
#[track_caller]
fn ask_with(s: &mut Session, name: &[u8], value: &[u8]) -> u32 {
    let block = [s.block("GET", "/", &[]), block::literals(&[(name, value)])].concat();
    s.ask_by(block, true)
}

#[test]
fn every_case_holds() {
    check(CASES);
}
