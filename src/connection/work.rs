//! Works on one exchange at a time: calls its hooks, carries content, and ends it.

use super::exchange::{Exchange, Pushed, Tools, Waits};
use super::unsent::Part;
use super::{Phase, Task};
use crate::code;
use crate::engine::Engine;
use crate::event::Cause;
use crate::request;
use crate::transport::Transport;

/// How much content of a response is written in one turn.
const TURN: usize = 16 << 10;
/// The same if no other response waits. Longer turns cost less.
const TURN_ALONE: usize = 64 << 10;
/// Content up to this length is written before all input has been taken. Longer content
/// waits, so that the most urgent response is sent first.
const AT_ONCE: usize = 16 << 10;

impl<S: Transport, E: Engine> Task<S, E> {
    /// Works on a stream whose request or windows have changed.
    pub(super) fn wake_stream(&mut self, stream: u32) {
        if !self.is_parked(stream)
            && let Some(exchange) = self.exchanges.take(stream)
        {
            self.work_on(exchange);
        }
    }

    /// Works on all streams, and notifies the handlers that the session drains.
    pub(super) fn attend_all(&mut self) {
        self.exchanges.streams().into_iter().for_each(|stream| self.wake_stream(stream));
    }

    /// Works on an exchange that is out of the table.
    pub(super) fn work_on(&mut self, exchange: Exchange) -> bool {
        let share = if E::IS_MULTIPLEXED { AT_ONCE } else { usize::MAX };
        self.work(exchange, share, E::IS_MULTIPLEXED)
    }

    /// The same, writing up to `share` bytes of content; none if it `is_ahead` of its
    /// turn and more is available. Returns whether anything was done.
    fn work(&mut self, mut exchange: Exchange, share: usize, is_ahead: bool) -> bool {
        self.current = exchange.request;
        // Extension frames for a stream precede its response.
        self.send_extensions();
        let given = exchange.given;
        let worker = self.lifecycle.worker.clone();
        let mut tools = Tools {
            worker: &worker,
            session: &self.lifecycle.session,
            engine: &mut self.engine,
            socket: &mut self.socket,
            share,
            is_ahead,
            now: self.lifecycle.now,
            drains: self.lifecycle.drain.is_ordered(),
        };
        let pumped = exchange.pump(&mut tools);
        self.current = 0;
        let bytes = exchange.given - given;
        if bytes > 0 || pumped.is_complete {
            let end = self.socket.end();
            self.unsent.push(Part { end, stream: exchange.stream, bytes: bytes as u32, is_last: pumped.is_complete });
        }
        self.is_left |= exchange.closes;
        self.take_pushed(pumped.pushed);
        if let Some(code) = pumped.reset {
            self.reset_by_host(exchange, code);
            return true;
        }
        if E::IS_MULTIPLEXED && exchange.is_over() {
            self.finish(&exchange);
            return true;
        }
        if exchange.waits == Waits::Turn {
            self.schedule.add(exchange.stream, exchange.priority);
        }
        let has_moved = pumped.has_moved;
        if pumped.is_complete && exchange.discards() {
            self.make_room_for_discards();
        }
        self.exchanges.insert(exchange);
        has_moved
    }

    /// At most half of the streams of a session wait for content that is discarded. The
    /// oldest of them ends if there are more.
    fn make_room_for_discards(&mut self) {
        let most = (self.engine.max_requests() / 2).max(1);
        let discards = self.exchanges.iter().filter(|exchange| exchange.discards());
        let discards: Vec<_> = discards.map(|exchange| (exchange.discard_until, exchange.stream)).collect();
        let oldest = discards.iter().min().filter(|_| E::IS_MULTIPLEXED && discards.len() >= most);
        if let Some(mut exchange) = oldest.and_then(|(_, stream)| self.exchanges.take(*stream)) {
            exchange.stop_content(&mut self.engine, &mut self.socket);
            self.finish(&exchange);
        }
    }

    /// Writes content by turns, as far as there is room. Returns whether anything was
    /// written.
    pub(super) fn send_scheduled(&mut self) -> bool {
        let mut moved = false;
        while !self.schedule.is_empty() && self.has_room() {
            let Some(stream) = self.schedule.next() else { break };
            let Some(exchange) = self.exchanges.take(stream) else { continue };
            let before = self.socket.end();
            let share = if self.schedule.is_empty() { TURN_ALONE } else { TURN };
            self.work(exchange, share, false);
            let is_stuck = self.socket.end() == before;
            moved |= !is_stuck;
            self.turns += 1;
            if let Some(exchange) = self.exchanges.get_mut(stream).filter(|_| !is_stuck) {
                exchange.had_turn(self.turns);
            }
            if is_stuck
                && let Some(exchange) = self.exchanges.get_mut(stream)
                && exchange.waits == Waits::Turn
            {
                // Its share of the buffer is full. It continues when some was sent.
                self.schedule.remove(stream);
            }
        }
        moved
    }

