//! What makes a request malformed (RFC 9113, section 8) that h2 lets through.

use http::{Method, StatusCode};

use crate::engine::RequestHead;
use crate::grammar::authority;
use crate::grammar::value::has_blank_edge;
use crate::header_list::HeaderList;
use crate::refusal::Refusal;

type Checked = Result<(), Refusal>;

/// Refuses what no server may serve, and a request of more than `max_fields` fields.
pub fn check(head: &RequestHead, max_fields: usize) -> Checked {
    if head.method == Method::CONNECT {
        check_tunnel(head)?;
    }
    if head.fields.len() > max_fields && counts_more_than(&head.fields, max_fields) {
        return Err(Refusal::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, None));
    }
    let host = check_fields(&head.fields)?;
    check_path(head)?;
    check_authority(head, host)
}

/// Gives the `host` field, if there is one.
fn check_fields(fields: &HeaderList) -> Result<Option<&[u8]>, Refusal> {
    let (mut host, mut has_length) = (None, false);
    for field in fields.iter() {
        // Section 8.2.1.
        if has_blank_edge(field.value) {
            return Err(Refusal::Malformed("a field value starts or ends with white space"));
        }
        let is_second = match field.name {
            b"host" => host.replace(field.value).is_some(),
            b"content-length" => std::mem::replace(&mut has_length, true),
            _ => false,
        };
        // Section 8.1.1: even where a second one says the same.
        match (is_second, field.name) {
            (false, _) => {}
            (true, b"host") => return Err(Refusal::Malformed("there are two host fields")),
            (true, _) => return Err(Refusal::Malformed("there are two content-length fields")),
        }
    }
    Ok(host)
}

/// Whether there are more fields than that, where all cookie fields count as
/// one: HTTP/2 has clients split theirs (section 8.2.3).
fn counts_more_than(fields: &HeaderList, most: usize) -> bool {
    fields.len() - fields.get_all(b"cookie").skip(1).count() > most
}

/// Section 8.5: a plain CONNECT says where to, with a port; an extended one, as
/// what (RFC 8441, section 4).
fn check_tunnel(head: &RequestHead) -> Checked {
    let Some(protocol) = &head.protocol else {
        let Some(authority) = &head.authority else {
            return Err(Refusal::Malformed("CONNECT without :authority"));
        };
        // RFC 9110, section 9.3.6.
        let (_, port) = split_port(authority.as_bytes());
        let is_port = str::from_utf8(port).is_ok_and(|port| port.parse::<u16>().is_ok());
        return if is_port { Ok(()) } else { Err(Refusal::Status(StatusCode::BAD_REQUEST, None)) };
    };
    match &**protocol {
        "" => Err(Refusal::Malformed(":protocol is empty")),
        name if name.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
        _ => Err(Refusal::Malformed(":protocol contains what no name of one does")),
    }
}

/// RFC 9113, section 8.3.1: a path begins with a slash, and only OPTIONS may ask
/// for `*`. A plain CONNECT has none.
fn check_path(head: &RequestHead) -> Checked {
    match &*head.path {
        [b'/', ..] => Ok(()),
        b"*" if head.method == Method::OPTIONS => Ok(()),
        b"" if head.method == Method::CONNECT && head.protocol.is_none() => Ok(()),
        _ => Err(Refusal::Malformed("the path does not begin with a slash")),
    }
}

/// The host, and what stands behind its colon.
fn split_port(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(colon) if text[colon] == b':' => (&text[..colon], &text[colon + 1..]),
        _ => (text, &[]),
    }
}

/// What a server must refuse of trailers (RFC 9110, section 6.5.1).
pub fn are_trailers_malformed(fields: &HeaderList) -> bool {
    fields.iter().any(|field| matches!(field.name, b"content-length" | b"host") || has_blank_edge(field.value))
}

