//! The content of a request as it is received (RFC 9112, section 6).

use super::chunk::{Chunks, Part, at_most};
use super::section::Limits;
use crate::engine::Fault;

/// What is still to be received.
pub enum Content {
    /// This many bytes.
    Length(u64),
    Chunked(Box<Chunks>),
}

impl Content {
    /// Reads bytes from the start of `input`. Returns how many, and the result.
    /// `blocks` counts framing that is complete.
    pub fn read<'a>(&mut self, input: &'a [u8], limits: Limits, blocks: &mut u64) -> Result<(usize, Part<'a>), Fault> {
        match self {
            _ if input.is_empty() => Ok((0, Part::None)),
            Content::Length(left) => {
                let taken = at_most(input, *left);
                *left -= taken.len() as u64;
                Ok((taken.len(), Part::Data(taken, *left == 0)))
            }
            Content::Chunked(chunks) => chunks.read(input, limits, blocks),
        }
    }

    /// How many bytes are still to be received, if that is known.
    pub fn rest(&self) -> Option<u64> {
        match self {
            Content::Length(left) => Some(*left),
            Content::Chunked(_) => None,
        }
    }

    /// Whether framing has begun and is incomplete.
    pub fn is_mid_block(&self) -> bool {
        matches!(self, Content::Chunked(chunks) if chunks.is_mid_block())
    }
}
