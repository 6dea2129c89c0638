//! Error codes of HTTP/2 (RFC 9113, section 7), as far as requests need them.
//! Not `pub`, which would put them into the C header.

/// Nothing went wrong.
pub(crate) const NO_ERROR: u32 = 0x0;
/// The host failed.
pub(crate) const INTERNAL_ERROR: u32 = 0x2;
/// The stream is not wanted any more.
pub(crate) const CANCEL: u32 = 0x8;
