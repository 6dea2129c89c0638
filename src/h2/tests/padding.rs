//! Sections 6.1, 6.2, 6.6 and 10.7: padding of sent frames.

use http::Method;

use super::peer::{LIMITS, Peer};
use crate::engine::{Engine, RequestHead};
use crate::h2::Limits;
use crate::padding::Padding;
use crate::testing::wire::*;

fn peer(padding: Padding, settings: &[(u16, u32)]) -> Peer {
    Peer::with(Limits { padding, ..LIMITS }, settings)
}

/// The contents of a frame between its Pad Length field and its padding of zeros.
fn unpadded(frame: &Frame) -> Vec<u8> {
    if frame.flags & PADDED == 0 {
        return frame.payload.clone();
    }
    let (length, rest) = frame.payload.split_first().expect("a pad length");
    let (content, padding) = rest.split_at(rest.len() - usize::from(*length));
    assert!(padding.iter().all(|byte| *byte == 0));
    content.to_vec()
}

#[test]
fn aligned_frames_are_multiples_of_eight_bytes() {
    for length in 1..20 {
        let mut peer = peer(Padding::Aligned, &[]);
        peer.feed(&get(1));
        let (value, content) = ("v".repeat(length), vec![b'c'; length]);
        peer.head_with(1, 200, &[("x", &value)], false);
        peer.data(1, &content, false);
        peer.trailers(1, &[("y", &value)]);
        let written = peer.frames();
        assert_eq!(written.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [HEADERS, DATA, HEADERS]);
        for frame in &written {
            assert_eq!((9 + frame.payload.len()) % 8, 0, "{frame:?}");
        }
        let fields = [(":status", "200"), ("x", &value)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(peer.decode(&unpadded(&written[0])), fields);
        assert_eq!(unpadded(&written[1]), content);
        assert_eq!(peer.decode(&unpadded(&written[2])), [("y".to_owned(), value)]);
        assert!(written[2].ends_stream());
    }
}

#[test]
fn the_longest_padding_is_256_bytes() {
    let mut peer = peer(Padding::Max, &[]);
    peer.feed(&get(1));
    peer.head(1, 200, false);
    peer.data(1, b"abc", false);
    peer.trailers(1, &[]);
    let written = peer.frames();
    for frame in &written {
        assert_eq!((frame.flags & PADDED, frame.payload[0]), (PADDED, 255));
        assert_eq!(frame.payload.len(), unpadded(frame).len() + 256);
    }
    assert_eq!(unpadded(&written[1]), b"abc");
    assert!(written[2].ends_stream() && unpadded(&written[2]).is_empty());
}

#[test]
fn a_promise_is_padded() {
    let mut peer = peer(Padding::Max, &[]);
    peer.feed(&get(1));
    let (scheme, authority) = (Some("http".into()), Some("a".into()));
    let head = RequestHead { method: Method::GET, scheme, authority, path: b"/b".to_vec(), ..RequestHead::default() };
    assert_eq!(peer.engine.push(1, &head, &mut peer.out), Some(2));
    let promise = peer.frames().remove(0);
    assert_eq!((promise.kind, promise.flags), (PUSH_PROMISE, END_HEADERS | PADDED));
    let rest = unpadded(&promise);
    assert_eq!(rest[..4], [0, 0, 0, 2]);
    assert_eq!(peer.decode(&rest[4..])[0], (":method".into(), "GET".into()));
}

#[test]
fn padding_counts_against_the_windows() {
    // The window of the stream allows a part of the padding.
    let mut few = peer(Padding::Max, &[(4, 300)]);
    few.feed(&get(1));
    few.head(1, 200, false);
    assert_eq!(few.engine.sendable(1), 300);
    few.data(1, &[1; 200], false);
    assert_eq!(few.engine.sendable(1), 0);
    let written = few.frames();
    assert_eq!((written[1].payload.len(), unpadded(&written[1])), (300, vec![1; 200]));
    // With a full window there is no padding, and the stream can end.
    few.data(1, b"", true);
    assert_eq!(few.frames(), frames(&data(1, b"", true)));

    // The window of the session counts, too.
    let mut peer = peer(Padding::Max, &[(4, 1 << 20)]);
    peer.feed(&get(1));
    peer.head(1, 200, false);
    peer.data(1, &[2; 65_535], false);
    assert_eq!(peer.engine.sendable(1), 0);
    let written = peer.frames();
    assert_eq!(written[1..].iter().map(|frame| frame.payload.len()).sum::<usize>(), 65_535);
    assert_eq!(written[1..].iter().flat_map(unpadded).collect::<Vec<_>>(), vec![2; 65_535]);
}

#[test]
fn a_frame_of_maximum_length_is_not_padded() {
    let mut peer = peer(Padding::Max, &[(4, 100_000)]);
    peer.feed(&[get(1), window_update(0, 100_000)].concat());
    peer.head(1, 200, false);
    peer.data(1, &[3; 16_384 + 16_300], true);
    let written = peer.frames();
    assert_eq!(written[1..].iter().map(|frame| frame.payload.len()).collect::<Vec<_>>(), [16_384, 16_384]);
    assert_eq!(written[1..].iter().map(|frame| frame.flags).collect::<Vec<_>>(), [0, PADDED | END_STREAM]);
    assert_eq!(written[1..].iter().flat_map(unpadded).count(), 16_384 + 16_300);

    // A block that needs a second frame.
    peer.feed(&get(3));
    let value: String = (0..40_000u32).map(|index| char::from(b'!' + (index * 7 % 90) as u8)).collect();
    peer.head_with(3, 200, &[("x", &value)], true);
    let written = peer.frames();
    assert!(written.len() > 1 && written.iter().all(|frame| frame.flags & PADDED == 0));
}
