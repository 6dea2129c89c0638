//! Closing without open streams.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::LONG_DRAIN;
use crate::kit::frame::PREFACE;
use crate::kit::stream::{Stream, is_tls};
use crate::kit::{Behaviour, CAP, Client, Demo, End, Frame, PATIENCE, SLACK, kind};

/// An idle session gets two GOAWAYs, as section 6.8 recommends: GOAWAY(2^31-1) with a
/// PING, and after the acknowledgement the GOAWAY with stream 1; then FIN. The end is
/// graceful, long before the deadline.
#[test]
fn scenario_01_idle_after_one_request() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let response = client.get("/");
    client.expect_hello(&response);
    demo.terminate();
    client.expect_graceful_close(1);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_reset, report.streams_refused), (0, 0));
    assert_eq!(report.bytes_unsent, 0);
}

/// Streams that arrive after the final GOAWAY, while the socket lingers for the peer's
/// FIN, are too late like those before it: each is counted as refused.
#[test]
fn scenario_07_streams_after_the_final_goaway_are_counted() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let response = client.get("/");
    client.expect_hello(&response);
    demo.terminate();
    client.expect_first_goaway();
    client.expect_final_goaway(1);
    let end = client.read_until_end();
    client.check(end == End::Fin, "no FIN");
    for _ in 0..10 {
        client.request("GET", "/");
    }
    client.finish_writing();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_refused), (0, 10), "{report:?}");
}

/// A session without any request gets the same frames. The last stream identifier 0 tells
/// the client that nothing was processed (section 6.8).
#[test]
fn scenario_02_idle_without_a_request() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    demo.terminate();
    client.expect_graceful_close(0);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// A peer that never acknowledges the PING (section 6.7 requires it) gets the second
/// GOAWAY and the FIN after the limit of 1 s: a missing round trip must not cost the
/// whole deadline. The end is graceful, because nothing was cut.
#[test]
fn scenario_03_ping_never_acknowledged() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let response = client.get("/");
    client.expect_hello(&response);
    client.behaviour.ack_ping = false;
    let start = demo.terminate();
    client.expect_first_goaway();
    let last_call = client.expect_final_goaway(1);
    let took = last_call - start;
    client.check(took < CAP + SLACK, &format!("second GOAWAY after {took:?}"));
    client.expect_fin();
    client.expect_no_more_goaways();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// A peer that has stopped in the middle of a frame is treated like one that never
/// acknowledges the PING, because it cannot send anything: it gets the second GOAWAY and,
/// without open streams, the FIN.
#[test]
fn scenario_03_stopped_in_the_middle_of_a_frame() {
    let ping = Frame::ping(*b"unended!").encode();
    let mut demo = Demo::start(LONG_DRAIN);
    // In the frame header, after it, and in the payload.
    let mut clients = [3, 9, 12].map(|length| {
        let mut client = demo.open();
        let response = client.get("/");
        client.expect_hello(&response);
        client.behaviour = Behaviour { ack_settings: false, ack_ping: false, open_window: false };
        client.raw(&ping[..length]);
        client
    });
    thread::sleep(Duration::from_millis(50));
    let start = demo.terminate();
    for client in &mut clients {
        client.expect_first_goaway();
        let last_call = client.expect_final_goaway(1);
        client.check_deadline("second GOAWAY", start, CAP, last_call);
        client.expect_fin();
        client.expect_no_more_goaways();
    }
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (3, 0, 0, 0), "{report:?}");
}

/// A client closes its connection after the first GOAWAY, without acknowledging the PING,
/// as GOAWAY asks it to do. The session ends at once, and counts as graceful.
#[test]
fn scenario_04_peer_leaves_on_the_first_goaway() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    client.behaviour.ack_ping = false;
    demo.terminate();
    client.expect_first_goaway();
    drop(client);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// The same with a half-close: the client has nothing more to send but still reads. It
