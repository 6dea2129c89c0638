//! A request of the peer and the response of the host.
//!
//! The host holds an id and may use it on any thread. The session's task holds the
//! stream. They share the [`Request`] entry, under the lock of its slot: the host
//! changes the entry and notifies the session, and the session's task sends the change.
//! The protocol engine is never called from here.
//!
//! An entry lives until the host has ended its response and, if it keeps the body, has
//! received the end of the body. If the request was cancelled, the entry lives until
//! the host knows it: its cancel hook has returned, or a call has returned
//! [`Error::Cancelled`]. So the data of a request stays valid while the host reads it.

mod autotune;
mod block;
mod body;
mod connection;
mod field;
mod head;
mod push;
mod response;
mod subscription;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

pub use block::trim;
pub use body::{Body, Delivery, OnBody, Reader, Share};
pub use field::{section, trailers};
pub use head::Head;
pub use push::push;
pub use response::{Head as QueuedHead, Piece, Response};
pub use subscription::{Subscription, consume, publish};

use crate::callback;
use crate::code;
use crate::config::Config;
use crate::engine::RequestHead;
use crate::error::{Error, Result};
use crate::event::Cause;
use crate::forwarded::Rules;
use crate::header_list::HeaderList;
use crate::memory::{Part, Usage};
use crate::session::SessionHandle;
use crate::table::{SlotGuard, Tables};

/// The memory that a request takes beside its box and its head: its slot, its timers,
/// and what the allocator adds.
const BESIDE: usize = 192;

/// The request that a hook is called for: its id and the host's context value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub id: u64,
    pub context: u64,
}

/// Called once when the request is cancelled, with the cause and the RST_STREAM code if
/// there was one.
pub type OnCancel = Box<dyn FnOnce(Subject, Cause, u32) + Send>;
/// Called once when the session drains, with the milliseconds that are left.
pub type OnDrain = Box<dyn FnOnce(Subject, u64) + Send>;
/// Called each time an operation becomes possible again.
pub type OnReady = Box<dyn FnMut(Subject) + Send>;

pub static REQUESTS: Tables<Request> = Tables::new("the request", 0);

