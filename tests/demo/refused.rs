//! Malformed requests, and valid ones on the same connection (RFC 9113, section 8.1.1). A
//! proxy sends the requests of many clients on one session: an error of one must not
//! affect another.

use crate::kit::{Client, Demo, Frame, PATIENCE, Response, code};
use crate::{start, wait_for};

/// A session with an echo in progress.
struct Shared {
    client: Client,
    authority: String,
    sibling: u32,
    echoed: usize,
}

impl Shared {
    #[track_caller]
    fn open(demo: &Demo) -> Shared {
        let mut client = demo.open();
        let sibling = client.upload("POST", "/echo");
        Shared { client, authority: demo.address().to_string(), sibling, echoed: 0 }
    }

    /// A valid request with these additional fields.
    #[track_caller]
    fn request(&mut self, fields: &[(&str, &str)]) -> u32 {
        let authority = self.authority.clone();
        let begin = [(":method", "POST"), (":scheme", "http"), (":authority", &authority), (":path", "/echo")];
        self.client.request_of(&[&begin, fields].concat(), true)
    }

    /// The outcome: the code of RST_STREAM, or a status.
    #[track_caller]
    fn outcome(&mut self, stream: u32) -> Outcome {
        let over = self.client.read_until(PATIENCE, |transcript| transcript.is_over(stream));
        self.client.check(over, &format!("nothing comes on stream {stream}"));
        let response = Response::gather(&self.client.transcript, stream);
        match self.client.transcript.reset_of(stream) {
            Some((_, code)) if response.status == 0 => Outcome::Reset(code),
            _ => Outcome::Status(response.status),
        }
    }

    /// The request was malformed: a stream error, or 400.
    #[track_caller]
    fn expect_malformed(&mut self, what: &str, stream: u32) {
        let outcome = self.outcome(stream);
        let refused = matches!(outcome, Outcome::Reset(code::PROTOCOL_ERROR) | Outcome::Status(400));
        self.client.check(refused, &format!("{what}: {outcome:?}"));
        self.expect_sibling_goes_on(what);
    }

    #[track_caller]
    fn expect_sibling_goes_on(&mut self, after: &str) {
        self.client.data(self.sibling, b"still here", false);
        self.echoed += 10;
        wait_for(&mut self.client, self.sibling, self.echoed);
        let undisturbed = self.client.transcript.goaways().is_empty() && !self.client.transcript.is_over(self.sibling);
        self.client.check(undisturbed, &format!("{after}: the session or a sibling was hurt"));
    }
}

#[derive(Debug)]
enum Outcome {
    Reset(u32),
    Status(u16),
}

/// Fields that make a request malformed.
#[test]
fn malformed_fields() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    let host = shared.authority.clone();
    let cases: [(&str, &[(&str, &str)]); 13] = [
        ("two host fields", &[("host", &host), ("host", &host)]),
        ("a host that is not :authority", &[("host", "elsewhere.example")]),
        ("a space before a value", &[("x-a", " b")]),
        ("a space behind a value", &[("x-a", "b ")]),
        ("a tab before a value", &[("x-a", "\tb")]),
        ("a value of spaces", &[("x-a", "  ")]),
        ("two content-lengths", &[("content-length", "0"), ("content-length", "0")]),
        ("two content-lengths that differ", &[("content-length", "0"), ("content-length", "1")]),
        ("content-length without a body", &[("content-length", "5")]),
        ("connection", &[("connection", "close")]),
        ("transfer-encoding", &[("transfer-encoding", "chunked")]),
        ("te that is not trailers", &[("te", "gzip")]),
        ("a pseudo-header field behind others", &[("x-a", "b"), (":path", "/")]),
    ];
    for (what, fields) in cases {
        let stream = shared.request(fields);
        shared.expect_malformed(what, stream);
    }
    let stream = shared.request(&[("host", &host), ("x-a", "b c"), ("content-length", "0"), ("te", "trailers")]);
    let outcome = shared.outcome(stream);
    shared.client.check(matches!(outcome, Outcome::Status(200)), &format!("nothing is wrong: {outcome:?}"));
}

/// Pseudo-header fields that make it malformed.
#[test]
fn malformed_targets() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    let authority = shared.authority.clone();
    let (with_user, with_password) = (format!("me@{authority}"), format!("me:secret@{authority}"));
    let cases: [(&str, [(&str, &str); 4]); 5] = [
        ("user information", [(":method", "GET"), (":scheme", "http"), (":authority", &with_user), (":path", "/")]),
        (
            "user information with a password",
            [(":method", "GET"), (":scheme", "http"), (":authority", &with_password), (":path", "/")],
        ),
        ("two paths", [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":path", "/")]),
        ("an empty path", [(":method", "GET"), (":scheme", "http"), (":authority", &authority), (":path", "")]),
        (
            "a path without a slash",
            [(":method", "GET"), (":scheme", "http"), (":authority", &authority), (":path", "nowhere")],
        ),
    ];
    for (what, fields) in cases {
        let stream = shared.client.request_of(&fields, true);
        shared.expect_malformed(what, stream);
    }
}

