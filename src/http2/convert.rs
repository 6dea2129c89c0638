//! Between our heads and header lists and those of the `http` crate, which h2
//! takes and gives.

use std::cell::RefCell;

use h2::ext::Protocol;
use http::header::{ALLOW, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri};

use crate::engine::{RequestHead, Version};
use crate::header_list::{Field, HeaderList};
use crate::request::{AnswerHead, Informational};

/// Longer sections are not remembered whole.
const SHORT_SECTION: usize = 512;
/// Longer fields are not remembered.
const SHORT: usize = 64;
/// Fields that a thread remembers.
const REMEMBERED: usize = 16;

thread_local! {
    /// The section that was converted last, and, if it came twice, what it came to.
    static SECTION: RefCell<(HeaderList, Option<HeaderMap>)> = RefCell::default();
    /// The fields that were converted last. Responses repeat theirs, and to compare
    /// a field is cheaper than to make it anew.
    static LAST: RefCell<[Option<(HeaderName, HeaderValue)>; REMEMBERED]> =
        const { RefCell::new([const { None }; REMEMBERED]) };
}

/// Fills `head`, which may be of another request, with a request that has come.
pub fn request(parts: Parts, head: &mut RequestHead) {
    let Parts { method, uri, version, headers, extensions, .. } = parts;
    head.version = match version {
        http::Version::HTTP_10 => Version::Http10,
        http::Version::HTTP_11 => Version::Http11,
        _ => Version::Http2,
    };
    head.method = method;
    keep(&mut head.scheme, uri.scheme_str());
    keep(&mut head.authority, uri.authority().map(|authority| authority.as_str()));
    keep(&mut head.protocol, extensions.get::<Protocol>().map(Protocol::as_str));
    head.upgrade = None;
    head.path.clear();
    // A plain CONNECT has none.
    if let Some(path) = uri.path_and_query() {
        head.path.extend_from_slice(path.as_str().as_bytes());
    }
    head.fields.clear();
    fill(&mut head.fields, &headers);
}

/// Puts that text into a box that may have it already.
fn keep(place: &mut Option<Box<str>>, text: Option<&str>) {
    if place.as_deref() != text {
        *place = text.map(Into::into);
    }
}

fn fill(list: &mut HeaderList, fields: &HeaderMap) {
    for (name, value) in fields {
        list.push_lower(name.as_str().as_bytes(), value.as_bytes(), value.is_sensitive());
    }
}

/// A trailer section that has come.
pub fn trailers(fields: &HeaderMap) -> HeaderList {
    let mut list = HeaderList::new();
    fill(&mut list, fields);
    list
}

/// The final head of a response, with all that is to be sent.
pub fn response(head: &AnswerHead<'_>) -> Response<()> {
    with_fields(head.status, header_map(head.fields))
}

pub fn informational(head: &Informational) -> Response<()> {
    with_fields(head.status, header_map(&head.fields))
}

/// The library's own response to a request that no handler gets.
pub fn refusal(status: StatusCode, allow: Option<&str>, date: &[u8]) -> Response<()> {
    let mut fields = HeaderMap::new();
    let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).expect("methods and dates are visible ASCII");
    fields.insert(DATE, value(date));
    fields.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    allow.into_iter().for_each(|allow| drop(fields.insert(ALLOW, value(allow.as_bytes()))));
    with_fields(status, fields)
}

fn with_fields(status: StatusCode, fields: HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    response
}

/// A request to be pushed. None if h2 cannot send it.
pub fn pushed(head: &RequestHead) -> Option<Request<()>> {
    let mut uri = Uri::builder().path_and_query(&*head.path);
    if let Some(scheme) = &head.scheme {
        uri = uri.scheme(&**scheme);
    }
    if let Some(authority) = &head.authority {
        uri = uri.authority(&**authority);
    }
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri.build().ok()?;
    *request.headers_mut() = header_map(&head.fields);
    Some(request)
}

/// Fields that were checked when they were set. Those of one name come to stand
/// together, where the first of them stood.
pub fn header_map(list: &HeaderList) -> HeaderMap {
    if list.text_len() > SHORT_SECTION {
        return make_map(list);
    }
    let remembered = SECTION.try_with(|last| {
        let (known, fields) = &mut *last.borrow_mut();
        if known != list {
            known.clone_from(list);
            *fields = None;
            return make_map(list);
        }
        fields.get_or_insert_with(|| make_map(list)).clone()
    });
    // A thread that is ending remembers none.
    remembered.unwrap_or_else(|_| make_map(list))
}

