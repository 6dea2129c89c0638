//! One stream (RFC 9113, section 5.1).

use super::flow::{ReceiveWindow, SendWindow};

/// The state of our side of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// The final head was not written.
    Head,
    Content,
    /// The data of a tunnel, which has no trailer section (RFC 9113, section 8.5).
    Tunnel,
    /// END_STREAM is written.
    Done,
}

/// A stream that is not closed.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub id: u32,
    pub sending: Sending,
    /// Whether the peer has not sent END_STREAM.
    pub receives: bool,
    /// Whether the method is HEAD: no content follows the response head.
    pub is_head: bool,
    /// Whether the method is CONNECT.
    pub is_connect: bool,
    pub send_window: SendWindow,
    pub receive_window: ReceiveWindow,
    /// How many bytes of the declared content are outstanding.
    pub content_left: Option<u64>,
}

impl Stream {
    /// Whether both sides have ended the stream.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.sending == Sending::Done && !self.receives
    }
}
