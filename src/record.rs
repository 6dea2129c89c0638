//! Records: what a queue tells its host, each of one size, with its texts and
//! bytes in the batch's arena.

use std::io::Write;
use std::mem::offset_of;

use crate::close::Report;
use crate::event::{EventKind, SessionEvent};
use crate::header_list::{GOAWAY_FIELD_SENSITIVE, HeaderList};

/// Kinds of records. Later versions may append codes.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A request arrived.
    Request = 1,
    /// The next bytes of a request's body arrived.
    Body = 2,
    /// A response can be written again, as requested by GOAWAY_COMMAND_FLAG_NOTIFY or
    /// GOAWAY_COMMAND_FLAG_NOTIFY_SENT.
    Writable = 3,
    /// The request was cancelled. Its id is stale.
    Cancelled = 4,
    /// The request's session is draining. The response should end before the
    /// deadline.
    Drain = 5,
    /// A session event; only with GOAWAY_WATCH_SESSIONS.
    Session = 6,
    /// The progress of the server's close: the sessions and streams that are still
    /// open, and the milliseconds until the deadline. Only with
    /// GOAWAY_WATCH_PROGRESS. Read it with `goaway_record_sessions`,
    /// `goaway_record_streams` and `goaway_record_left_ms`.
    Progress = 7,
    /// The server's close is complete. The last record of each queue.
    Closed = 8,
}

/// Flag of a REQUEST or BODY record: the request's body ends with the data of this
/// record. In REQUEST: the request has no body, or the record has the complete body.
pub const GOAWAY_RECORD_FLAG_END: u16 = 1;

/// Flag of a REQUEST record: the method is HEAD.
pub const GOAWAY_RECORD_FLAG_HEAD: u16 = 2;

/// Flag of a REQUEST record: the session is draining already, and `number` is the
/// milliseconds until the deadline. No DRAIN record follows.
pub const GOAWAY_RECORD_FLAG_DRAINING: u16 = 4;

/// Flag of a REQUEST record: the request arrived over HTTP/1.1. Without this flag and
/// GOAWAY_RECORD_FLAG_HTTP_1_0 it arrived over HTTP/2.
pub const GOAWAY_RECORD_FLAG_HTTP_1_1: u16 = 8;

/// Flag of a REQUEST record: the request arrived over HTTP/1.0.
pub const GOAWAY_RECORD_FLAG_HTTP_1_0: u16 = 16;

/// Flag of a REQUEST record: the stream ended with the request's header section, so
/// that the request has no body at all.
pub const GOAWAY_RECORD_FLAG_NO_BODY: u16 = 32;

/// Flag of a REQUEST record: the authority is from the `host` field, because there
/// was no `:authority`.
pub const GOAWAY_RECORD_FLAG_HOST_ONLY: u16 = 64;

/// Flag of a REQUEST record, together with GOAWAY_RECORD_FLAG_END: the request asks
/// for another protocol, and a HEAD command with the status 101 switches to it
/// (GOAWAY_FEATURE_UPGRADE). BODY records then have the bytes of the tunnel.
pub const GOAWAY_RECORD_FLAG_UPGRADE: u16 = 128;

/// Flag of a REQUEST record: the peer sent several `cookie` fields. The text has one
/// field, with their values joined by "; " (RFC 9113, section 8.2.3). After the text,
/// up to `data_offset`, stands each value as it arrived, each followed by a NUL.
pub const GOAWAY_RECORD_FLAG_COOKIES: u16 = 256;

/// Flag of a REQUEST record, or of a BODY record with GOAWAY_RECORD_FLAG_END: at
/// least one field, or pseudo-header field (see GOAWAY_PSEUDO_FIELD_SENSITIVE), was
/// sent as never indexed (RFC 7541, section 7.1.3). Directly before the text stand
/// `fields` bytes, one for each field in order: GOAWAY_FIELD_SENSITIVE or 0.
/// `goaway_record_field_flags` reads them.
pub const GOAWAY_RECORD_FLAG_SENSITIVE: u16 = 512;

/// For `goaway_queue_watch`: session events, in SESSION records.
pub const GOAWAY_WATCH_SESSIONS: u32 = 1;

/// For `goaway_queue_watch`: the progress of a close, about ten times a second, in
/// PROGRESS records.
pub const GOAWAY_WATCH_PROGRESS: u32 = 2;

