//! Sessions in virtual time: every limit acts when it must, tells the peer in
//! frames and the host in events. The peer is written in bare frames.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};

use super::frame::{ACK, END_HEADERS, END_STREAM, Frame, PREFACE, Scanner, goaway, kind, number, write};
use super::{Order, Remote, Session, Transport};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::event::{Cause, EventKind, SessionEvent};
use crate::registry::{Registration, SESSIONS};
use crate::request::{self, Share};
use crate::route::{Routes, Target};
use crate::shared::{Setup, Shared};
use crate::table::{Lot, lock};
use crate::worker::Worker;

mod connect;
mod push;
mod told;

const CALM: u32 = 11;
const CANCEL: u32 = 8;
const SETTINGS_TIMEOUT: u32 = 4;
/// `:method GET`, `:scheme http`, `:path /`, all from the static table, and `:authority a`.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'a'];

impl Transport for DuplexStream {
    fn close_hard(&self) {}

    fn unacknowledged(&self) -> usize {
        0
    }
}

/// The peer of a session under test, and what its host was told.
struct Peer {
    stream: DuplexStream,
    scanner: Scanner,
    frames: Vec<(Frame, Vec<u8>)>,
    /// All that has come: the scanner keeps no header blocks.
    bytes: Vec<u8>,
    events: Arc<Mutex<Vec<SessionEvent>>>,
    began: Instant,
    remote: Arc<Remote>,
}

impl Peer {
    /// Starts a session whose handler for `GET /` is `handler`.
    fn of(config: Config, buffer: usize, handler: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self::at("GET /", config, buffer, handler)
    }

    /// The same for another pattern.
    fn at(pattern: &str, config: Config, buffer: usize, handler: impl Fn(u64) + Send + Sync + 'static) -> Self {
        let events = Arc::<Mutex<Vec<SessionEvent>>>::default();
        let mut routes = Routes::default();
        routes.register(pattern, Target::Handler(Arc::new(handler))).unwrap();
        let told = events.clone();
        let on_session = Some(Box::new(move |event: &SessionEvent| lock(&told).push(event.clone())) as _);
        let shared = Arc::new(Shared::new(Setup { config, routes, on_session, ..Setup::default() }));
        let remote = remote(&shared);
        let (ours, theirs) = duplex(buffer);
        let registration = Registration::new(shared.clone(), remote.clone(), Arc::default());
        tokio::task::spawn_local(Session::new(Worker::new(shared).unwrap(), registration, ours, Instant::now().into()));
        Self {
            stream: theirs,
            scanner: Scanner::after(0),
            frames: Vec::new(),
            bytes: Vec::new(),
            events,
            began: Instant::now(),
            remote,
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        // A session that has ended takes nothing; the test looks at why.
        let _ = self.stream.write_all(bytes).await;
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut bytes = Vec::new();
        write(&mut bytes, kind, flags, stream, payload);
        self.send(&bytes).await;
    }

    /// Preface, SETTINGS with these entries, and the answer to the session's.
    async fn settle(&mut self, settings: &[u8]) {
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        self.frame(kind::SETTINGS, 0, 0, settings).await;
        self.frame(kind::SETTINGS, ACK, 0, &[]).await;
    }

    async fn get(&mut self, stream: u32) {
        self.frame(kind::HEADERS, END_STREAM | END_HEADERS, stream, GET).await;
    }

    /// Sends a head of these fields.
    async fn ask(&mut self, stream: u32, flags: u8, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let block = loona_hpack::Encoder::new().encode(fields);
        self.frame(kind::HEADERS, flags | END_HEADERS, stream, &block).await;
    }

    /// The values of a setting that came, by its identifier.
    fn setting(payload: &[u8], id: u8) -> Option<u32> {
        payload.chunks(6).find(|entry| entry[..2] == [0, id]).map(|entry| number(entry, 2))
    }

    /// Reads until a frame of that kind, or None at the end of the connection.
    /// Answers PINGs if `polite`.
    async fn next(&mut self, wanted: u8, polite: bool) -> Option<(Frame, Vec<u8>)> {
        loop {
            if let Some(at) = self.frames.iter().position(|(frame, _)| frame.kind == wanted) {
                return Some(self.frames.remove(at));
            }
            let mut bytes = [0; 4096];
            let read = timeout(Duration::from_secs(3600), self.stream.read(&mut bytes)).await;
            let read = read.expect("the session goes on for ever").unwrap_or(0);
            if read == 0 {
                return None;
            }
            self.bytes.extend_from_slice(&bytes[..read]);
            let mut came = Vec::new();
            self.scanner.scan(&bytes[..read], |frame, payload| came.push((frame, payload.to_vec())));
            for (frame, payload) in came {
                if polite && frame.kind == kind::PING && !frame.has(ACK) {
                    self.frame(kind::PING, ACK, 0, &payload).await;
                }
                self.frames.push((frame, payload));
            }
        }
    }

    /// The header blocks that have come, promises among them, in order.
    fn heads(&self) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
        let (mut decoder, mut rest, mut heads) = (loona_hpack::Decoder::new(), &self.bytes[..], Vec::new());
        while rest.len() >= 9 {
            let (head, after) = rest.split_at(9);
            let (payload, next) = after.split_at(usize::from(head[1]) << 8 | usize::from(head[2]));
            match head[3] {
                kind::HEADERS => heads.push(decoder.decode(payload).unwrap()),
                kind::PUSH_PROMISE => heads.push(decoder.decode(&payload[4..]).unwrap()),
                _ => {}
            }
            rest = next;
        }
        heads
    }

