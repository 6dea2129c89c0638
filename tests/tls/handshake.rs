//! Connections during their handshake (scenarios 17 to 19 of the close kit, over TLS).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::authority::Authority;
use crate::serving::{get, s_client, serve};

/// The first message of a client.
fn hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).expect("it is written to memory");
    bytes
}

/// None of them is a session, so the close does not wait for them.
#[test]
fn a_close_does_not_wait_for_handshakes() {
    let authority = Authority::new("midst");
    let program = serve(&authority.server("localhost"), None);
    let hello = hello();
    // Silent, with half a ClientHello, and with a complete one but no further message.
    let mut peers: Vec<_> = [0, hello.len() / 2, hello.len()]
        .map(|length| {
            let mut peer = TcpStream::connect(("127.0.0.1", program.port())).expect("a connection");
            peer.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
            peer.write_all(&hello[..length]).expect("it is taken");
            peer
        })
        .into();
    // A later client is served, so the server has accepted all of them.
    get(&program, &authority.file, &[]);
    let began = Instant::now();
    program.leave();
    // The program would drain for 5 s.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    for peer in &mut peers {
        let mut come = Vec::new();
        let ended = peer.read_to_end(&mut come);
        assert!(ended.is_ok(), "{ended:?} after {} bytes", come.len());
    }
}

/// A completed handshake is reported, although no HTTP follows.
#[test]
fn the_end_of_a_handshake_is_reported() {
    let authority = Authority::new("secured");
    let program = serve(&authority.server("localhost"), None);
    s_client(&program, &["-tls1_3", "-alpn", "h2"]);
    program.expect_output("secured: TLSv1.3 h2");
    s_client(&program, &["-tls1_2"]);
    program.expect_output("secured: TLSv1.2 ");
    program.leave();
}

/// A client that does not use TLS gets the alert, and no reset overtakes it, although it
/// has sent more than was read.
#[test]
fn bytes_that_are_no_tls_get_an_alert() {
    let authority = Authority::new("nonsense");
    let program = serve(&authority.server("localhost"), None);
    let mut peer = TcpStream::connect(("127.0.0.1", program.port())).expect("a connection");
    peer.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    peer.write_all(&[b'x'; 200_000]).expect("it is taken");
    let mut come = Vec::new();
    let mut chunk = [0; 64];
    while come.len() < 7 {
        let read = peer.read(&mut chunk).expect("an alert");
        assert!(read > 0, "the end came first");
        come.extend_from_slice(&chunk[..read]);
    }
    // An alert of two bytes: fatal.
    assert_eq!((come[0], &come[3..6]), (21, &[0, 2, 2][..]), "{come:?}");
    program.expect_output("the TLS handshake failed: ");
    program.leave();
}
