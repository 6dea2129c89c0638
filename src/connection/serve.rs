//! Serving: input becomes requests, and what the host writes becomes responses.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use super::buffered_socket::GATHERED;
use super::exchange::{Exchange, Waits};
use super::input::{AHEAD, Loan};
use super::{Phase, Task, Turn};
use crate::engine::{Control, Engine, Event, Flood, ShutDown};
use crate::event::{Cause, EventKind};
use crate::transport::Transport;

/// How much may be gathered in addition to content: frames that respond to a peer which
/// accepts no output.
const BESIDE_CONTENT: usize = 256 << 10;
/// A session with this much output does not wait for other sessions before it sends. It
/// fills packets of its own, and its buffer is sent while the cache holds it.
const MUCH: usize = 2 << 10;
/// How much of a body may wait for the host while memory is short, over HTTP/1.1.
const SHORT_WINDOW: usize = 16 << 10;
/// How soon, and how often at most, the kernel is asked whether a peer that has closed
/// its side is still there. No event reports that.
const PROBE: Duration = Duration::from_millis(1);
const MOST_PROBE: Duration = Duration::from_secs(1);

impl<S: Transport, E: Engine> Task<S, E> {
    /// Takes one step of all work. Returns whether there may be more.
    pub(super) fn serve(&mut self, cx: &mut Context<'_>) -> bool {
        let moved = self.work_on_only() | self.receive(cx) | self.send_scheduled() | self.dispatch_parked();
        if !matches!(self.phase, Phase::Open) {
            return true;
        }
        if moved {
            // Sent before more is read, so that a peer which never stops sending gets its
            // responses.
            if !E::IS_MULTIPLEXED || self.socket.unsent() >= GATHERED {
                self.send(cx);
            }
            return true;
        }
        if self.settle() || self.follow_goaway() || self.look_for_end(cx) {
            return true;
        }
        !self.lets_others_first() && self.send(cx)
    }

    /// Whether to send only after the other ready sessions of this thread have had their
    /// turn. All of them then send one after the other, which costs the kernel less and
    /// wakes a client with several connections once.
    fn lets_others_first(&mut self) -> bool {
        let is_little = self.socket.unsent() < MUCH;
        let may_wait = E::IS_MULTIPLEXED && self.turn == Turn::Ours && self.socket.has_unsent() && is_little;
        if may_wait {
            self.turn = Turn::Asked;
        }
        may_wait
    }

    /// Takes input: what was kept before, then the result of one read.
    fn receive(&mut self, cx: &mut Context<'_>) -> bool {
        if self.may_take()
            && let Some(loan) = self.input.lend()
            && self.take(loan)
        {
            return true;
        }
        if !matches!(self.phase, Phase::Open) || !self.may_read() {
            return false;
        }
        let most = self.read_size();
        match self.input.poll_read(&mut self.socket, most, cx) {
            Poll::Pending | Poll::Ready(Ok(None)) => false,
            Poll::Ready(Ok(Some(loan))) => {
                self.take(loan);
                true
            }
            Poll::Ready(Err(error)) => {
                self.lose(&error);
                true
            }
        }
    }

    /// Whether the engine may take more input. In HTTP/1.1 the task bounds content, and
    /// it reads the next request only when the peer has accepted enough of the responses
    /// before it. In HTTP/2 only output that the peer itself provokes is bounded here,
    /// because WINDOW_UPDATE must be read even if the peer accepts nothing.
    fn may_take(&self) -> bool {
        let config = self.lifecycle.config();
        if E::IS_MULTIPLEXED {
            return self.socket.unsent() < config.session_send_bytes + BESIDE_CONTENT;
        }
        match self.exchanges.only() {
            None => self.socket.unsent() < config.send_buffer_bytes && self.flood() == Flood::No,
            Some(exchange) => exchange.has_all_content || exchange.room(self.window()) > 0,
        }
    }

    /// Whether to read more: a little more than the engine may take, and as much as an
    /// incomplete block needs.
    fn may_read(&self) -> bool {
        let is_paused = self.paused_until.is_some() || self.flood() != Flood::No || self.reads_nothing();
        if self.socket.peer_finished || is_paused {
            return false;
        }
        let may_take = self.may_take();
        if E::IS_MULTIPLEXED { may_take } else { self.input.len() < AHEAD || may_take && self.engine.is_mid_block() }
    }

    /// How much to read at once.
    fn read_size(&self) -> usize {
        match self.exchanges.only() {
            _ if E::IS_MULTIPLEXED => usize::MAX,
            Some(exchange) if exchange.has_all_content => AHEAD,
            Some(exchange) => exchange.room(self.window()).max(AHEAD),
            None => usize::MAX,
        }
    }

    fn window(&self) -> usize {
        let window = self.lifecycle.config().stream_window_bytes.max(1) as usize;
        if self.is_short { window.min(SHORT_WINDOW) } else { window }
    }

