//! The head of a request (RFC 9112, sections 3 and 5), read line by line into
//! what the host gets.

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

/// Bytes of fields that room is made for at once. A typical head has fewer.
const ROOM: usize = 1024;
/// Bytes of a typical field.
const FIELD: usize = 40;

/// Empty lines that may stand before a request (section 2.2).
const EMPTY_LINES: u8 = 8;

/// A request whose head is whole.
pub struct Request {
    pub head: Box<RequestHead>,
    pub content: Content,
    /// Whether another request may follow on the connection.
    pub persists: bool,
    /// Whether the client waits for a 100 before it sends the content.
    pub expects_continue: bool,
}

/// Reads one head as it comes.
#[derive(Default)]
pub struct HeadReader {
    line: LineReader,
    empty_lines: u8,
    /// Once the request line is read.
    head: Option<Box<RequestHead>>,
    section: Section,
    said: FramingFields,
}

/// What the fields say of the message and of the connection.
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
    /// Takes the lines at the front of `input` that are whole: how many bytes,
    /// and the request, once its head is whole.
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
                    self.said.read(head.version, line, limits, &mut self.section, &mut head.fields)?
                }
            }
        }
    }

    /// Whether a head has begun.
    pub fn has_begun(&self) -> bool {
        self.head.is_some() || self.line.has_begun()
    }

    /// The same, or more than the one empty line that some clients send behind
    /// content and then wait.
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

    /// Checks what can be told only now that all fields are there.
    fn finish(&mut self) -> Result<Request, Fault> {
        let Some(mut head) = self.head.take() else { return Err(bad("there is no request line")) };
        let said = &self.said;
        check_host(&head, said.has_host)?;
        let content = match said.is_chunked {
            true => Content::Chunked(Box::default()),
            false => Content::Length(said.length.unwrap_or(0)),
        };
        let has_content = !matches!(content, Content::Length(0));
        let is_1_1 = head.version == Version::Http11;
        if head.method == Method::CONNECT && has_content {
            return Err(bad("CONNECT has content"));
        }
        // One with content could not say where the tunnel begins.
        if said.upgrades && is_1_1 && !has_content && head.method != Method::CONNECT {
            head.upgrade = first_protocol(&head.fields);
        }
        let persists = !said.closes && (is_1_1 || said.keeps_alive);
        // RFC 9110, section 10.1.1: not in 1.0.
        let expects_continue = said.expects_continue && is_1_1;
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
            b"host" if !is_authority(field.value) => return Err(bad("the host is none")),
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

    /// Section 6.2: one number, once.
    fn read_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() {
            return Err(bad("there are two content-length fields"));
        }
        if self.is_chunked {
            return Err(bad("there are content-length and transfer-encoding"));
        }
        self.length = Some(parse_length(value).ok_or(bad("content-length is no length"))?);
        Ok(())
    }

    /// Section 6.1: no other coding than chunked is known.
    fn read_coding(&mut self, version: Version, value: &[u8]) -> Result<(), Fault> {
        if version == Version::Http10 {
            return Err(bad("there is transfer-encoding in HTTP/1.0"));
        }
        if self.length.is_some() {
            return Err(bad("there are content-length and transfer-encoding"));
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

/// Section 3. `behind` bytes have come behind the line.
fn read_request_line(line: &[u8], behind: usize) -> Result<Box<RequestHead>, Fault> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("the request line has not three words"));
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
        _ => return Err(bad("the version is none")),
    };
    let mut head = RequestHead::spare();
    target::parse(&method, target, &mut head)?;
    (head.version, head.method) = (version, method);
    // What the other request had beside fields and a path.
    (head.protocol, head.upgrade) = (None, None);
    (head.pseudo_order, head.has_sensitive) = (0, false);
    let room = behind.min(ROOM);
    head.fields.reserve(room, room / FIELD + 1);
    Ok(head)
}

/// Section 3.2: one host, which only 1.0 may leave out. What a URI in the
/// request line says counts instead of it (section 3.2.2).
fn check_host(head: &RequestHead, has_host: bool) -> Result<(), Fault> {
    if !has_host && head.version == Version::Http11 {
        return Err(bad("there is no host field"));
    }
    let (Some(authority), Some(host)) = (&head.authority, head.fields.get(b"host")) else { return Ok(()) };
    match head.method == Method::CONNECT && !authority.as_bytes().eq_ignore_ascii_case(host) {
        true => Err(bad("CONNECT and the host field name different hosts")),
        false => Ok(()),
    }
}

/// The first protocol that is asked for (RFC 9110, section 7.8).
fn first_protocol(fields: &HeaderList) -> Option<Box<str>> {
    let protocol = all_members(fields, b"upgrade").next()?;
    let is_protocol = protocol.splitn(2, |byte| *byte == b'/').all(is_token);
    std::str::from_utf8(protocol).ok().filter(|_| is_protocol).map(Into::into)
}
