//! Signal masks and memory functions for the library's threads.

use once_cell::sync::OnceCell;

/// Runs `body` with every asynchronous signal blocked on this thread. A thread
/// that is started there inherits that for its life: the host's signals reach
/// the host's threads, and a write to a connection that the peer has reset does
/// not raise a SIGPIPE that would end the process.
pub fn quietly(body: &mut dyn FnMut()) {
    // SAFETY: zeroed sets are valid memory for sigfillset and pthread_sigmask,
    // which only change this thread's mask.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&mut all);
        // Signals that report a fault of this thread, or that a profiler sends to it.
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
            libc::sigdelset(&mut all, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, &mut before);
        body();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
    }
}

/// A panic of the library is caught at its boundary and goes to the log: the
/// host's standard error is the host's.
pub fn report_panics() {
    static SET: OnceCell<()> = OnceCell::new();
    SET.get_or_init(|| std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "the library panicked"))));
}

/// Has the allocator give back what lies unused between what is used. GNU's
/// does so by itself at its very end only.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call does not affect memory in use, and may be made on any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
