//! Bodies with `Expect: 100-continue` (RFC 9110, section 10.1.1) and bodies that nobody
//! reads, with real clients and byte by byte.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::demo::die_with_us;
use crate::kit::stream::{Identity, is_tls};
use crate::pages::curl;
use crate::peer::{End, Peer};
use crate::start;

/// Longer than what is discarded of a body that nobody reads.
const LONG: usize = 3_000_000;

/// A file of this length, for a client to send.
fn file(length: usize) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("upload-{length}-{}", std::process::id()));
    std::fs::write(&path, vec![b'u'; length]).expect("a scratch file");
    path
}

/// curl waits one second for a 100 and then sends the body. Hosts get the body whether
/// they send the 100 or not.
#[test]
fn curl_sends_a_body_with_expect() {
    let demo = start();
    for (length, wait) in [(5, "30"), (100_000, "30"), (100_000, "0.01")] {
        let path = file(length);
        let data = format!("@{}", path.display());
        let options =
            ["-H", "Expect: 100-continue", "--expect100-timeout", wait, "--max-time", "10", "--data-binary", &data];
        let (status, body) = curl(&demo, "--http1.1", "/echo", &options);
        assert_eq!((status.as_str(), body.len()), ("200", length), "waits {wait} s");
        std::fs::remove_file(path).expect("the scratch file was ours");
    }
}

/// No 100 is sent for a body that the host does not read.
#[test]
fn no_100_for_a_body_that_is_not_read() {
    let demo = start();
    for (path, status) in [("/nowhere", 404), ("/", 405)] {
        let mut peer = Peer::of(&demo);
        peer.send(format!("POST {path} HTTP/1.1\r\nhost: demo\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n"));
        let answer = peer.answer("POST");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.is_last(), "{path}: the body may come or not: {answer:?}");
        assert_eq!(peer.expect_end(), End::Fin);
    }
}

/// The response to a long upload that nobody reads announces the end (RFC 9112, section
/// 9.6), and no reset overtakes it while the client sends.
#[test]
fn the_response_to_a_long_unread_upload_is_the_last() {
    let demo = start();
    for (path, status) in [("/nowhere", 404), ("/", 405)] {
        let mut peer = Peer::of(&demo);
        peer.send(format!("POST {path} HTTP/1.1\r\nhost: demo\r\ncontent-length: {LONG}\r\n\r\n"));
        peer.send(vec![b'u'; LONG / 2]);
        let answer = peer.answer("POST");
        assert_eq!(answer.status, status);
        assert!(answer.is_whole && answer.is_last(), "{path}: {answer:?}");
        peer.finish_writing();
        assert_eq!(peer.expect_end(), End::Fin);
    }
}

/// The rest of a short upload is discarded, and the connection continues.
#[test]
fn a_short_unread_upload_costs_no_connection() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    for (path, status) in [("/nowhere", 404), ("/", 405)] {
        peer.send(format!("POST {path} HTTP/1.1\r\nhost: demo\r\ncontent-length: 10000\r\n\r\n"));
        peer.send(vec![b'u'; 10_000]);
        let answer = peer.answer("POST");
        assert!(answer.status == status && !answer.is_last(), "{path}: {answer:?}");
        // The rest of a chunked body is known only when it has arrived.
        let chunked = "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n";
        peer.send(format!("POST {path} HTTP/1.1\r\nhost: demo\r\n{chunked}"));
        let answer = peer.answer("POST");
        assert!(answer.status == status && !answer.is_last(), "{path}: {answer:?}");
        assert_eq!(peer.get("/").text(), "Hello, World!");
    }
}

/// curl gets the complete response, whether it sends more than is read or not.
#[test]
fn curl_gets_the_response_to_an_unread_upload() {
    let demo = start();
    for length in [10_000, LONG] {
        let path = file(length);
        let data = format!("@{}", path.display());
        // Without a 100, curl sends the body after a moment.
        for expect in ["Expect:", "Expect: 100-continue"] {
            let options = ["-H", expect, "--expect100-timeout", "0.01", "--data-binary", &data];
            for _ in 0..5 {
                let (said, body) = curl(&demo, "--http1.1", "/nowhere", &options);
                assert_eq!((said.as_str(), body.len()), ("404", 0), "{length} bytes, {expect}");
            }
        }
        std::fs::remove_file(path).expect("the scratch file was ours");
    }
}

/// httpx sends its whole body before it reads the response. Its pool has one connection,
/// which it uses again unless a response announces the end.
#[test]
fn httpx_gets_the_response_to_an_unread_upload() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("build/venv/bin/python");
    assert!(python.exists(), "{} is not there; run `make venv`", python.display());
    let demo = start();
    let mut command = Command::new(python);
    let scheme = if is_tls() { "https" } else { "http" };
    command.arg(root.join("tests/http1/httpx_client.py"));
    command.arg(format!("{scheme}://localhost:{}", demo.address().port()));
    if is_tls() {
        command.arg(&Identity::get().certificate);
    }
    die_with_us(&mut command);
    let output = command.output().expect("Python can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all is well\n", "{said}");
}
