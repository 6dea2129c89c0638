//! The library's version.

use std::ffi::c_char;

/// Returns the version of the loaded library, such as "0.1.0". Valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_version() -> *const c_char {
    const { concat!(env!("CARGO_PKG_VERSION"), "\0") }.as_ptr().cast()
}
