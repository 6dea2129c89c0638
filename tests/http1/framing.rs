//! Requests that two parsers could divide differently are refused, and the connection is
//! closed, so that no following bytes are taken for a request (RFC 9112, section 11.2).

use crate::kit::Demo;
use crate::peer::{End, Peer};
use crate::start;

/// The request that an attacker hides. It must never get a response.
const HIDDEN: &str = "GET /users/hidden HTTP/1.1\r\nhost: demo\r\n\r\n";

/// Asserts that one response with this status arrives, and then the end.
#[track_caller]
fn expect_refused(demo: &Demo, status: u16, request: &str) {
    let mut peer = Peer::of(demo);
    peer.send(format!("{request}{HIDDEN}"));
    let answer = peer.answer("POST");
    assert_eq!(answer.status, status, "{request:?}");
    assert!(answer.is_last(), "{request:?}: {:?}", answer.fields);
    assert!(!String::from_utf8_lossy(&answer.body).contains("hidden"), "{request:?}");
    assert_eq!(peer.expect_end(), End::Fin, "{request:?}");
}

#[test]
fn lengths_that_disagree() {
    let demo = start();
    for fields in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5\r\ncontent-length: 5",
        "content-length: 5, 5",
        "content-length: 5, 6",
        "content-length: +5",
        "content-length: -5",
        "content-length: 5 ;",
        "content-length: 0x5",
        "content-length: 5e0",
        "content-length: \"5\"",
        "content-length: 5 0",
        "content-length:",
        "content-length: 99999999999999999999",
        "content-length: 18446744073709551615",
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: identity",
    ] {
        expect_refused(&demo, 400, &format!("POST /echo HTTP/1.1\r\nhost: demo\r\n{fields}\r\n\r\nhello"));
    }
}

#[test]
fn obscured_transfer_codings() {
    let demo = start();
    let body = "5\r\nhello\r\n0\r\n\r\n";
    for (status, field) in [
        (400, "transfer-encoding: xchunked"),
        (400, "transfer-encoding: chunked, identity"),
        (400, "transfer-encoding: chunked, chunked, gzip"),
        (501, "transfer-encoding: chunked, chunked"),
        (501, "transfer-encoding: gzip, chunked"),
        (501, "transfer-encoding: identity, chunked"),
        (400, "transfer-encoding: chunked\r\ntransfer-encoding: chunked"),
        (400, "transfer-encoding: chunked\r\ntransfer-encoding: identity"),
        (400, "transfer-encoding: identity\r\ntransfer-encoding: chunked"),
        (400, "transfer-encoding: \"chunked\""),
        (400, "transfer-encoding: chunked;q=1"),
        (400, "transfer-encoding: \x0bchunked"),
        (400, "transfer-encoding:\r\n chunked"),
        (400, "transfer-encoding : chunked"),
        (400, "transfer-encoding\t: chunked"),
        (400, "transfer\0-encoding: chunked"),
        (400, "transfer-encoding:"),
        (400, " transfer-encoding: chunked"),
        (400, "x: y\rtransfer-encoding: chunked"),
        (400, "x: y\ntransfer-encoding: chunked"),
    ] {
        expect_refused(&demo, status, &format!("POST /echo HTTP/1.1\r\nhost: demo\r\n{field}\r\n\r\n{body}"));
    }
    expect_refused(&demo, 400, &format!("POST /echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n{body}"));
}

#[test]
fn wrong_line_endings() {
    let demo = start();
    for request in [
        "GET / HTTP/1.1\nhost: demo\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\n\n",
        "GET / HTTP/1.1\r\nhost: demo\r\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nx: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nx: a\r\n\tfolded\r\n\r\n",
        "GET / HTTP/1.1\r\n host: demo\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nx: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nx: a\x7fb\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\n: no name\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nx y: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nx\u{e9}: a\r\n\r\n",
    ] {
        expect_refused(&demo, 400, request);
    }
}

#[test]
fn malformed_request_lines() {
    let demo = start();
    for (status, request) in [
        (400, "GET /\r\nhost: demo\r\n\r\n"),
        (400, "GET  / HTTP/1.1\r\nhost: demo\r\n\r\n"),
        (400, "GET /  HTTP/1.1\r\nhost: demo\r\n\r\n"),
        (400, "GET /\tHTTP/1.1\r\nhost: demo\r\n\r\n"),
        (400, "GET / HTTP/1.1 \r\nhost: demo\r\n\r\n"),
        (400, "GET / HTTP/1.1 HTTP/1.1\r\nhost: demo\r\n\r\n"),
        (400, "GET / http/1.1\r\nhost: demo\r\n\r\n"),
        (400, "GET / HTTP/1.11\r\nhost: demo\r\n\r\n"),
        (400, "GET / HTTP/1\r\nhost: demo\r\n\r\n"),
        (400, "GET /a#b HTTP/1.1\r\nhost: demo\r\n\r\n"),
        (400, "GET demo HTTP/1.1\r\nhost: demo\r\n\r\n"),
        (400, "GET ftp://demo/ HTTP/1.1\r\nhost: demo\r\n\r\n"),
        (400, "G,T / HTTP/1.1\r\nhost: demo\r\n\r\n"),
        (505, "GET / HTTP/1.2\r\nhost: demo\r\n\r\n"),
        (505, "GET / HTTP/2.0\r\nhost: demo\r\n\r\n"),
        (505, "GET / HTTP/0.9\r\n\r\n"),
    ] {
        expect_refused(&demo, status, request);
    }
}

