//! Automatic growth of a response's high-water mark.
//!
//! Each time a body waits for room its host has to be woken, which for a fast peer
//! costs more than the bytes. So the mark of a long body doubles each time the peer has
//! taken everything before the host wrote more, provided that the peer has taken
//! several times as much before. A peer that reads slowly or not at all does not reach
//! that point.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::session::SessionHandle;

/// How many times the high-water mark a peer must have taken before the mark grows.
const PROOF: u64 = 4;
/// All marks of a session together may grow by this many times what a single one may
/// grow to.
const TOGETHER: usize = 2;

/// The growth of a mark: its share of the growth that the session allows. It is given
/// back on drop.
pub struct HighWaterAutotune {
    session: Arc<SessionHandle>,
    bytes: usize,
}

impl HighWaterAutotune {
    pub fn new(session: &Arc<SessionHandle>) -> Self {
        Self { session: session.clone(), bytes: 0 }
    }

    /// The bytes by which a mark that may grow to `most` grows when the peer has taken
    /// `taken` bytes of the body; 0 if it does not grow.
    pub fn step(mark: usize, most: usize, taken: u64) -> usize {
        match taken >= PROOF * mark as u64 {
            true => mark.min(most.saturating_sub(mark)),
            false => 0,
        }
    }

    /// Takes that many more, if the session has them; `most` as for `step`.
    pub fn take(&mut self, bytes: usize, most: usize) -> bool {
        let more = |grown: usize| grown.checked_add(bytes).filter(|grown| *grown <= most.saturating_mul(TOGETHER));
        let has_taken = self.session.counters.grown.fetch_update(Relaxed, Relaxed, more).is_ok();
        if has_taken {
            self.bytes += bytes;
        }
        has_taken
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for HighWaterAutotune {
    fn drop(&mut self) {
        self.session.counters.grown.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    #[test]
    fn a_mark_doubles_up_to_the_most() {
        assert_eq!(HighWaterAutotune::step(100, 1000, 399), 0);
        assert_eq!(HighWaterAutotune::step(100, 1000, 400), 100);
        assert_eq!(HighWaterAutotune::step(800, 1000, 3200), 200);
        assert_eq!(HighWaterAutotune::step(1000, 1000, u64::MAX), 0);
        assert_eq!(HighWaterAutotune::step(2000, 1000, u64::MAX), 0);
    }

    #[test]
    fn the_marks_of_a_session_share_and_give_back() {
        let session = Arc::new(SessionHandle::new(1, Endpoint::default(), Arc::default(), Arc::default()));
        let (mut one, mut other) = (HighWaterAutotune::new(&session), HighWaterAutotune::new(&session));
        assert!(one.take(90, 100) && other.take(100, 100));
        assert!(!one.take(11, 100));
        assert_eq!(one.bytes(), 90);
        drop(other);
        assert!(one.take(11, 100));
        drop(one);
        assert_eq!(session.counters.grown.load(Relaxed), 0);
    }
}
