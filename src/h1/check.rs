//! What must hold of any bytes, for tests and fuzzing: a connection on which
//! each request is responded to as soon as it is whole.

use http::StatusCode;

use super::{Http1, Input, Limits};
use crate::engine::{Engine, Event, Fault, RequestHead, ResponseHead};
use crate::header_list::HeaderList;

pub(super) const LIMITS: Limits = Limits { header_list_bytes: 2000, header_fields: 10 };

/// A request as it came.
#[derive(Debug, PartialEq)]
pub struct Received {
    pub head: RequestHead,
    pub content: Vec<u8>,
    pub trailers: HeaderList,
    pub is_whole: bool,
}

/// A connection and what came of the bytes that it was given.
pub struct Connection {
    pub engine: Http1,
    pub requests: Vec<Received>,
    /// Why the connection ended.
    pub fault: Option<Fault>,
    /// What was written.
    pub out: Vec<u8>,
    /// What was not taken.
    pub held: Vec<u8>,
}

impl Connection {
    pub fn new(limits: Limits) -> Self {
        let engine = Http1::new(limits);
        Self { engine, requests: Vec::new(), fault: None, out: Vec::new(), held: Vec::new() }
    }

    /// What comes of all of `bytes`, given in pieces of `step` bytes.
    pub fn of(bytes: &[u8], step: usize) -> Self {
        let mut connection = Self::new(LIMITS);
        bytes.chunks(step.max(1)).for_each(|piece| connection.feed(piece));
        connection
    }

    /// Gives bytes to the engine, and responds to what is whole.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.take(bytes);
        while self.respond() {
            self.take(b"");
        }
    }

    /// Gives bytes to the engine, behind those that it has not taken.
    pub fn take(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let rest = &self.held[at..];
            let (taken, event) = match self.engine.receive(rest) {
                Ok(received) => received,
                Err(fault) => {
                    assert!(self.fault.replace(fault).is_none(), "a fault after a fault");
                    self.engine.send_fault(fault, b"now", &mut self.out);
                    break;
                }
            };
            assert!(taken <= rest.len());
            assert!(self.fault.is_none() || taken == 0 && event.is_none(), "something after a fault");
            let has_event = event.is_some();
            if let Some(event) = event {
                note(&mut self.requests, self.engine.stream, event);
            }
            at += taken;
            if taken == 0 && !has_event {
                break;
            }
        }
        self.held.drain(..at);
    }

    /// Responds with `ok` to a request that is whole. False if there is none.
    fn respond(&mut self) -> bool {
        let stream = self.engine.stream;
        let is_whole = self.requests.last().is_some_and(|request| request.is_whole);
        if !is_whole || !matches!(self.engine.input, Input::Whole) {
            return false;
        }
        let mut fields = HeaderList::new();
        fields.push(b"content-length", b"2", false);
        self.engine.send_head(stream, response(StatusCode::OK, &fields), &mut self.out);
        self.engine.send_data(stream, b"ok", true, &mut self.out);
        true
    }
}

/// A head with these fields, and nothing else said of it.
pub fn response(status: StatusCode, fields: &HeaderList) -> ResponseHead<'_> {
    ResponseHead { status, fields, is_last: false, is_whole: false, is_tunnel: false, closes: false }
}

fn note(requests: &mut Vec<Received>, current: u32, event: Event<'_>) {
    let (stream, is_last) = match event {
        Event::Request { stream, head, is_last } => {
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
    };
    assert_eq!(stream, current);
    let request = requests.last_mut().expect("a request");
    assert!(!request.is_whole, "something behind the end");
    request.is_whole = is_last;
}
