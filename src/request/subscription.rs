//! A request that goes to a queue: the events that the host receives about it, as
//! records.

use std::sync::Arc;
use std::task::Waker;

use super::{Head, Request, change};
use crate::code;
use crate::error::{Error, Result};
use crate::event::Cause;
use crate::header_list::{GOAWAY_FIELD_SENSITIVE, HeaderList};
use crate::queue::{Queue, WaitToken, Writing};
use crate::record::{
    GOAWAY_RECORD_FLAG_COOKIES, GOAWAY_RECORD_FLAG_DRAINING, GOAWAY_RECORD_FLAG_END, GOAWAY_RECORD_FLAG_HEAD,
    GOAWAY_RECORD_FLAG_HOST_ONLY, GOAWAY_RECORD_FLAG_HTTP_1_0, GOAWAY_RECORD_FLAG_HTTP_1_1, GOAWAY_RECORD_FLAG_NO_BODY,
    GOAWAY_RECORD_FLAG_SENSITIVE, GOAWAY_RECORD_FLAG_UPGRADE, Record, RecordKind, count, narrow,
};

/// A complete body of at most this length is part of the request's own record.
const RIDES: usize = 64 << 10;
/// The most bytes of a long body in one record, so that it fits into a batch that
/// others fill too.
const PIECE: usize = 256 << 10;

pub struct Subscription {
    queue: Arc<Queue>,
    tag: u32,
    /// Whether the host knows the request.
    is_given: bool,
    /// The host waits for room in its response.
    wants_room: bool,
    /// The room is reported only when all that the host has written has been sent.
    wants_sent: bool,
    wait_token: WaitToken,
}

impl Subscription {
    pub fn new(queue: Arc<Queue>, tag: u32) -> Self {
        Self { queue, tag, is_given: false, wants_room: false, wants_sent: false, wait_token: WaitToken::default() }
    }

    /// Whether the host waits for room, or until all that it has written has been sent.
    pub fn want_room(&mut self, is_sent: bool) {
        self.wants_room = true;
        self.wants_sent |= is_sent;
    }

    pub fn wants_sent(&self) -> bool {
        self.wants_sent
    }

    /// For a request that the host itself has pushed and so knows already.
    pub fn of_push(parent: &Self) -> Self {
        Self { is_given: true, ..Self::new(parent.queue.clone(), parent.tag) }
    }
}

/// The session's task tells the queue what is new of request `id`, of whose
/// answer it has `inside` bytes that have not left. What finds no room waits, and
/// `waker` is woken when the host has taken.
pub fn publish(request: &mut Request, id: u64, inside: u64, waker: impl FnMut() -> Waker) {
    request.lend_subscription(|subscription, request| match subscription.queue.is_freed() {
        _ if request.is_done() => {}
        true => give_up(request, subscription),
        // None: the rest waits.
        false => drop(subscription.tell(request, id, inside, waker)),
    });
}

/// The session's task reports to the queue that the request was cancelled. Nothing is
/// reported about a request that the host does not know.
pub fn cancelled(request: &Request, id: u64, cause: Cause, code: u32) {
    let Some(subscription) = request.subscription.as_ref().filter(|subscription| subscription.is_given) else { return };
    if let Some(mut batch) = subscription.queue.push_forced() {
        let cause = cause as u32;
        batch.records.push(Record { code, cause, ..record_of(RecordKind::Cancelled, id, request) });
    }
}

/// The host has consumed `bytes` of the body that it was given.
pub fn consume(id: u64, bytes: u64) -> Result<()> {
    change(id, |request| {
        if request.subscription.is_none() {
            return Err(Error::State("the request did not come through a queue"));
        }
        request.wanted_body().give_back(bytes)
    })
}

/// The queue has no reader any more.
fn give_up(request: &mut Request, subscription: &Subscription) {
    let ended = match subscription.is_given {
        false => request.response.respond(503, &[]),
        true => request.reset(code::INTERNAL_ERROR),
    };
    // No error is expected: the response has not ended, and a host has set nothing on a
    // request that it has not received. An error is not logged: the request is locked
    // here, and the log callback may use it.
    drop(ended);
}

impl Subscription {
    fn tell(&mut self, request: &mut Request, id: u64, inside: u64, mut waker: impl FnMut() -> Waker) -> Option<()> {
        if !self.is_given {
            let mut batch = self.queue.try_push(request_bytes(request), &mut self.wait_token, &mut waker)?;
            write_request(&mut batch, request, id, self.tag);
            self.is_given = true;
        }
        self.tell_drain(request, id);
        self.tell_body(request, id, &mut waker)?;
        let is_sent = !self.wants_sent || (inside == 0 && request.response.queued() == 0);
        let may_write = !request.session.is_held();
        if self.wants_room && is_sent && may_write && request.response.has_room() && !request.response.has_ended() {
            let mut batch = self.queue.try_push(0, &mut self.wait_token, &mut waker)?;
            request.grow();
            let (number, code) = (narrow(request.response.queued()), narrow(request.response.high_water()));
            batch.records.push(Record { number, code, ..record_of(RecordKind::Writable, id, request) });
            (self.wants_room, self.wants_sent) = (false, false);
        }
        Some(())
    }

