//! The results do not depend on how the input is divided, nor on the slot for the newest
//! stream.

use super::peer::{LIMITS, Peer, Seen, requested};
use crate::engine::ShutDown;
use crate::testing::wire::*;

/// All frames that a client may send.
fn sample() -> Vec<u8> {
    let head = block(&pseudo("POST", "/"));
    let (start, end) = head.split_at(7);
    [
        preface(&[(4, 100), (1, 100)]),
        frame(SETTINGS, ACK, 0, &[]),
        get(1),
        post(3),
        data(3, b"some content", false),
        frame(DATA, PADDED, 3, b"\x05padded\0\0\0\0\0"),
        frame(DATA, 0, 3, b""),
        frame(PING, 0, 0, b"12345678"),
        frame(HEADERS, PADDED | 0x20, 5, &[&[4][..], &[0, 0, 0, 1, 16], start, &[0; 4]].concat()),
        frame(CONTINUATION, END_HEADERS, 5, end),
        frame(PRIORITY_UPDATE, 0, 0, b"\0\0\0\x05u=1"),
        frame(99, 7, 3, &[9; 40]),
        window_update(0, 1000),
        window_update(1, 5),
        frame(HEADERS, END_HEADERS, 7, &block(&[("malformed", "yes")])),
        data(7, b"of a stream that is gone", true),
        frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&[("trailer", "1")])),
        data(5, b"x", true),
        reset(1, CANCEL),
        get(9),
        settings(&[(4, 50)]),
        frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0bye"),
    ]
    .concat()
}

/// The call of the host for each event.
type Host = fn(&mut Peer, &Seen);

/// All events and all output. Pieces of content are joined.
fn run(step: usize, uses_slot: bool, host: Host) -> (Vec<Seen>, Vec<u8>, Option<u32>) {
    let mut peer = Peer::silent(LIMITS);
    peer.engine.streams.uses_slot = uses_slot;
    let mut all: Vec<Seen> = Vec::new();
    for piece in sample().chunks(step) {
        peer.held.extend_from_slice(piece);
        // One event at a time, so that the host acts before more input is taken.
        while let Some(seen) = peer.step() {
            if let Some(seen) = seen {
                host(&mut peer, &seen);
                match (all.last_mut(), &seen) {
                    (
                        Some(Seen::Data { stream: before, data, is_last }),
                        Seen::Data { stream, data: more, is_last: now },
                    ) if before == stream && !*is_last => {
                        data.extend_from_slice(more);
                        *is_last = *now;
                    }
                    _ => all.push(seen),
                }
            }
        }
    }
    assert!(peer.held.is_empty() || peer.fault.is_some());
    (all, peer.out.take(), peer.fault.map(|fault| fault.code))
}

const HOSTS: [Host; 5] = [
    |_, _| {},
    |peer, seen| {
        if let Seen::Request { stream, .. } = seen {
            peer.respond(*stream, b"ok");
        }
    },
    |peer, seen| {
        if let Seen::Request { stream, is_last: true, .. }
        | Seen::Data { stream, is_last: true, .. }
        | Seen::Trailers { stream, .. } = seen
        {
            peer.respond(*stream, b"later");
        }
    },
    |peer, seen| {
        if let Seen::Request { stream, .. } = seen {
            peer.head(*stream, 200, false);
            peer.reset(*stream, CANCEL);
        }
    },
    |peer, seen| match seen {
        Seen::Request { stream: 5, .. } => peer.shut_down(ShutDown::LastCall),
        Seen::Request { stream, .. } => peer.head(*stream, 200, false),
        Seen::Window { .. } => peer.data(1, b"1", true),
        _ => {}
    },
];

#[test]
fn results_do_not_depend_on_the_division_of_the_input() {
    for (index, host) in HOSTS.into_iter().enumerate() {
        let whole = run(usize::MAX, true, host);
        assert!(whole.0.len() > 10, "{whole:?}");
        assert_eq!(whole.2, None);
        for step in [1, 2, 3, 7, 9, 10, 11, 50, 100] {
            let cut = run(step, true, host);
            assert_eq!(cut.0, whole.0, "host {index} in steps of {step}");
            assert_eq!(frames(&cut.1), frames(&whole.1), "host {index} in steps of {step}");
        }
    }
}

#[test]
fn results_do_not_depend_on_the_slot_for_the_newest_stream() {
    for (index, host) in HOSTS.into_iter().enumerate() {
        for step in [1, 13, usize::MAX] {
            assert_eq!(run(step, true, host), run(step, false, host), "host {index} in steps of {step}");
        }
    }
}

#[test]
fn a_request_with_an_immediate_response_enters_no_table() {
    let mut peer = Peer::new();
    for index in 0..10_000 {
        let stream = 1 + 2 * index;
        peer.held.extend(get(stream));
        assert_eq!(peer.step(), Some(Some(requested(stream))));
        peer.respond(stream, b"Hello, World!");
        assert!(peer.engine.streams.is_empty());
        peer.out.take();
        peer.feed(&window_update(0, 13));
    }
    assert_eq!(peer.engine.streams.memory(), 0);
}
