//! Pushed requests between their promise and the moment when it has left.
//!
//! Until then h2 must not lose their handles while their promise waits in it,
//! nor hear of a reset: the peer does not know the streams yet. So nothing is
//! done with a pushed request before the wire has seen its PUSH_PROMISE leave,
//! and if the stream that it is pushed on ends before, it is cancelled with it.

use bytes::Bytes;
use h2::server::SendPushedResponse;

use super::Session;
use super::stream::{Handle, Stream};
use crate::event::Cause;
use crate::request;
use crate::transport::Transport;

/// A pushed request that h2 was given.
pub struct Promise {
    /// The stream that it is pushed on.
    pub parent: u32,
    pub request: u64,
    /// Its own stream and h2's end of it; or why there is none, with a code.
    pub stream: Result<(u32, SendPushedResponse<Bytes>), (Cause, u32)>,
}

impl<S: Transport> Session<S> {
    /// What was promised on a stream just now.
    pub(super) fn promise(&mut self, promises: Vec<Promise>) {
        for promise in promises {
            match promise.stream {
                Ok(_) => self.promised.push(promise),
                Err((cause, code)) => self.break_promise(promise, cause, code),
            }
        }
    }

    /// The peer will know the stream: now it is as any other.
    pub(super) fn promise_is_out(&mut self, id: u32) {
        let is_it = |promise: &Promise| promise.stream.as_ref().is_ok_and(|(stream, _)| *stream == id);
        let Some(at) = self.promised.iter().position(is_it) else { return };
        let Promise { request, stream, .. } = self.promised.swap_remove(at);
        if let Ok((id, handle)) = stream {
            self.streams.insert(Stream::new(id, request, None, Handle::Pushed(handle)));
            self.life.remote.attend(id);
        }
    }

    /// The stream has ended, and what is promised on it was not said.
    pub(super) fn break_promises(&mut self, parent: u32, cause: Cause, code: u32) {
        if self.promised.is_empty() {
            return;
        }
        let (broken, kept) = std::mem::take(&mut self.promised).into_iter().partition(|one| one.parent == parent);
        self.promised = kept;
        let broken: Vec<Promise> = broken;
        broken.into_iter().for_each(|promise| self.break_promise(promise, cause, code));
    }

    fn break_promise(&mut self, promise: Promise, cause: Cause, code: u32) {
        self.life.remote.push_is_over();
        self.life.tally.reset += 1;
        self.life.tally.unsent += request::cancel(promise.request, cause, code);
    }

    /// Gives up every handle without touching h2; the requests that the host holds.
    pub(super) fn abandon_promises(&mut self) -> Vec<u64> {
        let abandon = |promise: Promise| {
            let request = promise.request;
            std::mem::forget(promise);
            request
        };
        std::mem::take(&mut self.promised).into_iter().map(abandon).collect()
    }
}
