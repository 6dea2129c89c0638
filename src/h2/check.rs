//! Invariants that hold for any input, for tests and fuzzing. The input is a program: the
//! frames of a client and the calls of a host, in their order. A model of both checks
//! each event and each frame.

mod client;
mod program;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::stream::Stream;
use super::streams::is_pushed;
use super::{Http2, Input, Limits};
use crate::engine::{Control, Engine, Event, Fault, LAST_TAKEN, RequestHead, ResponseHead, ShutDown};
use crate::header_list::HeaderList;
use crate::output::{Data, Output};
use crate::padding::Padding;
use client::Client;
use program::{Act, Program, Step};

pub(super) const LIMITS: Limits = Limits {
    max_concurrent_streams: 6,
    header_list_bytes: 2000,
    header_fields: 20,
    stream_window_bytes: 700,
    session_window_bytes: 66_000,
    max_frame_bytes: 16_384,
    header_table_bytes: 300,
    has_connect_protocol: true,
    control_burst: 1_000_000,
    control_per_second: 50,
    padding: Padding::None,
};

/// More memory than the engine may hold for a client with these limits: a header block,
/// tables, and remembered streams.
const MOST_MEMORY: usize = 160 << 10;

/// What the host knows about a request.
#[derive(Clone, Default)]
struct Exchange {
    /// Whether content may still arrive.
    receives: bool,
    /// How many content bytes the host has not consumed.
    held: u64,
    /// Whether the response head was written.
    has_head: bool,
}

/// A connection with its host and its client.
pub(super) struct Connection {
    pub engine: Http2,
    out: Output,
    client: Client,
    /// Bytes that the client has sent and the engine has not taken.
    held: Vec<u8>,
    /// The requests that have not ended.
    exchanges: BTreeMap<u32, Exchange>,
    newest: u32,
    /// Content of ended streams that the host has not consumed.
    left_behind: u64,
    /// The call that the host makes when a request arrives.
    at_once: u8,
    has_last_call: bool,
    has_ended: bool,
    /// The events as text. Pieces of content are joined.
    pub told: Vec<String>,
    last_data: Option<u32>,
    written: Vec<u8>,
}

impl Connection {
    fn new(uses_slot: bool) -> Self {
        let (mut engine, mut out) = (Http2::new(LIMITS, Instant::now()), Output::default());
        engine.streams.uses_slot = uses_slot;
        engine.begin(&mut out);
        Self {
            engine,
            out,
            client: Client::new(),
            held: Vec::new(),
            exchanges: BTreeMap::new(),
            newest: 0,
            left_behind: 0,
            at_once: 0,
            has_last_call: false,
            has_ended: false,
            told: Vec::new(),
            last_data: None,
            written: Vec::new(),
        }
    }

    /// A session that receives these bytes in pieces of `step`, and whose host responds
    /// to each request at once.
    fn of(pieces: &[&[u8]]) -> Self {
        let mut connection = Self::new(true);
        connection.at_once = 1;
        for piece in pieces {
            connection.feed(piece);
            connection.check();
        }
        connection
    }

    /// Runs a program. The client's bytes arrive in pieces of `step` bytes.
    pub fn run(program: &[u8], step: usize, uses_slot: bool) -> Self {
        let mut connection = Self::new(uses_slot);
        connection.look();
        let mut program = Program::new(program);
        while let Some(next) = program.next(&connection.client.sent) {
            match next {
                Step::Send(bytes) => bytes.chunks(step.max(1)).for_each(|piece| connection.feed(piece)),
                Step::Act(act) => connection.act(act),
            }
            connection.check();
        }
        connection.finish();
        connection
    }

