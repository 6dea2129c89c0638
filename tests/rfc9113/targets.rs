//! Sections 8.3 to 8.6: pseudo-header fields, CONNECT, Upgrade.

use crate::block;
use crate::case::Outcome::{Ignored, Reset, Status};
use crate::case::{Case, Outcome, case, check};
use crate::kit::code;
use crate::session::Session;

const MALFORMED: &[Outcome] = &[Reset(code::PROTOCOL_ERROR)];

/// Refused, but the library may respond instead of resetting the stream.
const REFUSED: &[Outcome] = &[Reset(code::PROTOCOL_ERROR), Status(400)];

pub const CASES: &[Case] = &[
    case("8.3", "an unknown pseudo-header field", MALFORMED, |s| also(s, ":unknown", "value")),
    case("8.3", "a pseudo-header field of responses", MALFORMED, |s| also(s, ":status", "200")),
    case("8.3", "a pseudo-header field with no name", MALFORMED, |s| also(s, ":", "value")),
    case("8.3", "a pseudo-header field behind others", MALFORMED, |s| {
        let mut fields = s.target("GET", "/");
        fields.insert(3, ("x-a".to_string(), "b".to_string()));
        s.ask_by(block::literals(&fields), true)
    }),
    case("8.3.1", ":method twice", MALFORMED, |s| also(s, ":method", "GET")),
    case("8.3.1", ":scheme twice", MALFORMED, |s| also(s, ":scheme", "http")),
    case("8.3.1", ":path twice", MALFORMED, |s| also(s, ":path", "/")),
    case("8.3.1", ":authority twice", MALFORMED, |s| also(s, ":authority", "localhost")),
    case("8.3.1", "no :method", MALFORMED, |s| without(s, ":method")),
    case("8.3.1", "no :scheme", MALFORMED, |s| without(s, ":scheme")),
    case("8.3.1", "no :path", MALFORMED, |s| without(s, ":path")),
    case("8.3.1", "neither :authority nor host", REFUSED, |s| without(s, ":authority")),
    case("8.3.1", "host instead of :authority", &[Status(200)], |s| {
        let host = s.authority();
        let mut fields = s.target("GET", "/");
        fields.retain(|(name, _)| name != ":authority");
        fields.push(("host".to_string(), host));
        s.ask_by(block::literals(&fields), true)
    }),
    case("8.3.1", "host that is the same as :authority", &[Status(200)], |s| {
        let host = s.authority();
        s.ask_with("GET", "/", &[("host", &host)], true)
    }),
    case("8.3.1", "host that differs from :authority", REFUSED, |s| {
        s.ask_with("GET", "/", &[("host", "elsewhere.example")], true)
    }),
    case("8.3.1", "user information in :authority", REFUSED, |s| with(s, ":authority", b"user:secret@localhost")),
    case("8.3.1", "an empty :path", MALFORMED, |s| with(s, ":path", b"")),
    case("8.3.1", "a :path without a slash", MALFORMED, |s| with(s, ":path", b"nowhere")),
    case("8.3.1", "a :path that is only a query", MALFORMED, |s| with(s, ":path", b"?x=1")),
    case("8.3.1", "an absolute URI as :path", MALFORMED, |s| with(s, ":path", b"http://localhost/")),
    case("8.3.1", "* as :path of GET", MALFORMED, |s| with(s, ":path", b"*")),
    case("8.3.1", "* as :path of OPTIONS", &[Status(404), Status(405)], |s| {
        let fields = s.target("OPTIONS", "*");
        s.ask_by(block::literals(&fields), true)
    }),
    case("8.3.1", "two host fields", MALFORMED, |s| {
        let host = s.authority();
        s.ask_with("GET", "/", &[("host", &host), ("host", &host)], true)
    }),
    case("8.3.1", "a space in :path", MALFORMED, |s| with(s, ":path", b"/users/a b")),
    case("8.3.1", "controls in :path", &[Ignored], |s| {
        for byte in (0..0x20).chain([0x7f]) {
            let stream = with(s, ":path", &[b"/users/", &[byte][..]].concat());
            s.expect_reset(stream, code::PROTOCOL_ERROR);
        }
        0
    }),
    case("8.3.1", "what some call unsafe in :path", &[Status(200)], |s| {
        let stream = with(s, ":path", b"/users/a\"b<c>d`e{f}g|h\\i^j");
        let response = s.response(stream);
        s.check(response.body == b"a\"b<c>d`e{f}g|h\\i^j", "the path is not as it was sent");
        stream
    }),
    case("8.3.1", "UTF-8 in :path and query", &[Status(200)], |s| with(s, ":path", "/users/ä?q=ö".as_bytes())),
    case("8.3.1", "bytes that are not UTF-8 in :path and query", &[Status(200), Status(400), Status(404)], |s| {
        with(s, ":path", b"/users/\xff?q=\x80")
    }),
    case("8.3.1", "a method with a space", MALFORMED, |s| with(s, ":method", b"GE T")),
    case("8.3.1", "an empty method", MALFORMED, |s| with(s, ":method", b"")),
    case("8.3.1", "a method that nobody knows", &[Status(200)], |s| {
        let fields = s.target("BREW", "/echo");
        s.ask_by(block::literals(&fields), true)
    }),
    case("8.3.1", "a method in lower case is another method", &[Status(404), Status(405)], |s| {
        with(s, ":method", b"get")
    }),
    case("8.3.1", "a percent-encoded name as :authority", &[Status(200)], |s| {
        with(s, ":authority", b"tmp%2Fserver.sock")
    }),
    case("8.3.1", "a space in :authority", REFUSED, |s| with(s, ":authority", b"local host")),
    case("8.3.1", "a slash in :authority", REFUSED, |s| with(s, ":authority", b"localhost/users")),
    case("8.3.1", "a line feed in :authority", MALFORMED, |s| with(s, ":authority", b"localhost\nx-a: b")),
    case("8.3.1", "a scheme that is none", MALFORMED, |s| with(s, ":scheme", b"ht tp")),
    case("8.3.2", "a response has :status first, and no other pseudo-header field", &[Status(200)], |s| {
        let stream = s.ask("/headers");
        let response = s.response(stream);
        let names: Vec<&str> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
        let pseudo = names.iter().filter(|name| name.starts_with(':')).count();
        s.check(names[0] == ":status" && pseudo == 1, &format!("{names:?}"));
        let is_lower = names.iter().all(|name| name.bytes().all(|byte| !byte.is_ascii_uppercase()));
        s.check(is_lower, &format!("an upper-case name: {names:?}"));
        stream
    }),
    case("8.5", "CONNECT to somewhere else", &[Status(501), Status(405)], |s| {
        s.ask_by(block::literals(&[(":method", "CONNECT"), (":authority", "example.com:443")]), false)
    }),
    case("8.5", "CONNECT without a port", REFUSED, |s| {
        s.ask_by(block::literals(&[(":method", "CONNECT"), (":authority", "example.com")]), false)
    }),
    case("8.5", "CONNECT with :scheme and :path", MALFORMED, |s| {
        let fields = s.target("CONNECT", "/");
        s.ask_by(block::literals(&fields), false)
    }),
    case("8.5", "CONNECT without :authority", MALFORMED, |s| {
        s.ask_by(block::literals(&[(":method", "CONNECT")]), false)
    }),
    case("8441, 4", ":protocol where extended CONNECT is not offered", MALFORMED, |s| {
        let fields = s.target("CONNECT", "/echo");
        let block = [block::literals(&[(":protocol", "websocket")]), block::literals(&fields)].concat();
        s.ask_by(block, false)
    }),
    case("8441, 4", ":protocol with another method than CONNECT", MALFORMED, |s| also(s, ":protocol", "websocket")),
    case("8.6", "Upgrade is of HTTP/1.1", MALFORMED, |s| s.ask_with("GET", "/", &[("upgrade", "websocket")], true)),
];

/// A GET with this additional pseudo-header field, in its position.
#[track_caller]
fn also(s: &mut Session, name: &str, value: &str) -> u32 {
    let block = s.block("GET", "/", &[(name, value)]);
    s.ask_by(block, true)
}

/// A GET without this field.
#[track_caller]
fn without(s: &mut Session, name: &str) -> u32 {
    let mut fields = s.target("GET", "/");
    fields.retain(|(known, _)| known != name);
    s.ask_by(block::literals(&fields), true)
}

/// A GET with another value of this field.
#[track_caller]
fn with(s: &mut Session, name: &str, value: &[u8]) -> u32 {
    let fields = s.target("GET", "/");
    let block = fields.iter().map(|(known, old)| {
        let value = if known == name { value } else { old.as_bytes() };
        block::literals(&[(known, value)])
    });
    let block = block.collect::<Vec<_>>().concat();
    s.ask_by(block, true)
}

#[test]
fn every_case_holds() {
    check(CASES);
}
