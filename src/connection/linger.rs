//! How a session departs when all is said: the rest leaves, our side is closed,
//! and the peer takes what is under way and closes its own.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::buffered_socket::BufferedSocket;
use super::lifecycle::Lifecycle;
use super::now;
use crate::close::{CUT, LINGER};
use crate::transport::Transport;

/// What came of a look at it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something has to come first.
    Waits,
    Moved,
    /// There is nothing to wait for any more.
    Over,
    /// The peer has not taken it in time.
    Late,
}

pub struct LingeringClose {
    /// Whether the peer's end is awaited when our side is closed.
    lingers: bool,
    /// Our side is closed, and only the peer's is awaited.
    is_lingering: bool,
    /// The least of the bytes that were still under way, and until when there
    /// must be fewer.
    rest: usize,
    until: Instant,
}

impl LingeringClose {
    /// That of a session which has so many bytes under way. If it `lingers`, it
    /// waits for the peer's end, so that no reset overtakes what was said last.
    pub fn new(lifecycle: &Lifecycle, rest: usize, lingers: bool) -> Self {
        Self { lingers, is_lingering: false, rest, until: wait_token(lifecycle, rest) }
    }

    /// When it is to be looked at again, if nothing happens.
    pub fn next(&self, now: Instant) -> Instant {
        // No event tells that the peer has acknowledged what was sent.
        match self.rest {
            0 => self.until,
            _ => self.until.min(now + Duration::from_millis(50)),
        }
    }

    /// Whether the peer has everything, and only its end is awaited.
    pub fn is_told<S: Transport>(&self, socket: &BufferedSocket<S>) -> bool {
        self.is_lingering && socket.under_way() == 0
    }

    /// `see` is shown what the peer still says.
    pub fn poll<S: Transport>(
        &mut self,
        socket: &mut BufferedSocket<S>,
        lifecycle: &Lifecycle,
        cx: &mut Context<'_>,
        see: impl FnMut(&[u8]),
    ) -> Step {
        if self.is_lingering {
            // What the peer still says is read, once it has taken everything for a moment.
            return match socket.poll_discard(cx, see) {
                Poll::Ready(()) => Step::Over,
                // It goes on talking, and has heard what was said.
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

    /// Goes on waiting while the peer takes what is under way.
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

/// The time for a peer that has so many bytes still to take: as long as the
/// drain has, or as any slow peer gets; a moment if there are none.
fn wait_token(lifecycle: &Lifecycle, rest: usize) -> Instant {
    let most = lifecycle.config().progress.max(LINGER);
    match (rest, lifecycle.drain.deadline()) {
        (0, _) => lifecycle.drain.linger_until(now()),
        (_, Some(deadline)) => deadline + CUT,
        (_, None) => now() + most,
    }
}
