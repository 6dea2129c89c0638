//! Sections 4.3, 6.2, 6.10, 8: header blocks and requests.

use super::peer::{Peer, Seen, broken, content, requested};
use crate::engine::Engine;
use crate::testing::wire::*;

#[test]
fn a_request_is_reported_with_its_head() {
    let mut peer = Peer::new();
    assert_eq!(peer.feed(&get(1)), [requested(1)]);
    assert!(peer.engine.has_all_content(1));
    let seen = peer.feed(&post(3));
    assert!(matches!(&seen[..], [Seen::Request { stream: 3, is_last: false, .. }]), "{seen:?}");
    assert!(!peer.engine.has_all_content(3));
}

#[test]
fn a_block_may_be_padded_and_continued() {
    let mut peer = Peer::new();
    let block = block(&pseudo("GET", "/"));
    let padded = [&[3][..], &[0x80, 0, 0, 1, 16], &block, &[0; 3]].concat();
    // With a priority that depends on another stream.
    let whole = frame(HEADERS, PADDED | 0x20 | END_HEADERS | END_STREAM, 3, &padded);
    assert_eq!(peer.feed(&whole), [requested(3)]);
    let (start, end) = block.split_at(11);
    let (middle, end) = end.split_at(1);
    let cut = [
        frame(HEADERS, PADDED | END_STREAM, 5, &[&[2][..], start, &[0; 2]].concat()),
        frame(CONTINUATION, 0, 5, middle),
        frame(CONTINUATION, 0, 5, &[]),
    ];
    assert!(peer.feed(&cut.concat()).is_empty() && peer.engine.is_mid_block());
    let before = peer.engine.blocks();
    assert_eq!(peer.feed(&frame(CONTINUATION, END_HEADERS, 5, end)), [requested(5)]);
    assert_eq!((peer.engine.is_mid_block(), peer.engine.blocks()), (false, before + 1));
}

#[test]
fn a_frame_inside_a_block_is_an_error() {
    let start = frame(HEADERS, END_STREAM, 1, &[]);
    for other in [
        get(3),
        data(1, b"", true),
        frame(PING, 0, 0, &[0; 8]),
        frame(99, 0, 0, &[]),
        frame(CONTINUATION, END_HEADERS, 3, &[]),
        reset(1, CANCEL),
    ] {
        assert_eq!(Peer::new().fault(&[start.clone(), other].concat()), Some(PROTOCOL_ERROR));
    }
}

#[test]
fn padding_is_not_longer_than_its_frame() {
    for frame in [
        frame(HEADERS, PADDED | END_HEADERS, 1, &[5, 0, 0, 0, 0]),
        [post(1), frame(DATA, PADDED, 1, &[5, 0, 0, 0, 0])].concat(),
    ] {
        assert_eq!(Peer::new().fault(&frame), Some(PROTOCOL_ERROR));
    }
}

#[test]
fn a_block_that_cannot_be_decoded_ends_the_session() {
    for block in [&[0xff, 0xff, 0xff, 0xff, 0xff][..], &[0x40, 0x01], &[0x80]] {
        let mut peer = Peer::new();
        assert_eq!(peer.fault(&frame(HEADERS, END_HEADERS | END_STREAM, 1, block)), Some(COMPRESSION_ERROR));
    }
    // Also on a stream that is not served.
    let mut peer = Peer::new();
    peer.feed(&post(1));
    peer.reset(1, CANCEL);
    assert_eq!(peer.fault(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80])), Some(COMPRESSION_ERROR));
}

#[test]
fn a_malformed_request_resets_only_its_stream() {
    let cases: [&[(&str, &str)]; 8] = [
        &[(":method", "GET")],
        &[(":method", "GE T"), (":scheme", "http"), (":path", "/"), (":authority", "a")],
        &[(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "a")],
        &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), (":foo", "b")],
        &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("A", "b")],
        &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("a", "b\n")],
        &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("connection", "close")],
        &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("content-length", "5")],
    ];
    let mut peer = Peer::new();
    peer.feed(&get(1));
    for (index, fields) in cases.iter().enumerate() {
        let stream = 3 + 2 * index as u32;
        let bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(fields));
        assert_eq!(peer.feed(&bytes), [broken(stream, PROTOCOL_ERROR)], "{fields:?}");
        assert_eq!(peer.resets(), [(stream, PROTOCOL_ERROR)]);
    }
    peer.respond(1, b"ok");
    assert_eq!(peer.frames().len(), 2);
    assert_eq!(peer.feed(&get(99)), [requested(99)]);
}

#[test]
fn further_frames_of_a_malformed_request_are_ignored() {
    let mut peer = Peer::new();
    let bytes = frame(HEADERS, END_HEADERS, 1, &block(&[(":method", "GET")]));
    assert_eq!(peer.feed(&bytes), [broken(1, PROTOCOL_ERROR)]);
    peer.frames();
    let late = [data(1, b"late", false), frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[("a", "b")]))].concat();
    assert!(peer.feed(&late).is_empty() && peer.frames().is_empty());
    assert_eq!(peer.feed(&get(3)), [requested(3)]);
}

