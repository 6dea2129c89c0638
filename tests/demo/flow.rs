//! Windows, in both directions (RFC 9113, section 5.2).

use std::time::{Duration, Instant};

use crate::kit::{Client, Demo, Frame, PATIENCE, code, kind, setting};
use crate::{BIG, MOMENT, arrived, check_same, noise, start, wait_for};

/// The initial window of a connection (section 6.9.2).
const SESSION_WINDOW: usize = 65_535;

/// A session that does not open windows automatically.
fn open_frugal(demo: &Demo, stream_window: usize) -> Client {
    let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, stream_window as u32)]);
    client.behaviour.open_window = false;
    client
}

/// Asserts that `length` bytes of the response arrive, and no more.
#[track_caller]
fn expect_exactly(client: &mut Client, stream: u32, length: usize) {
    wait_for(client, stream, length);
    client.read_for(MOMENT);
    let come = arrived(client, stream);
    client.check(come == length, &format!("{come} bytes on stream {stream}, where the window has {length}"));
}

/// Both windows limit what arrives, to the byte. When they open, the rest arrives.
#[test]
fn an_answer_keeps_to_the_windows() {
    let demo = start();
    let mut client = open_frugal(&demo, 1000);
    let stream = client.request("GET", "/big");
    expect_exactly(&mut client, stream, 1000);
    client.send(Frame::window_update(stream, 1));
    expect_exactly(&mut client, stream, 1001);
    client.send(Frame::window_update(stream, 20_000));
    expect_exactly(&mut client, stream, 21_001);
    client.send(Frame::window_update(stream, 2 * BIG as u32));
    expect_exactly(&mut client, stream, SESSION_WINDOW);
    client.send(Frame::window_update(0, 10));
    expect_exactly(&mut client, stream, SESSION_WINDOW + 10);
    client.send(Frame::window_update(0, BIG as u32));
    let response = client.response(stream);
    client.expect_complete(&response);
    check_same(&response.body, &vec![b'x'; BIG]);
    let largest = client.transcript.on_stream(stream).map(|entry| entry.frame.payload.len()).max();
    assert!(largest <= Some(16_384), "a frame of {largest:?} bytes");
}

/// The window of the session is shared by two streams.
#[test]
fn two_answers_share_the_session_window() {
    let demo = start();
    let mut client = open_frugal(&demo, 50_000);
    let streams = [client.request("GET", "/big"), client.request("GET", "/big")];
    let both = |client: &Client| streams.iter().map(|&stream| arrived(client, stream)).sum::<usize>();
    let deadline = Instant::now() + PATIENCE;
    while both(&client) < SESSION_WINDOW && Instant::now() < deadline {
        client.pump(MOMENT);
    }
    client.read_for(MOMENT);
    let come = both(&client);
    client.check(come == SESSION_WINDOW, &format!("{come} bytes of {SESSION_WINDOW}"));
}

/// SETTINGS may make a window negative. It must become positive again before anything is
/// sent (section 6.9.2).
#[test]
fn a_window_may_be_taken_back() {
    let demo = start();
    let mut client = open_frugal(&demo, 10_000);
    let stream = client.request("GET", "/big");
    expect_exactly(&mut client, stream, 10_000);
    client.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 4_000)]);
    client.send(Frame::window_update(stream, 6_000));
    expect_exactly(&mut client, stream, 10_000);
    client.send(Frame::window_update(stream, 100));
    expect_exactly(&mut client, stream, 10_100);
    client.settings_and_wait(&[(setting::INITIAL_WINDOW_SIZE, 5_000)]);
    expect_exactly(&mut client, stream, 11_100);
}

/// With a window of 0 the head arrives without the body. A response without a body is
/// complete. The body follows when the window opens.
#[test]
fn an_answer_begins_without_a_window() {
    let demo = start();
    let mut client = open_frugal(&demo, 0);
    let stream = client.request("GET", "/");
    let head = client.expect_headers(stream);
    assert_eq!(head.header("content-length"), Some("13"));
    let nowhere = client.get("/nowhere");
    client.expect_complete(&nowhere);
    expect_exactly(&mut client, stream, 0);
    client.send(Frame::window_update(stream, 5));
    expect_exactly(&mut client, stream, 5);
    client.send(Frame::window_update(stream, 8));
    let response = client.response(stream);
    client.expect_hello(&response);
}

/// A stream with a closed window does not delay others.
#[test]
fn a_stalled_answer_stalls_no_other() {
    let demo = start();
    let mut client = open_frugal(&demo, 20);
    let stalled = client.request("GET", "/big");
    expect_exactly(&mut client, stalled, 20);
    for _ in 0..20 {
        let response = client.get("/");
        client.expect_hello(&response);
    }
    expect_exactly(&mut client, stalled, 20);
}

