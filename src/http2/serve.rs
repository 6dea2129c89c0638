//! Serving: requests in, answers out, and what the wire tells meanwhile.

use std::mem::ManuallyDrop;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};

use super::check;
use super::convert;
use super::seen::{Note, STREAM_MAX};
use super::stream::{Handle, Stream};
use super::streams::Gone;
use super::{Phase, Session, Turn};
use crate::close::Stage;
use crate::connection::departure::Outlet;
use crate::connection::entry;
use crate::engine::RequestHead;
use crate::event::{Cause, EventKind};
use crate::refusal::Refusal;
use crate::request;
use crate::route::Target;
use crate::transport::Transport;

impl<S: Transport> Session<S> {
    /// Takes every request that is there, answers them all, and only then lets
    /// h2 write, so that one system call carries the answers.
    pub(super) fn serve(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        loop {
            // What the host has the session say of a stream goes before its answer.
            self.send_extensions();
            let Phase::Open(h2) = &mut self.phase else { break };
            match h2.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.accept(request, respond),
                Poll::Ready(ended) => {
                    // A kept body's end may have come with it.
                    self.attend_all();
                    self.end_http(ended.map_or(Ok(()), |ended| ended.map(drop)), cx);
                }
                Poll::Pending if !moved && self.lets_others_first() => return false,
                Poll::Pending if !moved => return self.send(cx),
                Poll::Pending => {
                    self.pump_fresh();
                    return true;
                }
            }
            moved = true;
        }
        moved
    }

    /// Tells queues of the requests that have come: only now, since with the
    /// request its body may have come, and then both are one record.
    fn pump_fresh(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        if !self.is_published {
            // The host may take a record as soon as it is written, and ask about its session.
            self.publish();
        }
        // What came before them, such as the SETTINGS that say whether to push.
        self.tell_notes();
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.drain(..).for_each(|id| self.pump(id));
        self.fresh = fresh;
    }

    /// Whether to send only when the other sessions of this thread that are ready
    /// have had their turn: then all of them send one after the other, which is
    /// cheaper for the kernel, and wakes a peer of several of them once.
    fn lets_others_first(&mut self) -> bool {
        let may_wait = self.turn == Turn::Ours && self.wire.borrow().port.has_unsent();
        if may_wait {
            self.turn = Turn::Asked;
        }
        may_wait
    }

    /// Lets the kernel have what is gathered. True if that changed anything here.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> bool {
        self.turn = Turn::Ours;
        let sent = self.wire.borrow_mut().poll_send(cx);
        self.read_wire();
        if let Poll::Ready(Err(error)) = sent {
            self.lose(&error);
            return true;
        }
        self.feed_the_starved()
    }

    /// One request: finds its handler and runs it.
    pub(super) fn accept(&mut self, request: http::Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let worker = self.life.worker.clone();
        let stream = respond.stream_id().as_u32();
        self.last_accepted = self.last_accepted.max(stream);
        self.requests += 1;
        let has_body = self.wire.borrow_mut().marks.has_body(stream);
        let config = &worker.shared.setup.config;
        let (parts, recv) = request.into_parts();
        let mut head = RequestHead::spare();
        convert::request(parts, &mut head);
        let checked = check::check(&head, config.max_header_fields);
        let found = checked.and_then(|()| worker.shared.setup.routes.find(&head.method, head.path_and_query().0));
        let found = match found.and_then(entry::fit_for_queue) {
            Ok(found) => found,
            Err(refusal) => {
                head.keep();
                if self.refuse(refusal, respond) && has_body {
                    self.discard(stream, recv);
                }
                return;
            }
        };
        if self.is_full() || worker.shared.is_muted() {
            return respond.send_reset(Reason::REFUSED_STREAM);
        }
        let recv = has_body.then_some(recv);
        let target = found.target;
        let id = entry::enter(&worker, &self.life.remote, stream, head, has_body, found);
        let Some(id) = id else {
            return respond.send_reset(Reason::REFUSED_STREAM);
        };
        let Target::Handler(handler) = target else {
            self.fresh.push(stream);
            return self.streams.insert(Stream::new(stream, id, recv, Handle::Respond(respond)));
        };
        self.current = id;
        if !self.is_published {
            // The handler may ask about its own session.
            self.publish();
        }
        request::calling(id, || handler(id));
        self.pump_stream(Stream::new(stream, id, recv, Handle::Respond(respond)));
    }

    /// Whether the host holds as many requests as a session may have.
    fn is_full(&mut self) -> bool {
        let most = self.life.config().max_concurrent_streams as usize;
        let held = |session: &Self| session.streams.len() + session.life.remote.orphans() as usize;
        if held(self) < most {
            return false;
        }
        // The same bytes that brought this one may have ended others, and what
        // we push is not the peer's.
        self.read_wire();
        held(self) - self.streams.pushed() >= most
    }

    /// The library's own answer to a request that no handler gets. True if it is one.
    fn refuse(&self, refusal: Refusal, mut respond: SendResponse<Bytes>) -> bool {
        let (status, allow) = match refusal {
            Refusal::Status(status, allow) => (status, allow),
            Refusal::Malformed(why) => {
                tracing::debug!(session = self.life.remote.id, why, "a request is malformed");
                respond.send_reset(Reason::PROTOCOL_ERROR);
                return false;
            }
        };
        let response = convert::refusal(status, allow.as_deref(), &self.life.worker.date());
        // An error says that the peer has reset the stream meanwhile.
        respond.send_response(response, true).is_ok()
    }

    /// The answer to a request is complete and its body is not.
    fn discard(&mut self, stream: u32, recv: RecvStream) {
        // A session that drains must not wait for it.
        if !self.life.drain.is_ordered() && !recv.is_end_stream() {
            let most = self.life.config().max_concurrent_streams / 2;
            self.discards.add(stream, recv, most as usize);
        }
    }

    /// Carries over what a stream's request and h2 have for each other.
    pub(super) fn pump(&mut self, id: u32) {
        if let Some(stream) = self.streams.take(id) {
            self.current = stream.request;
            self.pump_stream(stream);
        }
    }

    /// How many bytes of answers h2 may be given more.
    fn room(&self) -> usize {
        let most = self.life.config().session_send_bytes;
        most.saturating_sub(self.streams.inside() as usize)
    }

    /// Goes on with the streams that waited for room in h2.
    fn feed_the_starved(&mut self) -> bool {
        let half = self.life.config().session_send_bytes / 2;
        if self.starved.is_empty() || self.room() < half {
            return false;
        }
        std::mem::take(&mut self.starved).into_iter().for_each(|id| self.pump(id));
        true
    }

    /// Works on a stream that is out of the table. If h2 panics meanwhile, its
    /// handles must not be dropped.
    fn pump_stream(&mut self, stream: Stream) {
        let mut stream = ManuallyDrop::new(stream);
        let mut room = self.room();
        let before = stream.given;
        let mut promises = Vec::new();
        let pumped = stream.pump(&self.life.worker, &self.life.remote, &mut room, &mut promises);
        let (id, given) = (stream.id, stream.given - before);
        if stream.is_starved {
            self.starved.push(id);
        }
        self.streams.given(given);
        let (rest, has_left) = (stream.rest(), stream.has_left);
        // Moved once, since it is large.
        match stream.is_over() {
            true => drop(ManuallyDrop::into_inner(stream)),
            false => self.streams.insert(ManuallyDrop::into_inner(stream)),
        }
        rest.into_iter().for_each(|rest| self.discard(id, rest));
        if has_left {
            self.discards.answered(id, self.life.now);
        }
        self.current = 0;
        self.promise(promises);
        if pumped.is_err() {
            // The wire may know better why.
            self.read_wire();
            self.cancel(id, Cause::ConnectionLost, 0);
        }
    }

    /// A stream has ended before its answer had.
    pub(super) fn cancel(&mut self, id: u32, cause: Cause, code: u32) {
        let Some(Gone { request, inside, has_left }) = self.streams.remove(id) else { return };
        self.life.tally.reset += u64::from(!has_left);
        self.life.tally.unsent += inside;
        self.break_promises(id, cause, code);
        self.count_push_out(id);
        if request != 0 {
            self.life.tally.unsent += request::cancel(request, cause, code);
        }
    }

    /// A stream was taken off; perhaps one that we had pushed.
    fn count_push_out(&self, id: u32) {
        if id.is_multiple_of(2) {
            self.life.remote.push_is_over();
        }
    }

    /// What passed on the wire since the last look.
    pub(super) fn read_wire(&mut self) {
        let seen = self.wire.borrow_mut().look();
        let Some(mut seen) = seen else { return };
        for (id, bytes) in seen.data.drain(..) {
            if self.streams.left(id, bytes.into()) {
                self.life.remote.attend(id);
            }
        }
        for id in seen.promised.drain(..) {
            self.promise_is_out(id);
        }
        for id in seen.ended.drain(..) {
            self.life.tally.completed += 1;
            if self.streams.answered(id) {
                self.count_push_out(id);
            }
            self.discards.answered(id, self.life.now);
        }
        for (id, code) in seen.reset_by_peer.drain(..) {
            self.discards.remove(id);
            self.cancel(id, Cause::PeerReset, code);
        }
        for (id, code) in seen.reset_by_us.drain(..) {
            self.discards.remove(id);
            self.was_reset(id, code);
        }
        seen.notes.drain(..).for_each(|note| self.tell_note(note));
        if let Some((last_stream, code, debug)) = seen.goaway.take() {
            self.peer_goaway = Some(code);
            self.life.tell(EventKind::Goaway, |event| {
                (event.last_stream, event.code) = (last_stream, code);
                event.text = debug;
            });
        }
        if seen.our_goaway && self.wire.borrow().marks.our_goaway != Some(STREAM_MAX) {
            self.life.drain.last_call_is_out();
        }
        self.wire.borrow_mut().looked(seen);
    }

    fn tell_notes(&mut self) {
        let notes = self.wire.borrow_mut().take_notes();
        notes.into_iter().for_each(|note| self.tell_note(note));
    }

    fn tell_note(&mut self, note: Note) {
        let (kind, text) = match note {
            Note::Settings(payload) => (EventKind::Settings, payload),
            Note::SettingsAck => (EventKind::SettingsAck, Vec::new()),
            Note::Ping(payload) => (EventKind::Ping, payload),
            Note::Pong(payload) => {
                self.life.remote.ping_answered();
                (EventKind::Pong, payload)
            }
        };
        self.life.tell(kind, |event| event.text = text);
    }

    /// RST_STREAM left: by the host's wish, or since h2 found the stream wanting.
    pub(super) fn was_reset(&mut self, id: u32, code: u32) {
        let by_wish = self.streams.is_reset(id);
        let is_error = !matches!(Reason::from(code), Reason::NO_ERROR | Reason::REFUSED_STREAM | Reason::CANCEL);
        self.life.tally.refused += u64::from(!by_wish && code == u32::from(Reason::REFUSED_STREAM));
        if by_wish && self.life.drain.stage() == Stage::Forcing {
            // An answer that was complete for the host, but not for its peer.
            self.life.conclude(Cause::Deadline, code);
        }
        self.cancel(id, if by_wish { Cause::Aborted } else { Cause::ProtocolError }, code);
        if is_error && !by_wish {
            self.life.tell(EventKind::FrameError, |event| (event.stream, event.code) = (id, code));
        }
    }
}
