//! HTTP/1.1 sessions in virtual time: every limit acts when it must, tells the
//! peer in its own words and the host in events. The peer is written in bytes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};

use super::super::Remote;
use super::super::tests::{in_virtual_time, remote};
use super::{Http1, Order};
use crate::config::Config;
use crate::event::{Cause, EventKind, SessionEvent};
use crate::registry::Registration;
use crate::request::{self, Reader, Share};
use crate::route::{Routes, Target};
use crate::shared::{Setup, Shared};
use crate::table::lock;
use crate::worker::Worker;

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// The peer of a session under test, and what its host was told.
struct Peer {
    stream: DuplexStream,
    events: Arc<Mutex<Vec<SessionEvent>>>,
    began: Instant,
    remote: Arc<Remote>,
}

impl Peer {
    /// Starts a session whose handler for everything is `handler`.
    fn of(config: Config, buffer: usize, handler: impl Fn(u64) + Send + Sync + 'static) -> Self {
        let events = Arc::<Mutex<Vec<SessionEvent>>>::default();
        let mut routes = Routes::default();
        let handler = Arc::new(handler);
        routes.register("* /", Target::Handler(handler.clone())).unwrap();
        routes.register("CONNECT /", Target::Handler(handler.clone())).unwrap();
        routes.register("CONNECT *", Target::Handler(handler)).unwrap();
        let told = events.clone();
        let on_session = Some(Box::new(move |event: &SessionEvent| lock(&told).push(event.clone())) as _);
        let shared = Arc::new(Shared::new(Setup { config, routes, on_session, ..Setup::default() }));
        let remote = remote(&shared);
        let (ours, theirs) = duplex(buffer);
        let registration = Registration::new(shared.clone(), remote.clone(), Arc::default());
        tokio::task::spawn_local(Http1::new(Worker::new(shared).unwrap(), registration, ours, Instant::now().into()));
        Self { stream: theirs, events, began: Instant::now(), remote }
    }

    async fn send(&mut self, text: &str) {
        // A session that has ended takes nothing; the test looks at why.
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    /// What comes until that text stands at its end.
    async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = timeout(Duration::from_secs(3600), self.stream.read_u8()).await;
            let byte = byte.expect("the session goes on for ever");
            text.push(byte.unwrap_or_else(|_| panic!("it ends with {:?}", String::from_utf8_lossy(&text))));
        }
        String::from_utf8(text).unwrap()
    }

    /// All that comes until the end of the connection.
    async fn rest(&mut self) -> String {
        let mut text = Vec::new();
        let read = timeout(Duration::from_secs(3600), self.stream.read_to_end(&mut text)).await;
        read.expect("the session goes on for ever").unwrap();
        String::from_utf8(text).unwrap()
    }

    fn drain(&self, seconds: u64) {
        self.remote.order(Order::Drain((Instant::now() + Duration::from_secs(seconds)).into_std()));
    }

    fn seconds(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    fn event(&self, kind: EventKind) -> SessionEvent {
        let events = lock(&self.events);
        let found = events.iter().find(|event| event.kind == kind);
        found.unwrap_or_else(|| panic!("no {kind:?} among {events:?}")).clone()
    }

    /// The session has ended, its host was told why, and once.
    async fn closed(&mut self) -> Cause {
        let _ = self.stream.shutdown().await;
        sleep(Duration::from_secs(3)).await;
        let kinds: Vec<_> = lock(&self.events).iter().map(|event| event.kind).collect();
        assert_eq!(kinds.first(), Some(&EventKind::Opened));
        assert_eq!(kinds.last(), Some(&EventKind::Closed));
        assert_eq!(kinds.iter().filter(|kind| matches!(kind, EventKind::Opened | EventKind::Closed)).count(), 2);
        self.event(EventKind::Closed).cause
    }
}

fn never_answers(_: u64) {}

fn answers(id: u64) {
    request::answer(id, |answer| answer.respond(200, "ok".into())).unwrap();
}

/// Answers with so many bytes as fast as the peer takes them.
fn answers_much(id: u64) {
    request::answer(id, |answer| answer.respond(200, vec![b'x'; 4 << 20].into())).unwrap();
}

/// Begins an answer that does not end.
fn begins(id: u64) {
    request::answer(id, |answer| answer.write_head(200).and_then(|()| answer.write(b"more").map(drop))).unwrap();
}

