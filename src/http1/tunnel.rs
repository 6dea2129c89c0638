//! Tunnels: what a WebSocket asks for by Upgrade (RFC 6455, section 4), and
//! CONNECT (RFC 9110, section 9.3.6).
//!
//! The host sees a WebSocket as HTTP/2 has it (RFC 8441): as a CONNECT with a
//! protocol, answered with 200. What HTTP/1.1 wants besides, the key and its
//! answer, 101 and two fields, is ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use h2::ext::Protocol;
use http::header::{CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};

use super::exchange::write_fields;

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
pub fn asked_protocol(parts: &Parts) -> Option<&str> {
    if parts.version != Version::HTTP_11 || !has_token(&parts.headers, &CONNECTION, "upgrade") {
        return None;
    }
    let protocols = parts.headers.get(UPGRADE)?.to_str().ok()?;
    protocols.split(',').map(str::trim).find(|protocol| !protocol.is_empty())
}

/// Whether the request asks for a WebSocket.
pub fn asks_for_websocket(parts: &Parts) -> bool {
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && has_token(&parts.headers, &UPGRADE, "websocket")
        && has_token(&parts.headers, &CONNECTION, "upgrade")
}

/// Makes of it what HTTP/2 has for it, with all of its fields: applications look
/// at `connection` and `upgrade`. None if its key is none.
pub fn into_connect(parts: &mut Parts) -> Option<Opening> {
    let opening = Opening::WebSocket(accept(&parts.headers)?);
    parts.method = Method::CONNECT;
    parts.extensions.insert(Protocol::from_static("websocket"));
    Some(opening)
}

/// The answer to the key (RFC 6455, section 4.2.2), which is 16 bytes in base64.
fn accept(fields: &HeaderMap) -> Option<String> {
    let mut keys = fields.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return None };
    let key = key.to_str().ok()?;
    STANDARD.decode(key).ok().filter(|bytes| bytes.len() == 16)?;
    let mut digest = sha1_smol::Sha1::new();
    digest.update(key.as_bytes());
    digest.update(GUID.as_bytes());
    Some(STANDARD.encode(digest.digest().bytes()))
}

fn has_token(fields: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let texts = fields.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|text| text.trim().eq_ignore_ascii_case(token))
}

impl Opening {
    /// Whether an answer of that status opens it.
    pub fn is_opened_by(&self, status: StatusCode) -> bool {
        match self {
            Opening::Connect | Opening::WebSocket(_) => status.is_success(),
            Opening::Upgrade(_) => status == StatusCode::SWITCHING_PROTOCOLS,
        }
    }

    /// The head that opens the tunnel, as it stands on the wire.
    pub fn head(&self, response: &Response<()>) -> Vec<u8> {
        let mut head = match self {
            Opening::Connect => format!("HTTP/1.1 {}\r\n", response.status()),
            Opening::Upgrade(protocol) => {
                let is_named = response.headers().contains_key(UPGRADE);
                let named = if is_named { String::new() } else { format!("upgrade: {protocol}\r\n") };
                format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n{named}")
            }
            Opening::WebSocket(accept) => format!(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-accept: {accept}\r\n"
            ),
        }
        .into_bytes();
        write_fields(&mut head, response.headers());
        head.extend_from_slice(b"\r\n");
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Parts {
        build(http::Request::builder().uri("/chat")).body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_key_of_the_rfc_has_its_answer() {
        let mut asks = parts(|r| {
            let r = r.header("upgrade", "WebSocket").header("connection", "keep-alive, Upgrade");
            r.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").header("sec-websocket-version", "13")
        });
        assert!(asks_for_websocket(&asks));
        let Some(Opening::WebSocket(accept)) = into_connect(&mut asks) else { panic!("no WebSocket") };
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!((asks.method, asks.headers.len()), (Method::CONNECT, 4));
    }

    #[test]
    fn what_is_no_websocket_is_none() {
        let asks = |method: &'static str, upgrade: &'static str, connection: &'static str| {
            asks_for_websocket(&parts(|r| r.method(method).header("upgrade", upgrade).header("connection", connection)))
        };
        assert!(asks("GET", "websocket", "upgrade"));
        assert!(!asks("POST", "websocket", "upgrade"));
        assert!(!asks("GET", "h2c", "upgrade"));
        assert!(!asks("GET", "websocket", "close"));
        for key in ["", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZQ=="] {
            assert!(into_connect(&mut parts(|r| r.header("sec-websocket-key", key))).is_none(), "{key:?}");
        }
    }
}
