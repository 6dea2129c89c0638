//! The descriptor that becomes readable when a queue has records.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use crate::error::{Error, Result};
use crate::queue::Notifier;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn new() -> Result<Notifier> {
    // SAFETY: the call takes two numbers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(failed(io::Error::last_os_error()));
    }
    // SAFETY: the descriptor is new, and nobody else owns it.
    let reader = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(Notifier { reader, writer: None })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn new() -> Result<Notifier> {
    use std::os::fd::AsRawFd;
    let (reader, writer) = io::pipe().map_err(failed)?;
    for end in [reader.as_raw_fd(), writer.as_raw_fd()] {
        // SAFETY: both descriptors are open, and only their status flags change.
        if unsafe { libc::fcntl(end, libc::F_SETFL, libc::O_NONBLOCK) } < 0 {
            return Err(failed(io::Error::last_os_error()));
        }
    }
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    Ok(Notifier { reader: File::from(reader), writer: Some(File::from(writer)) })
}

fn failed(error: io::Error) -> Error {
    Error::io("cannot make a descriptor for the queue", error)
}