/// An event, in 64 bytes without padding and in the byte order of the machine. Each
/// member's comment begins with its offset. Members that do not apply to the kind are
/// 0. Texts and data are in the arena of the record's batch. The `goaway_record_`
/// functions read the members by name.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// 0: a `goaway_record_kind`.
    pub kind: u16,
    /// 2: flags. REQUEST, BODY: GOAWAY_RECORD_FLAG_END and
    /// GOAWAY_RECORD_FLAG_SENSITIVE. REQUEST: also GOAWAY_RECORD_FLAG_HEAD,
    /// GOAWAY_RECORD_FLAG_DRAINING, GOAWAY_RECORD_FLAG_HTTP_1_1,
    /// GOAWAY_RECORD_FLAG_HTTP_1_0, GOAWAY_RECORD_FLAG_NO_BODY,
    /// GOAWAY_RECORD_FLAG_HOST_ONLY, GOAWAY_RECORD_FLAG_UPGRADE and
    /// GOAWAY_RECORD_FLAG_COOKIES.
    pub flags: u16,
    /// 4: REQUEST: the route's tag.
    pub tag: u32,
    /// 8: the request, if the record belongs to one.
    pub id: u64,
    /// 16: the session of the request or of the event.
    pub session: u64,
    /// 24: the context of the request when the record was written, set by
    /// GOAWAY_COMMAND_KIND_SET_CONTEXT or `goaway_request_set_context`; 0 if none was
    /// set.
    pub context: u64,
    /// 32, 36: REQUEST: method, scheme, authority, path, query and peer, then name
    /// and value of each path parameter, then name and value of each header field,
    /// each followed by a NUL. The first field of an extended CONNECT (RFC 8441) is
    /// `:protocol`. Several `cookie` fields are joined, see
    /// GOAWAY_RECORD_FLAG_COOKIES. BODY with GOAWAY_RECORD_FLAG_END: name and value
    /// of each trailer field, each followed by a NUL. SESSION: the peer and a NUL,
    /// then the event's text without a NUL.
    pub text_offset: u32,
    pub text_len: u32,
    /// 40, 44: REQUEST: the body, if it is complete. BODY: the next bytes of the
    /// body. CLOSED: a `goaway_report`, aligned to 8 bytes.
    pub data_offset: u32,
    pub data_len: u32,
    /// 48: REQUEST: the identifier of the stream. CANCELLED: an error code, as in
    /// `goaway_cancel_cb`. SESSION: the event's `code`. WRITABLE: the high-water
    /// mark, which grows for a peer that reads fast. PROGRESS: sessions that are
    /// still open.
    pub code: u32,
    /// 52: CANCELLED, SESSION: a `goaway_cause`. REQUEST: the order of the
    /// pseudo-header fields, as `goaway_request_pseudo_order` writes it. PROGRESS:
    /// streams that are still open.
    pub cause: u32,
    /// 56: WRITABLE: bytes that wait for the peer, at most 4294967295. DRAIN,
    /// PROGRESS, and REQUEST with GOAWAY_RECORD_FLAG_DRAINING: milliseconds until the
    /// deadline. SESSION: the event's `last_stream` for GOAWAY_EVENT_GOAWAY, its
    /// `stream` for other events.
    pub number: u32,
    /// 60: REQUEST: number of header fields. BODY with GOAWAY_RECORD_FLAG_END: number
    /// of trailer fields. SESSION: a `goaway_event`.
    pub fields: u16,
    /// 62: REQUEST: number of path parameters. SESSION with GOAWAY_EVENT_CLOSED: a
    /// `goaway_outcome`.
    pub params: u16,
}

const _: () = {
    assert!(size_of::<Record>() == 64);
    assert!(offset_of!(Record, id) == 8 && offset_of!(Record, session) == 16 && offset_of!(Record, context) == 24);
    assert!(offset_of!(Record, text_offset) == 32 && offset_of!(Record, data_offset) == 40);
    assert!(offset_of!(Record, code) == 48 && offset_of!(Record, number) == 56);
    assert!(offset_of!(Record, fields) == 60 && offset_of!(Record, params) == 62);
};

/// Records, with the arena that has their texts and data.
#[derive(Default)]
pub struct Batch {
    pub records: Vec<Record>,
    pub arena: Vec<u8>,
}

impl RecordKind {
    const ALL: [Self; 8] = [
        Self::Request,
        Self::Body,
        Self::Writable,
        Self::Cancelled,
        Self::Drain,
        Self::Session,
        Self::Progress,
        Self::Closed,
    ];

    /// The kind with this number.
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u16 == number)
    }
}

impl Record {
    pub fn new(kind: RecordKind) -> Self {
        Self { kind: kind as u16, ..Self::default() }
    }

