//! How much the client may send: the windows of RFC 9113, section 5.2, so that an upload
//! never violates them by accident.

use std::collections::HashMap;

use super::frame::{DEFAULT_MAX_FRAME_SIZE, setting};

pub struct SendWindows {
    connection: i64,
    initial: i64,
    streams: HashMap<u32, i64>,
    pub max_frame_size: usize,
}

impl SendWindows {
    /// Before the peer's SETTINGS: 65,535 bytes each (section 6.9.2).
    pub fn new() -> SendWindows {
        SendWindows {
            connection: 65_535,
            initial: 65_535,
            streams: HashMap::new(),
            max_frame_size: DEFAULT_MAX_FRAME_SIZE,
        }
    }

    /// INITIAL_WINDOW_SIZE changes the windows of all open streams, which may become
    /// negative (section 6.9.2).
    pub fn apply(&mut self, settings: &[(u16, u32)]) {
        for &(id, value) in settings {
            if id == setting::INITIAL_WINDOW_SIZE {
                let change = i64::from(value) - self.initial;
                self.streams.values_mut().for_each(|left| *left += change);
                self.initial = i64::from(value);
            }
            if id == setting::MAX_FRAME_SIZE {
                self.max_frame_size = value as usize;
            }
        }
    }

    pub fn update(&mut self, stream: u32, increment: u32) {
        let increment = i64::from(increment);
        if stream == 0 {
            self.connection += increment;
        } else {
            *self.streams.entry(stream).or_insert(self.initial) += increment;
        }
    }

    pub fn spend(&mut self, stream: u32, bytes: usize) {
        self.connection -= bytes as i64;
        *self.streams.entry(stream).or_insert(self.initial) -= bytes as i64;
    }

    pub fn connection(&self) -> i64 {
        self.connection
    }

    pub fn stream(&self, stream: u32) -> i64 {
        *self.streams.get(&stream).unwrap_or(&self.initial)
    }

    /// How many bytes of DATA one frame on `stream` may have now.
    pub fn allowed(&self, stream: u32) -> usize {
        let window = self.connection.min(self.stream(stream)).max(0) as usize;
        window.min(self.max_frame_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_windows_bound_a_frame() {
        let mut windows = SendWindows::new();
        assert_eq!(windows.allowed(1), 16_384);
        windows.spend(1, 65_535);
        assert_eq!((windows.allowed(1), windows.allowed(3)), (0, 0));
        windows.update(0, 10);
        assert_eq!((windows.allowed(1), windows.allowed(3)), (0, 10));
        windows.update(1, 4);
        assert_eq!(windows.allowed(1), 4);
    }

    #[test]
    fn a_smaller_initial_window_may_turn_one_negative() {
        let mut windows = SendWindows::new();
        windows.spend(1, 60_000);
        windows.apply(&[(setting::INITIAL_WINDOW_SIZE, 1_000)]);
        assert_eq!((windows.stream(1), windows.allowed(1)), (-59_000, 0));
        assert_eq!(windows.stream(3), 1_000);
    }
}
