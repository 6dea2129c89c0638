//! The content of requests.

use super::*;

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}")
}

#[test]
fn chunks_end_with_the_last() {
    for (body, content) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("A\r\n0123456789\r\n1\r\n-\r\n000\r\n\r\n", "0123456789-"),
        ("5;name=value;other\r\nhello\r\n0;last\r\n\r\n", "hello"),
        ("5 ; name=\"a;b\"\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\t;\u{e4}\r\nhello\r\n0\r\n\r\n", "hello"),
        ("0000000000000001\r\n\n\r\n0\r\nx-checksum: 1\r\nOther: 2\r\n\r\n", "\n"),
    ] {
        let read = read(format!("{}GET /next", chunked(body)).as_bytes());
        assert_eq!((read.fault, read.held.as_slice()), (None, &b"GET /next"[..]), "{body:?}");
        assert_eq!(read.requests[0].content, content.as_bytes(), "{body:?}");
        let trailers = list(&[("x-checksum", "1"), ("other", "2")]);
        assert_eq!(read.requests[0].trailers, if body.contains("x-") { trailers } else { list(&[]) });
    }
    let unfinished = read(chunked("5\r\nhello\r\n0\r\n").as_bytes());
    assert!(unfinished.fault.is_none() && !unfinished.requests[0].is_whole);
}

#[test]
fn malformed_chunks_are_refused() {
    for body in [
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x5\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "5 5\r\nhello\r\n",
        "5\nhello\r\n",
        "5\r\rhello",
        "5;a\nhello",
        "5;a\rhello",
        "5;a\0\r\n",
        "5;a\x7f\r\n",
        ";a\r\n",
        "5,\r\nhello\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n0\r\n",
        "5\r\nhello\rX",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\r\n\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n",
        "ffffffffffffffff\r\n",
        "8000000000000000\r\n",
        "10000000000000000\r\n",
        "0\r\na: b\n\r\n",
        "0\r\n folded\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\na : b\r\n\r\n",
        "0\r\na: b\0\r\n\r\n",
        "0\r\ncontent-length: 5\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\nHost: a\r\n\r\n",
        "0\n\n",
        "0\r\nX",
        "0\r\n\rX",
        "0\r\n: b\r\n\r\n",
    ] {
        let body = body.replace("0\r\nX", "0\r\nX\r\n");
        assert_eq!(fault(chunked(&body)), Some(400), "{body:?}");
    }
    assert_eq!(fault(chunked(&format!("0\r\n{}\r\n", "a: b\r\n".repeat(10)))), None);
    assert_eq!(fault(chunked(&format!("0\r\n{}\r\n", "a: b\r\n".repeat(11)))), Some(431));
    assert_eq!(fault(chunked(&format!("0\r\n{}", "x".repeat(2001)))), Some(431));
    assert_eq!(fault(chunked(&format!("5;{}\r\n", "x".repeat(4096)))), Some(400));
    assert_eq!(fault(chunked(&format!("5;{}\r\n", "x".repeat(4095)))), None);
    assert_eq!(fault(chunked(&format!("{}0\r\n\r\n", "1;12345678\r\nx\r\n".repeat(455)))), None);
    assert_eq!(fault(chunked(&format!("{}0\r\n\r\n", "1;12345678\r\nx\r\n".repeat(456)))), Some(400), "of all chunks");
}

#[test]
fn incomplete_chunk_framing_is_mid_block() {
    let mut connection = begun(&chunked(""));
    let mut feed = |bytes: &str| {
        connection.take(bytes.as_bytes());
        (connection.engine.blocks(), connection.engine.is_mid_block())
    };
    for (bytes, blocks, is_mid) in [
        ("", 1, false),
        ("5", 1, true),
        (";ext", 1, true),
        ("\r", 1, true),
        ("\n", 2, false),
        ("hell", 2, false),
        ("o", 2, false),
        ("\r", 2, true),
        ("\n", 2, false),
        ("0\r\n", 3, true),
        ("a: b\r\n", 3, true),
        ("\r", 3, true),
        ("\n", 4, false),
    ] {
        assert_eq!(feed(bytes), (blocks, is_mid), "after {bytes:?}");
    }
    assert!(connection.requests[0].is_whole);
}

#[test]
fn content_with_a_length_is_passed_on_as_it_arrives() {
    let mut engine = Http1::new(LIMITS);
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n";
    let (taken, event) = engine.receive(head, &mut Output::default()).unwrap();
    assert!(taken == head.len() && matches!(event, Some(Event::Request { stream: 1, is_last: false, .. })));
    assert_eq!(engine.receive(b"", &mut Output::default()).unwrap(), (0, None));
    assert_eq!(
        engine.receive(b"he", &mut Output::default()).unwrap(),
        (2, Some(Event::Data { stream: 1, data: b"he", is_last: false }))
    );
    assert!(!engine.has_all_content(1) && engine.has_all_content(2));
    assert_eq!(
        engine.receive(b"lloGET", &mut Output::default()).unwrap(),
        (3, Some(Event::Data { stream: 1, data: b"llo", is_last: true }))
    );
    assert!(engine.has_all_content(1));
    assert_eq!(engine.receive(b"GET", &mut Output::default()).unwrap(), (0, None));
}

#[test]
fn a_fault_in_content_ends_the_connection() {
    let bad = chunked("3\r\nabc\r\nx");
    let mut connection = Connection::new(LIMITS);
    connection.take(bad.as_bytes());
    assert_eq!(status(&connection), Some(400));
    assert!(connection.written().starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"));
    assert!(connection.engine.is_over());

    // Behind a head that was sent no other may stand.
    let mut connection = begun(&chunked("3\r\nabc\r\n"));
    connection.head(|_| {}, &[]);
    connection.data("x", false);
    connection.take(b"x");
    assert_eq!((status(&connection), connection.written().as_str()), (Some(400), ""));
    assert!(!connection.engine.is_over(), "the response is not complete");

    // Nor behind a response that is complete.
    let mut connection = begun(&chunked("3\r\nabc\r\n"));
    connection.head(|head| head.is_last = true, &[]);
    connection.take(b"x");
    assert_eq!((status(&connection), connection.written().as_str()), (Some(400), ""));
    assert!(connection.engine.is_over());

    // Nor what the task has to say of content that does not come.
    let mut connection = begun(&chunked("3\r\nabc\r\n"));
    connection.head(|head| head.is_last = true, &[]);
    connection.engine.send_fault(Fault { code: 408, why: "slow" }, b"now", &mut connection.out);
    assert_eq!((connection.written().as_str(), connection.engine.is_over()), ("", true));
}
