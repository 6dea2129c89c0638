//! What the task of a connection needs from a protocol.
//!
//! An engine is pure: it is given bytes and gives events, it is told what to
//! send and writes bytes into a buffer. It has no socket, no clock and no
//! buffer of its own for what comes: bytes that it cannot use yet stay with the
//! task. So it can be tested, fuzzed and compared without a network.

use http::{Method, StatusCode};

use crate::header_list::HeaderList;

/// The version of HTTP that a message is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Http10,
    Http11,
    Http2,
}

/// The head of a request (RFC 9110, section 6.2), checked against the rules of
/// its protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestHead {
    pub version: Version,
    pub method: Method,
    /// Of a target that has one: `:scheme`, or that of an absolute-form.
    pub scheme: Option<Box<str>>,
    /// Of a target that has one: `:authority`, or that of an absolute-form or
    /// authority-form. The `host` field is among the fields.
    pub authority: Option<Box<str>>,
    /// Path and query as they came, `*` included; empty of a plain CONNECT. Any
    /// bytes but controls, space and DEL.
    pub path: Vec<u8>,
    /// `:protocol` of an extended CONNECT (RFC 8441, section 4).
    pub protocol: Option<Box<str>>,
    /// The first protocol that a request of HTTP/1.1 asks to switch to (RFC
    /// 9110, section 7.8). The connection's task takes it away if the host may not
    /// switch.
    pub upgrade: Option<Box<str>>,
    pub fields: HeaderList,
}

impl Default for RequestHead {
    /// A head of which nothing is known yet.
    fn default() -> Self {
        Self {
            version: Version::Http2,
            method: Method::GET,
            scheme: None,
            authority: None,
            path: Vec::new(),
            protocol: None,
            upgrade: None,
            fields: HeaderList::new(),
        }
    }
}

impl RequestHead {
    /// The path and what stands behind its first `?`, as they came; the second
    /// is empty if there is no `?`.
    pub fn path_and_query(&self) -> (&[u8], &[u8]) {
        match self.path.iter().position(|byte| *byte == b'?') {
            Some(mark) => (&self.path[..mark], &self.path[mark + 1..]),
            None => (&self.path, &[]),
        }
    }

    /// Whether a request of HTTP/1.1 asks for a WebSocket (RFC 6455, section 4.1).
    pub fn asks_for_websocket(&self) -> bool {
        let is_it = |protocol: &[u8]| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket");
        self.method == Method::GET
            && self.upgrade.is_some()
            && self.fields.get_all(b"upgrade").any(|list| list.split(|byte| *byte == b',').any(is_it))
    }
}

/// The final head of a response, ready to be sent: `date` and `content-length`
/// are among its fields, as far as they are to be sent.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    pub status: StatusCode,
    pub fields: &'a HeaderList,
    /// Nothing follows the head.
    pub is_last: bool,
    /// The host has written all of the response and takes no more content of the
    /// request. HTTP/1.1 then says that the connection ends, unless little of the
    /// content is still to come. If it is not known yet: false.
    pub is_whole: bool,
    /// What follows the head is a tunnel's.
    pub is_tunnel: bool,
    /// The host ends the connection with this response. HTTP/1.1 only.
    pub closes: bool,
}

/// What bytes of the peer come to.
#[derive(Debug, PartialEq)]
pub enum Event<'a> {
    /// A request has begun. `is_last`: it has no content.
    Request { stream: u32, head: Box<RequestHead>, is_last: bool },
    /// Content of a request, or bytes of its tunnel.
    Data { stream: u32, data: &'a [u8], is_last: bool },
    /// The end of a request's content with its trailer section.
    Trailers { stream: u32, fields: HeaderList },
}

/// Why the connection cannot go on: the peer has broken the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The status of the response that says so.
    pub status: u16,
    pub why: &'static str,
}

/// One protocol on one connection. Times, windows of the host and the socket are
/// the task's; what the bytes mean is the engine's.
pub trait Engine {
    /// Takes bytes from the front of `input`: how many, and what they came to.
    /// To be called again while something is taken or an event is given. What is
    /// not taken has to stand at the front of the next input, with more behind
    /// it. After a fault nothing is taken any more.
    fn receive<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Event<'a>>), Fault>;

    /// Whether a head, a trailer section or the framing of a body has begun and
    /// is not whole: it has a time limit, however its bytes drip.
    fn is_mid_block(&self) -> bool;

    /// How many such blocks have come whole.
    fn blocks(&self) -> u64;

    /// Whether all content of that request has come, or none will be taken.
    fn has_all_content(&self, stream: u32) -> bool;

    /// Makes of a request that asks for a WebSocket what HTTP/2 has for it, an
    /// extended CONNECT (RFC 8441); its fields stay. Err if its key is none.
    fn take_as_connect(&mut self, head: &mut RequestHead) -> Result<(), Fault>;

    /// Writes an informational head (RFC 9110, section 15.2). One that the peer
    /// could not understand is left out.
    fn send_informational(&mut self, stream: u32, status: StatusCode, fields: &HeaderList, out: &mut Vec<u8>);

    /// Writes the final head.
    fn send_head(&mut self, stream: u32, head: ResponseHead<'_>, out: &mut Vec<u8>);

    /// Writes content, or bytes of a tunnel. What a response must not have, such
    /// as content of one to HEAD, is left out.
    fn send_data(&mut self, stream: u32, data: &[u8], is_last: bool, out: &mut Vec<u8>);

    /// Writes the end of the response with its trailer section, if it can have one.
    fn send_trailers(&mut self, stream: u32, fields: &HeaderList, out: &mut Vec<u8>);

    /// Takes no more requests than those that have begun; a response whose head
    /// is not written yet says so, if it can.
    fn shut_down(&mut self, out: &mut Vec<u8>);

    /// Writes what tells the peer why the connection ends, if it may stand here.
    fn send_fault(&mut self, fault: Fault, date: &[u8], out: &mut Vec<u8>);

    /// Whether a response that stops here would look whole to the peer when the
    /// connection ends, though it is not.
    fn looks_whole(&self) -> bool;

    /// Whether there will be no more requests and all that have come are answered.
    fn is_over(&self) -> bool;
}
