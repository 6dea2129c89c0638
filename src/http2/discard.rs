//! What a peer still sends of a body when its answer is complete.
//!
//! RST_STREAM(NO_ERROR) asks it to stop, and may be sent at once (RFC 9113,
//! section 8.1). But not every client lets the answer stand then: curl 7.88
//! reports error 92, httpx an exception. So a peer first gets the time to send
//! what it will: all of a short body, or, when the answer is an error, as much
//! as it sends before it has read that. What comes is thrown away.
//!
//! After a success such a curl reads no more until it has sent everything, so
//! that it would wait for ever for a larger window: a body that does not fit
//! the first window is stopped at once.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use h2::RecvStream;
use http::StatusCode;

/// How long after the answer's last frame, and how many bytes a stream.
const TIME: Duration = Duration::from_secs(1);
const BYTES: usize = 1 << 20;

/// Whether a peer may go on with its body of that `length`, if it has told, when it has that answer.
pub fn may_go_on(status: StatusCode, length: Option<u64>, window: u32) -> bool {
    status.as_u16() >= 300 || length.is_some_and(|length| length <= window.into())
}

#[derive(Default)]
pub struct Discards(Vec<Discard>);

struct Discard {
    stream: u32,
    /// When it is dropped, h2 sends the RST_STREAM if the peer has not ended.
    recv: RecvStream,
    left: usize,
    /// None while the answer has not left.
    until: Option<Instant>,
}

impl Discards {
    /// The host's part in a stream is over. No more than `most` streams are
    /// kept open for that; the oldest makes room.
    pub fn add(&mut self, stream: u32, recv: RecvStream, most: usize) {
        if self.0.len() >= most.max(1) {
            self.0.remove(0);
        }
        self.0.push(Discard { stream, recv, left: BYTES, until: None });
    }

    /// The last frame of a stream's answer has left.
    pub fn answered(&mut self, stream: u32, now: Instant) {
        if let Some(discard) = self.0.iter_mut().find(|discard| discard.stream == stream) {
            discard.until = Some(now + TIME);
        }
    }

    /// The stream is over on the wire.
    pub fn remove(&mut self, stream: u32) {
        self.0.retain(|discard| discard.stream != stream);
    }

    /// Nobody gets more time.
    pub fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// Gives up every handle without touching h2.
    pub fn abandon(&mut self) {
        std::mem::forget(std::mem::take(&mut self.0));
    }

    /// When the next one's time is up.
    pub fn next(&self) -> Option<Instant> {
        self.0.iter().filter_map(|discard| discard.until).min()
    }

    /// Throws away what has come.
    pub fn poll(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.0.retain_mut(|discard| discard.until.is_none_or(|until| now < until) && discard.poll(cx));
    }
}

impl Discard {
    /// False when it is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            match self.recv.poll_data(cx) {
                Poll::Ready(Some(Ok(piece))) if piece.len() <= self.left => self.left -= piece.len(),
                Poll::Ready(_) => return false,
                Poll::Pending => break,
            }
        }
        // Also what had come before and the host has not consumed.
        let flow = self.recv.flow_control();
        let used = flow.used_capacity();
        // An error says that the stream is closed, so that no window is wanted.
        used == 0 || flow.release_capacity(used).is_ok()
    }
}
