//! The kinds of health checks, and their responses.

use http::StatusCode;

/// A kind of health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Readiness: whether the server should get requests.
    Ready,
    /// Liveness: whether the host makes progress.
    Live,
}

impl Check {
    /// The status and the content of the response.
    pub fn response(self, is_well: bool) -> (StatusCode, &'static [u8]) {
        let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let content: &[u8] = match (self, is_well) {
            (Self::Ready, true) => b"ready\n",
            (Self::Ready, false) => b"not ready\n",
            (Self::Live, true) => b"live\n",
            (Self::Live, false) => b"stalled\n",
        };
        (status, content)
    }
}