#[test]
fn hosts_that_disagree() {
    let demo = start();
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nhost: demo\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo\r\nhost: other\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: me@demo\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo, other\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo other\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: demo/\r\n\r\n",
        "GET / HTTP/1.0\r\nhost: demo/\r\n\r\n",
        "GET http://demo/ HTTP/1.1\r\n\r\n",
        "GET http://me@demo/ HTTP/1.1\r\nhost: demo\r\n\r\n",
    ] {
        expect_refused(&demo, 400, request);
    }
    for request in [
        "GET http://demo/ HTTP/1.1\r\nhost: demo\r\n\r\n",
        // The target takes precedence (RFC 9112, section 3.2.2).
        "GET http://demo/ HTTP/1.1\r\nhost: other\r\n\r\n",
        "GET http://demo:80/ HTTP/1.1\r\nhost: demo\r\n\r\n",
        "GET HTTP://Demo:80/ HTTP/1.1\r\nhost: demo:80\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: tmp%2Fg.sock\r\n\r\n",
        "GET / HTTP/1.1\r\nhost:\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: [::1]:8080\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nhost: demo\r\n\r\n",
    ] {
        let mut peer = Peer::of(&demo);
        peer.send(request);
        assert_eq!(peer.answer("GET").status, 200, "{request:?}");
    }
}

#[test]
fn malformed_chunks() {
    let demo = start();
    let head = "POST /echo HTTP/1.1\r\nhost: demo\r\ntransfer-encoding: chunked\r\n\r\n";
    for body in [
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        ";a\r\nhello\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a\0\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nx : y\r\n\r\n",
        "5\r\nhello\r\n0\r\n x: y\r\n\r\n",
        "5\r\nhello\r\n0\r\ncontent-length: 5\r\n\r\n",
        "5\r\nhello\r\n0\r\ntransfer-encoding: chunked\r\n\r\n",
        "5\r\nhello\r\n0\r\nhost: other\r\n\r\n",
        "5\r\nhello\r\n0\r\nx: y\n\r\n",
    ] {
        let mut peer = Peer::of(&demo);
        peer.send(format!("{head}{body}{HIDDEN}"));
        // The handler may have begun to respond: then that response is cut.
        let answer = peer.answer("POST");
        assert!(answer.status == 400 || !answer.is_whole, "{body:?}: {answer:?}");
        assert_eq!(peer.expect_end(), End::Fin, "{body:?}");
    }
    for body in ["5;a=b\r\nhello\r\n0;c\r\nx: y\r\n\r\n", "5 ;a\r\nhello\r\n0\r\n\r\n", "0005\r\nhello\r\n000\r\n\r\n"]
    {
        let mut peer = Peer::of(&demo);
        peer.send(format!("{head}{body}{HIDDEN}"));
        assert_eq!(peer.answer("POST").text(), "hello", "{body:?}");
        assert_eq!(peer.answer("GET").text(), "hidden", "here it is a request of its own");
    }
}

#[test]
fn too_much_is_refused() {
    let demo = start();
    let fields = |count: usize| (0..count).map(|number| format!("x-{number}: a\r\n")).collect::<String>();
    expect_refused(&demo, 431, &format!("GET / HTTP/1.1\r\nhost: demo\r\n{}\r\n", fields(100)));
    expect_refused(&demo, 431, &format!("GET / HTTP/1.1\r\nhost: demo\r\nx: {}\r\n\r\n", "y".repeat(16_400)));
    expect_refused(&demo, 414, &format!("GET /{} HTTP/1.1\r\nhost: demo\r\n\r\n", "y".repeat(16_400)));
    let mut peer = Peer::of(&demo);
    peer.send(format!("GET / HTTP/1.1\r\nhost: demo\r\n{}\r\n", fields(99)));
    assert_eq!(peer.answer("GET").status, 200);
    // An endless message is not read without limit.
    let mut peer = Peer::of(&demo);
    peer.send("x".repeat(100_000));
    assert_eq!(peer.answer("GET").status, 414);
}

#[test]
fn tunnels_and_upgrades_without_a_handler() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    peer.send("GET / HTTP/1.1\r\nhost: demo\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n");
    peer.send("http2-settings: AAMAAABkAAQAAP__\r\n\r\n");
    let answer = peer.answer("GET");
    assert_eq!((answer.status, answer.text()), (200, "Hello, World!"));
    peer.send("CONNECT demo:443 HTTP/1.1\r\nhost: demo:443\r\n\r\n");
    assert!(matches!(peer.answer("GET").status, 404 | 405 | 501));
    assert_eq!(peer.get("/").status, 200);
    peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(peer.answer("GET").status, 505);
    assert_eq!(peer.expect_end(), End::Fin);
}

/// A request is read the same however it is divided.
#[test]
fn requests_in_pieces() {
    let demo = start();
    let request = "POST /echo HTTP/1.1\r\nhost: demo\r\ntransfer-encoding: chunked\r\n\r\n\
        5;a\r\nhello\r\n7\r\n, world\r\n0\r\nx: y\r\n\r\nGET /users/next HTTP/1.1\r\nhost: demo\r\n\r\n";
    for step in [1, 3, 10] {
        let mut peer = Peer::of(&demo);
        for piece in request.as_bytes().chunks(step) {
            peer.send(piece);
            std::thread::yield_now();
        }
        assert_eq!(peer.answer("POST").text(), "hello, world");
        assert_eq!(peer.answer("GET").text(), "next");
    }
}
