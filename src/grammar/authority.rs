//! A host and its port (RFC 3986, section 3.2).

use std::net::Ipv6Addr;

/// The host and the port of an authority that has a colon before its port.
pub fn split_port(authority: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = authority.iter().rposition(|byte| matches!(byte, b':' | b']'))?;
    (authority[at] == b':').then(|| (&authority[..at], &authority[at + 1..]))
}

/// Whether this is a host and optionally a port, without user information. Both may be
/// empty.
pub fn is_authority(authority: &[u8]) -> bool {
    let (host, port) = split_port(authority).unwrap_or((authority, b""));
    is_host(host) && port.iter().all(u8::is_ascii_digit)
}

/// Whether an authority has a host that is not empty, as http and https URIs require
/// (RFC 9110, section 4.2.1).
pub fn has_host(authority: &[u8]) -> bool {
    !matches!(authority, [] | [b':', ..])
}

/// Whether this is a valid target of CONNECT: a host and a port (RFC 9110, section
/// 9.3.6).
pub fn is_host_and_port(authority: &[u8]) -> bool {
    let port = split_port(authority).and_then(|(_, port)| std::str::from_utf8(port).ok()?.parse::<u16>().ok());
    is_authority(authority) && has_host(authority) && port.is_some_and(|port| port > 0)
}

/// Whether this is a host, which may be empty (section 3.2.2).
pub fn is_host(host: &[u8]) -> bool {
    match host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")) {
        Some([b'v' | b'V', future @ ..]) => is_future_address(future),
        Some(literal) => std::str::from_utf8(literal).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
        None => is_registered_name(host),
    }
}

/// Whether two authorities are equivalent, with or without the default port of the
/// scheme (RFC 9110, section 4.2.3). The default port is passed with its colon.
pub fn is_same(one: &[u8], other: &[u8], port: &[u8]) -> bool {
    let bare = |text: &'_ [u8]| -> usize {
        let without = text.strip_suffix(port).or_else(|| text.strip_suffix(b":"));
        without.map_or(text.len(), <[u8]>::len)
    };
    one[..bare(one)].eq_ignore_ascii_case(&other[..bare(other)])
}

/// RFC 3986, section 3.2.2: the part of IPvFuture after the `v`.
fn is_future_address(text: &[u8]) -> bool {
    let Some(dot) = text.iter().position(|byte| *byte == b'.') else { return false };
    let (version, address) = (&text[..dot], &text[dot + 1..]);
    let is_good = |byte: &u8| is_unreserved_or_delimiter(*byte) || *byte == b':';
    dot > 0 && version.iter().all(u8::is_ascii_hexdigit) && !address.is_empty() && address.iter().all(is_good)
}

/// RFC 3986, section 3.2.2. Every IPv4 address matches too.
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
    IN_NAME[usize::from(byte)]
}

/// For each byte, whether it is allowed unencoded in a registered name.
const IN_NAME: [bool; 256] = super::token::alphanumeric_or(b"-._~!$&'()*+,;=");

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_tunnel_needs_a_host_and_a_port() {
        for good in ["a:1", "[::1]:443", "a:65535"] {
            assert!(is_host_and_port(good.as_bytes()), "{good:?}");
        }
        for bad in ["", "a", "a:", ":1", "a:0", "a:65536", "a:+1", "a@b:1", "[::1]", "a:x", "a b:1"] {
            assert!(!is_host_and_port(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn the_default_port_makes_no_other_host() {
        let is_same = |one: &str, other: &str| is_same(one.as_bytes(), other.as_bytes(), b":80");
        assert!(is_same("a", "a:80") && is_same("a:80", "A") && is_same("a", "a:") && is_same("a:81", "A:81"));
        assert!(!is_same("a", "a:443") && !is_same("a:8080", "a") && !is_same("a", "b"));
    }
}
