//! A request's head: method, target, header fields, path parameters.

use std::cell::OnceCell;
use std::net::Ipv6Addr;

use h2::ext::Protocol;
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri, Version};

use super::field::has_blank_edge;
use crate::error::{Error, Result};

/// What the peer asked for (RFC 9113, section 8.3.1).
pub struct Head {
    version: Version,
    method: Method,
    uri: Uri,
    fields: HeaderMap,
    params: Vec<(String, String)>,
    /// Of an extended CONNECT (RFC 8441).
    protocol: Option<Box<str>>,
    asks_upgrade: bool,
    /// The values of several cookie fields, joined when somebody first asks.
    cookie: OnceCell<Box<[u8]>>,
}

/// Among the extensions of a request of HTTP/1.1: it asks for another protocol
/// (RFC 9110, section 7.8), and the host may switch to it.
#[derive(Clone, Copy)]
pub struct AsksUpgrade;

/// Why the library answers a request itself instead of a handler.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Answered with this status, and `allow` if there is something to allow.
    Status(StatusCode, Option<HeaderValue>),
    /// Malformed (section 8.1.1): the stream is reset with PROTOCOL_ERROR.
    Malformed(&'static str),
}

impl Head {
    pub fn new(parts: Parts, params: Vec<(String, String)>) -> Self {
        let protocol = parts.extensions.get::<Protocol>().map(|protocol| protocol.as_str().into());
        let asks_upgrade = parts.extensions.get::<AsksUpgrade>().is_some();
        let Parts { method, uri, version, headers: fields, .. } = parts;
        Self { version, method, uri, fields, params, protocol, asks_upgrade, cookie: OnceCell::new() }
    }

    /// Of a request that is pushed.
    pub fn pushed(method: Method, uri: Uri, fields: HeaderMap) -> Self {
        Self {
            version: Version::HTTP_2,
            method,
            uri,
            fields,
            params: Vec::new(),
            protocol: None,
            asks_upgrade: false,
            cookie: OnceCell::new(),
        }
    }

    /// The request without its path parameters.
    pub fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.fields.clone();
        request
    }

    /// What an extended CONNECT asks for, such as "websocket"; None of another request.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Whether it asks for another protocol, to which an answer of 101 switches.
    pub fn asks_upgrade(&self) -> bool {
        self.asks_upgrade
    }

    /// Whether it came in HTTP/1.1 or 1.0.
    pub fn is_http1(&self) -> bool {
        self.version <= Version::HTTP_11
    }

    /// The protocol's version, as HTTP/1.1 and others name it: "2", "1.1" or "1.0".
    pub fn version(&self) -> &'static str {
        match self.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_11 => "1.1",
            _ => "2",
        }
    }

    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as it came, percent-encoded, without the query; empty of a plain CONNECT.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// What stands behind the first `?`, as it came; empty if there is none.
    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or("")
    }

    /// The authority, from `:authority` or, without it, from `host`; may be empty.
    pub fn authority(&self) -> &str {
        let host = || self.fields.get("host").and_then(|host| host.to_str().ok());
        self.uri.authority().map(|authority| authority.as_str()).or_else(host).unwrap_or("")
    }

    /// Whether that is from `host`.
    pub fn has_host_only(&self) -> bool {
        self.uri.authority().is_none() && !self.authority().is_empty()
    }

    /// Empty if it is a CONNECT of the plain sort, which has none.
    pub fn scheme(&self) -> &str {
        let is_plain = self.method == Method::CONNECT && self.protocol.is_none();
        self.uri.scheme_str().unwrap_or(if is_plain { "" } else { "http" })
    }

    pub fn fields(&self) -> &HeaderMap {
        &self.fields
    }

    /// The path parameters, percent-decoded, in the order of the pattern.
    pub fn params(&self) -> &[(String, String)] {
        &self.params
    }

    /// The value of the field of that name: of several cookie fields all, joined
    /// (RFC 9113, section 8.2.3), of others the first.
    pub fn field(&self, name: &str) -> Result<&[u8]> {
        let value = self.fields.get(name).ok_or_else(|| Error::NotFound(format!("header field {name:?}")))?;
        if name.eq_ignore_ascii_case(COOKIE.as_str()) && self.cookies().nth(1).is_some() {
            return Ok(self.cookie.get_or_init(|| self.cookies().collect::<Vec<_>>().join(&b"; "[..]).into()));
        }
        Ok(value.as_bytes())
    }

    /// The value of each cookie field, as they came.
    pub fn cookies(&self) -> impl Iterator<Item = &[u8]> {
        self.fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes)
    }

    /// The path parameter of that name, percent-decoded.
    pub fn param(&self, name: &str) -> Result<&str> {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| Error::NotFound(format!("path parameter {name:?}")))
    }

    /// The announced length of its body.
    pub fn length(&self) -> Option<u64> {
        std::str::from_utf8(self.field(CONTENT_LENGTH.as_str()).ok()?).ok()?.parse().ok()
    }

    /// Whether the peer waits for a 100 before it sends the body (RFC 9110, section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        let expect = self.fields.get(EXPECT);
        // RFC 9110, section 10.1.1: not in 1.0.
        self.version > Version::HTTP_10
            && expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    }
}