    /// Bytes by which the session's window was opened.
    fn opened(&self) -> u32 {
        let (mut rest, mut opened) = (&self.bytes[..], 0);
        while rest.len() >= 9 {
            let (head, after) = rest.split_at(9);
            let (payload, next) = after.split_at(usize::from(head[1]) << 8 | usize::from(head[2]));
            opened += if head[3] == kind::WINDOW_UPDATE { number(payload, 0) } else { 0 };
            rest = next;
        }
        opened
    }

    async fn goaway(&mut self, polite: bool) -> (u32, u32) {
        let (_, payload) = self.next(kind::GOAWAY, polite).await.expect("a GOAWAY");
        (number(&payload, 0), number(&payload, 4))
    }

    async fn end(&mut self, polite: bool) {
        while self.next(0xff, polite).await.is_some() {}
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
        sleep(Duration::from_secs(3)).await;
        let kinds: Vec<_> = lock(&self.events).iter().map(|event| event.kind).collect();
        assert_eq!(kinds.first(), Some(&EventKind::Opened));
        assert_eq!(kinds.last(), Some(&EventKind::Closed));
        assert_eq!(kinds.iter().filter(|kind| matches!(kind, EventKind::Opened | EventKind::Closed)).count(), 2);
        self.event(EventKind::Closed).cause
    }
}

pub(super) fn remote(shared: &Shared) -> Arc<Remote> {
    let entered = Rc::new(RefCell::new(None));
    Lot::new(SESSIONS.here().unwrap()).insert(|id| {
        let remote = Arc::new(Remote::new(id, Endpoint::default(), Arc::default(), shared.muted()));
        *entered.borrow_mut() = Some(remote.clone());
        Box::new(remote)
    });
    entered.take().unwrap()
}

/// Runs a test on a thread's own runtime whose clock jumps to the next timer.
pub(super) fn in_virtual_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

fn never_answers(_: u64) {}

fn answers(id: u64) {
    request::answer(id, |answer| answer.respond(200, "ok".into())).unwrap();
}

/// Answers with so many bytes as fast as the peer takes them.
fn answers_much(id: u64) {
    request::answer(id, |answer| answer.respond(200, vec![b'x'; 4 << 20].into())).unwrap();
}

