//! The content of a request on its way from the engine to the host.

use bytes::Bytes;

use super::super::buffered_socket::BufferedSocket;
use super::super::hooks;
use super::{DISCARD_TIME, Exchange, Tools};
use crate::code;
use crate::engine::Engine;
use crate::header_list::HeaderList;
use crate::request::{Body, Subject};
use crate::transport::Transport;
use crate::worker::Worker;

impl Exchange {
    /// How much more of the content may be taken.
    pub fn room(&self, window: usize) -> usize {
        match self.request {
            0 => self.discard,
            _ => window.saturating_sub(self.outstanding),
        }
    }

    /// Content has come. Gives how much of it is consumed at once. A host that takes
    /// pieces as they come gets it from here, which saves a copy. If not
    /// `as_it_comes`, pieces with more behind them are gathered before.
    pub fn receive(&mut self, data: &[u8], is_last: bool, as_it_comes: bool, worker: &Worker) -> usize {
        self.has_all_content |= is_last;
        if self.request == 0 {
            self.discard = self.discard.saturating_sub(data.len());
            return data.len();
        }
        let Ok(mut request) = worker.find(self.request) else { return data.len() };
        self.outstanding += data.len();
        if (as_it_comes || is_last)
            && let Some(on_body) = hooks::on_body(&mut request, data.len(), is_last)
        {
            let subject = Subject { id: self.request, context: request.context };
            drop(request);
            hooks::deliver_piece(worker, subject, on_body, data, is_last);
            return 0;
        }
        let body = request.body();
        if !data.is_empty() {
            body.arrived(Bytes::copy_from_slice(data));
        }
        if is_last {
            body.arrived_whole(None);
        }
        0
    }

    /// The content has ended, perhaps with a trailer section.
    pub fn receive_end(&mut self, trailers: Option<HeaderList>, worker: &Worker) {
        self.has_all_content = true;
        if let Ok(mut request) = worker.find(self.request) {
            request.body().arrived_whole(trailers);
        }
    }

    /// The response is complete: what becomes of content that is still to come.
    pub(super) fn settle_content<S: Transport, E: Engine>(&mut self, tools: &mut Tools<'_, S, E>) {
        // What the host has ended, its peer need not go on with.
        self.has_all_content |= self.is_tunnel || tools.engine.has_all_content(self.stream);
        if self.discard_until.is_none() {
            self.discard_until = Some(tools.now + DISCARD_TIME);
        }
        if E::IS_MULTIPLEXED && self.discards() && (!self.may_go_on || tools.drains || self.discard == 0) {
            self.stop_content(tools.engine, tools.socket);
        }
    }

    /// Has the peer send no more of the content; its response is complete (RFC
    /// 9113, section 8.1).
    pub fn stop_content<S: Transport, E: Engine>(&mut self, engine: &mut E, socket: &mut BufferedSocket<S>) {
        self.has_all_content = true;
        engine.reset(self.stream, code::NO_ERROR, socket.gather());
    }

    /// What the host has not consumed it will not consume any more.
    pub fn give_back<S: Transport, E: Engine>(&mut self, engine: &mut E, socket: &mut BufferedSocket<S>) {
        let outstanding = std::mem::take(&mut self.outstanding);
        if outstanding > 0 {
            engine.consume(self.stream, outstanding, socket.gather());
        }
    }

    /// Lets the peer send as much as the host has consumed.
    pub(super) fn consume<S: Transport, E: Engine>(&mut self, body: &mut Body, tools: &mut Tools<'_, S, E>) {
        let consumed = body.take_consumed().min(self.outstanding);
        if consumed > 0 {
            self.outstanding -= consumed;
            tools.engine.consume(self.stream, consumed, tools.socket.gather());
        }
    }
}
