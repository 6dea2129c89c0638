//! Records: what a queue tells its host, each of one size, with its texts and
//! bytes in the batch's arena.

use std::io::Write;
use std::mem::offset_of;

use crate::close::Report;
use crate::event::{EventKind, SessionEvent};
use crate::header_list::{GOAWAY_FIELD_SENSITIVE, HeaderList};

/// What a record tells. Codes are appended, never renumbered.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A request has come.
    Request = 1,
    /// More of a request's body has come.
    Body = 2,
    /// A response has room again; asked for with GOAWAY_COMMAND_FLAG_NOTIFY or
    /// GOAWAY_COMMAND_FLAG_NOTIFY_SENT.
    Writable = 3,
    /// Nobody waits for the response any more: the request's id is stale.
    Cancelled = 4,
    /// The request's session drains: the response should end in time.
    Drain = 5,
    /// Something happened to a session; only with GOAWAY_WATCH_SESSIONS.
    Session = 6,
    /// How far the server's close has come: the sessions and streams that are
    /// still open and the milliseconds until the deadline; only with
    /// GOAWAY_WATCH_PROGRESS. Read it with `goaway_record_sessions`,
    /// `goaway_record_streams` and `goaway_record_left_ms`.
    Progress = 7,
    /// The server has ended. The last record of each queue.
    Closed = 8,
}

/// As a flag of a REQUEST or BODY record: the request's body ends with this
/// record's data. In REQUEST: there is none, or it is whole here.
pub const GOAWAY_RECORD_FLAG_END: u16 = 1;

/// As a flag of a REQUEST record: the method is HEAD.
pub const GOAWAY_RECORD_FLAG_HEAD: u16 = 2;

/// As a flag of a REQUEST record: the session drains already, and `number` is
/// how many milliseconds are left. No DRAIN record follows then.
pub const GOAWAY_RECORD_FLAG_DRAINING: u16 = 4;

/// As a flag of a REQUEST record: it came in HTTP/1.1. Without this and the next
/// one it came in HTTP/2.
pub const GOAWAY_RECORD_FLAG_HTTP_1_1: u16 = 8;

/// As a flag of a REQUEST record: it came in HTTP/1.0.
pub const GOAWAY_RECORD_FLAG_HTTP_1_0: u16 = 16;

/// As a flag of a REQUEST record: the request's header section ended its stream,
/// so that it has no body and never had one on the way.
pub const GOAWAY_RECORD_FLAG_NO_BODY: u16 = 32;

/// As a flag of a REQUEST record: the authority is from the field `host`, since
/// there was no `:authority`.
pub const GOAWAY_RECORD_FLAG_HOST_ONLY: u16 = 64;

/// As a flag of a REQUEST record, beside GOAWAY_RECORD_FLAG_END: it asks for another
/// protocol, and HEAD with the status 101 switches to it (GOAWAY_FEATURE_UPGRADE).
/// After that there are BODY records of what comes through the tunnel.
pub const GOAWAY_RECORD_FLAG_UPGRADE: u16 = 128;

/// As a flag of a REQUEST record: the peer sent several `cookie` fields. The
/// text has one, whose value is theirs joined with "; " (RFC 9113, section
/// 8.2.3). Behind the text, up to `data_offset`, stands the value of each as it
/// came, a NUL behind each.
pub const GOAWAY_RECORD_FLAG_COOKIES: u16 = 256;

/// As a flag of a REQUEST record, or of a BODY record with GOAWAY_RECORD_FLAG_END: at
/// least one field, or pseudo-header field (see GOAWAY_PSEUDO_FIELD_SENSITIVE), came
/// as one that is never indexed (RFC 7541, section 7.1.3).
/// Directly before the text stand `fields` bytes, one for each field in their order:
/// GOAWAY_FIELD_SENSITIVE, or 0. `goaway_record_field_flags` reads them.
pub const GOAWAY_RECORD_FLAG_SENSITIVE: u16 = 512;

/// For `goaway_queue_watch`: what happens to sessions, in SESSION records.
pub const GOAWAY_WATCH_SESSIONS: u32 = 1;

/// For `goaway_queue_watch`: how far the close has come, about ten times a
/// second, in PROGRESS records.
pub const GOAWAY_WATCH_PROGRESS: u32 = 2;

