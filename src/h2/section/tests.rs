//! Each rule with valid and invalid examples.

use super::*;
use crate::h2::hpack::Encoder;

type Pairs<'a> = &'a [(&'a str, &'a str)];

const LIMITS: Limits = Limits { header_list_bytes: 16 << 10, header_fields: 100, has_connect_protocol: true };
/// `GET http://example.com/`.
const GET: Pairs = &[(":method", "GET"), (":scheme", "http"), (":authority", "example.com"), (":path", "/")];

fn block(fields: Pairs) -> Vec<u8> {
    let mut out = Vec::new();
    fields.iter().for_each(|(name, value)| Encoder::new().field(name.as_bytes(), value.as_bytes(), false, &mut out));
    out
}

fn read_with(limits: Limits, fields: Pairs) -> Result<(RequestHead, RequestFacts), Wrong> {
    // The head is used again: nothing of an earlier request is left.
    let mut head = RequestHead {
        version: Version::Http11,
        method: Method::DELETE,
        scheme: Some("old".into()),
        authority: Some("old".into()),
        path: b"/old".to_vec(),
        protocol: Some("old".into()),
        upgrade: Some("old".into()),
        fields: HeaderList::new(),
        pseudo_order: 0x12345,
        has_sensitive: true,
    };
    head.fields.push(b"old", b"old", false);
    let facts = read_request(&mut Decoder::new(4096), &block(fields), &limits, &mut head).expect("a block");
    facts.map(|facts| (head, facts))
}

fn read(fields: Pairs) -> Result<(RequestHead, RequestFacts), Wrong> {
    read_with(LIMITS, fields)
}

/// The fields of `GET` and more fields.
fn get(more: Pairs) -> Result<RequestFacts, Wrong> {
    read(&[GET, more].concat()).map(|(_, facts)| facts)
}

fn is_malformed<T>(read: Result<T, Wrong>) -> bool {
    matches!(read, Err(Wrong::Malformed(_)))
}

const BAD_REQUEST: Wrong = Wrong::Status(StatusCode::BAD_REQUEST);
const TOO_LARGE: Wrong = Wrong::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

#[test]
fn a_head_is_filled_with_the_request() {
    let (head, facts) = read(&[
        (":path", "/a?b"),
        (":method", "POST"),
        (":authority", "example.com:8443"),
        (":scheme", "https"),
        ("x-b", "1"),
        ("cookie", "a=1"),
        ("content-length", "12"),
        ("priority", "u=1"),
        ("cookie", "b=2"),
        ("x-b", ""),
    ])
    .unwrap();
    assert_eq!(facts, RequestFacts { content_length: Some(12), has_priority: true });
    let mut fields = HeaderList::new();
    for (name, value) in
        [("x-b", "1"), ("cookie", "a=1"), ("content-length", "12"), ("priority", "u=1"), ("cookie", "b=2"), ("x-b", "")]
    {
        fields.push(name.as_bytes(), value.as_bytes(), false);
    }
    let expected = RequestHead {
        version: Version::Http2,
        method: Method::POST,
        scheme: Some("https".into()),
        authority: Some("example.com:8443".into()),
        path: b"/a?b".to_vec(),
        protocol: None,
        upgrade: None,
        fields,
        pseudo_order: 0x2314, // :path first
        has_sensitive: false,
    };
    assert_eq!(head, expected);
    assert_eq!(get(&[]), Ok(RequestFacts::default()));
}

#[test]
fn never_indexed_fields_are_reported() {
    let mut bytes = block(GET);
    let mut encoder = Encoder::new();
    encoder.field(b"cookie", b"a=1", true, &mut bytes);
    encoder.field(b"cookie", b"b=2", false, &mut bytes);
    let mut head = RequestHead::default();
    read_request(&mut Decoder::new(4096), &bytes, &LIMITS, &mut head).unwrap().unwrap();
    assert_eq!(head.fields.iter().map(|field| field.is_sensitive).collect::<Vec<_>>(), [true, false]);
    assert!(head.has_sensitive);
    read_request(&mut Decoder::new(4096), &block(GET), &LIMITS, &mut head).unwrap().unwrap();
    assert!(!head.has_sensitive, "of the request before");
}

