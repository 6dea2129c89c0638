//! The head of a request (RFC 9112, sections 3 and 5), read line by line into a
//! [`RequestHead`].

use http::Method;

use super::content::Content;
use super::fault::{TOO_LARGE, TOO_LONG, UNKNOWN_CODING, UNKNOWN_VERSION, bad};
use super::line::LineReader;
use super::section::{Limits, Section};
use super::target;
use crate::engine::{Fault, RequestHead, Version};
use crate::grammar::authority::is_authority;
use crate::grammar::token::{all_members, is_token, members, parse_length};
use crate::header_list::HeaderList;

/// The most bytes that are allocated for the fields before they are read. A typical
/// head has fewer.
const ROOM: usize = 1024;
/// The length of a typical field.
const FIELD: usize = 40;

/// The most empty lines before a request (section 2.2).
const EMPTY_LINES: u8 = 8;

/// A request whose head is complete.
pub struct Request {
    pub head: Box<RequestHead>,
    pub content: Content,
    /// Whether another request may follow on the connection.
    pub persists: bool,
    /// Whether the client waits for a 100 before it sends the content.
    pub expects_continue: bool,
}

/// Reads one head as its bytes arrive.
#[derive(Default)]
pub struct HeadReader {
    line: LineReader,
    empty_lines: u8,
    /// Set when the request line has been read.
    head: Option<Box<RequestHead>>,
    section: Section,
    framing: FramingFields,
}

/// The fields that describe the framing of the message and the use of the connection.
#[derive(Default)]
struct FramingFields {
    length: Option<u64>,
    is_chunked: bool,
    closes: bool,
    keeps_alive: bool,
    upgrades: bool,
    expects_continue: bool,
    has_host: bool,
}

impl HeadReader {
    /// Reads the complete lines at the start of `input`. Returns how many bytes they
    /// have, and the request if its head is complete.
    pub fn read(&mut self, input: &[u8], limits: Limits) -> Result<(usize, Option<Request>), Fault> {
        let (most, mut taken) = (limits.header_list_bytes as usize, 0);
        loop {
            let rest = &input[taken..];
            let too_long = if self.head.is_some() { TOO_LARGE } else { TOO_LONG };
            let Some(line) = self.line.read(rest, most, too_long)? else { return Ok((taken, None)) };
            taken += line.len() + 2;
            match (&mut self.head, line) {
                (None, b"") => self.skip_empty_line()?,
                (None, line) => self.head = Some(read_request_line(line, rest.len() - line.len())?),
                (Some(_), b"") => return Ok((taken, Some(self.finish()?))),
                (Some(head), line) => {
                    self.framing.read(head.version, line, limits, &mut self.section, &mut head.fields)?
                }
            }
        }
    }

    /// Whether a head has begun.
    pub fn has_begun(&self) -> bool {
        self.head.is_some() || self.line.has_begun()
    }

    /// Whether a head has begun, or more than one empty line has arrived. Some clients
    /// send one after their content, and then nothing until the next request.
    pub fn is_mid_block(&self) -> bool {
        self.has_begun() || self.empty_lines > 1
    }

    fn skip_empty_line(&mut self) -> Result<(), Fault> {
        self.empty_lines += 1;
        match self.empty_lines > EMPTY_LINES {
            true => Err(bad("there are too many empty lines before the request")),
            false => Ok(()),
        }
    }

    /// The checks that need all fields.
    fn finish(&mut self) -> Result<Request, Fault> {
        let Some(mut head) = self.head.take() else { return Err(bad("there is no request line")) };
        let framing = &self.framing;
        check_host(&head, framing.has_host)?;
        let content = match framing.is_chunked {
            true => Content::Chunked(Box::default()),
            false => Content::Length(framing.length.unwrap_or(0)),
        };
        let has_content = !matches!(content, Content::Length(0));
        let is_1_1 = head.version == Version::Http11;
        if head.method == Method::CONNECT && has_content {
            return Err(bad("CONNECT has content"));
        }
        // With content, the start of the tunnel would be ambiguous.
        if framing.upgrades && is_1_1 && !has_content && head.method != Method::CONNECT {
            head.upgrade = first_protocol(&head.fields);
        }
        let persists = !framing.closes && (is_1_1 || framing.keeps_alive);
        // RFC 9110, section 10.1.1: HTTP/1.0 has no expectations.
        let expects_continue = framing.expects_continue && is_1_1;
        Ok(Request { head, content, persists, expects_continue })
    }
}

