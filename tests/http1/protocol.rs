//! HTTP/1.1 is used with clients that select it by ALPN (RFC 7301), and with clients
//! without ALPN. Without TLS there is no ALPN.

use crate::kit::stream::is_tls;
use crate::peer::{End, Peer};
use crate::start;

/// Uses the connection for several requests, one by one and pipelined, and closes it in
/// order.
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
fn a_client_that_selects_http_1_1_is_served() {
    expect_served(&["http/1.1"], Some("http/1.1"));
}

#[test]
fn a_client_that_offers_other_protocols_first_is_served() {
    expect_served(&["spdy/3.1", "http/1.1", "http/1.0"], Some("http/1.1"));
}

#[test]
fn a_client_that_selects_http_1_0_is_served() {
    expect_served(&["http/1.0"], Some("http/1.0"));
}

#[test]
fn a_client_without_alpn_is_served() {
    expect_served(&[], None);
}

/// A client that has selected HTTP/2 must use it, and other bytes are refused. Without
/// TLS the first bytes decide.
#[test]
fn a_client_that_selects_http2_must_use_it() {
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
