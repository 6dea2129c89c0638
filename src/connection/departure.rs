//! How a session departs when all is said: the rest leaves, our side is closed,
//! and the peer takes what is under way and closes its own.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::life::Life;
use super::now;
use super::port::Port;
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

pub struct Departure {
    /// Whether the peer's end is awaited when our side is closed.
    lingers: bool,
    /// Our side is closed, and only the peer's is awaited.
    is_lingering: bool,
    /// The least of the bytes that were still under way, and until when there
    /// must be fewer.
    rest: usize,
    until: Instant,
}

impl Departure {
    /// That of a session which has so many bytes under way. If it `lingers`, it
    /// waits for the peer's end, so that no reset overtakes what was said last.
    pub fn new(life: &Life, rest: usize, lingers: bool) -> Self {
        Self { lingers, is_lingering: false, rest, until: patience(life, rest) }
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
    pub fn is_told<S: Transport>(&self, port: &Port<S>) -> bool {
        self.is_lingering && port.under_way() == 0
    }

    /// `see` is shown what the peer still says.
    pub fn poll<S: Transport>(
        &mut self,
        port: &mut Port<S>,
        life: &Life,
        cx: &mut Context<'_>,
        see: impl FnMut(&[u8]),
    ) -> Step {
        if self.is_lingering {
            // What the peer still says is read, once it has taken everything for a moment.
            return match port.poll_discard(cx, see) {
                Poll::Ready(()) => Step::Over,
                // It goes on talking, and has heard what was said.
                Poll::Pending if port.is_flooded() && port.under_way() == 0 => Step::Over,
                Poll::Pending => self.wait(port, life),
            };
        }
        let finished = match port.poll_send(cx) {
            Poll::Ready(Ok(())) => port.poll_shutdown(cx),
            other => other,
        };
        match finished {
            Poll::Ready(Ok(())) if port.peer_finished || !self.lingers => Step::Over,
            Poll::Ready(Ok(())) => {
                let rest = port.under_way();
                *self = Self { is_lingering: true, ..Self::new(life, rest, true) };
                Step::Moved
            }
            Poll::Ready(Err(_)) => Step::Over,
            Poll::Pending => self.wait(port, life),
        }
    }

    /// Goes on waiting while the peer takes what is under way.
    fn wait<S: Transport>(&mut self, port: &Port<S>, life: &Life) -> Step {
        let rest = port.under_way();
        if rest < self.rest {
            (self.rest, self.until) = (rest, patience(life, rest));
        } else if now() >= self.until {
            return Step::Late;
        }
        Step::Waits
    }
}

/// The time for a peer that has so many bytes still to take: as long as the
/// drain has, or as any slow peer gets; a moment if there are none.
fn patience(life: &Life, rest: usize) -> Instant {
    let most = life.config().progress.max(LINGER);
    match (rest, life.drain.deadline()) {
        (0, _) => life.drain.linger_until(now()),
        (_, Some(deadline)) => deadline + CUT,
        (_, None) => now() + most,
    }
}
