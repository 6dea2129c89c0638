//! Section 8.4: server push.

use http::Method;

use super::peer::{LIMITS, Peer, Seen, list};
use crate::engine::{Engine, RequestHead, ShutDown};
use crate::testing::wire::*;

fn head(method: Method) -> RequestHead {
    RequestHead {
        method,
        scheme: Some("http".into()),
        authority: Some("a.example".into()),
        path: b"/style.css".to_vec(),
        fields: list(&[("accept", "text/css")]),
        ..RequestHead::default()
    }
}

fn push(peer: &mut Peer, parent: u32) -> Option<u32> {
    peer.engine.push(parent, &head(Method::GET), &mut peer.out)
}

#[test]
fn a_promise_precedes_the_response_that_refers_to_it() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    assert!(peer.engine.takes_pushes());
    assert_eq!((push(&mut peer, 1), push(&mut peer, 1)), (Some(2), Some(4)));
    peer.respond(1, b"ok");
    peer.respond(2, b"a {}");
    assert!(!peer.engine.is_over());
    peer.head(4, 200, false);
    let written = peer.frames();
    let kinds: Vec<_> = written.iter().map(|frame| (frame.kind, frame.stream)).collect();
    let expected =
        [(PUSH_PROMISE, 1), (PUSH_PROMISE, 1), (HEADERS, 1), (DATA, 1), (HEADERS, 2), (DATA, 2), (HEADERS, 4)];
    assert_eq!(kinds, expected);
    assert_eq!((written[0].flags, written[0].number(0), written[1].number(0)), (END_HEADERS, 2, 4));
    let fields = peer.decode(&written[0].payload[4..]);
    let expected = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/style.css"),
        ("accept", "text/css"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.into(), value.into())));
    // The pushed stream has a window of its own, and can be reset.
    assert_eq!(peer.engine.sendable(4), 65_535 - 6);
    assert_eq!(peer.feed(&window_update(4, 1)), [Seen::Window { stream: 4 }]);
    assert_eq!(peer.feed(&reset(4, CANCEL)), [Seen::Reset { stream: 4, code: CANCEL }]);
    assert!(peer.engine.streams.is_empty());
    assert!(peer.feed(&reset(4, CANCEL)).is_empty());
}

#[test]
fn the_session_ends_after_its_pushes() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    assert_eq!(push(&mut peer, 1), Some(2));
    peer.respond(1, b"ok");
    peer.shut_down(ShutDown::LastCall);
    assert!(!peer.engine.is_over() && !peer.engine.takes_pushes());
    peer.respond(2, b"a {}");
    assert!(peer.engine.is_over());
}

#[test]
fn a_peer_that_disables_push_gets_no_promise() {
    // ENABLE_PUSH, MAX_CONCURRENT_STREAMS.
    for setting in [(2, 0), (3, 0)] {
        let mut peer = Peer::with(LIMITS, &[setting]);
        peer.feed(&get(1));
        assert_eq!((push(&mut peer, 1), peer.engine.takes_pushes()), (None, false));
    }
    // Promises without a response do not count, but one response has to wait for the
    // other.
    let mut peer = Peer::with(LIMITS, &[(3, 1)]);
    peer.feed(&get(1));
    assert_eq!((push(&mut peer, 1), push(&mut peer, 1)), (Some(2), Some(4)));
    assert!(peer.engine.may_begin(2) && peer.engine.may_begin(4));
    peer.head(2, 200, false);
    assert!(!peer.engine.may_begin(4));
    peer.data(2, b"", true);
    assert!(peer.engine.may_begin(4));
    assert_eq!(push(&mut peer, 4), None, "nothing is pushed on what is pushed");
    peer.reset(4, CANCEL);
    peer.respond(1, b"ok");
    assert_eq!((push(&mut peer, 1), push(&mut peer, 99)), (None, None));
}

#[test]
fn a_peer_may_change_its_push_settings() {
    const ENABLE_PUSH: u16 = 2;
    const MAX_CONCURRENT_STREAMS: u16 = 3;
    let mut peer = Peer::new();
    peer.feed(&get(1));
    assert_eq!((push(&mut peer, 1), push(&mut peer, 1)), (Some(2), Some(4)));
    peer.feed(&settings(&[(ENABLE_PUSH, 0)]));
    assert!(!peer.engine.takes_pushes() && push(&mut peer, 1).is_none());
    // Earlier promises are sent.
    assert!(peer.engine.may_begin(2));
    peer.head(2, 200, false);
    peer.feed(&settings(&[(ENABLE_PUSH, 1)]));
    assert_eq!(push(&mut peer, 1), Some(6));
    // One at a time: the next one waits for the end of the one that has begun.
    peer.feed(&settings(&[(MAX_CONCURRENT_STREAMS, 1)]));
    assert!(!peer.engine.may_begin(4));
    peer.data(2, b"a {}", true);
    assert!(peer.engine.may_begin(4));
    peer.head(4, 200, false);
    assert!(!peer.engine.may_begin(6));
    peer.feed(&settings(&[(MAX_CONCURRENT_STREAMS, 2)]));
    assert!(peer.engine.may_begin(6));
    peer.feed(&settings(&[(MAX_CONCURRENT_STREAMS, 0)]));
    assert!(!peer.engine.may_begin(6) && !peer.engine.takes_pushes());
    assert_eq!(peer.fault, None);
}

#[test]
fn a_goaway_of_the_peer_cancels_pushes() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    assert_eq!([(); 3].map(|()| push(&mut peer, 1)), [Some(2), Some(4), Some(6)]);
    let seen = peer.feed(&frame(GOAWAY, 0, 0, &[0, 0, 0, 2, 0, 0, 0, 0]));
    assert!(matches!(seen[0], Seen::Goaway { last_stream: 2, .. }));
    let code = REFUSED_STREAM;
    assert_eq!(seen[1..], [Seen::Reset { stream: 6, code }, Seen::Reset { stream: 4, code }]);
    assert_eq!(push(&mut peer, 1), None);
    peer.respond(2, b"a {}");
    assert_eq!(peer.frames().last().map(|frame| (frame.stream, frame.flags)), Some((2, END_STREAM)));
}

#[test]
fn frames_of_the_peer_on_a_pushed_stream_are_an_error() {
    for bytes in [data(2, b"a", false), frame(HEADERS, END_HEADERS, 2, &block(&[("a", "b")]))] {
        let mut peer = Peer::new();
        peer.feed(&get(1));
        push(&mut peer, 1);
        assert_eq!(peer.fault(&bytes), Some(PROTOCOL_ERROR));
    }
}

#[test]
fn a_promised_head_has_no_content() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    let stream = peer.engine.push(1, &head(Method::HEAD), &mut peer.out).expect("a promise");
    peer.head(stream, 200, false);
    assert!(peer.frames().last().is_some_and(Frame::ends_stream));
}
