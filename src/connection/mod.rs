//! What the task of a connection has, whatever protocol it speaks: its place on
//! the registry, its clocks, its output, the hooks of its requests, its way out.

pub mod clocks;
pub mod departure;
pub mod entry;
pub mod hooks;
pub mod life;
pub mod port;
#[cfg(test)]
pub mod testing;

use std::time::Instant;

/// The clock that the runtime's timers go by.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
