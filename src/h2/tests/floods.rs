//! Floods, and honest clients that send many frames.

use super::peer::{LIMITS, Peer, Seen, requested};
use crate::engine::{Control, Engine, Flood};
use crate::h2::Limits;
use crate::testing::wire::*;

/// Repeats the same input until the session is ended.
fn rounds(peer: &mut Peer, most: u32, mut round: impl FnMut(&mut Peer, u32)) -> Option<u32> {
    (0..most).find(|index| {
        round(peer, *index);
        peer.frames();
        assert_eq!(peer.fault, None);
        peer.engine.flood() == Flood::End
    })
}

fn stream(index: u32) -> u32 {
    3 + 2 * index
}

#[test]
fn each_kind_of_flood_ends() {
    type Round = fn(&mut Peer, u32);
    let floods: [(&str, Round); 20] = [
        ("PING", |peer, _| drop(peer.feed(&frame(PING, 0, 0, &[0; 8])))),
        ("PING answers", |peer, _| drop(peer.feed(&frame(PING, ACK, 0, &[0; 8])))),
        ("SETTINGS", |peer, _| drop(peer.feed(&settings(&[])))),
        ("SETTINGS acknowledgements", |peer, _| drop(peer.feed(&frame(SETTINGS, ACK, 0, &[])))),
        ("windows by SETTINGS", |peer, index| drop(peer.feed(&settings(&[(4, index % 2)])))),
        ("PRIORITY", |peer, _| drop(peer.feed(&frame(PRIORITY, 0, 1, &[0; 5])))),
        ("PRIORITY_UPDATE", |peer, _| drop(peer.feed(&frame(PRIORITY_UPDATE, 0, 0, b"\0\0\0\x01u=1")))),
        ("early PRIORITY_UPDATE", |peer, index| {
            let payload = [&stream(index).to_be_bytes()[..], b"u=1"].concat();
            drop(peer.feed(&frame(PRIORITY_UPDATE, 0, 0, &payload)));
        }),
        ("WINDOW_UPDATE of the session", |peer, _| drop(peer.feed(&window_update(0, 1)))),
        ("WINDOW_UPDATE of a stream", |peer, _| drop(peer.feed(&window_update(1, 1)))),
        ("unknown frames", |peer, _| drop(peer.feed(&frame(99, 0, 0, &[0; 16_384])))),
        ("GOAWAY", |peer, _| drop(peer.feed(&frame(GOAWAY, 0, 0, &[0; 1000])))),
        ("empty DATA", |peer, _| drop(peer.feed(&data(1, b"", false)))),
        ("padding", |peer, _| drop(peer.feed(&frame(DATA, PADDED, 1, &[99; 100])))),
        ("short CONTINUATION", |peer, index| {
            let block = block(&pseudo("GET", "/"));
            let start = [frame(HEADERS, END_STREAM, stream(index), &[]), frame(CONTINUATION, 0, stream(index), &[])];
            peer.feed(&[start.concat(), frame(CONTINUATION, END_HEADERS, stream(index), &block)].concat());
            peer.reset(stream(index), CANCEL);
        }),
        ("resets", |peer, index| drop(peer.feed(&[get(stream(index)), reset(stream(index), CANCEL)].concat()))),
        ("resets of a closed stream", |peer, index| {
            if index == 0 {
                peer.feed(&reset(1, CANCEL));
            }
            peer.feed(&reset(1, CANCEL));
        }),
        ("malformed requests", |peer, index| {
            let bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream(index), &block(&[("a", "b")]));
            assert!(matches!(peer.feed(&bytes)[..], [Seen::Broken { .. }]));
        }),
        ("mistakes that have us reset", |peer, index| {
            peer.feed(&[get(stream(index)), window_update(stream(index), 0)].concat());
        }),
        ("requests that are too large", |peer, index| {
            let long = "x".repeat(16_300);
            let fields = [pseudo("GET", "/"), vec![("a", &long), ("b", "c")]].concat();
            let block = block(&fields);
            let (start, end) = block.split_at(16_000);
            let start = frame(HEADERS, END_STREAM, stream(index), start);
            let seen = peer.feed(&[start, frame(CONTINUATION, END_HEADERS, stream(index), end)].concat());
            assert!(matches!(seen[..], [Seen::Refused { .. }]), "{seen:?}");
            peer.head(stream(index), 431, true);
        }),
    ];
    for (name, round) in floods {
        let mut peer = Peer::new();
        peer.feed(&post(1));
        let end = rounds(&mut peer, 5000, round);
        assert!(end.is_some_and(|rounds| (100..=1200).contains(&rounds)), "{name}: {end:?}");
        assert!(peer.engine.memory().sum() < 8000, "{name}: {}", peer.engine.memory().sum());
    }
}

#[test]
fn a_flood_is_slowed_down_first_and_time_restores_the_budget() {
    let mut peer = Peer::new();
    let end = rounds(&mut peer, 5000, |peer, index| {
        peer.feed(&frame(PING, 0, 0, &[0; 8]));
        let expected = [(0..500, Flood::No), (500..550, Flood::Pause)];
        let expected = expected.into_iter().find(|(range, _)| range.contains(&index));
        assert_eq!(peer.engine.flood(), expected.map_or(Flood::End, |(_, flood)| flood), "{index}");
    });
    assert_eq!(end, Some(550));
    let mut peer = Peer::new();
    rounds(&mut peer, 501, |peer, _| drop(peer.feed(&frame(PING, 0, 0, &[0; 8]))));
    assert_eq!(peer.engine.flood(), Flood::Pause);
    peer.at(100);
    assert_eq!(peer.engine.flood(), Flood::No);
}

