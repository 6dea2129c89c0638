//! HPACK, the compression of header sections (RFC 7541).
//!
//! - [`decoder`]: blocks to fields
//! - [`repeat`]: a section that comes again
//! - [`encoder`]: fields to blocks
//! - [`dynamic_table`], [`static_table`]: fields that have an index
//! - [`string`]: string literals, [`huffman`]: their code
//! - [`integer`]: integers behind a prefix

#[cfg(any(test, fuzzing))]
pub mod check;
mod decoder;
mod dynamic_table;
mod encoder;
mod huffman;
mod integer;
mod repeat;
mod static_table;
mod string;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use repeat::Repeat;

/// A block that cannot be decoded. The dynamic tables of the two sides may differ
/// from there on: a connection error of type COMPRESSION_ERROR (RFC 9113,
/// section 4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error;
