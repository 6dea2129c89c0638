//! HTTP/2 (RFC 9113).
//!
//! - [`section`]: what a header section or trailer section may be
//! - [`hpack`]: the compression of header sections
//! - [`verdict`]: what a field may be by itself
//! - [`name`]: the names of fields that have rules
#![allow(dead_code, unused_imports, reason = "the engine that uses it is not there yet")]

pub mod hpack;
pub mod name;
pub mod section;
pub mod verdict;
