//! Invariants that hold for any input, for tests and fuzzing. The connection here
//! responds to each request as soon as it is complete.

mod output;

use http::StatusCode;

use super::{Http1, Input, Limits, Response, writer};
use crate::engine::{Engine, Event, Fault, RequestHead, ResponseHead, ShutDown};
use crate::header_list::HeaderList;
use crate::output::{Data, Output};

pub(super) const LIMITS: Limits = Limits { header_list_bytes: 2000, header_fields: 10 };

/// A request as it was received.
#[derive(Debug, PartialEq)]
pub struct Received {
    pub head: RequestHead,
    pub content: Vec<u8>,
    pub trailers: HeaderList,
    pub is_whole: bool,
}

/// A connection, and the results of its input.
pub struct Connection {
    pub engine: Http1,
    pub requests: Vec<Received>,
    /// Why the connection ended.
    pub fault: Option<Fault>,
    /// The output.
    pub out: Output,
    /// The input that the engine has not taken.
    pub held: Vec<u8>,
}

impl Connection {
    pub fn new(limits: Limits) -> Self {
        let engine = Http1::new(limits);
        Self { engine, requests: Vec::new(), fault: None, out: Output::default(), held: Vec::new() }
    }

    /// A connection that has received all of `bytes`, in pieces of `step` bytes.
    pub fn of(bytes: &[u8], step: usize) -> Self {
        let mut connection = Self::new(LIMITS);
        bytes.chunks(step.max(1)).for_each(|piece| connection.feed(piece));
        connection
    }

    /// Gives bytes to the engine, and responds to complete requests.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.take(bytes);
        while self.respond() {
            self.take(b"");
        }
    }

    /// Gives bytes to the engine, after those that it has not taken.
    pub fn take(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let rest = &self.held[at..];
            let (taken, event) = match self.engine.receive(rest, &mut self.out) {
                Ok(received) => received,
                Err(fault) => {
                    assert!(self.fault.replace(fault).is_none(), "a fault after a fault");
                    self.engine.send_fault(fault, b"now", &mut self.out);
                    assert!(self.engine.is_over() || matches!(self.engine.response, Response::Body(_)));
                    break;
                }
            };
            assert!(taken <= rest.len());
            assert!(self.fault.is_none() || taken == 0 && event.is_none(), "output after a fault");
            let has_event = event.is_some();
            if let (Input::Tunnel, Some(Event::Data { data, is_last: false, .. })) = (&self.engine.input, &event) {
                self.requests.last_mut().expect("a request").content.extend_from_slice(data);
            } else if let Some(event) = event {
                note(&mut self.requests, self.engine.stream, event);
            }
            at += taken;
            if taken == 0 && !has_event {
                break;
            }
        }
        self.held.drain(..at);
    }

    /// Responds with `ok` to a complete request. False if there is none.
    fn respond(&mut self) -> bool {
        let stream = self.engine.stream;
        let is_whole = self.requests.last().is_some_and(|request| request.is_whole);
        if !is_whole || !matches!(self.engine.input, Input::Whole) {
            return false;
        }
        let mut fields = HeaderList::new();
        fields.push(b"content-length", b"2", false);
        self.engine.send_head(stream, response(StatusCode::OK, &fields), &mut self.out);
        self.engine.send_data(stream, Data::Borrowed(b"ok"), true, &mut self.out);
        true
    }
}

/// A head with these fields and no flags.
pub fn response(status: StatusCode, fields: &HeaderList) -> ResponseHead<'_> {
    ResponseHead { status, fields, is_last: false, is_whole: false, is_tunnel: false, closes: false }
}

fn note(requests: &mut Vec<Received>, current: u32, event: Event<'_>) {
    let (stream, is_last) = match event {
        Event::Request { stream, head, is_last, .. } => {
            assert!(requests.last().is_none_or(|last| last.is_whole), "two at a time");
            assert_eq!(stream as usize, requests.len() + 1);
            requests.push(Received { head: *head, content: Vec::new(), trailers: HeaderList::new(), is_whole: false });
            (stream, is_last)
        }
        Event::Data { stream, data, is_last } => {
            assert!(is_last || !data.is_empty());
            requests.last_mut().expect("a request").content.extend_from_slice(data);
            (stream, is_last)
        }
        Event::Trailers { stream, fields } => {
            requests.last_mut().expect("a request").trailers = fields;
            (stream, true)
        }
        event => panic!("not an event of HTTP/1.1: {event:?}"),
    };
    assert_eq!(stream, current);
    let request = requests.last_mut().expect("a request");
    assert!(!request.is_whole, "an event after the end of a request");
    request.is_whole = is_last;
}

