//! What trusted proxies report about the client of a request: `Forwarded` (RFC 7239) and
//! the fields `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `-Prefix`.
//!
//! A client can send these fields, too. They are therefore read only if the sender is a
//! trusted proxy, and from right to left: each proxy appends the address of its own peer.
//! The walk continues as long as an address is that of a trusted proxy. Items further to
//! the left were written by others.

use std::net::{IpAddr, SocketAddr};

use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::grammar::authority::{has_host, is_authority, split_port};
use crate::grammar::token::is_token;
use crate::header_list::HeaderList;
use crate::proxy::Trusted;
use crate::throttle::Throttle;

/// The supported fields, in the order of [`Rules::fields`].
const NAMES: [&str; 6] =
    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "forwarded"];
const FOR: usize = 0;
const PROTO: usize = 1;
const HOST: usize = 2;
const PORT: usize = 3;
const PREFIX: usize = 4;
const FORWARDED: usize = 5;

/// The default senders and fields. Most proxies set these fields, and pass others on as
/// the client has sent them.
pub(crate) const TRUSTED: &str = "127.0.0.0/8,::1,unix";
pub(crate) const FIELDS: &str = "x-forwarded-for,x-forwarded-proto";

/// The trusted senders, and the fields to read.
#[derive(Debug)]
pub struct Rules {
    trusted: Trusted,
    fields: [bool; 6],
    malformed: Throttle,
}

/// What trusted proxies report about a request. `None`: nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// The client's address as text, with port 0 if the port is not known.
    pub peer: Option<Box<str>>,
    pub scheme: Option<&'static str>,
    pub authority: Option<Box<str>>,
    /// The path prefix under which the proxy publishes the server.
    pub prefix: Option<Box<str>>,
}

impl Forwarded {
    /// How much memory it holds.
    pub fn memory(&self) -> usize {
        let texts = [&self.peer, &self.authority, &self.prefix];
        size_of::<Self>() + texts.into_iter().flatten().map(|text| text.len()).sum::<usize>()
    }
}

/// The meaning of an address in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Address(SocketAddr),
    /// "unknown", or an identifier that hides the address (RFC 7239, section 6).
    Unknown,
    Malformed,
}

/// An element of `Forwarded`, written by one proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Element {
    node: Option<Vec<u8>>,
    proto: Option<Vec<u8>>,
    host: Option<Vec<u8>>,
}

impl Rules {
    /// `trusted`: as in [`Trusted::parse`], with optional white space between the items.
    /// `fields`: names of fields in any case, separated by commas.
    pub fn parse(trusted: &str, fields: &str) -> Result<Self> {
        let list: Vec<_> = trusted.split(',').map(str::trim).collect();
        let trusted = Trusted::parse(&list.join(",")).map_err(|bad| {
            let rule = "is not an address, a network, \"unix\" or \"*\"";
            Error::invalid(format_args!("{trusted:?} cannot be trusted: {bad:?} {rule}"))
        })?;
        let mut known = [false; 6];
        for name in fields.split(',').map(str::trim) {
            let at = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
            let at = at.ok_or_else(|| {
                Error::invalid(format_args!("{name:?} is no field of proxies; there are {}", NAMES.join(", ")))
            })?;
            known[at] = true;
        }
        let malformed = Throttle::new("malformed fields of trusted proxies", true);
        Ok(Self { trusted, fields: known, malformed })
    }

    /// Reads what the trusted proxies report about a request of `sender` with these
    /// fields, this scheme and this authority. `None` if the sender is not trusted.
    pub fn read(
        &self,
        sender: &Endpoint,
        fields: &HeaderList,
        scheme: &str,
        authority: &str,
    ) -> Option<Box<Forwarded>> {
        if !self.trusted.includes(sender) {
            return None;
        }
        let reader = Reader { rules: self, fields };
        let (peer, proto, host) = reader.hops();
        let scheme_of_proxy = proto.and_then(|value| reader.checked(PROTO, &value, scheme_of));
        let host = host.and_then(|value| reader.checked(HOST, &value, host_of));
        let port = reader.last(PORT).and_then(|value| reader.checked(PORT, value, port_of));
        let prefix = reader.last(PREFIX).and_then(|value| reader.checked(PREFIX, value, prefix_of));
        let authority = match (host, port) {
            (None, None) => None,
            (host, port) => join(host.as_deref().unwrap_or(authority), port, scheme_of_proxy.unwrap_or(scheme)),
        };
        let peer = peer.map(|peer| Endpoint::from(peer).to_string().into());
        let prefix = prefix.filter(|prefix| !prefix.is_empty());
        Some(Box::new(Forwarded { peer, scheme: scheme_of_proxy, authority, prefix }))
    }

