//! Section 6.5: SETTINGS.

use super::peer::{LIMITS, Peer, Seen};
use crate::engine::Engine;
use crate::h2::Limits;
use crate::testing::wire::*;

#[test]
fn each_settings_frame_is_acknowledged_and_reported() {
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
        [(1, u32::MAX), (2, 0), (3, 0), (4, 0), (5, (1 << 24) - 1), (6, 0), (8, 1), (9, 0), (0, 7), (99, u32::MAX)]
    {
        assert_eq!(Peer::new().fault(&settings(&[(id, value)])), None, "{id} {value}");
    }
}

/// RFC 9218, section 2.1: the first value of NO_RFC7540_PRIORITIES is final.
#[test]
fn no_rfc7540_priorities_may_not_change() {
    for first in [0, 1] {
        let mut peer = Peer::with(LIMITS, &[(9, 1 - first), (9, first)]);
        assert_eq!(peer.fault(&settings(&[(9, first)])), None, "{first} again");
        assert_eq!(peer.fault(&settings(&[(9, 1 - first)])), Some(PROTOCOL_ERROR), "{first} before");
    }
    assert_eq!(Peer::new().fault(&settings(&[(9, 1)])), Some(PROTOCOL_ERROR), "not said is 0");
}

#[test]
fn an_unsolicited_acknowledgement_is_reported() {
    let mut peer = Peer::new();
    assert_eq!(peer.feed(&frame(SETTINGS, ACK, 0, &[])), [Seen::UnsolicitedAck(Vec::new())]);
    assert_eq!(peer.feed(&frame(PING, ACK, 0, b"nobody's")), [Seen::UnsolicitedAck(b"nobody's".to_vec())]);
    assert_eq!(peer.fault, None);
}

#[test]
fn the_encoder_respects_the_peers_table_limit() {
    let mut peer = Peer::with(LIMITS, &[(1, 0)]);
    for stream in [1, 3] {
        peer.feed(&get(stream));
        peer.head_with(stream, 200, &[("x-name", "value")], true);
    }
    let written = peer.frames();
    assert_eq!(written[0].payload[0], 0x20, "the limit is acknowledged first (RFC 7541, section 4.2)");
    // Although fields are added, the table stays empty.
    let expected = [(":status", "200"), ("x-name", "value")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(peer.decode(&written[0].payload), expected);
    assert_eq!(peer.decode(&written[1].payload), expected);
}

#[test]
fn a_change_of_the_table_size_is_announced_in_the_next_block() {
    let mut peer = Peer::new();
    let respond = |peer: &mut Peer, stream| {
        peer.feed(&get(stream));
        peer.frames();
        peer.head_with(stream, 200, &[("x-name", "a value that is long")], true);
        let block = peer.frames().remove(0).payload;
        assert_eq!(peer.decode(&block)[1], ("x-name".into(), "a value that is long".into()));
        block
    };
    // It enters the table with the second use, and is indexed in the third.
    let blocks = [1, 3, 5].map(|stream| respond(&mut peer, stream));
    assert_eq!(blocks[2].len(), 2);
    // Two changes between two blocks: the smallest size is announced, then the last (RFC
    // 7541, section 4.2).
    peer.feed(&settings(&[(1, 0)]));
    peer.feed(&settings(&[(1, 100)]));
    let block = respond(&mut peer, 7);
    assert_eq!(block[..3], [0x20, 0x3f, 0x45], "0, then 100");
    assert!(block.len() > 20, "the table was emptied");
    // Raised by a frame that also lowers it.
    peer.feed(&settings(&[(1, 60), (1, 4096)]));
    assert_eq!(respond(&mut peer, 9)[..5], [0x3f, 0x1d, 0x3f, 0xe1, 0x1f]);
    // An equal size is no change, and a size above the used one is not announced.
    peer.feed(&settings(&[(1, 4096)]));
    assert_eq!(respond(&mut peer, 11)[0], 0x88);
    peer.feed(&settings(&[(1, 1 << 20)]));
    assert_eq!(respond(&mut peer, 13)[0], 0x88);
}

#[test]
fn frames_become_shorter_and_longer_during_the_session() {
    let mut peer = Peer::with(LIMITS, &[(5, 50_000)]);
    let value: String = (0..40_000u32).map(|index| char::from(b'!' + (index * 7 % 90) as u8)).collect();
    let kinds = |peer: &mut Peer, stream| {
        peer.feed(&get(stream));
        peer.frames();
        peer.head_with(stream, 200, &[("x", &value)], true);
        peer.frames().iter().map(|frame| (frame.kind, frame.payload.len() <= 16_384)).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&mut peer, 1), [(HEADERS, false)]);
    peer.feed(&settings(&[(5, 16_384)]));
    assert_eq!(kinds(&mut peer, 3), [(HEADERS, true), (CONTINUATION, true), (CONTINUATION, true)]);
    peer.feed(&settings(&[(5, 60_000)]));
    assert_eq!(kinds(&mut peer, 5), [(HEADERS, false)]);
}

/// Section 6.5.2: the limit is advisory, so a response may exceed it. The host gets an
/// event.
#[test]
fn the_peers_header_list_limit_is_advisory() {
    let mut peer = Peer::with(LIMITS, &[(6, 10)]);
    peer.feed(&get(1));
    peer.head_with(1, 200, &[("x-name", "value")], true);
    assert!(peer.frames()[0].ends_stream());
    let bytes = settings(&[(6, 0)]);
    assert_eq!(peer.feed(&bytes), [Seen::Settings(bytes[9..].to_vec())]);
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
fn a_smaller_decoder_table_applies_after_the_acknowledgement() {
    let indexed = |stream| {
        let block = [block(&pseudo("GET", "/")), [&[0x40][..], &block(&[("x-a", "b")])[1..]].concat()].concat();
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
    };
    let limits = Limits { header_table_bytes: 0, ..LIMITS };
    let mut peer = Peer::silent(limits);
    peer.feed(&[preface(&[]), indexed(1)].concat());
    // The entry is in the table.
    let again = frame(HEADERS, END_HEADERS | END_STREAM, 3, &[block(&pseudo("GET", "/")), vec![0xbe]].concat());
    assert_eq!(peer.feed(&again).len(), 1);
    peer.feed(&frame(SETTINGS, ACK, 0, &[]));
    // The peer must announce the smaller table first.
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
