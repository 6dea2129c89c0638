//! One stream: what its request entry and h2 have for each other is carried over here.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use h2::server::{SendPushedResponse, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::StatusCode;

use super::check;
use super::convert;
use super::discard;
use super::push::Promise;
use crate::connection::clocks::Watch;
use crate::connection::hooks;
use crate::event::Cause;
use crate::request::{self, Answer, AnswerHead, Body, Piece, Request};
use crate::session::Remote;
use crate::worker::Worker;

/// The end of an answer that is no longer than this is given to h2 whatever the
/// peer's window: so much a stream may wait inside h2, and most answers are whole.
const AT_ONCE: usize = 4096;

pub struct Stream {
    pub id: u32,
    /// The entry the host knows; 0 once the host has done its part.
    pub request: u64,
    /// Whether the host, or the deadline, has reset it.
    pub is_reset: bool,
    /// Whether h2 has the last of the answer.
    is_answered: bool,
    /// Whether that has left: the host only waits for the rest of the body.
    pub has_left: bool,
    recv: Option<RecvStream>,
    /// By which more may be pushed, once the head of a streamed answer was given to h2.
    promiser: Option<SendResponse<Bytes>>,
    /// Of the final head, once that was given to h2.
    status: StatusCode,
    pub handle: Handle,
    /// Given to h2 where something may have to wait.
    waker: Option<Waker>,
    /// Bytes of the answer's body that h2 was given.
    pub given: u64,
    /// Those of them that have not left.
    pub inside: u64,
    /// The session's share of h2's memory is used up: pump again when some is free.
    pub is_starved: bool,
    /// The host waits until what it has written has left: pump again then.
    pub waits_to_leave: bool,
    pub watch: Option<Box<Watch>>,
}

/// h2's end of the stream's answer.
pub enum Handle {
    /// Before the final head.
    Respond(SendResponse<Bytes>),
    /// The same of a stream that we push.
    Pushed(SendPushedResponse<Bytes>),
    /// After it.
    Send(SendStream<Bytes>),
}

impl Handle {
    /// Ends the stream with RST_STREAM; h2 sends it at its next turn.
    pub fn reset(&mut self, code: u32) {
        match self {
            Handle::Respond(respond) => respond.send_reset(Reason::from(code)),
            Handle::Pushed(respond) => respond.send_reset(Reason::from(code)),
            Handle::Send(send) => send.send_reset(Reason::from(code)),
        }
    }
}

/// Calls the session's attention to one stream.
struct Attention {
    remote: Arc<Remote>,
    stream: u32,
}

impl Wake for Attention {
    fn wake(self: Arc<Self>) {
        self.remote.attend(self.stream);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.remote.attend(self.stream);
    }
}

/// h2 does not take what we send: the stream is closed on the wire.
pub struct Closed;

impl From<h2::Error> for Closed {
    fn from(error: h2::Error) -> Self {
        // Not logged: the request is locked here, and a log may ask for it.
        drop(error);
        Closed
    }
}

/// How much of an answer h2 has been given now.
#[derive(PartialEq)]
enum Sent {
    Nothing,
    Some,
    /// The last of it.
    All,
}

impl Stream {
    pub fn new(id: u32, request: u64, recv: Option<RecvStream>, handle: Handle) -> Self {
        Self {
            id,
            request,
            is_reset: false,
            is_answered: false,
            has_left: false,
            recv,
            promiser: None,
            status: StatusCode::OK,
            handle,
            waker: None,
            given: 0,
            inside: 0,
            is_starved: false,
            waits_to_leave: false,
            watch: None,
        }
    }

