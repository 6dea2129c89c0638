//! The routes of the demo respond as over HTTP/2.

use crate::kit::demo::die_with_us;
use crate::kit::stream::{Identity, is_tls};
use crate::peer::{End, Peer};
use crate::start;

use std::process::Command;

const BIG: usize = 8 << 20;

/// Status and body as curl receives them.
pub fn curl(demo: &crate::kit::Demo, version: &str, path: &str, more: &[&str]) -> (String, Vec<u8>) {
    let mut command = Command::new("curl");
    let scheme = if is_tls() {
        command.arg("--cacert").arg(&Identity::get().certificate);
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://localhost:{}{path}", demo.address().port());
    command.args(["-s", "-S", "--max-time", "30", version, "-w", "%{stderr}%{http_code}"]).args(more).arg(url);
    die_with_us(&mut command);
    let output = command.output().expect("curl is installed: .ci/needs curl");
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.stdout)
}

#[test]
fn curl_gets_the_same_bytes() {
    let demo = start();
    let upload: &[&str] = &["--data-binary", "some body"];
    let chunked: &[&str] = &["-H", "transfer-encoding: chunked", "--data-binary", "some body"];
    let cases: [(&str, &[&str]); 11] = [
        ("/", &[]),
        ("/slow", &[]),
        ("/stream", &[]),
        ("/big", &[]),
        ("/early", &[]),
        ("/trailers", &[]),
        ("/users/J%C3%BCrgen", &[]),
        ("/panic", &[]),
        ("/nowhere", &[]),
        ("/echo", upload),
        ("/echo", &[]),
    ];
    for (path, more) in cases {
        let expected = curl(&demo, "--http2-prior-knowledge", path, more);
        assert_eq!(curl(&demo, "--http1.1", path, more), expected, "{path}");
        assert_eq!(curl(&demo, "--http1.0", path, more), expected, "{path} in 1.0");
    }
    assert_eq!(curl(&demo, "--http1.1", "/echo", chunked).1, b"some body");
    // curl also asks for an upgrade over cleartext, which is ignored.
    assert_eq!(curl(&demo, "--http2", "/", &[]), ("200".into(), b"Hello, World!".to_vec()));
}

#[test]
fn heads_say_what_follows() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    let hello = peer.get("/");
    assert_eq!((hello.version.as_str(), hello.status, hello.text()), ("HTTP/1.1", 200, "Hello, World!"));
    assert_eq!(hello.field("content-length"), Some("13"));
    assert!(hello.field("date").is_some() && !hello.is_last());
    let trailers = peer.get("/trailers");
    assert_eq!((trailers.text(), trailers.field("transfer-encoding")), ("ok", Some("chunked")));
    assert_eq!(trailers.trailers, [("x-checksum".to_owned(), "1".to_owned())]);
    peer.ask("HEAD", "/");
    let head = peer.answer("HEAD");
    assert_eq!((head.status, head.field("content-length")), (200, Some("13")));
    peer.ask("GET", "/early");
    assert_eq!(peer.answer("GET").status, 103);
    assert_eq!(peer.answer("GET").text(), "early");
    peer.ask("DELETE", "/");
    let refused = peer.answer("DELETE");
    assert_eq!((refused.status, refused.field("content-length")), (405, Some("0")));
    assert!(refused.field("allow").is_some());
    let sessions = peer.get("/sessions");
    assert!(sessions.text().contains("\"protocol\":\"http/1.1\""), "{}", sessions.text());
    let big = peer.get("/big");
    assert!(big.is_whole && big.body.len() == BIG && big.body.iter().all(|byte| *byte == b'x'));
}

#[test]
fn fields_arrive_unchanged() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    peer.send("GET /headers HTTP/1.1\r\nHost: demo\r\nX-One:  1 \r\nx-two:\r\ncookie: a=1\r\n\r\n");
    let answer = peer.answer("GET");
    // An ASGI application gets it from the authority.
    let fields: Vec<&str> = answer.text().lines().filter(|line| *line != "host: demo").collect();
    assert_eq!(fields, ["x-one: 1", "x-two: ", "cookie: a=1"]);
}

#[test]
fn fields_keep_their_order_across_names() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    peer.send("GET /headers HTTP/1.1\r\nhost: demo\r\nA: 1\r\nB: 2\r\nA: 3\r\nC: 4\r\nB: 5\r\n\r\n");
    let answer = peer.answer("GET");
    let fields: Vec<&str> = answer.text().lines().filter(|line| *line != "host: demo").collect();
    assert_eq!(fields, ["a: 1", "b: 2", "a: 3", "c: 4", "b: 5"]);
}

#[test]
fn pipelined_requests_get_responses_in_order() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    let requests: String = (0..50).map(|id| format!("GET /users/{id} HTTP/1.1\r\nhost: demo\r\n\r\n")).collect();
    peer.send(format!("GET /slow HTTP/1.1\r\nhost: demo\r\n\r\n{requests}"));
    assert_eq!(peer.answer("GET").text(), "slow");
    for id in 0..50 {
        assert_eq!(peer.answer("GET").text(), id.to_string());
    }
}

#[test]
fn an_http_1_0_client_is_served_and_its_connection_closed() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    peer.send("GET / HTTP/1.0\r\n\r\n");
    let answer = peer.answer("GET");
    assert_eq!((answer.version.as_str(), answer.text()), ("HTTP/1.0", "Hello, World!"));
    assert_eq!(peer.expect_end(), End::Fin);
    let mut peer = Peer::of(&demo);
    peer.send("GET /stream HTTP/1.0\r\nhost: demo\r\n\r\n");
    let answer = peer.answer("GET");
    assert!(answer.is_whole && answer.body.len() == 20 << 10 && answer.field("transfer-encoding").is_none());
}

#[test]
fn a_slow_body_with_expect() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    peer.send("POST /echo HTTP/1.1\r\nhost: demo\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(peer.answer("POST").status, 100);
    for byte in b"0123456789" {
        peer.send([*byte]);
    }
    assert_eq!(peer.answer("POST").text(), "0123456789");
    let body = vec![b'y'; 3 << 20];
    let mut sending = Peer::of(&demo);
    sending.send(format!("POST /echo HTTP/1.1\r\nhost: demo\r\ncontent-length: {}\r\n\r\n", body.len()));
    let (head, rest) = body.split_at(100_000);
    sending.send(head);
    let answer = std::thread::scope(|scope| {
        let mut writing = sending.clone_for_writing();
        scope.spawn(move || writing.send(rest));
        sending.answer("POST")
    });
    assert!(answer.is_whole && answer.body == body);
}

#[test]
fn a_slow_reader_is_waited_for() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    peer.ask("GET", "/big");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut other = Peer::of(&demo);
    assert_eq!(other.get("/").text(), "Hello, World!");
    assert_eq!(peer.answer("GET").body.len(), BIG);
}
