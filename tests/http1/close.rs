//! How a connection ends. HTTP/1.1 has no GOAWAY: the last response announces the end,
//! and an idle connection is closed.

use std::time::Duration;

use crate::kit::stream::is_tls;
use crate::kit::{CAP, Demo, SLACK};
use crate::peer::{End, Peer};

const LONG_DRAIN: Duration = Duration::from_secs(20);
const SHORT_DRAIN: Duration = Duration::from_secs(1);

/// An idle connection ends at once.
#[test]
fn idle_connections_end() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut peers: Vec<_> = (0..5).map(|_| Peer::of(&demo)).collect();
    for peer in &mut peers {
        assert_eq!(peer.get("/").status, 200);
    }
    demo.terminate();
    for peer in &mut peers {
        assert_eq!(peer.expect_end(), End::Fin);
    }
    drop(peers);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (5, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_reset, report.bytes_unsent), (0, 0));
}

/// A peer that keeps its side open does not delay the close.
#[test]
fn a_peer_that_keeps_its_side_open() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut peer = Peer::of(&demo);
    assert_eq!(peer.get("/").status, 200);
    demo.terminate();
    assert_eq!(peer.expect_end(), End::Fin);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// Connections that have been idle for longer than the lingering time have sent nothing
/// that a reset could overtake. The server does not wait for their peers, which neither
/// read nor close.
#[test]
fn idle_connections_do_not_delay_the_close() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut peers: Vec<_> = (0..50).map(|_| Peer::of(&demo)).collect();
    for peer in &mut peers {
        assert_eq!(peer.get("/").status, 200);
    }
    std::thread::sleep(CAP + Duration::from_millis(100));
    demo.terminate();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (50, 0, 0, 0), "{report:?}");
    assert!(report.elapsed_ms < 900, "they are waited for: {report:?}");
    for peer in &mut peers {
        assert_eq!(peer.expect_end(), End::Fin);
    }
}

/// An open request gets its complete response, which announces the end.
#[test]
fn an_open_request_gets_its_response() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut peer = Peer::of(&demo);
    peer.ask("GET", "/slow");
    peer.expect_silence();
    demo.terminate();
    let answer = peer.answer("GET");
    assert_eq!((answer.text(), answer.is_last()), ("slow", true));
    assert_eq!(peer.expect_end(), End::Fin);
    drop(peer);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (1, 0));
}

/// A response that has begun continues to its end.
#[test]
fn a_response_that_has_begun_is_completed() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut peer = Peer::of(&demo);
    peer.ask("GET", "/stream");
    std::thread::sleep(Duration::from_millis(300));
    demo.terminate();
    let answer = peer.answer("GET");
    assert!(answer.is_whole && answer.body.len() == 20 << 10);
    assert_eq!(peer.expect_end(), End::Fin);
    drop(peer);
    let report = demo.expect_exit(Duration::from_secs(2) + SLACK);
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// A request that follows the last one is not processed. The client knows that, because
/// the response announces the end.
#[test]
fn requests_after_the_last_one_are_not_processed() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut peer = Peer::of(&demo);
    peer.ask("GET", "/slow");
    peer.ask("GET", "/users/late");
    peer.ask("GET", "/users/later");
    peer.expect_silence();
    demo.terminate();
    let answer = peer.answer("GET");
    assert_eq!((answer.text(), answer.is_last()), ("slow", true));
    assert_eq!(peer.expect_end(), End::Fin, "no reset: the answer could be lost with it");
    drop(peer);
    let report = demo.expect_early_exit();
    assert_eq!((report.ends(), report.streams_completed), ((1, 0, 0, 0), 1), "{report:?}");
}