/// Checks that the results do not depend on how the input is divided into pieces.
fn check_all_divisions(bytes: &[u8]) -> Connection {
    let whole = Connection::of(bytes, usize::MAX);
    // At every index of short input, at 40 indices of long input: the time is quadratic.
    let cuts = (1..bytes.len()).step_by(bytes.len() / 40 + 1).map(|cut| {
        let mut connection = Connection::new(LIMITS);
        connection.feed(&bytes[..cut]);
        connection.feed(&bytes[cut..]);
        connection
    });
    for cut in cuts.chain([Connection::of(bytes, 1)]) {
        assert_eq!((cut.fault, &cut.requests, cut.out.to_vec()), (whole.fault, &whole.requests, whole.out.to_vec()));
        assert!(whole.fault.is_some() || cut.held == whole.held);
    }
    for request in whole.requests.iter().filter(|request| request.is_whole) {
        let length = writer::content_length(&request.head.fields);
        let is_chunked = request.head.fields.contains(b"transfer-encoding");
        assert!(is_chunked || request.content.len() as u64 == length.unwrap_or(0));
    }
    output::check(&whole);
    whole
}

/// Reads any bytes as heads: httparse accepts what the engine accepts.
pub fn heads(bytes: &[u8]) {
    let connection = check_all_divisions(bytes);
    let Some(request) = connection.requests.first() else { return };
    let mut fields = [httparse::EMPTY_HEADER; 40];
    let mut theirs = httparse::Request::new(&mut fields);
    match theirs.parse(bytes) {
        Ok(parsed) => {
            assert!(parsed.is_complete());
            assert_eq!(theirs.method, Some(request.original_method()));
            let same = theirs.headers.iter().zip(request.head.fields.iter()).all(|(theirs, ours)| {
                theirs.name.as_bytes().eq_ignore_ascii_case(ours.name) && theirs.value == ours.value
            });
            assert!(same && theirs.headers.len() == request.head.fields.len());
        }
        // httparse accepts only targets in UTF-8.
        Err(error) => assert!(error == httparse::Error::Token && std::str::from_utf8(&request.head.path).is_err()),
    }
}

/// Reads any bytes as chunks: the engine decodes the same content as a simple decoder
/// of complete input.
pub fn chunks(bytes: &[u8]) {
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let connection = check_all_divisions(&[head, bytes].concat());
    let [request] = &connection.requests[..] else { panic!("one request") };
    if request.is_whole {
        let (content, length) = output::dechunk(bytes).expect("chunks");
        assert_eq!((&request.content, &connection.held[..]), (&content, &bytes[length..]));
    }
}

/// The first bytes are a script: it says how the other bytes are divided, and which
/// calls are made in between.
pub fn connection(bytes: &[u8]) {
    let (script, mut input) = bytes.split_at(bytes.len().min(16));
    let mut script = script.iter().copied().cycle();
    let mut connection = Connection::new(LIMITS);
    // Enough steps for all input and some more calls.
    for _ in 0..bytes.len() + 32 {
        let (Some(size), Some(act)) = (script.next(), script.next()) else { return };
        let piece = input.split_off(..input.len().min(usize::from(size % 64))).unwrap_or_default();
        let was_over = connection.engine.is_over();
        let before = connection.requests.len();
        connection.take(piece);
        assert!(!was_over || connection.requests.len() == before && connection.engine.is_over());
        connection.act(act);
    }
    output::check(&connection);
}

impl Received {
    fn original_method(&self) -> &str {
        self.head.method.as_str()
    }
}

impl Connection {
    /// Makes one of the calls that an engine accepts.
    fn act(&mut self, act: u8) {
        let (engine, out) = (&mut self.engine, &mut self.out);
        let (stream, flag) = (engine.stream, |bit: u8| act & (1 << bit) != 0);
        let mut fields = HeaderList::new();
        fields.push(b"a", b"b", false);
        match act % 8 {
            0 => engine.send_informational(stream, StatusCode::CONTINUE, &HeaderList::new(), out),
            1 => engine.send_informational(stream, StatusCode::EARLY_HINTS, &fields, out),
            2 | 3 => {
                if flag(3) {
                    fields.push(b"content-length", b"7", false);
                }
                let is_tunnel = flag(4) && engine.opening.is_some();
                let status = if is_tunnel || flag(5) { StatusCode::OK } else { StatusCode::NOT_FOUND };
                let (is_last, is_whole, closes) = (flag(6), flag(5) && flag(6), flag(7));
                let head = ResponseHead { is_last, is_whole, is_tunnel, closes, status, fields: &fields };
                engine.send_head(stream, head, out);
            }
            4 => engine.send_data(stream, Data::Borrowed(b"data"), false, out),
            5 => engine.send_data(stream, Data::Borrowed(b"end"), true, out),
            6 => engine.send_trailers(stream, &fields, out),
            _ if flag(7) && flag(6) && flag(5) => engine.send_fault(Fault { code: 408, why: "slow" }, b"now", out),
            _ if flag(7) && flag(6) => engine.shut_down(ShutDown::LastCall, out),
            _ => {}
        }
    }
}
