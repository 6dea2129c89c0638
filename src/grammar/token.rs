//! Words of the grammar: tokens, lists, lengths (RFC 9110, sections 5.6 and 8.6).

use crate::header_list::HeaderList;

/// The characters of a token other than letters and digits.
const MARKS: &[u8] = b"!#$%&'*+-.^_`|~";

/// For each byte, whether it is allowed in a token.
const IS_TOKEN: [bool; 256] = alphanumeric_or(MARKS);

/// For each byte of a token, the byte in lower case; 0 for other bytes.
const LOWER: [u8; 256] = {
    let mut lower = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if IS_TOKEN[byte] {
            lower[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    lower
};

/// For each byte, whether it is a letter, a digit or one of `marks`.
pub(super) const fn alphanumeric_or(marks: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
}

/// How many bytes at the start of `text` are allowed in a token. They are written to
/// `lower` in lower case, as far as there is space.
pub fn lower_token(text: &[u8], lower: &mut [u8]) -> usize {
    let mut at = 0;
    for (byte, place) in text.iter().zip(lower) {
        *place = LOWER[usize::from(*byte)];
        if *place == 0 {
            return at;
        }
        at += 1;
    }
    at + token_len(&text[at..])
}

fn token_len(text: &[u8]) -> usize {
    text.iter().position(|byte| LOWER[usize::from(*byte)] == 0).unwrap_or(text.len())
}

pub fn is_token(text: &[u8]) -> bool {
    // There is no early exit, so that the compiler can vectorise the loop.
    !text.is_empty() && text.iter().fold(true, |is_token, byte| is_token & IS_TOKEN[usize::from(*byte)])
}

/// Whether this is a token without upper case letters, as required of field names in
/// HTTP/2.
pub fn is_lower_token(text: &[u8]) -> bool {
    // 0 stands for bytes that are not allowed, which includes 0.
    let is_lower = |byte: u8| (byte != 0) & (LOWER[usize::from(byte)] == byte);
    !text.is_empty() && text.iter().fold(true, |all, byte| all & is_lower(*byte))
}

/// Removes leading and trailing white space (RFC 9110, section 5.6.3).
pub fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The members of a list, without empty ones.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// The members of the lists in all fields with this name in lower case.
pub fn all_members<'a>(fields: &'a HeaderList, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    fields.get_all(name).flat_map(members)
}

/// A number of bytes in decimal digits, below 2^63.
pub fn parse_length(value: &[u8]) -> Option<u64> {
    let append = |length: u64, byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        let longer = length.checked_mul(10)?.checked_add(digit.into())?;
        (digit < 10).then_some(longer)
    };
    let length = value.iter().try_fold(0, append);
    length.filter(|length| !value.is_empty() && *length < 1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let mut lower = [b'?'; 4];
        assert_eq!((lower_token(b"X-Y: z", &mut lower), &lower), (3, b"x-y\0"));
        assert_eq!((lower_token(b"ABCDEF: z", &mut lower), &lower), (6, b"abcd"));
        assert_eq!((lower_token(b"Ab", &mut lower), &lower), (2, b"abcd"));
        assert_eq!(lower_token(b" a", &mut lower), 0);
        assert!(is_lower_token(b"a-b_c!#$%&'*+.^`|~0") && !is_lower_token(b"aB"));
        assert!(is_token(b"GET") && is_token(b"a-b_c!#$%&'*+.^`|~0"));
        for bad in [&b""[..], b"a b", b"a:", b"(", b"a\0", b"\xe4", b"a/b", b"\x7f", b"{", b"a\t"] {
            assert!(!is_token(bad) && !is_lower_token(bad), "{bad:?}");
        }
    }

    #[test]
    fn lists_have_empty_members() {
        assert_eq!(members(b" ,a, b c ,\t,d").collect::<Vec<_>>(), [&b"a"[..], b"b c", b"d"]);
        assert_eq!(members(b"").count(), 0);
        let mut fields = HeaderList::new();
        fields.push(b"Connection", b"a, b", false);
        fields.push(b"x", b"y", false);
        fields.push(b"connection", b"c", false);
        assert_eq!(all_members(&fields, b"connection").collect::<Vec<_>>(), [&b"a"[..], b"b", b"c"]);
    }
}