/// gets the FIN.
#[test]
fn scenario_04_peer_half_closes_on_the_first_goaway() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    client.behaviour.ack_ping = false;
    demo.terminate();
    client.expect_first_goaway();
    client.finish_writing();
    client.expect_fin();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// The same seen by the host: the last event of the session is graceful, it leaves the
/// list, and there is no error event.
#[test]
fn scenario_04_peer_leaves_and_no_error_is_reported() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut leaving = demo.open();
    let mut watching = demo.open();
    let id = watching.id_of(&leaving);
    leaving.behaviour.ack_ping = false;
    assert_eq!(watching.close_session(id, LONG_DRAIN), 204);
    leaving.expect_first_goaway();
    drop(leaving);
    watching.expect_unlisted(id);
    assert_eq!(watching.expect_closed_event(id), "graceful");
    let events = watching.events_of(id);
    let errors = events.iter().any(|event| event.contains("error"));
    watching.check(!errors, &format!("an error among {events:?}"));
    demo.terminate();
    drop(watching);
    demo.expect_early_exit();
}

/// A peer that receives the FIN and keeps its side open delays the server by the linger
/// time of 1 s at most.
#[test]
fn scenario_15_peer_keeps_its_side_open() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    demo.terminate();
    client.expect_graceful_close_and_stay(0);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    let bound = (CAP + SLACK).as_millis();
    assert!((report.elapsed_ms as u128) < bound, "{report:?}");
    drop(client);
}

/// The same with one session of a server that continues: the descriptor is closed, which
/// the peer learns when it sends again.
#[test]
fn scenario_15_the_socket_of_a_closed_session_is_gone() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut lingering = demo.open();
    let mut watching = demo.open();
    let id = watching.id_of(&lingering);
    assert_eq!(watching.close_session(id, LONG_DRAIN), 204);
    lingering.expect_first_goaway();
    lingering.expect_final_goaway(0);
    let end = lingering.read_until_end();
    lingering.check(end == End::Fin, "no FIN");
    watching.expect_unlisted(id);
    expect_nobody_there(&mut lingering);
    demo.terminate();
    drop(watching);
    demo.expect_early_exit();
}

/// Sends until the kernel reports that the other end has no socket any more.
fn expect_nobody_there(client: &mut Client) {
    let ping = Frame::ping(*b"anybody?").encode();
    let deadline = Instant::now() + PATIENCE;
    while client.try_raw(&ping).is_ok() {
        let open = Instant::now() > deadline;
        client.check(!open, "the session is unlisted, its socket still open");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A connection that has sent no byte is not a session (section 3.4): it is closed at
/// once, with or without SETTINGS and GOAWAY, and counts as a handshake.
#[test]
fn scenario_17_connected_and_silent() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut silent = Client::connect(demo.address());
    // The first frames of the server, or nothing: it has accepted the connection by then.
    silent.read_for(Duration::from_millis(100));
    demo.terminate();
    silent.expect_fin();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (0, 0, 1, 0), "{report:?}");
}

/// The same in the middle of the preface.
#[test]
fn scenario_17_half_a_preface() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = Client::connect(demo.address());
    client.raw(&PREFACE[..10]);
    client.read_for(Duration::from_millis(100));
    demo.terminate();
    client.expect_fin();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (0, 0, 1, 0), "{report:?}");
}

/// A client that never acknowledges the server's SETTINGS (section 6.5.3) gets GOAWAY,
/// and is not waited for.
#[test]
fn scenario_17_settings_never_acknowledged() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = Client::connect(demo.address());
    client.behaviour.ack_settings = false;
    client.preface(&[]);
    client.ping_and_wait(*b"noticed?");
    demo.terminate();
    client.expect_fin();
    let told = !client.transcript.goaways().is_empty();
    client.check(told, "no GOAWAY");
    let report = demo.expect_early_exit();
    assert_eq!((report.sessions(), report.sessions_forced), (1, 0));
}

