//! The library's version.

use std::ffi::c_char;

/// The version of the library that is loaded, such as "0.1.0". Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_version() -> *const c_char {
    const { concat!(env!("CARGO_PKG_VERSION"), "\0") }.as_ptr().cast()
}
