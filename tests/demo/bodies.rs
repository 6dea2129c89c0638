//! The routes with a long response or an echo, through curl.

use std::time::{Duration, Instant};

use crate::curl;
use crate::kit::Demo;
use crate::{BIG, check_same, noise, start, takes_any_method};

#[test]
fn stream_takes_its_time() {
    let demo = start();
    let start = Instant::now();
    curl::expect(&demo, "/stream", &"x".repeat(20 * 1024));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(19 * 100), "{took:?}");
}

#[test]
fn big_is_whole() {
    let demo = start();
    let answer = curl::get(&demo, "/big");
    assert_eq!(answer.status(), 200);
    check_same(&answer.body, &vec![b'x'; BIG]);
}

/// A client that reads 1 MiB at a time receives the same.
#[test]
fn big_is_whole_for_a_slow_reader() {
    let demo = start();
    let answer = curl::send(&demo, "/big", &["--limit-rate", "4M"], b"");
    check_same(&answer.body, &vec![b'x'; BIG]);
}

/// The same bytes come back, with or without content-length.
#[track_caller]
fn check_echo(demo: &Demo, bytes: &[u8]) {
    let announced = ["--header", "content-type: application/octet-stream", "--data-binary", "@-"];
    let streamed = ["--upload-file", "-"];
    for options in [announced.as_slice(), &streamed] {
        let answer = curl::send(demo, "/echo", options, bytes);
        assert_eq!(answer.status(), 200, "{options:?}");
        check_same(&answer.body, bytes);
    }
}

#[test]
fn echo_of_nothing() {
    let demo = start();
    check_echo(&demo, b"");
    let answer = curl::send(&demo, "/echo", &["--request", "POST"], b"");
    assert_eq!((answer.status(), answer.body.len()), (200, 0), "without a body at all");
}

#[test]
fn echo_of_a_byte() {
    check_echo(&start(), b"\0");
}

#[test]
fn echo_of_a_kibibyte() {
    check_echo(&start(), &noise(1024));
}

#[test]
fn echo_of_three_megabytes() {
    check_echo(&start(), &noise(3_000_000));
}

/// The client sends as slowly as it reads.
#[test]
fn echo_at_the_clients_pace() {
    let demo = start();
    let bytes = noise(1_000_000);
    let answer = curl::send(&demo, "/echo", &["--limit-rate", "1M", "--data-binary", "@-"], &bytes);
    check_same(&answer.body, &bytes);
}

#[test]
fn echo_takes_every_method() {
    let demo = start();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"] {
        if method == "BREW" && !takes_any_method() {
            continue;
        }
        let answer = curl::send(&demo, "/echo", &["--request", method, "--data-binary", "@-"], b"abc\n");
        assert_eq!((answer.status(), answer.text().as_str()), (200, "abc\n"), "{method}");
    }
}

/// A client that waits for 100 (Continue) gets it before it sends the body (RFC 9110,
/// section 10.1.1), and not only after curl's wait of one second.
#[test]
fn echo_asks_for_a_body_that_waits() {
    let demo = start();
    let options = ["--header", "expect: 100-continue", "--expect100-timeout", "20", "--data-binary", "@-"];
    let start = Instant::now();
    let answer = curl::send(&demo, "/echo", &options, b"abc");
    assert!(start.elapsed() < Duration::from_secs(10), "curl gave up waiting for the 100");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "abc"));
}
