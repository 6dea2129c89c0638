//! What an answer says of its connection (RFC 9110, section 7.6.1): nothing in
//! HTTP/2; in HTTP/1.1 that it ends, or what it is upgraded to.

use http::StatusCode;

use super::field;
use crate::error::{Error, Result};

/// Which answer opens a tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Opens {
    #[default]
    None,
    /// 2xx, to a CONNECT (section 9.3.6).
    Success,
    /// 101, to an Upgrade (section 7.8).
    Switch,
}

impl Opens {
    /// Whether one of that status does.
    pub fn with(self, status: StatusCode) -> bool {
        match self {
            Opens::None => false,
            Opens::Success => status.is_success(),
            Opens::Switch => status == StatusCode::SWITCHING_PROTOCOLS,
        }
    }
}

/// What a field says of the connection.
pub enum Said {
    /// It ends behind the answer.
    Close,
    /// Which protocol it goes on with: the field's value.
    Upgrade,
    /// What the library says anyway.
    Nothing,
}

/// Reads a field that a host sets; None if it is not of the connection.
pub fn read(name: &[u8], value: &[u8], is_http1: bool, opens: Opens) -> Result<Option<Said>> {
    if !is_http1 {
        return Ok(None);
    }
    let is_connection = name.eq_ignore_ascii_case(b"connection");
    let is_upgrade = opens == Opens::Switch && name.eq_ignore_ascii_case(b"upgrade");
    if !(is_connection || is_upgrade) {
        return Ok(None);
    }
    field::check_value(name, value)?;
    match is_connection {
        true => read_connection(value, opens).map(Some),
        false => Ok(Some(Said::Upgrade)),
    }
}

fn read_connection(value: &[u8], opens: Opens) -> Result<Said> {
    let mut said = Said::Nothing;
    for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if token.eq_ignore_ascii_case(b"close") {
            said = Said::Close;
        } else if !(token.eq_ignore_ascii_case(b"upgrade") && opens == Opens::Switch) {
            return Err(Error::invalid("of an answer in HTTP/1.1 connection may say close, and nothing else"));
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;

    use super::*;
    use crate::request::Answer;

    fn answer() -> Answer {
        let mut answer = Answer::default();
        answer.begin(&Method::GET, 100, 100);
        answer
    }

    /// What is announced as `content-length`.
    fn length(answer: &mut Answer) -> Option<String> {
        let mut head = answer.take_head().unwrap();
        head.complete(b"now");
        head.fields.get(b"content-length").map(|digits| String::from_utf8_lossy(digits).into_owned())
    }

    #[test]
    fn an_upgrade_is_a_tunnel_with_101_only() {
        let asked = || {
            let mut answer = answer();
            answer.begin_http1(true);
            answer
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
        assert!(matches!(refused.respond(200, Bytes::new()), Err(Error::Invalid(_))));
        let mut refused = asked();
        assert!(matches!(refused.respond(103, Bytes::new()), Err(Error::Invalid(_))));
        refused.respond(200, Bytes::from_static(b"no")).unwrap();
        assert_eq!(length(&mut refused).as_deref(), Some("2"));
        let mut other = answer();
        other.begin_http1(false);
        assert!(matches!(other.set_field(b"upgrade", b"x"), Err(Error::Invalid(_))));
        assert!(matches!(other.respond(101, Bytes::new()), Err(Error::Invalid(_))));
    }

    #[test]
    fn only_http_1_1_ends_its_connection() {
        for (value, closes) in [("close", true), ("Close", true), ("close, CLOSE", true)] {
            let mut answer = answer();
            answer.begin_http1(false);
            answer.set_field(b"Connection", value.as_bytes()).unwrap();
            answer.respond(200, Bytes::new()).unwrap();
            let head = answer.take_head().unwrap();
            assert_eq!((head.closes, head.fields.len()), (closes, 0), "{value}");
            answer.clear();
            answer.respond(200, Bytes::new()).unwrap();
            assert!(!answer.take_head().unwrap().closes, "the next answer of the box is another");
        }
        for value in ["keep-alive", "upgrade", "", "close, x", "close\r\n"] {
            let mut answer = answer();
            answer.begin_http1(false);
            assert!(matches!(answer.add_field(b"connection", value.as_bytes()), Err(Error::Invalid(_))), "{value}");
        }
        assert!(matches!(answer().set_field(b"connection", b"close"), Err(Error::Invalid(_))));
        // One that fails leaves nothing behind.
        for before in [false, true] {
            let mut answer = answer();
            answer.begin_http1(false);
            if before {
                answer.set_field(b"a", b"b").unwrap();
            }
            let fields = [("connection", "close"), ("c", "d\n")];
            let fields = fields.iter().map(|(n, v)| Ok((n.as_bytes(), v.as_bytes())));
            assert!(answer.respond_with(200, fields, Bytes::new()).is_err());
            answer.respond(200, Bytes::new()).unwrap();
            assert!(!answer.take_head().unwrap().closes);
        }
    }
}
