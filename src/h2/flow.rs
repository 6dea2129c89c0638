//! Flow control (RFC 9113, sections 5.2 and 6.9): the windows of both directions.

use super::frame::MAX_31;

/// The initial size of a window (RFC 9113, section 6.9.2).
pub(crate) const DEFAULT_WINDOW: u32 = 65_535;

/// The windows that are kept open while memory is short.
pub(super) const SHORT_STREAM_WINDOW: i64 = 16 << 10;
pub(super) const SHORT_SESSION_WINDOW: i64 = 64 << 10;

/// How much we may send. SETTINGS can make it negative.
#[derive(Clone, Copy, Debug)]
pub struct SendWindow(i64);

/// A window would exceed 2^31-1 bytes.
pub struct Overflow;

impl SendWindow {
    pub fn new(size: u32) -> Self {
        Self(size.into())
    }

    /// How many bytes may be sent now.
    #[inline]
    pub fn available(self) -> usize {
        self.0.max(0) as usize
    }

    #[inline]
    pub fn take(&mut self, bytes: usize) {
        self.0 -= bytes as i64;
    }

    /// The peer has changed the window, by WINDOW_UPDATE or SETTINGS.
    pub fn change(&mut self, by: i64) -> Result<(), Overflow> {
        self.0 += by;
        if self.0 > MAX_31.into() { Err(Overflow) } else { Ok(()) }
    }
}

/// How much the peer may send. Consumed bytes are returned in steps of half a window.
#[derive(Clone, Copy, Debug)]
pub struct ReceiveWindow {
    /// How much the peer may still send. Our SETTINGS can make it negative.
    left: i64,
    /// How much is to be returned. Negative after the window was made smaller.
    due: i64,
}

impl ReceiveWindow {
    pub fn new(size: u32) -> Self {
        Self { left: size.into(), due: 0 }
    }

    /// The peer has sent `bytes`. False if the window does not allow it.
    #[inline]
    pub fn take(&mut self, bytes: u32) -> bool {
        self.left -= i64::from(bytes);
        self.left >= 0
    }

    /// These bytes are consumed.
    #[inline]
    pub fn give_back(&mut self, bytes: u64) {
        self.due += bytes as i64;
    }

    /// The peer has acknowledged SETTINGS that change the window.
    pub fn change(&mut self, by: i64) {
        self.left += by;
    }

    /// Sets another size, which WINDOW_UPDATE frames bring about.
    pub fn resize(&mut self, by: i64) {
        self.due += by;
    }

    /// The increment of the WINDOW_UPDATE to send now, if one is due: at half of a window
    /// of that size.
    #[inline]
    pub fn increment(&mut self, size: u32) -> Option<u32> {
        if self.due <= 0 || self.due * 2 < i64::from(size) {
            return None;
        }
        self.flush()
    }

    /// The same while memory is short: no more than `small` bytes may come, and never
    /// less than half of that, so that the peer can go on.
    pub fn increment_to(&mut self, small: i64) -> Option<u32> {
        let increment = self.due.min(small - self.left);
        if self.left > small / 2 || increment <= 0 {
            return None;
        }
        (self.left, self.due) = (self.left + increment, self.due - increment);
        Some(increment as u32)
    }

    /// The increment of a WINDOW_UPDATE that returns everything.
    pub fn flush(&mut self) -> Option<u32> {
        let most = i64::from(MAX_31) - self.left.max(0);
        let increment = self.due.min(most);
        if increment <= 0 {
            return None;
        }
        (self.left, self.due) = (self.left + increment, self.due - increment);
        Some(increment as u32)
    }

    /// How much the peer may still send.
    #[cfg(any(test, fuzzing))]
    pub fn left(&self) -> i64 {
        self.left
    }

    #[cfg(any(test, fuzzing))]
    pub fn due(&self) -> i64 {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_memory_is_short_a_window_stays_small_and_open() {
        let mut window = ReceiveWindow::new(1000);
        assert!(window.take(1000));
        window.give_back(1000);
        assert_eq!(window.increment_to(100), Some(100));
        for bytes in [60, 40, 30, 99] {
            // Whatever the peer sends, it can go on.
            let bytes = bytes.min(window.left()) as u32;
            assert!(window.take(bytes));
            window.give_back(bytes.into());
            let increment = window.increment_to(100);
            assert!((51..=100).contains(&window.left()), "{increment:?} {}", window.left());
        }
        // The rest comes when there is memory again.
        window.increment(1000);
        assert_eq!((window.left(), window.due()), (1000, 0));
    }

    #[test]
    fn a_large_window_is_not_widened_while_memory_is_short() {
        let mut window = ReceiveWindow::new(1000);
        assert!(window.take(900));
        window.give_back(900);
        assert_eq!((window.increment_to(100), window.left()), (None, 100));
        assert!(window.take(80));
        assert_eq!((window.increment_to(100), window.left()), (Some(80), 100));
    }
}