    /// Carries over all that can be carried now, and calls the host's hooks
    /// that are due.
    pub fn pump(
        &mut self,
        worker: &Worker,
        remote: &Arc<Remote>,
        room: &mut usize,
        promises: &mut Vec<Promise>,
    ) -> Result<(), Closed> {
        self.is_starved = false;
        while self.request != 0 {
            let Ok(mut request) = worker.find(self.request) else { break };
            request.attended();
            if !request.pushes.is_empty() {
                // Before the answer, which may end here.
                let (pushes, reset) = (std::mem::take(&mut request.pushes), request.answer.reset_code());
                drop(request);
                promises.extend(pushes.into_iter().map(|pushed| self.promise(worker, pushed, reset)));
                continue;
            }
            if let Some(body) = &mut request.body {
                self.receive(body, remote);
            }
            self.feed(&mut request, remote);
            if let Some(call) = hooks::next(&mut request) {
                drop(request);
                hooks::run(worker, self.request, call);
                continue;
            }
            // What was sent makes room, which the host may wait for.
            let sent = self.send(&mut request.answer, worker, remote, room)?;
            self.is_answered |= sent == Sent::All;
            if self.is_answered && (self.is_reset || request.is_done()) {
                // The host's part is over; the stream goes on until its last frame has left.
                let window = worker.shared.setup.config.stream_window_bytes;
                let goes_on = |_: &RecvStream| discard::may_go_on(self.status, request.head().length(), window);
                self.recv = self.recv.take().filter(|_| !self.is_reset).filter(goes_on);
                self.promiser = None;
                self.is_reset &= !(self.has_left && request.body.as_ref().is_some_and(|body| body.has_ended()));
                worker.end(self.request, request);
                self.request = 0;
            } else if sent == Sent::Nothing {
                request.count_memory();
                break;
            }
        }
        Ok(())
    }

    /// Has h2 promise a request that is pushed for this one, unless the host
    /// has reset this one, of which no more can be said then.
    fn promise(&mut self, worker: &Worker, request: u64, reset: Option<u32>) -> Promise {
        if let Some(code) = reset {
            return Promise { parent: self.id, request, stream: Err((Cause::Aborted, code)) };
        }
        let respond = match &mut self.handle {
            Handle::Respond(respond) => Some(respond),
            _ => self.promiser.as_mut(),
        };
        let asked = worker.find(request).ok().and_then(|request| convert::pushed(request.head().request()));
        let pushed = respond.zip(asked).and_then(|(respond, asked)| respond.push_request(asked).ok());
        let stream = pushed.map(|pushed| (pushed.stream_id().as_u32(), pushed)).ok_or((Cause::PushRefused, 0));
        if let Ok((id, _)) = &stream
            && let Ok(mut request) = worker.find(request)
        {
            request.stream = *id;
        }
        Promise { parent: self.id, request, stream }
    }

    /// Takes the body's DATA from h2 and opens the window by what the host has consumed.
    fn receive(&mut self, body: &mut Body, remote: &Arc<Remote>) {
        let Some(recv) = &mut self.recv else { return };
        if !body.has_ended() {
            let waker = self.waker.get_or_insert_with(|| attention(remote, self.id));
            match poll_body(recv, body, &mut Context::from_waker(waker)) {
                Ok(true) => {}
                Ok(false) => {
                    // The session cancels the request when the RST_STREAM leaves.
                    self.handle.reset(Reason::PROTOCOL_ERROR.into());
                    return self.recv = None;
                }
                // The stream was reset: the session learns it from the wire.
                Err(_) => return self.recv = None,
            }
        }
        self.open_window(body);
    }

    /// Lets the peer send as much as the host has consumed.
    fn open_window(&mut self, body: &mut Body) {
        let Some(recv) = &mut self.recv else { return };
        let consumed = body.take_consumed();
        if consumed > 0 {
            // An error says that the stream is closed, so that no window is wanted.
            let _ = recv.flow_control().release_capacity(consumed);
        }
        if body.has_ended() && body.is_empty() {
            self.recv = None;
        }
    }

    /// Tells the request's queue, if it goes to one, what is new.
    fn feed(&mut self, request: &mut Request, remote: &Arc<Remote>) {
        if request.feed.is_none() || remote.is_muted() {
            return;
        }
        let (id, waker) = (self.id, &mut self.waker);
        let waker = || waker.get_or_insert_with(|| attention(remote, id)).clone();
        request::feed(request, self.request, self.inside, waker);
        self.waits_to_leave = request.wants_sent();
        if let Some(body) = &mut request.body {
            self.open_window(body);
        }
    }

    /// Whether nothing of it is left on either side.
    pub fn is_over(&self) -> bool {
        self.request == 0 && self.has_left && !self.is_reset
    }

    /// The body that goes on when the host has given the whole answer.
    pub fn rest(&mut self) -> Option<RecvStream> {
        if self.request == 0 { self.recv.take() } else { None }
    }

