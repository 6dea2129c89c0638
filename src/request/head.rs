//! The head of a request as its host sees it: method, target, fields, path parameters.

use std::cell::OnceCell;
use std::mem;

use http::Method;

use crate::engine::{GOAWAY_PSEUDO_FIELD_SENSITIVE, PseudoField, RequestHead, Version};
use crate::error::{Error, Result};
use crate::forwarded::Forwarded;
use crate::header_list::HeaderList;

/// Larger buffers are freed when the head has ended.
const KEPT_BYTES: usize = 4096;

/// What the peer requests (RFC 9110, section 6.2).
#[derive(Default)]
pub struct Head {
    request: Box<RequestHead>,
    params: Vec<(String, String)>,
    /// What trusted proxies say of the request.
    forwarded: Option<Box<Forwarded>>,
    /// The values of several cookie fields, joined on first use.
    cookie: OnceCell<Box<[u8]>>,
}

impl Head {
    pub fn new(request: Box<RequestHead>, params: Vec<(String, String)>) -> Self {
        Self { request, params, forwarded: None, cookie: OnceCell::new() }
    }

    /// Replaces the head by that of another request. Returns the old one for reuse.
    pub fn replace(&mut self, request: Box<RequestHead>, params: Vec<(String, String)>) -> Box<RequestHead> {
        self.params = params;
        self.forwarded = None;
        self.cookie.take();
        mem::replace(&mut self.request, request)
    }

    /// Frees the memory that the next request would not reuse.
    pub fn clear(&mut self) {
        self.params = Vec::new();
        self.forwarded = None;
        self.cookie.take();
        if self.request.path.capacity() > KEPT_BYTES {
            self.request.path = Vec::new();
        }
        if self.request.fields.memory() > KEPT_BYTES {
            self.request.fields = HeaderList::new();
        }
    }

    /// The bytes of memory that it holds.
    pub fn memory(&self) -> usize {
        let params = self.params.iter().map(|(name, value)| name.len() + value.len());
        let cookie = self.cookie.get().map_or(0, |joined| joined.len());
        let forwarded = self.forwarded().map_or(0, Forwarded::memory);
        self.request.fields.memory() + self.request.path.capacity() + params.sum::<usize>() + cookie + forwarded
    }

    /// Sets what trusted proxies say of the request.
    pub fn set_forwarded(&mut self, forwarded: Option<Box<Forwarded>>) {
        self.forwarded = forwarded;
    }

