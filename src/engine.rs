//! The interface between the task of a connection and its protocol.
//!
//! An engine is pure: it takes bytes and returns events, and it takes calls and writes
//! bytes to an output buffer. It has no socket and no clock, and it does not buffer
//! input: bytes that it cannot process yet stay with the task. It can therefore be
//! tested, fuzzed and compared without a network.

use std::cell::Cell;
use std::time::Instant;

use http::{Method, StatusCode};

use crate::header_list::HeaderList;
use crate::output::{Data, Output};
pub use crate::priority::Priority;
use crate::setting::Setting;

/// The HTTP version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Http10,
    Http11,
    Http2,
}

/// The head of a request (RFC 9110, section 6.2), checked by the rules of its protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestHead {
    pub version: Version,
    pub method: Method,
    /// `:scheme`, or the scheme of a target in absolute form.
    pub scheme: Option<Box<str>>,
    /// `:authority`, or the authority of a target in absolute form or authority form. The
    /// `host` field is among the fields.
    pub authority: Option<Box<str>>,
    /// Path and query as received, or `*`; empty for a plain CONNECT. All bytes are
    /// possible except control characters, space and DEL.
    pub path: Vec<u8>,
    /// `:protocol` of an extended CONNECT (RFC 8441, section 4).
    pub protocol: Option<Box<str>>,
    /// The first protocol of the `upgrade` field of an HTTP/1.1 request (RFC 9110,
    /// section 7.8). The task removes it if upgrades are disabled.
    pub upgrade: Option<Box<str>>,
    pub fields: HeaderList,
    /// The pseudo-header fields in the order in which they were received: four bits for
    /// the number of each (`PseudoField`), the first in the lowest bits, with
    /// GOAWAY_PSEUDO_FIELD_SENSITIVE. 0 for HTTP/1.1.
    pub pseudo_order: u32,
    /// Whether a field or pseudo-header field was sent as never indexed.
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
    /// An empty head.
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
    /// Returns an empty head. Requests with an immediate response all use the same
    /// memory, which stays in the cache.
    static SPARE: Cell<Option<Box<RequestHead>>> = const { Cell::new(None) };
}

impl RequestHead {
    /// Returns a head, if possible with the memory of an earlier one. Path and fields are
    /// empty and the method is GET. The other values may be those of the earlier request,
    /// and are often equal to the new ones.
    pub fn spare() -> Box<Self> {
        SPARE.take().unwrap_or_default()
    }

    /// Keeps the memory of a head for another one.
    pub fn keep(mut self: Box<Self>) {
        self.method = Method::GET;
        self.path.clear();
        self.fields.clear();
        SPARE.set(Some(self));
    }

    /// The path and the query as received. The query is empty if there is no `?`.
    pub fn path_and_query(&self) -> (&[u8], &[u8]) {
        match self.path.iter().position(|byte| *byte == b'?') {
            Some(mark) => (&self.path[..mark], &self.path[mark + 1..]),
            None => (&self.path, &[]),
        }
    }

    /// Whether an HTTP/1.1 request asks for a WebSocket (RFC 6455, section 4.1).
    pub fn asks_for_websocket(&self) -> bool {
        let is_it = |protocol: &[u8]| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket");
        self.method == Method::GET
            && self.upgrade.is_some()
            && self.fields.get_all(b"upgrade").any(|list| list.split(|byte| *byte == b',').any(is_it))
    }
}

/// The final head of a response. `date` and `content-length` are among its fields, if
/// they are to be sent.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    pub status: StatusCode,
    pub fields: &'a HeaderList,
    /// Nothing follows the head.
    pub is_last: bool,
    /// The host has written the whole response and reads no more content of the request.
    /// HTTP/1.1 then announces the end of the connection, unless little content is
    /// outstanding. False if this is not known yet.
    pub is_whole: bool,
    /// A tunnel follows the head.
    pub is_tunnel: bool,
    /// The host ends the connection with this response (HTTP/1.1 only).
    pub closes: bool,
}