    /// Gives bytes of the client to the engine, after those that it has not taken.
    fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        if self.has_ended {
            let held = std::mem::take(&mut self.held);
            return self.engine.discard(&held);
        }
        loop {
            let held = std::mem::take(&mut self.held);
            let received = self.engine.receive(&held, &mut self.out);
            let (taken, event) = match received {
                Ok(received) => received,
                Err(fault) => {
                    self.held = held;
                    return self.end_by(fault);
                }
            };
            assert!(taken <= held.len());
            let is_idle = taken == 0 && event.is_none();
            self.client.taken(&held[..taken]);
            if let Some(event) = event {
                self.tell(event);
            }
            self.held = held[taken..].to_vec();
            self.look();
            if is_idle {
                break;
            }
        }
    }

    fn end_by(&mut self, fault: Fault) {
        assert!((1..=13).contains(&fault.code));
        self.told.push(format!("{fault:?}"));
        assert_eq!(self.engine.receive(&self.held, &mut self.out), Ok((0, None)), "something behind a fault");
        self.engine.send_fault(fault, b"", &mut self.out);
        self.ended();
    }

    fn ended(&mut self) {
        self.has_ended = true;
        self.look();
        self.client.has_ended = true;
        self.exchanges.clear();
        assert!(self.engine.is_over());
        let held = std::mem::take(&mut self.held);
        self.engine.discard(&held);
    }

    /// Passes an event to the host.
    fn tell(&mut self, event: Event<'_>) {
        if let Event::Data { stream, data, is_last } = &event {
            let exchange = self.exchanges.get_mut(stream).expect("a request that has content");
            assert!(exchange.receives && (*is_last || !data.is_empty()));
            exchange.held += data.len() as u64;
            exchange.receives = !is_last;
            if self.last_data != Some(*stream) {
                self.told.push(format!("Data {stream} "));
            }
            self.told.last_mut().expect("content").extend(data.iter().map(|byte| format!("{byte:02x}")));
            self.last_data = Some(*stream).filter(|_| !is_last);
            if *is_last {
                self.told.push(format!("End {stream}"));
            }
            return;
        }
        self.last_data = None;
        self.told.push(match event {
            // The payload of a PING may be one of the server's, which are random.
            Event::UnsolicitedAck(payload) => format!("UnsolicitedAck of {}", payload.len()),
            _ => format!("{event:?}"),
        });
        match event {
            Event::Request { stream, head, is_last, .. } => {
                head.keep();
                self.begin(stream, is_last);
            }
            Event::Refused { stream, status, is_last } => {
                assert!(matches!(status.as_u16(), 400 | 431));
                self.begin(stream, is_last);
            }
            Event::Trailers { stream, .. } => {
                let exchange = self.exchanges.get_mut(&stream).expect("a request that has content");
                assert!(std::mem::take(&mut exchange.receives));
            }
            Event::Reset { stream, .. } => assert!(self.forget(stream), "a stream that is not open is reset"),
            Event::Broken { stream, .. } => drop(self.forget(stream)),
            Event::Window { stream } | Event::Reprioritized { stream, .. } => {
                assert!(stream == 0 || self.exchanges.contains_key(&stream), "{stream} is not open");
            }
            Event::Data { .. }
            | Event::Settings(_)
            | Event::SettingsAcknowledged { .. }
            | Event::Ping(_)
            | Event::Pong(_)
            | Event::UnsolicitedAck(_)
            | Event::ShutDownAcknowledged
            | Event::Goaway { .. } => {}
        }
    }

    fn begin(&mut self, stream: u32, is_last: bool) {
        assert!(stream > self.newest && !stream.is_multiple_of(2) && !self.has_last_call);
        assert!(self.exchanges.keys().filter(|stream| !stream.is_multiple_of(2)).count() < 6, "too many streams");
        self.newest = stream;
        self.exchanges.insert(stream, Exchange { receives: !is_last, ..Exchange::default() });
        // Before any other input is taken.
        match self.at_once {
            1 => self.respond(stream, b"ok"),
            2 => self.reset(stream, 8),
            3 => self.act(Act::Head { place: 0, status: 200, is_last: true }),
            _ => {}
        }
    }

    /// A stream has ended. The host still consumes its content.
    fn forget(&mut self, stream: u32) -> bool {
        let exchange = self.exchanges.remove(&stream);
        self.left_behind += exchange.as_ref().map_or(0, |exchange| exchange.held);
        exchange.is_some()
    }

    fn respond(&mut self, stream: u32, content: &[u8]) {
        self.head(stream, 200, false);
        let room = self.engine.sendable(stream).min(content.len());
        if room == content.len() {
            self.data(stream, content.len(), true);
        }
    }

    fn head(&mut self, stream: u32, status: u16, is_last: bool) {
        let fields = fields(stream);
        let status = StatusCode::from_u16(status).expect("a status");
        let (is_whole, is_tunnel, closes) = (false, false, false);
        let head = ResponseHead { status, fields: &fields, is_last, is_whole, is_tunnel, closes };
        self.engine.send_head(stream, head, &mut self.out);
        if let Some(exchange) = self.exchanges.get_mut(&stream) {
            exchange.has_head = true;
        }
        self.look();
    }

    /// Sends as much content as the windows allow, and END_STREAM if that is all.
    fn data(&mut self, stream: u32, length: usize, is_last: bool) {
        let sendable = self.engine.sendable(stream).min(length);
        let data = Data::Owned(vec![b'x'; sendable].into());
        self.engine.send_data(stream, data, is_last && sendable == length, &mut self.out);
        self.look();
    }

    fn reset(&mut self, stream: u32, code: u32) {
        assert!(self.engine.reset(stream, code, &mut self.out));
        self.forget(stream);
        self.look();
    }

    /// A stream that the host knows, if there is one.
    fn stream(&self, place: u8) -> u32 {
        match self.exchanges.len() {
            0 => self.newest,
            count => *self.exchanges.keys().rev().nth(usize::from(place) % count).expect("a stream"),
        }
    }

    fn act(&mut self, act: Act) {
        let (engine, out) = (&mut self.engine, &mut self.out);
        match act {
            Act::AtOnce(what) => self.at_once = what,
            Act::Head { place, status, is_last } => self.head(self.stream(place), status, is_last),
            Act::Data { place, length, is_last } => self.data(self.stream(place), length, is_last),
            Act::Respond(place) => self.respond(self.stream(place), b"a response"),
            Act::Reset { place, code } => self.reset(self.stream(place), code),
            Act::Consume { place, bytes } => {
                let stream = self.stream(place);
                let Some(exchange) = self.exchanges.get_mut(&stream) else { return };
                let bytes = exchange.held.min(bytes);
                exchange.held -= bytes;
                self.engine.consume(stream, bytes as usize, &mut self.out);
            }
            Act::Inform(place) => {
                let stream = self.stream(place);
                let status = StatusCode::EARLY_HINTS;
                self.engine.send_informational(stream, status, &fields(stream), &mut self.out);
            }
            Act::Trailers(place) => {
                let stream = self.stream(place);
                self.engine.send_trailers(stream, &fields(stream), &mut self.out);
            }
            Act::Push(place) => {
                let stream = self.stream(place);
                let (scheme, authority) = (Some("http".into()), Some("a.example".into()));
                let head = RequestHead { scheme, authority, path: b"/pushed".to_vec(), ..RequestHead::default() };
                if let Some(pushed) = self.engine.push(stream, &head, &mut self.out) {
                    self.exchanges.insert(pushed, Exchange::default());
                }
            }
            Act::Ping(byte) => drop(engine.send_control(Control::Ping([byte; 8]), out)),
            Act::KeepAlive => assert!(engine.send_control(Control::KeepAlive, out)),
            Act::Goaway { code, last_stream } => {
                let last_stream = if last_stream == 0 { LAST_TAKEN } else { last_stream };
                engine.send_control(Control::Goaway { code, last_stream, debug: b"host" }, out);
            }
            Act::Extension(place) => {
                let stream = self.stream(place);
                self.engine.send_control(Control::Extension { kind: 10, stream, payload: b"alt" }, &mut self.out);
            }
            Act::Windows { session, stream } => {
                engine.send_control(Control::Windows { session, stream }, out);
            }
            Act::Settings(settings) => {
                assert!(engine.send_control(Control::Settings(&settings), out));
            }
            Act::Announce => engine.shut_down(ShutDown::Announce, out),
            Act::LastCall => {
                engine.shut_down(ShutDown::LastCall, out);
                self.has_last_call = true;
            }
            Act::End { code, last_stream } => {
                engine.end(code, last_stream, b"over", out);
                self.ended();
            }
            Act::Time(millis) => engine.refill(Instant::now() + Duration::from_millis(millis)),
        }
        self.look();
    }

    /// The client reads the output, and the host forgets ended streams.
    fn look(&mut self) {
        let written = self.out.take();
        self.client.read(&written);
        self.written.extend(written);
        for stream in self.client.closed() {
            self.forget(stream);
        }
    }

    /// Invariants that hold at any time.
    fn check(&mut self) {
        let engine = &self.engine;
        assert!(engine.memory().sum() < MOST_MEMORY, "{} bytes", engine.memory().sum());
        assert_eq!(engine.is_over(), self.has_ended || self.has_last_call && engine.streams.is_empty());
        if self.has_ended {
            return;
        }
        let open: Vec<u32> = engine.streams.iter().map(|stream| stream.id).collect();
        assert!(open.iter().all(|id| self.exchanges.contains_key(id)), "{open:?} are open");
        assert_eq!(open.len(), self.exchanges.len());
        for (stream, exchange) in &self.exchanges {
            assert_eq!(engine.has_all_content(*stream), !exchange.receives);
            assert_eq!(engine.sendable(*stream), self.client.sendable(*stream), "what {stream} takes");
        }
        let coming = match &engine.input {
            Input::Content(rest) => (rest.stream(), rest.content()),
            _ => (0, 0),
        };
        // The window of a stream is conserved while content may arrive, whatever SETTINGS
        // are outstanding. (The padding of the last frame is not returned.)
        let receiving = |stream: &&Stream| stream.receives && !is_pushed(stream.id) && stream.id != coming.0;
        for stream in engine.streams.iter().filter(receiving) {
            let window = &stream.receive_window;
            let all = window.left() + window.due() + self.exchanges[&stream.id].held as i64;
            assert_eq!(all, i64::from(engine.limits.stream_window_bytes), "the window of {}", stream.id);
        }
        // The window of the session is conserved, too.
        let held: u64 = self.exchanges.values().map(|exchange| exchange.held).sum();
        let window = &engine.receive_window;
        let all = window.left() + window.due() + (held + self.left_behind + coming.1) as i64;
        assert_eq!(all, i64::from(engine.session_window), "the session's window");
        assert_eq!(window.left(), self.client.session_window, "the client knows what it may send");
    }

    /// The host ends everything: no stream is left, and the session has ended.
    fn finish(&mut self) {
        self.check();
        if self.has_ended {
            let before = self.written.len();
            self.act(Act::Respond(0));
            self.act(Act::Windows { session: 1 << 20, stream: 5 });
            self.act(Act::Settings(Vec::new()));
            self.act(Act::Announce);
            self.act(Act::Ping(1));
            assert_eq!(self.written.len(), before, "something is written behind the end");
            return;
        }
        self.engine.consume(self.newest, std::mem::take(&mut self.left_behind) as usize, &mut self.out);
        self.look();
        let open: Vec<u32> = self.exchanges.keys().copied().collect();
        open.into_iter().for_each(|stream| self.reset(stream, 8));
        self.act(Act::LastCall);
        assert!(self.engine.is_over());
        self.check();
    }
}

