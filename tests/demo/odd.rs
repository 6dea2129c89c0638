//! Valid frames that are rare. They must have no effect on others.

use std::time::Duration;

use crate::kit::{Client, Frame, PATIENCE, code, flag, kind, setting};
use crate::{check_same, start, wait_for};

/// A PING is acknowledged with its payload, also while responses are in progress (RFC
/// 9113, section 6.7).
#[test]
fn pings_are_answered() {
    let demo = start();
    let mut client = demo.open();
    let busy = client.request("GET", "/stream");
    for number in 0..20_u64 {
        client.ping_and_wait(number.to_be_bytes());
    }
    client.check(!client.transcript.is_over(busy), "the PINGs waited for an answer's end");
    let response = client.response(busy);
    client.expect_complete(&response);
}

/// Unknown frame types are ignored everywhere except inside a header section (section
/// 5.5).
#[test]
fn unknown_frames_are_ignored() {
    let demo = start();
    let mut client = demo.open();
    let stream = client.upload("POST", "/echo");
    for (number, kind) in [0x0a, 0x0c, 0x11, 0x42, 0xff].into_iter().enumerate() {
        for frame in [
            Frame::new(kind, 0, 0, []),
            Frame::new(kind, 0xff, stream, vec![0xee; 100]),
            Frame::new(kind, 0, 0, vec![0; 16_384]),
        ] {
            client.send(frame);
        }
        client.data(stream, b"more", false);
        wait_for(&mut client, stream, (number + 1) * 4);
    }
    client.data(stream, b"", true);
    let response = client.response(stream);
    client.expect_complete(&response);
    check_same(&response.body, &b"more".repeat(5));
    client.expect_undisturbed();
}

/// So are unknown settings (section 6.5.2) and flags (section 4.1).
#[test]
fn unknown_settings_and_flags_are_ignored() {
    let demo = start();
    let mut client = Client::open_with(demo.address(), &[(0x0b0b, 7), (0xffff, u32::MAX)]);
    client.settings_and_wait(&[(0x2a2a, 1), (setting::HEADER_TABLE_SIZE, 0)]);
    let mut ping = Frame::ping(*b"flagged!");
    ping.flags = 0xfe;
    client.send(ping);
    let answer = |frame: &Frame| frame.is_ack() && frame.payload == b"flagged!";
    let answered = client.read_until(PATIENCE, |transcript| transcript.positions(answer).next().is_some());
    client.check(answered, "a PING with unknown flags was not answered");
    client.expect_undisturbed();
}

/// PRIORITY is obsolete and still sent, also for streams that are never opened (section
/// 5.3).
#[test]
fn priorities_are_ignored() {
    let demo = start();
    let mut client = demo.open();
    for stream in [1, 3, 5, 201] {
        client.send(Frame::new(kind::PRIORITY, 0, stream, [0, 0, 0, 0, 15]));
    }
    client.expect_undisturbed();
    let mut request = client.request_frame("GET", "/", &[], true);
    request.flags |= flag::PRIORITY | flag::PADDED;
    request.payload = [&[3, 0x80, 0, 0, 0, 255], &request.payload[..], &[0; 3]].concat();
    let stream = request.stream;
    client.send(request);
    let response = client.response(stream);
    client.expect_hello(&response);
}

/// A header section may have any number of pieces (section 6.10).
#[test]
fn a_request_in_pieces() {
    let demo = start();
    let mut client = demo.open();
    let request = client.request_frame("GET", "/users/in-pieces", &[("x-a", "b"), ("x-c", "d")], true);
    let (stream, third) = (request.stream, request.payload.len() / 3);
    let [first, second, last] =
        [&request.payload[..third], &request.payload[third..2 * third], &request.payload[2 * third..]];
    client.send(Frame::new(kind::HEADERS, flag::END_STREAM, stream, first));
    client.read_for(Duration::from_millis(50));
    client.send(Frame::new(kind::CONTINUATION, 0, stream, second));
    client.read_for(Duration::from_millis(50));
    client.send(Frame::new(kind::CONTINUATION, flag::END_HEADERS, stream, last));
    let response = client.response(stream);
    client.expect_complete(&response);
    client.check(response.text() == "in-pieces", "not the id");
}

/// Bytes may arrive one by one.
#[test]
fn a_request_byte_by_byte() {
    let demo = start();
    let mut client = demo.open();
    let request = client.request_frame("GET", "/users/slowly", &[], true);
    for byte in request.encode() {
        client.raw(&[byte]);
        client.read_for(Duration::from_millis(2));
    }
    let response = client.response(request.stream);
    client.expect_complete(&response);
    client.check(response.text() == "slowly", "not the id");
}

/// Closed streams may still get a WINDOW_UPDATE or RST_STREAM that was in flight (section
/// 5.1).
#[test]
fn latecomers_are_ignored() {
    let demo = start();
    let mut client = demo.open();
    for path in ["/", "/trailers", "/nowhere"] {
        let stream = client.request("GET", path);
        let response = client.response(stream);
        client.expect_complete(&response);
        client.send(Frame::window_update(stream, 100));
        client.send(Frame::rst_stream(stream, code::CANCEL));
        client.send(Frame::new(kind::PRIORITY, 0, stream, [0, 0, 0, 0, 15]));
    }
    client.expect_undisturbed();
}
