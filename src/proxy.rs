//! The PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`): a header
//! in front of a connection's first byte names the client of the proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::endpoint::Endpoint;

/// Bytes of a version 2 header after the first 16: addresses and TLVs.
const MOST_BEHIND: usize = 4096;
/// Bytes of a version 1 header, CRLF included.
const MOST_LINE: usize = 107;
/// Bytes of the longest header.
pub(crate) const MOST: usize = FIXED + MOST_BEHIND;

const LINE: &[u8] = b"PROXY ";
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, and the length of the rest.
const FIXED: usize = 16;

/// The PROXY protocol settings of a listening socket.
#[derive(Debug)]
pub struct Proxy {
    pub trusted: Trusted,
    /// How long the header may take; never zero.
    pub wait_token: Duration,
}

/// The senders whose header is trusted.
#[derive(Debug, PartialEq, Eq)]
pub struct Trusted(Vec<Sender>);

#[derive(Debug, PartialEq, Eq)]
enum Sender {
    Anybody,
    /// Every peer of a Unix socket.
    Unix,
    /// A network: an address and the length of its prefix in bits.
    Network(IpAddr, u8),
}

impl Trusted {
    /// Parses `10.0.0.0/8,::1,unix`, or `*` for every sender. Fails with the first
    /// invalid item.
    pub fn parse(text: &str) -> Result<Self, &str> {
        text.split(',').map(|text| Sender::parse(text).ok_or(text)).collect::<Result<_, _>>().map(Self)
    }

    pub fn includes(&self, peer: &Endpoint) -> bool {
        self.0.iter().any(|sender| sender.is(peer))
    }
}

impl Sender {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => return Some(Self::Anybody),
            "unix" => return Some(Self::Unix),
            _ => {}
        }
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let ip: IpAddr = ip.parse().ok()?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| digits(bits, 3)?.try_into().ok())?;
        (bits <= most).then_some(Self::Network(ip, bits))
    }

    fn is(&self, peer: &Endpoint) -> bool {
        match (self, peer.ip()) {
            (Self::Anybody, _) => true,
            (Self::Unix, _) => peer.is_unix(),
            (Self::Network(IpAddr::V4(net), bits), Some(IpAddr::V4(ip))) => {
                let rest = 32 - u32::from(*bits);
                u32::from(*net).checked_shr(rest) == u32::from(ip).checked_shr(rest)
            }
            (Self::Network(IpAddr::V6(net), bits), Some(IpAddr::V6(ip))) => {
                let rest = 128 - u32::from(*bits);
                u128::from(*net).checked_shr(rest) == u128::from(ip).checked_shr(rest)
            }
            _ => false,
        }
    }
}

/// The result of parsing the first bytes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Header {
    /// The beginning of a header, to which all of the bytes belong.
    Partial,
    /// A header of so many bytes, and the client that it names. `None` if the
    /// connection is the proxy's own or the client is unknown.
    Whole(usize, Option<Endpoint>),
}

/// Why the bytes are not a header.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Parses the bytes that have arrived so far. A version 2 header has at most [`MOST`] bytes.
pub fn parse(bytes: &[u8]) -> Result<Header, Malformed> {
    if is_beginning(bytes, SIGNATURE) {
        return parse_binary(bytes);
    }
    if is_beginning(bytes, LINE) {
        return parse_line(bytes);
    }
    Err(Malformed("it does not begin with a PROXY header"))
}

/// Whether the bytes that have arrived match `expected` so far.
fn is_beginning(bytes: &[u8], of: &[u8]) -> bool {
    let both = bytes.len().min(of.len());
    bytes[..both] == of[..both]
}

