//! The operating system functions that need `unsafe`, which only [`crate::ffi`] may use.

use std::io;
use std::os::fd::{OwnedFd, RawFd};

#[derive(Clone, Copy)]
pub struct System {
    /// Runs a function with all signals of the host blocked on this thread. Threads that
    /// it starts inherit that, and never handle a signal.
    pub quietly: fn(&mut dyn FnMut()),
    /// How many bytes the peer of a socket has not acknowledged.
    pub unacknowledged: fn(RawFd) -> usize,
    /// Whether the peer of a socket has closed its side, or the connection has failed,
    /// also if unread input is left.
    pub has_ended: fn(RawFd) -> bool,
    /// Returns unused memory to the system.
    pub trim: fn(),
    /// Duplicates a descriptor number, close-on-exec.
    pub duplicate: fn(RawFd) -> io::Result<OwnedFd>,
    /// Locks an open file until it is closed. False if another process has the lock.
    pub try_lock: fn(RawFd) -> io::Result<bool>,
    /// The process id and the user of a Unix socket's peer, if the system reports them.
    pub credentials: fn(RawFd) -> Option<(Option<u32>, u32)>,
}

/// No function is available, as in tests without that layer.
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
