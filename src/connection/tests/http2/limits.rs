//! Each limit of an HTTP/2 session takes effect in time.

use super::super::echoes;
use super::*;

#[test]
fn a_silent_connection_is_ended() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        assert_eq!(peer.goaway(true).await, (0, 0));
        peer.end(true).await;
        assert_eq!(peer.seconds(), 10);
        assert_eq!(peer.closed().await, Cause::HandshakeTimeout);
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::HandshakeTimeout);
    });
}

#[test]
fn a_slow_preface_ends_the_connection() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        for byte in b"PRI * HTTP/2.0\r\n" {
            peer.send(&[*byte]).await;
            sleep(Duration::from_millis(900)).await;
        }
        assert_eq!(peer.goaway(true).await, (0, 0));
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::HandshakeTimeout);
        assert_eq!(peer.closed().await, Cause::HandshakeTimeout);
    });
}

#[test]
fn missing_settings_are_reported_to_the_peer() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        peer.frame(kind::SETTINGS, 0, 0, &[]).await;
        peer.get(1).await;
        assert_eq!(peer.goaway(true).await, (1, SETTINGS_TIMEOUT));
        assert_eq!(peer.seconds(), 10);
        drop(peer.stream.shutdown().await);
        assert_eq!(peer.closed().await, Cause::HandshakeTimeout);
    });
}

#[test]
fn a_slow_header_block_ends_the_session() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.settle(&[]).await;
        sleep(Duration::from_secs(1)).await;
        // The frame header of a HEADERS frame of 100 bytes, then one byte per second.
        peer.send(&[0, 0, 100, kind::HEADERS, 0, 0, 0, 0, 1]).await;
        for _ in 0..12 {
            sleep(Duration::from_millis(900)).await;
            peer.send(&[0x82]).await;
        }
        assert_eq!(peer.goaway(true).await, (0, CALM));
        assert!((11..14).contains(&peer.seconds()), "after {} s", peer.seconds());
        drop(peer.stream.shutdown().await);
        assert_eq!(peer.closed().await, Cause::HeaderTimeout);
    });
}

#[test]
fn a_header_block_of_slow_complete_frames_ends_the_session() {
    // First of a request, then of trailers.
    for block in [GET, &[]] {
        in_virtual_time(async {
            let mut peer = Peer::of(Config::default(), 1 << 16, never_responds);
            peer.settle(&[]).await;
            peer.frame(kind::HEADERS, END_HEADERS, 1, GET).await;
            let stream = if block.is_empty() { 1 } else { 3 };
            peer.frame(kind::HEADERS, END_STREAM, stream, block).await;
            for _ in 0..12 {
                sleep(Duration::from_millis(900)).await;
                peer.frame(kind::CONTINUATION, 0, stream, &[]).await;
            }
            assert_eq!(peer.goaway(true).await, (1, CALM));
            assert!((9..13).contains(&peer.seconds()), "after {} s", peer.seconds());
            drop(peer.stream.shutdown().await);
            assert_eq!(peer.closed().await, Cause::HeaderTimeout);
        });
    }
}

#[test]
fn scenario_25_an_idle_session_that_sends_pings_is_drained() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.settle(&[]).await;
        peer.get(1).await;
        for second in 0..12 {
            sleep(Duration::from_secs(if second == 0 { 4 } else { 5 })).await;
            peer.frame(kind::PING, 0, 0, b"are you?").await;
        }
        assert_eq!(peer.goaway(true).await, ((1 << 31) - 1, 0));
        assert_eq!(peer.goaway(true).await, (1, 0));
        peer.end(true).await;
        assert_eq!(peer.seconds(), 60);
        assert_eq!(peer.closed().await, Cause::IdleTimeout);
    });
}

#[test]
fn scenario_27_a_dead_peer_gets_one_ping_and_is_cut() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.settle(&[]).await;
        peer.next(kind::PING, false).await.expect("a PING");
        assert_eq!(peer.seconds(), 30);
        peer.end(false).await;
        assert_eq!(peer.seconds(), 50);
        assert_eq!(peer.closed().await, Cause::KeepaliveTimeout);
    });
}

