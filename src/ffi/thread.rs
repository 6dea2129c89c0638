//! What the library's threads owe their host, and what they ask of the system.

use std::os::fd::RawFd;

use once_cell::sync::OnceCell;

/// Blocks every asynchronous signal on this thread. The host's signals reach
/// the host's threads, and a write to a connection that the peer has reset
/// does not raise a SIGPIPE that would end the process.
pub fn block_signals() {
    // SAFETY: a zeroed set is valid memory for sigfillset, and the calls only
    // change this thread's mask.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut set);
        // Those that tell of a defect on this very thread, or that a profiler sends it.
        for signal in [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGABRT,
            libc::SIGTRAP,
            libc::SIGSYS,
            libc::SIGPROF,
        ] {
            libc::sigdelset(&mut set, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

/// Bytes that were sent to a socket and that its peer has not acknowledged; 0
/// where the system does not tell.
pub fn unacknowledged(socket: RawFd) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call writes one int to a place that is one.
    match unsafe { libc::ioctl(socket, libc::TIOCOUTQ, &raw mut bytes) } {
        0 => usize::try_from(bytes).unwrap_or(0),
        _ => 0,
    }
}

/// A panic of the library is caught at its boundary and goes to the log: the
/// host's standard error is the host's.
pub fn report_panics() {
    static SET: OnceCell<()> = OnceCell::new();
    SET.get_or_init(|| std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "the library panicked"))));
}