thread_local! {
    /// The request whose callback runs on this thread. Its session handles the request
    /// right after the callback, so that no notification is needed.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// One request and its response.
pub struct Request {
    pub session: Arc<SessionHandle>,
    /// The stream identifier. It is even if the request is pushed by the server, and 0
    /// until the push has been promised.
    pub stream: u32,
    /// The value that the host has attached. The library does not interpret it.
    pub context: u64,
    /// In a spare box: the head of the previous request.
    head: Head,
    /// `None` if there is no body and the host has not asked for one.
    pub body: Option<Body>,
    pub response: Response,
    /// The largest body that is collected, and the most bytes of all collected bodies
    /// together.
    pub body_limits: (usize, usize),
    /// How long the stream may be idle in both directions.
    pub idle: Duration,
    pub on_cancel: Option<OnCancel>,
    pub on_drain: Option<OnDrain>,
    /// Pushed requests for which the session's task has yet to send a PUSH_PROMISE.
    pub pushes: Vec<u64>,
    /// Present if the request goes to a queue.
    pub subscription: Option<Subscription>,
    /// Whether the drain has been reported to the host.
    drain_told: bool,
    /// Whether the host wants the body to its end, even after its response has ended.
    pub keeps_body: bool,
    /// The cause, if the request was cancelled.
    pub cancelled: Option<Cause>,
    /// Whether the cancellation is not yet reported to the host. The entry then waits
    /// for the host's next call.
    is_orphan: bool,
    /// Whether the session's task has been asked to handle the request and has not done
    /// so yet.
    asked: bool,
    /// Whether a 100 (Continue) was sent.
    continued: bool,
    /// The memory that it held when it was last counted.
    memory: Usage,
}

impl Request {
    /// Makes a box for a request.
    pub fn empty(session: &Arc<SessionHandle>) -> Box<Self> {
        Box::new(Self {
            session: session.clone(),
            stream: 0,
            context: 0,
            head: Head::default(),
            body: None,
            response: Response::default(),
            body_limits: (0, 0),
            idle: Duration::ZERO,
            on_cancel: None,
            on_drain: None,
            pushes: Vec::new(),
            subscription: None,
            drain_told: false,
            keeps_body: false,
            cancelled: None,
            is_orphan: false,
            asked: false,
            continued: false,
            memory: Usage::new(&session.memory),
        })
    }

    /// Fills an empty box with a new request. Returns a head for reuse.
    pub fn begin(
        &mut self,
        session: &Arc<SessionHandle>,
        stream: u32,
        head: Box<RequestHead>,
        params: Vec<(String, String)>,
        config: &Config,
    ) -> Box<RequestHead> {
        // Boxes are usually reused by the same session.
        if !Arc::ptr_eq(&self.session, session) {
            self.session = session.clone();
            self.memory = Usage::new(&session.memory);
        }
        self.stream = stream;
        self.response.begin(&head.method, config.high_water_bytes, config.session_send_bytes);
        let spare = self.head.replace(head, params);
        if self.head.is_http1() {
            self.response.begin_http1(self.head.asks_upgrade());
        }
        self.body_limits = (config.max_body_bytes, config.session_body_bytes);
        self.idle = config.stream_idle;
        spare
    }

    /// A request with this head, pushed for `parent`. Its response is delivered the
    /// same way.
    fn pushed(parent: &Request, head: Head) -> Box<Self> {
        let mut pushed = Self::empty(&parent.session);
        pushed.response.begin_pushed(head.method(), &parent.response);
        pushed.head = head;
        pushed.body_limits = parent.body_limits;
        pushed.idle = parent.idle;
        pushed.subscription = parent.subscription.as_ref().map(Subscription::of_push);
        pushed
    }

    /// Drops the data of the peer and of the host, so that the box can be reused.
    pub fn clear(&mut self) {
        self.context = 0;
        self.head.clear();
        self.body = None;
        self.response.clear();
        self.on_cancel = None;
        self.on_drain = None;
        self.pushes.clear();
        self.subscription = None;
        self.drain_told = false;
        self.keeps_body = false;
        self.cancelled = None;
        self.is_orphan = false;
        self.asked = false;
        self.continued = false;
        self.memory.clear();
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Reads what trusted proxies say of the request.
    pub fn read_forwarded(&mut self, rules: &Rules) {
        let head = &self.head;
        let (scheme, authority) = (head.received_scheme(), head.received_authority());
        let forwarded = rules.read(self.session.peer(), head.fields(), scheme, authority);
        self.head.set_forwarded(forwarded);
    }

    /// The client's address: as forwarded, or that of the session's peer.
    pub fn peer_text(&self) -> &str {
        let forwarded = self.head.forwarded().and_then(|forwarded| forwarded.peer.as_deref());
        forwarded.unwrap_or_else(|| self.session.peer_text())
    }

    /// The body, for a host that wants it. A peer that waits for a 100 (Continue)
    /// before it sends the body gets it now.
    pub fn wanted_body(&mut self) -> &mut Body {
        let waits = self.body.as_ref().is_some_and(|body| !body.has_ended()) && self.head().expects_continue();
        if waits && !self.continued && !self.response.is_begun() {
            self.continued = self.response.inform(100, HeaderList::new()).is_ok();
        }
        self.body()
    }

    pub fn body(&mut self) -> &mut Body {
        self.body.get_or_insert_with(|| Body::new(true))
    }

    /// Whether the host is done: it has responded and receives no more of the body.
    pub fn is_done(&self) -> bool {
        let wants_body = || self.keeps_body && self.body.as_ref().is_some_and(|body| !body.is_over());
        self.response.has_ended() && !wants_body()
    }

    /// Ends the stream with RST_STREAM (RFC 9113, section 6.4). After the end of the
    /// response, NO_ERROR only means that the rest of the body is not wanted.
    pub fn reset(&mut self, code: u32) -> Result<()> {
        if !self.response.has_ended() {
            return self.response.reset(code);
        }
        self.keeps_body = false;
        if code != code::NO_ERROR {
            self.response.cut(code);
        }
        Ok(())
    }

    /// Sends the request's events to a queue.
    pub fn set_subscription(&mut self, subscription: Subscription) {
        if let Some(body) = &mut self.body {
            body.restore(Reader::Queued);
        }
        self.subscription = Some(subscription);
    }

    /// Called when room is reported to the host. The high-water mark may grow if the
    /// peer had to wait for the host.
    pub fn grow(&mut self) {
        self.response.grow(&self.session);
    }

    /// Requests a record when the response has room or, if `is_sent`, when all of it
    /// has been sent.
    pub fn want_room(&mut self, is_sent: bool) -> Result<()> {
        let subscription =
            self.subscription.as_mut().ok_or(Error::State("the request did not come through a queue"))?;
        subscription.want_room(is_sent);
        Ok(())
    }

    /// Whether the host waits until all that it has written has been sent.
    pub fn wants_sent(&self) -> bool {
        self.subscription.as_ref().is_some_and(Subscription::wants_sent)
    }

    /// Counts the memory that the request holds now: itself, its fields, content that
    /// the host has not consumed, content that waits for the peer. The session's task calls this
    /// after it has handled the request. A request that has ended by then is never
    /// counted.
    pub fn count_memory(&mut self) {
        let (body, trailers) = self.body.as_ref().map_or((0, 0), |body| (body.memory(), body.memory_of_trailers()));
        self.memory.set(Part::Streams, size_of::<Self>() + size_of::<RequestHead>() + BESIDE);
        self.memory.set(Part::Fields, self.head.memory() + trailers + self.response.memory_of_fields());
        self.memory.set(Part::Bodies, body);
        self.memory.set(Part::Responses, self.response.memory());
    }

    /// The session's task handles the request now.
    pub fn attended(&mut self) {
        self.asked = false;
    }

    /// Milliseconds until the drain's deadline; `None` while the session does not
    /// drain.
    pub fn drain_left_ms(&self) -> Option<u64> {
        self.session.drain_left_ms()
    }

    /// The milliseconds until the drain's deadline, if the drain has not been reported
    /// to the host.
    pub fn untold_drain(&self) -> Option<u64> {
        if self.drain_told { None } else { self.drain_left_ms() }
    }

    /// Marks the drain as reported to the host.
    pub fn tell_drain(&mut self) {
        self.drain_told = true;
    }

    /// Lets the host read the body to its end, even after its response has ended.
    pub fn keep_body(&mut self) {
        self.keeps_body = true;
    }

    /// Sets how long the stream may be idle in both directions.
    pub fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    pub fn set_on_cancel(&mut self, on_cancel: OnCancel) {
        self.on_cancel = Some(on_cancel);
    }

    pub fn set_on_drain(&mut self, on_drain: OnDrain) {
        self.on_drain = Some(on_drain);
    }

    /// Takes the pushed requests that have not been promised yet.
    pub fn take_pushes(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.pushes)
    }

    /// It is pushed, and was promised on that stream.
    pub fn promised(&mut self, stream: u32) {
        self.stream = stream;
    }

    /// Its body is still to come.
    pub fn await_body(&mut self) {
        self.body = Some(Body::new(false));
    }

    /// Lends the subscription to `work` if the request goes to a queue.
    fn lend_subscription(&mut self, work: impl FnOnce(&mut Subscription, &mut Self)) {
        if let Some(mut subscription) = self.subscription.take() {
            work(&mut subscription, self);
            self.subscription = Some(subscription);
        }
    }

    fn ask(&mut self, id: u64) {
        if !self.asked && CURRENT.get() != id {
            self.asked = true;
            self.session.wake_stream(self.stream);
        }
    }
}

/// Runs a callback of the host for request `id`. If it panics, the request fails and
/// nothing else does.
pub fn calling(id: u64, hook: impl FnOnce()) {
    let outer = CURRENT.replace(id);
    let panicked = catch_unwind(AssertUnwindSafe(|| callback::run(hook))).is_err();
    CURRENT.set(outer);
    if panicked {
        tracing::error!(request = id, "a callback panicked");
        fail(id);
    }
}

/// Ends a request that cannot get a correct response any more: with 500 or, if a
/// response has begun, with RST_STREAM(INTERNAL_ERROR), so that the response does not
/// look complete.
pub fn fail(id: u64) {
    let failed = change(id, |request| match request.response.is_begun() {
        false => request.response.respond(500, &[]),
        true => request.reset(code::INTERNAL_ERROR),
    });
    if let Err(error) = failed {
        tracing::debug!(request = id, %error, "a failed request had ended already");
    }
}

/// Cancels a request and reports it to the host if it has a cancel hook. Otherwise the
/// entry stays until the host's next call on it. Returns the number of body bytes that
/// the host wrote and that were never sent.
pub fn cancel(id: u64, cause: Cause, code: u32) -> u64 {
    let Ok(mut request) = REQUESTS.here().and_then(|table| table.find(id)) else { return 0 };
    let unsent = request.response.queued() as u64;
    request.cancelled = Some(cause);
    let muted = request.session.is_muted();
    let subject = Subject { id, context: request.context };
    let on_cancel = request.on_cancel.take();
    let pushes = std::mem::take(&mut request.pushes);
    let session = if pushes.is_empty() { None } else { Some(request.session.clone()) };
    let is_done = request.is_done();
    if !is_done {
        subscription::cancelled(&request, id, cause, code);
    }
    let is_over = is_done || on_cancel.is_some() || muted || request.subscription.is_some();
    let to_tell = on_cancel.filter(|_| !is_done && !muted);
    request.is_orphan = !is_over;
    if !is_over {
        request.session.orphaned();
        // Data that nobody can receive any more is not kept until the host's next call.
        request.response = Response::default();
        request.body().drop_pieces();
        request.count_memory();
    }
    drop(request);
    if let Some(on_cancel) = to_tell {
        calling(id, || on_cancel(subject, cause, code));
    }
    if is_over {
        forget(id);
    }
    for (pushed, session) in pushes.into_iter().zip(session.iter().cycle()) {
        session.push_is_over();
        cancel(pushed, cause, code);
    }
    unsent
}

/// Refuses a collected body that is longer than the library collects: with 413 or, if a
/// response has begun, with RST_STREAM. If `for_now`, because other requests of the
/// session use the room, the peer may try again (RFC 9110, section 15.5.14). `tell`
/// receives the stream and the RST_STREAM code, 0 if there is none.
pub fn refuse_body(id: u64, for_now: bool, tell: impl FnOnce(&SessionHandle, u32, u32)) {
    let Ok(mut request) = REQUESTS.here().and_then(|table| table.find(id)) else { return };
    if for_now {
        // Fails if a response has begun; then there is no head to set the field in.
        let _ = request.response.set_field(b"retry-after", b"1");
    }
    let (refused, code) = match request.response.is_begun() {
        false => (request.response.respond(413, &[]), 0),
        true => (request.reset(code::CANCEL), code::CANCEL),
    };
    if refused.is_err() {
        return;
    }
    let (session, stream) = (request.session.clone(), request.stream);
    let subject = Subject { id, context: request.context };
    let on_cancel = request.on_cancel.take().filter(|_| !session.is_muted());
    drop(request);
    tell(&session, stream, code);
    if let Some(on_cancel) = on_cancel {
        calling(id, || on_cancel(subject, Cause::BodyTooLarge, code));
    }
}

/// Reads a request to which the host has not responded yet.
pub fn read<R>(id: u64, look: impl FnOnce(&mut Request) -> Result<R>) -> Result<R> {
    look(&mut *find(id)?)
}

/// Attaches the host's context value to a request.
pub fn set_context(id: u64, context: u64) -> Result<()> {
    read(id, |request| {
        request.context = context;
        Ok(())
    })
}

/// Prepares the response. This sends nothing.
pub fn prepare(id: u64, change: impl FnOnce(&mut Response) -> Result<()>) -> Result<()> {
    change(&mut find(id)?.response)
}

/// Changes a request and has its session handle it. If the request was cancelled, this
/// call reports it to the host, and the entry ends unless its cancel hook is to end it.
pub fn change<R>(id: u64, change: impl FnOnce(&mut Request) -> Result<R>) -> Result<R> {
    let mut request = find(id)?;
    if let Some(cause) = request.cancelled {
        if request.is_orphan {
            let session = request.session.clone();
            REQUESTS.here()?.end(id, request);
            session.orphan_released();
            // Otherwise the session's task does this, but it may have ended.
            session.memory.publish();
        }
        return Err(Error::Cancelled(cause.name()));
    }
    let result = change(&mut request);
    // This is needed after a failure too, which may have begun a wait.
    request.ask(id);
    if CURRENT.get() != id {
        request.count_memory();
    }
    result
}

/// Changes the response.
pub fn response<R>(id: u64, change_response: impl FnOnce(&mut Response) -> Result<R>) -> Result<R> {
    change(id, |request| change_response(&mut request.response))
}

/// Writes a piece of a streamed response, unless memory is short. Returns the bytes
/// that wait for the peer now.
pub fn write(id: u64, data: &[u8]) -> Result<usize> {
    change(id, |request| match request.session.is_held() {
        true => request.response.refuse_for_now(),
        false => request.response.write(data),
    })
}

/// Ends a cancelled request's entry.
pub fn forget(id: u64) {
    if let Ok(table) = REQUESTS.here() {
        drop(table.remove(id));
    }
}

fn find(id: u64) -> Result<SlotGuard<'static, Request>> {
    let request = REQUESTS.here()?.find(id)?;
    match request.is_done() {
        true => Err(Error::Gone("the request")),
        false => Ok(request),
    }
}
