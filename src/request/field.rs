//! Validation of the fields that a host sets (RFC 9113, sections 8.2.1 and 8.2.2).

use crate::error::{Error, Result};
use crate::grammar::token::is_token;
use crate::grammar::value::{has_blank_edge, has_control};
use crate::header_list::{GOAWAY_FIELD_SENSITIVE, HeaderList};

/// The most fields that a host may set in a section.
const MOST: usize = 10_000;
/// The most bytes of all names and values of a section.
const MOST_BYTES: usize = 1 << 30;
/// The most bytes of one name.
const MOST_OF_NAME: usize = 65_535;

/// Connection-specific fields, which HTTP/2 does not have.
const OF_CONNECTION: [&[u8]; 6] =
    [b"te", b"upgrade", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding"];
/// Fields that are not allowed in trailers (RFC 9110, section 6.5.1).
const NOT_IN_TRAILERS: [&[u8]; 6] =
    [b"host", b"trailer", b"content-type", b"content-range", b"content-length", b"content-encoding"];

/// Adds a field to a section and keeps the others of its name.
pub fn append(section: &mut HeaderList, name: &[u8], value: &[u8]) -> Result<()> {
    let (name, is_sensitive) = check(name, value)?;
    has_room(section, name.len() + value.len())?;
    section.push(name, value, is_sensitive);
    Ok(())
}

/// Makes a section of these fields.
pub fn section<'a>(mut fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>) -> Result<HeaderList> {
    let mut section = HeaderList::new();
    fields.try_for_each(|given| given.and_then(|(name, value)| append(&mut section, name, value)))?;
    Ok(section)
}

/// Makes a trailer section of these fields.
pub fn trailers<'a>(mut fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>) -> Result<HeaderList> {
    let mut section = HeaderList::new();
    fields.try_for_each(|given| given.and_then(|(name, value)| append_trailer(&mut section, name, value)))?;
    Ok(section)
}

/// Adds a field to a trailer section, which does not allow every field (RFC 9110,
/// section 6.5.1).
pub fn append_trailer(section: &mut HeaderList, name: &[u8], value: &[u8]) -> Result<()> {
    let bare = split_mark(name).0;
    if NOT_IN_TRAILERS.iter().any(|forbidden| bare.eq_ignore_ascii_case(forbidden)) {
        return Err(Error::invalid(format_args!("{} is not allowed in trailers", shown(bare))));
    }
    append(section, name, value)
}

/// Sets a field of a section and replaces those of its name. It stands where the first
/// of them stood.
pub fn set(section: &mut HeaderList, name: &[u8], value: &[u8]) -> Result<()> {
    let (name, is_sensitive) = check(name, value)?;
    has_room(section, name.len() + value.len())?;
    section.set(name, value, is_sensitive);
    Ok(())
}

/// Limits what a host may set, to less than a list can hold.
fn has_room(section: &HeaderList, bytes: usize) -> Result<()> {
    if section.len() >= MOST {
        return Err(Error::TooLarge(format!("there are {MOST} fields already")));
    }
    match bytes <= MOST_BYTES - section.text_len() {
        true => Ok(()),
        false => Err(Error::TooLarge(format!("the fields would have more than {MOST_BYTES} bytes"))),
    }
}

/// Checks name and value. Returns the name without its mark, and whether it had one.
fn check<'a>(name: &'a [u8], value: &[u8]) -> Result<(&'a [u8], bool)> {
    let (name, is_sensitive) = split_mark(name);
    check_name(name)?;
    check_value(name, value)?;
    Ok((name, is_sensitive))
}

fn split_mark(name: &[u8]) -> (&[u8], bool) {
    match name {
        [GOAWAY_FIELD_SENSITIVE, bare @ ..] => (bare, true),
        _ => (name, false),
    }
}

fn check_name(name: &[u8]) -> Result<()> {
    if !is_token(name) || name.len() > MOST_OF_NAME {
        return Err(Error::invalid(format_args!("{:?} is no field name", String::from_utf8_lossy(name))));
    }
    if OF_CONNECTION.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden)) {
        return Err(Error::invalid(format_args!("{} does not exist in HTTP/2", shown(name))));
    }
    Ok(())
}

/// Checks the value of the field of this name (RFC 9110, section 5.5).
pub fn check_value(name: &[u8], value: &[u8]) -> Result<()> {
    if has_blank_edge(value) {
        return Err(Error::invalid(format_args!("the value of {} starts or ends with white space", shown(name))));
    }
    match has_control(value) {
        false => Ok(()),
        true => Err(Error::invalid(format_args!("the value of {} contains a control character", shown(name)))),
    }
}

/// The name in a form for error messages.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn one(name: &[u8], value: &[u8]) -> Result<HeaderList> {
        section([Ok((name, value))].into_iter())
    }

    #[test]
    fn bad_fields_are_refused() {
        for (name, value) in [
            ("", "x"),
            (":status", "200"),
            ("a b", "x"),
            ("a\n", "x"),
            ("connection", "close"),
            ("TE", "trailers"),
            ("Keep-Alive", "1"),
            ("a", " x"),
            ("a", "x\t"),
            ("a", "x\r\ny"),
            ("a", "x\0y"),
            ("\x01", "x"),
            ("\x01\x01a", "x"),
            ("\x01te", "x"),
            ("a\x01", "x"),
        ] {
            assert!(matches!(one(name.as_bytes(), value.as_bytes()), Err(Error::Invalid(_))), "{name:?}: {value:?}");
        }
    }

    #[test]
    fn names_and_values_are_those_of_the_http_crate() {
        // A second implementation of the same rules.
        for byte in 0..=255 {
            let name = [b'a', byte, b'b'];
            assert_eq!(check_name(&name).is_ok(), HeaderName::from_bytes(&name).is_ok(), "{byte:#x}");
            assert_eq!(check_value(b"a", &name).is_ok(), HeaderValue::from_bytes(&name).is_ok(), "{byte:#x}");
        }
        for length in [MOST_OF_NAME, MOST_OF_NAME + 1] {
            let name = vec![b'a'; length];
            assert_eq!(check_name(&name).is_ok(), HeaderName::from_bytes(&name).is_ok(), "{length}");
        }
    }

    #[test]
    fn a_marked_field_is_sensitive_and_another_is_not() {
        let mut section = one(b"\x01Cookie", b"secret").unwrap();
        append(&mut section, b"cookie", b"secret").unwrap();
        append(&mut section, b"\x01a", &[b'x'; 100]).unwrap();
        let marks: Vec<_> = section.iter().map(|field| (field.name, field.is_sensitive)).collect();
        assert_eq!(marks, [(&b"cookie"[..], true), (b"cookie", false), (b"a", true)]);
        let mut section = HeaderList::new();
        assert!(append_trailer(&mut section, b"\x01Content-Length", b"5").is_err());
        append_trailer(&mut section, b"\x01x-sum", b"5").unwrap();
        assert!(section.at(0).is_some_and(|field| field.is_sensitive));
    }

    #[test]
    fn a_section_has_a_limit() {
        let mut section = HeaderList::new();
        (0..MOST).for_each(|_| append(&mut section, b"a", b"").unwrap());
        assert!(matches!(append(&mut section, b"a", b""), Err(Error::TooLarge(_))));
        assert!(matches!(set(&mut section, b"a", b""), Err(Error::TooLarge(_))));
        let one = one(b"a", b"b").unwrap();
        assert!(has_room(&one, MOST_BYTES - 2).is_ok());
        assert!(matches!(has_room(&one, MOST_BYTES - 1), Err(Error::TooLarge(_))));
    }
}
