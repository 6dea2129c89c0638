//! A request: what the peer asked, and what the host answers.
//!
//! The host holds an id and may use it from any thread; the session's task
//! holds the stream. They meet in the [`Request`] entry, under its slot's
//! lock: the host changes it and calls the session's attention to it, the
//! session's task carries it to the wire. The engine is never touched from here.
//!
//! An entry lives until the host has ended its response, and, if it keeps the
//! body, has got the end of that; or, if the request was cancelled, until the host was told (its cancel hook has returned, or a call
//! answered [`Error::Cancelled`]). So what a host reads of a request cannot
//! vanish under its eyes.

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
use crate::header_list::HeaderList;
use crate::memory::Usage;
use crate::session::SessionHandle;
use crate::table::{SlotGuard, Tables};

/// The request that a hook is called for: its id, and what the host has attached to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub id: u64,
    pub context: u64,
}

/// Told once when nobody waits for the response any more: why, and the RST_STREAM code if there was one.
pub type OnCancel = Box<dyn FnOnce(Subject, Cause, u32) + Send>;
/// Told once when the session drains, with the milliseconds that are left.
pub type OnDrain = Box<dyn FnOnce(Subject, u64) + Send>;
/// Told each time something becomes possible again.
pub type OnReady = Box<dyn FnMut(Subject) + Send>;

pub static REQUESTS: Tables<Request> = Tables::new("the request", 0);

