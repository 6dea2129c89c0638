//! The C ABI: the only place of `unsafe`, raw pointers and `extern "C"`.
//!
//! There is one file per noun. The name of a function here is its name in the header, its
//! comment is the comment in the header, and its signature shows the ownership of the
//! arguments: `Option<Box<T>>` is consumed, `Option<&T>` is borrowed, and `Option<&mut
//! MaybeUninit<T>>` is written on success. The comments contain the contract for C
//! programs, so there are no `# Safety` sections.
#![allow(clippy::missing_safety_doc, non_camel_case_types)]

// In the order of the header.
mod version;

mod status;

mod server;

mod listener;

mod tls;

mod limit;

mod feature;

mod request;

mod response;

mod session;

mod proxy;

mod queue;

mod record;

mod names;

mod memory;

mod log;

mod fork;
mod notifier;
pub(crate) mod socket;
mod thread;
mod view;

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};
pub use status::goaway_status;

/// Runs the body of an exported function: what it returns becomes a status and
/// a text, and no panic leaves it.
fn guard(body: impl FnOnce() -> Result<()>) -> goaway_status {
    match contained(body) {
        Ok(()) => goaway_status::GOAWAY_OK,
        Err(error) => status::record(&error),
    }
}

/// The same for a function that returns a value, `otherwise` if it fails.
fn guard_or<T>(otherwise: T, body: impl FnOnce() -> Result<T>) -> T {
    contained(body).unwrap_or_else(|error| {
        status::record(&error);
        otherwise
    })
}

fn contained<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Panic(text.unwrap_or_else(|| "no text".into())))
    })
}

/// What the host wants back with each call of its callback. Whether it may be
/// used from another thread is the host's to know: the header says that
/// callbacks come from the library's threads.
#[derive(Clone, Copy)]
struct UserData(*mut c_void);

// SAFETY: the library never dereferences the pointer.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    /// A method, so that a closure captures all of the wrapper and not its pointer.
    fn get(self) -> *mut c_void {
        self.0
    }
}
