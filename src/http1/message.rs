//! Requests of HTTP/1.1 as they pass (RFC 9112), read before hyper gets them:
//! where each ends, and whether it is one that everybody reads alike.
//!
//! A proxy before us and hyper may differ about a request that is not quite
//! right, and whoever knows how they differ hides one request in another. So
//! what is not exactly of the grammar is refused here, also where the RFC lets
//! a server repair it.

use super::chunk::Chunks;

/// Why a request is refused, and the connection with it: nobody knows where the
/// next one would begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub status: u16,
    pub why: &'static str,
}

/// A request that is none.
pub fn bad(why: &'static str) -> Fault {
    Fault { status: 400, why }
}

pub const TOO_LARGE: Fault = Fault { status: 431, why: "the header section is too large" };

/// What a header section and a trailer section may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes, with 32 more a field.
    pub bytes: usize,
    pub fields: usize,
}

/// Follows the requests of a connection.
pub struct Scanner {
    state: State,
    limits: Limits,
    /// Heads that came whole.
    pub heads: u64,
}

enum State {
    /// A head is to come, or has begun.
    Head(Head),
    /// So many bytes of a body.
    Length(u64),
    Chunked(Box<Chunks>),
    /// The request is whole. What follows is another, whose turn has not come.
    Whole,
}

impl Scanner {
    pub fn new(limits: Limits) -> Self {
        Self { state: State::Head(Head::default()), limits, heads: 0 }
    }

    /// How many of `bytes`, of which none was passed before, may be passed on: those of
    /// the request under way, and of its head all or none.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            match &mut self.state {
                State::Head(head) => {
                    let Some(length) = head.read(rest, self.limits)? else { return Ok(at) };
                    at += length;
                    self.heads += 1;
                    self.state = match head.framing {
                        Framing::Length(0) => State::Whole,
                        Framing::Length(length) => State::Length(length),
                        Framing::Chunked => State::Chunked(Box::new(Chunks::new(self.limits))),
                    };
                }
                State::Length(left) => {
                    let taken = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Whole;
                    }
                    return Ok(at + taken);
                }
                State::Chunked(chunks) => {
                    let (taken, is_last) = chunks.read(rest)?;
                    if is_last {
                        self.state = State::Whole;
                    }
                    return Ok(at + taken);
                }
                State::Whole => return Ok(at),
            }
        }
    }

    /// The next request may come.
    pub fn go_on(&mut self) {
        if self.is_whole() {
            self.state = State::Head(Head::default());
        }
    }

    /// Whether all of a request has come and another may not yet.
    pub fn is_whole(&self) -> bool {
        matches!(self.state, State::Whole)
    }

    /// Whether a head has begun and is not whole.
    pub fn is_mid_head(&self) -> bool {
        matches!(&self.state, State::Head(head) if head.has_begun)
    }
}

/// What tells where a body ends (RFC 9112, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
}

/// A head, read line by line as it comes.
struct Head {
    /// Where the first line begins that is not read.
    line: usize,
    /// How far that one was searched for its end.
    searched: usize,
    has_begun: bool,
    has_request_line: bool,
    is_1_0: bool,
    framing: Framing,
    has_length: bool,
    section: Section,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            line: 0,
            searched: 0,
            has_begun: false,
            has_request_line: false,
            is_1_0: false,
            framing: Framing::Length(0),
            has_length: false,
            section: Section::default(),
        }
    }
}

