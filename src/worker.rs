//! What the sessions of one worker thread have in common.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::HeaderValue;
use tokio::time::Instant;

use crate::error::Result;
use crate::request::{REQUESTS, Request};
use crate::shared::Shared;
use crate::table::Lot;

/// One worker, as its sessions see it.
pub struct Worker {
    pub shared: Arc<Shared>,
    pub lot: RefCell<Lot<Request>>,
    date: RefCell<Date>,
    length: RefCell<(usize, HeaderValue)>,
}

struct Date {
    value: HeaderValue,
    until: Option<Instant>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>) -> Result<Rc<Self>> {
        let lot = RefCell::new(Lot::new(REQUESTS.here()?));
        let date = RefCell::new(Date { value: HeaderValue::from_static(""), until: None });
        let length = RefCell::new((0, HeaderValue::from(0)));
        Ok(Rc::new(Self { shared, lot, date, length }))
    }

    /// The `date` field's value (RFC 9110, section 6.6.1), made anew once a second by `tick`.
    pub fn date(&self) -> HeaderValue {
        self.date.borrow().value.clone()
    }

    /// The `content-length` field's value. A long one is made anew only when it
    /// is another than last time: many servers give the same answer again and again.
    pub fn length(&self, length: usize) -> HeaderValue {
        if let Some(digits) = short_length(length) {
            return HeaderValue::from_static(digits);
        }
        let mut last = self.length.borrow_mut();
        if last.0 != length {
            *last = (length, HeaderValue::from(length));
        }
        last.1.clone()
    }

    /// Time has passed.
    pub fn tick(&self) {
        let now = Instant::now();
        let mut date = self.date.borrow_mut();
        if date.until.is_none_or(|until| now >= until) {
            let wall = SystemTime::now();
            let text = httpdate::fmt_http_date(wall);
            date.value = HeaderValue::from_str(&text).expect("a date is visible ASCII");
            let into_second = wall.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
            date.until = Some(now + Duration::from_nanos(1_000_000_000 - u64::from(into_second)));
        }
    }
}

/// The digits of 000 to 999. Most answers are short, and the cheapest value is
/// one that is never made and has no references to count.
const DIGITS: &[u8; 3000] = &{
    let mut digits = [b'0'; 3000];
    let mut number = 0;
    while number < 1000 {
        digits[3 * number] += (number / 100) as u8;
        digits[3 * number + 1] += (number / 10 % 10) as u8;
        digits[3 * number + 2] += (number % 10) as u8;
        number += 1;
    }
    digits
};

fn short_length(length: usize) -> Option<&'static str> {
    const TEXT: &str = match str::from_utf8(DIGITS) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    };
    let zeros = if length < 10 { 2 } else { usize::from(length < 100) };
    TEXT.get(3 * length.min(1000) + zeros..3 * length.min(1000) + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lengths_are_written_as_numbers_are() {
        for length in 0..1000 {
            assert_eq!(short_length(length), Some(length.to_string().as_str()));
        }
        assert_eq!(short_length(1000), None);
    }
}