/// Version 1: one line of text.
fn parse_line(bytes: &[u8]) -> Result<Header, Malformed> {
    let line = &bytes[..bytes.len().min(MOST_LINE)];
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return match line.len() < MOST_LINE {
            true => Ok(Header::Partial),
            false => Err(Malformed("the PROXY line is too long")),
        };
    };
    let text = str::from_utf8(&line[LINE.len()..end]).map_err(|_| Malformed("the PROXY line is no text"))?;
    let words: Vec<_> = text.split(' ').collect();
    let client = match words[..] {
        ["UNKNOWN", ..] => None,
        ["TCP4", from, to, from_port, to_port] => Some(line_client::<Ipv4Addr>([from, to], [from_port, to_port])?),
        ["TCP6", from, to, from_port, to_port] => Some(line_client::<Ipv6Addr>([from, to], [from_port, to_port])?),
        _ => return Err(Malformed("the PROXY line has other words than it may")),
    };
    Ok(Header::Whole(end + 2, client))
}

fn line_client<T: std::str::FromStr + Into<IpAddr>>(
    [from, to]: [&str; 2],
    [from_port, to_port]: [&str; 2],
) -> Result<Endpoint, Malformed> {
    let address = |text: &str| text.parse::<T>().map_err(|_| Malformed("an address of the PROXY line is none"));
    let port = |text: &str| digits(text, 5).and_then(|port| u16::try_from(port).ok());
    let port = |text: &str| port(text).ok_or(Malformed("a port of the PROXY line is none"));
    // Nobody asks where the client wanted to go, but it must be right.
    address(to)?;
    port(to_port)?;
    Ok(SocketAddr::new(address(from)?.into(), port(from_port)?).into())
}

/// A number of at most `digits` digits, without a leading zero or a sign.
fn digits(text: &str, most: usize) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain && text.len() <= most)
}

/// Version 2: binary.
fn parse_binary(bytes: &[u8]) -> Result<Header, Malformed> {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else { return Ok(Header::Partial) };
    let (command, kind) = (fixed[12], fixed[13]);
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Malformed("the PROXY header has a version or command that there is not")),
    };
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > MOST_BEHIND {
        return Err(Malformed("the PROXY header is too long"));
    }
    let Some(rest) = rest.get(..length) else { return Ok(Header::Partial) };
    if !is_local && !are_tlvs(tlvs_behind(kind, rest)) {
        return Err(Malformed("a TLV of the PROXY header is longer than the header"));
    }
    let client = if is_local { None } else { binary_client(kind, rest)? };
    Ok(Header::Whole(FIXED + length, client))
}

/// The length of the fixed part of the TLS TLV, before the TLVs inside it: flags and the
/// result of the verification.
const SSL_FIXED: usize = 5;

/// The types of TLVs inside another TLV (section 2.2.6).
const SSL: u8 = 0x20;
const IN_SSL: std::ops::RangeInclusive<u8> = 0x21..=0x2f;

/// The TLVs of a version 2 header, which follow the addresses. Empty if there are none,
/// and for a header that `parse` does not accept completely.
pub fn tlvs(header: &[u8]) -> &[u8] {
    match parse(header) {
        Ok(Header::Whole(..)) if header.starts_with(SIGNATURE) && header[12] == 0x21 => {
            tlvs_behind(header[13], &header[FIXED..])
        }
        _ => &[],
    }
}

/// The bytes after the addresses of this family and transport.
fn tlvs_behind(kind: u8, rest: &[u8]) -> &[u8] {
    let addresses = match kind {
        0x11 | 0x12 => 12,
        0x21 | 0x22 => 36,
        0x31 | 0x32 => 216,
        // The format of these bytes is not known.
        _ => rest.len(),
    };
    rest.get(addresses..).unwrap_or_default()
}

/// The type and the value of each TLV, or `None` in place of a truncated one.
fn each_tlv(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let cut = std::mem::take(&mut bytes);
        let read = || {
            let (head, rest) = cut.split_at_checked(3)?;
            let (value, rest) = rest.split_at_checked(u16::from_be_bytes([head[1], head[2]]).into())?;
            Some((head[0], value, rest))
        };
        let found = read();
        bytes = found.map_or(&[], |(_, _, rest)| rest);
        Some(found.map(|(kind, value, _)| (kind, value)))
    })
}