/// What h2 lets through and a server must refuse.
pub fn check<B>(request: &Request<B>, max_fields: usize) -> std::result::Result<(), Refusal> {
    if request.method() == Method::CONNECT {
        check_tunnel(request)?;
    }
    if counts_more_than(request.headers(), max_fields) {
        return Err(Refusal::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, None));
    }
    let (mut host, mut lengths) = (None, 0);
    for (name, value) in request.headers() {
        check_value(value)?;
        if *name == HOST && host.replace(value).is_some() {
            return Err(Refusal::Malformed("there are two host fields"));
        }
        lengths += usize::from(*name == CONTENT_LENGTH);
    }
    // Section 8.1.1: even where a second one says the same.
    if lengths > 1 {
        return Err(Refusal::Malformed("there are two content-length fields"));
    }
    match request.version() {
        Version::HTTP_10 | Version::HTTP_11 => check_host(request, host),
        _ => {
            check_path(request)?;
            check_authority(request.uri(), host)
        }
    }
}

/// Whether there are more fields than that, where all cookie fields count as
/// one: HTTP/2 has clients split theirs (section 8.2.3).
fn counts_more_than(fields: &HeaderMap, most: usize) -> bool {
    fields.len() > most && fields.len() - fields.get_all(COOKIE).iter().skip(1).count() > most
}

/// Section 8.5: a plain CONNECT says where to, with a port; an extended one, as
/// what (RFC 8441, section 4).
fn check_tunnel<B>(request: &Request<B>) -> std::result::Result<(), Refusal> {
    let Some(protocol) = request.extensions().get::<Protocol>() else {
        let Some(authority) = request.uri().authority() else {
            return Err(Refusal::Malformed("CONNECT without :authority"));
        };
        // RFC 9110, section 9.3.6.
        return authority.port_u16().map(drop).ok_or(Refusal::Status(StatusCode::BAD_REQUEST, None));
    };
    match protocol.as_str() {
        "" => Err(Refusal::Malformed(":protocol is empty")),
        name if name.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
        _ => Err(Refusal::Malformed(":protocol contains what no name of one does")),
    }
}

/// RFC 9113, section 8.3.1: a path begins with a slash, and only OPTIONS may ask for `*`.
fn check_path<B>(request: &Request<B>) -> std::result::Result<(), Refusal> {
    match request.uri().path_and_query().map_or("/", |path| path.as_str()) {
        path if path.starts_with('/') => Ok(()),
        "*" if request.method() == Method::OPTIONS => Ok(()),
        _ => Err(Refusal::Malformed("the path does not begin with a slash")),
    }
}

/// RFC 9112, section 3.2: a host, that only 1.0 may leave out, and one that is none
/// is refused. In HTTP/2 the authority was parsed before.
fn check_host<B>(request: &Request<B>, host: Option<&HeaderValue>) -> std::result::Result<(), Refusal> {
    let Some(host) = host else {
        return match request.version() {
            Version::HTTP_10 => Ok(()),
            _ => Err(Refusal::Malformed("there is no host field")),
        };
    };
    if !host.is_empty() && !is_authority(host.as_bytes()) {
        return Err(Refusal::Malformed("the host is none"));
    }
    // Section 3.2.2: a target that names the host itself is what counts.
    let host =
        if request.method() != Method::CONNECT && request.uri().authority().is_some() { None } else { Some(host) };
    check_authority(request.uri(), host)
}

/// Whether that is a host and perhaps a port (RFC 3986, section 3.2), without user information.
fn is_authority(text: &[u8]) -> bool {
    let (name, port) = match text.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(colon) if text[colon] == b':' => (&text[..colon], &text[colon + 1..]),
        _ => (text, &[][..]),
    };
    let is_host = match name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")) {
        Some(literal) => std::str::from_utf8(literal).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
        None => is_registered_name(name),
    };
    is_host && port.iter().all(u8::is_ascii_digit)
}

/// RFC 3986, section 3.2.2, which is every IPv4 address too.
fn is_registered_name(name: &[u8]) -> bool {
    let mut rest = name.iter();
    while let Some(byte) = rest.next() {
        let is_good = match byte {
            b'%' => rest.next().is_some_and(u8::is_ascii_hexdigit) && rest.next().is_some_and(u8::is_ascii_hexdigit),
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte),
        };
        if !is_good {
            return false;
        }
    }
    true
}