#[test]
fn a_silent_connection_is_ended() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        assert_eq!(peer.goaway(true).await, (0, 0));
        peer.end(true).await;
        assert_eq!(peer.seconds(), 10);
        assert_eq!(peer.closed().await, Cause::HandshakeTimeout);
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::HandshakeTimeout);
    });
}

#[test]
fn settings_that_are_never_answered_are_told() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        peer.frame(kind::SETTINGS, 0, 0, &[]).await;
        peer.get(1).await;
        assert_eq!(peer.goaway(true).await, (1, SETTINGS_TIMEOUT));
        assert_eq!(peer.seconds(), 10);
        drop(peer.stream.shutdown().await);
        assert_eq!(peer.closed().await, Cause::HandshakeTimeout);
    });
}

#[test]
fn an_unfinished_header_block_is_ended_though_it_drips() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.settle(&[]).await;
        sleep(Duration::from_secs(1)).await;
        // The head of a HEADERS frame of 100 bytes, then a byte a second.
        peer.send(&[0, 0, 100, kind::HEADERS, 0, 0, 0, 0, 1]).await;
        for _ in 0..12 {
            sleep(Duration::from_millis(900)).await;
            peer.send(&[0x82]).await;
        }
        assert_eq!(peer.goaway(true).await, (0, CALM));
        assert!((11..14).contains(&peer.seconds()), "after {} s", peer.seconds());
        drop(peer.stream.shutdown().await);
        assert_eq!(peer.closed().await, Cause::HeaderTimeout);
    });
}

#[test]
fn scenario_25_an_idle_session_leaves_in_good_order_though_it_pings() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.settle(&[]).await;
        peer.get(1).await;
        for second in 0..12 {
            sleep(Duration::from_secs(if second == 0 { 4 } else { 5 })).await;
            peer.frame(kind::PING, 0, 0, b"are you?").await;
        }
        assert_eq!(peer.goaway(true).await, ((1 << 31) - 1, 0));
        assert_eq!(peer.goaway(true).await, (1, 0));
        peer.end(true).await;
        assert_eq!(peer.seconds(), 60);
        assert_eq!(peer.closed().await, Cause::IdleTimeout);
    });
}

#[test]
fn scenario_27_a_dead_peer_is_asked_once_and_cut() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.settle(&[]).await;
        peer.next(kind::PING, false).await.expect("a PING");
        assert_eq!(peer.seconds(), 30);
        peer.end(false).await;
        assert_eq!(peer.seconds(), 50);
        assert_eq!(peer.closed().await, Cause::KeepaliveTimeout);
    });
}

#[test]
fn a_flood_is_told_to_calm_down_and_chatter_is_not() {
    in_virtual_time(async {
        let mut pings = Vec::new();
        (0..2000).for_each(|_| write(&mut pings, kind::PING, 0, 0, b"floodfld"));
        let mut peer = Peer::of(Config::default(), 1 << 20, answers);
        peer.settle(&[]).await;
        peer.send(&pings).await;
        assert_eq!(peer.goaway(true).await, (0, CALM));
        drop(peer.stream.shutdown().await);
        assert_eq!(peer.closed().await, Cause::Flood);

        let mut chatty = Peer::of(Config::default(), 1 << 20, answers);
        chatty.settle(&[]).await;
        for _ in 0..1000 {
            sleep(Duration::from_millis(20)).await;
            chatty.frame(kind::PING, 0, 0, b"chatter!").await;
        }
        chatty.get(1).await;
        assert!(chatty.next(kind::DATA, true).await.is_some(), "50 PINGs a second are served");
    });
}

