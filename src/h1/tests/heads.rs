//! Heads of requests, and what is none.

use super::*;

#[test]
fn a_head_is_read_unchanged() {
    let head =
        request("GET /a?b=c HTTP/1.1\r\nHost: a:1\r\nX-Two:\t 2 \t\r\nAccept: x, y\r\nx-two: \r\nB: \"q\"\r\n\r\n")
            .head;
    let fields = [("host", "a:1"), ("x-two", "2"), ("accept", "x, y"), ("x-two", ""), ("b", "\"q\"")];
    let expected = RequestHead {
        version: Version::Http11,
        method: Method::GET,
        scheme: None,
        authority: None,
        path: b"/a?b=c".to_vec(),
        protocol: None,
        upgrade: None,
        fields: list(&fields),
        pseudo_order: 0,
        has_sensitive: false,
    };
    assert_eq!(head, expected);
    let head = request("M-SEARCH HTTPS://A/ HTTP/1.0\r\nx: \u{e4}\tb\r\n\r\n").head;
    assert_eq!((head.method.as_str(), head.version, &head.path[..]), ("M-SEARCH", Version::Http10, &b"/"[..]));
    assert_eq!((head.scheme.as_deref(), head.authority.as_deref()), (Some("https"), Some("A")));
    assert_eq!(head.fields.get(b"x"), Some("\u{e4}\tb".as_bytes()));
}

#[test]
fn a_request_ends_at_its_last_byte() {
    for (request, behind) in [
        ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET /next"),
        ("\r\n\r\nGET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", "x"),
        ("POST / HTTP/1.1\r\nhost: a\r\nContent-Length:  5 \r\n\r\nhello", "POST /"),
        ("POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "GET"),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n1;a=\"b\"\r\nx\r\n0\r\na: b\r\n\r\n", "GET"),
        ("OPTIONS * HTTP/1.1\r\nhost:\r\nempty:\r\n\r\n", ""),
        ("GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n", ""),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", "\r\n"),
        ("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"),
    ] {
        let mut connection = begun(&format!("{request}{behind}"));
        assert!(connection.requests[0].is_whole, "{request:?}");
        assert_eq!(connection.held, behind.as_bytes(), "{request:?}");
        assert_eq!(
            connection.engine.receive(behind.as_bytes(), &mut Output::default()),
            Ok((0, None)),
            "its turn has not come"
        );
        assert!(connection.engine.has_all_content(1));
        connection.head(|head| head.is_last = true, &[]);
        let is_over = request.contains("close") || request.contains("1.0\r\n\r\n");
        assert_eq!(connection.engine.is_over(), is_over, "{request:?}");
        connection.take(b"");
        assert_eq!(connection.requests.len(), 1);
    }
}

#[test]
fn requests_follow_each_other() {
    let three = "POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab\
        \r\nPUT /2 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nc\r\n0\r\nx: y\r\n\r\n\
        GET /3 HTTP/1.0\r\n\r\nGET /4 HTTP/1.0\r\n\r\n";
    let read = read(three.as_bytes());
    let seen: Vec<_> = read.requests.iter().map(|one| (&one.head.path[..], &one.content[..])).collect();
    assert_eq!(seen, [(&b"/1"[..], &b"ab"[..]), (b"/2", b"c"), (b"/3", b"")]);
    assert_eq!(read.requests[1].trailers, list(&[("x", "y")]));
    assert_eq!(read.held, b"GET /4 HTTP/1.0\r\n\r\n");
    assert_eq!(read.out.to_vec().windows(8).filter(|text| text == b"HTTP/1.1").count(), 2);
    assert!(read.engine.is_over());
}

