//! Requests that reach no handler: floods end the session, and honest clients are served.

use super::*;

/// Like [`GET`], for a path without a handler.
const NOWHERE: &[u8] = &[0x82, 0x86, 0x04, 2, b'/', b'x', 0x01, 1, b'a'];
const DELETE: &[u8] = &[0x02, 6, b'D', b'E', b'L', b'E', b'T', b'E', 0x86, 0x84, 0x01, 1, b'a'];

/// A budget of ten times `control_burst` such requests, and a tenth of that per second.
fn limited(control_burst: u32) -> Config {
    Config { control_burst, control_per_second: control_burst / 10, ..Config::default() }
}

/// HEADERS frames of `count` requests, beginning with stream `first`.
fn heads(block: &[u8], first: u32, count: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    (0..count).for_each(|index| write(&mut bytes, kind::HEADERS, END_STREAM | END_HEADERS, first + 2 * index, block));
    bytes
}

impl Peer {
    /// Sends `count` requests at once, and reads until each has a response.
    async fn ask_together(&mut self, block: &[u8], first: u32, count: u32) {
        self.send(&heads(block, first, count)).await;
        for _ in 0..count {
            self.next(kind::HEADERS, true).await.expect("a response");
        }
    }
}

#[test]
fn a_flood_of_unserved_requests_ends_the_session() {
    for block in [NOWHERE, DELETE] {
        in_virtual_time(async {
            let mut peer = Peer::of(limited(50), 1 << 20, responds);
            peer.settle(&[]).await;
            peer.send(&heads(block, 1, 5_000)).await;
            let (last, code) = peer.goaway(true).await;
            assert_eq!(code, CALM);
            assert!((1_000..10_000).contains(&last), "stream {last}");
            drop(peer.stream.shutdown().await);
            assert_eq!(peer.closed().await, Cause::Flood);
        });
    }
}

#[test]
fn a_client_that_waits_for_its_responses_is_only_slowed_down() {
    in_virtual_time(async {
        // 500 at once and 50 a second; 100 streams at a time.
        let mut peer = Peer::of(limited(50), 1 << 20, responds);
        peer.settle(&[]).await;
        for round in 0..5 {
            peer.ask_together(NOWHERE, 1 + 200 * round, 100).await;
        }
        assert_eq!(peer.seconds(), 0);
        for round in 5..15 {
            peer.ask_together(NOWHERE, 1 + 200 * round, 100).await;
        }
        assert!((17..=25).contains(&peer.seconds()), "after {} s", peer.seconds());
        peer.ask_together(GET, 3_001, 100).await;
        assert!(peer.frames.iter().all(|(frame, _)| frame.kind != kind::GOAWAY), "it is told to leave");
    });
}

#[test]
fn a_client_with_half_of_its_requests_served_is_not_slowed_down() {
    in_virtual_time(async {
        let mut peer = Peer::of(limited(10), 1 << 20, responds);
        peer.settle(&[]).await;
        for round in 0..20 {
            peer.ask_together(NOWHERE, 1 + 200 * round, 50).await;
            peer.ask_together(GET, 101 + 200 * round, 50).await;
        }
        assert_eq!(peer.seconds(), 0);
    });
}

#[test]
fn requests_beyond_what_handlers_still_hold_are_counted() {
    in_virtual_time(async {
        let mut peer = Peer::of(limited(200), 1 << 20, never_responds);
        peer.settle(&[]).await;
        // The handlers continue after their streams were reset.
        peer.send(&heads(GET, 1, 100)).await;
        for index in 0..100 {
            peer.frame(kind::RST_STREAM, 0, 1 + 2 * index, &CANCEL.to_be_bytes()).await;
        }
        peer.send(&heads(GET, 201, 5_000)).await;
        assert_eq!(peer.goaway(true).await.1, CALM);
        drop(peer.stream.shutdown().await);
        assert_eq!(peer.closed().await, Cause::Flood);
    });
}
