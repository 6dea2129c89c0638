//! The answers and the HTTP/2 settings that are the same in every peer.

use std::cell::RefCell;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderValue;

pub const HELLO: Bytes = Bytes::from_static(b"Hello, World!");
pub const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

/// More than any load has open on a connection: no stream is ever refused.
pub const MAX_STREAMS: u32 = 256;
pub const STREAM_WINDOW: u32 = 256 << 10;
pub const CONNECTION_WINDOW: u32 = 1 << 20;

thread_local! {
    static DATE: RefCell<HeaderValue> = RefCell::new(now());
}

/// 8 MiB of `x`. A clone is a reference, not a copy.
pub static BIG: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b'x'; 8 << 20]));

/// The value of the `date` field, at most a second old.
pub fn date() -> HeaderValue {
    DATE.with_borrow(HeaderValue::clone)
}

/// Keeps [`date`] fresh, on the one thread that a peer has.
pub async fn tick() {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        DATE.set(now());
    }
}

fn now() -> HeaderValue {
    let text = httpdate::fmt_http_date(SystemTime::now());
    HeaderValue::try_from(text).expect("a date is ASCII")
}
