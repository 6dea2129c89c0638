//! Upgrades and CONNECT (RFC 9110, sections 7.8 and 9.3.6): accepted and refused tunnels.

use super::*;

pub(super) const UPGRADE: &str = "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Opens a tunnel and echoes its data to the end.
fn mirrors(id: u64) {
    let set = request::change(id, |request| {
        let head = request.head();
        let seen = format!("{} {} {:?}", head.method(), String::from_utf8_lossy(head.path()), head.protocol());
        request.body().set_reader(Reader::Pushed(Box::new(|of, piece, last| {
            let mirror = |response: &mut Response| {
                response.write(piece)?;
                if last { response.end() } else { Ok(()) }
            };
            request::response(of.id, mirror).unwrap();
        })))?;
        request.response.set_field(b"x-seen", seen.as_bytes())?;
        request.response.write_head(200)
    });
    set.unwrap();
}

#[test]
fn a_websocket_upgrade_reaches_the_host_as_connect() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, mirrors);
        // Bytes after the head belong to the tunnel.
        peer.send(&format!("{UPGRADE}GET / HTTP/1.1\r\n")).await;
        let head = without_date(&peer.until("\r\n\r\n").await);
        let expected = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx-seen: CONNECT / Some(\"websocket\")\r\n\r\n";
        assert_eq!(head, expected);
        peer.until("GET / HTTP/1.1\r\n").await;
        for _ in 0..3 {
            sleep(Duration::from_secs(100)).await;
            peer.send("\0any bytes").await;
            peer.until("\0any bytes").await;
        }
        peer.stream.shutdown().await.unwrap();
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.closed().await, Cause::PeerClosed);
    });
}

#[test]
fn a_tunnel_ended_by_the_host_ends_gracefully() {
    in_virtual_time(async {
        let says_goodbye = |id| {
            let ends = |response: &mut Response| {
                response.write_head(200)?;
                response.write(b"goodbye")?;
                response.end()
            };
            request::response(id, ends).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, says_goodbye);
        peer.send("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n").await;
        let all = without_date(&peer.rest().await);
        assert_eq!(all, "HTTP/1.1 200 OK\r\n\r\ngoodbye");
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn a_tunnel_is_cut_at_the_deadline() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, mirrors);
        peer.send(UPGRADE).await;
        peer.until("\r\n\r\n").await;
        peer.drain(5);
        peer.send("still").await;
        peer.until("still").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 5);
        assert_eq!(peer.closed().await, Cause::Deadline);
    });
}

#[test]
fn a_refused_tunnel_gets_an_ordinary_response() {
    in_virtual_time(async {
        let refuses = |id| request::response(id, |response| response.respond(403, b"no")).unwrap();
        let mut peer = Peer::of(Config::default(), 1 << 16, refuses);
        for _ in 0..2 {
            peer.send(UPGRADE).await;
            assert!(peer.until("\r\n\r\nno").await.contains("content-length: 2\r\n"));
        }
        // A malformed key makes the request malformed.
        let bad = UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short");
        peer.send(&bad).await;
        assert!(peer.rest().await.starts_with("HTTP/1.1 400 "));

        // Without a handler for CONNECT, the request is an ordinary GET.
        let mut peer = Peer::of(Config { connect_protocol: false, ..Config::default() }, 1 << 16, responds);
        peer.send(UPGRADE).await;
        assert!(peer.until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
    });
}
