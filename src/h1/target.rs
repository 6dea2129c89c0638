//! The forms of a request target (RFC 9112, section 3.2), and hosts.

use std::net::Ipv6Addr;

use http::Method;

use super::fault::bad;
use crate::engine::Fault;

/// What a request target consists of.
#[derive(Debug, PartialEq)]
pub struct Target {
    pub scheme: Option<&'static str>,
    pub authority: Option<Box<str>>,
    pub path: Vec<u8>,
}

/// Takes a target apart that contains no space and no control character but HTAB.
pub fn parse(method: &Method, target: &[u8]) -> Result<Target, Fault> {
    if target.contains(&b'\t') {
        return Err(bad("the target contains a control character"));
    }
    // A fragment is never sent. nginx cuts it off, Node.js hands it on as part of
    // the path: who checks a path and who serves it must not differ.
    if target.contains(&b'#') {
        return Err(bad("the target has a fragment"));
    }
    if *method == Method::CONNECT {
        return authority_form(target);
    }
    match target {
        [b'/', ..] => Ok(Target { scheme: None, authority: None, path: target.to_vec() }),
        b"*" if *method == Method::OPTIONS => Ok(Target { scheme: None, authority: None, path: target.to_vec() }),
        b"*" => Err(bad("only OPTIONS may ask for *")),
        _ => absolute_form(method, target),
    }
}

