//! Priorities of streams that were not opened yet.

use std::collections::VecDeque;

use crate::priority::Parameters;

/// Priorities of streams that the peer has not opened yet (RFC 9218, section 7.1). A peer
/// can name any number of streams. The newest are kept.
#[derive(Default)]
pub struct Early(VecDeque<(u32, Parameters)>);

/// How many are kept.
const MOST_EARLY: usize = 32;

impl Early {
    pub fn keep(&mut self, stream: u32, parameters: Parameters) {
        self.0.retain(|(kept, _)| *kept != stream);
        if self.0.len() == MOST_EARLY {
            self.0.pop_front();
        }
        self.0.push_back((stream, parameters));
    }

    /// Removes and returns the priority of a stream that is opened now, and drops those
    /// of lower streams.
    pub fn take(&mut self, stream: u32) -> Option<Parameters> {
        if self.0.is_empty() {
            return None;
        }
        let found = self.0.iter().find(|(kept, _)| *kept == stream).map(|(_, parameters)| *parameters);
        self.0.retain(|(kept, _)| *kept > stream);
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
        found
    }

    pub fn memory(&self) -> usize {
        self.0.capacity() * size_of::<(u32, Parameters)>()
    }
}