    /// Whether there is room for more content.
    fn has_room(&self) -> bool {
        matches!(self.phase, Phase::Open) && self.socket.unsent() < self.lifecycle.config().session_send_bytes
    }

    /// The peer has opened the window of a stream, or of the session if `stream` is 0.
    pub(super) fn widen(&mut self, stream: u32) {
        if stream != 0 {
            return self.go_on_with(stream);
        }
        let waiting = self.exchanges.iter().filter(|exchange| exchange.waits == Waits::Window);
        // In the order of their last turns.
        let mut waiting: Vec<_> = waiting.map(|exchange| (exchange.turn, exchange.stream)).collect();
        waiting.sort_unstable();
        waiting.into_iter().for_each(|(_, stream)| self.go_on_with(stream));
    }

    fn go_on_with(&mut self, stream: u32) {
        if let Some(exchange) = self.exchanges.get_mut(stream)
            && exchange.waits == Waits::Window
        {
            exchange.window_opened();
            self.schedule.add(stream, exchange.priority);
        }
    }

    /// Counts responses as complete whose last byte was sent.
    pub(super) fn count_what_left(&mut self) {
        if self.unsent.is_empty() {
            return;
        }
        let left = self.socket.left();
        while let Some(part) = self.unsent.next(left) {
            self.lifecycle.tally.completed += u64::from(part.is_last);
            if part.bytes > 0
                && let Some(exchange) = self.exchanges.get_mut(part.stream)
            {
                exchange.content_left(part.bytes);
                if exchange.waits_to_leave && exchange.inside == 0 {
                    self.lifecycle.session.wake_stream(part.stream);
                } else if exchange.waits == Waits::Turn {
                    self.schedule.add(part.stream, exchange.priority);
                }
            }
        }
    }

    /// Creates exchanges for pushed requests.
    fn take_pushed(&mut self, pushed: Vec<Pushed>) {
        for Pushed { request, stream } in pushed {
            match stream {
                Ok(stream) => {
                    self.exchanges.insert(Exchange::pushed(stream, request));
                    self.lifecycle.session.wake_stream(stream);
                }
                Err((cause, code)) => {
                    self.lifecycle.session.push_is_over();
                    self.lifecycle.tally.reset += 1;
                    self.lifecycle.tally.unsent += request::cancel(request, cause, code);
                }
            }
        }
    }

    /// The host has reset the response. Its request has ended.
    fn reset_by_host(&mut self, mut exchange: Exchange, code: u32) {
        if exchange.is_written && exchange.has_all_content {
            // Everything was written and received: nothing is left to be reset.
            return self.finish(&exchange);
        }
        if !self.engine.reset(exchange.stream, code, self.socket.gather()) {
            self.exchanges.insert(exchange);
            return self.end(Cause::Aborted, code);
        }
        exchange.end_content();
        let was_complete = exchange.is_written && (code == code::NO_ERROR || !self.unsent.forget_end(exchange.stream));
        self.lifecycle.tally.reset += u64::from(!was_complete);
        self.finish(&exchange);
    }

    /// Ends an exchange that is out of the table.
    pub(super) fn finish(&mut self, exchange: &Exchange) {
        if exchange.is_pushed() && E::IS_MULTIPLEXED {
            self.lifecycle.session.push_is_over();
            // Another pushed stream may begin.
            self.widen(0);
        }
        if exchange.waits != Waits::Nothing {
            self.schedule.remove(exchange.stream);
        }
    }

    /// Ends an incomplete exchange: its request is cancelled.
    pub(super) fn cancel(&mut self, stream: u32, cause: Cause, code: u32) {
        let Some(mut exchange) = self.exchanges.take(stream) else { return };
        let is_complete = exchange.is_written && !(cause == Cause::PeerReset && self.unsent.forget_end(stream));
        // A complete response is counted when it was sent.
        self.lifecycle.tally.reset += u64::from(!is_complete);
        self.finish(&exchange);
        let request = exchange.take_request();
        if request != 0 && !self.forget_parked(stream, request) {
            self.lifecycle.tally.unsent += request::cancel(request, cause, code);
        }
        exchange.give_back(&mut self.engine, &mut self.socket);
    }

    /// Cancels all exchanges, and the one that was out of the table during a panic.
    pub(super) fn cancel_all(&mut self, cause: Cause, code: u32) {
        self.exchanges.streams().into_iter().for_each(|stream| self.cancel(stream, cause, code));
        let current = std::mem::take(&mut self.current);
        if current != 0 {
            self.lifecycle.tally.reset += 1;
            self.lifecycle.tally.unsent += request::cancel(current, cause, code);
        }
    }
}
