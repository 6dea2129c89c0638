//! RFC 9218: priorities of responses.

use super::peer::{Peer, Seen};
use crate::engine::{Engine, Priority};
use crate::priority::Parameters;
use crate::testing::wire::*;

fn parsed(value: &str) -> Option<(Option<u8>, Option<bool>)> {
    Parameters::parse(value.as_bytes()).map(|found| (found.urgency, found.incremental))
}

#[test]
fn a_priority_field_is_a_dictionary_with_two_known_keys() {
    for (value, expected) in [
        ("", (None, None)),
        ("u=5", (Some(5), None)),
        ("i", (None, Some(true))),
        ("u=0,i", (Some(0), Some(true))),
        (" u=7 ,\t i=?0 ", (Some(7), Some(false))),
        ("i=?1;x=1;y, u=2;z=\"a\"", (Some(2), Some(true))),
        // The last value of a key counts.
        ("u=1, u=2", (Some(2), None)),
        ("i, i=?0", (None, Some(false))),
        // Values of another type or range are ignored.
        ("u=8", (None, None)),
        ("u=-1", (None, None)),
        ("u=-0", (Some(0), None)),
        ("u=1.5", (None, None)),
        ("u=?1", (None, None)),
        ("u", (None, None)),
        ("u=99999999999", (None, None)),
        ("i=1", (None, None)),
        ("u=3, i=a", (Some(3), None)),
        // Other keys, and all types of values.
        ("a, b=c, *d=\"e\\\"\\\\f\", g=:aGk=:, h-1.2_*=(1 \"2\" a;b=c);d, u=4, j=()", (Some(4), None)),
        ("x=*tok/en:, y=12.345, z=-5, u=6", (Some(6), None)),
    ] {
        assert_eq!(parsed(value), Some(expected), "{value:?}");
    }
}

#[test]
fn a_malformed_priority_field_is_ignored() {
    for value in [
        "u=",
        "=1",
        "u=1,",
        ",u=1",
        "u=1 i",
        "U=1",
        "u=1;",
        "u=\"",
        "u=\"a\\b\"",
        "u=(1",
        "u=(1,2)",
        "u=(1\"a\")",
        "u=1.",
        "u=1.2345",
        "u=-",
        "u=1234567890123456",
        "u=?2",
        "u=?",
        "u=:a",
        "u=\u{e9}",
        "u=1\0",
        "u=@1",
        "u= 1",
    ] {
        assert_eq!(parsed(value), None, "{value:?}");
    }
}

#[test]
fn several_fields_are_one_list() {
    let of = |values: &[&str]| {
        let found = Parameters::of_fields(values.iter().map(|value| value.as_bytes()));
        found.applied_to(Priority::default())
    };
    assert_eq!(of(&["u=1", "i"]), Priority { urgency: 1, incremental: true });
    assert_eq!(of(&["u=1, i", "u=2"]), Priority { urgency: 2, incremental: true });
    assert_eq!(of(&["u=1", "!"]), Priority::default());
    assert_eq!(of(&[]), Priority { urgency: 3, incremental: false });
}

fn prioritized(seen: &[Seen]) -> Vec<(u32, u8, bool)> {
    let each = |seen: &Seen| match seen {
        Seen::Request { stream, priority, .. } | Seen::Reprioritized { stream, priority } => {
            (*stream, priority.urgency, priority.incremental)
        }
        other => panic!("{other:?}"),
    };
    seen.iter().map(each).collect()
}

fn update(stream: u32, value: &str) -> Vec<u8> {
    frame(PRIORITY_UPDATE, 0, 0, &[&stream.to_be_bytes()[..], value.as_bytes()].concat())
}

#[test]
fn a_request_has_its_priority() {
    let mut peer = Peer::new();
    let with = |stream, fields: &[(&str, &str)]| request(stream, "GET", END_STREAM, fields);
    let bytes = [
        with(1, &[]),
        with(3, &[("priority", "u=0, i")]),
        with(5, &[("priority", "u=6"), ("priority", "i")]),
        with(7, &[("priority", "nonsense!")]),
    ];
    assert_eq!(prioritized(&peer.feed(&bytes.concat())), [(1, 3, false), (3, 0, true), (5, 6, true), (7, 3, false)]);
}

#[test]
fn priorities_change() {
    let mut peer = Peer::new();
    peer.feed(&request(1, "GET", END_STREAM, &[("priority", "u=5, i")]));
    // Omitted parameters have their defaults.
    assert_eq!(prioritized(&peer.feed(&update(1, "u=1"))), [(1, 1, false)]);
    assert_eq!(prioritized(&peer.feed(&update(1, ""))), [(1, 3, false)]);
    assert!(peer.feed(&update(1, "!")).is_empty());
    peer.respond(1, b"ok");
    assert!(peer.feed(&update(1, "u=2")).is_empty());
}

#[test]
fn priorities_of_streams_that_were_not_opened_are_kept() {
    let mut peer = Peer::new();
    peer.feed(&[update(3, "u=7"), update(1, "u=6"), update(1, "u=5, i"), update(9, "u=1")].concat());
    let requests = [get(1), request(3, "GET", END_STREAM, &[("priority", "u=0, i")]), get(5)];
    assert_eq!(prioritized(&peer.feed(&requests.concat())), [(1, 5, true), (3, 7, false), (5, 3, false)]);
    (100..300u32).for_each(|index| drop(peer.feed(&update(2 * index + 1, "u=1"))));
    assert!(peer.engine.memory().sum() < 2000);
    assert_eq!(prioritized(&peer.feed(&get(9))), [(9, 3, false)], "the newest are kept");
    assert_eq!(prioritized(&peer.feed(&get(599))), [(599, 1, false)]);
}

#[test]
fn priorities_of_impossible_streams_are_dropped() {
    for stream in [0, 2] {
        assert_eq!(Peer::new().fault(&update(stream, "u=1")), Some(PROTOCOL_ERROR));
    }
}