/// Section 3.2.3: a host and a port.
fn authority_form(target: &[u8]) -> Result<Target, Fault> {
    let has_port = split_port(target).is_some_and(|(host, port)| {
        let port = std::str::from_utf8(port).unwrap_or_default();
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    match is_authority(target) && has_port {
        true => Ok(Target { scheme: None, authority: Some(text(target)), path: Vec::new() }),
        false => Err(bad("CONNECT asks for something else than a host and a port")),
    }
}

/// Section 3.2.2: a URI of ours.
fn absolute_form(method: &Method, target: &[u8]) -> Result<Target, Fault> {
    let after = |scheme: &[u8]| {
        let (front, rest) = target.split_at_checked(scheme.len())?;
        front.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let http = after(b"http://").map(|rest| ("http", rest));
    let Some((scheme, rest)) = http.or_else(|| after(b"https://").map(|rest| ("https", rest))) else {
        return Err(bad("the target is neither a path nor an http or https URI"));
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // RFC 9110, section 4.2.1: a host that is empty must be refused.
    if !is_authority(authority) || matches!(authority, [] | [b':', ..]) {
        return Err(bad("the URI of the target has no host that is one"));
    }
    let path = match path {
        // RFC 9112, section 3.2.4.
        [] if *method == Method::OPTIONS => b"*".to_vec(),
        [b'/', ..] => path.to_vec(),
        _ => [b"/", path].concat(),
    };
    Ok(Target { scheme: Some(scheme), authority: Some(text(authority)), path })
}

/// An authority that was checked.
fn text(authority: &[u8]) -> Box<str> {
    String::from_utf8_lossy(authority).into()
}

/// The host and the port of an authority that has a colon before its port.
fn split_port(authority: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = authority.iter().rposition(|byte| matches!(byte, b':' | b']'))?;
    (authority[at] == b':').then(|| (&authority[..at], &authority[at + 1..]))
}

/// Whether that is a host and perhaps a port (RFC 3986, section 3.2), without
/// user information. Both may be empty.
pub fn is_authority(authority: &[u8]) -> bool {
    let (host, port) = split_port(authority).unwrap_or((authority, b""));
    let is_host = match host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")) {
        Some([b'v' | b'V', future @ ..]) => is_future_address(future),
        Some(literal) => std::str::from_utf8(literal).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
        None => is_registered_name(host),
    };
    is_host && port.iter().all(u8::is_ascii_digit)
}

/// RFC 3986, section 3.2.2: what IPvFuture has behind the `v`.
fn is_future_address(text: &[u8]) -> bool {
    let Some(dot) = text.iter().position(|byte| *byte == b'.') else { return false };
    let (version, address) = (&text[..dot], &text[dot + 1..]);
    let is_good = |byte: &u8| is_unreserved_or_delimiter(*byte) || *byte == b':';
    dot > 0 && version.iter().all(u8::is_ascii_hexdigit) && !address.is_empty() && address.iter().all(is_good)
}

/// RFC 3986, section 3.2.2, which every IPv4 address is too.
fn is_registered_name(name: &[u8]) -> bool {
    let mut rest = name.iter();
    while let Some(byte) = rest.next() {
        let is_good = match byte {
            b'%' => rest.next().is_some_and(u8::is_ascii_hexdigit) && rest.next().is_some_and(u8::is_ascii_hexdigit),
            byte => is_unreserved_or_delimiter(*byte),
        };
        if !is_good {
            return false;
        }
    }
    true
}

fn is_unreserved_or_delimiter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, target: &str) -> Option<(Option<&'static str>, Option<String>, String)> {
        let target = parse(&method.parse().unwrap(), target.as_bytes()).ok()?;
        let path = String::from_utf8(target.path).unwrap();
        Some((target.scheme, target.authority.map(String::from), path))
    }

    #[test]
    fn a_target_has_four_forms() {
        let plain = |path: &str| Some((None, None, path.to_owned()));
        for path in ["/", "/a?b=c", "//a", "/?", "/\"<>`{|}\\^[]", "/\u{e4}?\u{fc}=%zz", "/*"] {
            assert_eq!(parts("GET", path), plain(path));
        }
        assert_eq!(parts("OPTIONS", "*"), plain("*"));
        for (target, scheme, authority, path) in [
            ("http://a", "http", "a", "/"),
            ("HTTP://a/", "http", "a", "/"),
            ("https://a:1/b?c", "https", "a:1", "/b?c"),
            ("http://a?x=1", "http", "a", "/?x=1"),
            ("http://[::1]:80/", "http", "[::1]:80", "/"),
            ("http://tmp%2Fg.sock/x", "http", "tmp%2Fg.sock", "/x"),
            ("http://a://b", "http", "a:", "//b"),
        ] {
            assert_eq!(parts("GET", target), Some((Some(scheme), Some(authority.into()), path.into())), "{target}");
        }
        assert_eq!(parts("OPTIONS", "http://a:1"), Some((Some("http"), Some("a:1".into()), "*".into())));
        assert_eq!(parts("CONNECT", "a:443"), Some((None, Some("a:443".into()), String::new())));
        assert_eq!(parts("CONNECT", "[::1]:1"), Some((None, Some("[::1]:1".into()), String::new())));
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for target in [
            "",
            "*",
            "a",
            "?x",
            "a:1",
            "ftp://a/",
            "http:/a",
            "http://",
            "http:///x",
            "http://:80/",
            "http://a@b/",
            "http://a b/",
            "http://a:b/",
            "http://[::1/",
            "http://a\\b/",
            "/#",
            "/a#b",
            "/\t",
            "http://a#",
            "httpx://a/",
        ] {
            assert_eq!(parts("GET", target), None, "{target:?}");
        }
        for target in ["", "/", "*", "a", "a:", ":1", "a:0", "a:65536", "a:+1", "a@b:1", "http://a:1", "[::1]", "a:1/"]
        {
            assert_eq!(parts("CONNECT", target), None, "{target:?}");
        }
        assert_eq!(parts("OPTIONS", "**"), None);
    }

    #[test]
    fn hosts() {
        for good in [
            "",
            "a",
            "a:80",
            "a:",
            "1.2.3.4",
            "[::1]:80",
            "[::1]",
            "[::ffff:1.2.3.4]",
            "[v1.a:b]",
            "[VF.!]:1",
            "tmp%2Fg.sock",
            "a_b~!$&'()*+,;=",
            "%C3%A4:1",
            ":80",
        ] {
            assert!(is_authority(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "a b",
            "a/",
            "a@b",
            "a:b:c",
            "a:b",
            "a%2",
            "a%zz",
            "a?",
            "a#",
            "a\\",
            "[::1",
            "[x]",
            "[v.a]",
            "[v1.]",
            "[v1]",
            "[]",
            "::1",
            "[::1]a",
            "[fe80::1%25a]",
            "\u{e4}",
            "a\"",
            "a<",
            "a%",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad:?}");
        }
    }
}
