//! Section 8.1: the frames of responses.

use http::StatusCode;

use super::peer::{Peer, list};
use crate::engine::Engine;
use crate::testing::wire::*;

#[test]
fn a_response_has_a_head_content_and_end_stream() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    peer.head_with(1, 200, &[("content-type", "text/plain"), ("set-cookie", "a"), ("set-cookie", "b")], false);
    peer.data(1, b"ab", false);
    peer.data(1, b"", false);
    peer.data(1, b"c", true);
    let written = peer.frames();
    assert_eq!(written.len(), 3);
    let fields = peer.decode(&written[0].payload);
    let expected = [(":status", "200"), ("content-type", "text/plain"), ("set-cookie", "a"), ("set-cookie", "b")];
    assert_eq!(fields, expected.map(|(name, value)| (name.into(), value.into())));
    assert_eq!((written[0].flags, written[1].flags, written[2].flags), (END_HEADERS, 0, END_STREAM));
    assert_eq!((&written[1].payload[..], &written[2].payload[..]), (&b"ab"[..], &b"c"[..]));
    // Nothing follows END_STREAM.
    peer.data(1, b"d", false);
    peer.trailers(1, &[("a", "b")]);
    peer.head(1, 200, true);
    peer.reset(1, CANCEL);
    assert!(peer.frames().is_empty());
}

#[test]
fn an_end_without_content_is_an_empty_data_frame() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    peer.head(1, 200, false);
    peer.data(1, b"", true);
    let written = peer.frames();
    assert!(written[1].ends_stream() && written[1].payload.is_empty());
}

#[test]
fn long_content_is_split_into_frames() {
    let mut peer = Peer::with(super::peer::LIMITS, &[(5, 20_000)]);
    peer.feed(&get(1));
    peer.head(1, 200, false);
    let bytes: Vec<u8> = (0..40_000u32).map(|index| index as u8).collect();
    peer.data(1, &bytes, true);
    let written = peer.frames();
    assert_eq!(written[1..].iter().map(|frame| frame.payload.len()).collect::<Vec<_>>(), [16_384, 16_384, 7232]);
    assert_eq!(written[1..].iter().flat_map(|frame| frame.payload.clone()).collect::<Vec<_>>(), bytes);
    assert_eq!(written[1..].iter().map(|frame| frame.flags).collect::<Vec<_>>(), [0, 0, END_STREAM]);
}

#[test]
fn a_long_block_has_continuation_frames() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    let value: String = (0..40_000u32).map(|index| char::from(b'!' + (index * 7 % 90) as u8)).collect();
    peer.head_with(1, 200, &[("x", &value)], true);
    let written = peer.frames();
    let kinds: Vec<_> = written.iter().map(|frame| (frame.kind, frame.flags, frame.stream)).collect();
    assert_eq!(kinds[0], (HEADERS, END_STREAM, 1));
    let (last, middle) = kinds[1..].split_last().expect("CONTINUATION frames");
    assert!(middle.iter().all(|kind| *kind == (CONTINUATION, 0, 1)));
    assert_eq!(*last, (CONTINUATION, END_HEADERS, 1));
    assert!(written.iter().all(|frame| frame.payload.len() <= 16_384));
    let block: Vec<u8> = written.into_iter().flat_map(|frame| frame.payload).collect();
    assert_eq!(peer.decode(&block)[1], ("x".into(), value));
}

#[test]
fn responses_that_have_no_content_end_with_their_head() {
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let mut peer = Peer::new();
        peer.feed(&request(1, method, END_STREAM, &[]));
        peer.head(1, status, false);
        assert_eq!(peer.engine.sendable(1), usize::MAX);
        peer.data(1, &[0; 100_000], false);
        peer.trailers(1, &[("a", "b")]);
        let written = peer.frames();
        assert_eq!(written.len(), 1, "{method} {status}");
        assert!(written[0].ends_stream());
        assert!(peer.engine.streams.is_empty());
    }
}

#[test]
fn trailers_end_a_response() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    peer.trailers(1, &[("too", "early")]);
    peer.head(1, 200, false);
    peer.data(1, b"ok", false);
    peer.trailers(1, &[("x-sum", "1")]);
    let written = peer.frames();
    assert_eq!(written.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [HEADERS, DATA, HEADERS]);
    assert_eq!(written[2].flags, END_STREAM | END_HEADERS);
    peer.decode(&written[0].payload);
    assert_eq!(peer.decode(&written[2].payload), [("x-sum".into(), "1".into())]);

    peer.feed(&get(3));
    peer.head(3, 200, false);
    peer.trailers(3, &[]);
    let written = peer.frames();
    assert_eq!((written[1].kind, written[1].flags), (DATA, END_STREAM), "an empty section is none");
}

#[test]
fn informational_heads_precede_the_final_head() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    let inform = |peer: &mut Peer, status: u16| {
        let fields = list(&[("link", "</a>")]);
        let status = StatusCode::from_u16(status).expect("a status");
        peer.engine.send_informational(1, status, &fields, &mut peer.out);
    };
    inform(&mut peer, 103);
    inform(&mut peer, 101);
    inform(&mut peer, 200);
    peer.head(1, 200, true);
    inform(&mut peer, 103);
    let written = peer.frames();
    assert_eq!(written.iter().map(|frame| frame.flags).collect::<Vec<_>>(), [END_HEADERS, END_HEADERS | END_STREAM]);
    assert_eq!(peer.decode(&written[0].payload)[0].1, "103");
}

#[test]
fn sensitive_fields_are_never_indexed() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    let mut fields = crate::header_list::HeaderList::new();
    fields.push(b"authorization-info", b"secret", true);
    let head = crate::engine::ResponseHead {
        status: StatusCode::OK,
        fields: &fields,
        is_last: true,
        is_whole: false,
        is_tunnel: false,
        closes: false,
    };
    peer.engine.send_head(1, head, &mut peer.out);
    let written = peer.frames();
    assert_eq!(written[0].payload[1] & 0xf0, 0x10, "RFC 7541, section 6.2.3");
}