fn fields(stream: u32) -> HeaderList {
    let mut fields = HeaderList::new();
    fields.push(b"x-name", b"value", false);
    fields.push(b"x-stream", &text_of(stream), stream.is_multiple_of(3));
    fields
}

fn text_of(stream: u32) -> [u8; 4] {
    stream.to_be_bytes().map(|byte| b'a' + byte % 26)
}

/// Reads any bytes as frames after the preface. The results do not depend on how the
/// bytes are divided.
pub fn frames(bytes: &[u8]) {
    let start = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &client::frame(4, 0, 0, &[])].concat();
    let whole = Connection::of(&[&start, bytes]);
    // At every index of short input, at some of long input: the time is quadratic.
    let cuts = (1..bytes.len()).step_by(bytes.len() / 40 + 1).map(|cut| bytes.split_at(cut));
    cuts.for_each(|(first, rest)| same(&Connection::of(&[&start, first, rest]), &whole, "in two"));
    let single: Vec<&[u8]> = [&start[..]].into_iter().chain(bytes.chunks(1)).collect();
    let mut single = Connection::of(&single);
    same(&single, &whole, "byte by byte");
    single.finish();
}

/// Asserts that both hosts and both clients have seen the same.
fn same(one: &Connection, other: &Connection, how: &str) {
    assert_eq!(one.told, other.told, "{how}");
    assert_eq!(client::without_pings(&one.written), client::without_pings(&other.written), "{how}");
    assert_eq!(one.engine.refused(), other.engine.refused(), "{how}");
}

/// Runs any program. The results do not depend on how the client's bytes are divided, nor
/// on the slot for the newest stream.
pub fn session(program: &[u8]) {
    let whole = Connection::run(program, usize::MAX, true);
    same(&Connection::run(program, usize::MAX, false), &whole, "without the slot");
    same(&Connection::run(program, 1, true), &whole, "byte by byte");
    same(&Connection::run(program, 7, false), &whole, "in sevens");
}
