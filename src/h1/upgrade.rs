//! Tunnels: CONNECT (RFC 9110, section 9.3.6), Upgrade (section 7.8), and
//! WebSockets (RFC 6455, section 4), which the host sees as HTTP/2 has them (RFC
//! 8441): as a CONNECT with a protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use super::fault::bad;
use super::writer;
use crate::engine::{Fault, RequestHead, ResponseHead, Version};
use crate::header_list::HeaderList;

/// The text that is appended to each key (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The tunnel that a request asks for.
pub enum Opening {
    Connect,
    /// The first protocol of the `upgrade` field. The host does the rest of the
    /// handshake.
    Upgrade(Box<str>),
    /// The value of `sec-websocket-accept`.
    WebSocket(Box<str>),
}

impl Opening {
    pub fn asked_by(head: &RequestHead) -> Option<Opening> {
        match &head.upgrade {
            _ if head.method == Method::CONNECT => Some(Opening::Connect),
            Some(protocol) => Some(Opening::Upgrade(protocol.clone())),
            None => None,
        }
    }

    /// Writes the head that opens the tunnel.
    pub fn write_head(&self, head: &ResponseHead<'_>, out: &mut Vec<u8>) {
        let is_ours = |name: &[u8]| match (self, name) {
            // RFC 9110, section 8.6, and RFC 9112, section 6.1: there is no content.
            (_, b"connection" | b"content-length" | b"transfer-encoding") => true,
            (Opening::WebSocket(_), b"upgrade" | b"sec-websocket-accept") => true,
            _ => false,
        };
        let switch = |fields: &[&[u8]], out: &mut Vec<u8>| {
            out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n");
            fields.iter().for_each(|part| out.extend_from_slice(part));
        };
        match self {
            Opening::Connect => writer::write_status_line(Version::Http11, head.status, out),
            Opening::Upgrade(_) if head.fields.contains(b"upgrade") => switch(&[], out),
            Opening::Upgrade(protocol) => switch(&[b"upgrade: ", protocol.as_bytes(), b"\r\n"], out),
            Opening::WebSocket(accept) => {
                switch(&[b"upgrade: websocket\r\nsec-websocket-accept: ", accept.as_bytes(), b"\r\n"], out)
            }
        }
        writer::write_fields(head.fields, is_ours, out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Converts a WebSocket request to its HTTP/2 form. All fields are kept, since
/// applications read `connection` and `upgrade`.
pub fn into_connect(head: &mut RequestHead) -> Result<Opening, Fault> {
    if !head.asks_for_websocket() {
        return Err(bad("the request asks for no WebSocket connection"));
    }
    let accept = accept(&head.fields).ok_or(bad("sec-websocket-key is not 16 bytes in base64"))?;
    head.method = Method::CONNECT;
    head.protocol = Some("websocket".into());
    Ok(Opening::WebSocket(accept))
}

/// The response value for a key, which is 16 bytes in base64 (RFC 6455, section 4.2.2).
fn accept(fields: &HeaderList) -> Option<Box<str>> {
    let mut keys = fields.get_all(b"sec-websocket-key");
    let (Some(key), None) = (keys.next(), keys.next()) else { return None };
    STANDARD.decode(key).ok().filter(|bytes| bytes.len() == 16)?;
    let mut digest = sha1_smol::Sha1::new();
    digest.update(key);
    digest.update(GUID.as_bytes());
    Some(STANDARD.encode(digest.digest().bytes()).into())
}
