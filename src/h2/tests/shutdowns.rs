//! Section 6.8: the shutdown of a connection.

use super::peer::{LIMITS, Peer, Seen, content, requested};
use crate::engine::{Control, Engine, Fault, LAST_TAKEN, ShutDown};
use crate::h2::Limits;
use crate::testing::wire::*;

const ALL: u32 = (1 << 31) - 1;

#[test]
fn goaway_is_sent_in_two_steps() {
    let mut peer = Peer::new();
    peer.feed(&[get(1), post(3)].concat());
    peer.shut_down(ShutDown::Announce);
    let written = peer.frames();
    assert_eq!((written[0].kind, written[0].number(0), written[0].number(4)), (GOAWAY, ALL, 0));
    assert_eq!((written[1].kind, written[1].flags), (PING, 0));
    peer.shut_down(ShutDown::Announce);
    assert!(peer.frames().is_empty());
    // Streams between the two are served.
    assert_eq!(peer.feed(&get(5)), [requested(5)]);
    assert_eq!(peer.feed(&frame(PING, ACK, 0, b"nobody's")), [Seen::UnsolicitedAck(b"nobody's".to_vec())]);
    assert_eq!(peer.feed(&frame(PING, ACK, 0, &written[1].payload)), [Seen::ShutDownAcknowledged]);
    peer.shut_down(ShutDown::LastCall);
    peer.shut_down(ShutDown::LastCall);
    peer.shut_down(ShutDown::Announce);
    assert_eq!(peer.goaways(), [(5, 0, String::new())]);
    assert!(!peer.engine.is_over());
    for stream in [1, 3, 5] {
        peer.respond(stream, b"ok");
    }
    assert!(!peer.engine.is_over(), "content of one is still to come");
    assert_eq!(peer.feed(&data(3, b"x", true)), [content(3, b"x", true)]);
    assert!(peer.engine.is_over());
}

#[test]
fn an_idle_session_ends_with_the_last_call() {
    let mut peer = Peer::new();
    peer.shut_down(ShutDown::LastCall);
    assert_eq!(peer.goaways(), [(0, 0, String::new())]);
    assert!(peer.engine.is_over());
}

#[test]
fn streams_above_the_last_call_are_only_counted() {
    let mut peer = Peer::with(Limits { stream_window_bytes: 1 << 20, ..LIMITS }, &[]);
    peer.feed(&post(1));
    peer.shut_down(ShutDown::LastCall);
    peer.frames();
    let indexed = [block(&pseudo("POST", "/")), [&[0x40][..], &block(&[("x-a", "b")])[1..]].concat()].concat();
    let late = [
        frame(HEADERS, END_HEADERS, 3, &indexed),
        data(3, &[0; 16_000], false).repeat(4),
        window_update(3, 5),
        frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&[("a", "b")])),
        reset(3, CANCEL),
        // Malformed ones are treated the same.
        frame(HEADERS, END_HEADERS, 5, &block(&[("a", "b")])),
    ];
    assert!(peer.feed(&late.concat()).is_empty());
    assert_eq!((peer.fault, peer.engine.refused()), (None, 2));
    // The window of the session opens again, and the tables stay equal.
    assert_eq!(peer.window_updates().iter().map(|(stream, _)| *stream).collect::<Vec<_>>(), [0]);
    let trailers = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xbe]);
    let fields = vec![("x-a".into(), "b".into())];
    assert_eq!(peer.feed(&trailers), [Seen::Trailers { stream: 1, fields }]);
    peer.respond(1, b"ok");
    assert!(peer.engine.is_over());
}

#[test]
fn a_block_that_is_incomplete_at_the_last_call_is_late() {
    let mut peer = Peer::new();
    let block = block(&pseudo("GET", "/"));
    peer.feed(&frame(HEADERS, END_STREAM, 1, &block[..5]));
    peer.shut_down(ShutDown::LastCall);
    assert!(peer.engine.is_over());
    assert!(peer.feed(&frame(CONTINUATION, END_HEADERS, 1, &block[5..])).is_empty());
    assert_eq!(peer.engine.refused(), 1);

    let mut peer = Peer::new();
    peer.feed(&frame(HEADERS, END_STREAM, 1, &block[..5]));
    peer.engine.end(0, None, b"", &mut peer.out);
    assert_eq!(peer.engine.refused(), 1);
}

