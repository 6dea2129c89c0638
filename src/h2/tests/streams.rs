//! Section 5.1: the states of streams.

use super::peer::{LIMITS, Peer, Seen, broken, content, requested};
use crate::engine::{Engine, Flood};
use crate::h2::Limits;
use crate::testing::wire::*;

fn trailers(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&[("a", "b")]))
}

#[test]
fn idle_streams_accept_only_headers_and_priorities() {
    for bytes in [data(3, b"a", false), reset(3, CANCEL), window_update(3, 1), reset(2, CANCEL), window_update(2, 1)] {
        let mut peer = Peer::new();
        peer.feed(&get(1));
        assert_eq!(peer.fault(&bytes), Some(PROTOCOL_ERROR));
    }
    assert!(Peer::new().feed(&frame(PRIORITY, 0, 3, &[0; 5])).is_empty());
}

#[test]
fn clients_open_odd_streams_in_ascending_order() {
    assert_eq!(Peer::new().fault(&get(2)), Some(PROTOCOL_ERROR));
    let mut peer = Peer::new();
    peer.feed(&[get(1), get(7)].concat());
    assert_eq!(peer.fault(&get(5)), Some(PROTOCOL_ERROR), "it was skipped");
    let mut peer = Peer::new();
    peer.feed(&get(7));
    assert_eq!(peer.fault(&get(1)), Some(PROTOCOL_ERROR));
    let mut peer = Peer::new();
    assert_eq!(peer.feed(&get((1 << 31) - 1)).len(), 1);
}

#[test]
fn frames_after_end_stream_are_errors() {
    // The response was not sent.
    for bytes in [data(1, b"a", false), trailers(1)] {
        let mut peer = Peer::new();
        peer.feed(&get(1));
        assert_eq!(peer.feed(&bytes), [broken(1, STREAM_CLOSED)]);
        assert_eq!(peer.resets(), [(1, STREAM_CLOSED)]);
    }
    let mut peer = Peer::new();
    peer.feed(&get(1));
    assert!(peer.feed(&frame(PRIORITY, 0, 1, &[0; 5])).is_empty());
    assert_eq!(peer.feed(&window_update(1, 1)), [Seen::Window { stream: 1 }]);
    assert_eq!(peer.feed(&reset(1, CANCEL)), [Seen::Reset { stream: 1, code: CANCEL }]);
}

#[test]
fn closed_streams_accept_only_frames_that_may_be_in_flight() {
    let closed = || {
        let mut peer = Peer::new();
        peer.feed(&get(1));
        peer.respond(1, b"ok");
        peer.frames();
        peer
    };
    for bytes in [window_update(1, 1), window_update(1, 0), reset(1, CANCEL), frame(PRIORITY, 0, 1, &[0; 5])] {
        let mut peer = closed();
        assert!(peer.feed(&bytes).is_empty());
        assert!(peer.fault.is_none() && peer.frames().is_empty());
    }
    let mut peer = closed();
    assert_eq!(peer.feed(&data(1, b"a", true)), [broken(1, STREAM_CLOSED)]);
    assert_eq!(peer.resets(), [(1, STREAM_CLOSED)]);
    assert_eq!(closed().fault(&trailers(1)), Some(STREAM_CLOSED));
    let mut peer = Peer::new();
    peer.feed(&[post(1), reset(1, CANCEL)].concat());
    assert_eq!(peer.fault(&trailers(1)), Some(STREAM_CLOSED));
}

#[test]
fn frames_in_flight_after_our_reset_are_ignored() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    peer.reset(1, CANCEL);
    assert_eq!(peer.resets(), [(1, CANCEL)]);
    let late = [data(1, &[0; 100], false), window_update(1, 1), trailers(1), reset(1, CANCEL)].concat();
    assert!(peer.feed(&late).is_empty());
    assert!(peer.fault.is_none() && peer.frames().is_empty());
    assert_eq!(peer.feed(&get(3)), [requested(3)]);
}

#[test]
fn a_half_closed_client_gets_its_response() {
    let mut peer = Peer::new();
    peer.feed(&[post(1), data(1, b"all", true)].concat());
    assert!(peer.engine.has_all_content(1));
    peer.head(1, 200, false);
    peer.data(1, b"o", false);
    assert!(!peer.engine.streams.is_empty());
    peer.data(1, b"k", true);
    assert!(peer.engine.streams.is_empty());
}

#[test]
fn the_request_may_continue_after_the_response() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    peer.respond(1, b"ok");
    assert_eq!(peer.feed(&data(1, b"on", true)), [content(1, b"on", true)]);
    assert!(peer.engine.streams.is_empty());
}

#[test]
fn streams_above_the_limit_are_refused() {
    let mut peer = Peer::with(Limits { max_concurrent_streams: 3, ..LIMITS }, &[]);
    peer.feed(&[get(1), post(3), get(5)].concat());
    assert!(peer.feed(&get(7)).is_empty());
    assert_eq!((peer.resets(), peer.engine.refused()), (vec![(7, REFUSED_STREAM)], 1));
    // A refused block updates the table, and an incomplete stream counts as open.
    let indexed = [block(&pseudo("GET", "/")), [&[0x40][..], &block(&[("x-a", "b")])[1..]].concat()].concat();
    peer.respond(3, b"ok");
    assert!(peer.feed(&frame(HEADERS, END_HEADERS | END_STREAM, 9, &indexed)).is_empty());
    assert_eq!(peer.feed(&data(3, b"", true)), [content(3, b"", true)]);
    let again = frame(HEADERS, END_HEADERS | END_STREAM, 11, &[block(&pseudo("GET", "/")), vec![0xbe]].concat());
    assert_eq!(peer.feed(&again), [requested(11)]);
}

#[test]
fn refusals_before_the_peer_knows_the_limit_are_free() {
    let mut peer = Peer::silent(Limits { max_concurrent_streams: 1, control_burst: 10, ..LIMITS });
    peer.feed(&preface(&[]));
    (0..10).for_each(|index| drop(peer.feed(&get(1 + 2 * index))));
    assert_eq!((peer.engine.flood(), peer.engine.refused()), (Flood::No, 9));
    peer.feed(&frame(SETTINGS, ACK, 0, &[]));
    (10..200).for_each(|index| drop(peer.feed(&get(1 + 2 * index))));
    assert_eq!(peer.engine.flood(), Flood::End);
}

#[test]
fn a_table_of_many_streams_finds_each_of_them() {
    let mut peer = Peer::with(Limits { max_concurrent_streams: 1000, ..LIMITS }, &[]);
    let mut seed = 7u32;
    let mut open: Vec<u32> = Vec::new();
    for index in 0..3000u32 {
        let stream = 1 + 2 * index;
        peer.feed(&get(stream));
        open.push(stream);
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if open.len() > 100 || seed.is_multiple_of(3) {
            let gone = open.swap_remove((seed >> 8) as usize % open.len());
            peer.respond(gone, b"ok");
            assert!(peer.frames().iter().all(|frame| frame.stream == gone));
        }
        assert_eq!(peer.engine.streams.open(), open.len());
    }
    for stream in open {
        peer.respond(stream, b"ok");
        assert_eq!(peer.frames().len(), 2);
    }
    assert!(peer.engine.streams.is_empty());
    assert!(peer.engine.streams.memory() < 2000, "an idle session has no large table");
}
