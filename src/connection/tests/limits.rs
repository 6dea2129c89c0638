//! Each limit of an HTTP/1.1 connection takes effect in time.

use super::*;

#[test]
fn an_idle_connection_ends_after_a_minute() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        sleep(Duration::from_secs(20)).await;
        peer.send(GET).await;
        peer.until("ok").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 80);
        assert_eq!(peer.closed().await, Cause::IdleTimeout);
    });
}

#[test]
fn an_idle_connection_continues_to_work() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        for _ in 0..3 {
            sleep(Duration::from_secs(5)).await;
            let (first, rest) = GET.split_at(1);
            peer.send(first).await;
            sleep(Duration::from_secs(5)).await;
            peer.send(rest).await;
            peer.until("ok").await;
        }
        sleep(Duration::from_secs(5)).await;
        assert_eq!(peer.closed().await, Cause::PeerClosed);

        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.send(GET).await;
        peer.until("ok").await;
        sleep(Duration::from_secs(5)).await;
        peer.drain(20);
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 5);
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn a_slow_head_ends_the_connection() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        sleep(Duration::from_secs(5)).await;
        peer.send("GET / HTTP/1.1\r\n").await;
        for _ in 0..12 {
            sleep(Duration::from_millis(900)).await;
            peer.send("a: b\r\n").await;
        }
        let response = peer.rest().await;
        assert!(response.starts_with("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"), "{response}");
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::HeaderTimeout);
        assert_eq!(peer.closed().await, Cause::HeaderTimeout);
    });
}

#[test]
fn a_slow_body_is_ended() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, echoes);
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n").await;
        for _ in 0..60 {
            sleep(Duration::from_secs(1)).await;
            peer.send("x").await;
        }
        let response = peer.rest().await;
        assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
        let timeout = peer.event(EventKind::Timeout);
        assert_eq!((timeout.cause, timeout.stream), (Cause::TooSlow, 1));
        assert_eq!(peer.closed().await, Cause::TooSlow);
    });
}

#[test]
fn a_peer_that_reads_nothing_is_cut() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 10, responds_much);
        peer.send(GET).await;
        sleep(Duration::from_secs(80)).await;
        assert_eq!(peer.closed().await, Cause::TooSlow);
    });
}

#[test]
fn a_request_without_a_byte_ends_after_five_minutes() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, never_responds);
        peer.send(GET).await;
        assert_eq!(peer.rest().await, "");
        assert!((300..=316).contains(&peer.seconds()), "after {} s", peer.seconds());
        assert_eq!(peer.closed().await, Cause::StreamIdle);
    });
}

#[test]
fn a_connection_ends_after_the_most_requests() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config { max_requests: 3, ..Config::default() }, 1 << 16, responds);
        for _ in 0..2 {
            peer.send(GET).await;
            assert!(!peer.until("ok").await.contains("connection: close"), "not early");
        }
        peer.send(&GET.repeat(2)).await;
        let last = peer.rest().await;
        assert!(last.contains("connection: close\r\n") && last.ends_with("\r\n\r\nok"), "{last}");
        assert_eq!(last.matches("HTTP/1.1").count(), 1, "the fourth is not answered");
        assert_eq!(peer.closed().await, Cause::MaxRequests);
    });
}

#[test]
fn a_connection_ends_at_the_greatest_age() {
    in_virtual_time(async {
        let config = Config { max_age: Duration::from_secs(40), ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, responds);
        peer.send(GET).await;
        peer.until("ok").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 40);
        assert_eq!(peer.closed().await, Cause::MaxAge);
    });
}
