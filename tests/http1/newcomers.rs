//! Connections that were accepted just before the close: each has 50 ms to send its
//! request, which is served (docs/close.md), with both transports and protocols, at each
//! stage of the handshake.

use std::time::{Duration, Instant};

use crate::kit::stream::Stream;
use crate::kit::{Client, Demo};
use crate::peer::{End, Peer};

const LONG_DRAIN: Duration = Duration::from_secs(20);

/// A client that was delayed for longer than this may have been too late. Then the result
/// says nothing about the server.
const IN_TIME: Duration = Duration::from_millis(30);
/// How often to repeat until no client is delayed.
const TRIES: usize = 10;

/// The number of connections of each kind.
const OF_EACH: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Protocol {
    Http1,
    Http2,
}

/// The state of the connections at the beginning of the close.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The server has accepted them, and over TLS the handshake is complete.
    Ready,
    /// The server has accepted them, and over TLS the handshake has begun.
    Begun,
    /// They wait in the accept queue, over TLS with the first message of the handshake.
    Queued,
}

/// What the serving process does meanwhile: it runs, or it is stopped and then finds the
/// close and the requests at once.
#[derive(Clone, Copy, Debug)]
enum Server {
    Runs,
    IsHeldUp,
}

/// Whether the requests were sent in time. If so, all of them must be served.
#[track_caller]
fn try_it(tls: bool, protocol: Protocol, stage: Stage, server: Server, delay: Duration) -> bool {
    let about = format!("TLS: {tls}, {protocol:?}, {stage:?}, the server {server:?}, {delay:?} later");
    let mut demo = Demo::start_over(tls, LONG_DRAIN);
    let mut began = Instant::now();
    if matches!(stage, Stage::Queued) {
        demo.freeze();
    }
    let streams = [0; OF_EACH].map(|_| arrive(tls, protocol, stage, &demo));
    if matches!(server, Server::IsHeldUp) {
        demo.freeze();
    }
    demo.terminate();
    // A TLS handshake is impossible with a stopped process.
    let speaks_first = matches!(server, Server::IsHeldUp) && (!tls || matches!(stage, Stage::Ready));
    let mut askers = Vec::new();
    let mut streams = streams.into_iter();
    if speaks_first {
        askers.extend(streams.by_ref().map(|stream| Asker::ask(protocol, stream, &demo)));
    }
    if matches!(stage, Stage::Queued) {
        began = Instant::now();
    }
    demo.resume();
    std::thread::sleep(delay);
    askers.extend(streams.map(|stream| Asker::ask(protocol, stream, &demo)));
    if began.elapsed() > IN_TIME {
        return false;
    }
    askers.into_iter().for_each(|asker| asker.expect_served(&about));
    let report = demo.expect_early_exit();
    assert_eq!((report.sessions_forced, report.streams_reset), (0, 0), "{about}: {report:?}");
    true
}

fn arrive(tls: bool, protocol: Protocol, stage: Stage, demo: &Demo) -> Stream {
    let name = match protocol {
        Protocol::Http1 => "http/1.1",
        Protocol::Http2 => "h2",
    };
    let mut stream = Stream::connect_over(tls, demo.address(), &[name]).expect("the demo accepts");
    match stage {
        Stage::Ready => stream.shake_hands().expect("a handshake"),
        Stage::Begun | Stage::Queued => stream.begin_handshake().expect("it is taken"),
    }
    stream
}

enum Asker {
    Http1(Peer),
    Http2(Box<Client>),
}

impl Asker {
    fn ask(protocol: Protocol, stream: Stream, demo: &Demo) -> Asker {
        match protocol {
            Protocol::Http1 => {
                let mut peer = Peer::on(stream);
                peer.ask("GET", "/");
                Asker::Http1(peer)
            }
            Protocol::Http2 => {
                let mut client = Client::on(stream, demo.address());
                client.preface_with_request("/");
                Asker::Http2(Box::new(client))
            }
        }
    }

    #[track_caller]
    fn expect_served(self, about: &str) {
        match self {
            Asker::Http1(mut peer) => {
                let (bytes, end) = peer.read_out();
                let text = String::from_utf8_lossy(&bytes);
                assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("Hello, World!"), "{about}: {text:?}");
                assert_eq!(end, End::Fin, "{about}");
            }
            Asker::Http2(mut client) => {
                client.expect_fin();
                let response = client.response(1);
                client.check(response.text() == "Hello, World!", about);
            }
        }
    }
}

#[track_caller]
fn expect_served(tls: bool, protocol: Protocol) {
    let a_moment = Duration::from_millis(5);
    for (stage, server, delay) in [
        (Stage::Queued, Server::IsHeldUp, Duration::ZERO),
        (Stage::Queued, Server::IsHeldUp, a_moment),
        (Stage::Begun, Server::Runs, Duration::ZERO),
        (Stage::Begun, Server::Runs, a_moment),
        (Stage::Ready, Server::IsHeldUp, Duration::ZERO),
        (Stage::Ready, Server::Runs, Duration::ZERO),
        (Stage::Ready, Server::Runs, a_moment),
    ] {
        let in_time = (0..TRIES).any(|_| try_it(tls, protocol, stage, server, delay));
        if !in_time {
            eprintln!("SKIPPED: {stage:?}: this machine is too busy to ask within {IN_TIME:?}");
        }
    }
}

#[test]
fn over_tcp_in_http1() {
    expect_served(false, Protocol::Http1);
}

#[test]
fn over_tcp_in_http2() {
    expect_served(false, Protocol::Http2);
}

#[test]
fn over_tls_in_http1() {
    expect_served(true, Protocol::Http1);
}

#[test]
fn over_tls_in_http2() {
    expect_served(true, Protocol::Http2);
}