/// The result of received bytes.
#[derive(Debug, PartialEq)]
pub enum Event<'a> {
    /// A request has begun. `is_last`: it has no content.
    Request {
        stream: u32,
        head: Box<RequestHead>,
        is_last: bool,
        priority: Priority,
    },
    /// A request has begun that the library responds to with this status.
    Refused {
        stream: u32,
        status: StatusCode,
        is_last: bool,
    },
    /// Content of a request, or data of its tunnel.
    Data {
        stream: u32,
        data: &'a [u8],
        is_last: bool,
    },
    /// The content of a request has ended, with this trailer section.
    Trailers {
        stream: u32,
        fields: HeaderList,
    },
    /// The peer has reset a stream (RFC 9113, section 6.4).
    Reset {
        stream: u32,
        code: u32,
    },
    /// The peer has violated the protocol on one stream, and the engine has reset it with
    /// this code. The task may not know the stream.
    Broken {
        stream: u32,
        code: u32,
        why: &'static str,
    },
    /// The peer has opened a window: that of this stream, or that of the session if
    /// `stream` is 0.
    Window {
        stream: u32,
    },
    /// The peer has changed the priority of a response (RFC 9218, section 7).
    Reprioritized {
        stream: u32,
        priority: Priority,
    },
    /// The payload of a SETTINGS frame. The windows of all streams may have changed.
    Settings(&'a [u8]),
    /// The peer has acknowledged a SETTINGS frame with this payload. `is_of_host`: the
    /// host has sent it by `Control::Settings`.
    SettingsAcknowledged {
        settings: Box<[u8]>,
        is_of_host: bool,
    },
    Ping([u8; 8]),
    /// The peer has acknowledged the host's PING with this payload.
    Pong([u8; 8]),
    /// The peer has acknowledged a frame that was not sent: a PING with this payload, or
    /// SETTINGS if the payload is empty.
    UnsolicitedAck(&'a [u8]),
    /// The peer has acknowledged the PING that follows the first GOAWAY.
    ShutDownAcknowledged,
    Goaway {
        last_stream: u32,
        code: u32,
        debug: &'a [u8],
    },
}

/// A connection error: the peer has violated the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP/1.1: the status of the response that reports it. HTTP/2: the error code of
    /// the GOAWAY (RFC 9113, section 7).
    pub code: u32,
    pub why: &'static str,
}

/// How much memory an engine holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// An incomplete header block.
    pub fields: usize,
    /// Header compression tables.
    pub compression: usize,
    /// The states of the streams.
    pub streams: usize,
    /// Frames that the peer has not acknowledged.
    pub frames: usize,
}

impl Memory {
    #[cfg(any(test, fuzzing))]
    pub fn sum(&self) -> usize {
        self.fields + self.compression + self.streams + self.frames
    }
}

/// The steps of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutDown {
    /// Asks the peer to send no more requests. Requests that still arrive are processed.
    Announce,
    /// Only requests that have begun are processed.
    LastCall,
}

/// How far the peer has used up its budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flood {
    No,
    /// Input should not be read for a moment.
    Pause,
    /// The session should be ended.
    End,
}

/// As the last stream of a GOAWAY: the last stream whose request was received.
pub(crate) const LAST_TAKEN: u32 = u32::MAX;

