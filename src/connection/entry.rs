//! Enters a received request into the slot table, where the host finds it by its id.

use std::sync::Arc;

use http::StatusCode;

use crate::engine::RequestHead;
use crate::refusal::Refusal;
use crate::request::{Request, Subscription};
use crate::route::{Match, Target};
use crate::session::SessionHandle;
use crate::worker::Worker;

/// What a request for a queue needs in addition.
pub fn fit_for_queue(found: Match<'_>) -> Result<Match<'_>, Refusal> {
    let Target::Queue(queue, _) = found.target else { return Ok(found) };
    if queue.is_freed() {
        return Err(Refusal::Status(StatusCode::SERVICE_UNAVAILABLE, None));
    }
    // A NUL follows each text of a record.
    if found.params.iter().any(|(_, value)| value.contains('\0')) {
        return Err(Refusal::Status(StatusCode::BAD_REQUEST, None));
    }
    Ok(found)
}

/// Enters the request. Returns its id, or `None` if there are no ids left.
pub fn enter(
    worker: &Worker,
    session: &Arc<SessionHandle>,
    stream: u32,
    head: Box<RequestHead>,
    has_body: bool,
    found: Match<'_>,
) -> Option<u64> {
    let mut slots = worker.slots.borrow_mut();
    let mut request = slots.spare().unwrap_or_else(|| Request::empty(session));
    let ended = request.begin(session, stream, head, found.params, &worker.shared.setup.config);
    ended.keep();
    if let Some(rules) = &worker.shared.setup.forwarded {
        request.read_forwarded(rules);
    }
    if has_body {
        request.await_body();
    }
    if let Target::Queue(queue, tag) = found.target {
        request.set_subscription(Subscription::new(queue.clone(), *tag));
    }
    slots.insert(|_| request)
}
