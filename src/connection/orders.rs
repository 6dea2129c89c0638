//! What other threads and the host want from a connection: messages, extension frames,
//! other windows.

use super::{Phase, Task};
use crate::engine::{Control, Engine};
use crate::extension::Extension;
use crate::session::Order;
use crate::setting::id;
use crate::transport::Transport;

/// Receive windows in bytes (RFC 9113, section 6.9). 0 leaves a window unchanged.
#[derive(Clone, Copy, Default)]
pub struct Windows {
    session: u32,
    stream: u32,
}

impl Windows {
    fn add(&mut self, session: u32, stream: u32) {
        let newer = |before: u32, now: u32| if now == 0 { before } else { now };
        *self = Self { session: newer(self.session, session), stream: newer(self.stream, stream) };
    }
}

impl<S: Transport, E: Engine> Task<S, E> {
    /// Reads the mailbox: orders, and streams that have work to do.
    pub(super) fn read_letters(&mut self) -> bool {
        let Some(messages) = self.lifecycle.session.messages() else { return self.send_extensions() };
        if messages.check_shutdown {
            self.check_shutdown();
        }
        for order in messages.orders {
            match order {
                Order::Drain(deadline) => self.lifecycle.drain_by(deadline),
                Order::Abort(code, last_stream, debug) => self.abort(code, last_stream, &debug),
                Order::Ping(payload) => self.control(Control::Ping(payload)),
                Order::Goaway(code, last_stream, debug) => {
                    self.control(Control::Goaway { code, last_stream, debug: &debug });
                }
                Order::Window(session, stream) => {
                    self.windows.add(session, stream);
                    self.set_windows();
                }
                Order::MakeRoom => self.make_room(),
                Order::Resume => self.resume(),
                Order::Relieve => self.relieve(),
                Order::Settings(settings) => {
                    if settings.iter().any(|setting| setting.id == id::INITIAL_WINDOW_SIZE) {
                        // Extension frames that were queued before it would undo it.
                        self.windows.stream = 0;
                    }
                    self.control(Control::Settings(&settings));
                }
            }
        }
        // Extension frames for a stream precede its response.
        self.send_extensions();
        messages.wake_stream.into_iter().for_each(|stream| self.wake_stream(stream));
        true
    }

    /// The server's stage may have changed, or a queue may have been closed.
    pub(super) fn check_shutdown(&mut self) {
        if self.lifecycle.worker.shared.setup.queues.iter().any(|queue| queue.is_freed()) {
            self.attend_all();
        }
        if let Some(deadline) = self.lifecycle.worker.shared.registry.deadline() {
            self.lifecycle.drain_by(deadline);
        }
    }

    fn control(&mut self, control: Control<'_>) {
        if matches!(self.phase, Phase::Open) {
            self.engine.send_control(control, self.socket.gather());
        }
    }

    /// Passes the host's windows to the engine as soon as the engine accepts them.
    pub(super) fn set_windows(&mut self) {
        let Windows { session, stream } = self.windows;
        let is_wanted = session != 0 || stream != 0;
        if is_wanted && matches!(self.phase, Phase::Open) {
            let is_set = self.engine.send_control(Control::Windows { session, stream }, self.socket.gather());
            if is_set {
                self.windows = Windows::default();
            }
        }
    }

    /// Sends queued extension frames, as far as the peer accepts output. A frame for a
    /// stream that has ended is dropped, because the peer would not know the stream.
    pub(super) fn send_extensions(&mut self) -> bool {
        let session = &self.lifecycle.session;
        let can = session.has_extensions()
            && matches!(self.phase, Phase::Open)
            && self.socket.unsent() < self.lifecycle.config().session_send_bytes;
        if can {
            for Extension { kind, stream, payload } in self.lifecycle.session.take_extensions() {
                self.control(Control::Extension { kind, stream, payload: &payload });
            }
        }
        can
    }
}