/// Something that happened, in 64 bytes without padding and in the byte order
/// of the machine. The offset of each member stands before it. What a kind does
/// not name is 0. Texts and data are in the arena of the record's batch. The
/// functions that begin with `goaway_record_` read the members by name, kind by kind.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// 0: a `goaway_record_kind`.
    pub kind: u16,
    /// 2: of GOAWAY_RECORD_FLAG_END (REQUEST, BODY), GOAWAY_RECORD_FLAG_HEAD,
    /// GOAWAY_RECORD_FLAG_DRAINING, GOAWAY_RECORD_FLAG_HTTP_1_1, GOAWAY_RECORD_FLAG_HTTP_1_0,
    /// GOAWAY_RECORD_FLAG_NO_BODY, GOAWAY_RECORD_FLAG_HOST_ONLY, GOAWAY_RECORD_FLAG_UPGRADE and
    /// GOAWAY_RECORD_FLAG_COOKIES (REQUEST), GOAWAY_RECORD_FLAG_SENSITIVE (REQUEST, BODY).
    pub flags: u16,
    /// 4: REQUEST: the route's tag.
    pub tag: u32,
    /// 8: the request, if the record is of one.
    pub id: u64,
    /// 16: its session, or the session that the record is of.
    pub session: u64,
    /// 24: what the host had attached to the request by
    /// GOAWAY_COMMAND_KIND_SET_CONTEXT or `goaway_request_set_context` when the
    /// record was written; 0 until then.
    pub context: u64,
    /// 32, 36: REQUEST: method, scheme, authority, path as it came, query and
    /// peer, then name and value of each path parameter, then name and value of
    /// each header field, a NUL behind each; of an extended CONNECT (RFC 8441)
    /// the first field is `:protocol`. Several `cookie` fields are one here, see
    /// GOAWAY_RECORD_FLAG_COOKIES. BODY with GOAWAY_RECORD_FLAG_END: name
    /// and value of each trailer field, likewise. SESSION: the peer and a NUL,
    /// then the event's text as it is.
    pub text_offset: u32,
    pub text_len: u32,
    /// 40, 44: REQUEST: the body, if it is whole here. BODY: the next bytes of
    /// it. CLOSED: a `goaway_report`, aligned to 8 bytes.
    pub data_offset: u32,
    pub data_len: u32,
    /// 48: REQUEST: the identifier of its stream. CANCELLED: an error code, the
    /// peer's or ours as `goaway_cancel_cb` says. SESSION: the event's code. WRITABLE: the high-water mark,
    /// which grows for a peer that takes much. PROGRESS: sessions that are left.
    pub code: u32,
    /// 52: CANCELLED, SESSION: a `goaway_cause`. REQUEST: the pseudo-header fields in
    /// the order in which they came, as `goaway_request_pseudo_order` has them.
    /// PROGRESS: streams that are left.
    pub cause: u32,
    /// 56: WRITABLE: bytes that wait for the peer, 4294967295 if there are more.
    /// DRAIN, PROGRESS, and REQUEST with GOAWAY_RECORD_FLAG_DRAINING: milliseconds
    /// that are left. SESSION: the event's `stream`, or, of GOAWAY_EVENT_GOAWAY, its
    /// `last_stream`.
    pub number: u32,
    /// 60: REQUEST: header fields. BODY with GOAWAY_RECORD_FLAG_END: trailer fields.
    /// SESSION: a `goaway_event`.
    pub fields: u16,
    /// 62: REQUEST: path parameters. SESSION: of GOAWAY_EVENT_CLOSED, a `goaway_outcome`.
    pub params: u16,
}

const _: () = {
    assert!(size_of::<Record>() == 64);
    assert!(offset_of!(Record, id) == 8 && offset_of!(Record, session) == 16 && offset_of!(Record, context) == 24);
    assert!(offset_of!(Record, text_offset) == 32 && offset_of!(Record, data_offset) == 40);
    assert!(offset_of!(Record, code) == 48 && offset_of!(Record, number) == 56);
    assert!(offset_of!(Record, fields) == 60 && offset_of!(Record, params) == 62);
};

/// Records and what they refer to, to be read together.
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

    /// The kind of that number.
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
    /// Where the next text or data will be.
    pub fn mark(&self) -> u32 {
        self.arena.len() as u32
    }

    /// Bytes since a mark.
    pub fn since(&self, mark: u32) -> u32 {
        self.mark() - mark
    }

    /// Adds a text with a NUL behind it.
    pub fn text(&mut self, text: &[u8]) {
        self.arena.extend_from_slice(text);
        self.arena.push(0);
    }

    /// Adds name and value of each field, with a NUL behind each. Gives their number.
    pub fn fields(&mut self, fields: &HeaderList) -> u16 {
        for field in fields.iter() {
            self.text(field.name);
            self.text(field.value);
        }
        count(fields.len())
    }

    /// The same of a request's header section: several cookie fields become one
    /// where the first of them stood (RFC 9113, section 8.2.3). Also says whether
    /// there were several.
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

    /// Adds a byte for each field that `fields` adds.
    pub fn field_flags(&mut self, fields: &HeaderList) {
        self.arena.extend(fields.iter().map(|field| flags(field.is_sensitive)));
    }

    /// Adds a byte for each field that `request_fields` adds; that of several cookie
    /// fields says whether one of them is sensitive.
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

    /// Adds values as one text, with "; " between them.
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
        // Writing to memory does not fail.
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

/// A number as a record has it; what is too large for it is its largest.
pub fn narrow(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// The same of fields or parameters, of which a request never has so many.
pub fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