#[test]
fn scenario_25_and_26_sessions_end_by_age_and_by_requests() {
    in_virtual_time(async {
        let config = Config { max_age: Duration::from_secs(40), ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, answers);
        peer.settle(&[]).await;
        assert_eq!(peer.goaway(true).await.0, (1 << 31) - 1);
        assert_eq!(peer.seconds(), 40);
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::MaxAge);

        let mut peer = Peer::of(Config { max_requests: 3, ..Config::default() }, 1 << 16, answers);
        peer.settle(&[]).await;
        for stream in [1, 3] {
            peer.get(stream).await;
            assert!(peer.next(kind::DATA, true).await.is_some());
        }
        assert!(peer.frames.iter().all(|(frame, _)| frame.kind != kind::GOAWAY), "not early");
        peer.get(5).await;
        assert_eq!(peer.goaway(true).await.0, (1 << 31) - 1);
        assert_eq!(peer.goaway(true).await, (5, 0));
        assert!(peer.next(kind::DATA, true).await.is_some(), "the last one is answered");
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::MaxRequests);
    });
}

#[test]
fn scenario_25_what_is_open_ends_after_the_grace() {
    in_virtual_time(async {
        let (max_age, grace) = (Duration::from_secs(40), Duration::from_secs(5));
        let mut peer = Peer::of(Config { max_age, grace, ..Config::default() }, 1 << 16, never_answers);
        peer.settle(&[]).await;
        peer.get(1).await;
        assert_eq!(peer.goaway(true).await.0, (1 << 31) - 1);
        assert_eq!(peer.seconds(), 40);
        let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!((frame.stream, number(&payload, 0)), (1, CANCEL));
        peer.end(true).await;
        assert_eq!(peer.seconds(), 45);
        assert_eq!(peer.closed().await, Cause::Deadline);
    });
}

#[test]
fn scenario_27_a_dead_peer_does_not_hold_a_close() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, never_answers);
        peer.settle(&[]).await;
        peer.get(1).await;
        peer.next(kind::PING, false).await.expect("a PING");
        peer.remote.order(Order::Drain((Instant::now() + Duration::from_secs(5)).into_std()));
        sleep(Duration::from_secs(6)).await;
        assert_eq!(peer.event(EventKind::Closed).cause, Cause::Deadline);
    });
}

#[test]
fn a_stream_whose_peer_opens_no_window_is_reset() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 20, answers_much);
        // SETTINGS_INITIAL_WINDOW_SIZE (4) = 0.
        peer.settle(&[0, 4, 0, 0, 0, 0]).await;
        peer.get(1).await;
        let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!((frame.stream, number(&payload, 0)), (1, CANCEL));
        assert!((30..=46).contains(&peer.seconds()), "after {} s", peer.seconds());
        let timeout = peer.event(EventKind::Timeout);
        assert_eq!((timeout.cause, timeout.stream), (Cause::TooSlow, 1));
        peer.get(3).await;
        assert!(peer.next(kind::HEADERS, true).await.is_some(), "the session goes on");
    });
}

#[test]
fn a_peer_that_reads_nothing_is_cut() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 10, answers_much);
        // Its window is large, so that the socket is what holds up.
        peer.settle(&[0, 4, 0x7f, 0xff, 0xff, 0xff]).await;
        peer.get(1).await;
        sleep(Duration::from_secs(80)).await;
        assert_eq!(peer.closed().await, Cause::TooSlow);
    });
}

#[test]
fn what_becomes_possible_by_a_send_is_sent_in_the_same_turn() {
    in_virtual_time(async {
        // A share so small that each send makes room for the next piece; the peer says nothing meanwhile.
        let config = Config { session_send_bytes: 16 << 10, ..Config::default() };
        let mut peer = Peer::of(config, 8 << 20, answers_much);
        peer.settle(&[0, 4, 0x7f, 0xff, 0xff, 0xff]).await;
        peer.frame(kind::WINDOW_UPDATE, 0, 0, &(1u32 << 30).to_be_bytes()).await;
        peer.get(1).await;
        let mut received = 0;
        loop {
            let (frame, _) = peer.next(kind::DATA, true).await.expect("DATA");
            received += frame.length;
            if frame.has(END_STREAM) {
                break;
            }
        }
        assert_eq!(received, 4 << 20);
        assert_eq!(peer.seconds(), 0, "a timer had to wake it");
    });
}