impl Head {
    /// The length of the head, once it is whole. `bytes` are all of it that have come.
    fn read(&mut self, bytes: &[u8], limits: Limits) -> Result<Option<usize>, Fault> {
        while let Some(end) = bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
            let end = self.searched + end;
            let line = bytes[self.line..end].strip_suffix(b"\r").ok_or(bad("a line ends without CR"))?;
            (self.line, self.searched) = (end + 1, end + 1);
            match (self.has_request_line, line) {
                // Section 2.2: some clients send an empty line after a body.
                (false, b"") => self.has_begun = false,
                (false, line) => self.read_request_line(line, limits)?,
                (true, b"") => return Ok(Some(self.line)),
                (true, line) => self.read_field(line, limits)?,
            }
        }
        self.searched = bytes.len();
        self.has_begun |= bytes.len() > self.line;
        match bytes.len() - self.line > limits.bytes {
            true if self.has_request_line => Err(TOO_LARGE),
            true => Err(TOO_LONG),
            false => Ok(None),
        }
    }

    /// Section 3.
    fn read_request_line(&mut self, line: &[u8], limits: Limits) -> Result<(), Fault> {
        (self.has_begun, self.has_request_line) = (true, true);
        if line.len() > limits.bytes {
            return Err(TOO_LONG);
        }
        let mut parts = line.split(|byte| *byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad("the first line has not three words"));
        };
        if !is_token(method) {
            return Err(bad("the method is no token"));
        }
        check_target(method, target)?;
        match version {
            b"HTTP/1.1" => {}
            b"HTTP/1.0" => self.is_1_0 = true,
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
                return Err(Fault { status: 505, why: "the version is neither 1.1 nor 1.0" });
            }
            _ => return Err(bad("the version is none")),
        }
        Ok(())
    }

    fn read_field(&mut self, line: &[u8], limits: Limits) -> Result<(), Fault> {
        let (name, value) = self.section.read(line, limits)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            return self.read_length(value);
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return self.read_coding(value);
        }
        Ok(())
    }

    /// Section 6.2: one number, once.
    fn read_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if std::mem::replace(&mut self.has_length, true) {
            return Err(bad("there are two content-length fields"));
        }
        if self.framing == Framing::Chunked {
            return Err(bad("there are content-length and transfer-encoding"));
        }
        let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = digits.and_then(|digits| digits.parse::<u64>().ok()).filter(|length| *length < 1 << 63);
        self.framing = Framing::Length(length.ok_or(bad("content-length is no length"))?);
        Ok(())
    }

    /// Section 6.1: what a body is encoded in beside its chunks, we do not know.
    fn read_coding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.is_1_0 {
            return Err(bad("there is transfer-encoding in HTTP/1.0"));
        }
        if self.has_length {
            return Err(bad("there are content-length and transfer-encoding"));
        }
        if self.framing == Framing::Chunked {
            return Err(bad("there are two transfer-encoding fields"));
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
            return Err(match last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                true => Fault { status: 501, why: "the transfer coding is unknown" },
                false => bad("transfer-encoding does not end in chunked"),
            });
        }
        self.framing = Framing::Chunked;
        Ok(())
    }
}

const TOO_LONG: Fault = Fault { status: 414, why: "the first line is too long" };

/// The forms of a target (section 3.2), as far as the first characters tell.
fn check_target(method: &[u8], target: &[u8]) -> Result<(), Fault> {
    if target.is_empty() || target.iter().any(|byte| matches!(byte, 0..=b' ' | b'#' | 0x7f)) {
        return Err(bad("the target contains what none may"));
    }
    let has_scheme = || {
        let scheme = target.get(..8).unwrap_or(target).to_ascii_lowercase();
        scheme.starts_with(b"http://") || scheme.starts_with(b"https://")
    };
    match target {
        [b'/', ..] | b"*" => Ok(()),
        _ if method == b"CONNECT" || has_scheme() => Ok(()),
        _ => Err(bad("the target is neither a path nor a URI of ours")),
    }
}

/// The fields of a header or trailer section, counted.
#[derive(Default)]
pub struct Section {
    bytes: usize,
    fields: usize,
    has_cookie: bool,
}

impl Section {
    /// One line of it: name and value.
    pub fn read<'a>(&mut self, line: &'a [u8], limits: Limits) -> Result<(&'a [u8], &'a [u8]), Fault> {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(bad("a field has no colon"))?;
        let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
        // What begins with white space would go on with the line before it (section 5.2).
        if !is_token(name) {
            return Err(bad("the name of a field is no token"));
        }
        if value.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 0x7f)) {
            return Err(bad("a field contains a control character"));
        }
        self.bytes += name.len() + value.len() + 32;
        // All cookie fields count as one, as in HTTP/2.
        let is_more_cookie = name.eq_ignore_ascii_case(b"cookie") && std::mem::replace(&mut self.has_cookie, true);
        self.fields += usize::from(!is_more_cookie);
        match self.bytes > limits.bytes || self.fields > limits.fields {
            true => Err(TOO_LARGE),
            false => Ok((name, value)),
        }
    }
}

/// Without the white space around it (RFC 9110, section 5.6.3).
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| TOKEN[usize::from(*byte)])
}

