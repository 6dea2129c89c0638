//! Closing with open streams that end by themselves: they must end as without a close.

use std::thread;
use std::time::Duration;

use crate::LONG_DRAIN;
use crate::kit::{Client, Demo, Frame, MAX_STREAM, PATIENCE, Response, SLACK, Transcript, code, kind, setting};

/// The length of `GET /stream`: 20 chunks of 1 KiB, 100 ms apart.
const STREAM_LENGTH: usize = 20 * 1024;

/// Two responses of 2 s are in progress: the second GOAWAY does not wait for them, they
/// arrive completely and unchanged with END_STREAM, and only then the FIN follows
/// (section 6.8).
#[test]
fn scenario_05_responses_in_flight_are_finished() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let streams = [client.request("GET", "/stream"), client.request("GET", "/stream")];
    for stream in streams {
        client.expect_data(stream);
    }
    demo.terminate();
    client.expect_first_goaway();
    client.expect_final_goaway(3);
    let over = streams.iter().any(|stream| client.transcript.is_over(*stream));
    client.check(!over, "the second GOAWAY waited for the streams");
    let [first, second] = streams.map(|stream| client.response(stream));
    client.expect_complete(&first);
    client.expect_complete(&second);
    client.check(first.body.len() == STREAM_LENGTH, "not 20 KiB");
    client.check(first.body == second.body, "the two answers differ");
    client.expect_fin();
    client.expect_no_more_goaways();
    let report = demo.expect_exit(LONG_DRAIN);
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (2, 0));
}

/// Buffered DATA and trailers belong to the response: they are sent although the handler
/// has returned (section 8.1).
#[test]
fn scenario_05_buffered_data_and_trailers_are_flushed() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, 0)]);
    let stream = client.request("GET", "/trailers");
    client.expect_headers(stream);
    demo.terminate();
    client.expect_first_goaway();
    client.expect_final_goaway(stream);
    client.send(Frame::window_update(stream, 1000));
    let response = client.response(stream);
    client.expect_complete(&response);
    client.check(response.text() == "ok", "not the body `ok`");
    client.check(response.trailer("x-checksum") == Some("1"), "no trailers");
    client.expect_fin();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (1, 0));
}

/// A request that was sent before its client could have read the first GOAWAY is served,
/// and the second GOAWAY includes it. This is the purpose of two GOAWAYs (section 6.8).
#[test]
fn scenario_06_a_stream_that_raced_the_first_goaway_is_served() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    client.behaviour.ack_ping = false;
    demo.terminate();
    client.expect_first_goaway();
    let stream = client.request("GET", "/slow");
    client.answer_pings();
    client.expect_final_goaway(stream);
    let response = client.response(stream);
    client.expect_complete(&response);
    client.check(response.text() == "slow", "not `slow`");
    client.expect_fin();
    client.expect_no_more_goaways();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_refused), (1, 0));
}

/// Between the two GOAWAYs a server may refuse new streams, or serve them. goaway serves
/// them, up to the usual limit. A stream above the limit is refused as usual, with
/// REFUSED_STREAM and not NO_ERROR, which would mean that it was processed (section 8.7).
#[test]
fn scenario_08_between_the_goaways_streams_are_served_not_refused() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    client.behaviour.ack_ping = false;
    demo.terminate();
    client.expect_first_goaway();
    let hanging: Vec<u32> = (0..90).map(|_| client.request("GET", "/slow")).collect();
    let users: Vec<u32> = (0..10).map(|id| client.request("GET", &format!("/users/{id}"))).collect();
    for (id, stream) in users.into_iter().enumerate() {
        let response = client.response(stream);
        client.expect_complete(&response);
        client.check(response.text() == id.to_string(), &format!("not {id}"));
    }
    let many: Vec<u32> = (0..11).map(|_| client.request("GET", "/slow")).collect();
    let (one_too_many, fits) = many.split_last().expect("eleven");
    client.expect_rst_stream(*one_too_many, code::REFUSED_STREAM);
    client.answer_pings();
    client.expect_final_goaway(one_too_many - 2);
    for stream in hanging.iter().chain(fits) {
        let response = client.response(*stream);
        client.expect_complete(&response);
    }
    client.expect_fin();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset, report.streams_refused), (110, 0, 1), "{report:?}");
}