#[test]
fn the_order_of_pseudo_header_fields_is_kept() {
    let read = |fields: &[(&str, &str, bool)]| {
        let (mut bytes, mut encoder, mut head) = (Vec::new(), Encoder::new(), RequestHead::default());
        for (name, value, is_sensitive) in fields {
            encoder.field(name.as_bytes(), value.as_bytes(), *is_sensitive, &mut bytes);
        }
        let read = read_request(&mut Decoder::new(4096), &bytes, &LIMITS, &mut head).unwrap();
        read.map(|_| head.pseudo_order)
    };
    let (method, scheme) = ((":method", "GET", false), (":scheme", "http", false));
    let (authority, path) = ((":authority", "a.example", false), (":path", "/", false));
    assert_eq!(read(&[method, scheme, authority, path]), Ok(0x4321));
    assert_eq!(read(&[path, authority, scheme, method]), Ok(0x1234));
    assert_eq!(read(&[scheme, method, path, ("host", "a.example", false)]), Ok(0x412));
    // Never indexed.
    assert_eq!(read(&[method, scheme, (":authority", "a.example", true), (":path", "/secret", true)]), Ok(0xcb21));
    let connect = (":method", "CONNECT", false);
    assert_eq!(read(&[(":protocol", "websocket", true), connect, scheme, path, authority]), Ok(0x3421d));
    // Further fields are counted and have no other effect.
    assert!(read(&[method; 40]).is_err());
}

#[test]
fn pseudo_header_fields_occur_once_and_first() {
    for missing in [":method", ":scheme", ":path"] {
        let rest: Vec<_> = GET.iter().copied().filter(|(name, _)| *name != missing).collect();
        assert!(is_malformed(read(&rest)), "{missing}");
    }
    for (name, value) in GET {
        assert!(is_malformed(get(&[(name, value)])), "{name} twice");
        let rest: Vec<_> = GET.iter().copied().filter(|(other, _)| other != name).collect();
        assert!(is_malformed(read(&[&rest[..], &[("a", "b"), (name, value)]].concat())), "{name} behind a field");
    }
    for bad in [(":foo", "x"), (":", ""), (":status", "200"), (":protocol", "websocket"), (":Path", "/")] {
        assert!(is_malformed(read(&[&[bad], GET].concat())), "{bad:?}");
    }
    assert!(is_malformed(read(&[])));
}

