//! What the task of a connection needs from a protocol.
//!
//! An engine is pure: it is given bytes and gives events, it is told what to
//! send and writes bytes into a buffer. It has no socket, no clock and no
//! buffer of its own for what comes: bytes that it cannot use yet stay with the
//! task. So it can be tested, fuzzed and compared without a network.

use std::cell::Cell;
use std::time::Instant;

use http::{Method, StatusCode};

use crate::header_list::HeaderList;
use crate::output::{Data, Output};
pub use crate::priority::Priority;
use crate::setting::Setting;

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
    /// The pseudo-header fields in the order in which they came: four bits for the
    /// number of each (`PseudoField`), the first in the lowest bits, with
    /// GOAWAY_PSEUDO_FIELD_SENSITIVE. 0 in HTTP/1.1.
    pub pseudo_order: u32,
    /// A field, or pseudo-header field, came as one that is never indexed.
    pub has_sensitive: bool,
}

/// Added to the number of a pseudo-header field that was sent as never indexed. A
/// proxy must forward it so (RFC 7541, section 7.1.3).
pub const GOAWAY_PSEUDO_FIELD_SENSITIVE: u32 = 8;

/// Pseudo-header fields of a request (RFC 9113, section 8.3.1; RFC 8441, section 4).
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PseudoField {
    /// `:method`
    Method = 1,
    /// `:scheme`
    Scheme = 2,
    /// `:authority`
    Authority = 3,
    /// `:path`
    Path = 4,
    /// `:protocol`, of an extended CONNECT
    Protocol = 5,
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
            pseudo_order: 0,
            has_sensitive: false,
        }
    }
}

thread_local! {
    /// A head that is to be filled again: requests that are responded to at once
    /// all use the same memory, which stays warm.
    static SPARE: Cell<Option<Box<RequestHead>>> = const { Cell::new(None) };
}

impl RequestHead {
    /// A head to be filled, if possible with the memory of one that has ended. Its
    /// path and its fields are empty, its method is GET; the rest may be of the
    /// other one, and often is the same again.
    pub fn spare() -> Box<Self> {
        SPARE.take().unwrap_or_default()
    }

    /// Keeps the memory of a head that has ended, for another.
    pub fn keep(mut self: Box<Self>) {
        self.method = Method::GET;
        self.path.clear();
        self.fields.clear();
        SPARE.set(Some(self));
    }

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
    Request {
        stream: u32,
        head: Box<RequestHead>,
        is_last: bool,
        priority: Priority,
    },
    /// A request has begun that is answered with that status by the library.
    Refused {
        stream: u32,
        status: StatusCode,
        is_last: bool,
    },
    /// Content of a request, or bytes of its tunnel.
    Data {
        stream: u32,
        data: &'a [u8],
        is_last: bool,
    },
    /// The end of a request's content with its trailer section.
    Trailers {
        stream: u32,
        fields: HeaderList,
    },
    /// The peer has ended a stream (RFC 9113, section 6.4).
    Reset {
        stream: u32,
        code: u32,
    },
    /// The peer has broken the protocol on one stream, which the engine has ended
    /// with that code. Perhaps nothing was known of the stream.
    Broken {
        stream: u32,
        code: u32,
        why: &'static str,
    },
    /// The peer takes more content: of that stream, or 0 of any.
    Window {
        stream: u32,
    },
    /// The peer wants a response earlier or later (RFC 9218, section 7).
    Reprioritized {
        stream: u32,
        priority: Priority,
    },
    /// The payload of a SETTINGS frame. The peer may take more or less content
    /// than before, of any stream.
    Settings(&'a [u8]),
    /// The peer has acknowledged a SETTINGS frame of that payload. `is_of_host`: it
    /// was one of `Control::Settings`.
    SettingsAcknowledged {
        settings: Box<[u8]>,
        is_of_host: bool,
    },
    Ping([u8; 8]),
    /// The peer has answered the host's PING of that payload.
    Pong([u8; 8]),
    /// The peer has acknowledged what was not sent: a PING of that payload, or, if it
    /// is empty, SETTINGS.
    UnsolicitedAck(&'a [u8]),
    /// The peer has answered the PING behind the first GOAWAY.
    ShutDownAcknowledged,
    Goaway {
        last_stream: u32,
        code: u32,
        debug: &'a [u8],
    },
}

/// Why the connection cannot go on: the peer has broken the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP/1.1: the status of the response that says so. HTTP/2: the error code
    /// of the GOAWAY (RFC 9113, section 7).
    pub code: u32,
    pub why: &'static str,
}

/// Bytes of memory that an engine holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// A header block that has not arrived completely.
    pub fields: usize,
    /// Header compression tables.
    pub compression: usize,
    /// The states of streams.
    pub streams: usize,
    /// Frames that the peer has to acknowledge.
    pub frames: usize,
}

