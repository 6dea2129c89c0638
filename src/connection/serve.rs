//! Serving: what comes becomes requests, what the host writes becomes responses.

use std::task::{Context, Poll};

use http::{Method, StatusCode};

use super::exchange::{Exchange, OwnResponse, Tools};
use super::input::{AHEAD, Loan};
use super::{Phase, Task, entry};
use crate::engine::{Engine, Event, Fault, RequestHead, ShutDown};
use crate::event::Cause;
use crate::refusal::Refusal;
use crate::request;
use crate::route::Target;
use crate::transport::Transport;

impl<S: Transport, E: Engine> Task<S, E> {
    /// One step of everything. True if there may be another.
    pub(super) fn serve(&mut self, cx: &mut Context<'_>) -> bool {
        let moved = self.pump(cx) | self.receive(cx);
        if !matches!(self.phase, Phase::Open) {
            return true;
        }
        if moved {
            // Before more is read: a peer that sends without end gets its responses.
            self.send(cx);
            return true;
        }
        self.settle() || self.look_for_end(cx) || self.send(cx)
    }

    /// Takes what has come: what was kept of it first, then what one read gives.
    fn receive(&mut self, cx: &mut Context<'_>) -> bool {
        if self.may_take()
            && let Some(loan) = self.input.lend()
            && self.take(loan, cx)
        {
            return true;
        }
        if !matches!(self.phase, Phase::Open) || !self.may_read() {
            return false;
        }
        let most = self.read_size();
        match self.input.poll_read(&mut self.port, most, cx) {
            Poll::Pending | Poll::Ready(Ok(None)) => false,
            Poll::Ready(Ok(Some(loan))) => {
                self.take(loan, cx);
                true
            }
            Poll::Ready(Err(error)) => {
                self.lose(&error);
                true
            }
        }
    }

    /// Whether the engine may take more. What it sends for a request waits until
    /// the peer has taken enough, so that requests behind one another are bounded.
    fn may_take(&self) -> bool {
        match &self.exchange {
            None => self.port.unsent() < self.life.config().send_buffer_bytes,
            Some(exchange) => exchange.has_all_content || exchange.room(self.window()) > 0,
        }
    }

    /// Whether more is read: a little ahead of what may be taken, and as much as a
    /// block needs that has begun.
    fn may_read(&self) -> bool {
        let is_needed = self.may_take() && self.engine.is_mid_block();
        !self.port.peer_finished && (self.input.len() < AHEAD || is_needed)
    }

    /// How much is read at once.
    fn read_size(&self) -> usize {
        match &self.exchange {
            Some(exchange) if exchange.has_all_content => AHEAD,
            Some(exchange) => exchange.room(self.window()).max(AHEAD),
            None => usize::MAX,
        }
    }

    fn window(&self) -> usize {
        self.life.config().stream_window_bytes.max(1) as usize
    }

    /// Has the engine take what is lent, and does what it comes to, until the host
    /// wants the session to end. True if something was taken.
    fn take(&mut self, loan: Loan, cx: &mut Context<'_>) -> bool {
        let mut taken = 0;
        while matches!(self.phase, Phase::Open) && self.may_take() && !self.life.remote.has_orders() {
            let input = loan.bytes().get(taken..).unwrap_or_default();
            match self.engine.receive(input, self.port.gather()) {
                // All content that has come is taken before its response is
                // sent: what is still to come decides what that says.
                Ok((0, None)) if self.pump(cx) | self.settle() => {}
                Ok((0, None)) => break,
                Ok((count, event)) => {
                    taken += count;
                    event.into_iter().for_each(|event| self.handle(event));
                }
                Err(fault) => self.refuse_connection(fault),
            }
        }
        self.input.give_back(loan, taken);
        if !matches!(self.phase, Phase::Open) {
            self.input.clear();
        }
        taken > 0
    }

    fn handle(&mut self, event: Event<'_>) {
        let worker = self.life.worker.clone();
        match event {
            Event::Request { stream, head, is_last, .. } => {
                self.accept(stream, head, is_last);
                self.leave_after_enough();
            }
            Event::Data { data, is_last, .. } => {
                if let Some(exchange) = &mut self.exchange {
                    exchange.receive(data, is_last, &worker);
                }
            }
            Event::Trailers { fields, .. } => {
                if let Some(exchange) = &mut self.exchange {
                    exchange.receive_trailers(fields, &worker);
                }
            }
            _ => {}
        }
    }

    /// One request: finds its handler and runs it.
    fn accept(&mut self, stream: u32, mut head: Box<RequestHead>, is_last: bool) {
        let worker = self.life.worker.clone();
        self.requests += 1;
        if self.life.drain.is_ordered() {
            self.shut_down();
        }
        let is_tunnel = match self.tunnel(&mut head, is_last) {
            Ok(is_tunnel) => is_tunnel,
            Err(fault) => return self.refuse_connection(fault),
        };
        let exchange = self.exchange.insert(Exchange::new(stream, is_last, is_tunnel));
        let (path, _) = head.path_and_query();
        let found = worker.shared.setup.routes.find(&head.method, path).and_then(entry::fit_for_queue);
        let found = match found {
            Ok(found) if !worker.shared.is_muted() => found,
            Ok(_) => return self.respond_unavailable(),
            Err(Refusal::Status(status, allow)) => return exchange.respond_alone(OwnResponse { status, allow }),
            Err(Refusal::Malformed(why)) => return self.refuse_connection(Fault { code: 400, why }),
        };
        let target = found.target;
        let has_content = !is_last || is_tunnel;
        let Some(id) = entry::enter(&worker, &self.life.remote, stream, head, has_content, found) else {
            return self.respond_unavailable();
        };
        exchange.request = id;
        if !self.is_published {
            // The host may ask about the request's session.
            self.publish();
        }
        if let Target::Handler(handler) = target {
            request::calling(id, || handler(id));
        }
    }