#[test]
fn resets_are_a_flood_at_any_pace() {
    let mut peer = Peer::new();
    let end = rounds(&mut peer, 300, |peer, index| {
        // Ten every 4 ms, as an attack that avoids limits on bursts.
        peer.at(u64::from(index) * 4);
        for number in 0..10 {
            let stream = stream(10 * index + number);
            peer.feed(&[get(stream), reset(stream, CANCEL)].concat());
        }
    });
    assert!(end.is_some_and(|rounds| rounds < 100), "{end:?}");
}

#[test]
fn a_steady_trickle_is_no_flood() {
    let mut peer = Peer::new();
    for round in 0..30_000 {
        peer.at(round * 20);
        peer.feed(&frame(PING, 0, 0, &[0; 8]));
        assert_eq!(peer.engine.flood(), Flood::No, "after {round}");
    }
}

#[test]
fn resets_by_the_server_cost_the_peer_nothing() {
    let mut peer = Peer::new();
    assert_eq!(
        rounds(&mut peer, 5000, |peer, index| {
            peer.feed(&[post(stream(index)), data(stream(index), b"x", false)].concat());
            peer.respond(stream(index), b"no");
            peer.reset(stream(index), 0);
            peer.feed(&data(stream(index), b"y", true));
        }),
        None
    );
    assert_eq!(peer.engine.flood(), Flood::No);
    assert!(peer.engine.memory().sum() < 4000, "{}", peer.engine.memory().sum());
}

#[test]
fn a_client_that_cancels_half_of_its_streams_is_no_flood() {
    let mut peer = Peer::new();
    let end = rounds(&mut peer, 5000, |peer, index| {
        let (served, cancelled) = (stream(2 * index), stream(2 * index + 1));
        peer.feed(&get(served));
        peer.respond(served, b"ok");
        peer.feed(&[get(cancelled), reset(cancelled, CANCEL)].concat());
    });
    assert_eq!((end, peer.engine.flood()), (None, Flood::No));
}

#[test]
fn windows_that_are_opened_with_each_frame_are_no_flood() {
    let mut peer = Peer::new();
    peer.feed(&get(1));
    peer.head(1, 200, false);
    let end = rounds(&mut peer, 5000, |peer, _| {
        peer.data(1, &[0; 100], false);
        // WINDOW_UPDATE for both windows, and a PING that measures the bandwidth.
        peer.feed(&[window_update(0, 100), window_update(1, 100), frame(PING, 0, 0, &[1; 8])].concat());
    });
    assert_eq!((end, peer.engine.flood()), (None, Flood::No));
}

#[test]
fn uploads_in_small_pieces_are_no_flood() {
    let mut peer = Peer::new();
    peer.feed(&post(1));
    let end = rounds(&mut peer, 20_000, |peer, _| {
        peer.feed(&data(1, &[0; 20], false));
        peer.consume(1, 20);
    });
    assert_eq!((end, peer.engine.flood()), (None, Flood::No));
}

#[test]
fn requests_with_priorities_of_both_kinds_are_no_flood() {
    let mut peer = Peer::new();
    let end = rounds(&mut peer, 5000, |peer, index| {
        let stream = stream(index);
        let update = [&stream.to_be_bytes()[..], b"u=1, i"].concat();
        peer.feed(&[frame(PRIORITY, 0, stream, &[0; 5]), frame(PRIORITY_UPDATE, 0, 0, &update), get(stream)].concat());
        peer.respond(stream, b"ok");
    });
    assert_eq!((end, peer.engine.flood()), (None, Flood::No));
}

#[test]
fn acknowledgements_are_no_flood() {
    let mut peer = Peer::new();
    let end = rounds(&mut peer, 5000, |peer, index| {
        assert!(peer.control(Control::Ping([7; 8])) && peer.control(Control::KeepAlive));
        assert!(peer.control(Control::Windows { session: 0, stream: 1000 + index % 2 }));
        let answers: Vec<u8> = peer
            .frames()
            .iter()
            .flat_map(|asked| match asked.kind {
                PING => frame(PING, ACK, 0, &asked.payload),
                _ => frame(SETTINGS, ACK, 0, &[]),
            })
            .collect();
        peer.feed(&answers);
    });
    assert_eq!((end, peer.engine.flood()), (None, Flood::No));
}

#[test]
fn late_streams_of_an_honest_client_are_no_flood() {
    let mut peer = Peer::with(Limits { max_concurrent_streams: 100, control_burst: 100, ..LIMITS }, &[]);
    assert_eq!(peer.feed(&get(1)), [requested(1)]);
    peer.shut_down(crate::engine::ShutDown::LastCall);
    (0..100).for_each(|index| drop(peer.feed(&get(stream(index)))));
    assert_eq!((peer.engine.flood(), peer.engine.refused()), (Flood::No, 100));
    assert!(rounds(&mut peer, 500, |peer, index| drop(peer.feed(&get(stream(100 + index))))).is_some());
}
