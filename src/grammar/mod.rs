//! The grammar that HTTP/1.1 and HTTP/2 share (RFC 9110, RFC 3986).
//!
//! - [`token`]: tokens, lists, lengths
//! - [`value`]: values of fields
//! - [`authority`]: a host and its port
//! - [`path`]: a path and its query

pub mod authority;
pub mod path;
pub mod token;
pub mod value;