    /// Passes the lent bytes to the engine and handles the events, until the host wants
    /// something from the session. Returns whether anything was taken.
    fn take(&mut self, loan: Loan) -> bool {
        let mut taken = 0;
        while matches!(self.phase, Phase::Open) && self.may_take() && !self.lifecycle.session.has_orders() {
            let input = loan.bytes().get(taken..).unwrap_or_default();
            match self.engine.receive(input, self.socket.gather()) {
                // All received content is taken before the response is sent, because the
                // head depends on how much content is outstanding.
                Ok((0, None)) if self.work_on_only() | self.settle() => {}
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
            self.drop_input();
        }
        self.work_on_fresh();
        taken > 0
    }

    fn handle(&mut self, event: Event<'_>) {
        match event {
            Event::Request { stream, head, is_last, priority } => {
                self.accept(stream, head, is_last, priority);
                self.leave_after_enough();
            }
            Event::Refused { stream, status, is_last } => self.respond_with(stream, status, is_last),
            Event::Data { stream, data, is_last } => self.take_content(stream, data, is_last),
            Event::Trailers { stream, fields } => {
                if let Some(mut exchange) = self.exchanges.take(stream) {
                    exchange.receive_end(Some(fields), &self.lifecycle.worker);
                    self.go_on(exchange);
                }
            }
            Event::Reset { stream, code } => self.cancel(stream, Cause::PeerReset, code),
            Event::Broken { stream, code, why } => {
                tracing::debug!(session = self.lifecycle.session.id, stream, why, "a stream is reset");
                self.cancel(stream, Cause::ProtocolError, code);
                self.lifecycle.tell(EventKind::FrameError, |event| {
                    (event.stream, event.code) = (stream, code);
                    event.text = why.as_bytes().to_vec();
                });
            }
            Event::Window { stream } => self.widen(stream),
            Event::Reprioritized { stream, priority } => {
                if let Some(exchange) = self.exchanges.get_mut(stream) {
                    exchange.prioritize(priority);
                    self.schedule.change(stream, priority);
                }
            }
            event => self.tell(event),
        }
    }

    /// Reports what the peer says about the connection to the host.
    fn tell(&mut self, event: Event<'_>) {
        let (kind, text) = match event {
            Event::Settings(payload) => {
                let refuses_pushes = !self.engine.takes_pushes() || self.peer_goaway.is_some();
                self.lifecycle.session.counters.refuses_pushes.store(refuses_pushes, Relaxed);
                // The initial window size may have changed.
                self.widen(0);
                (EventKind::Settings, payload.to_vec())
            }
            Event::SettingsAcknowledged { settings, is_of_host } => {
                if is_of_host {
                    self.lifecycle.session.settings_acknowledged();
                }
                self.set_windows();
                (EventKind::SettingsAck, settings.into())
            }
            Event::Ping(payload) => (EventKind::Ping, payload.to_vec()),
            Event::Pong(payload) => {
                self.lifecycle.session.ping_acknowledged();
                (EventKind::Pong, payload.to_vec())
            }
            Event::UnsolicitedAck(payload) => (EventKind::UnsolicitedAck, payload.to_vec()),
            Event::Goaway { last_stream, code, debug } => {
                self.peer_goaway = Some(code);
                self.lifecycle.session.counters.refuses_pushes.store(true, Relaxed);
                return self.lifecycle.tell(EventKind::Goaway, |event| {
                    (event.last_stream, event.code) = (last_stream, code);
                    event.text = debug.to_vec();
                });
            }
            Event::ShutDownAcknowledged => return self.call_last(ShutDown::LastCall),
            _ => return,
        };
        self.lifecycle.tell(kind, |event| event.text = text);
    }

    fn take_content(&mut self, stream: u32, data: &[u8], is_last: bool) {
        let Some(mut exchange) = self.exchanges.take(stream) else {
            return self.engine.consume(stream, data.len(), self.socket.gather());
        };
        self.current = exchange.request;
        let consumed = exchange.receive(data, is_last, E::IS_MULTIPLEXED, &self.lifecycle.worker);
        self.current = 0;
        if consumed > 0 {
            self.engine.consume(stream, consumed, self.socket.gather());
        }
        self.go_on(exchange);
    }

    /// Content has arrived for an exchange that is out of the table.
    fn go_on(&mut self, exchange: Exchange) {
        // A queue gets the request and its content in one record.
        match E::IS_MULTIPLEXED && !self.fresh.contains(&exchange.stream) && !self.is_parked(exchange.stream) {
            true => drop(self.work_on(exchange)),
            false => self.exchanges.insert(exchange),
        }
    }

    /// Works on the exchange of a protocol that has one at a time.
    fn work_on_only(&mut self) -> bool {
        if E::IS_MULTIPLEXED {
            return false;
        }
        let Some(stream) = self.exchanges.only().map(|exchange| exchange.stream) else { return false };
        self.exchanges.take(stream).is_some_and(|exchange| self.work_on(exchange))
    }

    /// Writes the records of requests that have arrived.
    fn work_on_fresh(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        if !self.is_published {
            // The host may take a record as soon as it is written, and ask for
            // information about the session.
            self.publish();
        }
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.drain(..).for_each(|stream| self.wake_stream(stream));
        self.fresh = fresh;
    }

    /// Ends a request where there is one at a time.
    fn settle(&mut self) -> bool {
        if E::IS_MULTIPLEXED || !matches!(self.phase, Phase::Open) {
            return false;
        }
        let is_done = |exchange: &Exchange| exchange.discards() && (exchange.room(0) == 0 || self.engine.is_over());
        if self.exchanges.only().is_some_and(is_done) {
            // Too much content is outstanding to read and discard it.
            self.end_by_peer();
            return true;
        }
        let stream = self.exchanges.only().filter(|exchange| exchange.is_over()).map(|exchange| exchange.stream);
        let Some(exchange) = stream.and_then(|stream| self.exchanges.take(stream)) else { return false };
        self.finish(&exchange);
        if exchange.is_tunnel && !self.socket.peer_finished {
            // The host has ended the response early, on purpose.
            self.lifecycle.set_cause(self.lifecycle.graceful, 0);
        }
        if self.engine.is_over() {
            self.end_by_peer();
        }
        true
    }

    /// After GOAWAY of the peer, the session ends when the outstanding responses have
    /// been sent.
    fn follow_goaway(&mut self) -> bool {
        let ends = self.peer_goaway.is_some() && self.exchanges.is_empty() && !self.socket.has_unsent();
        if ends {
            self.end_by_peer();
        }
        ends
    }

    /// Examines whether the peer has left.
    fn look_for_end(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.socket.peer_finished && !self.may_read() {
            // Unread input hides the FIN from a read, but not from the kernel's state.
            match self.socket.poll_end(cx) {
                Poll::Ready(Err(error)) => {
                    self.lose(&error);
                    return true;
                }
                Poll::Ready(Ok(())) if !E::IS_MULTIPLEXED => {}
                _ => return false,
            }
        } else if !self.socket.peer_finished {
            return false;
        }
        if E::IS_MULTIPLEXED { self.end_half_closed(cx) } else { self.end_lost() }
    }

    /// The peer has closed its side. It gets the responses to complete requests, as far
    /// as its windows allow. If the process of the peer is gone, its system resets the
    /// connection when it receives something. So something is sent at once.
    fn end_half_closed(&mut self, cx: &mut Context<'_>) -> bool {
        if let Poll::Ready(Err(error)) = self.look_for_reset(cx) {
            self.lose(&error);
            return true;
        }
        let is_lost = |exchange: &&Exchange| {
            let waits = exchange.waits == Waits::Window;
            waits || !exchange.has_all_content
        };
        let lost: Vec<_> = self.exchanges.iter().filter(is_lost).map(|exchange| exchange.stream).collect();
        lost.iter().for_each(|stream| self.cancel(*stream, Cause::PeerClosed, 0));
        let is_left = self.exchanges.is_empty() && !self.socket.has_unsent();
        if is_left {
            self.end_by_peer();
        }
        is_left || !lost.is_empty()
    }

    fn look_for_reset(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.exchanges.is_empty() {
            return Poll::Pending;
        }
        let wait = match self.probe {
            None => {
                self.engine.send_control(Control::KeepAlive, self.socket.gather());
                PROBE
            }
            Some((at, _)) if self.lifecycle.now < at => return Poll::Pending,
            Some((_, wait)) => (wait * 2).min(MOST_PROBE),
        };
        self.probe = Some((self.lifecycle.now + wait, wait));
        self.socket.poll_end(cx)
    }

    /// The peer has closed its side. It counts as gone if the host prepares a response,
    /// or if nothing is left of its input.
    fn end_lost(&mut self) -> bool {
        let may_take = self.may_take();
        match self.exchanges.only_mut() {
            // Requests in unread input may still be taken.
            None if !may_take => return false,
            None => self.end_by_peer(),
            Some(exchange) if exchange.is_tunnel && exchange.request != 0 => {
                // The peer may still read from the tunnel.
                if !self.socket.peer_finished || exchange.has_all_content {
                    return false;
                }
                exchange.receive_end(None, &self.lifecycle.worker);
            }
            // The host is done, so the remaining output is sent.
            Some(exchange) if exchange.is_answered(&self.lifecycle.worker) => return false,
            Some(exchange) if exchange.request != 0 => self.end(Cause::PeerClosed, 0),
            Some(exchange) if exchange.discards() => self.end_by_peer(),
            Some(_) => return false,
        }
        true
    }

    /// Passes the gathered output to the kernel. Returns whether that made room.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> bool {
        self.turn = Turn::Ours;
        if !self.socket.has_unsent() {
            return false;
        }
        let before = self.socket.unsent();
        let sent = self.socket.poll_send(cx);
        let has_left = self.socket.unsent() < before;
        // Including what TLS held until now.
        self.sent = self.lifecycle.now;
        self.count_what_left();
        if let Poll::Ready(Err(error)) = sent {
            self.lose(&error);
            return true;
        }
        has_left
    }
}
