//! Responses with which the host ends the connection or switches to another protocol.

use super::tunnel::UPGRADE;
use super::*;

fn with_upgrades() -> Config {
    Config { upgrade: true, ..Config::default() }
}

/// Switches the protocol, and echoes the data of the tunnel to its end.
fn switches(id: u64) {
    let set = request::change(id, |request| {
        let head = request.head();
        let key = head.field("sec-websocket-key").map(<[u8]>::to_vec).unwrap_or_default();
        let seen = format!("{} {:?} {}", head.method(), head.protocol(), head.asks_upgrade());
        request.body().set_reader(Reader::Pushed(Box::new(|of, piece, last| {
            let mirror = |response: &mut crate::request::Response| {
                response.write(piece)?;
                if last { response.end() } else { Ok(()) }
            };
            request::response(of.id, mirror).unwrap();
        })))?;
        request.response.set_field(b"x-seen", seen.as_bytes())?;
        request.response.set_field(b"x-key", &key)?;
        request.response.write_head(101)
    });
    set.unwrap();
}

#[test]
fn the_host_may_accept_an_upgrade() {
    in_virtual_time(async {
        let mut peer = Peer::of(with_upgrades(), 1 << 16, switches);
        peer.send(&format!("{UPGRADE}\0with the head")).await;
        let head = without_date(&peer.until("\r\n\r\n").await);
        let expected = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            x-seen: GET None true\r\nx-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        assert_eq!(head, expected);
        peer.until("\0with the head").await;
        peer.send("and more").await;
        peer.until("and more").await;
        peer.stream.shutdown().await.unwrap();
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.closed().await, Cause::PeerClosed);
    });
}

#[test]
fn the_first_protocol_is_selected() {
    in_virtual_time(async {
        let mut peer = Peer::of(with_upgrades(), 1 << 16, switches);
        peer.send("POST / HTTP/1.1\r\nhost: a\r\nconnection: x, upgrade\r\nupgrade: one/2, two\r\n\r\n").await;
        assert!(peer.until("\r\n\r\n").await.contains("\r\nupgrade: one/2\r\nx-seen: POST None true\r\n"));
    });
}

#[test]
fn an_ignored_upgrade_is_an_ordinary_request() {
    in_virtual_time(async {
        let mut peer = Peer::of(with_upgrades(), 1 << 16, responds);
        for _ in 0..2 {
            peer.send(UPGRADE).await;
            assert!(peer.until("\r\n\r\nok").await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
        // With a body, the start of the tunnel would be ambiguous.
        let mut peer = Peer::of(with_upgrades(), 1 << 16, echoes);
        let bodied = "POST / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\ncontent-length: 4\r\n\r\nbody";
        peer.send(bodied).await;
        peer.until("\r\n\r\nbody").await;
    });
}

#[test]
fn a_switched_connection_is_cut_at_the_deadline() {
    in_virtual_time(async {
        let mut peer = Peer::of(with_upgrades(), 1 << 16, switches);
        peer.send(UPGRADE).await;
        peer.until("\r\n\r\n").await;
        peer.drain(5);
        peer.send("still").await;
        peer.until("still").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!((peer.seconds(), peer.closed().await), (5, Cause::Deadline));
    });
}

#[test]
fn a_host_may_end_the_connection_with_a_response() {
    in_virtual_time(async {
        let closes = |id| {
            let response = |response: &mut crate::request::Response| {
                response.set_field(b"connection", b"close")?;
                response.respond(200, b"bye")
            };
            request::response(id, response).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, closes);
        peer.send(&GET.repeat(2)).await;
        let all = without_date(&peer.rest().await);
        assert_eq!(all, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbye");
        assert_eq!((peer.seconds(), peer.closed().await), (0, Cause::Drained));
    });
}

#[test]
fn a_streamed_response_announces_the_end_in_its_head() {
    in_virtual_time(async {
        let begins = |id| {
            let response = |response: &mut crate::request::Response| {
                response.set_field(b"connection", b"close")?;
                response.write_head(200)?;
                response.write(b"first")?;
                Ok(())
            };
            request::response(id, response).unwrap();
            tokio::task::spawn_local(async move {
                sleep(Duration::from_secs(5)).await;
                request::response(id, |response| response.end()).unwrap();
            });
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, begins);
        peer.send(GET).await;
        assert!(peer.until("\r\n\r\n").await.contains("\r\nconnection: close\r\n"));
        assert_eq!(peer.rest().await, "5\r\nfirst\r\n0\r\n\r\n");
        assert_eq!((peer.seconds(), peer.closed().await), (5, Cause::Drained));
    });
}
