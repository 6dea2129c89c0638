//! The status codes of calls, and the text of the last error.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

use crate::error::Error;

/// The result of a call. A number never gets a new meaning; later versions may add
/// numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum goaway_status {
    /// The call succeeded.
    GOAWAY_OK = 0,
    /// A pointer that must point to something is NULL.
    GOAWAY_ERR_NULL = 1,
    /// An argument is not valid for the call.
    GOAWAY_ERR_INVALID = 2,
    /// A text is not UTF-8.
    GOAWAY_ERR_UTF8 = 3,
    /// The call is not allowed in the current state of the object.
    GOAWAY_ERR_STATE = 4,
    /// The id is stale: the request or session has ended, or never existed.
    GOAWAY_ERR_GONE = 5,
    /// The request was cancelled. Its id is stale from now on.
    GOAWAY_ERR_CANCELLED = 6,
    /// The requested thing does not exist.
    GOAWAY_ERR_NOT_FOUND = 7,
    /// The address is malformed, cannot be resolved, or does not belong to this
    /// machine.
    GOAWAY_ERR_ADDRESS = 8,
    /// Another socket has the address.
    GOAWAY_ERR_ADDRESS_IN_USE = 9,
    /// The system does not permit it.
    GOAWAY_ERR_PERMISSION = 10,
    /// The operating system failed in another way.
    GOAWAY_ERR_IO = 11,
    /// The call is not possible now. A callback reports when to try again.
    GOAWAY_ERR_WOULD_BLOCK = 12,
    /// The timeout has passed.
    GOAWAY_ERR_TIMEOUT = 13,
    /// A blocking call was made from inside a callback and would wait for itself.
    GOAWAY_ERR_DEADLOCK = 14,
    /// The object belongs to the parent process of a fork(). Only the parent can use
    /// it.
    GOAWAY_ERR_FORKED = 15,
    /// The written bytes do not match the content-length that was set.
    GOAWAY_ERR_LENGTH = 16,
    /// A limit is exceeded.
    GOAWAY_ERR_TOO_LARGE = 17,
    /// A defect of the library, which stopped this call only.
    GOAWAY_ERR_PANIC = 18,
    /// A certificate, a key or an authority is invalid. The text names the file.
    GOAWAY_ERR_TLS = 19,
    /// A command of `goaway_queue_submit` was not carried out, because an earlier
    /// command of the batch for the same response failed.
    GOAWAY_ERR_SKIPPED = 20,
}

use goaway_status::*;

const NAMES: [&std::ffi::CStr; 21] = [
    c"GOAWAY_OK",
    c"GOAWAY_ERR_NULL",
    c"GOAWAY_ERR_INVALID",
    c"GOAWAY_ERR_UTF8",
    c"GOAWAY_ERR_STATE",
    c"GOAWAY_ERR_GONE",
    c"GOAWAY_ERR_CANCELLED",
    c"GOAWAY_ERR_NOT_FOUND",
    c"GOAWAY_ERR_ADDRESS",
    c"GOAWAY_ERR_ADDRESS_IN_USE",
    c"GOAWAY_ERR_PERMISSION",
    c"GOAWAY_ERR_IO",
    c"GOAWAY_ERR_WOULD_BLOCK",
    c"GOAWAY_ERR_TIMEOUT",
    c"GOAWAY_ERR_DEADLOCK",
    c"GOAWAY_ERR_FORKED",
    c"GOAWAY_ERR_LENGTH",
    c"GOAWAY_ERR_TOO_LARGE",
    c"GOAWAY_ERR_PANIC",
    c"GOAWAY_ERR_TLS",
    c"GOAWAY_ERR_SKIPPED",
];

impl From<&Error> for goaway_status {
    fn from(error: &Error) -> Self {
        match error {
            Error::Null(_) => GOAWAY_ERR_NULL,
            Error::Invalid(_) => GOAWAY_ERR_INVALID,
            Error::Utf8(_) => GOAWAY_ERR_UTF8,
            Error::State(_) => GOAWAY_ERR_STATE,
            Error::Gone(_) => GOAWAY_ERR_GONE,
            Error::Cancelled(_) => GOAWAY_ERR_CANCELLED,
            Error::NotFound(_) => GOAWAY_ERR_NOT_FOUND,
            Error::Address { .. } => GOAWAY_ERR_ADDRESS,
            Error::AddressInUse(_) => GOAWAY_ERR_ADDRESS_IN_USE,
            Error::Permission { .. } => GOAWAY_ERR_PERMISSION,
            Error::Io { .. } => GOAWAY_ERR_IO,
            Error::WouldBlock(_) => GOAWAY_ERR_WOULD_BLOCK,
            Error::Timeout => GOAWAY_ERR_TIMEOUT,
            Error::Deadlock(_) => GOAWAY_ERR_DEADLOCK,
            Error::Forked => GOAWAY_ERR_FORKED,
            Error::Length { .. } => GOAWAY_ERR_LENGTH,
            Error::TooLarge(_) => GOAWAY_ERR_TOO_LARGE,
            Error::Panic(_) => GOAWAY_ERR_PANIC,
            Error::Tls(_) => GOAWAY_ERR_TLS,
            Error::Skipped => GOAWAY_ERR_SKIPPED,
        }
    }
}

thread_local! {
    static LAST: RefCell<(goaway_status, CString)> = RefCell::new((GOAWAY_OK, CString::default()));
}

/// Keeps the status and the text for `goaway_last_status` and `goaway_last_error`, and gives the status.
pub fn record(error: &Error) -> goaway_status {
    let text = CString::new(error.to_string().replace('\0', "\u{fffd}")).unwrap_or_default();
    let status = goaway_status::from(error);
    // The thread is ending, and its thread-local storage is gone.
    let _ = LAST.try_with(|last| *last.borrow_mut() = (status, text));
    status
}

/// Returns a readable text about this thread's last failed call; empty if none
/// failed. Valid until the next call that fails on this thread.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().1.as_ptr()).unwrap_or(c"".as_ptr())
}

/// Returns the status of this thread's last failed call, for calls that return NULL
/// or -1 if they fail; GOAWAY_OK if none failed. A successful call does not change
/// it.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_last_status() -> goaway_status {
    LAST.try_with(|last| last.borrow().0).unwrap_or(GOAWAY_OK)
}

/// Returns the name of a status as in this header, or NULL for a number that this
/// version does not know. Valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_status_name(status: i32) -> *const c_char {
    usize::try_from(status).ok().and_then(|status| NAMES.get(status)).map_or(std::ptr::null(), |name| name.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_own_name() {
        for (number, name) in NAMES.iter().enumerate() {
            // SAFETY: the name was looked up by a number in range.
            let found = unsafe { std::ffi::CStr::from_ptr(goaway_status_name(number as i32)) };
            assert_eq!(found, *name);
        }
        assert_eq!(GOAWAY_ERR_SKIPPED as usize, NAMES.len() - 1);
        assert_eq!(format!("{GOAWAY_ERR_WOULD_BLOCK:?}"), NAMES[GOAWAY_ERR_WOULD_BLOCK as usize].to_str().unwrap());
        assert!(goaway_status_name(-1).is_null() && goaway_status_name(21).is_null());
    }
}