#[test]
fn a_stream_without_a_byte_ends_after_five_minutes() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, never_answers);
        peer.settle(&[]).await;
        peer.get(1).await;
        let (_, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!(number(&payload, 0), CANCEL);
        assert!((300..=316).contains(&peer.seconds()), "after {} s", peer.seconds());
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::StreamIdle);

        let patient = |id| {
            let set = request::read(id, |request| {
                request.idle = Duration::ZERO;
                Ok(())
            });
            set.unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, patient);
        peer.settle(&[]).await;
        peer.get(1).await;
        let reset = timeout(Duration::from_secs(1000), peer.next(kind::RST_STREAM, true)).await;
        assert!(reset.is_err(), "its handler has set no limit");
    });
}

#[test]
fn a_peers_goaway_and_a_garbled_preface_are_told() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, never_answers);
        peer.settle(&[]).await;
        peer.get(1).await;
        peer.frame(kind::GOAWAY, 0, 0, &goaway(0, 2, b"I am broken")).await;
        sleep(Duration::from_secs(1)).await;
        let told = peer.event(EventKind::Goaway);
        assert_eq!((told.code, told.text.as_slice()), (2, &b"I am broken"[..]));

        let mut peer = Peer::of(Config::default(), 1 << 16, answers);
        peer.send(&[b'x'; PREFACE]).await;
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::ProtocolError);
    });
}

#[test]
fn bodies_that_are_too_large_together_are_refused_for_now() {
    in_virtual_time(async {
        let ended = Arc::<Mutex<Vec<(u32, Option<Cause>)>>>::default();
        let told = ended.clone();
        let collects = move |id| {
            let (whole, cut) = (told.clone(), told.clone());
            let set = request::change(id, |request| {
                let stream = request.stream;
                let (limit, together) = request.body_limits;
                let share = Share::new(&request.session, together);
                request.on_cancel = Some(Box::new(move |_, cause, _| lock(&cut).push((stream, Some(cause)))));
                let on_collected = Box::new(move |id, _: &[u8]| {
                    lock(&whole).push((stream, None));
                    answers(id);
                });
                request.body().collect(limit, share, on_collected)
            });
            set.unwrap();
        };
        let config = Config { session_body_bytes: 30_000, ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, collects);
        peer.settle(&[]).await;
        for stream in [1, 3] {
            peer.frame(kind::HEADERS, END_HEADERS, stream, GET).await;
            peer.frame(kind::DATA, 0, stream, &[b'x'; 10_000]).await;
            peer.frame(kind::DATA, 0, stream, &[b'x'; 7_000]).await;
        }
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("an answer").0.stream, 3);
        let fields = peer.heads().remove(0);
        let has = |name: &[u8], value: &[u8]| fields.iter().any(|(n, v)| n == name && v == value);
        assert!(has(b":status", b"413") && has(b"retry-after", b"1"), "{fields:?}");
        // The room is free again, and what is whole is delivered.
        peer.frame(kind::DATA, END_STREAM, 1, &[b'x'; 10_000]).await;
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("an answer").0.stream, 1);
        peer.frame(kind::HEADERS, END_HEADERS, 5, GET).await;
        peer.frame(kind::DATA, 0, 5, &[b'x'; 15_000]).await;
        peer.frame(kind::DATA, END_STREAM, 5, &[b'x'; 15_000]).await;
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("an answer").0.stream, 5);
        assert_eq!(*lock(&ended), [(3, Some(Cause::BodyTooLarge)), (1, None), (5, None)]);
    });
}

/// `:method POST`, and the rest as [`GET`] has it.
const POST: &[u8] = &[0x83, 0x86, 0x84, 0x41, 1, b'a'];