/// Required fields that are missing.
#[test]
fn incomplete_targets() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    let all = [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/")];
    for missing in [":method", ":scheme", ":path"] {
        let rest: Vec<_> = all.into_iter().filter(|(name, _)| *name != missing).collect();
        let stream = shared.client.request_of(&rest, true);
        shared.expect_malformed(&format!("no {missing}"), stream);
    }
}

/// A request must have :authority or host (RFC 9110, section 7.2).
#[test]
fn a_request_to_nobody() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    let nobody = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
    let stream = shared.client.request_of(&nobody, true);
    let outcome = shared.outcome(stream);
    shared.client.check(matches!(outcome, Outcome::Status(400)), &format!("not 400: {outcome:?}"));
    shared.expect_sibling_goes_on("no authority");
    let authority = shared.authority.clone();
    let stream = shared.client.request_of(&[&nobody[..], &[("host", &authority)]].concat(), true);
    let response = shared.client.response(stream);
    shared.client.expect_hello(&response);
}

/// Without :authority the host field names the server, and the same rules apply to it
/// (section 8.3.1).
#[test]
fn user_information_in_host() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    let host = format!("me:secret@{}", shared.authority);
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", host.as_str())];
    let stream = shared.client.request_of(&fields, true);
    shared.expect_malformed("user information in host", stream);
}

/// The rules for fields apply to trailers, too. A content-length is not allowed there
/// (RFC 9110, section 6.5.1).
#[test]
fn malformed_trailers() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    for field in [("x-a", " b"), ("x-a", "b\t"), ("connection", "close"), ("content-length", "3")] {
        let stream = shared.client.upload("POST", "/echo");
        shared.client.data(stream, b"abc", false);
        wait_for(&mut shared.client, stream, 3);
        let block = shared.client.encode(&[field]);
        shared.client.send(Frame::headers(stream, block, true));
        shared.client.expect_rst_stream(stream, code::PROTOCOL_ERROR);
        shared.expect_sibling_goes_on("a malformed trailer");
    }
}

/// The demo has no tunnels (section 8.5).
#[test]
fn connect_opens_no_tunnel() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    let cases: [&[(&str, &str)]; 4] = [
        &[(":method", "CONNECT"), (":authority", "example.com:443")],
        &[(":method", "CONNECT"), (":scheme", "http"), (":authority", "example.com:443"), (":path", "/")],
        &[(":method", "CONNECT"), (":scheme", "http"), (":authority", "example.com:443"), (":path", "/echo")],
        &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":authority", "example.com:443"),
            (":path", "/echo"),
        ],
    ];
    for fields in cases {
        let stream = shared.client.request_of(fields, false);
        let outcome = shared.outcome(stream);
        // node:http2's API has 405. A host with WebSockets reports the missing version
        // with 426 (RFC 6455, section 4.4).
        let refused = matches!(outcome, Outcome::Status(405 | 426 | 501) | Outcome::Reset(_));
        shared.client.check(refused, &format!("{fields:?}: {outcome:?}"));
        shared.expect_sibling_goes_on("CONNECT");
    }
}

/// The limit is 100 fields. All cookies count as one, because HTTP/2 clients split them
/// (section 8.2.3), and browsers store more of them for one site.
#[test]
fn too_many_fields() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    let names: Vec<String> = (0..101).map(|index| format!("f{index}")).collect();
    let numbered: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let crumbs = [("cookie", "a=1"); 200];
    let with_crumbs = |count: usize| [&crumbs[..], &numbered[..count]].concat();
    for (fields, status) in [
        (numbered[..100].to_vec(), 200),
        (numbered.clone(), 431),
        (with_crumbs(99), 200),
        (with_crumbs(100), 431),
        (crumbs.to_vec(), 200),
    ] {
        let stream = shared.request(&fields);
        let outcome = shared.outcome(stream);
        let expected = matches!(outcome, Outcome::Status(got) if got == status);
        shared.client.check(expected, &format!("{} fields, not {status}: {outcome:?}", fields.len()));
        shared.expect_sibling_goes_on("431");
    }
}

/// The limit is 16 KiB. A field counts 32 bytes more than its length (section 6.5.2).
#[test]
fn too_long_a_header_section() {
    let demo = start();
    let mut shared = Shared::open(&demo);
    let length = |fields: &[(&str, &str)]| fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
    let pseudo = [(":method", "POST"), (":scheme", "http"), (":authority", &shared.authority), (":path", "/echo")];
    let others: usize = length(&pseudo);
    let room = 16_384 - others - length(&[("x-long", "")]);
    let value = "v".repeat(room + 1);
    for (length, status) in [(room - 50, 200), (room + 1, 431), (room - 51, 200)] {
        let stream = shared.request(&[("x-long", &value[..length])]);
        let outcome = shared.outcome(stream);
        let expected = matches!(outcome, Outcome::Status(got) if got == status);
        shared.client.check(expected, &format!("{length} bytes in {room}, not {status}: {outcome:?}"));
    }
    shared.expect_sibling_goes_on("431");
}