    /// A record of a request.
    pub fn of(kind: RecordKind, id: u64, session: u64, context: u64) -> Self {
        Self { id, session, context, ..Self::new(kind) }
    }
}

impl Batch {
    /// How much memory the batch holds.
    pub fn memory(&self) -> usize {
        self.records.capacity() * size_of::<Record>() + self.arena.capacity()
    }

    /// The offset of the next text or data.
    pub fn mark(&self) -> u32 {
        self.arena.len() as u32
    }

    /// The number of bytes since a mark.
    pub fn since(&self, mark: u32) -> u32 {
        self.mark() - mark
    }

    /// Appends a text and a NUL.
    pub fn text(&mut self, text: &[u8]) {
        self.arena.extend_from_slice(text);
        self.arena.push(0);
    }

    /// Appends the name and the value of each field, each followed by a NUL. Returns the
    /// number of fields.
    pub fn fields(&mut self, fields: &HeaderList) -> u16 {
        for field in fields.iter() {
            self.text(field.name);
            self.text(field.value);
        }
        count(fields.len())
    }

    /// The same for the header section of a request. Several cookie fields become one at
    /// the position of the first (RFC 9113, section 8.2.3). Also returns whether there
    /// were several.
    pub fn request_fields(&mut self, fields: &HeaderList) -> (u16, bool) {
        let (mut count, mut cookies) = (0, 0);
        for field in fields.iter() {
            if field.name == b"cookie" {
                cookies += 1;
                if cookies > 1 {
                    continue;
                }
                self.text(field.name);
                self.joined(fields.get_all(b"cookie"));
            } else {
                self.text(field.name);
                self.text(field.value);
            }
            count += 1;
        }
        (count, cookies > 1)
    }

    /// Appends a byte for each field that `fields` appends.
    pub fn field_flags(&mut self, fields: &HeaderList) {
        self.arena.extend(fields.iter().map(|field| flags(field.is_sensitive)));
    }

    /// Appends a byte for each field that `request_fields` appends. Joined cookie fields
    /// are sensitive if one of them is.
    pub fn request_field_flags(&mut self, fields: &HeaderList) {
        let mut has_cookie = false;
        for field in fields.iter() {
            let is_cookie = field.name == b"cookie";
            if is_cookie && std::mem::replace(&mut has_cookie, true) {
                continue;
            }
            let mut same = fields.iter().filter(|other| other.name == field.name);
            let is_sensitive = if is_cookie { same.any(|cookie| cookie.is_sensitive) } else { field.is_sensitive };
            self.arena.push(flags(is_sensitive));
        }
    }

    /// Appends values as one text, separated by "; ".
    fn joined<'a>(&mut self, values: impl Iterator<Item = &'a [u8]>) {
        for (at, value) in values.enumerate() {
            if at > 0 {
                self.arena.extend_from_slice(b"; ");
            }
            self.arena.extend_from_slice(value);
        }
        self.arena.push(0);
    }

    pub fn session_event(&mut self, event: &SessionEvent) {
        let text_offset = self.mark();
        // Writing to memory cannot fail.
        let _ = write!(self.arena, "{}\0", event.peer);
        self.arena.extend_from_slice(&event.text);
        let number = if event.kind == EventKind::Goaway { event.last_stream } else { event.stream };
        self.records.push(Record {
            session: event.session,
            text_offset,
            text_len: self.since(text_offset),
            code: event.code,
            cause: event.cause as u32,
            number,
            fields: event.kind as u16,
            params: event.outcome as u16,
            ..Record::new(RecordKind::Session)
        });
    }

    pub fn progress(&mut self, sessions: u64, streams: u64, left_ms: u64) {
        let (code, cause, number) = (narrow(sessions), narrow(streams), narrow(left_ms));
        self.records.push(Record { number, code, cause, ..Record::new(RecordKind::Progress) });
    }

    pub fn closed(&mut self, report: &Report) {
        self.arena.resize(self.arena.len().next_multiple_of(8), 0);
        let data_offset = self.mark();
        report.numbers().into_iter().for_each(|number| self.arena.extend_from_slice(&number.to_ne_bytes()));
        let data_len = self.since(data_offset);
        self.records.push(Record { data_offset, data_len, ..Record::new(RecordKind::Closed) });
    }
}

fn flags(is_sensitive: bool) -> u8 {
    if is_sensitive { GOAWAY_FIELD_SENSITIVE } else { 0 }
}

/// Converts a number to the width of a record member, saturating.
pub fn narrow(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// The same for the number of fields or parameters, which is never that large.
pub fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
