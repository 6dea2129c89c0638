//! Events about the peer's frames, and frames that the host sends.

use super::*;
use crate::engine::LAST_TAKEN;

fn texts(peer: &Peer, kind: EventKind) -> Vec<Vec<u8>> {
    let events = lock(&peer.events);
    events.iter().filter(|event| event.kind == kind).map(|event| event.text.clone()).collect()
}

#[test]
fn settings_and_pings_are_reported_with_their_payload() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        // SETTINGS_INITIAL_WINDOW_SIZE and an unknown one.
        let settings = [0, 4, 0, 1, 0, 0, 0x7f, 1, 1, 2, 3, 4];
        peer.settle(&settings).await;
        peer.frame(kind::PING, 0, 0, b"are you?").await;
        peer.frame(kind::SETTINGS, 0, 0, &[]).await;
        peer.next(kind::PING, true).await.expect("the acknowledgement of the PING");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(texts(&peer, EventKind::Settings), [settings.to_vec(), Vec::new()]);
        assert_eq!(texts(&peer, EventKind::SettingsAck).len(), 1);
        assert_eq!(texts(&peer, EventKind::Ping), [b"are you?".to_vec()]);
    });
}

#[test]
fn many_settings_are_reported_and_too_many_end_the_session() {
    in_virtual_time(async {
        let settings: Vec<u8> = (0..61u8).flat_map(|value| [0x7f, 0, 0, 0, 0, value]).collect();
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.settle(&settings[..360]).await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(texts(&peer, EventKind::Settings), [settings[..360].to_vec()]);
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.settle(&settings).await;
        assert_eq!(peer.goaway(true).await, (0, CALM));
    });
}

#[test]
fn acknowledgements_of_the_hosts_pings_reach_only_the_host() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.settle(&[]).await;
        for payload in [*b"one     ", *b"two     "] {
            peer.session.ping(payload).unwrap();
        }
        for payload in [b"one     ", b"two     "] {
            let (frame, asked) = peer.next(kind::PING, false).await.expect("a PING");
            assert_eq!((frame.flags, &asked[..]), (0, &payload[..]));
        }
        // The acknowledgements, one of them in two parts, with a request between them.
        let mut bytes = Vec::new();
        write(&mut bytes, kind::PING, ACK, 0, b"one     ");
        write(&mut bytes, kind::HEADERS, END_STREAM | END_HEADERS, 1, GET);
        write(&mut bytes, kind::PING, ACK, 0, b"two     ");
        let cut = bytes.len() - 5;
        peer.send(&bytes[..cut]).await;
        assert!(peer.next(kind::DATA, true).await.is_some());
        peer.send(&bytes[cut..]).await;
        // An acknowledgement of an unknown PING.
        peer.frame(kind::PING, ACK, 0, b"one     ").await;
        peer.get(3).await;
        assert!(peer.next(kind::DATA, true).await.is_some());
        assert_eq!(texts(&peer, EventKind::Pong), [b"one     ".to_vec(), b"two     ".to_vec()]);
    });
}

#[test]
fn at_most_sixteen_pings_of_the_host_are_outstanding() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.settle(&[]).await;
        for number in 0..16u64 {
            peer.session.ping(number.to_be_bytes()).unwrap();
        }
        assert!(matches!(peer.session.ping([9; 8]), Err(crate::error::Error::WouldBlock(_))));
        for number in 0..16u64 {
            let (_, payload) = peer.next(kind::PING, false).await.expect("a PING");
            assert_eq!(payload, number.to_be_bytes());
        }
        peer.frame(kind::PING, ACK, 0, &3u64.to_be_bytes()).await;
        sleep(Duration::from_millis(1)).await;
        peer.session.ping([9; 8]).unwrap();
        assert_eq!(peer.next(kind::PING, false).await.expect("a PING").1, [9; 8]);
    });
}

