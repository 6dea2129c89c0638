//! Tunnels: what a WebSocket asks for by Upgrade (RFC 6455, section 4), and
//! CONNECT (RFC 9110, section 9.3.6).
//!
//! The host sees a WebSocket as HTTP/2 has it (RFC 8441): as a CONNECT with a
//! protocol, answered with 200. What HTTP/1.1 wants besides, the key and its
//! answer, 101 and two fields, is ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};

use super::exchange::write_fields;
use crate::engine::{RequestHead, Version};
use crate::header_list::HeaderList;

/// What every key is joined with (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

pub enum Tunnel {
    /// It is opened by an answer of the right status.
    Asked(Opening),
    Open,
}

/// What the head that opens it begins with.
pub enum Opening {
    Connect,
    /// With the answer to the key.
    WebSocket(String),
    /// With the first protocol that was asked for: all else is the host's.
    Upgrade(String),
}

/// The first protocol that the request asks for, if it asks for another.
pub fn asked_protocol(head: &RequestHead) -> Option<&str> {
    if head.version != Version::Http11 || !has_token(&head.fields, b"connection", "upgrade") {
        return None;
    }
    let protocols = str::from_utf8(head.fields.get(b"upgrade")?).ok().filter(|text| text.is_ascii())?;
    protocols.split(',').map(str::trim).find(|protocol| !protocol.is_empty())
}

/// Whether the request asks for a WebSocket.
pub fn asks_for_websocket(head: &RequestHead) -> bool {
    head.method == Method::GET
        && head.version == Version::Http11
        && has_token(&head.fields, b"upgrade", "websocket")
        && has_token(&head.fields, b"connection", "upgrade")
}

/// Makes of it what HTTP/2 has for it, with all of its fields: applications look
/// at `connection` and `upgrade`. None if its key is none.
pub fn into_connect(head: &mut RequestHead) -> Option<Opening> {
    let opening = Opening::WebSocket(accept(&head.fields)?);
    head.method = Method::CONNECT;
    head.protocol = Some("websocket".into());
    Some(opening)
}

/// The answer to the key (RFC 6455, section 4.2.2), which is 16 bytes in base64.
fn accept(fields: &HeaderList) -> Option<String> {
    let mut keys = fields.get_all(b"sec-websocket-key");
    let (Some(key), None) = (keys.next(), keys.next()) else { return None };
    STANDARD.decode(key).ok().filter(|bytes| bytes.len() == 16)?;
    let mut digest = sha1_smol::Sha1::new();
    digest.update(key);
    digest.update(GUID.as_bytes());
    Some(STANDARD.encode(digest.digest().bytes()))
}

fn has_token(fields: &HeaderList, name: &[u8], token: &str) -> bool {
    let texts = fields.get_all(name).filter_map(|value| str::from_utf8(value).ok());
    texts.flat_map(|text| text.split(',')).any(|text| text.trim().eq_ignore_ascii_case(token))
}

impl Opening {
    /// The head that opens the tunnel, as it stands on the wire.
    pub fn head(&self, status: StatusCode, fields: &HeaderList) -> Vec<u8> {
        let mut head = match self {
            Opening::Connect => format!("HTTP/1.1 {status}\r\n"),
            Opening::Upgrade(protocol) => {
                let named =
                    if fields.contains(b"upgrade") { String::new() } else { format!("upgrade: {protocol}\r\n") };
                format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n{named}")
            }
            Opening::WebSocket(accept) => format!(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-accept: {accept}\r\n"
            ),
        }
        .into_bytes();
        write_fields(&mut head, fields);
        head.extend_from_slice(b"\r\n");
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: Method, fields: &[(&str, &str)]) -> RequestHead {
        let version = Version::Http11;
        let mut head = RequestHead { version, method, path: b"/chat".to_vec(), ..RequestHead::default() };
        fields.iter().for_each(|(name, value)| head.fields.push(name.as_bytes(), value.as_bytes(), false));
        head
    }

    #[test]
    fn the_key_of_the_rfc_has_its_answer() {
        let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let fields = [("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade"), key];
        let mut asks = head(Method::GET, &fields);
        assert!(asks_for_websocket(&asks));
        let Some(Opening::WebSocket(accept)) = into_connect(&mut asks) else { panic!("no WebSocket") };
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!((asks.method, asks.fields.len()), (Method::CONNECT, 3));
    }

    #[test]
    fn what_is_no_websocket_is_none() {
        let asks = |method, upgrade, connection| {
            asks_for_websocket(&head(method, &[("upgrade", upgrade), ("connection", connection)]))
        };
        assert!(asks(Method::GET, "websocket", "upgrade"));
        assert!(!asks(Method::POST, "websocket", "upgrade"));
        assert!(!asks(Method::GET, "h2c", "upgrade"));
        assert!(!asks(Method::GET, "websocket", "close"));
        for key in ["", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZQ=="] {
            assert!(into_connect(&mut head(Method::GET, &[("sec-websocket-key", key)])).is_none(), "{key:?}");
        }
    }
}