#[test]
fn a_flood_ends_the_session_and_chatter_does_not() {
    in_virtual_time(async {
        let mut pings = Vec::new();
        (0..2000).for_each(|_| write(&mut pings, kind::PING, 0, 0, b"floodfld"));
        let mut peer = Peer::of(Config::default(), 1 << 20, responds);
        peer.settle(&[]).await;
        peer.send(&pings).await;
        assert_eq!(peer.goaway(true).await, (0, CALM));
        drop(peer.stream.shutdown().await);
        assert_eq!(peer.closed().await, Cause::Flood);

        let mut chatty = Peer::of(Config::default(), 1 << 20, responds);
        chatty.settle(&[]).await;
        for _ in 0..1000 {
            sleep(Duration::from_millis(20)).await;
            chatty.frame(kind::PING, 0, 0, b"chatter!").await;
        }
        chatty.get(1).await;
        assert!(chatty.next(kind::DATA, true).await.is_some(), "50 PINGs a second are served");
    });
}

#[test]
fn scenario_25_and_26_sessions_end_by_age_and_by_requests() {
    in_virtual_time(async {
        let config = Config { max_age: Duration::from_secs(40), ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, responds);
        peer.settle(&[]).await;
        assert_eq!(peer.goaway(true).await.0, (1 << 31) - 1);
        assert_eq!(peer.seconds(), 40);
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::MaxAge);

        let mut peer = Peer::of(Config { max_requests: 3, ..Config::default() }, 1 << 16, responds);
        peer.settle(&[]).await;
        for stream in [1, 3] {
            peer.get(stream).await;
            assert!(peer.next(kind::DATA, true).await.is_some());
        }
        assert!(peer.frames.iter().all(|(frame, _)| frame.kind != kind::GOAWAY), "not early");
        peer.get(5).await;
        assert_eq!(peer.goaway(true).await.0, (1 << 31) - 1);
        assert_eq!(peer.goaway(true).await, (5, 0));
        assert!(peer.next(kind::DATA, true).await.is_some(), "the last one is answered");
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::MaxRequests);
    });
}

#[test]
fn scenario_25_open_streams_end_after_the_grace_period() {
    in_virtual_time(async {
        let (max_age, grace) = (Duration::from_secs(40), Duration::from_secs(5));
        let mut peer = Peer::of(Config { max_age, grace, ..Config::default() }, 1 << 16, never_responds);
        peer.settle(&[]).await;
        peer.get(1).await;
        assert_eq!(peer.goaway(true).await.0, (1 << 31) - 1);
        assert_eq!(peer.seconds(), 40);
        let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!((frame.stream, number(&payload, 0)), (1, CANCEL));
        peer.end(true).await;
        assert_eq!(peer.seconds(), 45);
        assert_eq!(peer.closed().await, Cause::Deadline);
    });
}

#[test]
fn scenario_27_a_dead_peer_does_not_hold_a_close() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, never_responds);
        peer.settle(&[]).await;
        peer.get(1).await;
        peer.next(kind::PING, false).await.expect("a PING");
        peer.session.order(Order::Drain((Instant::now() + Duration::from_secs(5)).into_std()));
        sleep(Duration::from_secs(6)).await;
        assert_eq!(peer.event(EventKind::Closed).cause, Cause::Deadline);
    });
}

#[test]
fn a_stream_whose_peer_opens_no_window_is_reset() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 20, responds_much);
        // SETTINGS_INITIAL_WINDOW_SIZE (4) = 0.
        peer.settle(&[0, 4, 0, 0, 0, 0]).await;
        peer.get(1).await;
        let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!((frame.stream, number(&payload, 0)), (1, CANCEL));
        assert!((30..=46).contains(&peer.seconds()), "after {} s", peer.seconds());
        let timeout = peer.event(EventKind::Timeout);
        assert_eq!((timeout.cause, timeout.stream), (Cause::TooSlow, 1));
        peer.get(3).await;
        assert!(peer.next(kind::HEADERS, true).await.is_some(), "the session goes on");
    });
}