#[test]
fn the_hosts_last_stream_is_never_raised() {
    let mut peer = Peer::new();
    peer.feed(&[get(1), get(3), get(5)].concat());
    assert!(peer.control(Control::Goaway { code: 7, last_stream: 3, debug: b"host" }));
    assert!(peer.control(Control::Goaway { code: 0, last_stream: LAST_TAKEN, debug: b"" }));
    peer.shut_down(ShutDown::Announce);
    // It has no other effect.
    assert_eq!(peer.feed(&get(7)), [requested(7)]);
    peer.shut_down(ShutDown::LastCall);
    peer.engine.end(2, Some(9), b"end", &mut peer.out);
    let named = peer.goaways();
    assert_eq!(named[0], (3, 7, "host".into()));
    assert_eq!(named.iter().map(|(last, ..)| *last).collect::<Vec<_>>(), [3, 3, 3, 3, 3]);
    assert_eq!(named[4], (3, 2, "end".into()));
}

#[test]
fn the_final_goaway_names_the_last_processed_stream() {
    let mut peer = Peer::new();
    peer.feed(&[get(1), get(3), get(5)].concat());
    peer.engine.end(11, Some(1), b"calm", &mut peer.out);
    assert_eq!(peer.goaways(), [(1, 11, "calm".into())]);
}

#[test]
fn nothing_is_read_or_written_after_the_end() {
    let mut peer = Peer::new();
    peer.feed(&[get(1), post(3)].concat());
    peer.engine.send_fault(Fault { code: 3, why: "a reason" }, b"", &mut peer.out);
    assert_eq!(peer.goaways(), [(3, 3, "a reason".into())]);
    assert!(peer.engine.is_over());
    assert!(peer.feed(&[data(3, b"x", true), get(5)].concat()).is_empty());
    assert!(!peer.held.is_empty());
    peer.respond(1, b"ok");
    peer.reset(3, CANCEL);
    assert!(peer.control(Control::Ping([0; 8])) && peer.control(Control::Windows { session: 1 << 20, stream: 5 }));
    peer.control(Control::Goaway { code: 0, last_stream: LAST_TAKEN, debug: b"" });
    peer.shut_down(ShutDown::Announce);
    peer.shut_down(ShutDown::LastCall);
    peer.engine.send_fault(Fault { code: 1, why: "again" }, b"", &mut peer.out);
    peer.engine.end(0, None, b"", &mut peer.out);
    assert!(peer.frames().is_empty());
}

#[test]
fn requests_are_counted_while_the_connection_lingers() {
    let late = [get(5), frame(PING, 0, 0, &[0; 8]), post(7), data(7, &get(99), true), get(7), get(2), get(9)].concat();
    for step in [1, 2, 5, 9, 10, 64, late.len()] {
        let mut peer = Peer::new();
        let upload = data(3, &get(51), true);
        peer.feed(&[get(1), post(3), upload[..20].to_vec()].concat());
        peer.engine.end(0, None, b"", &mut peer.out);
        let rest = [&peer.held[..], &upload[20..], &late].concat();
        rest.chunks(step).for_each(|piece| peer.engine.discard(piece));
        assert_eq!(peer.engine.refused(), 3, "in steps of {step}");
    }
}

#[test]
fn a_frame_with_a_connection_error_is_not_late() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    let broken = frame(HEADERS, END_HEADERS, 3, &[0x80]);
    assert_eq!(peer.fault(&[broken, get(5)].concat()), Some(COMPRESSION_ERROR));
    let fault = peer.fault.expect("a fault");
    peer.engine.send_fault(fault, b"", &mut peer.out);
    let held = peer.held.clone();
    peer.engine.discard(&held);
    assert_eq!(peer.engine.refused(), 1);
    // A client that does not speak HTTP/2 opens no streams.
    let mut peer = Peer::silent(LIMITS);
    peer.fault(&[b"nonsense that is no preface".to_vec(), get(1)].concat());
    let fault = peer.fault.expect("a fault");
    peer.engine.send_fault(fault, b"", &mut peer.out);
    peer.engine.discard(&get(1));
    assert_eq!(peer.engine.refused(), 0);
}
