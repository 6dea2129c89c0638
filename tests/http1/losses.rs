//! Clients that leave in the middle of a message: the server notices at once in every
//! state of a request, although no limit requires it, and a following close waits for
//! nobody.

use std::time::{Duration, Instant};

use crate::kit::demo::host;
use crate::kit::json::Value;
use crate::kit::{Demo, SLACK};
use crate::peer::Peer;

const LONG_DRAIN: Duration = Duration::from_secs(20);

/// The state in which the client leaves.
#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// A handler works on the request.
    Waiting,
    /// The client sends a body that is read, and a response has begun.
    Uploading,
    /// The client has sent a part of a body that nobody reads.
    UploadUnread,
    /// A part of the response was received, and the rest takes time.
    Receiving,
    /// The client reads a long response.
    Downloading,
    /// A second request waits for the current one.
    Pipelined,
}

const STATES: [State; 7] = [
    State::Idle,
    State::Waiting,
    State::Uploading,
    State::UploadUnread,
    State::Receiving,
    State::Downloading,
    State::Pipelined,
];

/// How the client leaves.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// By a FIN. It reads the remaining response.
    HalfClose,
    /// The same in TLS without close_notify.
    Cut,
    /// It closes the socket.
    Close,
    /// By a reset.
    Reset,
}

/// A client in this state.
#[track_caller]
fn enter(tls: bool, demo: &Demo, state: State) -> Peer {
    let mut peer = Peer::over(tls, demo);
    match state {
        State::Idle => assert_eq!(peer.get("/").status, 200),
        State::Waiting => peer.ask("GET", "/hang"),
        State::Uploading => {
            peer.send("POST /echo HTTP/1.1\r\nhost: demo\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
            assert!(peer.head().starts_with("HTTP/1.1 200"));
            peer.expect("5\r\nhello\r\n");
        }
        State::UploadUnread => {
            peer.send("GET /hang HTTP/1.1\r\nhost: demo\r\ncontent-length: 3000000\r\n\r\n");
            peer.send(vec![b'x'; 100_000]);
        }
        State::Receiving => {
            peer.ask("GET", "/count/1000");
            assert!(peer.head().starts_with("HTTP/1.1 200"));
        }
        State::Downloading => {
            peer.ask("GET", "/big");
            assert!(peer.head().starts_with("HTTP/1.1 200"));
        }
        State::Pipelined => {
            peer.ask("GET", "/hang");
            peer.ask("GET", "/");
        }
    }
    peer
}

/// The client leaves. It is returned if it can still read.
fn lose(mut peer: Peer, loss: Loss) -> Option<Peer> {
    match loss {
        Loss::HalfClose => peer.finish_writing(),
        Loss::Cut => peer.cut(),
        Loss::Close => return None,
        Loss::Reset => {
            peer.reset();
            return None;
        }
    }
    Some(peer)
}

fn losses(tls: bool) -> &'static [Loss] {
    match tls {
        true => &[Loss::HalfClose, Loss::Cut, Loss::Close, Loss::Reset],
        false => &[Loss::HalfClose, Loss::Close, Loss::Reset],
    }
}

/// The connections in the list of the server.
#[track_caller]
fn listed(watching: &mut Peer) -> Vec<String> {
    let response = watching.get("/sessions");
    let rows = Value::parse(response.text()).expect("a list of sessions");
    let row = |row: &Value| row.get("peer").and_then(Value::text).expect("a peer").to_owned();
    rows.list().expect("a list").iter().map(row).collect()
}

/// The listed connections that should have ended, by name.
#[track_caller]
fn expect_unlisted(watching: &mut Peer, gone: &[(String, String)]) {
    let until = Instant::now() + SLACK;
    loop {
        let listed = listed(watching);
        let left: Vec<_> =
            gone.iter().filter(|(address, _)| listed.contains(address)).map(|(_, what)| what.as_str()).collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "not noticed after {SLACK:?}: {left:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Every state with every way to leave, all at once. Returns the clients that can still
/// read.
#[track_caller]
fn lose_all(tls: bool, demo: &Demo, gone: &mut Vec<(String, String)>) -> Vec<Peer> {
    let mut leaving = Vec::new();
    // An ASGI application that does not read the rest of its body does not learn of the
    // loss, and is waited for.
    let is_told = |state: &State| host() != "asgi" || !matches!(state, State::UploadUnread);
    for state in STATES.into_iter().filter(is_told) {
        for loss in losses(tls) {
            let peer = enter(tls, demo, state);
            gone.push((peer.local_address().to_string(), format!("{state:?} {loss:?}")));
            leaving.push((peer, *loss));
        }
    }
    // The handlers were called or will be: the result does not depend on it.
    leaving.into_iter().filter_map(|(peer, loss)| lose(peer, loss)).collect()
}

#[track_caller]
fn expect_noticed(tls: bool) {
    let mut demo = Demo::start_over(tls, LONG_DRAIN);
    let mut watching = Peer::over(tls, &demo);
    let mut gone = Vec::new();
    let reading = lose_all(tls, &demo, &mut gone);
    for mut peer in reading {
        peer.read_out();
    }
    expect_unlisted(&mut watching, &gone);
    demo.terminate();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_reset, report.bytes_unsent), (0, 0), "{report:?}");
}

#[track_caller]
fn expect_early_close(tls: bool) {
    let mut demo = Demo::start_over(tls, LONG_DRAIN);
    let mut gone = Vec::new();
    let reading = lose_all(tls, &demo, &mut gone);
    demo.terminate();
    for mut peer in reading {
        peer.read_out();
    }
    let report = demo.expect_early_exit();
    assert_eq!((report.sessions_forced, report.sessions_in_handshake), (0, 0), "{report:?}");
}

#[test]
fn a_lost_client_is_noticed_in_every_state() {
    expect_noticed(false);
}

#[test]
fn a_lost_client_is_noticed_in_every_state_over_tls() {
    expect_noticed(true);
}

#[test]
fn a_close_does_not_wait_for_lost_clients() {
    expect_early_close(false);
}

#[test]
fn a_close_does_not_wait_for_lost_clients_over_tls() {
    expect_early_close(true);
}