/// A stream above the last stream identifier of the second GOAWAY is neither dispatched
/// nor responded to, but has effects: its HEADERS on the HPACK table, which the trailers
/// of stream 1 then use, and its DATA on the window of the connection, which the server
/// must open again, or stream 1 could never end (section 6.8).
#[test]
fn scenario_07_discarded_frames_keep_hpack_and_flow_control() {
    const MARK: (&str, &str) = ("x-goaway-kit", "discarded");
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let upload = client.upload("POST", "/echo");
    client.data(upload, &[b'a'; 1000], false);
    client.expect_data(upload);
    demo.terminate();
    client.expect_first_goaway();
    client.expect_final_goaway(upload);

    let enough = 2 * client.windows.connection();
    let mut discarded = 0;
    while discarded < enough {
        let frame = client.request_frame("POST", "/echo", &[MARK], false);
        let stream = frame.stream;
        client.send(frame);
        let length = client.windows.stream(stream);
        client.data(stream, &vec![b'b'; length as usize], false);
        discarded += length;
    }

    client.data(upload, &[b'c'; 100_000], false);
    let trailers = client.encode(&[MARK]);
    assert_eq!(trailers.len(), 1, "the field is not in the HPACK table");
    client.send(Frame::headers(upload, trailers, true));
    let response = client.response(upload);
    client.expect_complete(&response);
    let sent = [vec![b'a'; 1000], vec![b'c'; 100_000]].concat();
    client.check(response.body == sent, "the echo is not what was sent");
    client.expect_fin();
    client.expect_no_more_goaways();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (1, 0));
}

/// A handler that waits learns that the server drains, and how many milliseconds are
/// left, at the beginning of the close and not at its end.
#[test]
fn scenario_11_handlers_learn_that_the_server_drains() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let stream = client.request("GET", "/drain");
    client.ping_and_wait(*b"taken in");
    let start = demo.terminate();
    let response = client.response(stream);
    let took = start.elapsed();
    client.expect_complete(&response);
    let left_ms: u128 = response.text().trim().parse().unwrap_or(0);
    let sensible = left_ms > 0 && left_ms <= LONG_DRAIN.as_millis();
    client.check(sensible, &format!("{left_ms} ms left of the deadline"));
    client.check(took < SLACK, &format!("told only after {took:?}"));
    client.expect_graceful_close(stream);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// A response that is complete before the upload: END_STREAM, then RST_STREAM(NO_ERROR),
/// which says that the rest is not needed (section 8.1). The drain does not wait for an
/// upload that nobody reads.
#[test]
fn scenario_12_early_response_to_an_unfinished_upload() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let stream = client.upload("POST", "/nowhere");
    client.data(stream, &[b'x'; 1000], false);
    let response = client.response(stream);
    client.expect_complete(&response);
    client.check(response.status == 404, "not 404");
    demo.terminate();
    client.expect_graceful_close(stream);
    let reset = client.transcript.reset_of(stream).map(|(_, code)| code);
    client.check(reset == Some(code::NO_ERROR), "no RST_STREAM(NO_ERROR)");
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!(report.streams_reset, 0, "{report:?}");
}

/// A client that closes its sending side after its requests, because it has no more
/// requests, gets all responses before and during a close, and both GOAWAYs; then FIN.
#[test]
fn scenario_05_half_closed_clients_get_their_responses() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut clients = [demo.open(), demo.open()];
    let streams = clients.each_mut().map(|client| [client.request("GET", "/slow"), client.request("GET", "/count/20")]);
    let [early, late] = &mut clients;
    early.finish_writing();
    late.ping_and_wait(*b"taken in");
    demo.terminate();
    late.expect_first_goaway();
    late.finish_writing();
    for (client, [slow, count]) in clients.iter_mut().zip(streams) {
        let response = client.response(slow);
        client.expect_complete(&response);
        client.check(response.text() == "slow", "not `slow`");
        let response = client.response(count);
        client.expect_complete(&response);
        client.check(response.body.len() == 20 * 1024, "not 20 KiB");
        client.expect_fin();
    }
    let report = demo.expect_early_exit();
    assert_eq!(report.sessions_forced, 0, "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (4, 0), "{report:?}");
}

/// A thousand uploads get a response before their clients have sent everything, as with a
/// round trip of 100 ms. Each gets its response, and the data in flight costs the clients
/// nothing. Then the session closes gracefully.
#[test]
fn scenario_12_a_thousand_uploads_with_early_responses() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    for round in 1..=10 {
        let streams: Vec<u32> = (0..100).map(|_| client.upload("POST", "/nowhere")).collect();
        let complete = |transcript: &Transcript| transcript.positions(Frame::ends_stream).count() == 100 * round;
        let come = client.read_until(PATIENCE, complete);
        client.check(come, "some are not answered");
        thread::sleep(Duration::from_millis(100));
        let bodies: Vec<Frame> = streams.iter().map(|&stream| Frame::data(stream, &[b'x'; 1000], true)).collect();
        client.send_together(&bodies);
        let response = Response::gather(&client.transcript, streams[99]);
        client.check(response.status == 404, "not 404");
    }
    client.expect_undisturbed();
    demo.terminate();
    client.expect_graceful_close(2001);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_reset, report.streams_refused), (0, 0), "{report:?}");
}