fn are_tlvs(bytes: &[u8]) -> bool {
    let is_whole = |tlv: Option<(u8, &[u8])>| {
        tlv.is_some_and(|(kind, value)| {
            kind != SSL || value.len() >= SSL_FIXED && each_tlv(&value[SSL_FIXED..]).all(|tlv| tlv.is_some())
        })
    };
    each_tlv(bytes).all(is_whole)
}

/// The value of the first TLV with this type. The types 0x21 to 0x2f are inside that of
/// TLS, 0x20.
pub fn tlv(tlvs: &[u8], wanted: u8) -> Option<&[u8]> {
    let find = |bytes, wanted| each_tlv(bytes).flatten().find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    match IN_SSL.contains(&wanted) {
        true => find(find(tlvs, SSL)?.get(SSL_FIXED..)?, wanted),
        false => find(tlvs, wanted),
    }
}

fn binary_client(kind: u8, bytes: &[u8]) -> Result<Option<Endpoint>, Malformed> {
    const SHORT: Malformed = Malformed("the PROXY header is shorter than its addresses");
    match kind {
        // Both addresses, then both ports, those of the client first.
        0x11 => {
            let [a, b, c, d, _, _, _, _, port @ ..] = bytes.first_chunk::<12>().ok_or(SHORT)?;
            Ok(Some(SocketAddr::from(([*a, *b, *c, *d], u16::from_be_bytes([port[0], port[1]]))).into()))
        }
        0x21 => {
            let both = bytes.first_chunk::<36>().ok_or(SHORT)?;
            let ip = both.first_chunk::<16>().ok_or(SHORT)?;
            Ok(Some(SocketAddr::from((*ip, u16::from_be_bytes([both[32], both[33]]))).into()))
        }
        // Two paths of 108 bytes each.
        0x31 => Ok(Some(Endpoint::Unix(path(&bytes.get(..216).ok_or(SHORT)?[..108]).into()))),
        // Unspecified addresses, and datagrams.
        0x00 | 0x12 | 0x22 | 0x32 => Ok(None),
        _ => Err(Malformed("the PROXY header has a family or transport that there is not")),
    }
}

fn path(bytes: &[u8]) -> String {
    let (mark, name) = match bytes.strip_prefix(b"\0") {
        // An abstract name, which must not be empty.
        Some(name) if name.first().is_some_and(|first| *first != 0) => ("@", name),
        _ => ("", bytes),
    };
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    format!("{mark}{}", String::from_utf8_lossy(&name[..end]))
}