    fn is_trusted(&self, address: SocketAddr) -> bool {
        self.trusted.includes(&address.into())
    }
}

/// Reads the fields of one request by the rules.
struct Reader<'a> {
    rules: &'a Rules,
    fields: &'a HeaderList,
}

/// The address of the client, and the scheme and the host of its request.
type Hops = (Option<SocketAddr>, Option<Vec<u8>>, Option<Vec<u8>>);

impl<'a> Reader<'a> {
    /// The lines of a field, or none if the field is not to be read.
    fn lines(&self, field: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let is_read = self.rules.fields[field];
        self.fields.get_all(NAMES[field].as_bytes()).filter(move |_| is_read)
    }

    /// The items of a list, over all lines of the field.
    fn items(&self, field: usize) -> Vec<&'a [u8]> {
        let items = self.lines(field).flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        items.filter(|item| !item.is_empty()).collect()
    }

    fn last(&self, field: usize) -> Option<&'a [u8]> {
        self.items(field).pop()
    }

    /// Parses a value. A malformed one is logged and ignored.
    fn checked<T>(&self, field: usize, value: &[u8], read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let found = read(value);
        if found.is_none() {
            self.log_malformed(field, value);
        }
        found
    }

    fn log_malformed(&self, field: usize, value: &[u8]) {
        let shown = String::from_utf8_lossy(&value[..value.len().min(200)]);
        let name = NAMES[field];
        self.rules.malformed.tell(|| tracing::warn!("ignored: {name} of a trusted proxy is malformed: {shown:?}"));
    }

    fn hops(&self) -> Hops {
        let elements: Vec<_> = self.lines(FORWARDED).flat_map(elements).collect();
        if !elements.is_empty() {
            return self.hops_of_elements(&elements);
        }
        let nodes = self.items(FOR);
        let (peer, hop) = self.walk(FOR, nodes.iter().map(|node| (node_of(node), *node)));
        let of_hop = |field: usize| {
            let items = self.items(field);
            // One item for each proxy, or that of the nearest proxy.
            let at = if items.len() == nodes.len() { hop } else { 0 };
            items.iter().rev().nth(at).map(|item| item.to_vec())
        };
        (peer, of_hop(PROTO), of_hop(HOST))
    }

    /// The same for `Forwarded`.
    fn hops_of_elements(&self, elements: &[std::result::Result<Element, Vec<u8>>]) -> Hops {
        let nodes = elements.iter().map(|element| match element {
            Ok(Element { node: Some(node), .. }) => (node_of(node), &node[..]),
            // The element has no address.
            Ok(_) => (Node::Unknown, &b""[..]),
            Err(text) => (Node::Malformed, &text[..]),
        });
        let (peer, hop) = self.walk(FORWARDED, nodes);
        let said = elements.iter().rev().nth(hop).and_then(|element| element.as_ref().ok()).cloned();
        let said = said.unwrap_or_default();
        (peer, said.proto, said.host)
    }

    /// Walks from the nearest proxy, at the end of `nodes`, to the client: the first
    /// address that is not trusted, or the furthest one. Returns it, and the index of the
    /// last examined node, counted from the end.
    fn walk<'n>(
        &self,
        field: usize,
        nodes: impl DoubleEndedIterator<Item = (Node, &'n [u8])>,
    ) -> (Option<SocketAddr>, usize) {
        let (mut found, mut hop) = (None, 0);
        for (at, (node, text)) in nodes.rev().enumerate() {
            match node {
                Node::Address(address) => (found, hop) = (Some(address), at),
                // Only the trusted proxy knows the address.
                Node::Unknown => return (found, at),
                Node::Malformed => {
                    self.log_malformed(field, text);
                    return (found, hop);
                }
            }
            if found.is_some_and(|address| !self.rules.is_trusted(address)) {
                break;
            }
        }
        (found, hop)
    }
}

/// Reads a node (RFC 7239, section 6): an address with or without a port. An IPv6
/// address may have no brackets, as in `X-Forwarded-For`.
fn node_of(text: &[u8]) -> Node {
    let Ok(text) = str::from_utf8(text) else { return Node::Malformed };
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Node::Address((ip, 0).into());
    }
    let (name, port) = match split_port(text.as_bytes()) {
        Some((name, _)) => (&text[..name.len()], &text[name.len() + 1..]),
        None => (text, "0"),
    };
    let is_hidden = |text: &str| text.starts_with('_') && text.len() > 1 && text.bytes().all(is_obfuscated);
    let port = if is_hidden(port) { Some(0) } else { number(port) };
    let Some(port) = port else { return Node::Malformed };
    if name.eq_ignore_ascii_case("unknown") || is_hidden(name) {
        return Node::Unknown;
    }
    let ip = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(name) => name.parse().ok().map(IpAddr::V6),
        None => name.parse().ok().map(IpAddr::V4),
    };
    ip.map_or(Node::Malformed, |ip| Node::Address((ip, port).into()))
}