/// At the deadline an endless response is cut, and does not look complete.
#[test]
fn an_endless_response_is_cut_at_the_deadline() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut chunked = Peer::of(&demo);
    let mut delimited = Peer::of(&demo);
    chunked.ask("GET", "/count/1000");
    delimited.send("GET /count/1000 HTTP/1.0\r\nhost: demo\r\n\r\n");
    std::thread::sleep(Duration::from_millis(300));
    let start = demo.terminate();
    let answer = chunked.answer("GET");
    assert!(!answer.is_whole && !answer.body.is_empty(), "{answer:?}");
    assert!(start.elapsed() >= SHORT_DRAIN - Duration::from_millis(50), "after {:?}", start.elapsed());
    // A body that would end with the connection is cut by a reset.
    let answer = delimited.answer("GET");
    assert!(!answer.is_whole && delimited.expect_end() == End::Reset, "{answer:?}");
    drop((chunked, delimited));
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 2), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (0, 2), "{report:?}");
}

/// A handler that never responds does not delay the close beyond the deadline.
#[test]
fn a_stalled_handler_is_cut_at_the_deadline() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut peer = Peer::of(&demo);
    peer.ask("GET", "/hang");
    peer.expect_silence();
    demo.terminate();
    peer.expect_end();
    drop(peer);
    let report = demo.expect_exit_in_time();
    assert_eq!((report.ends(), report.streams_reset), ((0, 0, 0, 1), 1), "{report:?}");
}

/// Nor does an upload that never ends.
#[test]
fn an_upload_that_never_finishes_is_cut() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut peer = Peer::of(&demo);
    peer.send("POST /echo HTTP/1.1\r\nhost: demo\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    assert!(peer.head().starts_with("HTTP/1.1 200"));
    peer.expect("5\r\nhello\r\n");
    demo.terminate();
    assert_eq!(peer.expect_end(), End::Fin);
    drop(peer);
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
}

/// A peer that reads nothing is cut in time.
#[test]
fn a_peer_that_does_not_read_is_cut() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut peer = Peer::of(&demo);
    peer.ask("GET", "/big");
    std::thread::sleep(Duration::from_millis(300));
    demo.terminate();
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
    assert!(report.bytes_unsent > 0, "{report:?}");
    drop(peer);
}

/// An incomplete head is waited for, but not long.
#[test]
fn an_incomplete_head_does_not_delay_the_close() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut slow = Peer::of(&demo);
    let mut ends = Peer::of(&demo);
    slow.send("GET / HTTP/1.1\r\nhost:");
    ends.send("GET /slow HTTP/1.1\r\nhost:");
    ends.expect_silence();
    demo.terminate();
    std::thread::sleep(Duration::from_millis(200));
    ends.send(" demo\r\n\r\n");
    let answer = ends.answer("GET");
    assert_eq!((answer.text(), answer.is_last()), ("slow", true));
    slow.expect_end();
    drop((slow, ends));
    let report = demo.expect_exit(CAP + CAP + SLACK);
    assert_eq!(report.ends(), (2, 0, 0, 0), "{report:?}");
}

/// A connection without a byte is closed at once.
#[test]
fn a_connection_without_a_byte_is_closed() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut silent = Peer::of(&demo);
    let mut partial = Peer::of(&demo);
    partial.send("P");
    assert_eq!(Peer::of(&demo).get("/").status, 200);
    demo.terminate();
    assert_eq!(silent.expect_end(), End::Fin);
    partial.expect_end();
    drop((silent, partial));
    let report = demo.expect_early_exit();
    // ALPN has selected the protocol, so one byte begins a request.
    let in_handshake = if is_tls() { 1 } else { 2 };
    assert_eq!(report.sessions_in_handshake, in_handshake, "{report:?}");
}

/// Both protocols are closed at the same time.
#[test]
fn both_protocols_are_closed() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let response = client.get("/");
    client.expect_hello(&response);
    let mut peer = Peer::of(&demo);
    assert_eq!(peer.get("/").status, 200);
    demo.terminate();
    client.expect_graceful_close(1);
    assert_eq!(peer.expect_end(), End::Fin);
    drop(peer);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (2, 0, 0, 0), "{report:?}");
}
