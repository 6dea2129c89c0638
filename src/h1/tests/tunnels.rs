//! Upgrades and CONNECT: tunnels, and who gets none.

use super::*;

const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const CONNECT: &str = "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n";

fn upgrade(protocols: &str) -> String {
    format!("GET /chat HTTP/1.1\r\nhost: a\r\nupgrade: {protocols}\r\nconnection: keep-alive, Upgrade\r\n{KEY}\r\n")
}

fn opens(status: StatusCode) -> impl Fn(&mut ResponseHead<'_>) {
    move |head| (head.status, head.is_tunnel) = (status, true)
}

/// What comes and goes through a tunnel that is open.
fn check_tunnel(mut peer: Connection) {
    let stream = peer.engine.stream;
    assert!(!peer.engine.has_all_content(stream) && !peer.engine.is_over() && !peer.engine.looks_whole());
    peer.take(b"GET / HTTP/1.1\r\n\r\n\0");
    assert_eq!(peer.engine.receive(b"", &mut Output::default()).unwrap(), (0, None));
    let expected = Event::Data { stream, data: b"\r\n0\r\n", is_last: false };
    assert_eq!(peer.engine.receive(b"\r\n0\r\n", &mut Output::default()).unwrap(), (5, Some(expected)));
    assert!(!peer.engine.is_mid_block());
    assert_eq!(peer.data("\0any", false) + &peer.data("", false) + &peer.data("end", true), "\0anyend");
    assert!(peer.engine.is_over());
    assert_eq!(peer.engine.receive(b"x", &mut Output::default()).unwrap(), (0, None));
}

#[test]
fn connect_opens_a_tunnel() {
    let mut peer = begun(&format!("{CONNECT}\0with the head"));
    let head = &peer.requests[0].head;
    assert_eq!((head.authority.as_deref(), head.path.len(), &head.upgrade), (Some("a:443"), 0, &None));
    assert_eq!(peer.held, b"\0with the head", "they are the tunnel's or nobody's");
    let fields = [("x", "y"), ("content-length", "5"), ("transfer-encoding", "chunked"), ("connection", "close")];
    assert_eq!(peer.head(opens(StatusCode::OK), &fields), "HTTP/1.1 200 OK\r\nx: y\r\n\r\n");
    peer.take(b"");
    assert_eq!((peer.requests[0].content.as_slice(), peer.held.len()), (&b"\0with the head"[..], 0));
    check_tunnel(peer);
}

#[test]
fn an_upgrade_opens_a_tunnel() {
    for (asked, named) in [("one/2, two", "one/2"), (" , ,x", "x"), ("websocket", "websocket")] {
        let mut peer = begun(&upgrade(asked));
        assert_eq!(peer.requests[0].head.upgrade.as_deref(), Some(named));
        let expected =
            format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {named}\r\nx: y\r\n\r\n");
        assert_eq!(peer.head(opens(StatusCode::SWITCHING_PROTOCOLS), &[("x", "y")]), expected);
        check_tunnel(peer);
    }
    let mut peer = begun(&upgrade("one, two"));
    assert_eq!(
        peer.head(opens(StatusCode::SWITCHING_PROTOCOLS), &[("sec-websocket-accept", "x"), ("upgrade", "two")]),
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\nupgrade: two\r\n\r\n"
    );
}

#[test]
fn a_websocket_request_becomes_connect() {
    let mut peer = begun(&upgrade("h2c, WebSocket"));
    let before = peer.requests[0].head.fields.clone();
    let mut request = peer.requests.remove(0);
    assert!(request.head.asks_for_websocket());
    peer.engine.take_as_connect(&mut request.head).unwrap();
    assert_eq!((&request.head.method, request.head.protocol.as_deref()), (&Method::CONNECT, Some("websocket")));
    assert_eq!((&request.head.path[..], &request.head.fields), (&b"/chat"[..], &before));
    peer.requests.push(request);
    let fields = [("sec-websocket-accept", "theirs"), ("Upgrade", "x"), ("sec-websocket-protocol", "chat")];
    assert_eq!(
        peer.head(opens(StatusCode::OK), &fields),
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\n\r\n"
    );
    check_tunnel(peer);
}

