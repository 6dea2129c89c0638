//! Section 6.1: DATA.

use super::peer::{LIMITS, Peer, content};
use crate::engine::Engine;
use crate::h2::Limits;
use crate::testing::wire::*;

#[test]
fn content_is_passed_on_as_it_arrives() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    let bytes = frame(DATA, PADDED | END_STREAM, 1, b"\x03abcdef\0\0\0");
    assert!(peer.feed(&bytes[..9]).is_empty());
    assert_eq!(peer.held.len(), 9, "the padding length is needed first");
    assert!(peer.feed(&bytes[9..10]).is_empty());
    assert!(peer.held.is_empty() && !peer.engine.is_mid_block(), "content has no time limit of its own");
    assert_eq!(peer.feed(&bytes[10..12]), [content(1, b"ab", false)]);
    assert!(!peer.engine.has_all_content(1));
    assert_eq!(peer.feed(&bytes[12..17]), [content(1, b"cdef", true)]);
    assert!(peer.engine.has_all_content(1));
    assert!(peer.feed(&[&bytes[17..], &frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 0])].concat()).is_empty());
    assert_eq!(peer.fault, None);
}

#[test]
fn empty_frames_are_no_content() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    assert!(peer.feed(&[data(1, b"", false), frame(DATA, PADDED, 1, b"\x02\0\0")].concat()).is_empty());
    assert_eq!(peer.feed(&frame(DATA, PADDED | END_STREAM, 1, b"\x02\0\0")), [content(1, b"", true)]);
}

#[test]
fn the_rest_of_a_frame_is_dropped_after_a_reset() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    let bytes = data(1, &[7; 100], true);
    peer.feed(&bytes[..50]);
    peer.reset(1, CANCEL);
    assert!(peer.feed(&[&bytes[50..], &data(1, b"more", false)].concat()).is_empty());
    assert_eq!((peer.fault, peer.engine.streams.is_empty()), (None, true));
    // All of it returns to the session's window, when the host has consumed its part.
    peer.consume(1, 41);
    let window = &peer.engine.receive_window;
    assert_eq!(window.left() + window.due(), 65_535);
}

#[test]
fn content_is_passed_on_after_a_complete_response() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    peer.respond(1, b"early");
    assert_eq!(peer.feed(&data(1, b"late", false)), [content(1, b"late", false)]);
    assert!(!peer.engine.is_over() && !peer.engine.has_all_content(1));
    peer.reset(1, 0);
    assert_eq!(peer.resets(), [(1, 0)]);
    assert!(peer.feed(&data(1, b"later", true)).is_empty());
    assert!(peer.frames().is_empty());
}

#[test]
fn many_uploads_with_an_early_response_are_no_error() {
    let mut peer = Peer::with(Limits { max_concurrent_streams: 100, ..LIMITS }, &[]);
    // A hundred at a time. Their content arrives after their resets.
    for round in 0..20 {
        let streams: Vec<u32> = (0..100).map(|index| 1 + 2 * (round * 100 + index)).collect();
        for stream in &streams {
            assert_eq!(peer.feed(&post(*stream)).len(), 1);
            peer.respond(*stream, b"no");
            peer.reset(*stream, 0);
        }
        peer.frames();
        for stream in streams {
            let rest = [data(stream, &[1; 500], false), data(stream, &[1; 500], true)].concat();
            assert!(peer.feed(&rest).is_empty());
        }
        assert!(peer.frames().iter().all(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 0));
        assert_eq!((peer.fault, peer.engine.flood()), (None, crate::engine::Flood::No));
    }
    assert!(peer.engine.memory().sum() < 20_000);
}