/// Section 8.3.1: one authority, named the same wherever it is named, without user information.
fn check_authority(head: &RequestHead, host: Option<&[u8]>) -> Checked {
    match (&head.authority, host) {
        (None, None) => Err(Refusal::Status(StatusCode::BAD_REQUEST, None)),
        (None, Some(host)) if host.contains(&b'@') => Err(Refusal::Malformed("the host contains user information")),
        (Some(authority), _) if authority.contains('@') => {
            Err(Refusal::Malformed("the authority contains user information"))
        }
        (Some(authority), Some(host)) => {
            let port: &[u8] = if head.scheme.as_deref() == Some("https") { b":443" } else { b":80" };
            match authority::is_same(authority.as_bytes(), host, port) {
                true => Ok(()),
                false => Err(Refusal::Malformed("host and :authority differ")),
            }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `GET http://example.com/` in HTTP/2.
    fn plain() -> RequestHead {
        let authority = Some("example.com".into());
        RequestHead { scheme: Some("http".into()), authority, path: b"/".to_vec(), ..RequestHead::default() }
    }

    fn with(mut head: RequestHead, fields: &[(&str, &str)]) -> Option<Refusal> {
        fields.iter().for_each(|(name, value)| head.fields.push(name.as_bytes(), value.as_bytes(), false));
        check(&head, 100).err()
    }

    fn is_malformed(refusal: Option<Refusal>) -> bool {
        matches!(refusal, Some(Refusal::Malformed(_)))
    }

    fn status(status: StatusCode) -> Option<Refusal> {
        Some(Refusal::Status(status, None))
    }

    #[test]
    fn an_ordinary_request_passes() {
        assert_eq!(with(plain(), &[("host", "Example.com"), ("a", "b c")]), None);
    }

    #[test]
    fn malformed_requests_are_refused() {
        let cases: [&[(&str, &str)]; 5] = [
            &[("a", "b ")],
            &[("a", "\tb")],
            &[("host", "other.com")],
            &[("host", "example.com"), ("a", "b"), ("host", "example.com")],
            &[("content-length", "5"), ("content-length", "5")],
        ];
        for fields in cases {
            assert!(is_malformed(with(plain(), fields)), "{fields:?}");
        }
        assert!(is_malformed(with(RequestHead { authority: Some("me@example.com".into()), ..plain() }, &[])));
    }

    #[test]
    fn a_tunnel_says_where_to_or_as_what() {
        let connect = |authority: Option<&str>| {
            let authority = authority.map(Into::into);
            with(RequestHead { method: Method::CONNECT, authority, path: Vec::new(), scheme: None, ..plain() }, &[])
        };
        assert_eq!(connect(Some("example.com:443")), None);
        assert_eq!(connect(Some("[::1]:443")), None);
        for bad in ["example.com", "[::1]", "example.com:", "example.com:x", "example.com:65536"] {
            assert_eq!(connect(Some(bad)), status(StatusCode::BAD_REQUEST), "{bad}");
        }
        assert!(is_malformed(connect(None)));
        assert!(is_malformed(connect(Some("me@example.com:443"))));
        let extended =
            |name: &str| with(RequestHead { method: Method::CONNECT, protocol: Some(name.into()), ..plain() }, &[]);
        assert_eq!(extended("websocket"), None);
        for bad in ["", "web socket", "web\0socket", "w\u{e9}b"] {
            assert!(is_malformed(extended(bad)), "{bad:?}");
        }
    }

    #[test]
    fn the_default_port_makes_no_other_host() {
        let agree = |scheme: &str, authority: &str, host: &str| {
            let (scheme, authority) = (Some(scheme.into()), Some(authority.into()));
            with(RequestHead { scheme, authority, ..plain() }, &[("host", host)]).is_none()
        };
        assert!(agree("http", "a", "a:80") && agree("http", "a:80", "A"));
        assert!(agree("https", "a", "a:443") && agree("http", "a", "a:"));
        assert!(!agree("http", "a", "a:443") && !agree("https", "a", "a:80") && !agree("http", "a:8080", "a"));
    }

    #[test]
    fn a_path_begins_with_a_slash() {
        let path = |method, path: &[u8]| with(RequestHead { method, path: path.to_vec(), ..plain() }, &[]);
        assert_eq!([path(Method::GET, b"/"), path(Method::GET, b"/?x=1")], [None, None]);
        assert_eq!([path(Method::OPTIONS, b"*"), path(Method::GET, b"/\xff\"<{|}>`")], [None, None]);
        for (method, bad) in [
            (Method::GET, &b"?x=1"[..]),
            (Method::GET, b"*"),
            (Method::GET, b""),
            (Method::OPTIONS, b"?x=1"),
            (Method::OPTIONS, b"*?x=1"),
            (Method::POST, b"*"),
        ] {
            assert!(is_malformed(path(method.clone(), bad)), "{method} {bad:?}");
        }
    }

    #[test]
    fn what_cannot_be_served_has_a_status() {
        assert_eq!(with(RequestHead { authority: None, ..plain() }, &[]), status(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn cookie_fields_count_as_one() {
        let counted = |cookies: usize, others: usize| {
            let fields: Vec<_> = [("cookie", "c=x")].repeat(cookies);
            with(plain(), &[fields, [("f", "x")].repeat(others)].concat())
        };
        let too_many = || status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!([counted(500, 99), counted(1, 99), counted(0, 100)], [None, None, None]);
        assert_eq!([counted(500, 100), counted(1, 100), counted(0, 101)], [too_many(), too_many(), too_many()]);
    }

    #[test]
    fn trailers_frame_nothing() {
        let trailers = |name: &str, value: &str| {
            let mut fields = HeaderList::new();
            fields.push(name.as_bytes(), value.as_bytes(), false);
            are_trailers_malformed(&fields)
        };
        assert!(trailers("Content-Length", "5") && trailers("host", "a") && trailers("a", "b "));
        assert!(!trailers("a", "b") && !trailers("content-type", "b"));
    }
}
