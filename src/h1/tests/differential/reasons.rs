//! The intended differences between the engine and other parsers.

use super::peers::Message;

/// How the engine and another parser disagree about a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// The engine refuses a message that the other parser accepts or still waits for.
    RefusedHere(String),
    /// The other parser refuses a message that the engine accepts.
    RefusedThere(String),
    /// Both accept the message, and read it differently.
    Read(String),
}

impl Difference {
    pub fn read(ours: &Message, theirs: &Message) -> Self {
        let what = match () {
            () if ours.method != theirs.method => "method",
            () if ours.target != theirs.target => "target",
            () if ours.fields != theirs.fields => "fields",
            () if ours.content != theirs.content => "content",
            () => "length",
        };
        Difference::Read(what.into())
    }
}

/// The parser (all parsers if empty), the first words of the difference, and the reason.
#[derive(Debug)]
#[expect(dead_code, reason = "the reason is for the reader of the list")]
pub enum Reason {
    RefusedHere(&'static str, &'static str, &'static str),
    RefusedThere(&'static str, &'static str, &'static str),
    Read(&'static str, &'static str, &'static str),
}
use Reason::*;

impl Reason {
    pub fn covers(&self, peer: &str, difference: &Difference) -> bool {
        let (of, begin, text) = match (self, difference) {
            (RefusedHere(of, begin, _), Difference::RefusedHere(text)) => (of, begin, text),
            (RefusedThere(of, begin, _), Difference::RefusedThere(text)) => (of, begin, text),
            (Read(of, begin, _), Difference::Read(text)) => (of, begin, text),
            _ => return false,
        };
        (of.is_empty() || *of == peer) && text.starts_with(begin)
    }
}

/// Section numbers are those of RFC 9112 unless another RFC is named.
pub const REASONS: &[Reason] = &[
    // The grammar, where others repair.
    RefusedHere("", "400 a line ends without CR", "section 2.2 allows to take LF alone; a proxy may not"),
    RefusedHere(
        "",
        "400 a line contains a control character",
        "h11 takes most in values, Node.js a CR before a method",
    ),
    RefusedHere(
        "h11",
        "400 a field line begins with white space",
        "section 5.2 allows to refuse it, or to repair it as h11 does",
    ),
    RefusedHere(
        "h11",
        "400 a field line does not begin with a token",
        "h11 waits for the end of the head before it looks at it",
    ),
    RefusedHere("h11", "400 the method is no token", "h11 waits for the end of the head before it looks at it"),
    RefusedHere("h11", "400 the target contains a control", "h11 waits for the end of the head before it looks at it"),
    RefusedHere(
        "",
        "400 the request line does not end with an HTTP version",
        "Node.js takes HTTP/0.9, which has none; h11 waits for the end of the head",
    ),
    RefusedHere("", "505 the version", "section 2.3: there are no others; Node.js takes 0.9, h11 any"),
    RefusedHere("", "400 the request line is not a method", "section 3 has one space; Node.js skips more"),
    RefusedHere("", "400 the target has a fragment", "section 3.2 has none; others hand it on as part of the path"),
    RefusedHere("", "400 the target is neither", "section 3.2: its meaning is undefined"),
    RefusedHere("", "400 the URI of the target", "RFC 9110, section 4.2.1: a URI needs a host"),
    RefusedHere("", "400 the target * is allowed for OPTIONS only", "section 3.2.4"),
    RefusedHere("", "400 the target of CONNECT is not a host", "section 3.2.3"),
    RefusedHere("", "400 CONNECT and the host field", "section 3.2: the client must send the same"),
    RefusedHere(
        "",
        "400 the host field is no host with an optional port",
        "section 3.2: 400 is a must; others leave it to the application",
    ),
    RefusedHere("", "400 there are two host fields", "section 3.2: 400 is a must; Node.js takes the first"),
    RefusedHere("node", "400 there is no host field", "Node.js refuses that request too, and reads the next"),
    RefusedHere("httparse", "400 there is no host field", "httparse looks at no field"),
    // Framing.
    RefusedHere("", "400 content-length is no number", "section 6.3 allows to take `5, 5` for 5, as h11 does"),
    RefusedHere("", "400 there are two content-length fields", "section 6.3 allows to take equal ones, as h11 does"),
    RefusedHere(
        "",
        "400 there are both content-length and transfer-encoding",
        "section 6.1 allows to ignore the length, as h11 does",
    ),
    RefusedHere(
        "",
        "400 there are two transfer-encoding fields",
        "h11 waits for the end of the head before it looks at it",
    ),
    RefusedHere("", "400 there is transfer-encoding in HTTP/1.0", "section 6.1: its framing is faulty"),
    RefusedHere(
        "",
        "400 transfer-encoding does not end in chunked",
        "section 6.3; h11 unfolds it, Node.js adds up two fields",
    ),
    RefusedHere("", "501 the transfer coding is unknown", "section 6.1; Node.js hands content on in its coding"),
    RefusedHere(
        "",
        "400 a chunk size is no hexadecimal number of at most 16 digits",
        "section 7.1; h11 takes blanks behind it, Node.js any number of zeros",
    ),
    RefusedHere("", "400 a chunk is too large", "nobody sends one of 2^63 bytes; others wait for them"),
    RefusedHere(
        "",
        "400 a trailer section contains content-length, transfer-encoding or host",
        "RFC 9110, section 6.5.1; others hand it on or drop it",
    ),
    // Where others are stricter.
    RefusedThere("", "invalid token", "httparse takes a target only in UTF-8; bytes are for the host to judge"),
    RefusedThere("node", "HPE_INVALID_URL", "bytes from 0x80 in a target are for the host to judge"),
    RefusedThere("h11", "illegal request line", "bytes from 0x80 in a target are for the host to judge"),
    RefusedThere("node", "HPE_INVALID_METHOD", "Node.js knows only the methods of a list; section 3.1 has any token"),
    RefusedThere("node", "HPE_CLOSED_CONNECTION", "what is behind the last request is not looked at"),
    RefusedThere(
        "node",
        "HPE_INVALID_CONTENT_LENGTH",
        "RFC 9110, section 5.5: white space behind a value is no part of it",
    ),
    RefusedThere("node", "HPE_INVALID_CHUNK_SIZE", "section 7.1.1 has white space before an extension"),
    RefusedThere("h11", "illegal chunk header", "section 7.1.1 has white space before an extension"),
    RefusedThere("node", "HPE_STRICT", "extensions are ignored, whatever they are but line ends and controls"),
    RefusedThere("h11", "no request line received", "section 2.2: an empty line before a request is skipped"),
    // Others do not wait for the end of a line.
    RefusedThere("node", "HPE_INVALID_CONSTANT", "a line is judged when it is whole"),
    RefusedThere("node", "HPE_INVALID_VERSION", "a line is judged when it is whole"),
    RefusedThere("node", "HPE_INVALID_HEADER_TOKEN", "a line is judged when it is whole"),
    RefusedThere("node", "HPE_INVALID_TRANSFER_ENCODING", "a line is judged when it is whole"),
    RefusedThere("node", "HPE_UNEXPECTED_CONTENT_LENGTH", "a line is judged when it is whole"),
    RefusedThere("node", "HPE_UNEXPECTED_SPACE", "a line is judged when it is whole"),
    RefusedThere("httparse", "invalid new line", "a line is judged when it is whole"),
    RefusedThere("httparse", "invalid HTTP version", "a line is judged when it is whole"),
    RefusedThere("httparse", "invalid header name", "a line is judged when it is whole"),
    // What is handed on.
    Read("", "target", "section 3.2.4: OPTIONS for a URI without a path asks for *"),
    Read("h11", "fields", "h11 puts `CHUNKED` into lower case"),
    RefusedThere("node", "UPGRADE", "Node.js reads no request behind one that asks for an upgrade"),
];