/// Connections in the accept queue at the beginning of the close are accepted and closed
/// in order, not reset by the kernel: those without a byte get a FIN, those with a
/// preface a GOAWAY. A request that was sent with the preface gets its response, because
/// the server had not said otherwise when it was sent.
///
/// The process is stopped while the connections and the signal arrive, so that it finds
/// all of them at once.
#[test]
fn scenario_19_connections_in_the_accept_queue() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut settled = demo.open();
    demo.freeze();
    let mut silent = [0; 4].map(|_| Client::connect(demo.address()));
    // A TLS handshake is impossible with a stopped process.
    let eager = if is_tls() { 0 } else { 4 };
    let mut eager: Vec<_> = (0..eager).map(|_| Client::connect(demo.address())).collect();
    for client in &mut eager {
        client.preface(&[]);
        client.request("GET", "/");
    }
    demo.terminate();
    demo.resume();
    settled.expect_graceful_close(0);
    for client in &mut silent {
        client.expect_fin();
    }
    for client in &mut eager {
        client.expect_fin();
        let response = client.response(1);
        client.expect_hello(&response);
    }
    let report = demo.expect_early_exit();
    assert_eq!((report.sessions(), report.sessions_forced), (5 + eager.len() as i64, 0), "{report:?}");
}

/// During the drain the kernel refuses new connections. A listener that accepts and then
/// stays silent would be worse.
#[test]
fn scenario_19_new_connections_are_refused() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    client.request("GET", "/hang");
    client.ping_and_wait(*b"taken in");
    demo.terminate();
    client.expect_first_goaway();
    demo.expect_refuses_connections();
    // A signal that follows sooner counts as the same request.
    thread::sleep(Duration::from_millis(150));
    demo.terminate();
    client.expect_fin();
    demo.expect_exit(LONG_DRAIN);
}

/// Ten thousand idle sessions, or as many as there are descriptors for: each peer gets
/// its GOAWAY at once and leaves, and each session is counted.
#[test]
fn scenario_28_ten_thousand_idle_sessions() {
    // The client side of so many handshakes is work of this test.
    let count = affordable(if is_tls() { 500 } else { 10_000 });
    let mut demo = Demo::start(LONG_DRAIN);
    let mut hello = PREFACE.to_vec();
    hello.extend(Frame::settings(&[]).encode());
    hello.extend(Frame::settings_ack().encode());
    let mut peers: Vec<Stream> = Vec::new();
    for _ in 0..count {
        let mut peer = Stream::connect(demo.address()).expect("connect");
        peer.socket().set_read_timeout(Some(PATIENCE)).expect("a timeout");
        peer.write_all(&hello).expect("preface");
        peers.push(peer);
    }
    // The acknowledgement of a peer's SETTINGS shows that the session has begun.
    let ack = Frame::settings_ack().encode();
    peers.iter_mut().for_each(|peer| read_until(peer, &ack));
    let start = demo.terminate();
    // The PING follows the first GOAWAY, so it arrives last.
    let mut told = peers.into_iter().map(|mut peer| {
        let mut bytes = [0; 17 + 17];
        peer.read_exact(&mut bytes).expect("GOAWAY and PING");
        (bytes[3], bytes[17 + 3])
    });
    assert!(told.all(|kinds| kinds == (kind::GOAWAY, kind::PING)), "first GOAWAY, then PING");
    let took = start.elapsed();
    assert!(took < CAP + SLACK, "the last of {count} was told after {took:?}");
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (count as i64, 0, 0, 0), "{report:?}");
}

fn read_until(peer: &mut Stream, end: &[u8]) {
    let (mut come, mut bytes) = (Vec::<u8>::new(), [0; 256]);
    while !come.windows(end.len()).any(|bytes| bytes == end) {
        let read = peer.read(&mut bytes).expect("SETTINGS");
        assert!(read > 0, "it was closed");
        come.extend(&bytes[..read]);
    }
}

/// As many as `wanted`, or the limit on descriptors of this process, which its children
/// have, too.
fn affordable(wanted: usize) -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls only read the structure.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
    }
    // Other tests of this process need some as well.
    wanted.min((limit.rlim_cur as usize).saturating_sub(1000)).max(100)
}
