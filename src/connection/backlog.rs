//! What waits while memory is short, and requests that wait because the peer accepts no
//! responses.
//!
//! While much output waits for the peer, a request whose response could not be sent is
//! not dispatched to the host. It is dispatched when the peer accepts output. A peer that
//! sends many requests and accepts nothing therefore holds little memory.

use super::Task;
use crate::code;
use crate::engine::{Engine, Fault};
use crate::event::Cause;
use crate::memory::{self, Part};
use crate::relief;
use crate::request;
use crate::route::Target;
use crate::transport::Transport;

/// A peer with a smaller window on a stream accepts nothing: a page would not fit.
const NOTHING: usize = 16 << 10;

/// A peer with more unread output than this is cut when memory is short.
const MUCH: usize = 64 << 10;

impl<S: Transport, E: Engine> Task<S, E> {
    /// Examines how much memory the process holds for all peers.
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
        // Last, so that it is resumed.
        self.lifecycle.worker.shared.shortage.tell();
    }

    /// Whether memory is so short that nothing is read. If responses hold the memory,
    /// frames must be read, because they may open windows.
    pub(super) fn reads_nothing(&self) -> bool {
        let session = &self.lifecycle.session;
        let held = |part| session.memory.held_as(part);
        session.is_held() && (!E::IS_MULTIPLEXED || held(Part::Responses) <= held(Part::Bodies))
    }

    /// Whether a request on this stream has to wait before it is dispatched.
    pub(super) fn must_wait(&mut self, stream: u32) -> bool {
        if self.is_full {
            // The memory may have grown since it was examined.
            self.wait_for_memory();
        }
        if !E::IS_MULTIPLEXED {
            return false;
        }
        // Usually there is no other request.
        let waits_for_peer = !self.exchanges.is_empty() && !self.takes_responses(stream) && self.is_responding_enough();
        waits_for_peer || self.lifecycle.session.is_held()
    }

    /// Whether the peer accepts content on this stream now.
    fn takes_responses(&self, stream: u32) -> bool {
        let most = self.lifecycle.config().session_send_bytes;
        self.engine.sendable(stream) >= NOTHING && self.socket.unsent() < most / 2
    }

    /// Whether as much output waits for the peer as is allowed, or soon will: each
    /// request without a response may add as much as its high-water mark.
    fn is_responding_enough(&self) -> bool {
        let config = self.lifecycle.config();
        let known = self.exchanges.iter().filter(|exchange| exchange.request != 0 && !exchange.has_head);
        let expected = known.count().saturating_sub(self.parked.len()).saturating_mul(config.high_water_bytes);
        let waiting = self.lifecycle.session.memory.held_as(Part::Responses);
        waiting >= config.session_response_bytes.max(1) || expected > config.session_response_bytes
    }

    /// Makes a request wait.
    pub(super) fn park(&mut self, stream: u32, request: u64) {
        self.parked.push(stream);
        if let Ok(mut request) = self.lifecycle.worker.find(request) {
            request.count_memory();
        }
    }

    /// Whether the request on this stream was not dispatched yet.
    pub(super) fn is_parked(&self, stream: u32) -> bool {
        !self.parked.is_empty() && self.parked.contains(&stream)
    }

    /// Dispatches the requests that need not wait any more. Returns whether there were
    /// any.
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

    /// Dispatches the request on this stream.
    fn dispatch(&mut self, stream: u32) {
        let Some(exchange) = self.exchanges.take(stream) else { return };
        let (id, worker) = (exchange.request, self.lifecycle.worker.clone());
        let handler = worker.find(id).ok().and_then(|request| {
            let head = request.head().request();
            match worker.shared.setup.routes.find(&head.method, head.path_and_query().0).ok()?.target {
                Target::Handler(handler) => Some(handler),
                // A health check never waits.
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

    /// A request that was not dispatched has ended. False if it was dispatched.
    pub(super) fn forget_parked(&mut self, stream: u32, request: u64) -> bool {
        let is_parked = self.is_parked(stream);
        if is_parked {
            self.parked.retain(|other| *other != stream);
            request::forget(request);
        }
        is_parked
    }

    /// The shortage has ended: the host may write again.
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
            // The peer reads nothing, and would not receive a GOAWAY after the waiting
            // output.
            self.cut_for(Cause::Memory);
        } else if E::IS_MULTIPLEXED {
            self.end_for(Cause::Memory, code::ENHANCE_YOUR_CALM, why);
        } else {
            self.lifecycle.tell_timeout(Cause::Memory, 0, 0);
            self.end_with(Cause::Memory, Fault { code: 503, why });
        }
    }
}