fn make_map(list: &HeaderList) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(list.len());
    let converted = LAST.try_with(|last| {
        let last = &mut *last.borrow_mut();
        for field in list.iter() {
            let (name, value) = remembered(last, field);
            fields.append(name, value);
        }
    });
    if converted.is_err() {
        // A thread that is ending remembers none.
        fields.extend(list.iter().map(|field| make(field)).map(|(name, value)| (Some(name), value)));
    }
    fields
}

fn remembered(
    last: &mut [Option<(HeaderName, HeaderValue)>; REMEMBERED],
    field: Field<'_>,
) -> (HeaderName, HeaderValue) {
    let Field { name, value, is_sensitive } = field;
    if name.len() + value.len() > SHORT {
        return make(field);
    }
    let place = &mut last[name.len().wrapping_mul(7).wrapping_add(value.len()) % REMEMBERED];
    if let Some(known) = place
        && known.0.as_str().as_bytes() == name
        && known.1.as_bytes() == value
        && known.1.is_sensitive() == is_sensitive
    {
        return known.clone();
    }
    place.insert(make(field)).clone()
}

fn make(field: Field<'_>) -> (HeaderName, HeaderValue) {
    let name = HeaderName::from_bytes(field.name).expect("a name is checked when it is set");
    let mut value = HeaderValue::from_bytes(field.value).expect("a value is checked when it is set");
    value.set_sensitive(field.is_sensitive);
    (name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str, bool)]) -> HeaderList {
        let mut list = HeaderList::new();
        fields.iter().for_each(|(name, value, mark)| list.push(name.as_bytes(), value.as_bytes(), *mark));
        list
    }

    #[test]
    fn a_list_and_its_map_say_the_same() {
        let long = "x".repeat(5000);
        // Of the same place in memory, so that they displace each other.
        let fields = [
            ("content-type", "text/plain", false),
            ("content-type", "image/jpeg", false),
            ("cookie", "a", true),
            ("b", &long, false),
            ("cookie", "a", false),
            ("c", "", false),
        ];
        for _ in 0..3 {
            let mut back = HeaderList::new();
            fill(&mut back, &header_map(&list(&fields)));
            let mut together = fields;
            // Those of one name stand together.
            together[3..5].rotate_right(1);
            assert_eq!(back, list(&together));
        }
    }

    #[test]
    fn a_head_that_is_filled_again_is_the_new_request() {
        let parts = |build: fn(http::request::Builder) -> http::request::Builder| {
            build(Request::builder()).body(()).unwrap().into_parts().0
        };
        let mut head = RequestHead::default();
        let first = |r: http::request::Builder| {
            let r = r.version(http::Version::HTTP_2).method("CONNECT").uri("https://a:1/chat?b").header("x", "1");
            r.extension(Protocol::from_static("websocket"))
        };
        request(parts(first), &mut head);
        assert_eq!((head.scheme.as_deref(), head.authority.as_deref()), (Some("https"), Some("a:1")));
        assert_eq!((head.protocol.as_deref(), head.path_and_query()), (Some("websocket"), (&b"/chat"[..], &b"b"[..])));
        head.upgrade = Some("b".into());
        request(parts(|r| r.version(http::Version::HTTP_10).uri("/d").header("y", "2")), &mut head);
        let expected = RequestHead {
            version: Version::Http10,
            path: b"/d".to_vec(),
            fields: list(&[("y", "2", false)]),
            ..RequestHead::default()
        };
        assert_eq!(head, expected);
        request(parts(|r| r.version(http::Version::HTTP_2).method("CONNECT").uri("a:1")), &mut head);
        assert_eq!((head.authority.as_deref(), &*head.path), (Some("a:1"), &b""[..]));
    }

    #[test]
    fn a_path_is_passed_on_as_it_came() {
        for path in ["/", "*", "/a?b", "/?", "/\u{e4}\"{|}", "/%ff"] {
            let parts = Request::builder().uri(path).version(http::Version::HTTP_2).body(()).unwrap().into_parts().0;
            let mut head = RequestHead::default();
            request(parts, &mut head);
            assert_eq!(String::from_utf8_lossy(&head.path), path);
            let (scheme, authority) = (Some("http".into()), Some("a".into()));
            let pushed = pushed(&RequestHead { scheme, authority, ..head });
            assert_eq!(pushed.unwrap().uri().path_and_query().unwrap(), path);
        }
    }
}