/// A client sends GOAWAY while its stream is open. It gets the rest of the response, then
/// the server's GOAWAY and FIN (section 6.8). The session stays in the list until its
/// socket has closed: the GOAWAY of a peer does not end it.
#[test]
fn scenario_24_client_goaway_with_a_stream_open() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut leaving = demo.open();
    let mut watching = demo.open();
    let id = watching.id_of(&leaving);
    let stream = leaving.request("GET", "/count/40");
    leaving.expect_data(stream);
    leaving.send(Frame::goaway(0, code::NO_ERROR, b"leaving"));
    leaving.ping_and_wait(*b"told you");
    let listed = watching.find_session(&leaving).is_some();
    let over = leaving.transcript.is_over(stream);
    watching.check(listed || over, "unlisted while its stream runs");
    let response = leaving.response(stream);
    leaving.expect_complete(&response);
    leaving.check(response.body.len() == 40 * 1024, "not 40 KiB");
    expect_last_word(&mut leaving, stream);
    watching.expect_unlisted(id);
    watching.expect_undisturbed();
    demo.terminate();
    drop(watching);
    demo.expect_early_exit();
}

/// A client that sends GOAWAY while idle is closed at once, although the server does not
/// close.
#[test]
fn scenario_24_client_goaway_while_idle() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut leaving = demo.open();
    let mut watching = demo.open();
    let id = watching.id_of(&leaving);
    let response = leaving.get("/");
    leaving.expect_hello(&response);
    leaving.send(Frame::goaway(0, code::NO_ERROR, b""));
    expect_last_word(&mut leaving, 1);
    watching.expect_unlisted(id);
    watching.expect_closed_event(id);
    watching.expect_undisturbed();
    demo.terminate();
    drop(watching);
    demo.expect_early_exit();
}

/// The end of a session after the client's GOAWAY: FIN, and before it the last GOAWAY
/// with `last_stream`.
fn expect_last_word(client: &mut Client, last_stream: u32) {
    client.expect_fin();
    let goaways = client.transcript.goaways();
    let last = goaways.last().map(|goaway| (goaway.last_stream, goaway.code));
    let fits = last == Some((last_stream, code::NO_ERROR));
    client.check(fits, &format!("the last GOAWAY is not ({last_stream}, NO_ERROR)"));
}

/// A draining session is still a session: PING and SETTINGS are acknowledged after both
/// GOAWAYs (sections 6.5.3 and 6.7), and its stream continues.
#[test]
fn invariant_ping_and_settings_are_acknowledged_while_draining() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let stream = client.request("GET", "/stream");
    client.expect_data(stream);
    demo.terminate();
    client.expect_first_goaway();
    client.expect_final_goaway(stream);
    client.ping_and_wait(*b"draining");
    client.settings_and_wait(&[(setting::MAX_FRAME_SIZE, 32_768)]);
    let response = client.response(stream);
    client.expect_complete(&response);
    client.expect_fin();
    let acked_while_running = ack_precedes_end(&client.transcript, stream);
    client.check(acked_while_running, "answered only when the stream had ended");
    let report = demo.expect_exit(LONG_DRAIN);
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

fn ack_precedes_end(transcript: &Transcript, stream: u32) -> bool {
    let answers = |frame: &Frame| frame.is_ack();
    let end = |frame: &Frame| frame.stream == stream && frame.ends_stream();
    transcript.positions(answers).last() < transcript.positions(end).next()
}

/// Every GOAWAY of a graceful close is on stream 0. The first one allows every stream,
/// and the second one follows the acknowledgement of the PING between them (section 6.8).
#[test]
fn invariant_the_second_goaway_waits_for_the_ping() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    demo.terminate();
    client.expect_graceful_close(0);
    let goaways = client.transcript.goaways();
    let last: Vec<u32> = goaways.iter().map(|goaway| goaway.last_stream).collect();
    assert_eq!(last, [MAX_STREAM, 0]);
    let first = client.transcript.goaway_position(0);
    let second = client.transcript.goaway_position(1);
    let answered = client
        .transcript
        .entries
        .iter()
        .rposition(|entry| entry.sent && entry.frame.kind == kind::PING && entry.frame.is_ack());
    client.check(first < answered, "no PING was answered");
    client.check(answered < second, "the second GOAWAY did not wait");
    demo.expect_early_exit();
}