/// A frame that belongs to no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'a> {
    /// A PING of the host, whose acknowledgement is reported to it.
    Ping([u8; 8]),
    /// A PING of the library, which checks whether the peer is there.
    KeepAlive,
    /// A GOAWAY without effect on the session. `last_stream` may be [`LAST_TAKEN`].
    Goaway { code: u32, last_stream: u32, debug: &'a [u8] },
    /// An extension frame for stream 0 or an open stream.
    Extension { kind: u8, stream: u32, payload: &'a [u8] },
    /// Receive windows in bytes (RFC 9113, section 6.9). 0 leaves one unchanged. The
    /// window of streams takes effect when the peer has acknowledged it.
    Windows { session: u32, stream: u32 },
    /// A SETTINGS frame (RFC 9113, section 6.5) with checked settings.
    Settings(&'a [Setting]),
}

/// The protocol of one connection. The engine interprets and writes bytes. The task owns
/// the socket, the clock and the windows of the host.
///
/// Methods that need streams have default implementations without effect.
pub trait Engine {
    /// Whether requests are concurrent, each with its own flow control. If not, a request
    /// is reported when the response before it is complete.
    const IS_MULTIPLEXED: bool;

    /// Writes what the server sends before it has received anything.
    fn begin(&mut self, _out: &mut Output) {}

    /// Processes bytes from the start of `input`. Returns how many, and an event. The
    /// caller repeats the call as long as bytes are taken or an event is returned. Bytes
    /// that were not taken must be at the start of the next input, with more after them.
    /// Acknowledgements are written to the output. After a fault no more bytes are taken.
    fn receive<'a>(&mut self, input: &'a [u8], out: &mut Output) -> Result<(usize, Option<Event<'a>>), Fault>;

    /// Examines bytes that arrive after the protocol has ended, beginning with the first
    /// byte that was not taken. Requests among them are counted as refused.
    fn discard(&mut self, _input: &[u8]) {}

    /// The number of requests that arrived too late.
    fn refused(&self) -> u64 {
        0
    }

    /// Whether a head, a trailer section, a control frame or body framing has begun and
    /// is incomplete. It then has a time limit.
    fn is_mid_block(&self) -> bool;

    /// How many such blocks were complete.
    fn blocks(&self) -> u64;

    /// Whether the peer has sent what must precede requests, and has acknowledged our
    /// part. Until then the connection has a time limit.
    fn is_settled(&self) -> bool;

    /// Whether the peer has begun to speak the protocol.
    fn has_begun(&self) -> bool;

    /// The time has advanced to `now`.
    fn refill(&mut self, _now: Instant) {}

    /// Whether the peer sends too many control frames.
    fn flood(&self) -> Flood {
        Flood::No
    }

    /// Sets whether memory is short, so that the peer may send little at a time.
    fn set_short(&mut self, _is_short: bool) {}

    /// How much memory the engine holds for the peer.
    fn memory(&self) -> Memory;

    /// Whether all content of this request has been received, or no more will be read.
    fn has_all_content(&self, stream: u32) -> bool;

    /// The host has consumed this many content bytes: the window opens.
    fn consume(&mut self, _stream: u32, _bytes: usize, _out: &mut Output) {}

    /// Converts a request for a WebSocket to an extended CONNECT (RFC 8441), as in
    /// HTTP/2. Its fields are kept. An invalid key is an error.
    fn take_as_connect(&mut self, _head: &mut RequestHead) -> Result<(), Fault> {
        Ok(())
    }

    /// Writes an informational head (RFC 9110, section 15.2), unless the peer could not
    /// understand it.
    fn send_informational(&mut self, stream: u32, status: StatusCode, fields: &HeaderList, out: &mut Output);

    /// Writes the final head. Returns whether the response is complete.
    fn send_head(&mut self, stream: u32, head: ResponseHead<'_>, out: &mut Output) -> bool;

    /// How many content bytes may be sent now.
    fn sendable(&self, _stream: u32) -> usize {
        usize::MAX
    }

    /// Writes content, or data of a tunnel: at most as much as is sendable. Content that
    /// the response must not have is dropped, for example after HEAD.
    fn send_data(&mut self, stream: u32, data: Data<'_>, is_last: bool, out: &mut Output);

    /// Writes the end of the response with its trailer section, if trailers are possible.
    fn send_trailers(&mut self, stream: u32, fields: &HeaderList, out: &mut Output);

    /// Resets one stream: the rest of its response is not written. False if the protocol
    /// has no such message; the connection must then be ended.
    fn reset(&mut self, _stream: u32, _code: u32, _out: &mut Output) -> bool {
        false
    }

    /// Promises a pushed request (RFC 9113, section 8.4). Returns the stream of its
    /// response, or `None` if the peer accepts no push.
    fn push(&mut self, _parent: u32, _head: &RequestHead, _out: &mut Output) -> Option<u32> {
        None
    }

    /// Whether the response of a pushed request may begin: the peer limits how many are
    /// open at a time.
    fn may_begin(&self, _stream: u32) -> bool {
        true
    }

    /// Whether the peer accepts pushes.
    fn takes_pushes(&self) -> bool {
        false
    }

    /// How many requests the peer may have open, as far as it knows.
    fn max_requests(&self) -> usize {
        usize::MAX
    }

    /// Writes a frame of the host, if the protocol has frames. False if it has to wait
    /// for the peer.
    fn send_control(&mut self, _control: Control<'_>, _out: &mut Output) -> bool {
        true
    }

    /// Accepts fewer or no more requests. A response head that was not written announces
    /// it, if possible.
    fn shut_down(&mut self, step: ShutDown, out: &mut Output);

    /// Writes the reason for a connection error, if the protocol allows it here. Nothing
    /// is read or written after that.
    fn send_fault(&mut self, fault: Fault, date: &[u8], out: &mut Output);

    /// Ends the connection without a connection error. Nothing is read or written after
    /// that. `last_stream`: the last stream that the host has processed, as far as it
    /// knows.
    fn end(&mut self, _code: u32, _last_stream: Option<u32>, _debug: &[u8], _out: &mut Output) {}

    /// Whether an incomplete response would look complete to the peer if the connection
    /// ended now.
    fn looks_whole(&self) -> bool {
        false
    }

    /// Whether there will be no more requests, and all responses were written.
    fn is_over(&self) -> bool;
}