/// What h2 lets through of trailers and a server must refuse (RFC 9110, section 6.5.1).
pub fn are_trailers_malformed(fields: &HeaderMap) -> bool {
    let forbidden = |name: &HeaderName| *name == CONTENT_LENGTH || *name == HOST;
    fields.iter().any(|(name, value)| forbidden(name) || has_blank_edge(value.as_bytes()))
}

/// RFC 9113, section 8.2.1: no value starts or ends with white space.
fn check_value(value: &HeaderValue) -> std::result::Result<(), Refusal> {
    if has_blank_edge(value.as_bytes()) {
        return Err(Refusal::Malformed("a field value starts or ends with white space"));
    }
    Ok(())
}

/// Section 8.3.1: one authority, named the same wherever it is named, without user information.
fn check_authority(uri: &Uri, host: Option<&HeaderValue>) -> std::result::Result<(), Refusal> {
    let authority = uri.authority().map(|authority| authority.as_str());
    match (authority, host) {
        (None, None) => Err(Refusal::Status(StatusCode::BAD_REQUEST, None)),
        (None, Some(host)) if host.as_bytes().contains(&b'@') => {
            Err(Refusal::Malformed("the host contains user information"))
        }
        (Some(authority), _) if authority.bytes().any(|byte| byte == b'@') => {
            Err(Refusal::Malformed("the authority contains user information"))
        }
        (Some(authority), Some(host)) => {
            let port: &[u8] = if uri.scheme_str() == Some("https") { b":443" } else { b":80" };
            match is_same_host(authority.as_bytes(), host.as_bytes(), port) {
                true => Ok(()),
                false => Err(Refusal::Malformed("host and :authority differ")),
            }
        }
        _ => Ok(()),
    }
}

