//! Closing while something does not end by itself: at the deadline it is ended,
//! in time, and the client can tell a cut answer from a whole one.

use std::thread;
use std::time::{Duration, Instant};

use crate::kit::frame::MAX_STREAM;
use crate::kit::{Behaviour, CAP, Client, Demo, Ended, Frame, PATIENCE, Response, SLACK, code, setting};
use crate::{LONG_DRAIN, SHORT_DRAIN};

/// Handlers that never answer: at the deadline, not earlier, each open stream
/// gets RST_STREAM(CANCEL) and never an END_STREAM; the GOAWAY that names the
/// last of them came before; FIN within a second after.
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

/// The same where the client has stopped in the middle of an upload's frame: both
/// GOAWAYs, the second one after its cap, and the stream is reset at the deadline.
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

/// A body without content-length that is cut: the client must see RST_STREAM,
/// since an END_STREAM or a bare end would pass for the whole (section 8.1).
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

/// The server is told to close; the stream is reset at the deadline, and not before.
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

/// An upload that never finishes ends like an answer that never does.
#[test]
fn scenario_11_an_upload_that_never_finishes() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut client = demo.open();
    let stream = client.upload("POST", "/echo");
    client.data(stream, &[b'x'; 1000], false);
    client.expect_data(stream);
    expect_cut_at_the_deadline(&mut demo, &mut client, stream);
}

/// A peer that stops reading an answer of 8 MiB can be told nothing. Its socket
/// is thrown away (SO_LINGER 0), so that neither we nor the kernel keep its
/// bytes, and the report says that some were never sent.
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

/// The same with one session of a server that lives on: it is the server that
/// throws the socket away, not the kernel of a process that exits.
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

/// A client with `GET /big` under way and every window wide open, that will not
/// read any more.
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

/// A peer that reads but never opens the stream's window (section 6.9) gets what
/// a stalled handler's client gets.
#[test]
fn scenario_14_stream_window_never_opened() {
    let mut demo = Demo::start(SHORT_DRAIN);
    let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, 0)]);
    let stream = client.request("GET", "/");
    client.expect_headers(stream);
    expect_cut_at_the_deadline(&mut demo, &mut client, stream);
}

/// Peers that keep sending without looking, PINGs or DATA, still get to read
/// the GOAWAY and a FIN: a socket closed over unread input would be reset, and
/// the reset would overtake the GOAWAY. Every one of them, not most.
///
/// The code of the GOAWAY may be ENHANCE_YOUR_CALM: a flood is a flood.
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

/// A peer that reads its goodbye and goes on sending as fast as it can is read for
/// 4 MiB and no more, and not for as long as it likes: what it gets rid of is that and
/// what the two kernels hold.
#[test]
fn scenario_16_a_flood_behind_the_goodbye_is_bounded() {
    const MOST: usize = 32 << 20;
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    demo.terminate();
    client.expect_goodbye_and_stay(0);
    let burst = Frame::ping(*b"flooding").encode().repeat(4096);
    let (start, mut sent) = (Instant::now(), 0);
    while client.try_raw(&burst).is_ok() {
        sent += burst.len();
        client.check(sent < MOST, &format!("{sent} bytes were read behind the goodbye"));
    }
    client.check(start.elapsed() < CAP + SLACK, "the socket is not closed in time");
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// Once the first PING is answered, so that nothing keeps the session: PINGs for
/// 300 ms without reading a byte, through its end and beyond.
fn flood_with_pings(client: &mut Client) {
    client.expect_first_goaway();
    let burst = Frame::ping(*b"flooding").encode().repeat(20);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(300) && client.try_raw(&burst).is_ok() {
        thread::sleep(Duration::from_micros(200));
    }
}

/// DATA as fast as the windows let it go until the stream is reset, and what
/// they still allow after it, as any client sends that has not read it yet.
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

/// A handler that never returns in time blocks the thread it was called on, not
/// the close: the report is there at the deadline, while the handler still
/// sleeps, and counts its session as forced.
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

/// A host that exits without a close, from inside a callback and with requests
/// under way: it is gone at once and in peace, and no cut answer looks complete.
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
