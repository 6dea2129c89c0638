//! Memory that is short: what waits then, and requests that wait because the peer
//! takes no responses.
//!
//! A request whose response could not be sent is not given to the host while much
//! waits for the peer already. It is dispatched as soon as the peer takes something.
//! So a peer that asks for much and takes nothing holds little.

use super::Task;
use crate::code;
use crate::engine::{Engine, Fault};
use crate::event::Cause;
use crate::memory::{self, Part};
use crate::relief;
use crate::request;
use crate::route::Target;
use crate::transport::Transport;

/// A peer that takes less than this on a stream takes nothing: a page would not fit.
const NOTHING: usize = 16 << 10;

/// A peer that has so much of the output still to read is cut when memory is short.
const MUCH: usize = 64 << 10;

impl<S: Transport, E: Engine> Task<S, E> {
    /// Looks at how much the process holds for all peers.
    pub(super) fn look_at_memory(&mut self) {
        let (held, limit) = (memory::held(), self.lifecycle.config().memory_bytes);
        self.lifecycle.worker.shared.see_memory(held);
        let is_short = relief::is_short(held, limit);
        if is_short != self.is_short {
            self.is_short = is_short;
            self.engine.set_short(is_short);
        }
        self.is_full = held >= limit;
        if self.is_full {
            self.wait_for_memory();
        }
    }

    /// The limit is reached: the session waits, unless it is small.
    #[cold]
    fn wait_for_memory(&mut self) {
        let session = &self.lifecycle.session;
        if relief::must_wait(session.memory.held() + self.socket.unsent()) {
            session.hold();
        }
        // Afterwards, so that it is resumed.
        self.lifecycle.worker.shared.shortage.tell();
    }

    /// Whether memory is so short that nothing is read. What a peer says of its windows
    /// has to be read if it is the responses that take the memory.
    pub(super) fn reads_nothing(&self) -> bool {
        let session = &self.lifecycle.session;
        let held = |part| session.memory.held_as(part);
        session.is_held() && (!E::IS_MULTIPLEXED || held(Part::Responses) <= held(Part::Bodies))
    }

    /// Whether a request on that stream has to wait before the host gets it.
    pub(super) fn must_wait(&mut self, stream: u32) -> bool {
        if self.is_full {
            // It may have grown since it was looked at.
            self.wait_for_memory();
        }
        if !E::IS_MULTIPLEXED {
            return false;
        }
        // Most often there is no other request.
        let waits_for_peer = !self.exchanges.is_empty() && !self.takes_responses(stream) && self.is_responding_enough();
        waits_for_peer || self.lifecycle.session.is_held()
    }

    /// Whether the peer takes content on that stream at the moment.
    fn takes_responses(&self, stream: u32) -> bool {
        let most = self.lifecycle.config().session_send_bytes;
        self.engine.sendable(stream) >= NOTHING && self.socket.unsent() < most / 2
    }

    /// Whether as much waits for the peer as may, or soon will: each request without a
    /// response may have as much as the high-water mark allows.
    fn is_responding_enough(&self) -> bool {
        let config = self.lifecycle.config();
        let known = self.exchanges.iter().filter(|exchange| exchange.request != 0 && !exchange.has_head);
        let expected = known.count().saturating_sub(self.parked.len()).saturating_mul(config.high_water_bytes);
        let waiting = self.lifecycle.session.memory.held_as(Part::Responses);
        waiting >= config.session_response_bytes.max(1) || expected > config.session_response_bytes
    }

    /// Has a request wait.
    pub(super) fn park(&mut self, stream: u32, request: u64) {
        self.parked.push(stream);
        if let Ok(mut request) = self.lifecycle.worker.find(request) {
            request.count_memory();
        }
    }

    /// Whether the host does not know the request on that stream yet.
    pub(super) fn is_parked(&self, stream: u32) -> bool {
        !self.parked.is_empty() && self.parked.contains(&stream)
    }

    /// Gives the host the requests that need not wait any more. True if there were some.
    pub(super) fn dispatch_parked(&mut self) -> bool {
        if self.parked.is_empty() || self.lifecycle.worker.shared.is_muted() {
            return false;
        }
        if self.lifecycle.session.is_held() {
            return false;
        }
        let (mut moved, mut is_enough, mut at) = (false, self.is_responding_enough(), 0);
        while let Some(stream) = self.parked.get(at).copied() {
            if is_enough && !self.takes_responses(stream) {
                at += 1;
                continue;
            }
            self.parked.remove(at);
            self.dispatch(stream);
            (moved, is_enough) = (true, self.is_responding_enough());
        }
        moved
    }

    /// Gives the host the request on that stream.
    fn dispatch(&mut self, stream: u32) {
        let Some(exchange) = self.exchanges.take(stream) else { return };
        let (id, worker) = (exchange.request, self.lifecycle.worker.clone());
        let handler = worker.find(id).ok().and_then(|request| {
            let head = request.head().request();
            match worker.shared.setup.routes.find(&head.method, head.path_and_query().0).ok()?.target {
                Target::Handler(handler) => Some(handler),
                // The check of the health of the server never waits.
                Target::Queue(..) | Target::Check(_) => None,
            }
        });
        if let Some(handler) = handler {
            self.current = id;
            request::calling(id, || handler(id));
            self.current = 0;
        }
        self.work_on(exchange);
    }

    /// A request that the host does not know has ended. False if the host knows it.
    pub(super) fn forget_parked(&mut self, stream: u32, request: u64) -> bool {
        let is_parked = self.is_parked(stream);
        if is_parked {
            self.parked.retain(|other| *other != stream);
            request::forget(request);
        }
        is_parked
    }

    /// Memory is not short any more: the host may write again.
    pub(super) fn resume(&mut self) {
        self.attend_all();
    }

    /// Memory is short, and this session is one of the largest.
    pub(super) fn relieve(&mut self) {
        if !matches!(self.phase, super::Phase::Open) {
            return;
        }
        let why = "the server's memory limit is reached";
        if self.socket.unsent() > MUCH {
            // It reads nothing, and would not see a GOAWAY behind what waits for it.
            self.cut_for(Cause::Memory);
        } else if E::IS_MULTIPLEXED {
            self.end_for(Cause::Memory, code::ENHANCE_YOUR_CALM, why);
        } else {
            self.lifecycle.tell_timeout(Cause::Memory, 0, 0);
            self.end_with(Cause::Memory, Fault { code: 503, why });
        }
    }
}
