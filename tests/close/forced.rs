//! Closing while a stream does not end by itself. It is reset at the deadline, and the
//! client can distinguish a cut response from a complete one.

use std::thread;
use std::time::{Duration, Instant};

use crate::kit::frame::MAX_STREAM;
use crate::kit::{Behaviour, CAP, Client, Demo, Ended, Frame, PATIENCE, Response, SLACK, code, setting};
use crate::{LONG_DRAIN, SHORT_DRAIN};

/// Handlers that never respond: at the deadline, not earlier, each open stream gets
/// RST_STREAM(CANCEL) and never END_STREAM. The GOAWAY with the last of them was sent
/// before, and the FIN follows within a second.
#[test]
fn scenario_09_stalled_handlers_are_reset_at_the_deadline() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut client = demo.open();
    let streams = [1, 3, 5];
    for stream in streams {
        assert_eq!(client.request("GET", "/hang"), stream);
    }
    client.ping_and_wait(*b"taken in");
    let start = demo.terminate();
    client.expect_first_goaway();
    client.expect_final_goaway(5);
    for stream in streams {
        let at = client.expect_rst_stream(stream, code::CANCEL);
        client.check_deadline("RST_STREAM", start, SHORT_DRAIN, at);
    }
    let end = client.expect_fin();
    client.check_deadline("FIN", start, SHORT_DRAIN, end);
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (0, 3));
}

/// The same with a client that has stopped in the middle of a DATA frame: both GOAWAYs
/// are sent, the second one after its limit of 1 s, and the stream is reset at the
/// deadline.
#[test]
fn scenario_09_stopped_in_the_middle_of_a_frame() {
    const DRAIN: Duration = Duration::from_secs(2);
    let mut demo = Demo::start(DRAIN);
    let mut client = demo.open();
    let stream = client.upload("POST", "/echo");
    client.data(stream, b"before", false);
    client.expect_data(stream);
    client.behaviour = Behaviour { ack_settings: false, ack_ping: false, open_window: false };
    client.raw(&Frame::data(stream, &[b'x'; 100], true).encode()[..50]);
    thread::sleep(Duration::from_millis(50));
    let start = demo.terminate();
    client.expect_first_goaway();
    let last_call = client.expect_final_goaway(stream);
    client.check_deadline("second GOAWAY", start, CAP, last_call);
    let at = client.expect_rst_stream(stream, code::CANCEL);
    client.check_deadline("RST_STREAM", start, DRAIN, at);
    client.expect_fin();
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
}

/// A body without content-length is cut: the client must get RST_STREAM, because an
/// END_STREAM or the end of the connection would look like a complete response (section
/// 8.1).
#[test]
fn scenario_10_a_cut_body_does_not_look_complete() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut client = demo.open();
    let stream = client.request("GET", "/count/1000");
    client.expect_data(stream);
    let start = demo.terminate();
    let at = client.expect_rst_stream(stream, code::CANCEL);
    client.check_deadline("RST_STREAM", start, SHORT_DRAIN, at);
    let response = client.response(stream);
    client.check(response.status == 200, "not 200");
    let unbounded = response.header("content-length").is_none();
    client.check(unbounded, "a content-length would tell the cut anyway");
    client.expect_fin();
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
    assert_eq!(report.streams_reset, 1, "{report:?}");
}

/// Closes the server. The stream is reset at the deadline, and not earlier.
#[track_caller]
fn expect_cut_at_the_deadline(demo: &mut Demo, client: &mut Client, stream: u32) {
    let start = demo.terminate();
    client.expect_first_goaway();
    client.expect_final_goaway(stream);
    let at = client.expect_rst_stream(stream, code::CANCEL);
    client.check_deadline("RST_STREAM", start, SHORT_DRAIN, at);
    client.expect_fin();
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
    assert_eq!(report.streams_reset, 1, "{report:?}");
}

/// An upload that never ends is reset like a response that never ends.
#[test]
fn scenario_11_an_upload_that_never_finishes() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut client = demo.open();
    let stream = client.upload("POST", "/echo");
    client.data(stream, &[b'x'; 1000], false);
    client.expect_data(stream);
    expect_cut_at_the_deadline(&mut demo, &mut client, stream);
}

/// A peer that stops reading a response of 8 MiB cannot receive anything. Its socket is
/// closed with SO_LINGER 0, so that neither the server nor the kernel keeps its bytes.
/// The report says that some were not sent.
#[test]
fn scenario_13_peer_stops_reading() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let (mut client, stream) = open_non_reader(&demo);
    demo.terminate();
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
    assert!(report.bytes_unsent > 0, "{report:?}");
    client.expect_reset_by_kernel();
    expect_cut(&mut client, stream);
}

/// The same with one session of a server that continues: the server itself closes the
/// socket, not the kernel at the end of the process.
#[test]
fn scenario_13_a_session_whose_peer_stops_reading() {
    let mut demo = Demo::start(LONG_DRAIN);
    let (mut client, stream) = open_non_reader(&demo);
    let mut watching = demo.open();
    let id = watching.id_of(&client);
    let start = Instant::now();
    assert_eq!(watching.close_session(id, SHORT_DRAIN), 204);
    watching.expect_unlisted(id);
    watching.check_deadline("end", start, SHORT_DRAIN, Instant::now());
    assert_eq!(watching.expect_closed_event(id), "forced");
    client.expect_reset_by_kernel();
    expect_cut(&mut client, stream);
    watching.expect_undisturbed();
    demo.terminate();
    drop(watching);
    demo.expect_early_exit();
}