/// Collects the body and answers with it.
fn echoes(id: u64) {
    let set = request::change(id, |request| {
        let (limit, together) = request.body_limits;
        let share = Share::new(&request.session, together);
        let on_collected = Box::new(|id, body: &[u8]| {
            request::answer(id, |answer| answer.respond(200, Bytes::copy_from_slice(body))).unwrap();
        });
        request.wanted_body().collect(limit, share, on_collected)
    });
    set.unwrap();
}

fn without_date(answer: &str) -> String {
    answer.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
}

#[test]
fn requests_are_answered_in_order_on_one_connection() {
    in_virtual_time(async {
        let ordinals = |id| {
            let ordinal = request::read(id, |request| Ok((request.stream, request.head().version()))).unwrap();
            request::answer(id, |answer| answer.respond(200, format!("{ordinal:?}").into())).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, ordinals);
        peer.send(&GET.repeat(3)).await;
        for ordinal in 1..=3 {
            let answer = peer.until(&format!("({ordinal}, \"1.1\")")).await;
            let expected = format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n({ordinal}, \"1.1\")");
            assert_eq!(without_date(&answer), expected);
        }
        peer.send("GET / HTTP/1.0\r\n\r\n").await;
        assert!(peer.rest().await.ends_with("\r\n\r\n(4, \"1.0\")"));
        assert_eq!(peer.closed().await, Cause::PeerClosed);
        assert_eq!(peer.seconds(), 3, "which is what closed() waits");
    });
}

#[test]
fn an_old_client_may_ask_for_more() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        for _ in 0..2 {
            peer.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
            let answer = peer.until("ok").await;
            assert!(
                answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.contains("connection: keep-alive\r\n"),
                "{answer}"
            );
        }
    });
}

#[test]
fn an_idle_connection_ends_after_a_minute() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        sleep(Duration::from_secs(20)).await;
        peer.send(GET).await;
        peer.until("ok").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 80);
        assert_eq!(peer.closed().await, Cause::IdleTimeout);
    });
}

#[test]
fn a_connection_that_rests_goes_on() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        for _ in 0..3 {
            sleep(Duration::from_secs(5)).await;
            let (first, rest) = GET.split_at(1);
            peer.send(first).await;
            sleep(Duration::from_secs(5)).await;
            peer.send(rest).await;
            peer.until("ok").await;
        }
        sleep(Duration::from_secs(5)).await;
        assert_eq!(peer.closed().await, Cause::PeerClosed);

        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.send(GET).await;
        peer.until("ok").await;
        sleep(Duration::from_secs(5)).await;
        peer.drain(20);
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 5);
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn a_head_that_drips_is_ended() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        sleep(Duration::from_secs(5)).await;
        peer.send("GET / HTTP/1.1\r\n").await;
        for _ in 0..12 {
            sleep(Duration::from_millis(900)).await;
            peer.send("a: b\r\n").await;
        }
        let answer = peer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"), "{answer}");
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::HeaderTimeout);
        assert_eq!(peer.closed().await, Cause::HeaderTimeout);
    });
}

#[test]
fn a_body_that_drips_is_ended() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, echoes);
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n").await;
        for _ in 0..60 {
            sleep(Duration::from_secs(1)).await;
            peer.send("x").await;
        }
        let answer = peer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        let timeout = peer.event(EventKind::Timeout);
        assert_eq!((timeout.cause, timeout.stream), (Cause::TooSlow, 1));
        assert_eq!(peer.closed().await, Cause::TooSlow);
    });
}

#[test]
fn a_peer_that_reads_nothing_is_cut() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 10, answers_much);
        peer.send(GET).await;
        sleep(Duration::from_secs(80)).await;
        assert_eq!(peer.closed().await, Cause::TooSlow);
    });
}

#[test]
fn a_long_answer_comes_whole() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 12, answers_much);
        for _ in 0..2 {
            peer.send(GET).await;
            assert!(peer.until("\r\n\r\n").await.contains("content-length: 4194304\r\n"));
            let mut body = vec![0; 4 << 20];
            peer.stream.read_exact(&mut body).await.unwrap();
            assert!(body.iter().all(|byte| *byte == b'x'));
        }
        assert_eq!(peer.seconds(), 0, "a timer had to wake it");
    });
}

