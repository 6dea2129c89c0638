//! Integers with a prefix (RFC 7541, section 5.1), of up to 32 bits.

use super::Error;

/// The most bytes after the prefix. More are an error, also if they are zeros.
const MOST_BYTES: usize = 5;

/// Removes an integer from the start of `input`. Its prefix has `bits` bits, from 4 to 7.
#[inline]
pub fn decode(input: &mut &[u8], bits: u32) -> Result<u32, Error> {
    let [first, rest @ ..] = input else { return Err(Error) };
    *input = rest;
    let most = (1 << bits) - 1;
    match first & most {
        value if value < most => Ok(u32::from(value)),
        _ => decode_rest(input, u32::from(most)),
    }
}

/// Reads the bytes after a prefix of ones.
fn decode_rest(input: &mut &[u8], prefix: u32) -> Result<u32, Error> {
    let mut value = u64::from(prefix);
    for (at, byte) in input.iter().take(MOST_BYTES).enumerate() {
        value += u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *input = &input[at + 1..];
            return u32::try_from(value).map_err(|_| Error);
        }
    }
    Err(Error)
}

/// Appends an integer with a prefix of `bits` bits. `pattern` has the bits before the
/// prefix.
#[inline]
pub fn encode(mut value: usize, bits: u32, pattern: u8, out: &mut Vec<u8>) {
    let most = (1 << bits) - 1;
    if value < most {
        return out.push(pattern | value as u8);
    }
    out.push(pattern | most as u8);
    value -= most;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541, appendix C.1.
    #[test]
    fn examples_of_the_rfc() {
        for (value, bits, bytes) in [(10, 5, &b"\x0a"[..]), (1337, 5, b"\x1f\x9a\x0a"), (42, 7, b"\x2a")] {
            let mut out = Vec::new();
            encode(value, bits, 0, &mut out);
            assert_eq!(out, bytes);
            assert_eq!(decode(&mut &*out, bits), Ok(value as u32));
        }
    }

    #[test]
    fn all_that_is_encoded_is_decoded() {
        for bits in 4..=7 {
            for value in (0..32).flat_map(|shift| [(1u64 << shift) - 1, 1 << shift]).chain([u64::from(u32::MAX)]) {
                let mut out = Vec::new();
                encode(value as usize, bits, 0, &mut out);
                out.push(7);
                let mut input = &out[..];
                assert_eq!(decode(&mut input, bits), Ok(value as u32));
                assert_eq!(input, [7]);
            }
        }
    }

    #[test]
    fn what_is_cut_short_or_too_large_is_an_error() {
        for bad in [
            &b""[..],
            b"\x7f",
            b"\x7f\x80\x80",
            // 2^32.
            b"\x7f\x81\xff\xff\xff\x0f",
            b"\x7f\xff\xff\xff\xff\x7f",
            // Six bytes of zeros.
            b"\x7f\x80\x80\x80\x80\x80\x00",
        ] {
            assert_eq!(decode(&mut &*bad, 7), Err(Error), "{bad:x?}");
        }
        assert_eq!(decode(&mut &b"\x7f\x80\x80\x80\x80\x00"[..], 7), Ok(127));
    }
}
