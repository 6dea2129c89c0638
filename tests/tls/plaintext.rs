//! Clients that send plain HTTP to a TLS port.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::authority::Authority;
use crate::program::Program;
use crate::serving::{get, serve};

/// Sends these texts and reads to the end.
fn say(program: &Program, pieces: &[&[u8]]) -> Vec<u8> {
    let mut peer = TcpStream::connect(("127.0.0.1", program.port())).expect("a connection");
    peer.set_nodelay(true).expect("it is TCP");
    peer.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    for piece in pieces {
        peer.write_all(piece).expect("it is taken");
        sleep(Duration::from_millis(2));
    }
    let mut come = Vec::new();
    peer.read_to_end(&mut come).expect("no reset overtakes the response");
    come
}

#[test]
fn plain_http1_gets_400_in_plain_text() {
    let authority = Authority::new("plaintext1");
    let program = serve(&authority.server("localhost"), None);
    let large =
        [b"POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n".as_slice(), &[b'x'; 300_000]].concat();
    let pieces: [&[&[u8]]; 4] =
        [&[b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"], &[b"G", b"ET ", b"/ HTTP/1.0\r\n\r\n"], &[b"P", b"UT"], &[&large]];
    for pieces in pieces {
        let come = String::from_utf8(say(&program, pieces)).expect("plain text");
        let (head, text) = come.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {come}"));
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n") && head.contains("\r\nconnection: close"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", text.len())), "{head}");
        assert!(text.starts_with("This port speaks TLS"), "{text}");
    }
    program.expect_output("the TLS handshake failed: plain HTTP came to a port that speaks TLS");
    let url = format!("http://localhost:{}/", program.port());
    let curl =
        Command::new("curl").args(["--silent", "--max-time", "30", "--write-out", "%{http_code}", &url]).output();
    assert!(String::from_utf8_lossy(&curl.expect("curl can be run").stdout).ends_with("use https.\n400"));
    // Other clients are served.
    get(&program, &authority.file, &[]);
    program.leave();
}

#[test]
fn plain_http2_gets_goaway() {
    let authority = Authority::new("plaintext2");
    let program = serve(&authority.server("localhost"), None);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    for pieces in [&[&preface[..]][..], &[&preface[..1], &preface[1..2], &preface[2..]]] {
        let come = say(&program, pieces);
        let (settings, goaway) = come.split_at(9);
        assert_eq!(settings, [0, 0, 0, 4, 0, 0, 0, 0, 0]);
        let length = u32::from_be_bytes([0, goaway[0], goaway[1], goaway[2]]) as usize;
        assert_eq!((goaway.len(), goaway[3]), (9 + length, 7), "{come:?}");
        // The last stream is 0, the code INADEQUATE_SECURITY.
        assert_eq!(goaway[9..17], [0, 0, 0, 0, 0, 0, 0, 0xc]);
        assert!(goaway[17..].starts_with(b"This port speaks TLS"));
    }
    program.leave();
}
