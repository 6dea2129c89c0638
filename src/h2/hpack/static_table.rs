//! The static table (RFC 7541, appendix A).

use crate::h2::name::Token;
use crate::h2::verdict::Verdict;

/// The number of fields. Indices begin at 1.
pub(crate) const LEN: usize = 61;

/// The values of the fields up to the last one that has a value.
#[rustfmt::skip]
const VALUES: [&str; 17] = [
    "", "", "GET", "POST", "/", "/index.html", "http", "https", "200", "204", "206", "304", "400",
    "404", "500", "", "gzip, deflate",
];

/// The name and the value of the field at an index from 1 to 61.
#[inline]
pub fn get(index: usize) -> (Token, &'static [u8]) {
    (Token::of_static(index), VALUES.get(index).map_or(b"", |value| value.as_bytes()))
}

/// The verdict on the field at an index.
#[inline]
pub fn verdict(index: usize) -> Verdict {
    match Token::of_static(index) {
        Token::AUTHORITY => Verdict::Authority,
        Token::STATUS => Verdict::Status,
        Token::CONTENT_LENGTH => Verdict::ContentLength,
        Token::TRANSFER_ENCODING => Verdict::ConnectionSpecific,
        _ => Verdict::Good,
    }
}

/// The index of the field with this name and value.
pub fn find(token: Token, value: &[u8]) -> Option<usize> {
    let first = token.static_index()?;
    let last = match token {
        Token::METHOD | Token::PATH | Token::SCHEME => first + 1,
        Token::STATUS => 14,
        _ => first,
    };
    (first..=last).find(|index| get(*index).1 == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_there() {
        for index in 1..=LEN {
            let (token, value) = get(index);
            assert!(!token.name().is_empty());
            assert_eq!(find(token, value), Some(index));
            assert_eq!(find(token, b"x"), None);
            assert_eq!(verdict(index), Verdict::on_value(token, value), "{index}");
        }
        assert_eq!(get(1), (Token::AUTHORITY, &b""[..]));
        assert_eq!(get(61).0.name(), b"www-authenticate");
        assert_eq!(find(Token::NONE, b""), None);
        assert_eq!(find(Token::TE, b""), None);
    }
}
