//! Sections 3.4, 4, 6.7: the beginning of a session, frames, PING.

use super::peer::{LIMITS, Peer, Seen};
use crate::engine::{Control, Engine};
use crate::h2::Limits;
use crate::testing::wire::*;

#[test]
fn default_settings_are_omitted() {
    let mut peer = Peer::silent(LIMITS);
    let written = peer.frames();
    assert_eq!(written.len(), 1);
    let setting = |id: u8, value: u32| [&[0, id][..], &value.to_be_bytes()].concat();
    let expected = [setting(3, 10), setting(6, 16_384), setting(8, 1), setting(9, 1)].concat();
    assert_eq!((written[0].kind, &written[0].payload), (SETTINGS, &expected));

    let others = Limits {
        stream_window_bytes: 1 << 18,
        session_window_bytes: 1 << 20,
        max_frame_bytes: 1 << 15,
        header_table_bytes: 0,
        has_connect_protocol: false,
        ..LIMITS
    };
    let mut peer = Peer::silent(others);
    let written = peer.frames();
    let expected =
        [setting(1, 0), setting(3, 10), setting(4, 1 << 18), setting(5, 1 << 15), setting(6, 16_384), setting(9, 1)];
    assert_eq!(written[0].payload, expected.concat());
    assert_eq!((written[1].kind, written[1].stream, written[1].number(0)), (WINDOW_UPDATE, 0, (1 << 20) - 65_535));
}

#[test]
fn a_session_is_settled_when_both_sides_have_acknowledged() {
    let mut peer = Peer::silent(LIMITS);
    let bytes = preface(&[]);
    assert!(peer.feed(&bytes[..10]).is_empty());
    assert!(!peer.engine.has_begun() && peer.engine.is_mid_block());
    assert!(peer.feed(&bytes[10..24]).is_empty());
    assert!(peer.engine.has_begun() && !peer.engine.is_mid_block() && !peer.engine.is_settled());
    assert_eq!(peer.feed(&bytes[24..]), [Seen::Settings(Vec::new())]);
    assert!(!peer.engine.is_settled());
    assert_eq!(
        peer.feed(&frame(SETTINGS, ACK, 0, &[])),
        [Seen::SettingsAcknowledged(
            vec![0, 3, 0, 0, 0, 10, 0, 6, 0, 0, 64, 0, 0, 8, 0, 0, 0, 1, 0, 9, 0, 0, 0, 1],
            false
        )]
    );
    assert!(peer.engine.is_settled());
    assert!(peer.frames().iter().any(|frame| frame.kind == SETTINGS && frame.flags == ACK));
}

#[test]
fn another_preface_or_first_frame_is_an_error() {
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSN", b"X"] {
        assert_eq!(Peer::silent(LIMITS).fault(bytes), Some(PROTOCOL_ERROR));
    }
    for first in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, ACK, 0, &[]), get(1), frame(99, 0, 0, &[])] {
        let mut peer = Peer::silent(LIMITS);
        assert_eq!(peer.fault(&[&preface(&[])[..24], &first].concat()), Some(PROTOCOL_ERROR));
        assert!(peer.engine.has_begun());
    }
}

#[test]
fn a_frame_length_must_match_the_frame_type() {
    for (kind, stream, length) in [
        (PING, 0, 7),
        (PING, 0, 9),
        (RST_STREAM, 1, 3),
        (RST_STREAM, 1, 5),
        (WINDOW_UPDATE, 0, 3),
        (WINDOW_UPDATE, 0, 5),
        (SETTINGS, 0, 5),
        (GOAWAY, 0, 7),
        (PRIORITY_UPDATE, 0, 3),
        (DATA, 1, 16_385),
        (HEADERS, 3, 16_385),
        (99, 0, 16_385),
    ] {
        let mut peer = Peer::new();
        peer.feed(&post(1));
        assert_eq!(peer.fault(&frame(kind, 0, stream, &vec![0; length])), Some(FRAME_SIZE_ERROR), "{kind} {length}");
    }
    assert_eq!(Peer::new().fault(&frame(SETTINGS, ACK, 0, &[0; 6])), Some(FRAME_SIZE_ERROR));
    // One flag announces a padding length, another one priority fields.
    assert_eq!(Peer::new().fault(&frame(HEADERS, PADDED | END_HEADERS, 1, &[])), Some(FRAME_SIZE_ERROR));
    assert_eq!(Peer::new().fault(&frame(HEADERS, 0x20 | END_HEADERS, 1, &[0; 4])), Some(FRAME_SIZE_ERROR));
    let mut peer = Peer::new();
    peer.feed(&post(1));
    assert_eq!(peer.fault(&frame(DATA, PADDED, 1, &[])), Some(FRAME_SIZE_ERROR));
}