#[test]
fn malformed_websocket_requests_are_refused() {
    let asks = |request: &str| begun(request).requests[0].head.asks_for_websocket();
    let good = upgrade("websocket");
    assert!(asks(&good));
    assert!(!asks(&good.replace("GET", "POST")));
    assert!(!asks(&good.replace("websocket\r\n", "h2c\r\n")));
    assert!(!asks(&good.replace("Upgrade", "close")));
    assert!(!asks(&good.replace("HTTP/1.1", "HTTP/1.0")));
    assert!(!asks(&good.replace("host", "content-length: 1\r\nhost")));
    for key in ["", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZQ==x"] {
        let mut peer = begun(&good.replace("dGhlIHNhbXBsZSBub25jZQ==", key));
        let fault = peer.engine.take_as_connect(&mut peer.requests[0].head).unwrap_err();
        assert_eq!((fault.code, &peer.requests[0].head.method), (400, &Method::GET), "{key:?}");
    }
    for fields in ["", &KEY.repeat(2)] {
        let mut peer = begun(&good.replace(KEY, fields));
        assert!(peer.engine.take_as_connect(&mut peer.requests[0].head).is_err());
    }
    let mut peer = begun(&good.replace("GET", "POST"));
    assert!(peer.engine.take_as_connect(&mut peer.requests[0].head).is_err());
}

#[test]
fn without_upgrade_no_tunnel_is_opened() {
    let none = |request: &str| assert_eq!(begun(request).requests[0].head.upgrade, None, "{request:?}");
    none(&upgrade("x").replace("HTTP/1.1", "HTTP/1.0"));
    none(&upgrade("x").replace("Upgrade", "x"));
    none(&upgrade("x").replace("host", "content-length: 1\r\nhost"));
    none(&upgrade("x").replace("host", "transfer-encoding: chunked\r\nhost"));
    for bad in ["", ",", "a b", "a/b/c", "/", "a/", "\"x\"", "\u{e4}"] {
        none(&upgrade(bad));
    }
    none(&CONNECT.replace("host", "connection: upgrade\r\nupgrade: x\r\nhost"));
}

#[test]
fn a_refused_tunnel_gets_an_ordinary_response() {
    for request in [CONNECT, &upgrade("x")] {
        let mut peer = begun(&request.repeat(2));
        for requests in [1, 2] {
            assert_eq!(peer.requests.len(), requests);
            let head = peer.head(|head| head.status = StatusCode::FORBIDDEN, &[("content-length", "2")]);
            assert_eq!(head, "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\n");
            assert_eq!(peer.data("no", true), "no");
            peer.take(b"");
        }
    }
    // One that must be asked for names what to ask for.
    let mut peer = begun("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let refuses = |head: &mut ResponseHead<'_>| (head.status, head.is_last) = (StatusCode::UPGRADE_REQUIRED, true);
    assert_eq!(
        peer.head(refuses, &[("upgrade", "websocket")]),
        "HTTP/1.1 426 Upgrade Required\r\nupgrade: websocket\r\ncontent-length: 0\r\nconnection: upgrade\r\n\r\n"
    );
}

#[test]
fn a_tunnel_may_end_with_its_head() {
    let mut peer = begun(CONNECT);
    let head = peer.head(|head| (head.is_tunnel, head.is_last) = (true, true), &[]);
    assert_eq!(head, "HTTP/1.1 200 OK\r\n\r\n");
    assert!(peer.engine.is_over());
}

#[test]
fn a_shutdown_leaves_a_tunnel_open() {
    let mut peer = begun(CONNECT);
    peer.head(opens(StatusCode::OK), &[]);
    peer.engine.shut_down(ShutDown::LastCall, &mut Output::default());
    check_tunnel(peer);
}
