//! Sections 5.2, 6.9: flow control.

use super::peer::{LIMITS, Peer, Seen, broken, content};
use crate::engine::{Control, Engine};
use crate::h2::Limits;
use crate::testing::wire::*;

const INITIAL_WINDOW: u16 = 4;

#[test]
fn both_windows_limit_what_is_sendable() {
    let mut peer = Peer::with(LIMITS, &[(INITIAL_WINDOW, 10)]);
    peer.feed(&[get(1), get(3)].concat());
    peer.head(1, 200, false);
    assert_eq!(peer.engine.sendable(1), 10);
    peer.data(1, &[0; 10], false);
    assert_eq!(peer.engine.sendable(1), 0);
    assert_eq!(peer.feed(&window_update(1, 1)), [Seen::Window { stream: 1 }]);
    assert_eq!(peer.engine.sendable(1), 1);
    peer.data(1, &[0; 1], true);
    assert!(peer.frames().last().is_some_and(|frame| frame.ends_stream()));
    // The window of the session is the smaller one now.
    peer.feed(&window_update(3, 100_000));
    assert_eq!(peer.engine.sendable(3), 65_535 - 11);
    assert_eq!(peer.feed(&window_update(0, 5)), [Seen::Window { stream: 0 }]);
    assert_eq!(peer.engine.sendable(3), 65_535 - 6);
}

#[test]
fn an_empty_window_allows_end_stream() {
    let mut peer = Peer::with(LIMITS, &[(INITIAL_WINDOW, 0)]);
    peer.feed(&[get(1), get(3)].concat());
    peer.head(1, 200, false);
    assert_eq!(peer.engine.sendable(1), 0);
    peer.data(1, b"", true);
    assert!(peer.frames()[1].ends_stream());
    peer.head(3, 200, false);
    peer.trailers(3, &[("a", "b")]);
    assert!(peer.frames()[1].ends_stream());
}

#[test]
fn settings_may_make_the_windows_of_open_streams_negative() {
    let mut peer = Peer::with(LIMITS, &[(INITIAL_WINDOW, 100)]);
    peer.feed(&[get(1), get(3)].concat());
    peer.head(1, 200, false);
    peer.data(1, &[0; 60], false);
    peer.feed(&settings(&[(INITIAL_WINDOW, 20)]));
    assert_eq!((peer.engine.sendable(1), peer.engine.sendable(3)), (0, 20));
    peer.feed(&window_update(1, 40));
    assert_eq!(peer.engine.sendable(1), 0, "what was below nothing is filled first");
    peer.data(1, b"", false);
    peer.feed(&window_update(1, 1));
    assert_eq!(peer.engine.sendable(1), 1);
    peer.feed(&settings(&[(INITIAL_WINDOW, 21), (INITIAL_WINDOW, 120)]));
    assert_eq!((peer.engine.sendable(1), peer.engine.sendable(3)), (101, 120));
    peer.feed(&get(5));
    assert_eq!(peer.engine.sendable(5), 120);
}

#[test]
fn windows_that_are_too_large_are_errors() {
    let most = (1 << 31) - 1;
    let mut peer = Peer::new();
    peer.feed(&get(1));
    assert_eq!(peer.feed(&window_update(1, most)), [broken(1, FLOW_CONTROL_ERROR)]);
    assert_eq!(peer.resets(), [(1, FLOW_CONTROL_ERROR)]);
    assert_eq!(peer.fault(&window_update(0, most)), Some(FLOW_CONTROL_ERROR));

    let mut peer = Peer::new();
    peer.feed(&[get(1), window_update(1, most - 65_535)].concat());
    assert_eq!(peer.engine.sendable(1), 65_535);
    assert_eq!(peer.fault(&settings(&[(INITIAL_WINDOW, 65_536)])), Some(FLOW_CONTROL_ERROR));
    assert_eq!(Peer::new().fault(&settings(&[(INITIAL_WINDOW, 1 << 31)])), Some(FLOW_CONTROL_ERROR));
}

#[test]
fn a_window_update_of_zero_is_an_error() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    assert_eq!(peer.feed(&window_update(1, 0)), [broken(1, PROTOCOL_ERROR)]);
    assert_eq!(peer.fault(&window_update(0, 1 << 31)), Some(PROTOCOL_ERROR), "the first bit does not count");
}

