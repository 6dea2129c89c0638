//! The padding of frames (RFC 9113, section 10.7), which hides the length of their
//! contents.

use crate::error::{Error, Result};

/// The Pad Length field has one byte, and values up to 255.
const MOST: usize = 256;
/// The length of an aligned frame, with its header, is a multiple of this.
const ALIGNMENT: usize = 8;
const FRAME_HEAD: usize = 9;

/// How HEADERS, PUSH_PROMISE and DATA frames are padded; see
/// `goaway_server_set_padding`.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// No padding.
    #[default]
    None = 0,
    /// To a multiple of 8 bytes, including the frame header.
    Aligned = 1,
    /// By 256 bytes a frame.
    Max = 2,
}

impl Padding {
    pub fn from_number(number: u32) -> Result<Self> {
        [Self::None, Self::Aligned, Self::Max]
            .into_iter()
            .find(|padding| *padding as u32 == number)
            .ok_or_else(|| Error::invalid(format_args!("{number} is no goaway_padding: 0 to 2")))
    }

    /// By how many bytes a payload of this length grows, including the Pad Length field,
    /// if there is room.
    #[inline]
    pub fn bytes(self, length: usize, room: usize) -> usize {
        let wanted = match self {
            Self::None => return 0,
            Self::Aligned => (length + FRAME_HEAD).next_multiple_of(ALIGNMENT) - length - FRAME_HEAD,
            Self::Max => MOST,
        };
        wanted.min(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_grow_as_far_as_there_is_room() {
        for length in 0..100 {
            assert_eq!(Padding::None.bytes(length, 1000), 0);
            let aligned = Padding::Aligned.bytes(length, 1000);
            assert!(aligned < 8 && (FRAME_HEAD + length + aligned).is_multiple_of(8), "{length}");
            assert_eq!(Padding::Aligned.bytes(length, 1), aligned.min(1));
        }
        assert_eq!((Padding::Max.bytes(5, 1000), Padding::Max.bytes(5, 100), Padding::Max.bytes(5, 0)), (256, 100, 0));
    }

    #[test]
    fn other_numbers_are_refused() {
        assert_eq!(Padding::from_number(2).unwrap(), Padding::Max);
        assert!(Padding::from_number(3).is_err());
    }
}