#[test]
fn malformed_fields_are_refused() {
    for bad in [
        ("a", "b "),
        ("a", "\tb"),
        ("a", "b\0"),
        ("a", "b\r\nc"),
        ("a", "\x7f"),
        ("A", "b"),
        ("", "b"),
        ("a b", "c"),
        ("connection", "close"),
        ("keep-alive", "5"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("content-length", "5x"),
        ("content-length", "-1"),
        ("host", "other.com"),
        ("host", "example.com:81"),
        ("host", "me@example.com"),
        ("host", ""),
    ] {
        assert!(is_malformed(get(&[bad])), "{bad:?}");
        assert!(is_malformed(get(&[("x", "y"), bad, ("z", "")])), "{bad:?}");
    }
    for good in [("a", "b c\td\u{e4}"), ("te", "trailers"), ("host", "Example.com:80"), ("a", "")] {
        assert!(get(&[good]).is_ok(), "{good:?}");
    }
}

#[test]
fn host_and_content_length_occur_once() {
    assert!(is_malformed(get(&[("content-length", "5"), ("content-length", "5")])));
    assert!(is_malformed(get(&[("content-length", "5"), ("content-length", "6")])));
    assert!(is_malformed(get(&[("host", "example.com"), ("a", "b"), ("host", "example.com")])));
}

#[test]
fn user_information_in_an_authority_is_refused() {
    let with = |authority: &str, host: Option<&str>| {
        let pseudo = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", authority)];
        let host = host.map(|host| ("host", host));
        read(&pseudo.into_iter().chain(host).collect::<Vec<_>>()).map(drop)
    };
    for good in ["a", "a:80", "a:", "[::1]:1", "tmp%2Fg.sock", "a_b", "1.2.3.4"] {
        assert_eq!(with(good, None), Ok(()), "{good:?}");
    }
    for bad in ["", ":80", "me@a", "a b", "a/", "a:b", "[::1", "\u{e4}", "a?"] {
        assert!(is_malformed(with(bad, None)), "{bad:?}");
    }
    assert_eq!(with("a", Some("a")), Ok(()));
    let without = |host: Pairs| read(&[&[(":method", "GET"), (":scheme", "http"), (":path", "/")], host].concat());
    assert_eq!(without(&[]).unwrap_err(), BAD_REQUEST);
    assert_eq!(without(&[("host", "a")]).map(|(head, _)| head.authority), Ok(None));
    assert!(is_malformed(without(&[("host", "me@a")])));
}

#[test]
fn the_default_port_is_equal_to_no_port() {
    let agree = |scheme, authority, host| {
        let head = [(":method", "GET"), (":scheme", scheme), (":authority", authority), (":path", "/"), ("host", host)];
        read(&head).is_ok()
    };
    assert!(agree("http", "a", "a:80") && agree("http", "a:80", "A"));
    assert!(agree("https", "a", "a:443") && agree("http", "a", "a:"));
    assert!(!agree("http", "a", "a:443") && !agree("https", "a", "a:80") && !agree("http", "a:8080", "a"));
}

#[test]
fn a_path_begins_with_a_slash() {
    let path = |method: &str, path: &str| {
        let head = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)];
        read(&head).map(|(head, _)| head.path)
    };
    for good in ["/", "/?x=1", "//a", "/\"<{|}>`\\^\u{e4}", "/%zz", "/*"] {
        assert_eq!(path("GET", good), Ok(good.as_bytes().to_vec()));
    }
    assert_eq!(path("OPTIONS", "*"), Ok(b"*".to_vec()));
    for (method, bad) in [
        ("GET", "?x=1"),
        ("GET", "*"),
        ("GET", ""),
        ("GET", "a"),
        ("GET", "http://a/"),
        ("GET", "/a b"),
        ("GET", "/a\0"),
        ("GET", "/\t"),
        ("GET", "/a#b"),
        ("GET", "/\x7f"),
        ("OPTIONS", "?x=1"),
        ("OPTIONS", "*?x=1"),
        ("POST", "*"),
    ] {
        assert!(is_malformed(path(method, bad)), "{method} {bad:?}");
    }
}

#[test]
fn a_path_may_be_any_bytes() {
    let mut bytes = block(&GET[..3]);
    Encoder::new().field(b":path", b"/\xff\x80", false, &mut bytes);
    let mut head = RequestHead::default();
    read_request(&mut Decoder::new(4096), &bytes, &LIMITS, &mut head).unwrap().unwrap();
    assert_eq!(head.path, b"/\xff\x80");
}

#[test]
fn methods_are_tokens() {
    let method = |method| read(&[&[(":method", method)], &GET[1..]].concat()).map(|(head, _)| head.method.to_string());
    for good in ["GET", "get", "PROPFIND", "M-SEARCH", "a-method-with-a-rather-long-name"] {
        assert_eq!(method(good).as_deref(), Ok(good));
    }
    for bad in ["", "GE T", "GET ", "G\u{e4}T", "G(T", "GET\0"] {
        assert!(is_malformed(method(bad)), "{bad:?}");
    }
}

