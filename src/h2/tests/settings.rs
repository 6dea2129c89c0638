//! Section 6.5: SETTINGS.

use super::peer::{LIMITS, Peer, Seen};
use super::wire::*;
use crate::engine::Engine;
use crate::h2::Limits;

#[test]
fn each_frame_is_acknowledged_and_told() {
    let mut peer = Peer::new();
    let bytes = settings(&[(1, 0), (0x1234, 5)]);
    assert_eq!(peer.feed(&bytes), [Seen::Settings(bytes[9..].to_vec())]);
    assert_eq!(peer.frames(), frames(&frame(SETTINGS, ACK, 0, &[])));
}

#[test]
fn values_outside_their_ranges_are_errors() {
    for (id, value, code) in [
        (2, 2, PROTOCOL_ERROR),
        (4, 1 << 31, FLOW_CONTROL_ERROR),
        (5, 16_383, PROTOCOL_ERROR),
        (5, 1 << 24, PROTOCOL_ERROR),
        (8, 2, PROTOCOL_ERROR),
        (9, 2, PROTOCOL_ERROR),
    ] {
        assert_eq!(Peer::new().fault(&settings(&[(id, value)])), Some(code), "{id} {value}");
    }
    for (id, value) in
        [(1, u32::MAX), (2, 0), (3, 0), (4, 0), (5, (1 << 24) - 1), (6, 0), (8, 1), (9, 1), (0, 7), (99, u32::MAX)]
    {
        assert_eq!(Peer::new().fault(&settings(&[(id, value)])), None, "{id} {value}");
    }
    assert_eq!(Peer::with(LIMITS, &[(9, 1)]).fault(&settings(&[(9, 1)])), None);
}

#[test]
fn an_acknowledgement_that_is_not_due_is_told() {
    let mut peer = Peer::new();
    assert_eq!(peer.feed(&frame(SETTINGS, ACK, 0, &[])), [Seen::UnsolicitedAck(Vec::new())]);
    assert_eq!(peer.feed(&frame(PING, ACK, 0, b"nobody's")), [Seen::UnsolicitedAck(b"nobody's".to_vec())]);
    assert_eq!(peer.fault, None);
}

#[test]
fn the_peers_table_limit_is_kept_to() {
    let mut peer = Peer::with(LIMITS, &[(1, 0)]);
    for stream in [1, 3] {
        peer.feed(&get(stream));
        peer.head_with(stream, 200, &[("x-name", "value")], true);
    }
    let written = peer.frames();
    assert_eq!(written[0].payload[0], 0x20, "the limit is acknowledged first (RFC 7541, section 4.2)");
    // Whatever is said to be indexed, nothing of it is used.
    let expected = [(":status", "200"), ("x-name", "value")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(peer.decode(&written[0].payload), expected);
    assert_eq!(peer.decode(&written[1].payload), expected);
}

#[test]
fn blocks_fit_the_peers_frames() {
    let mut peer = Peer::with(LIMITS, &[(5, 50_000)]);
    peer.feed(&get(1));
    let value: String = (0..40_000u32).map(|index| char::from(b'!' + (index * 7 % 90) as u8)).collect();
    peer.head_with(1, 200, &[("x", &value)], true);
    assert_eq!(peer.frames().len(), 1);
}

#[test]
fn a_smaller_table_of_ours_holds_once_the_peer_knows() {
    let indexed = |stream| {
        let block = [block(&pseudo("GET", "/")), [&[0x40][..], &block(&[("x-a", "b")])[1..]].concat()].concat();
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
    };
    let limits = Limits { header_table_bytes: 0, ..LIMITS };
    let mut peer = Peer::silent(limits);
    peer.feed(&[preface(&[]), indexed(1)].concat());
    // The entry is there.
    let again = frame(HEADERS, END_HEADERS | END_STREAM, 3, &[block(&pseudo("GET", "/")), vec![0xbe]].concat());
    assert_eq!(peer.feed(&again).len(), 1);
    peer.feed(&frame(SETTINGS, ACK, 0, &[]));
    // The peer has to say first that its table is smaller now.
    let smaller = frame(HEADERS, END_HEADERS | END_STREAM, 5, &[&[0x20][..], &block(&pseudo("GET", "/"))].concat());
    assert_eq!(peer.feed(&smaller).len(), 1);
    let gone = frame(HEADERS, END_HEADERS | END_STREAM, 7, &[block(&pseudo("GET", "/")), vec![0xbe]].concat());
    assert_eq!(peer.fault(&gone), Some(COMPRESSION_ERROR));
}

#[test]
fn a_frame_of_many_settings_is_abuse() {
    let many: Vec<(u16, u32)> = (0..2700).map(|id| (100 + id, 0)).collect();
    assert_eq!(Peer::new().fault(&settings(&many)), Some(ENHANCE_YOUR_CALM));
    assert!(Peer::new().engine.blocks() > 0);
}
