//! Closing while nobody waits for anything: the goodbye alone.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::LONG_DRAIN;
use crate::kit::frame::PREFACE;
use crate::kit::stream::{Stream, is_tls};
use crate::kit::{Behaviour, CAP, Client, Demo, End, Frame, PATIENCE, SLACK, kind};

/// An idle session that has had its answer is told twice, as section 6.8
/// recommends: GOAWAY(2^31-1) with a PING, and once the PING is answered the
/// GOAWAY that names stream 1; then FIN. A graceful end, long before the
/// deadline.
#[test]
fn scenario_01_idle_after_one_request() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let response = client.get("/");
    client.expect_hello(&response);
    demo.terminate();
    client.expect_goodbye(1);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    assert_eq!((report.streams_reset, report.streams_refused), (0, 0));
    assert_eq!(report.bytes_unsent, 0);
}

/// Streams that come after the end of the goodbye, while the socket lingers for
/// the peer's FIN, are too late as those before it: each is counted as refused.
#[test]
fn scenario_07_streams_behind_the_goodbye_are_counted() {
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

/// A session without any request gets the same goodbye, and the last-stream-id
/// 0 tells the client that nothing of it was processed (section 6.8).
#[test]
fn scenario_02_idle_without_a_request() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    demo.terminate();
    client.expect_goodbye(0);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
}

/// A peer that never answers the PING (section 6.7 says it must) gets the second
/// GOAWAY and the FIN after the cap of 1 s all the same: a round trip that does
/// not happen must not cost the whole deadline. It is graceful: nothing was cut.
#[test]
fn scenario_03_ping_never_answered() {
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

/// A peer that has stopped in the middle of a frame is told as one that never answers
/// the PING, since it can say nothing any more: the second GOAWAY, and with nothing
/// open the FIN.
#[test]
fn scenario_03_stopped_in_the_middle_of_a_frame() {
    let ping = Frame::ping(*b"unended!").encode();
    let mut demo = Demo::start(LONG_DRAIN);
    // In the head, right behind it, and in the payload.
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

/// A client that closes its connection on the first GOAWAY, without answering
/// the PING, has done what GOAWAY asks for: the server is done with it at once,
/// and counts a graceful end.
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

/// As before, by a half-close: the client has nothing more to say but still
/// reads. It gets its FIN.
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

/// The same seen from inside: the session's last event says graceful, it leaves
/// the list, and nothing was an error.
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

/// A peer that takes our FIN and keeps its side open holds the server up by the
/// linger of 1 s and no longer.
#[test]
fn scenario_15_peer_keeps_its_side_open() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    demo.terminate();
    client.expect_goodbye_and_stay(0);
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 0), "{report:?}");
    let bound = (CAP + SLACK).as_millis();
    assert!((report.elapsed_ms as u128) < bound, "{report:?}");
    drop(client);
}

/// As before with one session of a server that lives on: the descriptor is
/// closed, which the peer learns when it sends again.
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

/// Sends until the kernel says that the other end has no socket any more.
fn expect_nobody_there(client: &mut Client) {
    let ping = Frame::ping(*b"anybody?").encode();
    let deadline = Instant::now() + PATIENCE;
    while client.try_raw(&ping).is_ok() {
        let open = Instant::now() > deadline;
        client.check(!open, "the session is unlisted, its socket still open");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A connection that never sent a byte is no session (section 3.4): it is let go
/// at once, with or without SETTINGS and GOAWAY, and counted as a handshake.
#[test]
fn scenario_17_connected_and_silent() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut silent = Client::connect(demo.address());
    // What the server sends first, or nothing: it has accepted by then.
    silent.read_for(Duration::from_millis(100));
    demo.terminate();
    silent.expect_fin();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (0, 0, 1, 0), "{report:?}");
}

/// The same in the midst of the preface.
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

/// A client that never acknowledges our SETTINGS (section 6.5.3) is told and let
/// go without waiting for it.
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

/// What stands in the accept queue when the close begins is accepted and told,
/// not thrown away by the kernel: the silent get a FIN, those with a preface a
/// GOAWAY. A request that came with the preface is answered: the server has not
/// said anything to the contrary when it is sent.
///
/// The process is stopped while the connections and the signal gather, so that
/// it meets all of them at once.
#[test]
fn scenario_19_connections_in_the_accept_queue() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut settled = demo.open();
    demo.freeze();
    let mut silent = [0; 4].map(|_| Client::connect(demo.address()));
    // With TLS nobody can say anything to a process that stands still.
    let eager = if is_tls() { 0 } else { 4 };
    let mut eager: Vec<_> = (0..eager).map(|_| Client::connect(demo.address())).collect();
    for client in &mut eager {
        client.preface(&[]);
        client.request("GET", "/");
    }
    demo.terminate();
    demo.resume();
    settled.expect_goodbye(0);
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

/// Once the server drains, the kernel refuses whoever comes: a listener that
/// still accepts and then says nothing is worse than none.
#[test]
fn scenario_19_new_connections_are_refused() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    client.request("GET", "/hang");
    client.ping_and_wait(*b"taken in");
    demo.terminate();
    client.expect_first_goaway();
    demo.expect_refuses_connections();
    // A signal that comes sooner is the same wish.
    thread::sleep(Duration::from_millis(150));
    demo.terminate();
    client.expect_fin();
    demo.expect_exit(LONG_DRAIN);
}

/// Ten thousand idle sessions, or as many as there are descriptors for: each
/// peer is told at once and leaves, and each is counted.
#[test]
fn scenario_28_ten_thousand_idle_sessions() {
    // A client's half of so many handshakes is this test's own work.
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
    // The answer to a peer's SETTINGS says that it is a session.
    let ack = Frame::settings_ack().encode();
    peers.iter_mut().for_each(|peer| read_until(peer, &ack));
    let start = demo.terminate();
    // The PING comes with the first GOAWAY, and is its end.
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

/// So many, or what this process may open of them; its children may as many.
fn affordable(wanted: usize) -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls only look at the structure.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
    }
    // Other tests of this process need some as well.
    wanted.min((limit.rlim_cur as usize).saturating_sub(1000)).max(100)
}