#[test]
fn connect_needs_an_authority_only() {
    let connect = |more: Pairs| read(&[&[(":method", "CONNECT")], more].concat());
    for good in ["example.com:443", "[::1]:443"] {
        let (head, facts) = connect(&[(":authority", good), ("content-length", "5")]).unwrap();
        assert_eq!((head.authority.as_deref(), &*head.path, head.scheme), (Some(good), &b""[..], None));
        // The data that follows belongs to the tunnel.
        assert_eq!(facts.content_length, None);
    }
    for bad in ["example.com", "[::1]", "example.com:", "example.com:x", "example.com:65536", "a:0"] {
        assert_eq!(connect(&[(":authority", bad)]).unwrap_err(), BAD_REQUEST, "{bad}");
    }
    for bad in [
        &[][..],
        &[("host", "example.com:443")],
        &[(":authority", "me@example.com:443")],
        &[(":authority", "a:1"), (":scheme", "http")],
        &[(":authority", "a:1"), (":path", "/")],
        &[(":authority", "a:1"), ("host", "b:1")],
    ] {
        assert!(is_malformed(connect(bad)), "{bad:?}");
    }
}

#[test]
fn extended_connect_needs_a_protocol() {
    let with = |limits, protocol, method: &'static str, more: Pairs| {
        let pseudo = [(":method", method), (":protocol", protocol)];
        read_with(limits, &[&pseudo, more].concat())
    };
    let (head, facts) =
        with(LIMITS, "websocket", "CONNECT", &[&GET[1..], &[("content-length", "5")]].concat()).unwrap();
    assert_eq!((head.protocol.as_deref(), &*head.path, facts.content_length), (Some("websocket"), &b"/"[..], None));
    for bad in ["", "web socket", "web\0socket", "w\u{e9}b"] {
        assert!(is_malformed(with(LIMITS, bad, "CONNECT", &GET[1..])), "{bad:?}");
    }
    assert!(is_malformed(with(LIMITS, "websocket", "GET", &GET[1..])));
    assert!(is_malformed(with(LIMITS, "websocket", "CONNECT", &GET[2..])), "no scheme");
    assert!(is_malformed(with(LIMITS, "websocket", "CONNECT", &GET[1..3])), "no path");
    assert_eq!(with(LIMITS, "websocket", "CONNECT", &[GET[1], GET[3]]).unwrap_err(), BAD_REQUEST, "no authority");
    let not_offered = Limits { has_connect_protocol: false, ..LIMITS };
    assert!(is_malformed(with(not_offered, "websocket", "CONNECT", &GET[1..])));
}

#[test]
fn cookie_fields_count_as_one() {
    let counted = |cookies: usize, others: usize| {
        let limits = Limits { header_list_bytes: 1 << 20, ..LIMITS };
        let fields = [GET, &[("cookie", "c=x")].repeat(cookies), &[("f", "x")].repeat(others)].concat();
        read_with(limits, &fields).map(drop)
    };
    assert_eq!([counted(500, 99), counted(1, 99), counted(0, 100)], [Ok(()); 3]);
    assert_eq!([counted(500, 100), counted(1, 100), counted(0, 101)], [Err(TOO_LARGE); 3]);
}

#[test]
fn a_section_has_a_limit_in_bytes() {
    let size: u32 = GET.iter().map(|(name, value)| (name.len() + value.len() + 32) as u32).sum();
    let sized = |length: usize| {
        let limits = Limits { header_list_bytes: size + 100, ..LIMITS };
        read_with(limits, &[GET, &[("a", &"x".repeat(length))]].concat()).map(drop)
    };
    assert_eq!([sized(0), sized(67)], [Ok(()); 2]);
    assert_eq!([sized(68), sized(5000)], [Err(TOO_LARGE); 2]);
    // The limit is checked before missing fields, and after malformed ones.
    let small = Limits { header_list_bytes: 100, ..LIMITS };
    assert_eq!(read_with(small, &[("a", &"x".repeat(68))]).unwrap_err(), TOO_LARGE);
    assert!(is_malformed(read_with(small, &[GET, &[("a", " x")]].concat())));
    // Pseudo-header fields count, too.
    assert_eq!(read_with(small, GET).unwrap_err(), TOO_LARGE);
}

