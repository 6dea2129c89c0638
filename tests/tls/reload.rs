//! New certificates while the server runs.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::authority::Authority;
use crate::program::Program;
use crate::serving::{curl, get, serve};

/// A session that only acknowledges.
struct Held(StreamOwned<ClientConnection, TcpStream>);

impl Held {
    fn open(program: &Program, trusted: &Authority) -> Held {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&trusted.file).expect("a certificate")).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let socket = TcpStream::connect(("127.0.0.1", program.port())).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut held = Held(StreamOwned::new(client, socket));
        held.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("a preface");
        held
    }

    /// Sends a PING and waits for its acknowledgement.
    fn ping(&mut self, payload: &[u8; 8]) {
        self.0.write_all(b"\0\0\x08\x06\0\0\0\0\0").expect("a PING");
        self.0.write_all(payload).expect("its payload");
        let mut come = Vec::new();
        while !come.windows(8).any(|bytes: &[u8]| bytes == payload) {
            let mut bytes = [0; 256];
            let read = self.0.read(&mut bytes).expect("the session goes on");
            assert!(read > 0, "the session has ended");
            come.extend_from_slice(&bytes[..read]);
        }
    }
}

#[test]
fn sessions_continue_and_handshakes_get_the_new_certificate() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let pair = before.server("localhost");
    let mut program = serve(&pair, None);
    let mut held = Held::open(&program, &before);
    held.ping(b"a moment");

    let new = after.server("localhost");
    fs::copy(&new.certificate, &pair.certificate).expect("a copy");
    // The certificate does not match the old key.
    program.say("r\n");
    program.expect_output(&format!("not reloaded: {:?}: the key is not that of the certificate in ", pair.key));
    get(&program, &before.file, &[]);

    fs::copy(&new.key, &pair.key).expect("a copy");
    program.say("r\n");
    program.expect_output("\nreloaded\n");
    get(&program, &after.file, &[]);
    assert!(!curl(&program, &before.file, &[]).status.success());
    held.ping(b"and more");

    fs::remove_file(&pair.certificate).expect("it is there");
    program.say("r\n");
    program.expect_output(&format!("not reloaded: cannot read {:?}: No such file", pair.certificate));
    get(&program, &after.file, &[]);
    held.ping(b"the last");
    program.leave();
}
