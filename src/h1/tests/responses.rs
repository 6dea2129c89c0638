//! What is written, and when the connection ends.

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";
const OLD_KEEPS: &str = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";

#[test]
fn a_response_is_framed_by_version_and_length() {
    let mut peer = begun(GET);
    assert_eq!(
        peer.head(|_| {}, &[("B", "1"), ("content-length", "5"), ("a", "2"), ("b", "")]),
        "HTTP/1.1 200 OK\r\nb: 1\r\ncontent-length: 5\r\na: 2\r\nb: \r\n\r\n"
    );
    assert_eq!(peer.data("he", false) + &peer.data("llo", true), "hello");
    assert!(!peer.engine.is_over());

    peer.take(GET.as_bytes());
    assert_eq!(peer.head(|_| {}, &[]), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!(peer.data("hello, hello, hello", false), "13\r\nhello, hello, hello\r\n");
    assert_eq!(peer.data("", false), "");
    assert_eq!(peer.data("x", true), "1\r\nx\r\n0\r\n\r\n");

    peer.take(GET.as_bytes());
    peer.head(|_| {}, &[]);
    assert_eq!(peer.trailers(&[("X-Sum", "1"), ("y", "2")]), "0\r\nx-sum: 1\r\ny: 2\r\n\r\n");

    peer.take(GET.as_bytes());
    peer.head(|_| {}, &[("content-length", "1")]);
    assert_eq!(peer.data("x", false) + &peer.trailers(&[("a", "b")]), "x");

    peer.take(GET.as_bytes());
    assert_eq!(peer.head(|head| head.is_last = true, &[]), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(peer.requests.len(), 5);
}

#[test]
fn some_responses_have_no_content() {
    let mut peer = begun("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(peer.head(|_| {}, &[("content-length", "5")]), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    assert_eq!(peer.data("hello", true), "");
    peer.take(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(peer.head(|_| {}, &[]), "HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(peer.data("hello", false) + &peer.trailers(&[("a", "b")]), "");
    peer.take(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(peer.head(|head| head.is_last = true, &[]), "HTTP/1.1 200 OK\r\n\r\n");
    for (status, line) in [(StatusCode::NO_CONTENT, "204 No Content"), (StatusCode::NOT_MODIFIED, "304 Not Modified")] {
        for is_last in [false, true] {
            peer.take(GET.as_bytes());
            let change = |head: &mut ResponseHead<'_>| (head.status, head.is_last) = (status, is_last);
            assert_eq!(
                peer.head(change, &[("content-length", "5"), ("a", "b")]),
                format!("HTTP/1.1 {line}\r\na: b\r\n\r\n")
            );
            assert_eq!(peer.data("hello", true), "");
        }
    }
    assert_eq!(peer.requests.len(), 7);
}

#[test]
fn no_more_is_written_than_content_length() {
    let mut peer = begun(GET);
    peer.head(|_| {}, &[("content-length", "3"), ("content-length", "4")]);
    assert_eq!(peer.data("hello", false) + &peer.data("x", true), "hel");
    assert!(!peer.engine.is_over());

    peer.take(GET.as_bytes());
    let head = peer.head(|_| {}, &[("content-length", "3"), ("content-length", "4"), ("transfer-encoding", "x")]);
    assert_eq!(head, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
    peer.data("x", true);
    assert!(peer.engine.is_over(), "what followed would be taken for what is missing");

    let mut peer = begun(GET);
    let head = peer.head(|_| {}, &[("content-length", "many")]);
    assert_eq!(head, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
}

#[test]
fn http_1_0_clients_are_served() {
    let mut peer = begun(OLD);
    assert_eq!(
        peer.head(|_| {}, &[("content-length", "2")]),
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"
    );
    assert!(!peer.engine.looks_whole());
    peer.data("ok", true);
    assert!(peer.engine.is_over());

    let mut peer = begun(OLD_KEEPS);
    assert_eq!(
        peer.head(|_| {}, &[("content-length", "2")]),
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\n"
    );
    peer.data("ok", true);
    peer.take(OLD_KEEPS.as_bytes());
    assert_eq!(peer.inform(StatusCode::EARLY_HINTS, &[]), "");
    assert_eq!(peer.head(|_| {}, &[]), "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n");
    assert_eq!(peer.data("hello", false), "hello");
    assert!(peer.engine.looks_whole(), "but it is not complete");
    assert_eq!(peer.trailers(&[("a", "b")]), "");
    assert!(peer.engine.is_over() && !peer.engine.looks_whole());

    let mut peer = begun("GET / HTTP/1.0\r\nconnection: keep-alive, close\r\n\r\n");
    assert!(peer.head(|head| head.is_last = true, &[]).contains("connection: close\r\n"));
}

#[test]
fn the_last_response_has_connection_close() {
    let closes = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut peer = begun(&format!("GET / HTTP/1.1\r\nhost: a\r\nConnection: x, CLOSE\r\n\r\n{GET}"));
    assert_eq!(peer.head(|head| head.is_last = true, &[("connection", "x")]), closes);
    assert!(peer.engine.is_over());

    let mut peer = begun(GET);
    assert_eq!(peer.head(|head| (head.is_last, head.closes) = (true, true), &[]), closes);
    assert!(peer.engine.is_over());

    let mut peer = begun(&GET.repeat(2));
    peer.engine.shut_down(ShutDown::LastCall, &mut Output::default());
    assert!(!peer.engine.is_over());
    assert_eq!(peer.head(|head| head.is_last = true, &[]), closes);
    peer.take(b"");
    assert!(peer.engine.is_over() && peer.requests.len() == 1);

    // Too late for its head.
    let mut peer = begun(&GET.repeat(2));
    peer.head(|_| {}, &[]);
    peer.engine.shut_down(ShutDown::LastCall, &mut Output::default());
    assert!(!peer.engine.is_over());
    peer.data("", true);
    assert!(peer.engine.is_over());
}

#[test]
fn a_request_that_has_begun_is_read_after_shut_down() {
    for idle in ["", "\r\n"] {
        let mut peer = begun(idle);
        peer.engine.shut_down(ShutDown::LastCall, &mut Output::default());
        assert!(peer.engine.is_over());
        peer.take(GET.as_bytes());
        assert_eq!(peer.requests.len(), 0);
    }
    for cut in 1..GET.len() {
        let mut peer = begun(&GET[..cut]);
        peer.engine.shut_down(ShutDown::LastCall, &mut Output::default());
        assert!(!peer.engine.is_over() && peer.engine.is_mid_block());
        peer.take(&GET.as_bytes()[cut..]);
        assert!(peer.head(|head| head.is_last = true, &[]).contains("connection: close\r\n"));
        assert!(peer.engine.is_over());
    }
}

#[test]
fn informational_heads_precede_the_final_head() {
    let mut peer = begun(GET);
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    assert_eq!(peer.inform(StatusCode::EARLY_HINTS, &[("link", "</a>")]), hints);
    assert_eq!(peer.inform(StatusCode::EARLY_HINTS, &[("link", "</a>")]), hints);
    assert_eq!(peer.inform(StatusCode::SWITCHING_PROTOCOLS, &[]), "");
    assert_eq!(peer.inform(StatusCode::CONTINUE, &[]), "", "nobody waits for it");
    peer.head(|_| {}, &[]);
    assert_eq!(peer.inform(StatusCode::EARLY_HINTS, &[]), "");
}

const EXPECTS: &str = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 5\r\n\r\n";

#[test]
fn a_100_is_sent_once() {
    let mut peer = begun(EXPECTS);
    peer.engine.send_informational(2, StatusCode::CONTINUE, &list(&[]), &mut peer.out);
    assert_eq!(peer.inform(StatusCode::CONTINUE, &[]), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(peer.inform(StatusCode::CONTINUE, &[]), "");
    assert_eq!(peer.head(|_| {}, &[]), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    peer.take(b"hello");
    assert_eq!(peer.requests[0].content, b"hello");
    peer.data("", true);
    peer.take(GET.as_bytes());
    assert_eq!(peer.requests.len(), 2);
}

#[test]
fn content_without_a_100_is_read() {
    let mut peer = begun(&format!("{EXPECTS}h"));
    assert_eq!(peer.requests[0].content, b"h");
    assert_eq!(peer.inform(StatusCode::CONTINUE, &[]), "HTTP/1.1 100 Continue\r\n\r\n", "the host wants it sent");
    assert_eq!(peer.inform(StatusCode::CONTINUE, &[]), "");
    assert!(!peer.head(|_| {}, &[]).contains("close"));
    peer.take(b"ello");
    peer.data("", true);
    peer.take(GET.as_bytes());
    assert_eq!(peer.requests.len(), 2);
}

#[test]
fn without_a_100_the_connection_does_not_wait_for_content() {
    for change in [|_: &mut ResponseHead<'_>| {}, |head: &mut ResponseHead<'_>| head.closes = true] {
        let mut peer = begun(EXPECTS);
        assert!(!peer.engine.has_all_content(1));
        assert!(peer.head(change, &[]).ends_with("\r\nconnection: close\r\n\r\n"));
        assert!(peer.engine.has_all_content(1));
        peer.take(b"hello");
        assert_eq!((peer.requests[0].content.len(), peer.held.len()), (0, 5));
        peer.data("", true);
        assert!(peer.engine.is_over());
    }
    // Without content there is nothing to ask for, and 1.0 does not know it.
    for request in [GET.replace("host", "expect: 100-continue\r\nhost"), EXPECTS.replace("1.1", "1.0")] {
        let mut peer = begun(&request);
        assert_eq!(peer.inform(StatusCode::CONTINUE, &[]), "");
    }
}

fn upload(length: u64) -> String {
    format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n")
}

#[test]
fn an_early_response_announces_whether_the_connection_persists() {
    let whole = |head: &mut ResponseHead<'_>| (head.is_last, head.is_whole) = (true, true);
    let chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    for (request, has_close) in [
        (upload(3 << 20), true),
        (upload(SMALL_REST + 1), true),
        (upload(SMALL_REST), false),
        (format!("{}x", upload(SMALL_REST + 1)), false),
        (chunked.to_owned(), true),
        (format!("{chunked}1\r\nx\r\n0\r\n"), true),
        (format!("{chunked}1\r\nx\r\n0\r\n\r\n"), false),
    ] {
        let mut peer = begun(&request);
        assert_eq!(peer.head(whole, &[]).contains("connection: close"), has_close, "{request:?}");
        assert_eq!(peer.engine.is_over(), has_close, "{request:?}");
        assert_eq!(peer.engine.has_all_content(1), has_close || peer.requests[0].is_whole);
        let is_content = !peer.engine.has_all_content(1);
        peer.take(&[b'x'; 10]);
        assert_eq!(peer.held.len(), if is_content { 0 } else { 10 }, "{request:?}");
    }
    // The next request follows what is read and thrown away.
    let mut peer = begun(&upload(1000));
    peer.head(whole, &[]);
    peer.take(&[&[b'x'; 1000][..], GET.as_bytes()].concat());
    assert!(peer.requests.len() == 2 && peer.head(|head| head.is_last = true, &[]).contains("200"));
}

#[test]
fn a_response_may_begin_before_the_content_has_arrived() {
    let mut peer = begun(&upload(3 << 20));
    assert!(!peer.head(|_| {}, &[]).contains("close"));
    peer.take(&vec![b'x'; 3 << 20]);
    peer.data("", true);
    peer.take(GET.as_bytes());
    assert_eq!((peer.requests.len(), peer.requests[0].content.len()), (2, 3 << 20));

    // Its end may come before that of the content, which the host still wants.
    for closes in [false, true] {
        let mut peer = begun(&upload(100));
        peer.head(|head| (head.is_last, head.closes) = (true, closes), &[]);
        assert!(!peer.engine.has_all_content(1) && !peer.engine.is_over());
        peer.take(&[b'x'; 100]);
        assert_eq!((peer.requests[0].content.len(), peer.engine.is_over()), (100, closes));
        peer.take(GET.as_bytes());
        assert_eq!(peer.requests.len(), if closes { 1 } else { 2 });
    }
}

#[test]
fn only_the_current_request_is_responded_to() {
    let mut peer = begun("");
    assert_eq!(peer.head(|_| {}, &[]) + &peer.data("x", true) + &peer.trailers(&[]), "");
    peer.take(GET.as_bytes());
    assert_eq!(peer.data("x", true) + &peer.trailers(&[]), "", "before the head");
    let mut out = Output::default();
    peer.engine.send_head(2, response(StatusCode::OK, &list(&[])), &mut out);
    peer.engine.send_informational(2, StatusCode::EARLY_HINTS, &list(&[]), &mut out);
    assert!(out.is_empty(), "of another request");
    peer.head(|head| head.is_last = true, &[]);
    assert_eq!(peer.head(|_| {}, &[]) + &peer.data("x", true) + &peer.trailers(&[]), "", "behind the end");
}

#[test]
fn a_fault_is_reported_only_where_a_response_may_begin() {
    let timeout = Fault { code: 408, why: "too slow" };
    let told = |mut peer: Connection| {
        let mut out = Output::default();
        peer.engine.send_fault(timeout, b"Thu, 01 Jan 1970 00:00:00 GMT", &mut out);
        peer.take(GET.as_bytes());
        assert_eq!(peer.requests.len(), usize::from(peer.engine.stream > 0), "no other is taken");
        String::from_utf8(out.to_vec()).unwrap()
    };
    let expected = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\
        date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
    for begin in ["", "GET / HTT", GET, &upload(5)] {
        assert_eq!(told(begun(begin)), expected, "{begin:?}");
    }
    assert_eq!(told(begun(OLD)), expected.replace("HTTP/1.1", "HTTP/1.0"));
    let mut peer = begun(GET);
    peer.head(|_| {}, &[]);
    assert_eq!(told(peer), "");
    let mut peer = begun(OLD);
    peer.head(|head| head.is_last = true, &[]);
    assert_eq!(told(peer), "", "the last response was sent");
}
