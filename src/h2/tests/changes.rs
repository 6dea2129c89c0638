//! Section 6.5.3: our settings change during a session. What a frame allows applies when
//! it is sent, and what it forbids when it is acknowledged.

use super::peer::{LIMITS, Peer, Seen, broken, content, requested};
use crate::engine::{Control, Engine};
use crate::h2::Limits;
use crate::setting::Setting;
use crate::testing::wire::*;

const TABLE: u16 = 1;
const STREAMS: u16 = 3;
const WINDOW: u16 = 4;
const FRAME: u16 = 5;
const LIST: u16 = 6;
const CONNECT: u16 = 8;

/// The streams that were refused.
fn refused(peer: &mut Peer) -> Vec<u32> {
    let resets = peer.resets();
    assert!(resets.iter().all(|(_, code)| *code == REFUSED_STREAM), "{resets:?}");
    resets.into_iter().map(|(stream, _)| stream).collect()
}

#[test]
fn a_lower_stream_limit_applies_after_the_acknowledgement() {
    let mut peer = Peer::new();
    peer.feed(&[post(1), post(3), post(5)].concat());
    let sent = peer.set(&[(STREAMS, 1)]);
    assert_eq!(peer.feed(&get(7)), [requested(7)], "the peer may not know yet");
    peer.acknowledge(&sent);
    assert_eq!(peer.engine.max_requests(), 1);
    assert!(peer.feed(&get(9)).is_empty());
    assert_eq!(refused(&mut peer), [9]);
    // The others continue.
    for stream in [1, 3, 5] {
        assert_eq!(peer.feed(&data(stream, b"ab", true)), [content(stream, b"ab", true)]);
    }
    for stream in [1, 3, 5, 7] {
        peer.respond(stream, b"ok");
    }
    assert!(peer.frames().iter().filter(|frame| frame.ends_stream()).count() == 4);
    assert_eq!(peer.feed(&get(11)), [requested(11)]);
    assert!(peer.feed(&get(13)).is_empty());
    assert_eq!((refused(&mut peer), peer.engine.refused(), peer.fault), (vec![13], 2, None));
}

#[test]
fn the_stream_limit_may_be_zero() {
    let mut peer = Peer::new();
    let sent = peer.set(&[(STREAMS, 0)]);
    peer.acknowledge(&sent);
    assert!(peer.feed(&get(1)).is_empty());
    assert_eq!(refused(&mut peer), [1]);
    peer.set(&[(STREAMS, 2)]);
    assert_eq!(peer.feed(&[get(3), get(5)].concat()), [requested(3), requested(5)], "more are allowed at once");
}

#[test]
fn a_limit_is_the_highest_of_the_outstanding_frames() {
    let mut peer = Peer::new();
    let sent = [peer.set(&[(STREAMS, 1)]), peer.set(&[(STREAMS, 3)]), peer.set(&[(STREAMS, 2)])];
    assert_eq!(peer.engine.max_requests(), 10);
    let allowed = sent.map(|payload| {
        peer.acknowledge(&payload);
        peer.engine.max_requests()
    });
    assert_eq!(allowed, [3, 3, 2]);
    // No acknowledgement is outstanding.
    assert_eq!(peer.feed(&frame(SETTINGS, ACK, 0, &[])), [Seen::UnsolicitedAck(Vec::new())]);
}

#[test]
fn other_settings_are_only_sent() {
    let mut peer = Peer::new();
    let sent = peer.set(&[(0xabcd, 5), (0, 1), (2, 0), (9, 1)]);
    peer.acknowledge(&sent);
    let empty = peer.set(&[]);
    assert!(empty.is_empty());
    peer.acknowledge(&empty);
    assert_eq!(peer.feed(&get(1)), [requested(1)]);
    assert!(peer.engine.local.memory() == 0, "nothing is kept of what was acknowledged");
}

#[test]
fn the_first_frame_has_settings_of_the_host() {
    let mut peer = Peer::silent_with(LIMITS, &[Setting { id: 0xabcd, value: 7 }]);
    let first = peer.frames().remove(0);
    assert!(first.kind == SETTINGS && first.payload.ends_with(&[0xab, 0xcd, 0, 0, 0, 7]));
    peer.feed(&preface(&[]));
    let seen = peer.feed(&frame(SETTINGS, ACK, 0, &[]));
    assert_eq!(seen, [Seen::SettingsAcknowledged(first.payload, false)]);
}

fn window_of(peer: &Peer, stream: u32) -> i64 {
    peer.engine.streams.get(stream).expect("an open stream").receive_window.left()
}

