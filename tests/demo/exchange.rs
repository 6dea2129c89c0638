//! The parts of an exchange and their order (RFC 9113, section 8.1).

use std::time::Duration;

use crate::kit::{Client, Ended, Frame, PATIENCE, Response, code, kind};
use crate::{arrived, check_same, noise, start, wait_for};

/// Trailers of a request.
#[track_caller]
fn send_trailers(client: &mut Client, stream: u32, fields: &[(&str, &str)]) {
    let block = client.encode(fields);
    client.send(Frame::headers(stream, block, true));
}

/// As in gRPC: each message comes back before the next one is sent, and the request ends
/// with trailers.
#[test]
fn a_conversation() {
    let demo = start();
    let mut client = demo.open();
    let fields = [("content-type", "application/grpc"), ("te", "trailers")];
    let frame = client.request_frame("POST", "/echo", &fields, false);
    let stream = frame.stream;
    client.send(frame);
    let mut sent = Vec::new();
    for length in [5, 1, 1024, 16_384, 60_000, 7] {
        let message = noise(length);
        client.data(stream, &message, false);
        sent.extend(message);
        wait_for(&mut client, stream, sent.len());
    }
    let open = !client.transcript.is_over(stream);
    client.check(open, "the answer ended before the request did");
    send_trailers(&mut client, stream, &[("grpc-status", "0")]);
    let response = client.response(stream);
    client.expect_complete(&response);
    client.check(response.status == 200, "not 200");
    check_same(&response.body, &sent);
}

/// Two conversations on one session are independent.
#[test]
fn two_conversations() {
    let demo = start();
    let mut client = demo.open();
    let streams = [client.upload("POST", "/echo"), client.upload("PUT", "/echo")];
    for round in 1..=10 {
        for (stream, byte) in streams.into_iter().zip([b'a', b'b']) {
            client.data(stream, &[byte; 100], false);
            wait_for(&mut client, stream, round * 100);
        }
    }
    for (stream, byte) in streams.into_iter().zip([b'a', b'b']) {
        client.data(stream, b"", true);
        let response = client.response(stream);
        client.expect_complete(&response);
        check_same(&response.body, &[byte; 1000]);
    }
}

/// The four ways to send an empty body.
#[test]
fn an_empty_request_is_echoed_as_an_empty_answer() {
    let demo = start();
    let mut client = demo.open();
    let headers_only = client.request("POST", "/echo");
    let empty_data = client.upload("POST", "/echo");
    client.data(empty_data, b"", true);
    let empty_twice = client.upload("POST", "/echo");
    client.data(empty_twice, b"", false);
    client.data(empty_twice, b"", true);
    let trailers_only = client.upload("POST", "/echo");
    send_trailers(&mut client, trailers_only, &[("x-checksum", "0")]);
    for stream in [headers_only, empty_data, empty_twice, trailers_only] {
        let response = client.response(stream);
        client.expect_complete(&response);
        client.check(response.status == 200 && response.body.is_empty(), &format!("not an empty 200 on {stream}"));
    }
}

#[test]
fn trailers_end_the_answer() {
    let demo = start();
    let mut client = demo.open();
    let stream = client.request("GET", "/trailers");
    let response = client.response(stream);
    client.expect_complete(&response);
    assert_eq!((response.status, response.text().as_str()), (200, "ok"));
    assert_eq!(response.trailers, Some(vec![("x-checksum".to_string(), "1".to_string())]));
    let last = client.transcript.on_stream(stream).last().expect("an answer came");
    client.check(last.frame.kind == kind::HEADERS && last.frame.ends_stream(), "not ended by the trailers");
}

#[test]
fn early_hints_are_no_answer() {
    let demo = start();
    let mut client = demo.open();
    let response = client.get("/early");
    client.expect_complete(&response);
    assert_eq!((response.status, response.text().as_str()), (200, "early"));
    assert_eq!(response.informational.len(), 1);
    let names: Vec<&str> = response.informational[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [":status", "link"]);
}