#[test]
fn the_stream_window_opens_in_halves() {
    let limits = Limits { stream_window_bytes: 1000, ..LIMITS };
    let mut peer = Peer::with(limits, &[]);
    peer.feed(&[post(1), data(1, &[0; 1000], false)].concat());
    peer.consume(1, 499);
    assert!(peer.frames().is_empty());
    peer.consume(1, 1);
    assert_eq!(peer.window_updates(), [(1, 500)]);
    assert_eq!(peer.feed(&data(1, &[1; 500], false)), [content(1, &[1; 500], false)]);
    peer.consume(1, 1000);
    assert_eq!(peer.window_updates(), [(1, 1000)]);
    // At the end of the stream only the window of the session matters.
    peer.feed(&data(1, &[1; 1000], true));
    peer.consume(1, 1000);
    assert!(peer.window_updates().is_empty());
    let window = &peer.engine.receive_window;
    assert_eq!(window.left() + window.due(), 65_535);
}

#[test]
fn the_sessions_window_opens_in_halves_too() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    for _ in 0..3 {
        peer.feed(&data(1, &[0; 10_000], false));
        peer.consume(1, 10_000);
    }
    assert!(peer.frames().is_empty());
    peer.feed(&data(1, &[0; 10_000], false));
    peer.consume(1, 10_000);
    assert_eq!(peer.window_updates(), [(0, 40_000), (1, 40_000)]);
}

#[test]
fn data_that_exceeds_a_window_is_an_error() {
    let limits = Limits { stream_window_bytes: 100, ..LIMITS };
    let mut peer = Peer::with(limits, &[]);
    peer.feed(&[post(1), data(1, &[0; 100], false)].concat());
    assert_eq!(peer.feed(&data(1, &[0; 1], false)), [broken(1, FLOW_CONTROL_ERROR)]);
    assert_eq!(peer.resets(), [(1, FLOW_CONTROL_ERROR)]);
    // Padding counts.
    peer.feed(&post(3));
    assert_eq!(peer.feed(&frame(DATA, PADDED, 3, &[100; 101])), [broken(3, FLOW_CONTROL_ERROR)]);

    let limits = Limits { stream_window_bytes: 1 << 20, ..LIMITS };
    let mut peer = Peer::with(limits, &[]);
    peer.feed(&post(1));
    let bytes = [data(1, &[0; 16_384], false).repeat(3), data(1, &[0; 16_383], false)].concat();
    assert_eq!(peer.feed(&bytes).len(), 4);
    assert_eq!(peer.fault(&data(1, &[0; 1], false)), Some(FLOW_CONTROL_ERROR));
}

#[test]
fn padding_is_returned_at_once() {
    let limits = Limits { stream_window_bytes: 300, ..LIMITS };
    let mut peer = Peer::with(limits, &[]);
    peer.feed(&post(1));
    for _ in 0..1000 {
        let padded = [&[200, 7][..], &[0; 200]].concat();
        assert_eq!(peer.feed(&frame(DATA, PADDED, 1, &padded)), [content(1, &[7], false)]);
        peer.consume(1, 1);
    }
    assert_eq!(peer.fault, None);
}

#[test]
fn content_of_closed_streams_is_returned_at_once() {
    let mut peer = Peer::with(Limits { max_concurrent_streams: 1000, ..LIMITS }, &[]);
    for index in 0..200 {
        let stream = 1 + 2 * index;
        // The content is never consumed. The stream ends by a reset of either side, by
        // its end, or by an error.
        peer.feed(&[post(stream), data(stream, &[0; 8000], false)].concat());
        match index % 4 {
            0 => peer.reset(stream, CANCEL),
            1 => drop(peer.feed(&reset(stream, CANCEL))),
            2 => {
                peer.respond(stream, b"ok");
                peer.feed(&data(stream, b"", true));
            }
            _ => assert_eq!(peer.feed(&window_update(stream, 0)), [broken(stream, PROTOCOL_ERROR)]),
        }
        peer.consume(stream, 8000);
    }
    assert_eq!(peer.fault, None);
    let window = &peer.engine.receive_window;
    assert_eq!(window.left() + window.due(), 65_535);
}

