//! Socket functions of the operating system that safe Rust does not have.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Bytes that were sent to a socket and that its peer has not acknowledged; 0
/// where the system does not tell.
pub fn unacknowledged(socket: RawFd) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call writes one int to a variable of that type.
    match unsafe { libc::ioctl(socket, libc::TIOCOUTQ, &raw mut bytes) } {
        0 => usize::try_from(bytes).unwrap_or(0),
        _ => 0,
    }
}

/// Whether a socket's peer has closed its side or the connection has failed,
/// though bytes of the peer may stand unread.
pub fn has_ended(socket: RawFd) -> bool {
    #[cfg(target_os = "linux")]
    const CLOSED: libc::c_short = libc::POLLRDHUP;
    // On other systems a read has to find out.
    #[cfg(not(target_os = "linux"))]
    const CLOSED: libc::c_short = 0;
    let mut asked = libc::pollfd { fd: socket, events: CLOSED, revents: 0 };
    // SAFETY: the call reads and writes one structure, and does not wait.
    let found = unsafe { libc::poll(&raw mut asked, 1, 0) };
    found > 0 && asked.revents & (CLOSED | libc::POLLERR | libc::POLLHUP) != 0
}

/// A duplicate, close-on-exec, of a descriptor that the host knows by its number.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved. An invalid descriptor is an error.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was made just now, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Locks an open file or folder until it is closed; false if somebody else has it.
pub fn try_lock(file: RawFd) -> io::Result<bool> {
    // SAFETY: no memory is involved.
    if unsafe { libc::flock(file, libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
        _ => Err(error),
    }
}

/// The process and the user at the other end of a Unix socket, as they were
/// when it connected; None where the system does not tell.
#[cfg(target_os = "linux")]
pub fn credentials(socket: RawFd) -> Option<(Option<u32>, u32)> {
    let mut found = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the call writes at most `size` bytes to a variable of that size.
    let failed = unsafe {
        libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut found).cast(), &raw mut size)
    };
    if failed != 0 {
        return None;
    }
    // 0 stands for a process in a PID namespace that is not visible here.
    Some((u32::try_from(found.pid).ok().filter(|pid| *pid != 0), found.uid))
}

#[cfg(not(target_os = "linux"))]
pub fn credentials(_: RawFd) -> Option<(Option<u32>, u32)> {
    None
}
