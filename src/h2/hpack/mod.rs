//! HPACK, the compression of header sections (RFC 7541).
//!
//! - [`decoder`]: from blocks to fields
//! - [`encoder`]: from fields to blocks
//! - [`repeat`]: the last section, which is often sent again
//! - [`dynamic_table`], [`static_table`]: the indexed fields
//! - [`string`]: string literals, [`huffman`]: their code
//! - [`integer`]: integers with a prefix

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

/// A block that cannot be decoded. The dynamic tables of the two sides may differ after
/// it: a connection error of type COMPRESSION_ERROR (RFC 9113, section 4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error;