/// Whether two authorities name the same, with and without the scheme's own
/// port (RFC 9110, section 4.2.3).
fn is_same_host(one: &[u8], other: &[u8], port: &[u8]) -> bool {
    let bare = |text: &'_ [u8]| -> usize {
        let without = text.strip_suffix(port).or_else(|| text.strip_suffix(b":"));
        without.map_or(text.len(), <[u8]>::len)
    };
    one[..bare(one)].eq_ignore_ascii_case(&other[..bare(other)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Option<Refusal> {
        let request = http::Request::builder().version(Version::HTTP_2).uri("http://example.com/");
        let request = build(request).body(()).unwrap();
        check(&request, 100).err()
    }

    #[test]
    fn an_ordinary_request_passes() {
        assert_eq!(checked(|r| r.header("host", "Example.com").header("a", "b c")), None);
    }

    #[test]
    fn malformed_requests_are_refused() {
        let malformed = |refusal| matches!(refusal, Some(Refusal::Malformed(_)));
        assert!(malformed(checked(|r| r.header("a", "b "))));
        assert!(malformed(checked(|r| r.header("a", "\tb"))));
        assert!(malformed(checked(|r| r.header("host", "other.com"))));
        assert!(malformed(checked(|r| r.header("host", "example.com").header("host", "example.com"))));
        assert!(malformed(checked(|r| r.uri("http://me@example.com/"))));
        assert!(malformed(checked(|r| r.header("content-length", "5").header("content-length", "5"))));
    }

    #[test]
    fn a_tunnel_says_where_to_or_as_what() {
        let plain = |uri: &'static str| checked(move |r| r.method("CONNECT").uri(uri));
        assert_eq!(plain("example.com:443"), None);
        assert_eq!(plain("[::1]:443"), None);
        assert_eq!(plain("example.com"), Some(Refusal::Status(StatusCode::BAD_REQUEST, None)));
        assert!(matches!(plain("/"), Some(Refusal::Malformed(_))));
        assert!(matches!(plain("me@example.com:443"), Some(Refusal::Malformed(_))));
        let extended = |name| checked(move |r| r.method("CONNECT").extension(Protocol::from_static(name)));
        assert_eq!(extended("websocket"), None);
        for bad in ["", "web socket", "web\0socket", "w\u{e9}b"] {
            assert!(matches!(extended(bad), Some(Refusal::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_host_must_be_one_and_may_be_missing_in_1_0() {
        let host = |version, host: Option<&'static str>| {
            checked(move |r| {
                let r = r.version(version).uri("/");
                host.into_iter().fold(r, |r, host| r.header("host", host))
            })
        };
        for good in ["a", "a:80", "a:", "[::1]:80", "", "tmp%2Fg.sock", "a_b~!$&'()*+,;=", "%C3%A4:1"] {
            assert_eq!(host(Version::HTTP_11, Some(good)), None, "{good:?}");
        }
        for bad in ["a b", "a/", "a@b", "a:b:c", "a:b", "a%2", "a%zz", "a?", "a#", "a\\", "[::1", "[x]", "\u{e4}"] {
            assert!(matches!(host(Version::HTTP_11, Some(bad)), Some(Refusal::Malformed(_))), "{bad:?}");
        }
        assert!(matches!(host(Version::HTTP_11, None), Some(Refusal::Malformed(_))));
        assert_eq!(host(Version::HTTP_10, None), None);
    }

    #[test]
    fn a_target_that_names_the_host_overrules_the_field() {
        let with = |uri: &'static str, host: &'static str| {
            checked(move |r| r.version(Version::HTTP_11).uri(uri).header("host", host))
        };
        assert_eq!(with("http://example.com/", "other.com"), None);
        assert_eq!(with("http://example.com:80/", "example.com"), None);
        assert!(matches!(with("http://example.com/", "a b"), Some(Refusal::Malformed(_))));
        assert!(matches!(with("http://me@example.com/", "example.com"), Some(Refusal::Malformed(_))));
    }

    #[test]
    fn the_default_port_makes_no_other_host() {
        let with = |uri: &'static str, host: &'static str| checked(move |r| r.uri(uri).header("host", host)).is_none();
        assert!(
            with("http://a/", "a:80")
                && with("http://a:80/", "A")
                && with("https://a/", "a:443")
                && with("http://a/", "a:")
        );
        assert!(!with("http://a/", "a:443") && !with("https://a/", "a:80") && !with("http://a:8080/", "a"));
    }

    #[test]
    fn a_path_begins_with_a_slash() {
        let with = |method: &'static str, path: &'static str| {
            let parts = |path: &str| {
                let mut parts = http::uri::Parts::default();
                parts.scheme = Some(http::uri::Scheme::HTTP);
                parts.authority = Some("a".parse().unwrap());
                parts.path_and_query = Some(path.parse().unwrap());
                Uri::from_parts(parts).unwrap()
            };
            checked(move |r| r.method(method).uri(parts(path)))
        };
        assert_eq!([with("GET", "/"), with("GET", "/?x=1"), with("OPTIONS", "*")], [None, None, None]);
        for (method, path) in [("GET", "?x=1"), ("GET", "*"), ("OPTIONS", "?x=1"), ("POST", "*")] {
            assert!(matches!(with(method, path), Some(Refusal::Malformed(_))), "{method} {path}");
        }
    }

    #[test]
    fn what_cannot_be_served_has_a_status() {
        let status = |refusal| match refusal {
            Some(Refusal::Status(status, _)) => status.as_u16(),
            other => panic!("{other:?}"),
        };
        assert_eq!(status(checked(|r| r.uri("/"))), 400);
        assert_eq!(status(checked(|r| (0..101).fold(r, |r, n| r.header(format!("f{n}"), "x")))), 431);
    }

    #[test]
    fn cookie_fields_count_as_one() {
        let with = |cookies: usize, others: usize| {
            checked(move |r| {
                let r = (0..cookies).fold(r, |r, n| r.header("cookie", format!("c{n}=x")));
                (0..others).fold(r, |r, n| r.header(format!("f{n}"), "x"))
            })
        };
        let too_many = || Some(Refusal::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, None));
        assert_eq!([with(500, 99), with(1, 99), with(0, 100)], [None, None, None]);
        assert_eq!([with(500, 100), with(1, 100), with(0, 101)], [too_many(), too_many(), too_many()]);
    }

    #[test]
    fn cookies_are_joined_and_others_are_not() {
        let fields = [("cookie", "a=1; b=2"), ("x", "1"), ("cookie", "c=3"), ("x", "2"), ("cookie", "")];
        let request = fields.iter().fold(Request::builder(), |r, (name, value)| r.header(*name, *value));
        let head = Head::new(request.body(()).unwrap().into_parts().0, Vec::new());
        assert_eq!(head.field("cookie").unwrap(), b"a=1; b=2; c=3; ");
        assert_eq!(head.field("Cookie").unwrap().as_ptr(), head.field("cookie").unwrap().as_ptr(), "one view");
        assert_eq!(head.field("x").unwrap(), b"1");
        assert_eq!(head.cookies().collect::<Vec<_>>(), [&b"a=1; b=2"[..], b"c=3", b""]);
        let single = Request::builder().header("cookie", "a=1").body(()).unwrap();
        assert_eq!(Head::new(single.into_parts().0, Vec::new()).field("cookie").unwrap(), b"a=1");
    }
}