#[test]
fn a_request_without_a_byte_ends_after_five_minutes() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, never_answers);
        peer.send(GET).await;
        assert_eq!(peer.rest().await, "");
        assert!((300..=316).contains(&peer.seconds()), "after {} s", peer.seconds());
        assert_eq!(peer.closed().await, Cause::StreamIdle);
    });
}

#[test]
fn enough_requests_are_enough() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config { max_requests: 3, ..Config::default() }, 1 << 16, answers);
        for _ in 0..2 {
            peer.send(GET).await;
            assert!(!peer.until("ok").await.contains("connection: close"), "not early");
        }
        peer.send(&GET.repeat(2)).await;
        let last = peer.rest().await;
        assert!(last.contains("connection: close\r\n") && last.ends_with("\r\n\r\nok"), "{last}");
        assert_eq!(last.matches("HTTP/1.1").count(), 1, "the fourth is not answered");
        assert_eq!(peer.closed().await, Cause::MaxRequests);
    });
}

#[test]
fn an_old_connection_ends() {
    in_virtual_time(async {
        let config = Config { max_age: Duration::from_secs(40), ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, answers);
        peer.send(GET).await;
        peer.until("ok").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 40);
        assert_eq!(peer.closed().await, Cause::MaxAge);
    });
}

#[test]
fn a_drain_ends_an_idle_connection_at_once() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.send(GET).await;
        peer.until("ok").await;
        peer.drain(20);
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 0);
        assert_eq!(peer.closed().await, Cause::Drained);
        peer.event(EventKind::Draining);
    });
}

#[test]
fn a_drain_lets_an_answer_end_and_says_that_it_is_the_last() {
    in_virtual_time(async {
        let held = Arc::<Mutex<Vec<u64>>>::default();
        let holds = held.clone();
        let mut peer = Peer::of(Config::default(), 1 << 16, move |id| lock(&holds).push(id));
        // What is behind it is not dispatched.
        peer.send(&GET.repeat(2)).await;
        sleep(Duration::from_secs(1)).await;
        peer.drain(20);
        sleep(Duration::from_secs(5)).await;
        let id = lock(&held)[0];
        answers(id);
        let answer = peer.rest().await;
        assert!(answer.contains("connection: close\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
        assert_eq!(lock(&held).len(), 1);
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn a_head_under_way_is_waited_for_a_moment() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        let (first, second) = GET.split_at(10);
        peer.send(first).await;
        sleep(Duration::from_millis(100)).await;
        peer.drain(20);
        sleep(Duration::from_millis(500)).await;
        peer.send(second).await;
        let answer = peer.rest().await;
        assert!(answer.contains("connection: close\r\n") && answer.ends_with("ok"), "{answer}");
        assert_eq!(peer.closed().await, Cause::Drained);

        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.send(first).await;
        sleep(Duration::from_millis(100)).await;
        peer.drain(20);
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 1);
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn at_the_deadline_an_answer_is_cut_and_looks_so() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, begins);
        peer.send(GET).await;
        peer.until("4\r\nmore\r\n").await;
        peer.drain(5);
        assert_eq!(peer.rest().await, "", "the last chunk would make it whole");
        assert_eq!(peer.seconds(), 5);
        assert_eq!(peer.closed().await, Cause::Deadline);
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::Deadline);
    });
}

#[test]
fn the_hosts_reset_ends_the_connection() {
    in_virtual_time(async {
        let resets = |id| {
            begins(id);
            request::answer(id, |answer| answer.reset(2)).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, resets);
        peer.send(GET).await;
        assert!(!peer.rest().await.contains("0\r\n\r\n"));
        assert_eq!(peer.closed().await, Cause::Aborted);
        assert_eq!(peer.event(EventKind::Closed).code, 2);
    });
}

#[test]
fn a_peer_that_leaves_cancels_its_request() {
    in_virtual_time(async {
        let cancelled = Arc::<Mutex<Vec<Cause>>>::default();
        let told = cancelled.clone();
        let waits = move |id| {
            let told = told.clone();
            let set = request::change(id, |request| {
                request.on_cancel = Some(Box::new(move |_, cause, _| lock(&told).push(cause)));
                Ok(())
            });
            set.unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, waits);
        peer.send(GET).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(peer.closed().await, Cause::PeerClosed);
        assert_eq!(*lock(&cancelled), [Cause::PeerClosed]);
    });
}

