//! Requests that the library responds to itself.

use http::StatusCode;

/// Why no handler gets a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The response has this status, and `allow` if other methods are allowed.
    Status(StatusCode, Option<String>),
}
