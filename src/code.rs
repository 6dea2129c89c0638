//! The error codes of HTTP/2 (RFC 9113, section 7). They are not `pub`, which would put
//! them into the C header.

/// No error.
pub(crate) const NO_ERROR: u32 = 0x0;
/// The peer has violated the protocol.
pub(crate) const PROTOCOL_ERROR: u32 = 0x1;
/// The host has failed.
pub(crate) const INTERNAL_ERROR: u32 = 0x2;
/// The peer has sent more than its window allows.
pub(crate) const FLOW_CONTROL_ERROR: u32 = 0x3;
/// The peer did not acknowledge our SETTINGS in time.
pub(crate) const SETTINGS_TIMEOUT: u32 = 0x4;
/// A frame for a closed stream.
pub(crate) const STREAM_CLOSED: u32 = 0x5;
/// A frame with an invalid length.
pub(crate) const FRAME_SIZE_ERROR: u32 = 0x6;
/// The stream was not processed, so the request may be sent again.
pub(crate) const REFUSED_STREAM: u32 = 0x7;
/// The stream is not needed any more.
pub(crate) const CANCEL: u32 = 0x8;
/// A header block that cannot be decoded.
pub(crate) const COMPRESSION_ERROR: u32 = 0x9;
/// The peer causes too much work.
pub(crate) const ENHANCE_YOUR_CALM: u32 = 0xb;