#[test]
fn a_smaller_window_makes_those_of_open_streams_negative() {
    let mut peer = Peer::new();
    peer.feed(&[post(1), data(1, &[0; 10_000], false)].concat());
    let sent = peer.set(&[(WINDOW, 100)]);
    // Data in flight still fits.
    assert_eq!(peer.feed(&data(1, &[0; 100], false)).len(), 1);
    assert_eq!(window_of(&peer, 1), 65_535 - 10_100);
    peer.acknowledge(&sent);
    assert_eq!(window_of(&peer, 1), 100 - 10_100);
    // Data is allowed only when the window is positive again (RFC 9113, section 6.9.2).
    peer.consume(1, 10_000);
    assert_eq!(window_of(&peer, 1), 0);
    peer.consume(1, 100);
    assert_eq!(window_of(&peer, 1), 100);
    let increments: u32 = peer.window_updates().iter().filter(|(id, _)| *id == 1).map(|(_, bytes)| bytes).sum();
    assert_eq!(increments, 10_100);
    assert_eq!(peer.feed(&data(1, &[0; 100], false)).len(), 1);
    assert_eq!(peer.feed(&data(1, &[0; 1], false)), [broken(1, FLOW_CONTROL_ERROR)]);
    // A new stream has the new window.
    peer.feed(&post(3));
    assert_eq!(window_of(&peer, 3), 100);
}

#[test]
fn a_larger_window_may_be_used_at_once() {
    let mut peer = Peer::with(Limits { stream_window_bytes: 100, ..LIMITS }, &[]);
    peer.feed(&[post(1), data(1, &[0; 60], false)].concat());
    let sent = peer.set(&[(WINDOW, 1000)]);
    assert_eq!(peer.feed(&data(1, &[0; 940], false)).len(), 1);
    peer.feed(&post(3));
    assert_eq!((window_of(&peer, 1), window_of(&peer, 3)), (0, 1000));
    peer.acknowledge(&sent);
    assert_eq!((window_of(&peer, 1), window_of(&peer, 3)), (0, 1000), "it is not added twice");
    assert_eq!(peer.feed(&data(1, &[0; 1], false)), [broken(1, FLOW_CONTROL_ERROR)]);
}

#[test]
fn several_window_changes_end_with_the_last_value() {
    let mut peer = Peer::with(Limits { stream_window_bytes: 100, ..LIMITS }, &[]);
    peer.feed(&post(1));
    let sent = [peer.set(&[(WINDOW, 0)]), peer.set(&[(WINDOW, 500)]), peer.set(&[(WINDOW, 40)])];
    assert_eq!(window_of(&peer, 1), 500);
    let windows = sent.map(|payload| {
        peer.acknowledge(&payload);
        window_of(&peer, 1)
    });
    assert_eq!(windows, [500, 500, 40]);
    // A window that is set separately waits for the peer. The frames are sent one after
    // the other.
    peer.set(&[(LIST, 5000)]);
    assert!(!peer.control(Control::Windows { session: 0, stream: 70 }));
    peer.feed(&frame(SETTINGS, ACK, 0, &[]));
    assert!(peer.control(Control::Windows { session: 0, stream: 70 }));
    assert_eq!(window_of(&peer, 1), 70);
}

#[test]
fn a_frame_size_limit_rises_at_once_and_falls_when_acknowledged() {
    let mut peer = Peer::with(Limits { stream_window_bytes: 1 << 20, session_window_bytes: 1 << 20, ..LIMITS }, &[]);
    peer.feed(&post(1));
    let larger = peer.set(&[(FRAME, 20_000)]);
    assert_eq!(peer.feed(&data(1, &[0; 20_000], false)).len(), 1);
    peer.acknowledge(&larger);
    let smaller = peer.set(&[(FRAME, 16_384)]);
    assert_eq!(peer.feed(&data(1, &[0; 20_000], false)).len(), 1);
    peer.acknowledge(&smaller);
    assert_eq!(peer.fault(&data(1, &[0; 16_385], false)), Some(FRAME_SIZE_ERROR));
}

#[test]
fn a_header_list_limit_falls_when_acknowledged() {
    let mut peer = Peer::new();
    let long = |stream| request(stream, "GET", END_STREAM, &[("x", &"y".repeat(2000))]);
    let sent = peer.set(&[(LIST, 1000)]);
    assert_eq!(peer.feed(&long(1)), [requested(1)]);
    peer.acknowledge(&sent);
    assert_eq!(peer.feed(&long(3)), [Seen::Refused { stream: 3, status: 431, is_last: true }]);
    peer.set(&[(LIST, 3000)]);
    assert_eq!(peer.feed(&long(5)), [requested(5)]);
}