#[test]
fn a_frame_type_must_be_allowed_on_its_stream() {
    for (kind, stream, payload) in [
        (DATA, 0, &[0; 4][..]),
        (HEADERS, 0, &[0x82]),
        (PRIORITY, 0, &[0; 5]),
        (RST_STREAM, 0, &[0; 4]),
        (CONTINUATION, 0, &[]),
        (SETTINGS, 1, &[]),
        (PING, 1, &[0; 8]),
        (GOAWAY, 1, &[0; 8]),
        (PRIORITY_UPDATE, 1, &[0, 0, 0, 1]),
        (PUSH_PROMISE, 1, &[0, 0, 0, 2]),
        (PUSH_PROMISE, 0, &[0, 0, 0, 2]),
        (CONTINUATION, 1, &[]),
    ] {
        let mut peer = Peer::new();
        peer.feed(&post(1));
        assert_eq!(peer.fault(&frame(kind, 0, stream, payload)), Some(PROTOCOL_ERROR), "{kind} on {stream}");
    }
}

#[test]
fn reserved_bits_and_unknown_flags_and_frames_are_ignored() {
    let mut peer = Peer::new();
    let mut reserved = frame(PING, 0xfe, 0, b"12345678");
    reserved[5] |= 0x80;
    assert_eq!(peer.feed(&reserved), [Seen::Ping(*b"12345678")]);
    assert_eq!(peer.frames(), frames(&frame(PING, ACK, 0, b"12345678")));
    assert!(peer.feed(&[frame(99, 0xff, 7, &[1; 500]), frame(10, 0, 0, &[])].concat()).is_empty());
    assert!(!peer.engine.is_mid_block());
    peer.feed(&frame(99, 0, 0, &[1; 500])[..100]);
    assert!(peer.held.is_empty() && peer.engine.is_mid_block());
}

#[test]
fn only_acknowledgements_of_the_hosts_pings_are_reported_to_it() {
    let mut peer = Peer::new();
    assert!(peer.control(Control::Ping(*b"fromhost")));
    assert!(peer.control(Control::KeepAlive) && peer.control(Control::KeepAlive));
    let sent = peer.frames();
    assert_eq!(sent.len(), 2, "a second question waits for the answer to the first");
    assert_eq!(sent[0].payload, b"fromhost");
    assert!(peer.feed(&frame(PING, ACK, 0, &sent[1].payload)).is_empty());
    assert_eq!(peer.feed(&frame(PING, ACK, 0, b"fromhost")), [Seen::Pong(*b"fromhost")]);
    let again = [Seen::UnsolicitedAck(b"fromhost".to_vec())];
    assert_eq!(peer.feed(&frame(PING, ACK, 0, b"fromhost")), again, "it was answered");
    assert!(peer.control(Control::KeepAlive));
    assert_ne!(peer.frames()[0].payload, sent[1].payload, "no payload can be known before");
    // The host waits for acknowledgements.
    let more = (0..1000u64).take_while(|number| peer.control(Control::Ping(number.to_be_bytes()))).count();
    assert!((10..1000).contains(&more));
    assert_eq!(peer.feed(&frame(PING, ACK, 0, &[0; 8])), [Seen::Pong([0; 8])]);
    assert!(peer.control(Control::Ping(*b"fromhost")));
}

#[test]
fn a_goaway_of_the_peer_is_reported() {
    let mut peer = Peer::new();
    let payload = [&7u32.to_be_bytes()[..], &2u32.to_be_bytes(), b"bye"].concat();
    let told = Seen::Goaway { last_stream: 7, code: 2, debug: b"bye".to_vec() };
    assert_eq!(peer.feed(&frame(GOAWAY, 0, 0, &payload)), [told]);
}

#[test]
fn extension_frames_are_written_between_other_frames() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    assert!(peer.control(Control::Extension { kind: 10, stream: 0, payload: b"a" }));
    assert!(peer.control(Control::Extension { kind: 10, stream: 1, payload: b"b" }));
    assert!(peer.control(Control::Extension { kind: 10, stream: 3, payload: b"of no stream" }));
    assert!(peer.control(Control::Extension { kind: 10, stream: 0, payload: &[0; 16_385] }));
    assert_eq!(peer.frames(), frames(&[frame(10, 0, 0, b"a"), frame(10, 0, 1, b"b")].concat()));
}