const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        token[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        token[others[at] as usize] = true;
        at += 1;
    }
    token
};

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 2000, fields: 10 };

    /// How a request is divided when it comes in pieces of `step` bytes: what was passed, or the fault.
    fn passed(request: &[u8], step: usize) -> Result<usize, Fault> {
        let (mut scanner, mut held, mut passed) = (Scanner::new(LIMITS), Vec::new(), 0);
        for piece in request.chunks(step) {
            held.extend_from_slice(piece);
            loop {
                let taken = scanner.pass(&held)?;
                passed += taken;
                held.drain(..taken);
                if taken == 0 {
                    break;
                }
            }
        }
        Ok(passed)
    }

    fn check(request: &[u8]) -> Result<usize, u16> {
        let whole = passed(request, usize::MAX);
        for step in [1, 2, 3, 7] {
            assert_eq!(passed(request, step), whole, "in steps of {step}");
        }
        whole.map_err(|fault| fault.status)
    }

    #[test]
    fn a_request_ends_where_it_ends() {
        for (request, behind) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET /next"),
            ("\r\n\r\nGET / HTTP/1.0\r\n\r\n", "x"),
            ("POST / HTTP/1.1\r\nhost: a\r\nContent-Length:  5 \r\n\r\nhello", "POST /"),
            ("POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "GET"),
            ("POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n1;a=\"b\"\r\nx\r\n0\r\na: b\r\n\r\n", "GET"),
            ("OPTIONS * HTTP/1.1\r\nhost:\r\nempty:\r\n\r\n", ""),
            ("GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n", ""),
            ("CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n", ""),
        ] {
            assert_eq!(check(format!("{request}{behind}").as_bytes()), Ok(request.len()), "{request:?}");
        }
        let cookies = format!("GET / HTTP/1.1\r\n{}\r\n", "Cookie: a\r\n".repeat(20));
        assert_eq!(check(cookies.as_bytes()), Ok(cookies.len()), "cookie fields count as one");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let long = |bytes: usize| "x".repeat(bytes);
        for (status, request) in [
            (400, "GET / HTTP/1.1\nhost: a\r\n\r\n".to_owned()),
            (400, "GET / HTTP/1.1\r\nhost: a\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\nhost: a\rb: c\r\n\r\n".into()),
            (400, "GET  / HTTP/1.1\r\n\r\n".into()),
            (400, "GET /\r\n\r\n".into()),
            (400, " GET / HTTP/1.1\r\n\r\n".into()),
            (400, "GET / HTTP/1.1 \r\n\r\n".into()),
            (400, "G(T / HTTP/1.1\r\n\r\n".into()),
            (400, "GET a HTTP/1.1\r\n\r\n".into()),
            (400, "GET ftp://a/ HTTP/1.1\r\n\r\n".into()),
            (400, "GET /#a HTTP/1.1\r\n\r\n".into()),
            (400, "GET /\ta HTTP/1.1\r\n\r\n".into()),
            (400, "GET / http/1.1\r\n\r\n".into()),
            (400, "GET / HTTP/1.10\r\n\r\n".into()),
            (505, "GET / HTTP/2.0\r\n\r\n".into()),
            (505, "GET / HTTP/0.9\r\n\r\n".into()),
            (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\nhost : a\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\nhost\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\n: a\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\nhost: a\r\n b: c\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\n folded: c\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\nhost: a\x0bb\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello".into()),
            (400, "GET / HTTP/1.1\r\ncontent-length: 5, 5\r\n\r\nhello".into()),
            (400, "GET / HTTP/1.1\r\ncontent-length: +5\r\n\r\nhello".into()),
            (400, "GET / HTTP/1.1\r\ncontent-length: 0x5\r\n\r\nhello".into()),
            (400, "GET / HTTP/1.1\r\ncontent-length: 5 5\r\n\r\nhello".into()),
            (400, "GET / HTTP/1.1\r\ncontent-length:\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ncontent-length: 18446744073709551621\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: chunked, gzip\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: xchunked\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding: \x0bchunked\r\n\r\n".into()),
            (400, "GET / HTTP/1.1\r\ntransfer-encoding:\r\n\r\n".into()),
            (501, "GET / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n".into()),
            (400, "GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n".into()),
            (414, format!("GET /{} HTTP/1.1\r\n\r\n", long(2000))),
            (431, format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", long(2000))),
            (431, format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(11))),
        ] {
            assert_eq!(check(request.as_bytes()), Err(status), "{request:?}");
        }
    }

    #[test]
    fn a_head_without_end_is_refused_before_it_is_whole() {
        assert_eq!(check(&[b'x'; 2001]), Err(414));
        assert_eq!(check(format!("GET / HTTP/1.1\r\n{}", "x".repeat(2001)).as_bytes()), Err(431));
    }

    #[test]
    fn the_next_request_waits_for_its_turn() {
        let (mut scanner, two) = (Scanner::new(LIMITS), b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        let first = scanner.pass(two).unwrap();
        assert_eq!((first, scanner.is_whole()), (18, true));
        assert_eq!(scanner.pass(&two[first..]), Ok(0));
        scanner.go_on();
        assert_eq!(scanner.pass(&two[first..]), Ok(18));
        assert_eq!(scanner.heads, 2);
    }

    #[test]
    fn empty_lines_are_no_beginning() {
        let mut scanner = Scanner::new(LIMITS);
        assert_eq!(scanner.pass(b"\r\n"), Ok(0));
        assert!(!scanner.is_mid_head());
        assert_eq!(scanner.pass(b"\r\nG"), Ok(0));
        assert!(scanner.is_mid_head());
    }
}
