//! What the host asks of a session beside its requests: frames of its own, and
//! other windows.

use super::{Phase, Session};
use crate::extension::Extension;
use crate::transport::Transport;

/// Receive windows in bytes (RFC 9113, section 6.9); 0 is as it is.
#[derive(Default)]
pub struct Windows {
    session: u32,
    stream: u32,
}

impl Windows {
    pub fn add(&mut self, session: u32, stream: u32) {
        let newer = |before: u32, now: u32| if now == 0 { before } else { now };
        *self = Self { session: newer(self.session, session), stream: newer(self.stream, stream) };
    }
}

impl<S: Transport> Session<S> {
    /// Asks with a PING whose answer the host is told.
    pub(super) fn ask_for_host(&mut self, payload: &[u8; 8]) {
        if self.speaks_http() {
            self.wire.borrow_mut().ask(payload);
        }
    }

    /// Says GOAWAY between h2's frames: nothing else changes by it.
    pub(super) fn say_goaway(&mut self, code: u32, last_stream: u32, debug: &[u8]) {
        if self.speaks_http() {
            let last_stream = if last_stream == 0 { self.last_accepted } else { last_stream };
            self.wire.borrow_mut().say_goaway(last_stream, code, debug);
        }
    }

    /// Sends what waits of frames that h2 does not know, as far as the peer takes
    /// what is before them. One for a stream that has ended is not sent: the peer
    /// would not know it.
    pub(super) fn send_extensions(&mut self) -> bool {
        let can =
            self.life.remote.has_extensions() && matches!(self.phase, Phase::Open(_)) && self.wire.borrow().has_room();
        if can {
            for Extension { kind, stream, payload } in self.life.remote.take_extensions() {
                if stream == 0 || self.streams.has(stream) {
                    self.wire.borrow_mut().slip_in(kind, 0, stream, &payload);
                }
            }
        }
        can
    }

    /// Gives h2 the windows that the host wants. The streams' is a SETTINGS
    /// frame, which waits until the peer has acknowledged the one before.
    pub(super) fn set_windows(&mut self) -> bool {
        let Phase::Open(h2) = &mut self.phase else { return false };
        let Windows { session, stream } = &mut self.wish;
        let mut moved = false;
        if *session != 0 {
            h2.set_target_window_size(std::mem::take(session));
            moved = true;
        }
        if *stream != 0 && self.wire.borrow().marks.is_settled() && h2.set_initial_window_size(*stream).is_ok() {
            *stream = 0;
            moved = true;
        }
        moved
    }

    fn speaks_http(&self) -> bool {
        matches!(self.phase, Phase::Handshake(_) | Phase::Open(_))
    }
}
