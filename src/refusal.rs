//! Requests that the library answers itself.

use http::StatusCode;

/// Why the library answers a request itself instead of a handler.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Answered with this status, and `allow` if there is something to allow.
    Status(StatusCode, Option<String>),
}