#[test]
fn a_goaway_of_the_host_only_bounds_later_ones() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.settle(&[]).await;
        peer.get(1).await;
        assert!(peer.next(kind::DATA, true).await.is_some());
        peer.session.order(Order::Goaway(11, LAST_TAKEN, b"soon".to_vec()));
        let (_, payload) = peer.next(kind::GOAWAY, true).await.expect("a GOAWAY");
        assert_eq!(payload, goaway(1, 11, b"soon"));
        peer.session.order(Order::Goaway(0, 7, Vec::new()));
        assert_eq!(peer.goaway(true).await, (1, 0), "no higher stream than before");
        peer.get(3).await;
        assert!(peer.next(kind::DATA, true).await.is_some(), "the session goes on");
        assert_eq!(peer.session.stage(), crate::close::Stage::Open);
        // The GOAWAY of the drain is sent as usual, and does not raise the last stream.
        peer.session.order(Order::Drain(Instant::now().into_std() + Duration::from_secs(5)));
        assert_eq!(peer.goaway(false).await, (1, 0));
        peer.get(5).await;
        assert!(peer.next(kind::DATA, false).await.is_some(), "the first GOAWAY refuses nothing");
        assert_eq!(peer.goaway(false).await, (1, 0));
        peer.end(false).await;
        assert_eq!(peer.seconds(), 1, "the PING of the first GOAWAY was not answered");
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn an_abort_names_the_last_processed_stream() {
    in_virtual_time(async {
        for (last_stream, named) in [(1, 1), (0, 0), (9, 3), (u32::MAX, 3)] {
            let mut peer = Peer::of(Config::default(), 1 << 16, responds);
            peer.settle(&[]).await;
            for stream in [1, 3] {
                peer.get(stream).await;
                assert!(peer.next(kind::DATA, true).await.is_some());
            }
            peer.session.order(Order::Abort(0, last_stream, Vec::new()));
            assert_eq!(peer.goaway(true).await, (named, 0));
            peer.end(true).await;
            assert_eq!(peer.closed().await, Cause::Aborted);
        }
    });
}

#[test]
fn windows_are_set_when_the_first_settings_are_acknowledged() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        peer.frame(kind::SETTINGS, 0, 0, &[]).await;
        peer.session.order(Order::Window(2 << 20, 300_000));
        peer.next(kind::SETTINGS, true).await.expect("SETTINGS");
        peer.next(kind::WINDOW_UPDATE, true).await.expect("WINDOW_UPDATE");
        assert_eq!(peer.opened(), (2 << 20) - 65_535);
        assert!(peer.next(kind::SETTINGS, true).await.expect("an acknowledgement").0.has(ACK));
        peer.frame(kind::SETTINGS, ACK, 0, &[]).await;
        let (_, payload) = peer.next(kind::SETTINGS, true).await.expect("SETTINGS");
        assert_eq!(payload, [0, 4, 0, 4, 0x93, 0xe0]);
        peer.frame(kind::SETTINGS, ACK, 0, &[]).await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(texts(&peer, EventKind::SettingsAck).len(), 2);
    });
}

#[test]
fn settings_of_the_host_are_sent_to_the_peer() {
    in_virtual_time(async {
        let config = Config { max_frame_bytes: 20_000, header_table_bytes: 0, ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, responds);
        peer.settle(&[]).await;
        let (_, payload) = peer.next(kind::SETTINGS, true).await.expect("SETTINGS");
        assert_eq!((Peer::setting(&payload, 1), Peer::setting(&payload, 5)), (Some(0), Some(20_000)));
        // A frame of the new size is accepted, and a longer one is not. The first header
        // block announces the smaller table (RFC 7541, section 4.2).
        peer.frame(kind::HEADERS, END_HEADERS, 1, &[&[0x20], GET].concat()).await;
        peer.frame(kind::DATA, END_STREAM, 1, &[0; 20_000]).await;
        assert!(peer.next(kind::DATA, true).await.is_some());
        peer.frame(kind::HEADERS, END_HEADERS, 3, GET).await;
        peer.frame(kind::DATA, END_STREAM, 3, &[0; 20_001]).await;
        assert_eq!(peer.goaway(true).await.1, 6, "FRAME_SIZE_ERROR");
    });
}

#[test]
fn default_settings_are_not_sent() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        let (_, payload) = peer.next(kind::SETTINGS, true).await.expect("SETTINGS");
        assert!(payload.chunks(6).all(|entry| ![1, 5].contains(&entry[1])), "{payload:?}");
    });
}

#[test]
fn a_goaway_and_a_malformed_preface_are_reported() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, never_responds);
        peer.settle(&[]).await;
        peer.get(1).await;
        peer.frame(kind::GOAWAY, 0, 0, &goaway(0, 2, b"I am broken")).await;
        sleep(Duration::from_secs(1)).await;
        let told = peer.event(EventKind::Goaway);
        assert_eq!((told.code, told.text.as_slice()), (2, &b"I am broken"[..]));

        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.send(&[b'x'; PREFACE]).await;
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::ProtocolError);
    });
}