impl Memory {
    #[cfg(any(test, fuzzing))]
    pub fn sum(&self) -> usize {
        self.fields + self.compression + self.streams + self.frames
    }
}

/// How a connection is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutDown {
    /// The peer is told that it should open no more requests. Those that it does
    /// open are still taken.
    Announce,
    /// No request is taken any more but those that have begun.
    LastCall,
}

/// How far the peer has used up what it may do for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flood {
    No,
    /// It should not be read for a moment.
    Pause,
    /// Waiting does not help.
    End,
}

/// As the last stream of a GOAWAY: the last stream whose request was received.
pub(crate) const LAST_TAKEN: u32 = u32::MAX;

/// A frame of the host's own, or one that says something of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'a> {
    /// A PING whose answer the host is told.
    Ping([u8; 8]),
    /// A PING by which the library sees whether the peer is there.
    KeepAlive,
    /// A GOAWAY by which nothing changes. `last_stream` may be [`LAST_TAKEN`].
    Goaway { code: u32, last_stream: u32, debug: &'a [u8] },
    /// A frame of an extension, for stream 0 or one that is open.
    Extension { kind: u8, stream: u32, payload: &'a [u8] },
    /// Receive windows in bytes (RFC 9113, section 6.9); 0 is as it is. They hold
    /// for streams when the peer has acknowledged them.
    Windows { session: u32, stream: u32 },
    /// A SETTINGS frame (RFC 9113, section 6.5), of settings that were checked.
    Settings(&'a [Setting]),
}

/// One protocol on one connection. Times, windows of the host and the socket are
/// the task's; what the bytes mean is the engine's.
///
/// What only a protocol with streams has is given in ways that mean nothing to
/// others.
pub trait Engine {
    /// Whether requests come side by side, each with a flow control of its own.
    /// If not, a request is given when the response before it is complete.
    const IS_MULTIPLEXED: bool;

    /// Writes what has to be said before anything has come.
    fn begin(&mut self, _out: &mut Output) {}

    /// Takes bytes from the front of `input`: how many, and what they came to.
    /// To be called again while something is taken or an event is given. What is
    /// not taken has to stand at the front of the next input, with more behind
    /// it. What the peer is owed for them is written. After a fault nothing is
    /// taken any more.
    fn receive<'a>(&mut self, input: &'a [u8], out: &mut Output) -> Result<(usize, Option<Event<'a>>), Fault>;

    /// Sees bytes that come when the protocol is over and nothing is taken, from
    /// the first byte on that was not taken: requests among them are counted as
    /// refused.
    fn discard(&mut self, _input: &[u8]) {}

    /// Requests that came too late to be taken.
    fn refused(&self) -> u64 {
        0
    }

    /// Whether a head, a trailer section, a control frame or the framing of a body
    /// has begun and is not whole: it has a time limit, however its bytes drip.
    fn is_mid_block(&self) -> bool;

    /// How many such blocks have come whole.
    fn blocks(&self) -> u64;

    /// Whether the peer has said what it has to before requests, and has
    /// acknowledged what we have. Without it a connection has a time limit.
    fn is_settled(&self) -> bool;

    /// Whether the peer has shown that it speaks the protocol.
    fn has_begun(&self) -> bool;

    /// Time has passed.
    fn refill(&mut self, _now: Instant) {}

    /// Whether the peer sends too many control frames.
    fn flood(&self) -> Flood {
        Flood::No
    }

    /// The memory that it holds for the peer.
    fn memory(&self) -> Memory;

    /// Whether all content of that request has come, or none will be taken.
    fn has_all_content(&self, stream: u32) -> bool;

    /// The host has consumed so many bytes of content: as many more may come.
    fn consume(&mut self, _stream: u32, _bytes: usize, _out: &mut Output) {}

    /// Makes of a request that asks for a WebSocket what HTTP/2 has for it, an
    /// extended CONNECT (RFC 8441); its fields stay. Err if its key is none.
    fn take_as_connect(&mut self, _head: &mut RequestHead) -> Result<(), Fault> {
        Ok(())
    }

    /// Writes an informational head (RFC 9110, section 15.2). One that the peer
    /// could not understand is left out.
    fn send_informational(&mut self, stream: u32, status: StatusCode, fields: &HeaderList, out: &mut Output);

    /// Writes the final head. True if the response is complete with it.
    fn send_head(&mut self, stream: u32, head: ResponseHead<'_>, out: &mut Output) -> bool;

    /// How many bytes of content the peer takes now.
    fn sendable(&self, _stream: u32) -> usize {
        usize::MAX
    }

    /// Writes content, or bytes of a tunnel; no more than are sendable. What a
    /// response must not have, such as content of one to HEAD, is left out.
    fn send_data(&mut self, stream: u32, data: Data<'_>, is_last: bool, out: &mut Output);

    /// Writes the end of the response with its trailer section, if it can have one.
    fn send_trailers(&mut self, stream: u32, fields: &HeaderList, out: &mut Output);

    /// Ends one stream; what is to follow of its response is not written. False
    /// if the protocol has no word for it: then the connection has to end.
    fn reset(&mut self, _stream: u32, _code: u32, _out: &mut Output) -> bool {
        false
    }

    /// Promises a request that is pushed on a stream (RFC 9113, section 8.4): the
    /// stream of its response. None if the peer takes none.
    fn push(&mut self, _parent: u32, _head: &RequestHead, _out: &mut Output) -> Option<u32> {
        None
    }

    /// Whether the response of a request that was pushed may begin: the peer says
    /// how many of them it takes at a time.
    fn may_begin(&self, _stream: u32) -> bool {
        true
    }

    /// Whether the peer takes promises.
    fn takes_pushes(&self) -> bool {
        false
    }

    /// How many requests the peer may have open, as it knows.
    fn max_requests(&self) -> usize {
        usize::MAX
    }

    /// Writes a frame of the host's, if the protocol has such. False if it has to
    /// wait for the peer.
    fn send_control(&mut self, _control: Control<'_>, _out: &mut Output) -> bool {
        true
    }

    /// Takes fewer requests, or none any more. A response whose head is not
    /// written yet says so, if it can.
    fn shut_down(&mut self, step: ShutDown, out: &mut Output);

    /// Writes what tells the peer why the connection ends, if it may stand here.
    /// Nothing is taken and nothing is written any more.
    fn send_fault(&mut self, fault: Fault, date: &[u8], out: &mut Output);

    /// The connection ends without a fault of the protocol. Nothing is taken and
    /// nothing is written any more. `last_stream`: the last one that the host has
    /// looked at, as far as it knows.
    fn end(&mut self, _code: u32, _last_stream: Option<u32>, _debug: &[u8], _out: &mut Output) {}

    /// Whether a response that stops here would look whole to the peer when the
    /// connection ends, though it is not.
    fn looks_whole(&self) -> bool {
        false
    }

    /// Whether there will be no more requests and all that have come are answered.
    fn is_over(&self) -> bool;
}
