//! Extension frames of HTTP/2 that the host sends: ALTSVC (RFC 7838, section 4) and
//! ORIGIN (RFC 8336).

use crate::error::{Error, Result};

/// The type of an ALTSVC frame (RFC 7838, section 4).
pub const ALTSVC: u8 = 0xa;
/// The type of an ORIGIN frame (RFC 8336, section 2).
pub const ORIGIN: u8 = 0xc;
/// The longest payload that every peer accepts (RFC 9113, section 4.2).
const MOST: usize = 16_384;

/// An extension frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    pub kind: u8,
    /// 0 if the frame belongs to the session.
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Extension {
    /// Announces an alternative service for `origin`, or for the origin of `stream`.
    pub fn altsvc(stream: u32, origin: &str, value: &str) -> Result<Self> {
        match (stream, origin) {
            (0, "") => return Err(Error::invalid("an ALTSVC frame for no stream needs an origin")),
            (0, _) => check_origin(origin)?,
            (_, "") => {}
            _ => return Err(Error::invalid("an ALTSVC frame for a stream has that stream's origin and no other")),
        }
        let is_text = |byte: u8| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic();
        if value.is_empty() || !value.bytes().all(is_text) {
            return Err(Error::invalid("the value of an ALTSVC frame must be text in ASCII, and not empty"));
        }
        let mut payload = Vec::new();
        push(&mut payload, origin);
        payload.extend_from_slice(value.as_bytes());
        Self::new(ALTSVC, stream, payload)
    }

    /// Announces the other origins for which the session may be used.
    pub fn origin<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut payload = Vec::new();
        for origin in origins {
            check_origin(origin)?;
            push(&mut payload, origin);
        }
        Self::new(ORIGIN, 0, payload)
    }

    /// The frame: header and payload.
    pub fn bytes(&self) -> usize {
        9 + self.payload.len()
    }

    fn new(kind: u8, stream: u32, payload: Vec<u8>) -> Result<Self> {
        match payload.len() {
            0..=MOST => Ok(Self { kind, stream, payload }),
            len => Err(Error::TooLarge(format!("the frame would have {len} bytes; {MOST} are allowed"))),
        }
    }
}

/// An origin with its length in front. A longer one than the length field allows also
/// makes the frame too long.
fn push(payload: &mut Vec<u8>, origin: &str) {
    payload.extend_from_slice(&(origin.len() as u16).to_be_bytes());
    payload.extend_from_slice(origin.as_bytes());
}

/// Checks that the text is the ASCII serialization of an origin (RFC 6454, section 6.2):
/// a scheme, a host, optionally a port, and nothing else.
fn check_origin(origin: &str) -> Result<()> {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let is_host = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\\"<>".contains(&byte))
    };
    match origin.split_once("://") {
        Some((scheme, host)) if is_scheme(scheme) && is_host(host) => Ok(()),
        _ => Err(Error::invalid(format_args!("{:?} is no origin such as \"https://example.com\"", shown(origin)))),
    }
}

/// A text, shortened for an error message.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn their_payloads_are_as_their_documents_say() {
        let of_origin = Extension::altsvc(0, "https://a.b:8", "h2=\":1\"").unwrap();
        assert_eq!((of_origin.kind, of_origin.stream), (0xa, 0));
        assert_eq!(of_origin.payload, b"\0\x0dhttps://a.b:8h2=\":1\"");
        let of_stream = Extension::altsvc(7, "", "clear").unwrap();
        assert_eq!((of_stream.stream, &of_stream.payload[..]), (7, &b"\0\0clear"[..]));
        let origins = Extension::origin(["https://a", "http://[::1]:80"]).unwrap();
        assert_eq!((origins.kind, origins.stream), (0xc, 0));
        assert_eq!(origins.payload, b"\0\x09https://a\0\x0fhttp://[::1]:80");
        assert!(Extension::origin([]).unwrap().payload.is_empty(), "no origin but the session's own");
    }

    #[test]
    fn what_is_no_such_frame_is_refused() {
        for (stream, origin) in [(0, ""), (1, "https://a"), (0, "a"), (0, "://a"), (0, "https://"), (0, "1a://b")] {
            assert!(matches!(Extension::altsvc(stream, origin, "clear"), Err(Error::Invalid(_))), "{stream} {origin}");
        }
        for value in ["", "a\nb", "\u{fc}", "\u{7f}"] {
            assert!(matches!(Extension::altsvc(1, "", value), Err(Error::Invalid(_))), "{value:?}");
        }
        for origin in
            ["", "null", "https://a/", "https://a?b", "https://a#b", "https://u@a", "https://a b", "https://\u{fc}"]
        {
            assert!(matches!(Extension::origin([origin]), Err(Error::Invalid(_))), "{origin}");
        }
    }

    #[test]
    fn a_frame_has_no_more_bytes_than_every_peer_takes() {
        let most = "a".repeat(MOST - 2);
        assert!(Extension::altsvc(1, "", &most).is_ok());
        assert!(matches!(Extension::altsvc(1, "", &(most.clone() + "a")), Err(Error::TooLarge(_))));
        let origin = "https://".to_string() + &"a".repeat(MOST - 10);
        assert!(Extension::origin([origin.as_str()]).is_ok());
        assert!(matches!(Extension::origin([origin.as_str(), "https://b"]), Err(Error::TooLarge(_))));
        let longest = "https://".to_string() + &"a".repeat(1 << 17);
        assert!(matches!(Extension::origin([longest.as_str()]), Err(Error::TooLarge(_))));
    }
}