#[test]
fn tiny_window_updates_are_no_progress() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 20, responds_much);
        peer.settle(&[0, 4, 0, 0, 0, 0]).await;
        peer.get(1).await;
        for _ in 0..60 {
            sleep(Duration::from_secs(1)).await;
            peer.frame(kind::WINDOW_UPDATE, 0, 1, &1u32.to_be_bytes()).await;
        }
        let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!((frame.stream, number(&payload, 0)), (1, CANCEL));
        let sent: u32 =
            peer.frames.iter().filter(|(frame, _)| frame.kind == kind::DATA).map(|(frame, _)| frame.length).sum();
        assert!((29..=46).contains(&sent), "{sent} bytes, one a second");
        let timeout = peer.event(EventKind::Timeout);
        assert_eq!((timeout.cause, timeout.stream), (Cause::TooSlow, 1));
    });
}

#[test]
fn a_slow_body_is_ended() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, echoes);
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, GET).await;
        for _ in 0..60 {
            sleep(Duration::from_secs(1)).await;
            peer.frame(kind::DATA, 0, 1, b"x").await;
        }
        let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!((frame.stream, number(&payload, 0)), (1, CANCEL));
        let timeout = peer.event(EventKind::Timeout);
        assert_eq!((timeout.cause, timeout.stream), (Cause::TooSlow, 1));
        peer.frame(kind::HEADERS, END_HEADERS, 3, GET).await;
        peer.frame(kind::DATA, END_STREAM, 3, b"whole").await;
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("a response").0.stream, 3);
    });
}

#[test]
fn a_peer_that_reads_nothing_is_cut() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 10, responds_much);
        // The peer's window is large, so the socket is the bottleneck.
        peer.settle(&[0, 4, 0x7f, 0xff, 0xff, 0xff]).await;
        peer.get(1).await;
        sleep(Duration::from_secs(80)).await;
        assert_eq!(peer.closed().await, Cause::TooSlow);
    });
}

#[test]
fn content_that_a_send_makes_room_for_is_sent_in_the_same_turn() {
    in_virtual_time(async {
        // The share is so small that each send makes room for the next piece. The peer
        // sends nothing meanwhile.
        let config = Config { session_send_bytes: 16 << 10, ..Config::default() };
        let mut peer = Peer::of(config, 8 << 20, responds_much);
        peer.settle(&[0, 4, 0x7f, 0xff, 0xff, 0xff]).await;
        peer.frame(kind::WINDOW_UPDATE, 0, 0, &(1u32 << 30).to_be_bytes()).await;
        peer.get(1).await;
        let mut received = 0;
        loop {
            let (frame, _) = peer.next(kind::DATA, true).await.expect("DATA");
            received += frame.length;
            if frame.has(END_STREAM) {
                break;
            }
        }
        assert_eq!(received, 4 << 20);
        assert_eq!(peer.seconds(), 0, "a timer had to wake it");
    });
}

#[test]
fn a_stream_without_a_byte_ends_after_five_minutes() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, never_responds);
        peer.settle(&[]).await;
        peer.get(1).await;
        let (_, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!(number(&payload, 0), CANCEL);
        assert!((300..=316).contains(&peer.seconds()), "after {} s", peer.seconds());
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::StreamIdle);

        let patient = |id| {
            let set = request::read(id, |request| {
                request.idle = Duration::ZERO;
                Ok(())
            });
            set.unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, patient);
        peer.settle(&[]).await;
        peer.get(1).await;
        let reset = timeout(Duration::from_secs(1000), peer.next(kind::RST_STREAM, true)).await;
        assert!(reset.is_err(), "its handler has set no limit");
    });
}
