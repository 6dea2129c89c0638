//! Work on one exchange at a time: its request's hooks, content both ways, its end.

use super::exchange::{Exchange, Pushed, Tools, Waits};
use super::unsent::Part;
use super::{Phase, Task};
use crate::code;
use crate::engine::Engine;
use crate::event::Cause;
use crate::request;
use crate::transport::Transport;

/// Content of one response that is written before others have a turn.
const TURN: usize = 16 << 10;
/// The same when no other response waits: each turn has its cost.
const TURN_ALONE: usize = 64 << 10;
/// Content up to that length is written before all that has come is taken: longer
/// ones wait, so that the most urgent of them is first.
const AT_ONCE: usize = 16 << 10;

impl<S: Transport, E: Engine> Task<S, E> {
    /// Looks at a stream: something of its request or its windows has changed.
    pub(super) fn wake_stream(&mut self, stream: u32) {
        if let Some(exchange) = self.exchanges.take(stream) {
            self.work_on(exchange);
        }
    }

    /// Looks at all of them; handlers learn that the session drains.
    pub(super) fn attend_all(&mut self) {
        self.exchanges.streams().into_iter().for_each(|stream| self.wake_stream(stream));
    }

    /// Works on an exchange that is out of the table.
    pub(super) fn work_on(&mut self, exchange: Exchange) -> bool {
        let share = if E::IS_MULTIPLEXED { AT_ONCE } else { usize::MAX };
        self.work(exchange, share, E::IS_MULTIPLEXED)
    }

    /// The same; up to `share` bytes of content may be written, none if it `is_ahead`
    /// of its turn and more waits. True if anything moved.
    fn work(&mut self, mut exchange: Exchange, share: usize, is_ahead: bool) -> bool {
        self.current = exchange.request;
        // What the host has the session say of a stream goes before its response.
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

    /// Content that nobody wants is waited for on half of the streams that a session
    /// may have: the oldest makes room.
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

    /// Sends content of those whose turn it is, as far as there is room. True if
    /// anything was written.
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
                // Its own share of the buffer is full: it goes on when some has left.
                self.schedule.remove(stream);
            }
        }
        moved
    }

    /// Whether the session may write more content.
    fn has_room(&self) -> bool {
        matches!(self.phase, Phase::Open) && self.socket.unsent() < self.lifecycle.config().session_send_bytes
    }

    /// The peer takes more: of one stream, or of all.
    pub(super) fn widen(&mut self, stream: u32) {
        if stream != 0 {
            return self.go_on_with(stream);
        }
        let waiting = self.exchanges.iter().filter(|exchange| exchange.waits == Waits::Window);
        // Those first that had their turn longest ago.
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

    /// Responses whose last byte has left are complete.
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

    /// Requests that were pushed become exchanges of their own.
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

    /// The host has given the response up, and its request has ended.
    fn reset_by_host(&mut self, mut exchange: Exchange, code: u32) {
        if exchange.is_written && exchange.has_all_content {
            // There is nothing left to be reset.
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

    /// An exchange is over, and out of the table.
    pub(super) fn finish(&mut self, exchange: &Exchange) {
        if exchange.is_pushed() && E::IS_MULTIPLEXED {
            self.lifecycle.session.push_is_over();
            // Another one may begin.
            self.widen(0);
        }
        if exchange.waits != Waits::Nothing {
            self.schedule.remove(exchange.stream);
        }
    }

    /// Ends an exchange before it was over: its request is cancelled.
    pub(super) fn cancel(&mut self, stream: u32, cause: Cause, code: u32) {
        let Some(mut exchange) = self.exchanges.take(stream) else { return };
        let is_complete = exchange.is_written && !(cause == Cause::PeerReset && self.unsent.forget_end(stream));
        // What is written counts when it leaves.
        self.lifecycle.tally.reset += u64::from(!is_complete);
        self.finish(&exchange);
        let request = exchange.take_request();
        if request != 0 {
            self.lifecycle.tally.unsent += request::cancel(request, cause, code);
        }
        exchange.give_back(&mut self.engine, &mut self.socket);
    }

    /// The same of all, and of the one that is worked on if that panicked.
    pub(super) fn cancel_all(&mut self, cause: Cause, code: u32) {
        self.exchanges.streams().into_iter().for_each(|stream| self.cancel(stream, cause, code));
        let current = std::mem::take(&mut self.current);
        if current != 0 {
            self.lifecycle.tally.reset += 1;
            self.lifecycle.tally.unsent += request::cancel(current, cause, code);
        }
    }
}
