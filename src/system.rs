//! What only the layer above can ask of the operating system.

use std::io;
use std::os::fd::{OwnedFd, RawFd};

#[derive(Clone, Copy)]
pub struct System {
    /// Runs what it is given with all of the host's signals blocked on this
    /// thread: a thread that is started there never takes one.
    pub quietly: fn(&mut dyn FnMut()),
    /// Bytes sent to a socket that its peer has not acknowledged.
    pub unacknowledged: fn(RawFd) -> usize,
    /// Whether a socket's peer has closed its side or the connection has failed,
    /// though bytes of the peer may stand unread.
    pub has_ended: fn(RawFd) -> bool,
    /// Gives memory that nobody uses back to the system.
    pub trim: fn(),
    /// A duplicate, close-on-exec, of a descriptor that is known by its number alone.
    pub duplicate: fn(RawFd) -> io::Result<OwnedFd>,
    /// Locks an open file until it is closed; false if another process has it.
    pub try_lock: fn(RawFd) -> io::Result<bool>,
    /// The process id and the user of a Unix socket's peer, where the system tells.
    pub credentials: fn(RawFd) -> Option<(Option<u32>, u32)>,
}

/// Nothing is asked, as in tests without that layer.
impl Default for System {
    fn default() -> Self {
        Self {
            quietly: |body| body(),
            unacknowledged: |_| 0,
            has_ended: |_| false,
            trim: || {},
            duplicate: |_| Err(io::ErrorKind::Unsupported.into()),
            try_lock: |_| Ok(true),
            credentials: |_| None,
        }
    }
}
