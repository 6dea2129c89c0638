//! Writes the heads, content and trailers of responses (RFC 9112, sections 4 to 7).

use std::io::Write;

use http::StatusCode;

use crate::engine::{ResponseHead, Version};
use crate::grammar::token::parse_length;
use crate::header_list::HeaderList;
use crate::output::{Data, Output};

/// How the client finds the end of a response (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Framing {
    /// Nothing follows the head.
    None,
    /// This many bytes are outstanding.
    Length(u64),
    Chunked,
    /// The content ends with the connection.
    Close,
    Tunnel,
}

/// What the head of a response announces for the connection (RFC 9112, section 9.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Persistence {
    Close,
    /// `connection: keep-alive`, which HTTP/1.0 clients need.
    KeepAlive,
    /// Nothing: the connection stays open.
    Default,
}

/// The content-length among the fields of a response.
pub fn content_length(fields: &HeaderList) -> Option<u64> {
    fields.get(b"content-length").and_then(parse_length)
}

/// Writes a final head that opens no tunnel. `has_length`: its fields have a valid
/// content-length.
pub fn write_head(
    version: Version,
    head: &ResponseHead<'_>,
    has_length: bool,
    framing: Framing,
    persistence: Persistence,
    out: &mut Vec<u8>,
) {
    // RFC 9110, section 8.6: a 204 has no content-length. A 304 needs none.
    let may_have_length = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) && has_length;
    let mut is_first_length = true;
    write_status_line(version, head.status, out);
    let is_omitted = |name: &[u8]| match name {
        b"content-length" => !std::mem::take(&mut is_first_length) || !may_have_length,
        b"connection" | b"keep-alive" | b"transfer-encoding" => true,
        _ => false,
    };
    write_fields(head.fields, is_omitted, out);
    match framing {
        Framing::Length(0) if !has_length => out.extend_from_slice(b"content-length: 0\r\n"),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        _ => {}
    }
    write_connection(persistence, head.fields.contains(b"upgrade"), out);
    out.extend_from_slice(b"\r\n");
}

/// RFC 9110, section 7.8: a message with `upgrade` names it in `connection`, too.
fn write_connection(persistence: Persistence, has_upgrade: bool, out: &mut Vec<u8>) {
    let options: &[u8] = match (persistence, has_upgrade) {
        (Persistence::Close, false) => b"connection: close\r\n",
        (Persistence::Close, true) => b"connection: close, upgrade\r\n",
        (Persistence::KeepAlive, false) => b"connection: keep-alive\r\n",
        (Persistence::KeepAlive, true) => b"connection: keep-alive, upgrade\r\n",
        (Persistence::Default, false) => b"",
        (Persistence::Default, true) => b"connection: upgrade\r\n",
    };
    out.extend_from_slice(options);
}

pub fn write_status_line(version: Version, status: StatusCode, out: &mut Vec<u8>) {
    if version == Version::Http11 && status == StatusCode::OK {
        // Most responses have this line.
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    // HTTP/1.0 clients expect their own version.
    let version: &[u8] = if version == Version::Http10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " };
    for part in [version, status.as_str().as_bytes(), b" ", reason(status).as_bytes(), b"\r\n"] {
        out.extend_from_slice(part);
    }
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or_default()
}

/// Writes the fields, except those with a name that is omitted.
pub fn write_fields(fields: &HeaderList, mut is_omitted: impl FnMut(&[u8]) -> bool, out: &mut Vec<u8>) {
    for field in fields.iter().filter(|field| !is_omitted(field.name)) {
        out.reserve(field.name.len() + field.value.len() + 4);
        for part in [field.name, b": ", field.value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

/// RFC 9110, section 15.2.
pub fn write_informational(status: StatusCode, fields: &HeaderList, out: &mut Vec<u8>) {
    write_status_line(Version::Http11, status, out);
    let is_omitted = |name: &[u8]| matches!(name, b"content-length" | b"transfer-encoding" | b"connection");
    write_fields(fields, is_omitted, out);
    out.extend_from_slice(b"\r\n");
}

/// Writes the response to a protocol error, which ends the connection.
pub fn write_fault(version: Version, status: u32, date: &[u8], out: &mut Vec<u8>) {
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::BAD_REQUEST);
    write_status_line(version, status, out);
    out.extend_from_slice(b"connection: close\r\ncontent-length: 0\r\ndate: ");
    out.extend_from_slice(date);
    out.extend_from_slice(b"\r\n\r\n");
}

/// Writes content as a chunk, and the last chunk after it if `is_last`.
pub fn write_chunk(data: Data<'_>, is_last: bool, out: &mut Output) {
    // An empty chunk would end the content.
    if !data.is_empty() {
        write!(out, "{:x}\r\n", data.len()).expect("a vector takes all");
        out.push(data);
        out.extend_from_slice(b"\r\n");
    }
    if is_last {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}

/// Writes the last chunk and the trailer section.
pub fn write_trailers(fields: &HeaderList, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    write_fields(fields, |name| matches!(name, b"content-length" | b"transfer-encoding"), out);
    out.extend_from_slice(b"\r\n");
}