#[test]
fn what_is_answered_at_once_is_answered_though_the_peer_has_closed_its_side() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.send(&GET.repeat(3)).await;
        peer.stream.shutdown().await.unwrap();
        assert_eq!(peer.rest().await.matches("\r\n\r\nok").count(), 3);
        assert_eq!(peer.closed().await, Cause::PeerClosed);
    });
}

#[test]
fn the_body_is_asked_for_when_the_host_wants_it() {
    in_virtual_time(async {
        let head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
        let mut peer = Peer::of(Config::default(), 1 << 16, echoes);
        peer.send(head).await;
        assert_eq!(peer.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        peer.send("hello").await;
        assert!(peer.until("hello").await.starts_with("HTTP/1.1 200 OK"));

        // Nobody asks: the answer is the last, since the body may come or not.
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.send(head).await;
        let answer = peer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("connection: close\r\n"), "{answer}");
    });
}

#[test]
fn an_informational_head_goes_ahead() {
    in_virtual_time(async {
        let hints = |id| {
            let mut fields = HeaderMap::new();
            fields.insert("link", "</style.css>".parse().unwrap());
            request::answer(id, |answer| answer.inform(103, fields)).unwrap();
            answers(id);
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, hints);
        peer.send(GET).await;
        assert_eq!(peer.until("\r\n\r\n").await, "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n");
        assert!(peer.until("ok").await.starts_with("HTTP/1.1 200 OK"));
        peer.send("GET / HTTP/1.0\r\n\r\n").await;
        assert!(peer.rest().await.starts_with("HTTP/1.0 200 OK"), "which 1.0 does not know");
    });
}

#[test]
fn trailers_go_both_ways() {
    in_virtual_time(async {
        let returns = |id| {
            let set = request::change(id, |request| {
                request.body().set_reader(Reader::Pushed(Box::new(|id, _, last| {
                    if last {
                        let value = request::read(id, |request| {
                            let trailers = request.body().trailers.as_ref().expect("trailers");
                            Ok(trailers["x-checksum"].as_bytes().to_vec())
                        });
                        let value = value.unwrap();
                        let end = request::answer(id, |answer| {
                            answer.write(b"ok")?;
                            answer.add_trailer(b"x-returned", &value)?;
                            answer.end()
                        });
                        end.unwrap();
                    }
                })))?;
                request.answer.write_head(200)
            });
            set.unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, returns);
        for _ in 0..2 {
            peer.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
            peer.send("3\r\nabc\r\n0\r\nx-checksum: 7\r\n\r\n").await;
            peer.until("2\r\nok\r\n0\r\nx-returned: 7\r\n\r\n").await;
        }
    });
}

#[test]
fn an_upload_may_end_after_its_answer() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 21, answers);
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n").await;
        peer.until("ok").await;
        peer.send(&"x".repeat(900_000)).await;
        peer.send(GET).await;
        peer.until("ok").await;
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
        peer.until("ok").await;
        peer.send(&format!("3\r\nabc\r\n0\r\na: b\r\n\r\n{GET}")).await;
        peer.until("ok").await;
        assert_eq!(peer.seconds(), 0);

        // One that does not end is given up.
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n").await;
        peer.until("ok").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 1);
    });
}

#[test]
fn what_is_no_request_is_refused_after_what_was() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.send(&format!("{GET}GET / HTTP/1.1\r\nhost : a\r\n\r\n{GET}")).await;
        peer.until("ok").await;
        let refusal = peer.rest().await;
        assert!(refusal.starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"), "{refusal}");
        assert_eq!(refusal.matches("HTTP/1.1").count(), 1);
        assert_eq!(peer.event(EventKind::FrameError).code, 400);
        assert_eq!(peer.closed().await, Cause::ProtocolError);
    });
}

#[test]
fn a_chunk_that_is_none_ends_its_request() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, echoes);
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
        sleep(Duration::from_secs(1)).await;
        peer.send("x\r\n").await;
        assert!(peer.rest().await.starts_with("HTTP/1.1 400 "));
        assert_eq!(peer.closed().await, Cause::ProtocolError);
    });
}

