//! Everything that can go wrong in a call, each kind with one status in the C API.

use std::fmt;
use std::io;

/// Why a call did nothing. The text is for a person; the kind is for the program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A pointer that must point somewhere is NULL.
    #[error("{0} is NULL")]
    Null(&'static str),
    /// An argument is outside what the call takes.
    #[error("{0}")]
    Invalid(String),
    /// A text argument is not UTF-8.
    #[error("{0} is not UTF-8")]
    Utf8(&'static str),
    /// The call does not fit what the object is doing now.
    #[error("{0}")]
    State(&'static str),
    /// The session or request of this id has ended, or there never was one.
    #[error("{0} has ended, or never was")]
    Gone(&'static str),
    /// The request was cancelled: nobody waits for the response any more.
    #[error("the request was cancelled: {0}")]
    Cancelled(&'static str),
    /// What was looked up is not there.
    #[error("there is no {0}")]
    NotFound(String),
    /// The address cannot be understood or resolved.
    #[error("cannot listen on {address:?}: {reason}")]
    Address { address: String, reason: String },
    /// Another socket has the address.
    #[error("cannot listen on {0:?}: the address is in use")]
    AddressInUse(String),
    /// The system says that this process may not do it.
    #[error("{what}: permission denied")]
    Permission { what: String },
    /// The operating system failed in another way.
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    /// Nothing can be done now; a callback tells when to try again.
    #[error("{0}")]
    WouldBlock(&'static str),
    /// A wait ended before what it waited for.
    #[error("the time was up")]
    Timeout,
    /// A blocking call on one of the library's own threads would wait for itself.
    #[error("{0} would block one of the library's own threads for ever")]
    Deadlock(&'static str),
    /// The object was made before fork() and belongs to the parent process.
    #[error("made by the parent process before fork()")]
    Forked,
    /// What was written does not fit the announced content-length.
    #[error("content-length is {announced}, but {written} bytes were written")]
    Length { announced: u64, written: u64 },
    /// A limit of the library or of HTTP/2 is exceeded.
    #[error("{0}")]
    TooLarge(String),
    /// A certificate or a key cannot be used.
    #[error("{0}")]
    Tls(String),
    /// A command was not carried out, since one before it failed.
    #[error("not carried out: a command before it, for the same response, failed")]
    Skipped,
    /// A panic inside the library, caught at its boundary.
    #[error("the library panicked: {0}")]
    Panic(String),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An argument error with a formatted text.
    pub fn invalid(text: impl fmt::Display) -> Self {
        Error::Invalid(text.to_string())
    }

    /// What went wrong with the operating system while doing `what`.
    pub fn io(what: impl fmt::Display, source: io::Error) -> Self {
        let what = what.to_string();
        match source.kind() {
            io::ErrorKind::PermissionDenied => Error::Permission { what },
            _ => Error::Io { what, source },
        }
    }
}