/// The windows of the server: 256 KiB for a stream, 1 MiB for a session.
#[test]
fn the_servers_windows_are_those_of_the_design() {
    let demo = start();
    let client = demo.open();
    assert_eq!((client.windows.stream(1), client.windows.connection()), (256 << 10, 1 << 20));
}

/// A body that nobody reads uses its own window only: a much longer upload continues on
/// another stream.
#[test]
fn an_unread_body_does_not_block_an_upload() {
    let demo = start();
    let mut client = demo.open();
    let hanging = client.upload("GET", "/hang");
    client.data(hanging, &noise(200_000), false);
    let stream = client.upload("POST", "/echo");
    let bytes = noise(2_000_000);
    client.data(stream, &bytes, true);
    let response = client.response(stream);
    client.expect_complete(&response);
    check_same(&response.body, &bytes);
    client.check(!client.transcript.is_over(hanging), "the unread one ended");
}

/// Bodies that nobody reads may use up the window of the session. When their streams are
/// reset, the window must open again, or the session could not receive uploads any more.
#[test]
fn a_reset_gives_the_window_of_an_unread_body_back() {
    let demo = start();
    let mut client = demo.open();
    let mut hanging = Vec::new();
    while client.windows.connection() > 0 {
        let stream = client.upload("GET", "/hang");
        let length = client.windows.connection().min(client.windows.stream(stream));
        client.data(stream, &noise(length as usize), false);
        hanging.push(stream);
        assert!(hanging.len() < 20, "the session's window does not end");
    }
    client.read_for(MOMENT);
    client.check(client.windows.connection() == 0, "the window came back for bytes that nobody has read");
    for stream in hanging {
        client.send(Frame::rst_stream(stream, code::CANCEL));
    }
    let stream = client.upload("POST", "/echo");
    let bytes = noise(2_000_000);
    client.data(stream, &bytes, true);
    let response = client.response(stream);
    client.expect_complete(&response);
    check_same(&response.body, &bytes);
}

/// Padding counts (section 6.1): more padding than a window is sent, and none of it
/// belongs to the body.
#[test]
fn padding_is_no_body_but_its_window_comes_back() {
    const PADDING: usize = 255;
    let demo = start();
    let mut client = demo.open();
    let stream = client.upload("POST", "/echo");
    let bytes = noise(1100 * 1000);
    for piece in bytes.chunks(1000) {
        let payload = [&[PADDING as u8], piece, &[0; PADDING]].concat();
        wait_for_window(&mut client, stream, payload.len());
        client.windows.spend(stream, payload.len());
        client.send(Frame::new(kind::DATA, crate::kit::flag::PADDED, stream, payload));
    }
    client.data(stream, b"", true);
    let response = client.response(stream);
    client.expect_complete(&response);
    check_same(&response.body, &bytes);
}

#[track_caller]
fn wait_for_window(client: &mut Client, stream: u32, length: usize) {
    let deadline = Instant::now() + PATIENCE;
    while client.windows.allowed(stream) < length {
        client.check(Instant::now() < deadline, "no WINDOW_UPDATE for padded DATA");
        client.pump(MOMENT);
    }
}

/// The echo for a client that does not read waits in the client, not in the memory of the
/// demo: the upload is held back. Then everything arrives.
#[test]
fn an_echo_that_is_not_read_holds_the_upload_back() {
    let demo = start();
    let mut client = open_frugal(&demo, SESSION_WINDOW);
    let stream = client.upload("POST", "/echo");
    let bytes = noise(3_000_000);
    let accepted = send_until_held_back(&mut client, stream, &bytes);
    client.check(accepted < 1 << 20, &format!("{accepted} bytes taken while {SESSION_WINDOW} could go back"));
    expect_exactly(&mut client, stream, SESSION_WINDOW);
    client.send(Frame::window_update(0, bytes.len() as u32));
    client.send(Frame::window_update(stream, bytes.len() as u32));
    client.data(stream, &bytes[accepted..], true);
    let response = client.response(stream);
    client.expect_complete(&response);
    check_same(&response.body, &bytes);
}

/// Sends what the windows allow until they have been closed for a while. Returns how much
/// that was.
#[track_caller]
fn send_until_held_back(client: &mut Client, stream: u32, bytes: &[u8]) -> usize {
    let mut sent = 0;
    while sent < bytes.len() {
        let open = |client: &Client| client.windows.allowed(stream) > 0;
        let deadline = Instant::now() + 5 * MOMENT;
        while !open(client) && Instant::now() < deadline {
            client.pump(Duration::from_millis(20));
        }
        if !open(client) {
            break;
        }
        let length = client.windows.allowed(stream).min(bytes.len() - sent);
        client.data(stream, &bytes[sent..sent + length], false);
        sent += length;
    }
    sent
}
