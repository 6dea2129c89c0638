//! Requests that reach no handler, over HTTP/1.1.

use super::*;

#[test]
fn a_flood_of_unserved_requests_is_slowed_down() {
    in_virtual_time(async {
        // 100 at once and 10 a second.
        let config = Config { control_burst: 10, control_per_second: 1, ..Config::default() };
        let mut peer = Peer::of(config, 1 << 20, responds);
        peer.send(&"GET /x HTTP/1.1\r\nhost: a\r\n\r\n".repeat(300)).await;
        peer.send(GET).await;
        let responses = peer.until("\r\n\r\nok").await;
        assert_eq!(responses.matches(" 404 ").count(), 300);
        assert!((19..=25).contains(&peer.seconds()), "after {} s", peer.seconds());
    });
}

#[test]
fn a_client_with_half_of_its_requests_served_is_not_slowed_down() {
    in_virtual_time(async {
        let config = Config { control_burst: 10, control_per_second: 1, ..Config::default() };
        let mut peer = Peer::of(config, 1 << 20, responds);
        let both = ["GET /x HTTP/1.1\r\nhost: a\r\n\r\n", GET].concat();
        for _ in 0..300 {
            peer.send(&both).await;
            peer.until("\r\n\r\nok").await;
        }
        assert_eq!(peer.seconds(), 0);
    });
}