/// The chunks arrive one by one: the first long before the last.
#[test]
fn chunks_are_not_held_back() {
    let demo = start();
    let mut client = demo.open();
    let stream = client.request("GET", "/stream");
    let response = client.response(stream);
    client.expect_complete(&response);
    check_same(&response.body, &[b'x'; 20 * 1024]);
    let data = client.transcript.on_stream(stream).filter(|entry| !entry.frame.payload.is_empty());
    let data: Vec<_> = data.filter(|entry| entry.frame.kind == kind::DATA).map(|entry| entry.at).collect();
    let took = *data.last().expect("data came") - data[0];
    client.check(data.len() > 10, &format!("only {} pieces", data.len()));
    client.check(took > Duration::from_secs(1), &format!("all within {took:?}"));
}

/// The response to HEAD is that to GET without the body (RFC 9110, section 9.3.2).
#[test]
fn head_is_answered_without_a_body() {
    let demo = start();
    let mut client = demo.open();
    for (path, status, length) in [
        ("/", 200, Some("13")),
        ("/users/abc", 200, Some("3")),
        ("/big", 200, None),
        ("/trailers", 200, None),
        ("/slow", 200, Some("4")),
        ("/echo", 200, None),
        ("/stream", 200, None),
        ("/panic", 500, None),
        ("/nowhere", 404, None),
    ] {
        let response = client.fetch("HEAD", path);
        let whole = response.ended == Ended::Complete && response.body.is_empty();
        client.check(whole, &format!("not whole, or with a body: HEAD {path}"));
        client.check(response.status == status, &format!("not {status}: HEAD {path}"));
        let same_length = length.is_none() || response.header("content-length") == length;
        client.check(same_length, &format!("content-length is not {length:?}: HEAD {path}"));
    }
    client.expect_undisturbed();
}

/// A response that does not need the rest of the request is complete, and then the stream
/// is reset without an error (section 8.1), unless the client ends it within a second.
/// Data in flight is discarded, and its window returned: it is more than the window of
/// the session.
#[test]
fn an_upload_may_be_answered_before_its_end() {
    let demo = start();
    let mut client = demo.open();
    let cases = [
        ("POST", "/nowhere", 404),
        ("PUT", "/nowhere", 404),
        ("POST", "/", 405),
        ("GET", "/users/%zz", 400),
        ("GET", "/", 200),
        ("GET", "/panic", 500),
    ];
    // All at once, because most of them take one second.
    let streams = cases.map(|(method, path, status)| (client.upload(method, path), status));
    for (stream, status) in streams {
        expect_early_answer(&mut client, stream, status);
        client.data(stream, &noise(250_000), true);
    }
    client.expect_undisturbed();
}

#[track_caller]
fn expect_early_answer(client: &mut Client, stream: u32, status: u16) {
    let over = client.read_until(PATIENCE, |transcript| transcript.reset_of(stream).is_some());
    client.check(over, &format!("no RST_STREAM on stream {stream}"));
    let response = Response::gather(&client.transcript, stream);
    client.expect_complete(&response);
    client.check(response.status == status, &format!("not {status} on stream {stream}"));
    let (_, got) = client.transcript.reset_of(stream).expect("it was reset");
    client.check(got == code::NO_ERROR, &format!("stream {stream} not reset with NO_ERROR"));
}

/// A request with a complete body that nobody reads gets the same response as one
/// without.
#[test]
fn a_whole_body_that_nobody_wants_does_no_harm() {
    let demo = start();
    let mut client = demo.open();
    for _ in 0..20 {
        let stream = client.upload("GET", "/");
        client.data(stream, &[b'?'; 100_000], true);
        let response = client.response(stream);
        client.expect_hello(&response);
    }
    client.expect_undisturbed();
}

/// Responses that are ready first arrive first, and none is lost.
#[test]
fn many_streams_at_once() {
    let demo = start();
    let mut client = demo.open();
    let slow = client.request("GET", "/slow");
    let users: Vec<u32> = (0..90).map(|id| client.request("GET", &format!("/users/{id}"))).collect();
    for (id, stream) in users.into_iter().enumerate() {
        let response = client.response(stream);
        client.expect_complete(&response);
        client.check(response.text() == id.to_string(), &format!("not {id} on stream {stream}"));
    }
    client.check(arrived(&client, slow) == 0, "a second passed for 90 answers, or nothing was slow");
    let response = client.response(slow);
    client.check(response.text() == "slow", "not slow");
}
