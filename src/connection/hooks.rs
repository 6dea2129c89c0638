//! Calls the hooks of the host that are due for a request.

use crate::event::{Cause, EventKind, SessionEvent};
use crate::request::{self, Delivery, OnBody, OnDrain, OnReady, Reader, Request, Subject};
use crate::session::SessionHandle;
use crate::worker::Worker;

/// A hook that is due.
pub enum Call {
    Drain(OnDrain, u64),
    Deliver(Delivery),
    Writable(OnReady),
}

/// The next hook to call, if any.
pub fn next(request: &mut Request) -> Option<Call> {
    if request.session.is_muted() {
        return None;
    }
    if let Some(left_ms) = request.untold_drain()
        && let Some(on_drain) = request.on_drain.take()
    {
        request.tell_drain();
        return Some(Call::Drain(on_drain, left_ms));
    }
    let delivery = request.body.as_mut().and_then(|body| body.next_delivery()).map(Call::Deliver);
    delivery.or_else(|| {
        if request.session.is_held() {
            return None;
        }
        let on_writable = request.response.take_writable()?;
        request.grow();
        Some(Call::Writable(on_writable))
    })
}

/// The hook for content, if it is the next to be called and takes the `len` bytes that
/// have just arrived. They count as consumed.
pub fn on_body(request: &mut Request, len: usize, is_last: bool) -> Option<OnBody> {
    let waits = request.session.is_muted() || request.subscription.is_some() || !request.pushes.is_empty();
    if waits || request.on_drain.is_some() && request.untold_drain().is_some() {
        return None;
    }
    request.body.as_mut()?.pass(len, is_last)
}

/// Calls the hook for a request, whose slot must not be locked.
pub fn run(worker: &Worker, subject: Subject, call: Call) {
    match call {
        Call::Drain(on_drain, left_ms) => request::calling(subject.id, || on_drain(subject, left_ms)),
        Call::Deliver(delivery) => deliver(worker, subject, delivery),
        Call::Writable(mut on_writable) => {
            request::calling(subject.id, || on_writable(subject));
            if let Ok(mut request) = worker.find(subject.id) {
                request.response.restore_writable(on_writable);
            }
        }
    }
}

fn deliver(worker: &Worker, subject: Subject, delivery: Delivery) {
    let id = subject.id;
    let tell = |session: &SessionHandle, stream, code| {
        let cause = Cause::BodyTooLarge;
        worker.shared.tell(&SessionEvent {
            cause,
            stream,
            code,
            ..SessionEvent::new(EventKind::Timeout, session.id, session.peer().clone())
        });
    };
    match delivery {
        Delivery::Piece(on_body, piece, is_last) => deliver_piece(worker, subject, on_body, &piece, is_last),
        Delivery::Ready(mut on_readable) => {
            request::calling(id, || on_readable(subject));
            restore(worker, id, Reader::Pulled(on_readable));
        }
        Delivery::Whole(on_collected, whole) => request::calling(id, || on_collected(subject, &whole)),
        Delivery::TooLarge => request::refuse_body(id, false, tell),
        Delivery::TooLargeTogether => request::refuse_body(id, true, tell),
    }
}

/// Passes content of a request to the host. The slot of the request must not be locked.
pub fn deliver_piece(worker: &Worker, subject: Subject, mut on_body: OnBody, piece: &[u8], is_last: bool) {
    request::calling(subject.id, || on_body(subject, piece, is_last));
    restore(worker, subject.id, Reader::Pushed(on_body));
}

/// Puts the hook back after its call.
fn restore(worker: &Worker, id: u64, reader: Reader) {
    if let Ok(mut request) = worker.find(id) {
        request.body().restore(reader);
    }
}
