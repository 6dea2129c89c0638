//! Header fields that a host sets, checked (RFC 9113, sections 8.2.1 and 8.2.2).

use std::cell::RefCell;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HOST, TRAILER};
use http::header::{HeaderMap, HeaderName, HeaderValue, MaxSizeReached};

use crate::error::{Error, Result};

/// The byte before the name of a field whose value is a secret; see `goaway_field`.
pub const GOAWAY_FIELD_SENSITIVE: u8 = 1;

/// Longer fields are not remembered.
const SHORT: usize = 64;
/// Fields of a section that a host sets.
const MOST: usize = 10_000;
/// Fields that a thread remembers.
const REMEMBERED: usize = 16;

thread_local! {
    /// The fields that were set last. Answers repeat theirs, and to compare a
    /// field is cheaper than to check it and to make it anew.
    static LAST: RefCell<[Option<Known>; REMEMBERED]> = const { RefCell::new([const { None }; REMEMBERED]) };
}

struct Known {
    /// As the host wrote it.
    name: Box<[u8]>,
    field: (HeaderName, HeaderValue),
}

/// A field of that name and value.
pub fn field(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue)> {
    if name.len() + value.len() > SHORT {
        return check(name, value);
    }
    let place = name.len().wrapping_mul(7).wrapping_add(value.len()) % REMEMBERED;
    let remembered = LAST.try_with(|last| {
        let last = &mut *last.borrow_mut();
        if let Some(known) = &last[place]
            && *known.name == *name
            && known.field.1.as_bytes() == value
        {
            return Ok(known.field.clone());
        }
        let field = check(name, value)?;
        last[place] = Some(Known { name: name.into(), field: field.clone() });
        Ok(field)
    });
    // A thread that is ending remembers none.
    remembered.unwrap_or_else(|_| check(name, value))
}

/// Adds a field to a section, beside any of its name.
pub fn append(section: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<()> {
    let (name, value) = field(name, value)?;
    has_room(section)?;
    section.try_append(name, value).map(drop).map_err(too_many)
}

/// A section of these fields.
pub fn section<'a>(mut fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>) -> Result<HeaderMap> {
    let mut section = HeaderMap::new();
    fields.try_for_each(|given| given.and_then(|(name, value)| append(&mut section, name, value)))?;
    Ok(section)
}

/// A trailer section of these fields.
pub fn trailers<'a>(mut fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>) -> Result<HeaderMap> {
    let mut section = HeaderMap::new();
    fields.try_for_each(|given| given.and_then(|(name, value)| append_trailer(&mut section, name, value)))?;
    Ok(section)
}

/// Adds a field to a trailer section (RFC 9110, section 6.5.1).
pub fn append_trailer(section: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<()> {
    let bare = name.strip_prefix(&[GOAWAY_FIELD_SENSITIVE]).unwrap_or(name);
    for forbidden in [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HOST, TRAILER] {
        if bare.eq_ignore_ascii_case(forbidden.as_str().as_bytes()) {
            return Err(Error::invalid(format_args!("{forbidden} is not allowed in trailers")));
        }
    }
    append(section, name, value)
}

/// Sets a field of a section, in place of any of its name.
pub fn set(section: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<()> {
    let (name, value) = field(name, value)?;
    has_room(section)?;
    section.try_insert(name, value).map(drop).map_err(too_many)
}

/// A section has a limit well below the map's own, which the library's own
/// fields must not meet.
fn has_room(section: &HeaderMap) -> Result<()> {
    match section.len() < MOST {
        true => Ok(()),
        false => Err(Error::TooLarge(format!("there are {MOST} fields already"))),
    }
}

fn too_many(_: MaxSizeReached) -> Error {
    Error::TooLarge("there are too many fields".into())
}

/// Whether a value starts or ends with white space, which none may.
pub fn has_blank_edge(value: &[u8]) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_blank(value.first()) || is_blank(value.last())
}

/// The value of a field that has a rule of its own for its name.
pub fn value(name: &[u8], value: &[u8]) -> Result<HeaderValue> {
    let name = String::from_utf8_lossy(name);
    if has_blank_edge(value) {
        return Err(Error::invalid(format_args!("the value of {name} starts or ends with white space")));
    }
    HeaderValue::from_bytes(value)
        .map_err(|_| Error::invalid(format_args!("the value of {name} contains a control character")))
}

fn check(name: &[u8], given: &[u8]) -> Result<(HeaderName, HeaderValue)> {
    let bare = name.strip_prefix(&[GOAWAY_FIELD_SENSITIVE]);
    let (name, is_sensitive) = (bare.unwrap_or(name), bare.is_some());
    let shown = || String::from_utf8_lossy(name).into_owned();
    let header =
        HeaderName::from_bytes(name).map_err(|_| Error::invalid(format_args!("{:?} is no field name", shown())))?;
    if matches!(
        header.as_str(),
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" | "te"
    ) {
        return Err(Error::invalid(format_args!("{header} does not exist in HTTP/2")));
    }
    let mut value = value(header.as_str().as_bytes(), given)?;
    value.set_sensitive(is_sensitive);
    Ok((header, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_fields_are_refused_each_time() {
        for (name, value) in [
            ("", "x"),
            (":status", "200"),
            ("a b", "x"),
            ("a\n", "x"),
            ("connection", "close"),
            ("TE", "trailers"),
            ("a", " x"),
            ("a", "x\t"),
            ("a", "x\r\ny"),
            ("a", "x\0y"),
            ("\x01", "x"),
            ("\x01\x01a", "x"),
            ("\x01te", "x"),
            ("a\x01", "x"),
        ] {
            for _ in 0..2 {
                let refused = field(name.as_bytes(), value.as_bytes());
                assert!(matches!(refused, Err(Error::Invalid(_))), "{name:?}: {value:?}");
            }
        }
    }

    #[test]
    fn a_marked_field_is_sensitive_and_another_is_not() {
        for _ in 0..2 {
            let (name, value) = field(b"\x01Cookie", b"secret").unwrap();
            assert_eq!((name.as_str(), value.as_bytes(), value.is_sensitive()), ("cookie", &b"secret"[..], true));
            assert!(!field(b"cookie", b"secret").unwrap().1.is_sensitive());
        }
        assert!(check(b"\x01a", &[b'x'; 100]).unwrap().1.is_sensitive());
        let mut section = HeaderMap::new();
        assert!(append_trailer(&mut section, b"\x01Content-Length", b"5").is_err());
        append_trailer(&mut section, b"\x01x-sum", b"5").unwrap();
        assert!(section["x-sum"].is_sensitive());
    }

    #[test]
    fn a_remembered_field_is_the_same() {
        for _ in 0..3 {
            // The same place in memory for both, so that they displace each other.
            let (name, value) = field(b"Content-Type", b"text/plain").unwrap();
            assert_eq!((name.as_str(), value.as_bytes()), ("content-type", &b"text/plain"[..]));
            let (name, value) = field(b"content-type", b"image/jpeg").unwrap();
            assert_eq!((name.as_str(), value.as_bytes()), ("content-type", &b"image/jpeg"[..]));
        }
        assert_eq!(field(b"a", b"").unwrap().1, "");
        assert_eq!(field(b"a", &[b'x'; 5000]).unwrap().1.len(), 5000);
    }
}
