//! The names of fields that have rules in HTTP/2 or an index in HPACK.

/// A name as a number, so that a rule compares one byte. Up to 61 it is the first index
/// of the name in the static table (RFC 7541, appendix A).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token(u8);

impl Token {
    /// Any other name.
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const AUTHORITY: Self = Self(1);
    pub(crate) const METHOD: Self = Self(2);
    pub(crate) const PATH: Self = Self(4);
    pub(crate) const SCHEME: Self = Self(6);
    pub(crate) const STATUS: Self = Self(8);
    pub(crate) const AGE: Self = Self(21);
    pub(crate) const AUTHORIZATION: Self = Self(23);
    pub(crate) const CONTENT_LENGTH: Self = Self(28);
    pub(crate) const CONTENT_RANGE: Self = Self(30);
    pub(crate) const COOKIE: Self = Self(32);
    pub(crate) const HOST: Self = Self(38);
    pub(crate) const PROXY_AUTHORIZATION: Self = Self(49);
    pub(crate) const SET_COOKIE: Self = Self(55);
    pub(crate) const TRANSFER_ENCODING: Self = Self(57);
    const LAST_STATIC: u8 = 61;
    pub(crate) const CONNECTION: Self = Self(62);
    pub(crate) const KEEP_ALIVE: Self = Self(63);
    pub(crate) const PROXY_CONNECTION: Self = Self(64);
    pub(crate) const UPGRADE: Self = Self(65);
    pub(crate) const TE: Self = Self(66);
    pub(crate) const PRIORITY: Self = Self(67);
    pub(crate) const PROTOCOL: Self = Self(68);
    /// An unknown name that begins with a colon.
    pub(crate) const UNKNOWN_PSEUDO: Self = Self(69);

    /// The token of a name in lower case.
    #[inline]
    pub fn of(name: &[u8]) -> Self {
        let token = SLOTS[slot(name)];
        match NAMES[usize::from(token)].as_bytes() == name {
            true => Self(token),
            false if name.first() == Some(&b':') => Self::UNKNOWN_PSEUDO,
            false => Self::NONE,
        }
    }

    /// The token of the field with this index in the static table, from 1 to 61.
    pub const fn of_static(index: usize) -> Self {
        match index {
            3 => Self::METHOD,
            5 => Self::PATH,
            7 => Self::SCHEME,
            9..=14 => Self::STATUS,
            1..=61 => Self(index as u8),
            _ => Self::NONE,
        }
    }

    /// The name, or an empty one for names without a token of their own.
    pub fn name(self) -> &'static [u8] {
        NAMES.get(usize::from(self.0)).map_or(b"", |name| name.as_bytes())
    }

    /// The first index of the name in the static table.
    pub fn static_index(self) -> Option<usize> {
        matches!(self.0, 1..=Self::LAST_STATIC).then_some(usize::from(self.0))
    }

    /// Whether the name begins with a colon.
    pub fn is_pseudo(self) -> bool {
        matches!(self.0, 1..=8 | 68..)
    }

    /// A number below 70, different for each token.
    #[cfg(any(test, fuzzing))]
    pub fn number(self) -> u8 {
        self.0
    }
}

/// By number. Further indices of the same name have no entry.
#[rustfmt::skip]
const NAMES: [&str; 69] = [
    "", ":authority", ":method", "", ":path", "", ":scheme", "", ":status", "", "", "", "", "", "",
    "accept-charset", "accept-encoding", "accept-language", "accept-ranges", "accept",
    "access-control-allow-origin", "age", "allow", "authorization", "cache-control",
    "content-disposition", "content-encoding", "content-language", "content-length",
    "content-location", "content-range", "content-type", "cookie", "date", "etag", "expect",
    "expires", "from", "host", "if-match", "if-modified-since", "if-none-match", "if-range",
    "if-unmodified-since", "last-modified", "link", "location", "max-forwards",
    "proxy-authenticate", "proxy-authorization", "range", "referer", "refresh", "retry-after",
    "server", "set-cookie", "strict-transport-security", "transfer-encoding", "user-agent",
    "vary", "via", "www-authenticate", "connection", "keep-alive", "proxy-connection", "upgrade",
    "te", "priority", ":protocol",
];

/// The number of the name in this slot, or 0.
const SLOTS: [u8; 256] = {
    let mut slots = [0; 256];
    let mut number = 1;
    while number < NAMES.len() {
        if !NAMES[number].is_empty() {
            let slot = slot(NAMES[number].as_bytes());
            assert!(slots[slot] == 0, "two names have one slot: take another factor");
            slots[slot] = number as u8;
        }
        number += 1;
    }
    slots
};

/// A perfect hash of the names: each has its own slot.
const fn slot(name: &[u8]) -> usize {
    let ([first, ..], [.., last]) = (name, name) else { return 0 };
    let middle = name[name.len() / 2];
    let key = u32::from_le_bytes([name.len() as u8, *last, middle, *first]);
    (key.wrapping_mul(0x85a9_7fed) >> 24) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_token() {
        let mut named = 0;
        for (number, name) in NAMES.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let token = Token::of(name.as_bytes());
            assert_eq!(usize::from(token.number()), number, "{name}");
            assert_eq!((token.name(), token.is_pseudo()), (name.as_bytes(), name.starts_with(':')), "{name}");
            named += 1;
        }
        assert_eq!(named, 59);
        for (token, name) in [(Token::HOST, "host"), (Token::TE, "te"), (Token::PROTOCOL, ":protocol")] {
            assert_eq!(Token::of(name.as_bytes()), token);
        }
    }

    #[test]
    fn other_names_have_none() {
        for name in ["", "x", "hosts", "hosu", "Host", "tee", "content-lengti", "x-y"] {
            assert_eq!(Token::of(name.as_bytes()), Token::NONE, "{name:?}");
        }
        for name in [":", ":x", ":paths", ":Path"] {
            assert_eq!(Token::of(name.as_bytes()), Token::UNKNOWN_PSEUDO, "{name:?}");
        }
        assert!(Token::UNKNOWN_PSEUDO.is_pseudo() && !Token::NONE.is_pseudo());
        assert_eq!((Token::NONE.name(), Token::UNKNOWN_PSEUDO.name()), (&b""[..], &b""[..]));
    }
}