/// So many bytes of a body in one frame, and a moment in which the session can open the window again.
async fn upload(peer: &mut Peer, stream: u32, bytes: usize, flags: u8) {
    peer.frame(kind::DATA, flags, stream, &vec![b'x'; bytes]).await;
    sleep(Duration::from_millis(1)).await;
}

#[test]
fn an_upload_may_end_after_an_error() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 21, answers);
        peer.settle(&[]).await;
        // There is no handler for POST.
        peer.frame(kind::HEADERS, END_HEADERS, 1, POST).await;
        assert!(peer.next(kind::HEADERS, true).await.expect("an answer").0.has(END_STREAM));
        let mut left = 900_000;
        while left > 0 {
            let bytes = left.min(16_384);
            upload(&mut peer, 1, bytes, if left == bytes { END_STREAM } else { 0 }).await;
            left -= bytes;
        }
        peer.get(3).await;
        assert_eq!(peer.next(kind::DATA, true).await.expect("an answer").0.stream, 3);
        assert!(peer.frames.iter().any(|(frame, _)| frame.kind == kind::WINDOW_UPDATE && frame.stream == 1));
        let more = timeout(Duration::from_secs(3), peer.next(kind::RST_STREAM, true)).await;
        assert!(more.is_err(), "there is nothing to stop");
    });
}

#[test]
fn an_upload_without_end_is_stopped_by_time_and_by_bytes() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 21, answers);
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, POST).await;
        let began = Instant::now();
        let stopped = |reset: Option<(Frame, Vec<u8>)>| {
            let (frame, payload) = reset.expect("RST_STREAM");
            (frame.stream, number(&payload, 0))
        };
        assert_eq!(stopped(peer.next(kind::RST_STREAM, true).await), (1, 0));
        assert_eq!(began.elapsed().as_millis(), 1000);

        let began = Instant::now();
        peer.frame(kind::HEADERS, END_HEADERS, 3, POST).await;
        for _ in 0..80 {
            upload(&mut peer, 3, 16_000, 0).await;
        }
        assert_eq!(stopped(peer.next(kind::RST_STREAM, true).await), (3, 0));
        assert!(began.elapsed() < Duration::from_millis(500));
        peer.get(5).await;
        assert!(peer.next(kind::DATA, true).await.is_some(), "the session goes on");
    });
}

#[test]
fn a_session_that_drains_gives_uploads_no_time() {
    in_virtual_time(async {
        let config = Config { max_requests: 1, ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, answers);
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, POST).await;
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::MaxRequests);
        assert!(peer.frames.iter().any(|(frame, _)| frame.kind == kind::RST_STREAM && frame.stream == 1));
        assert_eq!(peer.began.elapsed().as_secs(), 3, "which is what closed() waits");
    });
}

#[test]
fn after_a_success_only_a_short_upload_goes_on() {
    in_virtual_time(async {
        let with_length = |length: &[u8]| {
            // content-length is entry 28 of the static table (RFC 7541, appendix A).
            [GET, &[0x0f, 28 - 15, length.len() as u8], length].concat()
        };
        let mut peer = Peer::of(Config::default(), 1 << 21, answers);
        peer.settle(&[]).await;
        for (stream, head) in [(1, with_length(b"262145")), (3, GET.to_vec())] {
            peer.frame(kind::HEADERS, END_HEADERS, stream, &head).await;
            let began = Instant::now();
            assert_eq!(peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM").0.stream, stream);
            assert!(began.elapsed().is_zero());
        }
        peer.frame(kind::HEADERS, END_HEADERS, 5, &with_length(b"262144")).await;
        for number in 0..16 {
            upload(&mut peer, 5, 16_384, if number == 15 { END_STREAM } else { 0 }).await;
        }
        let more = timeout(Duration::from_secs(3), peer.next(kind::RST_STREAM, true)).await;
        assert!(more.is_err(), "there is nothing to stop");
    });
}