/// Checks the invariants for any bytes: nothing panics, no header is longer than the
/// input, bytes after it change nothing, and each part of it is a beginning, so that
/// a connection never waits for bytes that it has.
#[cfg(any(test, fuzzing))]
pub fn check(bytes: &[u8]) {
    let parsed = parse(bytes);
    let end = match &parsed {
        Ok(Header::Whole(length, _)) => *length,
        _ => bytes.len(),
    };
    assert!(end <= bytes.len().min(MOST));
    assert_eq!(parse(&bytes[..end]), parsed);
    let tlvs = tlvs(&bytes[..end]);
    assert!(tlvs.is_empty() || parsed.is_ok() && bytes[..end].ends_with(tlvs));
    assert!((0..=u8::MAX).all(|kind| tlv(tlvs, kind).is_none_or(|value| value.len() < tlvs.len())));
    for cut in 0..end {
        match parse(&bytes[..cut]) {
            Ok(Header::Partial) => {}
            Err(_) if parsed.is_err() => {}
            other => panic!("{cut} of {end} bytes are {other:?}, all of them {parsed:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(text: &str) -> Endpoint {
        Endpoint::Inet(text.parse().unwrap())
    }

    fn binary(command: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
        [SIGNATURE, &[command, kind][..], &(rest.len() as u16).to_be_bytes(), rest].concat()
    }

    fn v4() -> Vec<u8> {
        binary(0x21, 0x11, &[192, 0, 2, 1, 192, 0, 2, 2, 0x1f, 0x90, 0, 80])
    }

    #[test]
    fn what_is_trusted() {
        let trusted = Trusted::parse("10.0.0.0/8,192.0.2.7,2001:db8::/32").unwrap();
        for good in ["10.255.0.1:1", "192.0.2.7:1", "[2001:db8:1::]:1"] {
            assert!(trusted.includes(&inet(good)), "{good}");
        }
        for bad in ["11.0.0.1:1", "192.0.2.6:1", "[2001:db9::]:1", "[::ffff:10.0.0.1]:1"] {
            assert!(!trusted.includes(&inet(bad)), "{bad}");
        }
        let process = Endpoint::Process { pid: None, uid: 0 };
        assert!(!trusted.includes(&process));
        assert!(Trusted::parse("unix").unwrap().includes(&process));
        assert!(!Trusted::parse("unix").unwrap().includes(&inet("127.0.0.1:1")));
        for all in ["*", "0.0.0.0/0", "::/0"] {
            let peer = if all == "::/0" { "[::1]:1" } else { "127.0.0.1:1" };
            assert!(Trusted::parse(all).unwrap().includes(&inet(peer)), "{all}");
        }
        for bad in ["", ",", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10/8", "::/129", "localhost", "10.0.0.1,"] {
            assert!(Trusted::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_names_the_client() {
        let whole = |line: &str| parse(line.as_bytes()).unwrap();
        let line = "PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\nPRI *";
        assert_eq!(whole(line), Header::Whole(line.len() - 5, Some(inet("192.0.2.1:8080"))));
        let line = "PROXY TCP6 2001:db8::1 ::1 65535 0\r\n";
        assert_eq!(whole(line), Header::Whole(line.len(), Some(inet("[2001:db8::1]:65535"))));
        assert_eq!(whole("PROXY UNKNOWN\r\n"), Header::Whole(15, None));
        assert_eq!(whole("PROXY UNKNOWN what ever\r\n"), Header::Whole(25, None));
    }

    #[test]
    fn a_binary_header_names_the_client() {
        assert_eq!(parse(&[v4(), b"PRI".to_vec()].concat()), Ok(Header::Whole(28, Some(inet("192.0.2.1:8080")))));
        let mut v6 = vec![0; 36];
        (v6[15], v6[33]) = (1, 9);
        v6.extend([4, 0, 1, 0]); // a TLV
        assert_eq!(parse(&binary(0x21, 0x21, &v6)), Ok(Header::Whole(56, Some(inet("[::1]:9")))));
        let mut paths = vec![0; 216];
        paths[..4].copy_from_slice(b"/run");
        let client = |paths: &[u8]| match parse(&binary(0x21, 0x31, paths)) {
            Ok(Header::Whole(232, Some(client))) => client.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(client(&paths), "unix:/run");
        paths[..4].copy_from_slice(b"\0run");
        assert_eq!(client(&paths), "unix:@run");
        assert_eq!(client(&[0; 216]), "unix:");
        // The proxy speaks for itself, or for something that is not a connection.
        assert_eq!(parse(&binary(0x20, 0x00, &[])), Ok(Header::Whole(16, None)));
        assert_eq!(parse(&binary(0x20, 0x11, &[1; 12])), Ok(Header::Whole(28, None)));
        assert_eq!(parse(&binary(0x21, 0x00, &[1; 5])), Ok(Header::Whole(21, None)));
        assert_eq!(parse(&binary(0x21, 0x12, &[1; 12])), Ok(Header::Whole(28, None)));
    }

    fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
        binary(0x21, 0x11, &[&[192, 0, 2, 1, 192, 0, 2, 2, 0x1f, 0x90, 0, 80][..], tlvs].concat())
    }

    #[test]
    fn tlvs_are_found_by_their_type() {
        let ssl = [&[0x20, 0, 17, 1, 0, 0, 0, 0][..], &[0x21, 0, 7], b"TLSv1.3", &[0x22, 0, 0][..1]].concat();
        assert!(parse(&with_tlvs(&ssl)).is_err(), "a TLV inside is cut");
        let ssl = [&[0x20, 0, 15, 7, 0, 0, 0, 0][..], &[0x21, 0, 7], b"TLSv1.3"].concat();
        let all = [&[2, 0, 4][..], b"shop", &[5, 0, 2, 0, 255], &ssl, &[2, 0, 1, b'x', 0xe0, 0, 0]].concat();
        let header = with_tlvs(&all);
        assert!(matches!(parse(&header), Ok(Header::Whole(length, Some(_))) if length == header.len()));
        let tlvs = tlvs(&header);
        assert_eq!(tlvs, all);
        assert_eq!((tlv(tlvs, 2), tlv(tlvs, 5)), (Some(&b"shop"[..]), Some(&[0, 255][..])));
        assert_eq!((tlv(tlvs, 0x20).map(<[u8]>::len), tlv(tlvs, 0x21)), (Some(15), Some(&b"TLSv1.3"[..])));
        assert_eq!((tlv(tlvs, 0xe0), tlv(tlvs, 0x22), tlv(tlvs, 1)), (Some(&b""[..]), None, None));
        assert_eq!(tlv(&[0x21, 0, 1, 7], 0x21), None, "outside of the one of TLS");
    }

    #[test]
    fn tlvs_that_are_cut_are_refused_and_others_have_none() {
        for bad in [&[1][..], &[1, 0], &[1, 0, 1], &[1, 0, 0, 2], &[0x20, 0, 4, 1, 0, 0, 0]] {
            assert!(parse(&with_tlvs(bad)).is_err(), "{bad:?}");
        }
        let local = binary(0x20, 0x11, &[&[0; 12][..], &[2, 0, 1, b'x']].concat());
        for header in [local, binary(0x21, 0x00, &[2, 0, 1, b'x']), b"PROXY UNKNOWN\r\n".to_vec(), v4()] {
            assert!(parse(&header).is_ok());
            assert_eq!(tlvs(&header), b"", "{header:?}");
        }
    }

    #[test]
    fn every_beginning_is_one() {
        for whole in [v4(), b"PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\n".to_vec()] {
            for end in 0..whole.len() {
                assert_eq!(parse(&whole[..end]), Ok(Header::Partial), "{end}");
            }
            assert!(matches!(parse(&whole), Ok(Header::Whole(length, Some(_))) if length == whole.len()));
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long = format!("PROXY UNKNOWN {}", "x".repeat(MOST_LINE));
        for bad in [
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "G",
            "proxy UNKNOWN\r\n",
            "PROXY\r\n",
            "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
            "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
            "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n",
            "PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n",
            "PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n",
            "PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n",
            "PROXY TCP4 1.1.1.1 1.1.1.256 1 1\r\n",
            "PROXY TCP4 ::1 ::1 1 1\r\n",
            "PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n",
            "PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n",
            "PROXY UNKNOWNS\r\n",
            &long,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        let short = [0; 11];
        for bad in [
            binary(0x11, 0x11, &[0; 12]),
            binary(0x22, 0x11, &[0; 12]),
            binary(0x21, 0x13, &[0; 12]),
            binary(0x21, 0x41, &[0; 12]),
            binary(0x21, 0x11, &short),
            binary(0x21, 0x21, &[0; 35]),
            binary(0x21, 0x31, &[0; 215]),
            binary(0x20, 0x00, &[0; MOST_BEHIND + 1]),
        ] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse(&binary(0x20, 0x00, &[0; MOST_BEHIND])), Ok(Header::Whole(MOST, None)));
    }

    /// Runs the fuzz target for a short time.
    #[test]
    fn seeds_and_what_becomes_of_them_are_read_safely() {
        crate::testing::run_seeds("proxy", 20_000, check);
    }

    /// Any byte may be changed: nothing panics, and no header is longer than the input.
    #[test]
    fn spoilt_headers_are_read_safely() {
        for whole in [v4(), binary(0x21, 0x31, &[7; 220]), b"PROXY TCP6 ::1 ::2 1 2\r\nrest".to_vec()] {
            for at in 0..whole.len() {
                for byte in 0..=255 {
                    let mut spoilt = whole.clone();
                    spoilt[at] = byte;
                    if let Ok(Header::Whole(length, _)) = parse(&spoilt) {
                        assert!(length <= spoilt.len());
                    }
                }
            }
        }
    }
}
