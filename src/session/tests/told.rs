//! What a session's host is told of the peer's frames, and sends by itself.

use super::*;

fn texts(peer: &Peer, kind: EventKind) -> Vec<Vec<u8>> {
    let events = lock(&peer.events);
    events.iter().filter(|event| event.kind == kind).map(|event| event.text.clone()).collect()
}

#[test]
fn settings_and_pings_are_told_with_their_payload() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        // SETTINGS_INITIAL_WINDOW_SIZE and an unknown one.
        let settings = [0, 4, 0, 1, 0, 0, 0x7f, 1, 1, 2, 3, 4];
        peer.settle(&settings).await;
        peer.frame(kind::PING, 0, 0, b"are you?").await;
        peer.frame(kind::SETTINGS, 0, 0, &[]).await;
        peer.next(kind::PING, true).await.expect("the answer to the PING");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(texts(&peer, EventKind::Settings), [settings.to_vec(), Vec::new()]);
        assert_eq!(texts(&peer, EventKind::SettingsAck).len(), 1);
        assert_eq!(texts(&peer, EventKind::Ping), [b"are you?".to_vec()]);
    });
}

#[test]
fn of_many_settings_whole_entries_are_told() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        let settings: Vec<u8> = (0..200u8).flat_map(|value| [0x7f, 0, 0, 0, 0, value]).collect();
        peer.settle(&settings).await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(texts(&peer, EventKind::Settings), [settings[..510].to_vec()]);
    });
}
