//! One stream (RFC 9113, section 5.1).

use super::flow::{ReceiveWindow, SendWindow};

/// How far our side of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// The final head is to come.
    Head,
    Content,
    /// Bytes of a tunnel: no trailer section ends it (RFC 9113, section 8.5).
    Tunnel,
    /// END_STREAM is written.
    Done,
}

/// A stream that is not closed.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub id: u32,
    pub sending: Sending,
    /// The peer has not sent END_STREAM.
    pub receives: bool,
    /// The request's method is HEAD: no content follows the head of the response.
    pub is_head: bool,
    /// The request's method is CONNECT.
    pub is_connect: bool,
    pub send_window: SendWindow,
    pub receive_window: ReceiveWindow,
    /// What is missing of the declared content.
    pub content_left: Option<u64>,
}

impl Stream {
    /// Both sides have ended it.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.sending == Sending::Done && !self.receives
    }
}