#[test]
fn head_and_statuses_without_a_body() {
    in_virtual_time(async {
        let streams = |id| {
            begins(id);
            request::answer(id, |answer| answer.end()).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, streams);
        peer.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let head = without_date(&peer.until("\r\n\r\n").await);
        assert_eq!(head, "HTTP/1.1 200 OK\r\n\r\n");
        peer.send(GET).await;
        assert!(peer.until("0\r\n\r\n").await.contains("transfer-encoding: chunked\r\n"));

        for status in [204, 304] {
            let empty = move |id| request::answer(id, |answer| answer.respond(status, Bytes::new())).unwrap();
            let mut peer = Peer::of(Config::default(), 1 << 16, empty);
            peer.send(&GET.repeat(2)).await;
            for _ in 0..2 {
                let head = without_date(&peer.until("\r\n\r\n").await);
                assert!(!head.contains("content-length") && !head.contains("chunked"), "{head}");
            }
        }
    });
}

const UPGRADE: &str = "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Opens a tunnel and gives back what comes through it, up to its end.
fn mirrors(id: u64) {
    let set = request::change(id, |request| {
        let head = request.head();
        let seen = format!("{} {} {:?}", head.method(), head.path(), head.protocol());
        request.body().set_reader(Reader::Pushed(Box::new(|id, piece, last| {
            let mirror = |answer: &mut crate::request::Answer| {
                answer.write(piece)?;
                if last { answer.end() } else { Ok(()) }
            };
            request::answer(id, mirror).unwrap();
        })))?;
        request.answer.set_field(b"x-seen", seen.as_bytes())?;
        request.answer.write_head(200)
    });
    set.unwrap();
}

#[test]
fn an_upgrade_to_a_websocket_is_a_connect_to_the_host() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, mirrors);
        // What comes with the head is the tunnel's already.
        peer.send(&format!("{UPGRADE}GET / HTTP/1.1\r\n")).await;
        let head = without_date(&peer.until("\r\n\r\n").await);
        let expected = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx-seen: CONNECT / Some(\"websocket\")\r\n\r\n";
        assert_eq!(head, expected);
        peer.until("GET / HTTP/1.1\r\n").await;
        for _ in 0..3 {
            sleep(Duration::from_secs(100)).await;
            peer.send("\0any bytes").await;
            peer.until("\0any bytes").await;
        }
        peer.stream.shutdown().await.unwrap();
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.closed().await, Cause::PeerClosed);
    });
}

#[test]
fn a_tunnel_that_the_host_ends_has_ended_well() {
    in_virtual_time(async {
        let says_goodbye = |id| {
            let ends = |answer: &mut crate::request::Answer| {
                answer.write_head(200)?;
                answer.write(b"goodbye")?;
                answer.end()
            };
            request::answer(id, ends).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, says_goodbye);
        peer.send("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n").await;
        let all = without_date(&peer.rest().await);
        assert_eq!(all, "HTTP/1.1 200 OK\r\n\r\ngoodbye");
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn a_tunnel_is_cut_at_the_deadline() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, mirrors);
        peer.send(UPGRADE).await;
        peer.until("\r\n\r\n").await;
        peer.drain(5);
        peer.send("still").await;
        peer.until("still").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 5);
        assert_eq!(peer.closed().await, Cause::Deadline);
    });
}

#[test]
fn a_tunnel_that_is_refused_is_an_answer_like_others() {
    in_virtual_time(async {
        let refuses = |id| request::answer(id, |answer| answer.respond(403, "no".into())).unwrap();
        let mut peer = Peer::of(Config::default(), 1 << 16, refuses);
        for _ in 0..2 {
            peer.send(UPGRADE).await;
            assert!(peer.until("\r\n\r\nno").await.contains("content-length: 2\r\n"));
        }
        // A key that is none is nobody's.
        let bad = UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short");
        peer.send(&bad).await;
        assert!(peer.rest().await.starts_with("HTTP/1.1 400 "));

        // Nor is it taken where it is not to be: then it is a GET.
        let mut peer = Peer::of(Config { connect_protocol: false, ..Config::default() }, 1 << 16, answers);
        peer.send(UPGRADE).await;
        assert!(peer.until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
    });
}
