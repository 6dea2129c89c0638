//! The connection options of a response (RFC 9110, section 7.6.1). HTTP/2 has none. In
//! HTTP/1.1 a response may close the connection or name the protocol it is upgraded to.

use http::StatusCode;

use super::field;
use crate::error::{Error, Result};

/// Which response opens a tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum TunnelCondition {
    #[default]
    None,
    /// A 2xx response to CONNECT (section 9.3.6).
    Success,
    /// A 101 response to Upgrade (section 7.8).
    Switch,
}

impl TunnelCondition {
    /// Whether a response of this status opens it.
    pub fn with(self, status: StatusCode) -> bool {
        match self {
            TunnelCondition::None => false,
            TunnelCondition::Success => status.is_success(),
            TunnelCondition::Switch => status == StatusCode::SWITCHING_PROTOCOLS,
        }
    }
}

/// What a field states about the connection.
pub enum ConnectionDirective {
    /// The connection is closed after the response.
    Close,
    /// The protocol that the connection switches to: the field's value.
    Upgrade,
    /// A statement that the library makes anyway.
    Nothing,
}

/// Reads a field that a host sets. `None` if it is not about the connection.
pub fn read(
    name: &[u8],
    value: &[u8],
    is_http1: bool,
    tunnel_condition: TunnelCondition,
) -> Result<Option<ConnectionDirective>> {
    if !is_http1 {
        return Ok(None);
    }
    let is_connection = name.eq_ignore_ascii_case(b"connection");
    let is_upgrade = tunnel_condition == TunnelCondition::Switch && name.eq_ignore_ascii_case(b"upgrade");
    if !(is_connection || is_upgrade) {
        return Ok(None);
    }
    field::check_value(name, value)?;
    match is_connection {
        true => read_connection(value, tunnel_condition).map(Some),
        false => Ok(Some(ConnectionDirective::Upgrade)),
    }
}

fn read_connection(value: &[u8], tunnel_condition: TunnelCondition) -> Result<ConnectionDirective> {
    let mut said = ConnectionDirective::Nothing;
    for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if token.eq_ignore_ascii_case(b"close") {
            said = ConnectionDirective::Close;
        } else if !(token.eq_ignore_ascii_case(b"upgrade") && tunnel_condition == TunnelCondition::Switch) {
            return Err(Error::invalid("the field connection of an HTTP/1.1 response may only be close"));
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::request::Response;

    fn response() -> Response {
        let mut response = Response::default();
        response.begin(&Method::GET, 100, 100);
        response
    }

    /// The length announced in `content-length`.
    fn length(response: &mut Response) -> Option<String> {
        let mut head = response.take_head().unwrap();
        head.complete(b"now");
        head.fields.get(b"content-length").map(|digits| String::from_utf8_lossy(digits).into_owned())
    }

    #[test]
    fn an_upgrade_is_a_tunnel_with_101_only() {
        let asked = || {
            let mut response = response();
            response.begin_http1(true);
            response
        };
        let mut switched = asked();
        let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("content-length", "0"), ("a", "b")];
        switched.write_head_with(101, fields.iter().map(|(n, v)| Ok((n.as_bytes(), v.as_bytes())))).unwrap();
        switched.end().unwrap();
        let head = switched.take_head().unwrap();
        assert!(!head.is_alone && !head.closes && head.is_tunnel);
        let fields: Vec<_> = head.fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(fields, [(&b"upgrade"[..], &b"websocket"[..]), (b"a", b"b")]);
        let mut refused = asked();
        refused.set_field(b"upgrade", b"websocket").unwrap();
        assert!(matches!(refused.respond(200, &[]), Err(Error::Invalid(_))));
        let mut refused = asked();
        assert!(matches!(refused.respond(103, &[]), Err(Error::Invalid(_))));
        refused.respond(200, b"no").unwrap();
        assert_eq!(length(&mut refused).as_deref(), Some("2"));
        let mut other = response();
        other.begin_http1(false);
        assert!(matches!(other.set_field(b"upgrade", b"x"), Err(Error::Invalid(_))));
        assert!(matches!(other.respond(101, &[]), Err(Error::Invalid(_))));
    }

    #[test]
    fn only_http_1_1_ends_its_connection() {
        for (value, closes) in [("close", true), ("Close", true), ("close, CLOSE", true)] {
            let mut response = response();
            response.begin_http1(false);
            response.set_field(b"Connection", value.as_bytes()).unwrap();
            response.respond(200, &[]).unwrap();
            let head = response.take_head().unwrap();
            assert_eq!((head.closes, head.fields.len()), (closes, 0), "{value}");
            response.clear();
            response.respond(200, &[]).unwrap();
            assert!(!response.take_head().unwrap().closes, "the next response of the box is another");
        }
        for value in ["keep-alive", "upgrade", "", "close, x", "close\r\n"] {
            let mut response = response();
            response.begin_http1(false);
            assert!(matches!(response.add_field(b"connection", value.as_bytes()), Err(Error::Invalid(_))), "{value}");
        }
        assert!(matches!(response().set_field(b"connection", b"close"), Err(Error::Invalid(_))));
        // One that fails leaves nothing behind.
        for before in [false, true] {
            let mut response = response();
            response.begin_http1(false);
            if before {
                response.set_field(b"a", b"b").unwrap();
            }
            let fields = [("connection", "close"), ("c", "d\n")];
            let fields = fields.iter().map(|(n, v)| Ok((n.as_bytes(), v.as_bytes())));
            assert!(response.respond_with(200, fields, &[]).is_err());
            response.respond(200, &[]).unwrap();
            assert!(!response.take_head().unwrap().closes);
        }
    }
}