#[test]
fn a_stream_that_depends_on_itself_is_reset() {
    let mut peer = Peer::new();
    let payload = [&1u32.to_be_bytes()[..], &[0], &block(&pseudo("GET", "/"))].concat();
    assert_eq!(peer.feed(&frame(HEADERS, END_HEADERS | END_STREAM | 0x20, 1, &payload)), [broken(1, PROTOCOL_ERROR)]);
    peer.feed(&get(3));
    assert_eq!(peer.feed(&frame(PRIORITY, 0, 3, &[0, 0, 0, 3, 0])), [broken(3, PROTOCOL_ERROR)]);
    peer.feed(&get(5));
    assert_eq!(peer.feed(&frame(PRIORITY, 0, 5, &[0; 4])), [broken(5, FRAME_SIZE_ERROR)]);
    assert!(peer.feed(&frame(PRIORITY, 0, 99, &[0, 0, 0, 5, 0])).is_empty());
}

#[test]
fn a_header_section_that_is_too_large_gets_a_431_response() {
    let mut peer = Peer::new();
    let long = "x".repeat(1000);
    let fields = [pseudo("GET", "/"), vec![("a", long.as_str()); 20]].concat();
    let block = block(&fields);
    let (start, end) = block.split_at(16_000);
    let bytes = [frame(HEADERS, END_STREAM, 1, start), frame(CONTINUATION, END_HEADERS, 1, end), get(3)].concat();
    assert_eq!(peer.feed(&bytes), [Seen::Refused { stream: 1, status: 431, is_last: true }, requested(3)]);
    peer.head(1, 431, true);
    assert!(peer.frames()[0].ends_stream());
}

#[test]
fn an_endless_block_is_a_flood() {
    let long = [frame(HEADERS, 0, 1, &[0; 16_000]), frame(CONTINUATION, 0, 1, &[0; 16_000]).repeat(5)].concat();
    let mut peer = Peer::new();
    assert_eq!(peer.fault(&long), Some(ENHANCE_YOUR_CALM));
    assert!(peer.engine.memory().sum() < 1 << 17);
    for short in [0, 1, 500] {
        let bytes = [frame(HEADERS, 0, 1, &[]), frame(CONTINUATION, 0, 1, &vec![0; short]).repeat(140)].concat();
        assert_eq!(Peer::new().fault(&bytes), Some(ENHANCE_YOUR_CALM));
    }
}

#[test]
fn trailers_end_the_content() {
    let mut peer = Peer::new();
    peer.feed(&[post(1), data(1, b"ab", false)].concat());
    let section = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[("x-sum", "1"), ("y", "")]));
    let fields = vec![("x-sum".into(), "1".into()), ("y".into(), String::new())];
    assert_eq!(peer.feed(&section), [Seen::Trailers { stream: 1, fields }]);
    assert!(peer.engine.has_all_content(1));
    peer.respond(1, b"ok");
    assert!(peer.frames()[1].ends_stream());
}

#[test]
fn malformed_trailers_reset_their_stream() {
    let cases: [(u8, &[(&str, &str)]); 5] = [
        (0, &[("a", "b")]),
        (END_STREAM, &[(":path", "/")]),
        (END_STREAM, &[("content-length", "1")]),
        (END_STREAM, &[("A", "b")]),
        (END_STREAM, &[("connection", "close")]),
    ];
    for (flags, fields) in cases {
        let mut peer = Peer::new();
        peer.feed(&post(1));
        let section = frame(HEADERS, END_HEADERS | flags, 1, &block(fields));
        assert_eq!(peer.feed(&section), [broken(1, PROTOCOL_ERROR)], "{fields:?}");
        assert_eq!(peer.feed(&get(3)), [requested(3)]);
    }
}

#[test]
fn the_content_is_as_long_as_declared() {
    let start = |peer: &mut Peer, length| peer.feed(&request(1, "POST", 0, &[("content-length", length)]));
    for (length, frames) in [
        ("3", vec![data(1, b"abcd", false)]),
        ("3", vec![data(1, b"ab", false), data(1, b"cd", false)]),
        ("3", vec![data(1, b"ab", true)]),
        ("3", vec![data(1, b"", true)]),
        ("0", vec![data(1, b"a", true)]),
        ("3", vec![data(1, b"ab", false), frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[("a", "b")]))]),
    ] {
        let mut peer = Peer::new();
        start(&mut peer, length);
        assert_eq!(peer.feed(&frames.concat()).last(), Some(&broken(1, PROTOCOL_ERROR)), "{length} {frames:?}");
    }
    let mut peer = Peer::new();
    start(&mut peer, "3");
    let seen = peer.feed(&[data(1, b"abc", false), data(1, b"", true)].concat());
    assert_eq!(seen, [content(1, b"abc", false), content(1, b"", true)]);
}

#[test]
fn a_connect_opens_a_tunnel() {
    let mut peer = Peer::new();
    let fields = [(":method", "CONNECT"), (":authority", "a.example:1")];
    peer.feed(&frame(HEADERS, END_HEADERS, 1, &block(&fields)));
    peer.tunnel(1);
    assert_eq!(peer.feed(&data(1, b"there", false)), [content(1, b"there", false)]);
    peer.data(1, b"back", false);
    // One side ends, and the other continues.
    assert_eq!(peer.feed(&data(1, b"", true)), [content(1, b"", true)]);
    peer.data(1, b"more", false);
    peer.trailers(1, &[("a", "b")]);
    let written = peer.frames();
    assert_eq!(written.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [HEADERS, DATA, DATA, DATA]);
    assert!(written[3].ends_stream() && written[3].payload.is_empty(), "a tunnel has no trailer section");

    peer.feed(&frame(HEADERS, END_HEADERS, 3, &block(&fields)));
    peer.tunnel(3);
    let trailers = frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&[("a", "b")]));
    assert_eq!(peer.feed(&trailers), [broken(3, PROTOCOL_ERROR)]);
}
