//! The rules for header sections and trailer sections (RFC 9113, section 8).
//!
//! A section is checked while its block is decoded, and each field goes directly to its
//! place. After an error the block is decoded to its end nevertheless, so that the
//! dynamic tables of the two sides stay equal.

#[cfg(any(test, fuzzing))]
pub mod check;

use http::{Method, StatusCode};

use super::hpack::{Decoder, Error};
use super::name::Token;
use super::verdict::Verdict;
use crate::engine::{GOAWAY_PSEUDO_FIELD_SENSITIVE, PseudoField, RequestHead, Version};
use crate::grammar::authority;
use crate::grammar::token::parse_length;
use crate::header_list::{Field, HeaderList};

/// The size of a field in addition to its name and value (RFC 9113, section 6.5.2).
const OVERHEAD: usize = 32;

/// The limits of a section.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The bytes of names and values, plus 32 for each field. This is our
    /// SETTINGS_MAX_HEADER_LIST_SIZE.
    pub header_list_bytes: u32,
    /// The most fields. All cookie fields count as one, because clients split them
    /// (section 8.2.3). Pseudo-header fields do not count.
    pub header_fields: usize,
    /// Whether SETTINGS_ENABLE_CONNECT_PROTOCOL was sent (RFC 8441, section 3).
    pub has_connect_protocol: bool,
}

/// The properties of a request that the engine needs in addition to its head.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct RequestFacts {
    /// The content length, if the request declares one. The data after CONNECT belongs to
    /// a tunnel and has no length.
    pub content_length: Option<u64>,
    /// Whether the request has a `priority` field (RFC 9218, section 5).
    pub has_priority: bool,
}

/// Why a section is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// The section is malformed: a stream error of type PROTOCOL_ERROR (section 8.1.1).
    Malformed(&'static str),
    /// The library responds with this status: 400 or 431. A trailer section comes too
    /// late for a response.
    Status(StatusCode),
}

/// Reads the header section of a request into `head`, which is used again. If the section
/// is refused, `head` contains a part of it.
pub fn read_request(
    decoder: &mut Decoder,
    block: &[u8],
    limits: &Limits,
    head: &mut RequestHead,
) -> Result<Result<RequestFacts, Wrong>, Error> {
    let RequestHead { version, method, scheme, authority, path, protocol, upgrade, fields, .. } = head;
    (*version, *upgrade) = (Version::Http2, None);
    path.clear();
    fields.clear();
    let mut reader = Reader::new(limits);
    let has_sensitive = decoder.decode(block, fields, |token, verdict, field| {
        if !token.is_pseudo() {
            return reader.regular(token, verdict, field);
        }
        // Fields of a refused section are not stored.
        if reader.pseudo(token, verdict, field) {
            match token {
                Token::METHOD => reader.read_method(field.value, method),
                Token::SCHEME => keep(scheme, field.value),
                Token::AUTHORITY => keep(authority, field.value),
                Token::PROTOCOL => keep(protocol, field.value),
                _ => path.extend_from_slice(field.value),
            }
        }
        false
    })?;
    let absent = |token| !reader.has(token);
    for (place, token) in [(scheme, Token::SCHEME), (authority, Token::AUTHORITY), (protocol, Token::PROTOCOL)] {
        if absent(token) {
            *place = None;
        }
    }
    (head.pseudo_order, head.has_sensitive) = (reader.order, has_sensitive);
    Ok(reader.finish_request(head))
}

/// Reads a trailer section into `fields`, which is empty.
pub fn read_trailers(
    decoder: &mut Decoder,
    block: &[u8],
    limits: &Limits,
    fields: &mut HeaderList,
) -> Result<Result<(), Wrong>, Error> {
    let mut reader = Reader::new(limits);
    decoder.decode(block, fields, |token, verdict, field| reader.trailer(token, verdict, field))?;
    Ok(reader.finish())
}

/// Decodes the block of a stream that is not served, only to update the dynamic table.
pub fn skip(decoder: &mut Decoder, block: &[u8]) -> Result<(), Error> {
    decoder.decode(block, &mut HeaderList::new(), |_, _, _| false).map(drop)
}

