//! How a connection leaves: HTTP/1.1 has no GOAWAY, so that the last answer
//! says that it is the last, and an idle connection just ends.

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

/// A peer that keeps its side open does not hold the close.
#[test]
fn a_peer_that_does_not_leave() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut peer = Peer::of(&demo);
    assert_eq!(peer.get("/").status, 200);
    demo.terminate();
    assert_eq!(peer.expect_end(), End::Fin);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// Connections that have been quiet for longer than a socket lingers have
/// nothing that a reset could overtake: nobody waits for their peers, who
/// neither read nor leave.
#[test]
fn connections_that_have_been_quiet_do_not_hold_the_close() {
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

/// A request in flight is answered, whole, and its answer says that it is the last.
#[test]
fn a_request_in_flight_is_answered() {
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

/// An answer that has begun goes on to its end.
#[test]
fn an_answer_under_way_comes_whole() {
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

/// What was sent behind the request in flight is not taken: the peer, told that
/// the answer is the last, knows that it was not.
#[test]
fn requests_behind_the_last_one_are_not_taken() {
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

/// At the deadline an answer that does not end is cut, and nobody can take it for whole.
#[test]
fn an_endless_answer_is_cut_at_the_deadline() {
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
    // Of a body that the connection's end would end, the cut is a reset.
    let answer = delimited.answer("GET");
    assert!(!answer.is_whole && delimited.expect_end() == End::Reset, "{answer:?}");
    drop((chunked, delimited));
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 2), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (0, 2), "{report:?}");
}

/// A handler that never answers holds nothing past the deadline.
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

/// An upload that never finishes does not either.
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

/// A head that has begun is waited for, but not for long.
#[test]
fn half_a_head_does_not_hold_the_close() {
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

/// A connection that has said nothing is dropped at once.
#[test]
fn a_connection_without_a_word_is_dropped() {
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
    // TLS has said which protocol follows, and so a byte begins a request.
    let in_handshake = if is_tls() { 1 } else { 2 };
    assert_eq!(report.sessions_in_handshake, in_handshake, "{report:?}");
}

/// Both protocols leave side by side.
#[test]
fn both_protocols_leave() {
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