thread_local! {
    /// The request whose callback runs on this thread: its session looks at it
    /// right after, so that nothing needs to be signalled.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// One request and its response.
pub struct Request {
    pub session: Arc<SessionHandle>,
    /// The stream's identifier on the wire, an even one if the request is pushed
    /// by us; 0 before that has been promised.
    pub stream: u32,
    /// What the host has attached to it. The library does not look at it.
    pub context: u64,
    /// Of the request before in a spare box.
    head: Head,
    /// None if there is none and the host has not asked for it.
    pub body: Option<Body>,
    pub response: Response,
    /// The largest body that is collected, and all that are together.
    pub body_limits: (usize, usize),
    /// How long no byte may pass either way.
    pub idle: Duration,
    pub on_cancel: Option<OnCancel>,
    pub on_drain: Option<OnDrain>,
    /// Requests that are pushed for it and that the session's task has to promise.
    pub pushes: Vec<u64>,
    /// If it goes to a queue.
    pub subscription: Option<Subscription>,
    /// The host has been told that the session drains.
    drain_told: bool,
    /// The host wants the body to its end, also when its response has ended.
    pub keeps_body: bool,
    /// Set when nobody waits for the response any more.
    pub cancelled: Option<Cause>,
    /// Set when the host has not been told so: the entry waits for its next call.
    is_orphan: bool,
    /// Whether the session's task has been asked to look and has not yet.
    asked: bool,
    /// Whether a 100 (Continue) was sent.
    continued: bool,
    /// What it holds of memory, as it was last counted.
    memory: Usage,
}

impl Request {
    /// A box for a request.
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

    /// A request has come: an empty box is filled with it. Gives a head that may be
    /// filled again.
    pub fn begin(
        &mut self,
        session: &Arc<SessionHandle>,
        stream: u32,
        head: Box<RequestHead>,
        params: Vec<(String, String)>,
        config: &Config,
    ) -> Box<RequestHead> {
        // Mostly the box served the same session a moment ago.
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

    /// A request of that head, pushed for `parent`: its response goes the same way.
    fn pushed(parent: &Request, head: Head) -> Box<Self> {
        let mut pushed = Self::empty(&parent.session);
        pushed.response.begin_pushed(head.method(), &parent.response);
        pushed.head = head;
        pushed.body_limits = parent.body_limits;
        pushed.idle = parent.idle;
        pushed.subscription = parent.subscription.as_ref().map(Subscription::of_push);
        pushed
    }

    /// Lets go of all that the peer and the host gave, so that the box can wait for another request.
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
        self.memory.set(0);
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The body, for a host that wants it. A peer that waits for a 100
    /// (Continue) before it sends the body gets it now.
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

    /// Whether the host has done its part: it has answered, and gets no more of the body.
    pub fn is_done(&self) -> bool {
        let wants_body = || self.keeps_body && self.body.as_ref().is_some_and(|body| !body.is_over());
        self.response.has_ended() && !wants_body()
    }

    /// Ends the stream with RST_STREAM (RFC 9113, section 6.4). When the response
    /// has ended, NO_ERROR only says that the body is not wanted any more.
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

    /// The request goes to a queue.
    pub fn set_subscription(&mut self, subscription: Subscription) {
        if let Some(body) = &mut self.body {
            body.restore(Reader::Queued);
        }
        self.subscription = Some(subscription);
    }

    /// The host is told of room: if the peer had to wait for the host, more may wait from now on.
    pub fn grow(&mut self) {
        self.response.grow(&self.session);
    }

    /// Has a record follow when the response has room, and not before all of it
    /// has left if that `is_sent`.
    pub fn want_room(&mut self, is_sent: bool) -> Result<()> {
        let subscription =
            self.subscription.as_mut().ok_or(Error::State("the request did not come through a queue"))?;
        subscription.want_room(is_sent);
        Ok(())
    }

    /// Whether the host waits until all that it has written has left.
    pub fn wants_sent(&self) -> bool {
        self.subscription.as_ref().is_some_and(Subscription::wants_sent)
    }

    /// Counts the memory that it holds now: fields, content that the host has not
    /// consumed, content that waits for the peer. The session's task does this when
    /// it has looked at the request; one that has ended by then is never counted.
    pub fn count_memory(&mut self) {
        let body = self.body.as_ref().map_or(0, |body| body.memory());
        self.memory.set(self.head.memory() + body + self.response.memory());
    }

    /// The session's task looks now.
    pub fn attended(&mut self) {
        self.asked = false;
    }

    /// Milliseconds until the drain's deadline; None while the session does not drain.
    pub fn drain_left_ms(&self) -> Option<u64> {
        self.session.drain_left_ms()
    }

    /// How long the drain has left, if the host has not been told of it.
    pub fn untold_drain(&self) -> Option<u64> {
        if self.drain_told { None } else { self.drain_left_ms() }
    }

    /// The host has been told of the drain, or is now.
    pub fn tell_drain(&mut self) {
        self.drain_told = true;
    }

    /// The host reads the body to its end, also when its answer has ended.
    pub fn keep_body(&mut self) {
        self.keeps_body = true;
    }

    /// No byte may pass either way for so long.
    pub fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    pub fn set_on_cancel(&mut self, on_cancel: OnCancel) {
        self.on_cancel = Some(on_cancel);
    }

    pub fn set_on_drain(&mut self, on_drain: OnDrain) {
        self.on_drain = Some(on_drain);
    }

    /// The requests that are pushed for it and not promised yet.
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

    /// Lends the subscription to `work`, if it goes to a queue.
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

/// Runs a callback of the host for request `id`. If it panics the request
/// fails, and nothing else does.
pub fn calling(id: u64, hook: impl FnOnce()) {
    let outer = CURRENT.replace(id);
    let panicked = catch_unwind(AssertUnwindSafe(|| callback::run(hook))).is_err();
    CURRENT.set(outer);
    if panicked {
        tracing::error!(request = id, "a callback panicked");
        fail(id);
    }
}

/// Ends a request that cannot be answered rightly any more: 500, or, if an
/// answer has begun, RST_STREAM(INTERNAL_ERROR), so that it does not look whole.
pub fn fail(id: u64) {
    let failed = change(id, |request| match request.response.is_begun() {
        false => request.response.respond(500, &[]),
        true => request.reset(code::INTERNAL_ERROR),
    });
    if let Err(error) = failed {
        tracing::debug!(request = id, %error, "a failed request had ended already");
    }
}

/// Nobody waits for the response any more: the host is told, if it asked to be.
/// Otherwise the entry stays until the host's next call on it. Gives the body
/// bytes that the host wrote in vain.
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
        // What nobody will have any more is not kept for the host's next call.
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

/// A collected body is longer than the library gathers: refused with 413, or, if an
/// answer has begun, ended with RST_STREAM. If it is `for_now`, since others of
/// its session have the room, the peer may try again (RFC 9110, section 15.5.14).
/// `tell` gets the stream and the RST_STREAM code, 0 if there is none.
pub fn refuse_body(id: u64, for_now: bool, tell: impl FnOnce(&SessionHandle, u32, u32)) {
    let Ok(mut request) = REQUESTS.here().and_then(|table| table.find(id)) else { return };
    if for_now {
        // An error says that a response has begun, so that there is no head to set it in.
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

/// Looks at a request that the host has not answered yet.
pub fn read<R>(id: u64, look: impl FnOnce(&mut Request) -> Result<R>) -> Result<R> {
    look(&mut *find(id)?)
}

/// Attaches a number of the host's to a request.
pub fn set_context(id: u64, context: u64) -> Result<()> {
    read(id, |request| {
        request.context = context;
        Ok(())
    })
}

/// Prepares the response: nothing of it is sent by this.
pub fn prepare(id: u64, change: impl FnOnce(&mut Response) -> Result<()>) -> Result<()> {
    change(&mut find(id)?.response)
}

/// Changes a request and has its session look at it. If it was cancelled the
/// host learns it now, and the entry ends unless its cancel hook is to end it.
pub fn change<R>(id: u64, change: impl FnOnce(&mut Request) -> Result<R>) -> Result<R> {
    let mut request = find(id)?;
    if let Some(cause) = request.cancelled {
        if request.is_orphan {
            let session = request.session.clone();
            REQUESTS.here()?.end(id, request);
            session.orphan_released();
            // Its task may have ended, which does it otherwise.
            session.memory.publish();
        }
        return Err(Error::Cancelled(cause.name()));
    }
    let result = change(&mut request);
    // Also after a failure, which may have begun to wait for something.
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