#[test]
fn the_host_changes_the_windows() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    assert!(peer.control(Control::Windows { session: 100_000, stream: 0 }));
    assert_eq!(peer.window_updates(), [(0, 100_000 - 65_535)]);
    assert!(peer.control(Control::Windows { session: 0, stream: 10 }));
    assert_eq!(peer.frames()[0].payload, [0, 4, 0, 0, 0, 10]);
    // The old window applies until the peer has acknowledged the new one. A third one has
    // to wait.
    assert!(!peer.control(Control::Windows { session: 0, stream: 20 }));
    assert!(peer.control(Control::Windows { session: 0, stream: 10 }), "nothing is to be said");
    peer.feed(&data(1, &[0; 50], false));
    assert_eq!(peer.feed(&frame(SETTINGS, ACK, 0, &[])), [Seen::SettingsAcknowledged(vec![0, 4, 0, 0, 0, 10], false)]);
    // 50 bytes arrived where 10 are allowed. Only consumption beyond 40 opens the window
    // again.
    assert_eq!(peer.feed(&data(1, &[0; 1], false)), [broken(1, FLOW_CONTROL_ERROR)]);
    peer.feed(&[post(3), data(3, &[0; 10], false)].concat());
    peer.frames();
    assert!(peer.control(Control::Windows { session: 0, stream: 20 }));
    peer.feed(&frame(SETTINGS, ACK, 0, &[]));
    assert_eq!(peer.feed(&data(3, &[0; 10], false)).len(), 1);
    assert_eq!(peer.fault, None);
}

#[test]
fn a_smaller_session_window_takes_effect_as_content_is_consumed() {
    let mut peer = Peer::with(Limits { session_window_bytes: 100_000, stream_window_bytes: 100_000, ..LIMITS }, &[]);
    peer.feed(&post(1));
    assert!(peer.control(Control::Windows { session: 70_000, stream: 0 }));
    assert!(peer.frames().is_empty());
    for _ in 0..10 {
        peer.feed(&data(1, &[0; 10_000], false));
        peer.consume(1, 10_000);
    }
    let session = peer.window_updates().into_iter().filter(|(stream, _)| *stream == 0);
    assert_eq!(session.map(|(_, increment)| increment).sum::<u32>(), 40_000);
    assert_eq!(peer.engine.receive_window.left() + peer.engine.receive_window.due(), 70_000);
}

#[test]
fn streams_opened_before_the_acknowledgement_have_the_old_window() {
    for (announced, first, more) in [(1000, 1500, Some(0)), (200_000, 65_535, Some(1))] {
        let limits = Limits { stream_window_bytes: announced, session_window_bytes: 1 << 20, ..LIMITS };
        let mut peer = Peer::silent(limits);
        peer.feed(&[preface(&[]), post(1)].concat());
        let mut left = first;
        while left > 0 {
            let piece = left.min(16_384);
            assert_eq!(peer.feed(&data(1, &vec![0; piece], false)).len(), 1);
            left -= piece;
        }
        peer.feed(&frame(SETTINGS, ACK, 0, &[]));
        let seen = peer.feed(&data(1, b"x", false));
        let expected = if more == Some(1) { content(1, b"x", false) } else { broken(1, FLOW_CONTROL_ERROR) };
        assert_eq!(seen, [expected], "{announced}");
    }
}

#[test]
fn while_memory_is_short_windows_stay_small_and_open() {
    let mut peer = Peer::with(LIMITS, &[]);
    let window = LIMITS.stream_window_bytes as usize;
    peer.feed(&post(1));
    peer.engine.set_short(true);
    // The host consumes everything at once, and the peer uses what it has.
    let (mut left, mut session, mut sent) = (window, 65_535, 0);
    while sent < 10 * window {
        let piece = left.min(session).min(5_000);
        assert!(piece > 0, "the peer cannot go on after {sent} bytes");
        peer.feed(&data(1, &vec![0; piece], false));
        peer.consume(1, piece);
        (left, session, sent) = (left - piece, session - piece, sent + piece);
        for (stream, increment) in peer.window_updates() {
            *if stream == 0 { &mut session } else { &mut left } += increment as usize;
            assert!(left <= window.max(16 << 10) && session <= 65_536);
        }
    }
    assert!(left <= 16 << 10 && peer.fault.is_none());
    // Everything is returned when memory is no longer short and content is consumed.
    peer.engine.set_short(false);
    peer.feed(&data(1, &[0; 1000], false));
    peer.consume(1, 1000);
    left = left - 1000
        + peer.window_updates().iter().filter(|(stream, _)| *stream == 1).map(|(_, n)| *n as usize).sum::<usize>();
    assert_eq!(left, window);
}
