//! CONNECT (RFC 9113, section 8.5; RFC 8441): accepted and refused tunnels.

use super::*;
use crate::request::Reader;

const PLAIN: [(&str, &str); 2] = [(":method", "CONNECT"), (":authority", "a:443")];
const EXTENDED: [(&str, &str); 5] =
    [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "a")];

/// Opens a tunnel that echoes its data.
fn echoes(id: u64) {
    let write = |of: request::Subject, data: &[u8], last| {
        request::response(of.id, |response| response.write(data).map(drop)).unwrap();
        if last {
            request::response(of.id, |response| response.end()).unwrap();
        }
    };
    request::response(id, |response| response.write_head(200)).unwrap();
    let reader = Reader::Pushed(Box::new(write));
    request::change(id, |request| request.wanted_body().set_reader(reader)).unwrap();
}

fn names(head: &[(Vec<u8>, Vec<u8>)]) -> Vec<&str> {
    head.iter().map(|(name, _)| std::str::from_utf8(name).unwrap()).collect()
}

async fn speaks_through(peer: &mut Peer, stream: u32) {
    let (frame, _) = peer.next(kind::HEADERS, true).await.expect("the head");
    assert!(!frame.has(END_STREAM) && frame.stream == stream);
    for flags in [0, END_STREAM] {
        peer.frame(kind::DATA, flags, stream, b"words").await;
        let (mut length, mut ended) = (0, false);
        while length < 5 || ended != (flags == END_STREAM) {
            let (frame, _) = peer.next(kind::DATA, true).await.expect("DATA");
            length += frame.length;
            ended = frame.has(END_STREAM);
        }
        assert_eq!(length, 5);
    }
}

#[test]
fn a_tunnel_carries_data_in_both_directions() {
    in_virtual_time(async {
        for fields in [&PLAIN[..], &EXTENDED] {
            let mut peer = Peer::at("CONNECT *", Config::default(), 1 << 16, echoes);
            peer.settle(&[]).await;
            let (_, payload) = peer.next(kind::SETTINGS, true).await.expect("SETTINGS");
            assert_eq!(Peer::setting(&payload, 8), Some(1));
            peer.ask(1, 0, fields).await;
            speaks_through(&mut peer, 1).await;
            assert_eq!(names(&peer.heads()[0]), [":status", "date"]);
            // The session continues.
            peer.ask(3, 0, fields).await;
            speaks_through(&mut peer, 3).await;
        }
    });
}

#[test]
fn the_target_of_a_tunnel_is_known_to_the_host() {
    in_virtual_time(async {
        let asked = Arc::<Mutex<Vec<(String, String, String, String)>>>::default();
        let seen = asked.clone();
        let see = move |id| {
            let found = request::read(id, |request| {
                let head = request.head();
                let texts = [
                    head.protocol().unwrap_or(""),
                    str::from_utf8(head.path()).unwrap(),
                    head.authority(),
                    head.scheme(),
                ];
                Ok(texts.map(str::to_owned).into())
            });
            lock(&seen).push(found.unwrap());
            responds(id);
        };
        let mut peer = Peer::at("CONNECT *", Config::default(), 1 << 16, see);
        peer.settle(&[]).await;
        peer.ask(1, 0, &PLAIN).await;
        peer.ask(3, 0, &EXTENDED).await;
        assert!(peer.next(kind::DATA, true).await.is_some());
        assert!(peer.next(kind::DATA, true).await.is_some());
        let text = |a: &str, b: &str, c: &str, d: &str| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned());
        assert_eq!(*lock(&asked), [text("", "", "a:443", ""), text("websocket", "/chat", "a", "http")]);
    });
}

#[test]
fn without_a_handler_there_are_no_tunnels() {
    in_virtual_time(async {
        let off = Config { connect_protocol: false, ..Config::default() };
        for (pattern, config) in [("*", Config::default()), ("* /chat", Config::default()), ("CONNECT *", off)] {
            let mut peer = Peer::at(pattern, config, 1 << 16, responds);
            peer.settle(&[]).await;
            let (_, payload) = peer.next(kind::SETTINGS, true).await.expect("SETTINGS");
            assert_eq!(Peer::setting(&payload, 8), None, "{pattern}");
            peer.ask(1, 0, &EXTENDED).await;
            let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
            assert_eq!((frame.stream, number(&payload, 0)), (1, 1), "{pattern}");
            peer.ask(3, 0, &PLAIN).await;
            peer.next(kind::HEADERS, true).await.expect("a response");
            let status = if pattern == "CONNECT *" { "200" } else { "501" };
            assert_eq!(peer.heads().last().unwrap()[0].1, status.as_bytes(), "{pattern}");
        }
    });
}

#[test]
fn malformed_connect_requests_are_reset() {
    in_virtual_time(async {
        let mut peer = Peer::at("CONNECT *", Config::default(), 1 << 16, responds);
        peer.settle(&[]).await;
        let bad: [&[(&str, &str)]; 5] = [
            &[(":method", "CONNECT")],
            &[(":method", "CONNECT"), (":authority", "a:443"), (":path", "/")],
            &[(":method", "CONNECT"), (":authority", "a:443"), (":scheme", "http")],
            &[(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "a")],
            &[(":method", "GET"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "a")],
        ];
        for (stream, fields) in (1..).step_by(2).zip(bad) {
            peer.ask(stream, END_STREAM, fields).await;
            let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
            assert_eq!((frame.stream, number(&payload, 0)), (stream, 1), "{fields:?}");
        }
        peer.ask(99, END_STREAM, &[(":method", "CONNECT"), (":authority", "a")]).await;
        peer.next(kind::HEADERS, true).await.expect("a response");
        assert_eq!(peer.heads()[0][0].1, b"400", "no port");
    });
}
