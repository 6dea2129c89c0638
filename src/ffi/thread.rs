//! What the library's threads owe their host.

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