fn is_obfuscated(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// A number of at most five digits.
fn number(text: &str) -> Option<u16> {
    let is_plain = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn scheme_of(value: &[u8]) -> Option<&'static str> {
    // The scheme of a WebSocket is that of its request (RFC 8441, section 4).
    let known = [("http", "http"), ("https", "https"), ("ws", "http"), ("wss", "https")];
    known.into_iter().find(|(name, _)| value.eq_ignore_ascii_case(name.as_bytes())).map(|(_, scheme)| scheme)
}

fn host_of(value: &[u8]) -> Option<Box<str>> {
    let is_host = is_authority(value) && has_host(value);
    str::from_utf8(value).ok().filter(|_| is_host).map(Into::into)
}

fn port_of(value: &[u8]) -> Option<u16> {
    number(str::from_utf8(value).ok()?).filter(|port| *port > 0)
}

/// A path without a trailing slash. Two slashes at the beginning would make it a host in
/// a relative reference (RFC 3986, section 4.2).
fn prefix_of(value: &[u8]) -> Option<Box<str>> {
    let is_good = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\' | b'"' | b'<' | b'>');
    let is_path = value.starts_with(b"/") && !value.starts_with(b"//") && value.iter().all(is_good);
    str::from_utf8(value).ok().filter(|_| is_path).map(|path| path.trim_end_matches('/').into())
}

/// An authority with another port. The default port of the scheme is omitted.
fn join(authority: &str, port: Option<u16>, scheme: &str) -> Option<Box<str>> {
    let Some(port) = port else { return Some(authority.into()) };
    let host = split_port(authority.as_bytes()).map_or(authority, |(host, _)| &authority[..host.len()]);
    let is_default = matches!((scheme, port), ("http", 80) | ("https", 443));
    match host {
        "" => None,
        _ if is_default => Some(host.into()),
        _ => Some(format!("{host}:{port}").into()),
    }
}

/// The elements of a line of `Forwarded`, or the text of a malformed one.
///
/// If a quote is not closed, the line is split at every comma: the proxy has appended its
/// element to a line that the client has sent.
fn elements(line: &[u8]) -> Vec<std::result::Result<Element, Vec<u8>>> {
    let pieces = split(line, b',').unwrap_or_else(|| line.split(|byte| *byte == b',').collect());
    let pieces = pieces.into_iter().map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty());
    pieces.map(|piece| element(piece).ok_or_else(|| piece.to_vec())).collect()
}

fn element(text: &[u8]) -> Option<Element> {
    let mut element = Element::default();
    for pair in split(text, b';')?.into_iter().map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..at], unquoted(&pair[at + 1..])?);
        if !is_token(name) {
            return None;
        }
        let place = match name.to_ascii_lowercase().as_slice() {
            b"for" => &mut element.node,
            b"proto" => &mut element.proto,
            b"host" => &mut element.host,
            // "by", and extensions.
            _ => continue,
        };
        // Section 4: each parameter at most once.
        if place.replace(value).is_some() {
            return None;
        }
    }
    Some(element)
}

/// The pieces between separators outside of quotes. `None` if a quote is not closed.
fn split(text: &[u8], separator: u8) -> Option<Vec<&[u8]>> {
    let (mut pieces, mut begin, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            byte if *byte == separator && !is_quoted => {
                pieces.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[begin..]);
    (!is_quoted).then_some(pieces)
}

/// A token, or the content of a quoted string (RFC 9110, section 5.6.4). Addresses with a
/// colon must be quoted, but often are not.
fn unquoted(value: &[u8]) -> Option<Vec<u8>> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        let is_good = |byte: &u8| byte.is_ascii_graphic() && *byte != b'"';
        return (!value.is_empty() && value.iter().all(is_good)).then(|| value.to_vec());
    };
    let (mut content, mut bytes) = (Vec::new(), quoted.strip_suffix(b"\"")?.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => content.push(*bytes.next()?),
            b'"' => return None,
            byte => content.push(*byte),
        }
    }
    Some(content)
}

#[cfg(test)]
mod tests;