/// A client with an outstanding `GET /big` and large windows, which reads nothing more.
fn open_non_reader(demo: &Demo) -> (Client, u32) {
    let mut client = Client::connect(demo.address());
    client.shrink_receive_buffer();
    client.behaviour.open_window = false;
    client.preface(&[(setting::INITIAL_WINDOW_SIZE, MAX_STREAM)]);
    client.settle();
    client.send(Frame::window_update(0, MAX_STREAM - 65_535));
    let stream = client.request("GET", "/big");
    client.expect_data(stream);
    thread::sleep(Duration::from_millis(300));
    (client, stream)
}

fn expect_cut(client: &mut Client, stream: u32) {
    let response = Response::gather(&client.transcript, stream);
    let cut = response.ended != Ended::Complete;
    client.check(cut, "END_STREAM on an answer that was cut");
}

/// A peer that reads but never opens the window of the stream (section 6.9) gets the same
/// as the client of a stalled handler.
#[test]
fn scenario_14_stream_window_never_opened() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, 0)]);
    let stream = client.request("GET", "/");
    client.expect_headers(stream);
    expect_cut_at_the_deadline(&mut demo, &mut client, stream);
}

/// Peers that keep sending PINGs or DATA without reading still receive the GOAWAY and a
/// FIN, without exception. A socket that is closed with unread input would be reset, and
/// the reset would overtake the GOAWAY.
///
/// The code of the GOAWAY may be ENHANCE_YOUR_CALM, because a flood exceeds a budget.
#[test]
fn scenario_16_a_flood_does_not_cost_the_goaway() {
    const OF_EACH: usize = 12;
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut idle = [0; OF_EACH].map(|_| demo.open());
    let mut busy = [0; OF_EACH].map(|_| demo.open());
    let streams = busy.each_mut().map(|client| client.upload("POST", "/echo"));
    demo.terminate();
    thread::scope(|scope| {
        for client in &mut idle {
            scope.spawn(|| {
                flood_with_pings(client);
                client.expect_fin();
            });
        }
        for (client, stream) in busy.iter_mut().zip(streams) {
            scope.spawn(move || {
                flood_with_data(client, stream);
                client.expect_fin();
            });
        }
    });
    let report = demo.expect_exit_in_time();
    assert_eq!(report.sessions(), 2 * OF_EACH as i64, "{report:?}");
}

/// A peer that has received the final GOAWAY and keeps sending is read for 4 MiB at most:
/// it can send no more than that and what the two kernels buffer.
#[test]
fn scenario_16_a_flood_after_the_final_goaway_is_bounded() {
    const MOST: usize = 32 << 20;
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    demo.terminate();
    client.expect_graceful_close_and_stay(0);
    let burst = Frame::ping(*b"flooding").encode().repeat(4096);
    let (start, mut sent) = (Instant::now(), 0);
    while client.try_raw(&burst).is_ok() {
        sent += burst.len();
        client.check(sent < MOST, &format!("{sent} bytes were read after the final GOAWAY"));
    }
    client.check(start.elapsed() < CAP + SLACK, "the socket is not closed in time");
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// After the first PING was acknowledged, so that the session can end: PINGs for 300 ms
/// without reading a byte, beyond the end of the session.
/// 300 ms without reading a byte, through its end and beyond.
fn flood_with_pings(client: &mut Client) {
    client.expect_first_goaway();
    let burst = Frame::ping(*b"flooding").encode().repeat(20);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(300) && client.try_raw(&burst).is_ok() {
        thread::sleep(Duration::from_micros(200));
    }
}

/// DATA as fast as the windows allow until the stream is reset, and the rest of the
/// windows after it, like a client that has not read the reset yet.
fn flood_with_data(client: &mut Client, stream: u32) {
    let start = Instant::now();
    while !client.transcript.is_over(stream) && client.transcript.end.is_none() {
        client.check(start.elapsed() < PATIENCE, "the stream does not end");
        send_some_data(client, stream);
        client.pump(Duration::from_millis(1));
    }
    while send_some_data(client, stream) {}
}

fn send_some_data(client: &mut Client, stream: u32) -> bool {
    let length = client.windows.allowed(stream).min(4096);
    client.windows.spend(stream, length);
    let frame = Frame::data(stream, &vec![b'x'; length], false);
    length > 0 && client.try_raw(&frame.encode()).is_ok()
}

/// A handler that does not return blocks its thread, but not the close: the report is
/// there at the deadline, while the handler still sleeps, and counts its session as
/// forced.
#[test]
fn scenario_30_a_stuck_handler_does_not_hold_the_close() {
    let stuck = Duration::from_secs(12);
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut client = demo.open();
    client.request("GET", &format!("/stuck?ms={}", stuck.as_millis()));
    thread::sleep(Duration::from_millis(200));
    let start = demo.terminate();
    let bound = SHORT_DRAIN + CAP + SLACK;
    let report = demo.expect_report(bound);
    let took = start.elapsed();
    assert!(took < bound, "the report came after {took:?}");
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
    assert!((report.elapsed_ms as u128) < bound.as_millis(), "{report:?}");
    demo.expect_exit(stuck + SLACK);
    client.read_until_end();
}

/// A host exits without a close, inside a callback and with open requests: the process
/// ends at once, and no cut response looks complete.
#[test]
fn scenario_29_the_host_exits_without_a_close() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut idle = demo.open();
    let mut busy = demo.open();
    let stream = busy.request("GET", "/stream");
    busy.request("GET", "/hang");
    busy.expect_data(stream);
    idle.request("POST", "/exit");
    demo.expect_silent_exit(CAP + SLACK);
    for client in [&mut idle, &mut busy] {
        client.read_until(PATIENCE, |transcript| transcript.end.is_some());
        client.check(client.transcript.end.is_some(), "the connection goes on without a process");
    }
    expect_cut(&mut busy, stream);
}