/// Sets the text, keeping an equal one. Its verdict is good, so it is ASCII.
fn keep(place: &mut Option<Box<str>>, text: &[u8]) {
    if place.as_deref().map(str::as_bytes) != Some(text) {
        *place = std::str::from_utf8(text).ok().map(Into::into);
    }
}

/// The state of a section while it is decoded.
struct Reader<'a> {
    limits: &'a Limits,
    /// The first error.
    malformed: Option<&'static str>,
    size: usize,
    /// The number of regular fields that count.
    fields: usize,
    /// One bit for each pseudo-header field that was read.
    pseudo: u8,
    /// The pseudo-header fields as in `RequestHead::pseudo_order`, and the number of bits
    /// used.
    order: u32,
    order_bits: u32,
    has_regular: bool,
    has_cookie: bool,
    has_host: bool,
    /// Whether the authority has an invalid port. The response to such a CONNECT is a
    /// status.
    has_bad_port: bool,
    facts: RequestFacts,
}

impl<'a> Reader<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            malformed: None,
            size: 0,
            fields: 0,
            pseudo: 0,
            order: 0,
            order_bits: 0,
            has_regular: false,
            has_cookie: false,
            has_host: false,
            has_bad_port: false,
            facts: RequestFacts::default(),
        }
    }

    /// Checks a regular field. Returns whether to store it. After an error or above a
    /// limit, nothing more is stored.
    #[inline]
    fn regular(&mut self, token: Token, verdict: Verdict, field: Field<'_>) -> bool {
        self.count(token, field);
        self.has_regular = true;
        if verdict != Verdict::Good {
            self.refuse(verdict.why());
        }
        match token {
            Token::HOST if std::mem::replace(&mut self.has_host, true) => self.refuse("there are two host fields"),
            Token::CONTENT_LENGTH => {
                // Section 8.1.1: a second field is an error even with the same value.
                if self.facts.content_length.is_some() {
                    self.refuse("there are two content-length fields");
                }
                self.facts.content_length = parse_length(field.value);
            }
            Token::PRIORITY => self.facts.has_priority = true,
            _ => {}
        }
        self.malformed.is_none() && !self.is_too_large()
    }

    /// Checks a pseudo-header field of a request. Each may occur once, before the regular
    /// fields (section 8.3). Returns whether to store its value.
    fn pseudo(&mut self, token: Token, verdict: Verdict, field: Field<'_>) -> bool {
        self.size += field.name.len() + field.value.len() + OVERHEAD;
        match verdict {
            Verdict::Good => {}
            Verdict::Port => self.has_bad_port = true,
            _ => self.refuse(verdict.why()),
        }
        if self.has(token) {
            self.refuse("a pseudo-header field occurs twice");
        } else if self.has_regular {
            self.refuse("a pseudo-header field follows a regular field");
        }
        if let Some(known) = pseudo_field(token) {
            let sensitive = if field.is_sensitive { GOAWAY_PSEUDO_FIELD_SENSITIVE } else { 0 };
            // A section with more is refused.
            self.order |= (known as u32 | sensitive).wrapping_shl(self.order_bits);
            self.order_bits += 4;
            self.pseudo |= 1 << known as u8;
        }
        self.malformed.is_none() && !self.is_too_large()
    }

    /// Checks a field of a trailer section. Returns whether to store it.
    fn trailer(&mut self, token: Token, verdict: Verdict, field: Field<'_>) -> bool {
        match token {
            // Section 8.1.
            _ if token.is_pseudo() => self.refuse("the trailer section contains a pseudo-header field"),
            // RFC 9110, section 6.5.1.
            Token::CONTENT_LENGTH | Token::HOST => self.refuse("the trailer section contains content-length or host"),
            _ => {}
        }
        self.regular(token, verdict, field)
    }

    fn read_method(&mut self, value: &[u8], method: &mut Method) {
        match Method::from_bytes(value) {
            Ok(read) => *method = read,
            Err(_) => self.refuse(Verdict::Method.why()),
        }
    }

    fn count(&mut self, token: Token, field: Field<'_>) {
        self.size += field.name.len() + field.value.len() + OVERHEAD;
        let is_more_cookie = token == Token::COOKIE && std::mem::replace(&mut self.has_cookie, true);
        self.fields += usize::from(!is_more_cookie);
    }

    fn is_too_large(&self) -> bool {
        self.size > self.limits.header_list_bytes as usize || self.fields > self.limits.header_fields
    }

    fn has(&self, token: Token) -> bool {
        pseudo_field(token).is_some_and(|field| self.pseudo & 1 << field as u8 != 0)
    }

    fn refuse(&mut self, why: &'static str) {
        self.malformed.get_or_insert(why);
    }

    /// The checks for any section.
    fn finish(&self) -> Result<(), Wrong> {
        match self.malformed {
            Some(why) => Err(Wrong::Malformed(why)),
            None if self.is_too_large() => Err(Wrong::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)),
            None => Ok(()),
        }
    }

    /// The checks that need all fields.
    fn finish_request(&self, head: &RequestHead) -> Result<RequestFacts, Wrong> {
        self.finish()?;
        if !self.has(Token::METHOD) {
            return Err(Wrong::Malformed("the :method pseudo-header field is missing"));
        }
        let is_connect = head.method == Method::CONNECT;
        match (is_connect, self.has(Token::PROTOCOL)) {
            (true, false) => return self.finish_tunnel(head),
            (false, true) => return Err(Wrong::Malformed(":protocol without CONNECT")),
            (true, true) if !self.limits.has_connect_protocol => {
                return Err(Wrong::Malformed(":protocol was not offered"));
            }
            _ => {}
        }
        if !self.has(Token::SCHEME) {
            return Err(Wrong::Malformed("the :scheme pseudo-header field is missing"));
        }
        check_path(head)?;
        self.check_authority(head)?;
        Ok(RequestFacts { content_length: self.facts.content_length.filter(|_| !is_connect), ..self.facts })
    }

    /// Section 8.5: a plain CONNECT has an authority and neither scheme nor path.
    fn finish_tunnel(&self, head: &RequestHead) -> Result<RequestFacts, Wrong> {
        if self.has(Token::SCHEME) || self.has(Token::PATH) {
            return Err(Wrong::Malformed("CONNECT has :scheme or :path"));
        }
        let Some(authority) = &head.authority else { return Err(Wrong::Malformed("CONNECT without :authority")) };
        if !authority::is_host_and_port(authority.as_bytes()) {
            return Err(Wrong::Status(StatusCode::BAD_REQUEST));
        }
        self.check_authority(head)?;
        Ok(RequestFacts { content_length: None, ..self.facts })
    }

    /// Section 8.3.1: `host` and `:authority` must be equal.
    fn check_authority(&self, head: &RequestHead) -> Result<(), Wrong> {
        if self.has_bad_port {
            return Err(Wrong::Malformed(Verdict::Port.why()));
        }
        // The search is needed only if there is a host field.
        let host = if self.has_host { head.fields.get(b"host") } else { None };
        let port: &[u8] = if head.scheme.as_deref() == Some("https") { b":443" } else { b":80" };
        match (&head.authority, host) {
            (None, None) => Err(Wrong::Status(StatusCode::BAD_REQUEST)),
            (Some(authority), Some(host)) if !authority::is_same(authority.as_bytes(), host, port) => {
                Err(Wrong::Malformed("host and :authority differ"))
            }
            _ => Ok(()),
        }
    }
}

/// Section 8.3.1: a path begins with a slash. `*` is allowed only for OPTIONS.
fn check_path(head: &RequestHead) -> Result<(), Wrong> {
    match &*head.path {
        [b'/', ..] => Ok(()),
        b"*" if head.method == Method::OPTIONS => Ok(()),
        _ => Err(Wrong::Malformed("the path does not begin with a slash")),
    }
}

fn pseudo_field(token: Token) -> Option<PseudoField> {
    match token {
        Token::METHOD => Some(PseudoField::Method),
        Token::SCHEME => Some(PseudoField::Scheme),
        Token::AUTHORITY => Some(PseudoField::Authority),
        Token::PATH => Some(PseudoField::Path),
        Token::PROTOCOL => Some(PseudoField::Protocol),
        // The request is refused in any case.
        _ => None,
    }
}

#[cfg(test)]
mod tests;