    /// Whether the response to a request may open a tunnel. An Upgrade that nobody
    /// takes may be ignored (RFC 9110, section 7.8).
    fn tunnel(&mut self, head: &mut RequestHead, is_last: bool) -> Result<bool, Fault> {
        let setup = &self.life.worker.shared.setup;
        if head.method == Method::CONNECT {
            return Ok(true);
        }
        if setup.config.upgrade && is_last && head.upgrade.is_some() {
            return Ok(true);
        }
        let is_asked = setup.config.connect_protocol && is_last && head.asks_for_websocket();
        let is_taken = is_asked && setup.routes.find(&Method::CONNECT, head.path_and_query().0).is_ok();
        if is_taken {
            self.engine.take_as_connect(head)?;
        }
        head.upgrade = None;
        Ok(is_taken)
    }

    /// The last request that the session may have says so in its response, whose
    /// head is not written yet.
    fn leave_after_enough(&mut self) {
        let most = self.life.config().max_requests;
        if most > 0 && self.requests >= most && !self.life.drain.is_ordered() {
            self.life.drain_for(Cause::MaxRequests);
            self.leave();
        }
    }

    /// The host takes no more requests.
    fn respond_unavailable(&mut self) {
        self.shut_down();
        let status = StatusCode::SERVICE_UNAVAILABLE;
        self.exchange.iter_mut().for_each(|exchange| exchange.respond_alone(OwnResponse { status, allow: None }));
    }

    /// The response under way, if its head is not written, says that it is the last.
    pub(super) fn shut_down(&mut self) {
        self.engine.shut_down(ShutDown::LastCall, self.port.gather());
    }

    /// Carries over what the request and the engine have for each other.
    fn pump(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(exchange) = &mut self.exchange else { return false };
        let worker = self.life.worker.clone();
        let mut tools = Tools {
            worker: &worker,
            engine: &mut self.engine,
            port: &mut self.port,
            most: worker.shared.setup.config.send_buffer_bytes,
            now: self.life.now,
        };
        let pumped = exchange.pump(&mut tools, cx);
        self.is_left |= exchange.closes;
        if pumped.is_complete {
            self.leaving.push_back(self.port.end());
        }
        if let Some(code) = pumped.reset {
            self.end(Cause::Aborted, code);
        }
        pumped.has_moved || pumped.reset.is_some()
    }

    /// What follows when a request is done with.
    fn settle(&mut self) -> bool {
        if !matches!(self.phase, Phase::Open) {
            return false;
        }
        let is_done = |exchange: &Exchange| exchange.discards() && (exchange.room(0) == 0 || self.engine.is_over());
        if self.exchange.as_ref().is_some_and(is_done) {
            // More comes than is worth to be thrown away.
            self.end_by_peer();
            return true;
        }
        let Some(exchange) = self.exchange.take_if(|exchange| exchange.is_over()) else { return false };
        if exchange.is_tunnel && !self.port.peer_finished {
            // The host has ended it, which is as it should be.
            self.life.conclude(self.life.graceful, 0);
        }
        if self.engine.is_over() {
            self.end_by_peer();
        }
        true
    }

    /// Sees whether the peer has gone. It has, if it has closed its side and the
    /// host prepares a response, or there is nothing left of what it has sent.
    fn look_for_end(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.port.peer_finished && !self.may_read() {
            // What stands unread hides its end, but not from the kernel.
            match self.port.poll_end(cx) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.lose(&error);
                    return true;
                }
            }
        } else if !self.port.peer_finished {
            return false;
        }
        let may_take = self.may_take();
        match &mut self.exchange {
            // Requests that have come may still be taken.
            None if !may_take => return false,
            None => self.end_by_peer(),
            Some(exchange) if exchange.is_tunnel && exchange.request != 0 => {
                // It may go on taking what comes through the tunnel.
                if !self.port.peer_finished || exchange.has_all_content {
                    return false;
                }
                let worker = self.life.worker.clone();
                exchange.receive(&[], true, &worker);
            }
            // The host has done its part: the rest is sent.
            Some(exchange) if exchange.is_answered(&self.life.worker) => return false,
            Some(exchange) if exchange.request != 0 => self.end(Cause::PeerClosed, 0),
            Some(exchange) if exchange.discards() => self.end_by_peer(),
            Some(_) => return false,
        }
        true
    }

    /// Lets the kernel have what is gathered. True if that made room.
    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.port.has_unsent() {
            return false;
        }
        let before = self.port.unsent();
        let sent = self.port.poll_send(cx, |_| {});
        let has_left = self.port.unsent() < before;
        // Also what TLS held until now.
        self.sent = self.life.now;
        self.count_what_left();
        if let Poll::Ready(Err(error)) = sent {
            self.lose(&error);
            return true;
        }
        has_left
    }

    /// Responses whose last byte has left are complete.
    pub(super) fn count_what_left(&mut self) {
        let left = self.port.left();
        while self.leaving.front().is_some_and(|end| *end <= left) {
            self.leaving.pop_front();
            self.life.tally.completed += 1;
        }
    }
}
