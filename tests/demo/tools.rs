//! nghttp, which shows every frame, and h2load, which sends many requests.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::kit::Demo;
use crate::program::run;
use crate::{BIG, noise, start};

/// What nghttp tells of requests for these paths, all on one connection.
#[track_caller]
fn nghttp(demo: &Demo, options: &[&str], paths: &[&str]) -> String {
    let urls = paths.iter().map(|path| format!("http://{}{path}", demo.address()));
    let finished = run(Command::new("nghttp").args(["--timeout", "30s"]).args(options).args(urls), b"");
    finished.expect_success().text()
}

/// The places of these texts in what nghttp told, which must be there.
#[track_caller]
fn places<const N: usize>(told: &str, texts: [&str; N]) -> [usize; N] {
    texts.map(|text| told.find(text).unwrap_or_else(|| panic!("no {text:?} in:\n{told}")))
}

/// nghttp numbers its requests 13, 15, 17 and so on, after the streams that it
/// uses for priorities.
#[test]
fn nghttp_sees_trailers() {
    let told = nghttp(&start(), &["-nv"], &["/trailers"]);
    let [status, data, trailer] = places(
        &told,
        ["recv (stream_id=13) :status: 200", "recv DATA frame <length=2,", "recv (stream_id=13) x-checksum: 1"],
    );
    assert!(status < data && data < trailer, "{told}");
    let end = told[trailer..].find("; END_STREAM | END_HEADERS");
    assert!(end.is_some(), "the trailers end the stream:\n{told}");
}

#[test]
fn nghttp_sees_early_hints() {
    let told = nghttp(&start(), &["-nv"], &["/early"]);
    let [early, link, status] =
        places(&told, [":status: 103", "recv (stream_id=13) link: <", "recv (stream_id=13) :status: 200"]);
    assert!(early < link && link < status, "{told}");
    assert_eq!(told.matches(":status: ").count(), 2, "{told}");
}

/// Three requests on one connection: what is ready first is answered first.
#[test]
fn nghttp_is_answered_out_of_order() {
    let told = nghttp(&start(), &["-nv"], &["/slow", "/", "/users/7"]);
    assert_eq!(told.matches("Connected").count(), 1, "{told}");
    let [slow, hello, user] = places(
        &told,
        ["recv (stream_id=13) :status: 200", "recv (stream_id=15) :status: 200", "recv (stream_id=17) :status: 200"],
    );
    assert!(hello < slow && user < slow, "{told}");
}

/// 50 answers of a second each take a second, not 50.
#[test]
fn nghttp_multiplexes() {
    let demo = start();
    let start = Instant::now();
    let told = nghttp(&demo, &["-ns", "-m", "50"], &["/slow"]);
    let took = start.elapsed();
    let answers = told.lines().filter(|line| line.contains(" 200 ") && line.ends_with("4 /slow"));
    assert_eq!(answers.count(), 50, "{told}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// Runs h2load; every one of the `count` requests must succeed, and the answers
/// have `bytes` of body together.
#[track_caller]
fn h2load(demo: &Demo, options: &[&str], path: &str, count: usize, bytes: usize) {
    let (count_text, url) = (count.to_string(), format!("http://{}{path}", demo.address()));
    let mut h2load = Command::new("h2load");
    h2load.args(["--connection-inactivity-timeout", "20s", "-n", &count_text]).args(options).arg(url);
    let told = run(&mut h2load, b"").expect_success().text();
    let requests = format!(
        "requests: {count} total, {count} started, {count} done, {count} succeeded, 0 failed, 0 errored, 0 timeout"
    );
    for wanted in [requests, format!("status codes: {count} 2xx, 0 3xx, 0 4xx, 0 5xx"), format!("({bytes}) data")] {
        assert!(told.contains(&wanted), "no {wanted:?} in:\n{told}");
    }
}

#[test]
fn h2load_says_hello_two_thousand_times() {
    h2load(&start(), &["-c", "4", "-m", "10"], "/", 2000, 2000 * 13);
}

#[test]
fn h2load_hears_its_echo() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("echo-{}", std::process::id()));
    std::fs::write(&file, noise(50_000)).expect("a scratch file");
    let path = file.to_str().expect("a path of text");
    h2load(&start(), &["-c", "4", "-m", "5", "-d", path], "/echo", 200, 200 * 50_000);
    std::fs::remove_file(file).expect("the scratch file was ours");
}

#[test]
fn h2load_takes_eight_big_ones() {
    h2load(&start(), &["-c", "1", "-m", "4"], "/big", 8, 8 * BIG);
}