    /// Gives h2 what the host has written, as far as the peer's window goes.
    fn send(
        &mut self,
        answer: &mut Answer,
        worker: &Worker,
        remote: &Arc<Remote>,
        room: &mut usize,
    ) -> Result<Sent, Closed> {
        if let Some(code) = answer.take_reset() {
            self.reset(code);
            return Ok(Sent::All);
        }
        if self.is_answered {
            return Ok(Sent::Nothing);
        }
        let mut sent = Sent::Nothing;
        while let Some(head) = answer.take_informational() {
            if let Handle::Respond(respond) = &mut self.handle {
                respond.send_informational(convert::informational(&head))?;
                sent = Sent::Some;
            }
        }
        if let Some(head) = answer.take_head() {
            sent = self.send_head(head, worker)?;
        }
        while sent != Sent::All
            && let Some(piece) = self.next_piece(answer, remote, *room)?
        {
            if let Piece::Data(data, _) = &piece {
                *room = room.saturating_sub(data.len());
            }
            sent = self.send_piece(piece)?;
        }
        Ok(sent)
    }

    /// Sends the final head.
    fn send_head(&mut self, mut head: AnswerHead<'_>, worker: &Worker) -> Result<Sent, Closed> {
        head.complete(&worker.date());
        self.status = head.status;
        let response = convert::response(&head);
        let send = match &mut self.handle {
            Handle::Respond(respond) => respond.send_response(response, head.is_alone)?,
            Handle::Pushed(respond) => respond.send_response(response, head.is_alone)?,
            Handle::Send(_) => return Err(Closed),
        };
        if let Handle::Respond(respond) = std::mem::replace(&mut self.handle, Handle::Send(send)) {
            self.promiser = Some(respond).filter(|_| !head.is_whole);
        }
        Ok(if head.is_alone { Sent::All } else { Sent::Some })
    }

    /// What may be sent now of what follows the head. If the peer's window
    /// holds it up, h2 will call this stream's attention.
    fn next_piece(&mut self, answer: &mut Answer, remote: &Arc<Remote>, room: usize) -> Result<Option<Piece>, Closed> {
        let Handle::Send(send) = &mut self.handle else { return Ok(None) };
        let queued = answer.queued();
        if queued == 0 || (queued <= AT_ONCE && answer.has_ended()) {
            return Ok(answer.take_piece(AT_ONCE));
        }
        if room == 0 {
            self.is_starved = true;
            return Ok(None);
        }
        send.reserve_capacity(queued.min(room));
        loop {
            if let Some(piece) = answer.take_piece(send.capacity().min(room)) {
                return Ok(Some(piece));
            }
            let waker = self.waker.get_or_insert_with(|| attention(remote, self.id));
            match send.poll_capacity(&mut Context::from_waker(waker)) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return Err(Closed),
                Poll::Pending => return Ok(None),
            }
        }
    }

    fn send_piece(&mut self, piece: Piece) -> Result<Sent, Closed> {
        let Handle::Send(send) = &mut self.handle else { return Err(Closed) };
        match piece {
            Piece::Data(data, last) => {
                self.given += data.len() as u64;
                self.inside += data.len() as u64;
                send.send_data(data, last)?;
                Ok(if last { Sent::All } else { Sent::Some })
            }
            Piece::Trailers(fields) => {
                send.send_trailers(convert::header_map(&fields))?;
                Ok(Sent::All)
            }
        }
    }

    /// Ends the stream with RST_STREAM; h2 sends it at its next turn.
    pub fn reset(&mut self, code: u32) {
        self.is_reset = true;
        self.handle.reset(code);
    }
}

fn attention(remote: &Arc<Remote>, stream: u32) -> Waker {
    Waker::from(Arc::new(Attention { remote: remote.clone(), stream }))
}

/// Moves what h2 has of a body, up to its end and trailers. False if those are malformed.
fn poll_body(recv: &mut RecvStream, body: &mut Body, cx: &mut Context<'_>) -> Result<bool, h2::Error> {
    while !recv.is_end_stream() {
        match recv.poll_data(cx)? {
            Poll::Ready(Some(piece)) => body.arrived(piece),
            Poll::Ready(None) => break,
            Poll::Pending => return Ok(true),
        }
    }
    if let Poll::Ready(trailers) = recv.poll_trailers(cx) {
        let trailers = trailers?.map(|fields| convert::trailers(&fields));
        if trailers.as_ref().is_some_and(check::are_trailers_malformed) {
            return Ok(false);
        }
        body.arrived_whole(trailers);
    }
    Ok(true)
}
