//! The forms of a request target (RFC 9112, section 3.2).

use http::Method;

use super::fault::bad;
use crate::engine::{Fault, RequestHead};
use crate::grammar::authority::{has_host, is_authority, is_host_and_port};
use crate::grammar::path;

/// Parses a target that contains no space and no control character other than HTAB.
/// Sets the scheme, authority and path of `head`, whose path must be empty.
pub fn parse(method: &Method, target: &[u8], head: &mut RequestHead) -> Result<(), Fault> {
    if let Some(why) = path::fault(target) {
        return Err(bad(why));
    }
    (head.scheme, head.authority) = (None, None);
    if *method == Method::CONNECT {
        return authority_form(target, head);
    }
    match target {
        [b'/', ..] => {}
        b"*" if *method == Method::OPTIONS => {}
        b"*" => return Err(bad("the target * is allowed for OPTIONS only")),
        _ => return absolute_form(method, target, head),
    }
    head.path.extend_from_slice(target);
    Ok(())
}

/// Section 3.2.3: a host and a port.
fn authority_form(target: &[u8], head: &mut RequestHead) -> Result<(), Fault> {
    if !is_host_and_port(target) {
        return Err(bad("the target of CONNECT is not a host and a port"));
    }
    head.authority = Some(text(target));
    Ok(())
}

/// Section 3.2.2: an `http` or `https` URI.
fn absolute_form(method: &Method, target: &[u8], head: &mut RequestHead) -> Result<(), Fault> {
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
    // RFC 9110, section 4.2.1: an empty host must be refused.
    if !is_authority(authority) || !has_host(authority) {
        return Err(bad("the URI of the target has no valid host"));
    }
    (head.scheme, head.authority) = (Some(scheme.into()), Some(text(authority)));
    match path {
        // RFC 9112, section 3.2.4.
        [] if *method == Method::OPTIONS => head.path.push(b'*'),
        [b'/', ..] => {}
        _ => head.path.push(b'/'),
    }
    head.path.extend_from_slice(path);
    Ok(())
}

/// The text of a checked authority.
fn text(authority: &[u8]) -> Box<str> {
    String::from_utf8_lossy(authority).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, target: &str) -> Option<(Option<String>, Option<String>, String)> {
        // The parser replaces the values of an earlier request.
        let (scheme, authority) = (Some("of".into()), Some("another".into()));
        let mut head = RequestHead { scheme, authority, ..RequestHead::default() };
        parse(&method.parse().unwrap(), target.as_bytes(), &mut head).ok()?;
        let path = String::from_utf8(head.path).unwrap();
        Some((head.scheme.map(String::from), head.authority.map(String::from), path))
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
            assert_eq!(
                parts("GET", target),
                Some((Some(scheme.into()), Some(authority.into()), path.into())),
                "{target}"
            );
        }
        assert_eq!(parts("OPTIONS", "http://a:1"), Some((Some("http".into()), Some("a:1".into()), "*".into())));
        assert_eq!(parts("CONNECT", "a:443"), Some((None, Some("a:443".into()), String::new())));
        assert_eq!(parts("CONNECT", "[::1]:1"), Some((None, Some("[::1]:1".into()), String::new())));
    }

    #[test]
    fn malformed_targets_are_refused() {
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
}