    fn tell_drain(&self, request: &mut Request, id: u64) {
        if let Some(left_ms) = request.untold_drain()
            && let Some(mut batch) = self.queue.push_forced()
        {
            let number = narrow(left_ms);
            batch.records.push(Record { number, ..record_of(RecordKind::Drain, id, request) });
            request.tell_drain();
        }
    }

    fn tell_body(&mut self, request: &mut Request, id: u64, mut waker: impl FnMut() -> Waker) -> Option<()> {
        let empty = record_of(RecordKind::Body, id, request);
        let Some(body) = &mut request.body else { return Some(()) };
        while body.has_to_lend() {
            let mut batch = self.queue.try_push(body.held().min(PIECE), &mut self.wait_token, &mut waker)?;
            let mut record = empty;
            record.data_offset = batch.mark();
            let is_last = body.lend(&mut batch.arena, PIECE);
            record.data_len = batch.since(record.data_offset);
            if is_last {
                record.flags = GOAWAY_RECORD_FLAG_END;
                write_trailers(&mut batch, body.trailers.as_deref(), &mut record);
            }
            batch.records.push(record);
        }
        Some(())
    }
}

fn record_of(kind: RecordKind, id: u64, request: &Request) -> Record {
    Record::of(kind, id, request.session.id, request.context)
}

/// How many bytes of the arena the request's record may take.
fn request_bytes(request: &Request) -> usize {
    // The head is bounded by its own limit, which is small compared with the arena's.
    request.body.as_ref().filter(|body| body.is_whole(RIDES)).map_or(0, |body| body.held())
}

fn write_request(batch: &mut Writing<'_>, request: &mut Request, id: u64, tag: u32) {
    let code = request.stream;
    let mut record = Record { tag, code, ..record_of(RecordKind::Request, id, request) };
    write_head(batch, request, &mut record);
    if let Some(left_ms) = request.session.drain_left_ms() {
        record.flags |= GOAWAY_RECORD_FLAG_DRAINING;
        record.number = narrow(left_ms);
        request.tell_drain();
    }
    record.data_offset = batch.mark();
    match &mut request.body {
        None => record.flags |= GOAWAY_RECORD_FLAG_END | GOAWAY_RECORD_FLAG_NO_BODY,
        // Bytes received through a tunnel are not part of this request's body.
        Some(_) if request.head.asks_upgrade() => {
            record.flags |= GOAWAY_RECORD_FLAG_END | GOAWAY_RECORD_FLAG_NO_BODY | GOAWAY_RECORD_FLAG_UPGRADE;
        }
        Some(body) if body.is_whole(RIDES) => {
            record.flags |= GOAWAY_RECORD_FLAG_END;
            body.give(&mut batch.arena);
        }
        Some(_) => {}
    }
    record.data_len = batch.since(record.data_offset);
    batch.records.push(record);
}

fn write_trailers(batch: &mut Writing<'_>, trailers: Option<&HeaderList>, record: &mut Record) {
    if let Some(trailers) = trailers.filter(|trailers| trailers.iter().any(|field| field.is_sensitive)) {
        record.flags |= GOAWAY_RECORD_FLAG_SENSITIVE;
        batch.field_flags(trailers);
    }
    record.text_offset = batch.mark();
    record.fields = trailers.map_or(0, |trailers| batch.fields(trailers));
    record.text_len = batch.since(record.text_offset);
}

/// Adds a byte for each field of the request's text.
#[cold]
fn write_flags(batch: &mut Writing<'_>, head: &Head, record: &mut Record) {
    record.flags |= GOAWAY_RECORD_FLAG_SENSITIVE;
    if head.protocol().is_some() {
        batch.arena.push(if head.has_sensitive_protocol() { GOAWAY_FIELD_SENSITIVE } else { 0 });
    }
    batch.request_field_flags(head.fields());
}

fn write_head(batch: &mut Writing<'_>, request: &Request, record: &mut Record) {
    let head = request.head();
    if head.request().has_sensitive {
        write_flags(batch, head, record);
    }
    record.text_offset = batch.mark();
    batch.text(head.method().as_str().as_bytes());
    batch.text(head.scheme().as_bytes());
    batch.text(head.authority().as_bytes());
    let (path, query) = head.request().path_and_query();
    batch.text(path);
    batch.text(query);
    batch.text(request.peer_text().as_bytes());
    for (name, value) in head.params() {
        batch.text(name.as_bytes());
        batch.text(value.as_bytes());
    }
    record.params = count(head.params().len());
    if let Some(protocol) = head.protocol() {
        batch.text(b":protocol");
        batch.text(protocol.as_bytes());
    }
    let (fields, has_cookies) = batch.request_fields(head.fields());
    record.fields = fields + u16::from(head.protocol().is_some());
    record.text_len = batch.since(record.text_offset);
    record.cause = head.request().pseudo_order;
    if has_cookies {
        record.flags |= GOAWAY_RECORD_FLAG_COOKIES;
        head.cookies().for_each(|cookie| batch.text(cookie));
    }
    record.flags |= if *head.method() == http::Method::HEAD { GOAWAY_RECORD_FLAG_HEAD } else { 0 };
    record.flags |= if head.has_host_only() { GOAWAY_RECORD_FLAG_HOST_ONLY } else { 0 };
    record.flags |= match head.version() {
        "1.1" => GOAWAY_RECORD_FLAG_HTTP_1_1,
        "1.0" => GOAWAY_RECORD_FLAG_HTTP_1_0,
        _ => 0,
    };
}