#[test]
fn malformed_requests_are_refused() {
    let long = |bytes: usize| "x".repeat(bytes);
    let with = |fields: &str| format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n");
    for (status, request) in [
        (400, "GET / HTTP/1.1\nhost: a\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nhost: a\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\r\n\n".into()),
        (400, "\nGET / HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\rhost: a\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\rb: c\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\r\r\n\r\n".into()),
        (400, "GET  / HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET /\r\n\r\n".into()),
        (400, "GET\r\n\r\n".into()),
        (400, " GET / HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET / HTTP/1.1 \r\nhost: a\r\n\r\n".into()),
        (400, "GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "G(T / HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET a HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET * HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET http:///a HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET http://me@a/ HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET /#a HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET /\ta HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET /\x7f HTTP/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET / http/1.1\r\nhost: a\r\n\r\n".into()),
        (400, "GET / HTTP/1.10\r\nhost: a\r\n\r\n".into()),
        (400, "GET / HTTP/1,1\r\nhost: a\r\n\r\n".into()),
        (400, "GET / HTTP/11\r\nhost: a\r\n\r\n".into()),
        (400, "GET / ICY/1.1\r\nhost: a\r\n\r\n".into()),
        (505, "GET / HTTP/2.0\r\nhost: a\r\n\r\n".into()),
        (505, "GET / HTTP/1.2\r\nhost: a\r\n\r\n".into()),
        (505, "GET / HTTP/0.9\r\nhost: a\r\n\r\n".into()),
        (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost : a\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost\t: a\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\n: a\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\r\n b: c\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\r\n\tb\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\n folded: c\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\r\nx: a\x0bb\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\r\nx\u{e4}: b\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nhost: a\r\nx(y): b\r\n\r\n".into()),
        (400, with("content-length: 5\r\ncontent-length: 5")),
        (400, with("content-length: 0\r\ncontent-length: 0")),
        (400, with("content-length: 5\r\nContent-Length: 6")),
        (400, with("content-length: 5, 5")),
        (400, with("content-length: +5")),
        (400, with("content-length: -5")),
        (400, with("content-length: 0x5")),
        (400, with("content-length: 5 5")),
        (400, with("content-length: 5.0")),
        (400, with("content-length: 5,")),
        (400, with("content-length:")),
        (400, with("content-length: 18446744073709551621")),
        (400, with("content-length: 9223372036854775808")),
        (400, with("content-length: 5\r\ntransfer-encoding: chunked")),
        (400, with("content-length: 0\r\ntransfer-encoding: chunked")),
        (400, with("transfer-encoding: chunked\r\ncontent-length: 5")),
        (400, with("transfer-encoding: chunked\r\ntransfer-encoding: chunked")),
        (400, with("transfer-encoding: chunked\r\ntransfer-encoding: identity")),
        (400, with("transfer-encoding: identity")),
        (400, with("transfer-encoding: chunked, gzip")),
        (400, with("transfer-encoding: xchunked")),
        (400, with("transfer-encoding: chunked;a=b")),
        (400, with("transfer-encoding: \"chunked\"")),
        (400, with("transfer-encoding: \x0bchunked")),
        (400, with("transfer-encoding:")),
        (501, with("transfer-encoding: gzip, chunked")),
        (501, with("transfer-encoding: chunked, chunked")),
        (501, with("transfer-encoding: ,chunked")),
        (400, with("transfer-encoding : chunked")),
        (400, "GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n".into()),
        (414, format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", long(2000))),
        (431, with(&format!("a: {}", long(2000)))),
        (431, with(&"a: b\r\n".repeat(10))),
        (431, with(&format!("a: {}\r\nb: {}", long(999), long(999)))),
    ] {
        let read = read(request.as_bytes());
        assert_eq!((super::status(&read), read.requests.len()), (Some(status), 0), "{request:?}");
        let begin = format!("HTTP/1.1 {status} ");
        let out = String::from_utf8(read.out.to_vec()).unwrap();
        assert!(out.starts_with(&begin), "{out}");
        assert!(out.ends_with("\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n"), "{out}");
        assert!(read.engine.is_over());
    }
}

#[test]
fn a_host_must_be_valid_and_may_be_missing_in_http_1_0() {
    let host = |version: &str, fields: &str| fault(format!("GET / HTTP/{version}\r\n{fields}\r\n"));
    for good in ["a", "a:80", "[::1]:80", "", "tmp%2Fg.sock", "%C3%A4:1"] {
        assert_eq!(host("1.1", &format!("host: {good}\r\n")), None, "{good:?}");
    }
    for bad in ["a b", "a/", "a@b", "a:b:c", "a%zz", "a, b", "http://a"] {
        assert_eq!(host("1.1", &format!("host: {bad}\r\n")), Some(400), "{bad:?}");
        assert_eq!(host("1.0", &format!("host: {bad}\r\n")), Some(400), "{bad:?}");
    }
    assert_eq!((host("1.1", ""), host("1.0", "")), (Some(400), None));
    for version in ["1.0", "1.1"] {
        assert_eq!(host(version, "host: a\r\nHost: a\r\n"), Some(400));
    }
}

#[test]
fn the_authority_of_the_target_overrides_the_host_field() {
    let with = |line: &str, host: &str| fault(format!("{line} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
    for host in ["other.com", "example.com", "example.com:80", "example.com:443", ""] {
        assert_eq!(with("GET http://example.com/", host), None, "{host:?}");
        assert_eq!(with("GET http://example.com:80/", host), None, "{host:?}");
    }
    assert_eq!(with("GET http://example.com/", "a b"), Some(400), "it has to be one");
    assert_eq!(fault("GET http://example.com/ HTTP/1.1\r\n\r\n"), Some(400), "and to be there");
    assert_eq!(with("CONNECT a:443", "A:443"), None);
    assert_eq!(with("CONNECT a:443", "a"), Some(400));
    assert_eq!(fault("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\ncontent-length: 1\r\n\r\nx"), Some(400));
    assert_eq!(fault("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\ncontent-length: 0\r\n\r\n"), None);
}

#[test]
fn an_endless_head_is_refused_before_it_is_complete() {
    assert_eq!(fault([b'x'; 2001]), Some(414));
    assert_eq!(fault([b'x'; 2000]), None);
    assert_eq!(fault(format!("GET / HTTP/1.1\r\n{}", "x".repeat(2001))), Some(431));
}

#[test]
fn limits_are_exact() {
    let with = |fields: String| fault(format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n"));
    // 37 for the host field.
    let filling = |bytes: usize| format!("x: {}\r\n", "y".repeat(bytes - 37 - 33));
    assert_eq!([with(filling(2000)), with(filling(2001))], [None, Some(431)]);
    assert_eq!([with("a: b\r\n".repeat(9)), with("a: b\r\n".repeat(10))], [None, Some(431)]);
    assert_eq!(with("Cookie: a\r\n".repeat(20)), None, "cookie fields count as one");
    assert_eq!(with(format!("{}{}", "cookie: a\r\n".repeat(5), "a: b\r\n".repeat(9))), Some(431));
    let line = |bytes: usize| fault(format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(bytes - 14)));
    assert_eq!([line(2000), line(2001)], [None, Some(414)]);
}

#[test]
fn an_incomplete_head_is_mid_block() {
    let mut connection = begun("");
    assert!(!connection.engine.is_mid_block());
    let mut feed = |bytes: &str| {
        connection.take(bytes.as_bytes());
        connection.engine.is_mid_block()
    };
    assert!(feed("\r"));
    assert!(!feed("\n"), "some clients send an empty line behind content and wait");
    assert!(feed("\r"));
    assert!(feed("\n"), "nobody sends two and waits");
    assert!(feed("G"));
    assert!(feed("ET / HTTP/1.1\r\nhost: a\r\n\r"));
    assert_eq!(connection.engine.blocks(), 0);
    connection.take(b"\n");
    assert_eq!((connection.engine.blocks(), connection.engine.is_mid_block()), (1, false));

    assert_eq!(fault("\r\n".repeat(8)), None);
    assert_eq!(fault("\r\n".repeat(9)), Some(400));
}
