//! Bodies that the client announces (RFC 9110, section 10.1.1) and bodies that
//! nobody reads, by real clients and byte by byte.

use std::path::{Path, PathBuf};

use crate::pages::curl;
use crate::peer::Peer;
use crate::start;

/// Longer than what is thrown away of a body that nobody reads.
const LONG: usize = 3_000_000;

/// A file of so many bytes, for a client to send.
fn file(length: usize) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("upload-{length}-{}", std::process::id()));
    std::fs::write(&path, vec![b'u'; length]).expect("a scratch file");
    path
}

/// What is left of a short one is thrown away, and the connection goes on.
#[test]
fn a_short_unread_upload_costs_no_connection() {
    let demo = start();
    let mut peer = Peer::of(&demo);
    for (path, status) in [("/nowhere", 404), ("/", 405)] {
        peer.send(format!("POST {path} HTTP/1.1\r\nhost: demo\r\ncontent-length: 10000\r\n\r\n"));
        peer.send(vec![b'u'; 10_000]);
        let answer = peer.answer("POST");
        assert!(answer.status == status && !answer.is_last(), "{path}: {answer:?}");
        peer.send(format!("POST {path} HTTP/1.1\r\nhost: demo\r\ntransfer-encoding: chunked\r\n\r\n"));
        peer.send("5\r\nhello\r\n0\r\nx: y\r\n\r\n");
        let answer = peer.answer("POST");
        assert!(answer.status == status && !answer.is_last(), "{path}: {answer:?}");
        assert_eq!(peer.get("/").text(), "Hello, World!");
    }
}

/// curl has the response in full, whether it sends more than is taken or not.
#[test]
fn curl_gets_the_response_to_an_unread_upload() {
    let demo = start();
    for length in [10_000, LONG] {
        let path = file(length);
        let data = format!("@{}", path.display());
        // Without a 100 it sends after a moment.
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
