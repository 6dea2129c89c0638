//! String literals (RFC 7541, section 5.2).

use super::{Error, huffman, integer};

/// The bit that marks a string in the Huffman code.
const IS_HUFFMAN: u8 = 0x80;

/// Removes a string from the start of `input` and appends it to `out`.
#[inline]
pub fn decode(input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let is_huffman = input.first().is_some_and(|first| first & IS_HUFFMAN != 0);
    let length = integer::decode(input, 7)? as usize;
    let (string, rest) = input.split_at_checked(length).ok_or(Error)?;
    *input = rest;
    match is_huffman {
        true => huffman::decode(string, out),
        false => {
            out.extend_from_slice(string);
            Ok(())
        }
    }
}

/// Appends a string, in the Huffman code if that is shorter.
pub fn encode(string: &[u8], out: &mut Vec<u8>) {
    let length = huffman::encoded_len(string);
    match length < string.len() {
        true => {
            integer::encode(length, 7, IS_HUFFMAN, out);
            huffman::encode(string, out);
        }
        false => {
            integer::encode(string.len(), 7, 0, out);
            out.extend_from_slice(string);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_form_is_taken() {
        let encoded = |string: &[u8]| {
            let mut out = Vec::new();
            encode(string, &mut out);
            let mut back = Vec::new();
            assert_eq!(decode(&mut &*out, &mut back), Ok(()));
            assert_eq!(back, string);
            out
        };
        assert_eq!(encoded(b""), [0]);
        assert_eq!(encoded(b"13"), b"\x0213");
        assert_eq!(encoded(b"www.example.com"), b"\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff");
        assert_eq!(encoded(b"\0\xff"), b"\x02\0\xff");
        assert_eq!(encoded(&[0xff; 300])[..3], [0x7f, 0xad, 0x01]);
    }

    #[test]
    fn a_string_that_is_cut_short_is_an_error() {
        for bad in [&b""[..], b"\x01", b"\x03ab", b"\x8c\xf1", b"\x7f\xff\xff\xff\xff\x0f"] {
            assert_eq!(decode(&mut &*bad, &mut Vec::new()), Err(Error), "{bad:x?}");
        }
    }
}