    /// What trusted proxies say of the request.
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.forwarded.as_deref()
    }

    /// The head as received, without the path parameters.
    pub fn request(&self) -> &RequestHead {
        &self.request
    }

    /// The protocol of an extended CONNECT, such as "websocket"; `None` for other
    /// requests.
    pub fn protocol(&self) -> Option<&str> {
        self.request.protocol.as_deref()
    }

    /// Whether the protocol was received as a field that is never indexed.
    pub fn has_sensitive_protocol(&self) -> bool {
        const SENSITIVE: u32 = PseudoField::Protocol as u32 | GOAWAY_PSEUDO_FIELD_SENSITIVE;
        let order = self.request.pseudo_order;
        (0..8).any(|digit| order >> (4 * digit) & 0xf == SENSITIVE)
    }

    /// Whether it requests an upgrade, to which a 101 response switches protocols.
    pub fn asks_upgrade(&self) -> bool {
        self.request.upgrade.is_some()
    }

    /// Whether it was received in HTTP/1.1 or 1.0.
    pub fn is_http1(&self) -> bool {
        self.request.version < Version::Http2
    }

    /// The protocol version in the notation of HTTP: "2", "1.1" or "1.0".
    pub fn version(&self) -> &'static str {
        match self.request.version {
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
            Version::Http2 => "2",
        }
    }

    pub fn method(&self) -> &Method {
        &self.request.method
    }

    /// The path as received, percent-encoded, without the query. It is empty for a
    /// plain CONNECT. It may contain any bytes except controls, space and DEL.
    pub fn path(&self) -> &[u8] {
        self.request.path_and_query().0
    }

    /// What stands behind the first `?`, as it came; empty if there is none. Any
    /// bytes but controls, space and DEL.
    pub fn query(&self) -> &[u8] {
        self.request.path_and_query().1
    }

    /// The authority, as forwarded or as received.
    pub fn authority(&self) -> &str {
        let forwarded = self.forwarded().and_then(|forwarded| forwarded.authority.as_deref());
        forwarded.unwrap_or_else(|| self.received_authority())
    }

    /// The authority as received, from `:authority` or, without it, from `host`; may be
    /// empty.
    pub fn received_authority(&self) -> &str {
        self.request.authority.as_deref().or_else(|| self.host()).unwrap_or("")
    }

    /// Whether that is from `host`.
    pub fn has_host_only(&self) -> bool {
        self.request.authority.is_none() && !self.received_authority().is_empty()
    }

    /// The `host` field, if it is text.
    fn host(&self) -> Option<&str> {
        let host = self.request.fields.get(b"host")?;
        str::from_utf8(host).ok().filter(|host| host.is_ascii())
    }

    /// The scheme, as forwarded or as received. It is empty for a plain CONNECT.
    pub fn scheme(&self) -> &str {
        match self.forwarded().and_then(|forwarded| forwarded.scheme) {
            Some(scheme) if !self.received_scheme().is_empty() => scheme,
            _ => self.received_scheme(),
        }
    }

    /// The scheme as received.
    pub fn received_scheme(&self) -> &str {
        let is_plain = self.request.method == Method::CONNECT && self.request.protocol.is_none();
        self.request.scheme.as_deref().unwrap_or(if is_plain { "" } else { "http" })
    }

    /// All fields in order of arrival.
    pub fn fields(&self) -> &HeaderList {
        &self.request.fields
    }

    /// The path parameters, percent-decoded, in the order of the pattern.
    pub fn params(&self) -> &[(String, String)] {
        &self.params
    }

    /// The value of the field of that name, in any case: of several cookie fields
    /// all, joined (RFC 9113, section 8.2.3), of others the first.
    pub fn field(&self, name: &str) -> Result<&[u8]> {
        let is_it = |known: &[u8]| known.eq_ignore_ascii_case(name.as_bytes());
        let found = self.fields().iter().find(|field| is_it(field.name));
        let found = found.ok_or_else(|| Error::NotFound(format!("header field {name:?}")))?;
        if found.name == b"cookie" && self.cookies().nth(1).is_some() {
            return Ok(self.cookie.get_or_init(|| self.cookies().collect::<Vec<_>>().join(&b"; "[..]).into()));
        }
        Ok(found.value)
    }

    /// The value of each cookie field, as they came.
    pub fn cookies(&self) -> impl Iterator<Item = &[u8]> {
        self.fields().get_all(b"cookie")
    }

    /// The path parameter of that name, percent-decoded.
    pub fn param(&self, name: &str) -> Result<&str> {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| Error::NotFound(format!("path parameter {name:?}")))
    }

    /// The announced length of its body.
    pub fn length(&self) -> Option<u64> {
        str::from_utf8(self.fields().get(b"content-length")?).ok()?.parse().ok()
    }

    /// Whether the peer waits for a 100 before it sends the body (RFC 9110, section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        // RFC 9110, section 10.1.1: not in 1.0.
        self.request.version > Version::Http10
            && self.fields().get(b"expect").is_some_and(|expect| expect.eq_ignore_ascii_case(b"100-continue"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(path: &[u8], fields: &[(&str, &str)]) -> Head {
        let mut request = Box::new(RequestHead { path: path.to_vec(), ..RequestHead::default() });
        fields.iter().for_each(|(name, value)| request.fields.push(name.as_bytes(), value.as_bytes(), false));
        Head::new(request, Vec::new())
    }

    #[test]
    fn cookies_are_joined_and_others_are_not() {
        let fields = [("cookie", "a=1; b=2"), ("x", "1"), ("cookie", "c=3"), ("x", "2"), ("cookie", "")];
        let several = head(b"/", &fields);
        assert_eq!(several.field("cookie").unwrap(), b"a=1; b=2; c=3; ");
        assert_eq!(several.field("Cookie").unwrap().as_ptr(), several.field("cookie").unwrap().as_ptr(), "one view");
        assert_eq!(several.field("X").unwrap(), b"1");
        assert_eq!(several.cookies().collect::<Vec<_>>(), [&b"a=1; b=2"[..], b"c=3", b""]);
        assert_eq!(head(b"/", &[("cookie", "a=1")]).field("cookie").unwrap(), b"a=1");
        assert!(matches!(several.field("y"), Err(Error::NotFound(_))));
    }

    #[test]
    fn a_head_that_is_filled_again_keeps_nothing() {
        let mut used = head(b"/a", &[("cookie", "a=1"), ("cookie", "b=2")]);
        assert_eq!(used.field("cookie").unwrap(), b"a=1; b=2");
        used.clear();
        let next = head(b"/b", &[("cookie", "c=3"), ("cookie", "d=4")]);
        used.replace(next.request, vec![("id".into(), "5".into())]);
        assert_eq!(used.field("cookie").unwrap(), b"c=3; d=4");
        assert_eq!((used.path(), used.param("id").unwrap()), (&b"/b"[..], "5"));
        let large = "x".repeat(2 * KEPT_BYTES);
        let mut used = head(large.as_bytes(), &[("a", &large)]);
        used.clear();
        assert!(used.request.path.capacity() + used.request.fields.memory() <= 2 * KEPT_BYTES);
    }

    #[test]
    fn path_and_query_are_any_bytes() {
        for (target, path, query) in [
            (&b"/a?b?c"[..], &b"/a"[..], &b"b?c"[..]),
            (b"/a?", b"/a", b""),
            (b"/\xff\"{|}?\xc3\xa4=`", b"/\xff\"{|}", b"\xc3\xa4=`"),
            (b"*", b"*", b""),
            (b"", b"", b""),
        ] {
            let head = head(target, &[]);
            assert_eq!((head.path(), head.query()), (path, query));
        }
    }
}