#[test]
fn fields_above_a_limit_are_not_stored() {
    let mut encoder = Encoder::new();
    let mut bytes = block(GET);
    // The second one enters the table, which the third one uses.
    (0..10_000).for_each(|_| encoder.field(b"name", &[b'x'; 400], false, &mut bytes));
    assert!(bytes.len() < 12_000);
    let (mut decoder, mut head) = (Decoder::new(4096), RequestHead::default());
    let read = read_request(&mut decoder, &bytes, &LIMITS, &mut head).unwrap();
    assert_eq!(read, Err(TOO_LARGE));
    assert!(head.fields.text_len() < 16 << 10 && head.fields.memory() < 64 << 10);
}

/// A refused field does not keep later ones from the dynamic table.
#[test]
fn a_refused_section_updates_the_table() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let mut head = RequestHead::default();
    for round in 0..4 {
        let mut bytes = Vec::new();
        GET.iter().for_each(|(name, value)| encoder.field(name.as_bytes(), value.as_bytes(), false, &mut bytes));
        let bad: &[u8] = if round % 2 == 0 { b"bad " } else { b"good" };
        encoder.field(b"x-a", bad, false, &mut bytes);
        encoder.field(b"x-b", b"behind", false, &mut bytes);
        let read = read_request(&mut decoder, &bytes, &LIMITS, &mut head).unwrap();
        assert_eq!(read.is_ok(), round % 2 == 1, "{round}");
    }
    assert_eq!(head.fields.get(b"x-b"), Some(&b"behind"[..]));
    assert!(decoder.memory() > 0);
    let mut bytes = Vec::new();
    encoder.field(b"x-c", b"skipped", false, &mut bytes);
    encoder.field(b"x-c", b"skipped", false, &mut bytes);
    skip(&mut decoder, &bytes).unwrap();
    bytes.clear();
    encoder.field(b"x-c", b"skipped", false, &mut bytes);
    assert_eq!(bytes.len(), 1);
    let mut trailers = HeaderList::new();
    read_trailers(&mut decoder, &bytes, &LIMITS, &mut trailers).unwrap().unwrap();
    assert_eq!(trailers.get(b"x-c"), Some(&b"skipped"[..]));
}

#[test]
fn a_block_that_cannot_be_decoded_is_a_connection_error() {
    let mut bytes = block(GET);
    bytes.push(0xc0);
    let (mut decoder, mut head) = (Decoder::new(4096), RequestHead::default());
    assert_eq!(read_request(&mut decoder, &bytes, &LIMITS, &mut head), Err(Error));
    assert_eq!(read_trailers(&mut decoder, b"\x80", &LIMITS, &mut HeaderList::new()), Err(Error));
    assert_eq!(skip(&mut decoder, b"\x40"), Err(Error));
}

#[test]
fn framing_fields_in_trailers_are_refused() {
    let trailers = |fields: Pairs| {
        let mut list = HeaderList::new();
        read_trailers(&mut Decoder::new(4096), &block(fields), &LIMITS, &mut list).unwrap().map(|()| list.len())
    };
    for bad in [
        ("content-length", "5"),
        ("host", "a"),
        ("a", "b "),
        (":path", "/"),
        (":status", "200"),
        (":x", ""),
        ("te", "gzip"),
        ("connection", "close"),
        ("A", ""),
        ("a", "\n"),
    ] {
        assert!(is_malformed(trailers(&[bad])), "{bad:?}");
        assert!(is_malformed(trailers(&[("x", "y"), bad])), "{bad:?}");
    }
    assert_eq!([trailers(&[]), trailers(&[("a", "b"), ("content-type", "b"), ("a", "")])], [Ok(0), Ok(3)]);
    assert_eq!(trailers(&[("f", "x")].repeat(101)), Err(TOO_LARGE));
    assert_eq!(trailers(&[("f", &"x".repeat(17_000))]), Err(TOO_LARGE));
}
