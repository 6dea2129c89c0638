//! Requests that the library responds to itself.

use http::StatusCode;

/// Why no handler gets a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The response with this status has an `allow` field if other methods are allowed.
    Status(StatusCode, Option<String>),
}
