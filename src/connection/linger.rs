//! The lingering close of a session: its last output is sent, our side is closed, and
//! input is discarded until the peer closes its side.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::buffered_socket::BufferedSocket;
use super::lifecycle::Lifecycle;
use super::now;
use crate::close::{CUT, LINGER};
use crate::event::Cause;
use crate::transport::Transport;

/// The result of a poll.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Output has to be sent first.
    Waits,
    Moved,
    /// The session is over.
    Over,
    /// The peer has not accepted the output in time.
    Late,
}

pub struct LingeringClose {
    /// Whether to wait for the peer's FIN after ours.
    lingers: bool,
    /// Our side is closed, and only the peer's FIN is awaited.
    is_lingering: bool,
    /// The least number of bytes that were still to be sent, and the time until which
    /// there must be fewer.
    rest: usize,
    until: Instant,
}

impl LingeringClose {
    /// The lingering close of a session with `bytes` to be sent. If it `lingers`, it
    /// waits for the peer's FIN, so that no TCP reset overtakes the last output.
    pub fn new(lifecycle: &Lifecycle, rest: usize, lingers: bool) -> Self {
        Self { lingers, is_lingering: false, rest, until: wait_token(lifecycle, rest) }
    }

    /// When to poll again if nothing happens.
    pub fn next(&self, now: Instant) -> Instant {
        // No event reports that the peer has acknowledged what was sent.
        match self.rest {
            0 => self.until,
            _ => self.until.min(now + Duration::from_millis(50)),
        }
    }

    /// Whether the peer has received everything, and only its FIN is awaited.
    pub fn is_told<S: Transport>(&self, socket: &BufferedSocket<S>) -> bool {
        self.is_lingering && socket.under_way() == 0
    }

    /// `see` is called with input that is discarded.
    pub fn poll<S: Transport>(
        &mut self,
        socket: &mut BufferedSocket<S>,
        lifecycle: &Lifecycle,
        cx: &mut Context<'_>,
        see: impl FnMut(&[u8]),
    ) -> Step {
        if self.is_lingering {
            // Input is read after the peer has acknowledged everything for a moment.
            return match socket.poll_discard(cx, see) {
                Poll::Ready(()) => Step::Over,
                // The peer keeps sending, and has received the last output.
                Poll::Pending if socket.is_flooded() && socket.under_way() == 0 => Step::Over,
                Poll::Pending => self.wait(socket, lifecycle),
            };
        }
        let finished = match socket.poll_send(cx) {
            Poll::Ready(Ok(())) => socket.poll_shutdown(cx),
            other => other,
        };
        match finished {
            Poll::Ready(Ok(())) if socket.peer_finished || !self.lingers => Step::Over,
            Poll::Ready(Ok(())) => {
                let rest = socket.under_way();
                *self = Self { is_lingering: true, ..Self::new(lifecycle, rest, true) };
                Step::Moved
            }
            Poll::Ready(Err(_)) => Step::Over,
            Poll::Pending => self.wait(socket, lifecycle),
        }
    }

    /// Waits as long as the peer accepts output.
    fn wait<S: Transport>(&mut self, socket: &BufferedSocket<S>, lifecycle: &Lifecycle) -> Step {
        let rest = socket.under_way();
        if rest < self.rest {
            (self.rest, self.until) = (rest, wait_token(lifecycle, rest));
        } else if now() >= self.until {
            return Step::Late;
        }
        Step::Waits
    }
}

/// How long a peer may take to accept `bytes`: as long as the drain has, or as long as
/// any slow peer. With no bytes, a moment.
fn wait_token(lifecycle: &Lifecycle, rest: usize) -> Instant {
    // What waits for a peer that has been closed for memory is not kept for long.
    let is_short = lifecycle.registration.cause() == Cause::Memory;
    let most = if is_short { LINGER } else { lifecycle.config().progress.max(LINGER) };
    match (rest, lifecycle.drain.deadline()) {
        (0, _) => lifecycle.drain.linger_until(now()),
        (_, Some(deadline)) => deadline + CUT,
        (_, None) => now() + most,
    }
}