#[test]
fn extended_connect_is_offered_at_once() {
    let mut peer = Peer::with(Limits { has_connect_protocol: false, ..LIMITS }, &[]);
    let connect = |stream| {
        let fields = [&pseudo("CONNECT", "/")[..], &[(":protocol", "websocket")]].concat();
        frame(HEADERS, END_HEADERS, stream, &block(&fields))
    };
    assert_eq!(peer.feed(&connect(1)), [broken(1, PROTOCOL_ERROR)]);
    peer.set(&[(CONNECT, 1)]);
    assert!(matches!(peer.feed(&connect(3))[..], [Seen::Request { stream: 3, .. }]));
}

/// A request whose block begins with these size updates (RFC 7541, section 6.3).
fn after_updates(stream: u32, updates: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &[updates, &block(&pseudo("GET", "/"))].concat())
}

/// The size updates to 4096 and to 8192 bytes.
const TO_4096: [u8; 3] = [0x3f, 0xe1, 0x1f];
const TO_8192: [u8; 3] = [0x3f, 0xe1, 0x3f];

#[test]
fn a_smaller_table_must_be_announced_in_the_next_block() {
    let mut peer = Peer::new();
    let sent = peer.set(&[(TABLE, 0)]);
    assert_eq!(peer.feed(&get(1)), [requested(1)]);
    peer.acknowledge(&sent);
    assert_eq!(peer.feed(&after_updates(3, &[0x20])), [requested(3)]);
    assert_eq!(peer.feed(&get(5)), [requested(5)], "it was told");

    let mut silent = Peer::new();
    let sent = silent.set(&[(TABLE, 0)]);
    silent.acknowledge(&sent);
    assert_eq!(silent.fault(&get(1)), Some(COMPRESSION_ERROR));
}

#[test]
fn a_larger_table_may_be_announced_at_once() {
    let mut peer = Peer::new();
    assert_eq!(Peer::new().fault(&after_updates(1, &TO_8192)), Some(COMPRESSION_ERROR), "it is not allowed yet");
    let sent = peer.set(&[(TABLE, 8192)]);
    assert_eq!(peer.feed(&after_updates(1, &TO_8192)), [requested(1)]);
    peer.acknowledge(&sent);
    assert_eq!(peer.feed(&get(3)), [requested(3)]);
    // Back to the first size: the table is larger than that.
    let sent = peer.set(&[(TABLE, 4096)]);
    peer.acknowledge(&sent);
    assert_eq!(peer.fault(&get(5)), Some(COMPRESSION_ERROR));
}

#[test]
fn a_peer_that_never_used_a_larger_table_need_not_announce_a_smaller_one() {
    // Announced from the start, or during the session. The peer's table has 4096 bytes
    // until the peer itself announces another size.
    let mut announced = Peer::with(Limits { header_table_bytes: 65_536, ..LIMITS }, &[]);
    let mut changed = Peer::new();
    let sent = changed.set(&[(TABLE, 65_536)]);
    changed.acknowledge(&sent);
    for peer in [&mut announced, &mut changed] {
        let sent = peer.set(&[(TABLE, 4096)]);
        peer.acknowledge(&sent);
        assert_eq!(peer.feed(&get(1)), [requested(1)]);
    }
}

#[test]
fn the_lowest_table_size_between_two_blocks_must_be_announced() {
    let lowered = || {
        let mut peer = Peer::new();
        let sent = [peer.set(&[(TABLE, 0)]), peer.set(&[(TABLE, 4096)])];
        sent.iter().for_each(|payload| peer.acknowledge(payload));
        peer
    };
    assert_eq!(lowered().feed(&after_updates(1, &[&[0x20][..], &TO_4096].concat())), [requested(1)]);
    assert_eq!(lowered().feed(&after_updates(1, &[0x20])), [requested(1)]);
    // RFC 7541, section 4.2: the smallest size must be announced.
    assert_eq!(lowered().fault(&after_updates(1, &TO_4096)), Some(COMPRESSION_ERROR));
    assert_eq!(lowered().fault(&get(1)), Some(COMPRESSION_ERROR));
}

#[test]
fn a_smaller_table_evicts_entries() {
    let mut peer = Peer::new();
    let entry = [&block(&pseudo("GET", "/"))[..], &[0x40], &block(&[("x-a", "b")])[1..]].concat();
    peer.feed(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &entry));
    let sent = [peer.set(&[(TABLE, 0)]), peer.set(&[(TABLE, 4096)])];
    sent.iter().for_each(|payload| peer.acknowledge(payload));
    let block = [&[0x20][..], &TO_4096, &block(&pseudo("GET", "/")), &[0xbe]].concat();
    assert_eq!(peer.fault(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &block)), Some(COMPRESSION_ERROR));
}
