//! Requests that the library answers itself.

use http::StatusCode;

/// Why the library answers a request itself instead of a handler.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Answered with this status, and `allow` if there is something to allow.
    Status(StatusCode, Option<String>),
    /// Malformed (RFC 9113, section 8.1.1): over HTTP/2 the stream is reset with
    /// PROTOCOL_ERROR, over HTTP/1.1 the response is 400.
    Malformed(&'static str),
}