impl FramingFields {
    fn read(
        &mut self,
        version: Version,
        line: &[u8],
        limits: Limits,
        section: &mut Section,
        list: &mut HeaderList,
    ) -> Result<(), Fault> {
        let field = section.read(line, limits, list)?;
        let has = |token: &[u8]| members(field.value).any(|member| member.eq_ignore_ascii_case(token));
        match field.name {
            b"host" if std::mem::replace(&mut self.has_host, true) => return Err(bad("there are two host fields")),
            b"host" if !is_authority(field.value) => {
                return Err(bad("the host field is no host with an optional port"));
            }
            b"content-length" => self.read_length(field.value)?,
            b"transfer-encoding" => self.read_coding(version, field.value)?,
            b"connection" => {
                self.closes |= has(b"close");
                self.keeps_alive |= has(b"keep-alive");
                self.upgrades |= has(b"upgrade");
            }
            b"expect" => self.expects_continue |= has(b"100-continue"),
            _ => {}
        }
        Ok(())
    }

    /// Section 6.2: one number in one field.
    fn read_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() {
            return Err(bad("there are two content-length fields"));
        }
        if self.is_chunked {
            return Err(bad("there are both content-length and transfer-encoding"));
        }
        self.length = Some(parse_length(value).ok_or(bad("content-length is no number"))?);
        Ok(())
    }

    /// Section 6.1: `chunked` is the only supported coding.
    fn read_coding(&mut self, version: Version, value: &[u8]) -> Result<(), Fault> {
        if version == Version::Http10 {
            return Err(bad("there is transfer-encoding in HTTP/1.0"));
        }
        if self.length.is_some() {
            return Err(bad("there are both content-length and transfer-encoding"));
        }
        if std::mem::replace(&mut self.is_chunked, true) {
            return Err(bad("there are two transfer-encoding fields"));
        }
        if value.eq_ignore_ascii_case(b"chunked") {
            return Ok(());
        }
        let last = members(value).last().unwrap_or_default();
        Err(match last.eq_ignore_ascii_case(b"chunked") {
            true => UNKNOWN_CODING,
            false => bad("transfer-encoding does not end in chunked"),
        })
    }
}

/// Section 3. `following` is the number of bytes that have arrived after the line.
fn read_request_line(line: &[u8], following: usize) -> Result<Box<RequestHead>, Fault> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("the request line is not a method, a target and a version, separated by single spaces"));
    };
    if !is_token(method) {
        return Err(bad("the method is no token"));
    }
    let method = Method::from_bytes(method).map_err(|_| bad("the method is no token"))?;
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            return Err(UNKNOWN_VERSION);
        }
        _ => return Err(bad("the request line does not end with an HTTP version")),
    };
    let mut head = RequestHead::spare();
    target::parse(&method, target, &mut head)?;
    (head.version, head.method) = (version, method);
    // The head is used again: these fields may be of an earlier request.
    (head.protocol, head.upgrade) = (None, None);
    (head.pseudo_order, head.has_sensitive) = (0, false);
    let room = following.min(ROOM);
    head.fields.reserve(room, room / FIELD + 1);
    Ok(head)
}

/// Section 3.2: a request has one host field. Only HTTP/1.0 may omit it. The authority
/// of a URI in the request line takes precedence (section 3.2.2).
fn check_host(head: &RequestHead, has_host: bool) -> Result<(), Fault> {
    if !has_host && head.version == Version::Http11 {
        return Err(bad("there is no host field"));
    }
    let Some(authority) = &head.authority else { return Ok(()) };
    let Some(host) = head.fields.get(b"host") else { return Ok(()) };
    match head.method == Method::CONNECT && !authority.as_bytes().eq_ignore_ascii_case(host) {
        true => Err(bad("CONNECT and the host field name different hosts")),
        false => Ok(()),
    }
}

/// The first protocol of the `upgrade` field (RFC 9110, section 7.8).
fn first_protocol(fields: &HeaderList) -> Option<Box<str>> {
    let protocol = all_members(fields, b"upgrade").next()?;
    let is_protocol = protocol.splitn(2, |byte| *byte == b'/').all(is_token);
    std::str::from_utf8(protocol).ok().filter(|_| is_protocol).map(Into::into)
}
