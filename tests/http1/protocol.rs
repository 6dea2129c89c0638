//! HTTP/1.1 is spoken with who asks for it by ALPN (RFC 7301), and with who
//! does not ask. Without TLS there is nobody to ask, and it is all the same.

use crate::kit::stream::is_tls;
use crate::peer::{End, Peer};
use crate::start;

/// Keeps the connection for several requests, sent one by one and together, and
/// leaves in good order.
#[track_caller]
fn expect_served(protocols: &[&str], chosen: Option<&str>) {
    let mut demo = start();
    let mut peer = Peer::asking_for(&demo, protocols);
    for _ in 0..3 {
        let answer = peer.get("/");
        assert!(answer.text() == "Hello, World!" && !answer.is_last(), "{answer:?}");
    }
    assert_eq!(peer.protocol().as_deref(), chosen.filter(|_| is_tls()));
    peer.ask("GET", "/users/first");
    peer.ask("GET", "/slow");
    peer.ask("HEAD", "/");
    assert_eq!(peer.answer("GET").text(), "first");
    assert_eq!(peer.answer("GET").text(), "slow");
    assert_eq!(peer.answer("HEAD").status, 200);
    demo.terminate();
    assert_eq!(peer.expect_end(), End::Fin);
    drop(peer);
    assert_eq!(demo.expect_early_exit().ends(), (1, 0, 0, 0));
}

#[test]
fn who_asks_for_it_is_served() {
    expect_served(&["http/1.1"], Some("http/1.1"));
}

#[test]
fn who_names_others_before_it_is_served() {
    expect_served(&["spdy/3.1", "http/1.1", "http/1.0"], Some("http/1.1"));
}

#[test]
fn who_asks_for_the_first_version_is_served() {
    expect_served(&["http/1.0"], Some("http/1.0"));
}

#[test]
fn who_does_not_ask_is_served() {
    expect_served(&[], None);
}

/// Who can speak either gets HTTP/2, and what is not that is refused. Without
/// TLS it is the first bytes that tell.
#[test]
fn who_has_agreed_on_http2_must_speak_it() {
    let demo = start();
    let mut peer = Peer::asking_for(&demo, &["http/1.1", "h2"]);
    peer.ask("GET", "/");
    assert_eq!(peer.protocol().as_deref(), is_tls().then_some("h2"));
    if is_tls() {
        assert_eq!(peer.expect_http2_refusal(), End::Fin);
    } else {
        assert_eq!(peer.answer("GET").status, 200);
    }
}
