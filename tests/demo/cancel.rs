//! Streams that the client resets, and the limit on streams.

use std::net::SocketAddr;
use std::time::Instant;

use crate::kit::{Client, Demo, Frame, SLACK, code, kind};
use crate::{MOMENT, arrived, start, wait_for};

/// Waits until `watching` sees this many open streams on `client`.
#[track_caller]
fn expect_open_streams(watching: &mut Client, client: &Client, count: i64) {
    expect_listed(watching, client.local_address(), count);
}

/// The same, asked on the session itself.
#[track_caller]
fn expect_own_open_streams(client: &mut Client, count: i64) {
    let address = client.local_address();
    expect_listed(client, address, count);
}

#[track_caller]
fn expect_listed(watching: &mut Client, client: SocketAddr, count: i64) {
    let deadline = Instant::now() + SLACK;
    loop {
        let row = watching.sessions().into_iter().find(|row| row.peer == client.to_string());
        let row = row.unwrap_or_else(|| watching.fail(&format!("{client} is not listed")));
        if row.open_streams == count {
            return;
        }
        watching.check(Instant::now() < deadline, &format!("not {count} open streams: {row:?}"));
        watching.read_for(MOMENT / 10);
    }
}

/// A request that is reset when `begun` reports that it is in progress.
#[track_caller]
fn check_cancelled(demo: &Demo, method: &str, path: &str, begin: impl Fn(&mut Client, u32)) {
    let mut client = demo.open();
    let mut watching = demo.open();
    for _ in 0..5 {
        let stream = client.upload(method, path);
        begin(&mut client, stream);
        expect_open_streams(&mut watching, &client, 1);
        client.send(Frame::rst_stream(stream, code::CANCEL));
        client.ping_and_wait(u64::from(stream).to_be_bytes());
        let before = client.transcript.on_stream(stream).count();
        expect_open_streams(&mut watching, &client, 0);
        client.expect_undisturbed();
        let after = client.transcript.on_stream(stream).count();
        client.check(before == after, "something came on a stream that was reset before the PING");
    }
}

/// A session that asks for its own streams has one open stream, that of the request, and
/// another one in addition.
#[test]
fn the_session_that_asks_counts_its_streams() {
    let demo = start();
    let mut client = demo.open();
    for path in ["/hang", "/big", "/stream", "/echo"] {
        let stream = client.upload("GET", path);
        client.ping_and_wait(u64::from(stream).to_be_bytes());
        expect_own_open_streams(&mut client, 2);
        client.send(Frame::rst_stream(stream, code::CANCEL));
        expect_own_open_streams(&mut client, 1);
    }
}

#[test]
fn a_request_that_hangs() {
    check_cancelled(&start(), "GET", "/hang", |client, stream| {
        client.ping_and_wait((u64::MAX - u64::from(stream)).to_be_bytes());
    });
}

#[test]
fn an_upload_that_nobody_reads() {
    check_cancelled(&start(), "GET", "/hang", |client, stream| client.data(stream, &[0; 100_000], false));
}

#[test]
fn a_big_answer() {
    check_cancelled(&start(), "GET", "/big", |client, stream| wait_for(client, stream, 10_000));
}

/// The window of the client is closed, so the response waits in the server.
#[test]
fn a_big_answer_that_waits() {
    check_cancelled(&start(), "GET", "/big", |client, stream| {
        client.behaviour.open_window = false;
        wait_for(client, stream, 1);
        client.read_for(MOMENT);
        client.behaviour.open_window = true;
        // The next round needs the window of the session again, but not that of the
        // stream.
        let length = arrived(client, stream);
        client.send(Frame::window_update(0, length as u32));
    });
}

#[test]
fn a_stream_of_chunks() {
    check_cancelled(&start(), "GET", "/stream", |client, stream| wait_for(client, stream, 1024));
}

#[test]
fn an_echo() {
    check_cancelled(&start(), "POST", "/echo", |client, stream| {
        client.data(stream, &[0; 1000], false);
        wait_for(client, stream, 1000);
    });
}

/// The time of the reset must not matter: directly after the request, before the handler
/// has run.
#[test]
fn a_request_given_up_at_once() {
    let demo = start();
    let mut client = demo.open();
    let mut watching = demo.open();
    for path in ["/", "/hang", "/big", "/stream", "/slow", "/echo", "/trailers", "/nowhere"] {
        let request = client.request_frame("GET", path, &[], true);
        let reset = Frame::rst_stream(request.stream, code::CANCEL);
        client.send_together(&[request, reset]);
        client.expect_undisturbed();
    }
    expect_open_streams(&mut watching, &client, 0);
}

/// The end of a session cancels its streams.
#[test]
fn a_session_given_up() {
    let demo = start();
    let mut watching = demo.open();
    let mut client = demo.open();
    let id = watching.id_of(&client);
    for path in ["/hang", "/big", "/stream", "/slow"] {
        client.request("GET", path);
    }
    client.upload("POST", "/echo");
    client.ping_and_wait(*b"taken in");
    drop(client);
    watching.expect_unlisted(id);
    watching.expect_undisturbed();
}

/// The server announces how many streams it allows (section 5.1.2). One more is refused,
/// so that the client may safely send it again.
#[test]
fn the_101st_stream_is_refused() {
    let demo = start();
    let mut client = demo.open();
    let settings = client.transcript.received().find_map(|entry| entry.frame.as_settings());
    let settings = settings.expect("a session begins with SETTINGS");
    assert!(settings.contains(&(crate::kit::setting::MAX_CONCURRENT_STREAMS, 100)), "{settings:?}");
    let hanging: Vec<u32> = (0..100).map(|_| client.request("GET", "/hang")).collect();
    let refused = client.request("GET", "/");
    client.expect_rst_stream(refused, code::REFUSED_STREAM);
    client.send(Frame::rst_stream(hanging[50], code::CANCEL));
    client.ping_and_wait(*b"one less");
    let response = client.get("/");
    client.expect_hello(&response);
    let hundredth = client.request("GET", "/hang");
    let refused = client.request("GET", "/hang");
    client.expect_rst_stream(refused, code::REFUSED_STREAM);
    let untouched = |stream: &u32| *stream == hanging[50] || !client.transcript.is_over(*stream);
    client.check(hanging.iter().chain([&hundredth]).all(untouched), "a stream within the limit has ended");
}

/// A reset stream does not count any more (section 5.1.2): a client may open another one
/// at once.
#[test]
fn the_place_of_a_cancelled_stream_is_free_at_once() {
    let demo = start();
    let mut client = demo.open();
    let hanging: Vec<u32> = (0..100).map(|_| client.request("GET", "/hang")).collect();
    client.ping_and_wait(*b"all in  ");
    for stream in &hanging[..10] {
        let cancel = Frame::rst_stream(*stream, code::CANCEL);
        let request = client.request_frame("GET", "/", &[], true);
        let next = request.stream;
        client.send_together(&[cancel, request]);
        let response = client.response(next);
        client.expect_hello(&response);
    }
}

/// Nor does a stream with a complete response.
#[test]
fn the_place_of_an_answered_stream_is_free_at_once() {
    let demo = start();
    let mut client = demo.open();
    for _ in 0..99 {
        client.request("GET", "/hang");
    }
    for _ in 0..300 {
        let response = client.get("/");
        client.expect_hello(&response);
    }
    let resets = client.transcript.positions(|frame| frame.kind == kind::RST_STREAM).count();
    client.check(resets == 0, "a stream within the limit was refused");
}
