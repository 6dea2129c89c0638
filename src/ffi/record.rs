//! Access to the members of records. A C program uses the same functions inline, from
//! `inline.h`. A program in another language calls these.

mod view;

use std::ffi::c_char;
use std::ptr;

use super::queue::goaway_batch;
use super::server::goaway_report;
use super::{guard_or, view as texts};
use crate::error::Result;
use crate::event::{Cause, EventKind};
use crate::record::{GOAWAY_RECORD_FLAG_DRAINING, Record, RecordKind};
use view::{Pair, RecordView, find};

/// What a function of a number gives for a record that has none of that kind.
const NONE: u32 = u32::MAX;

/// Returns the text of a record, `text_len` bytes. Returns NULL if `record` or
/// `batch` is NULL, or if the text is not inside the batch, because the record
/// belongs to another one.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_text(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.text()) }
}

/// Returns the data of a record, `data_len` bytes. Returns NULL in the same cases as
/// `goaway_record_text`.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_data(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const u8 {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.data()) }.cast()
}

/// Returns the NUL-terminated piece of a record's text after `piece`, the first one
/// if `piece` is NULL, and NULL after the last one. The text of a SESSION record has
/// only one piece, the peer; the event's text after it has no NUL.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_text_next(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    piece: *const c_char,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe {
        start_of(record, batch, |view| {
            if piece.is_null() {
                return view.piece(0);
            }
            let at = piece.addr().checked_sub(view.text()?.as_ptr().addr())?;
            view.pieces_behind(at).nth(1)
        })
    }
}

/// Returns the piece of a record's text at `index`, counted from 0, or NULL if there
/// is none. The functions below return the pieces by name.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_text_at(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    index: usize,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.piece(index)) }
}

/// REQUEST: returns the method, such as "GET". Like all functions below that return a
/// pointer, it returns NULL for records of other kinds.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_method(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(0)) }
}

/// REQUEST: returns the scheme, "http" or "https".
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_scheme(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(1)) }
}

/// REQUEST: returns the authority, such as "example.com:8080"; "" if there is none.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_authority(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(2)) }
}

/// REQUEST: returns the path as it arrived, percent-encoded.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_path(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(3)) }
}

/// REQUEST: returns the query, the part after the "?", as it arrived; "" if there is
/// none.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_query(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(4)) }
}

/// REQUEST, SESSION: returns the peer's address, as in `goaway_session_snapshot`.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_peer(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe {
        start_of(record, batch, |view| match view.is(RecordKind::Session) {
            true => view.piece(0),
            false => view.request_piece(5),
        })
    }
}

/// REQUEST: returns the protocol of an extended CONNECT (RFC 8441), such as
/// "websocket"; NULL for any other request.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_protocol(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| find(view.headers().take(1), b":protocol")) }
}

/// REQUEST: returns the value of the path parameter `name`, percent-decoded, or NULL
/// if the pattern has no parameter of this name.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_param(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    name: *const c_char,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe {
        named(record, batch, name, |view, name| view.params().find(|(key, _)| *key == name).map(|(_, value)| value))
    }
}

/// REQUEST: writes the name and the value of the path parameter at `index`, counted
/// from 0 in the order of the pattern. Returns false and writes nothing if there is
/// none. `out_name` and `out_value` may be NULL.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_param_at(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    index: usize,
    out_name: Option<&mut *const c_char>,
    out_value: Option<&mut *const c_char>,
) -> bool {
    // SAFETY: as the caller's promise.
    unsafe { pair(record, batch, out_name, out_value, |view| view.params().nth(index)) }
}

/// REQUEST: returns the value of the header field `name`, in upper or lower case, or
/// NULL if there is none. If there are several fields of this name, it is the first
/// value; several `cookie` fields are joined with "; ".
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_header(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    name: *const c_char,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { named(record, batch, name, |view, name| find(view.headers(), name)) }
}

/// REQUEST: writes the name, in lower case, and the value of the header field at
/// `index`, counted from 0 in the order of arrival. An extended CONNECT has
/// `:protocol` first. Returns false and writes nothing if there is none. `out_name`
/// and `out_value` may be NULL.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_header_at(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    index: usize,
    out_name: Option<&mut *const c_char>,
    out_value: Option<&mut *const c_char>,
) -> bool {
    // SAFETY: as the caller's promise.
    unsafe { pair(record, batch, out_name, out_value, |view| view.headers().nth(index)) }
}

/// REQUEST, BODY: returns the flags of the field at `index`, counted as by
/// `goaway_record_header_at` and `goaway_record_trailer_at`: GOAWAY_FIELD_SENSITIVE
/// or 0. Several joined `cookie` fields have the flag if one of them has it. Returns
/// 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_field_flags(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    index: usize,
) -> u32 {
    // SAFETY: as the caller's promise.
    guard_or(0, || unsafe { Ok(find_in(record, batch, |view| view.field_flags(index))?.map_or(0, u32::from)) })
}

/// REQUEST: returns the order of the pseudo-header fields, as
/// `goaway_request_pseudo_order` writes it. Returns 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_pseudo_order(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Request => Some(record.cause),
        _ => None,
    })
}

/// REQUEST: returns the value of the `cookie` field at `index` as it arrived, counted
/// from 0, or NULL if there is none.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_cookie_at(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    index: usize,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.cookie(index)) }
}

/// BODY with GOAWAY_RECORD_FLAG_END: returns the value of the trailer field `name`,
/// in upper or lower case, the first one of several, or NULL if there is none.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_trailer(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    name: *const c_char,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { named(record, batch, name, |view, name| find(view.trailers(), name)) }
}

/// BODY with GOAWAY_RECORD_FLAG_END: writes the name and the value of the trailer
/// field at `index`, like `goaway_record_header_at`.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_trailer_at(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    index: usize,
    out_name: Option<&mut *const c_char>,
    out_value: Option<&mut *const c_char>,
) -> bool {
    // SAFETY: as the caller's promise.
    unsafe { pair(record, batch, out_name, out_value, |view| view.trailers().nth(index)) }
}

/// REQUEST, BODY: returns the bytes of the request's body in the record, and writes
/// their number to `out_len`, which may be NULL. The body ends with them if the
/// record has GOAWAY_RECORD_FLAG_END. Returns NULL and writes nothing for other
/// records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_body(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    out_len: Option<&mut usize>,
) -> *const u8 {
    // SAFETY: as the caller's promise.
    unsafe {
        bytes(record, batch, out_len, |view| {
            view.data().filter(|_| view.is(RecordKind::Request) || view.is(RecordKind::Body))
        })
    }
}

/// REQUEST: returns the identifier of the stream (RFC 9113, section 5.1.1), as
/// `goaway_request_stream` writes it. SESSION: returns the stream of a FRAME_ERROR or
/// TIMEOUT event, or 0 for the whole session. Returns 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_stream(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Request => Some(record.code),
        RecordKind::Session if record.fields != EventKind::Goaway as u16 => Some(record.number),
        _ => None,
    })
}

/// SESSION: returns the last stream of a GOAWAY event. Returns 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_last_stream(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Session if record.fields == EventKind::Goaway as u16 => Some(record.number),
        _ => None,
    })
}

/// CANCELLED, SESSION: returns the cause, a `goaway_cause`. Returns GOAWAY_CAUSE_NONE
/// for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_cause(record: Option<&Record>) -> u32 {
    number(record, Cause::None as u32, |kind, record| match kind {
        RecordKind::Cancelled | RecordKind::Session => Some(record.cause),
        _ => None,
    })
}

/// CANCELLED: returns the error code (RFC 9113, section 7), as in `goaway_cancel_cb`.
/// SESSION: returns the `code` of the event. Returns 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_code(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Cancelled | RecordKind::Session => Some(record.code),
        _ => None,
    })
}

/// REQUEST with GOAWAY_RECORD_FLAG_DRAINING, DRAIN, PROGRESS: returns the
/// milliseconds until the deadline of the drain. Returns 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_left_ms(record: Option<&Record>) -> u64 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Request if record.flags & GOAWAY_RECORD_FLAG_DRAINING != 0 => Some(record.number.into()),
        RecordKind::Drain | RecordKind::Progress => Some(record.number.into()),
        _ => None,
    })
}

/// WRITABLE: returns the number of bytes of the response that wait for the peer, at
/// most 4294967295. Returns 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_queued(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Writable => Some(record.number),
        _ => None,
    })
}

/// WRITABLE: returns the response's high-water mark in bytes, which grows for a peer
/// that reads fast. Returns 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_high_water(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Writable => Some(record.code),
        _ => None,
    })
}

/// PROGRESS: returns the number of sessions that are still open. Returns 0 for other
/// records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_sessions(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Progress => Some(record.code),
        _ => None,
    })
}

/// PROGRESS: returns the number of streams that are still open. Returns 0 for other
/// records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_streams(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Progress => Some(record.cause),
        _ => None,
    })
}

/// SESSION: returns the kind of the event, a `goaway_event`. Returns 4294967295,
/// which is no event, for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_event(record: Option<&Record>) -> u32 {
    number(record, NONE, |kind, record| match kind {
        RecordKind::Session => Some(record.fields.into()),
        _ => None,
    })
}

/// SESSION with GOAWAY_EVENT_CLOSED: returns the `goaway_outcome`. Returns
/// 4294967295, which is no outcome, for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_outcome(record: Option<&Record>) -> u32 {
    number(record, NONE, |kind, record| match kind {
        RecordKind::Session if record.fields == EventKind::Closed as u16 => Some(record.params.into()),
        _ => None,
    })
}

/// SESSION: returns the text of the event, as in `goaway_session_event`, and writes
/// its length in bytes to `out_len`, which may be NULL. Returns NULL and writes
/// nothing for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_event_text(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
    out_len: Option<&mut usize>,
) -> *const u8 {
    // SAFETY: as the caller's promise.
    unsafe { bytes(record, batch, out_len, |view| event_text(view)) }
}

/// CLOSED: returns the report of the close, valid as long as the batch. Returns NULL
/// for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_report(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
) -> *const goaway_report {
    // SAFETY: as the caller's promise.
    unsafe {
        bytes(record, batch, None, |view| {
            view.data().filter(|data| view.is(RecordKind::Closed) && data.len() >= size_of::<goaway_report>())
        })
    }
    .cast()
}

/// What `read` finds in the record.
unsafe fn find_in<'a, T>(
    record: Option<&'a Record>,
    batch: Option<&'a goaway_batch>,
    read: impl FnOnce(&RecordView<'a>) -> Option<T>,
) -> Result<Option<T>> {
    let (Some(record), Some(batch)) = (record, batch) else { return Ok(None) };
    if batch.arena.is_null() || isize::try_from(batch.arena_len).is_err() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the header asks for a batch as `goaway_queue_take` wrote it.
    let arena = unsafe { std::slice::from_raw_parts(batch.arena, batch.arena_len) };
    Ok(read(&RecordView::new(record, arena)))
}

/// The start of what `read` finds; NULL if that is nothing.
unsafe fn start_of<'a>(
    record: Option<&'a Record>,
    batch: Option<&'a goaway_batch>,
    read: impl FnOnce(&RecordView<'a>) -> Option<&'a [u8]>,
) -> *const c_char {
    guard_or(ptr::null(), || {
        // SAFETY: as the caller's promise.
        Ok(unsafe { find_in(record, batch, read) }?.map_or(ptr::null(), |piece| piece.as_ptr().cast()))
    })
}

/// The same with the length.
unsafe fn bytes<'a>(
    record: Option<&'a Record>,
    batch: Option<&'a goaway_batch>,
    out_len: Option<&mut usize>,
    read: impl FnOnce(&RecordView<'a>) -> Option<&'a [u8]>,
) -> *const u8 {
    guard_or(ptr::null(), || {
        // SAFETY: as the caller's promise.
        let Some(found) = unsafe { find_in(record, batch, read) }? else { return Ok(ptr::null()) };
        write(out_len, found.len());
        Ok(found.as_ptr())
    })
}

/// The value that `read` finds for a name.
unsafe fn named<'a>(
    record: Option<&'a Record>,
    batch: Option<&'a goaway_batch>,
    name: *const c_char,
    read: impl FnOnce(&RecordView<'a>, &[u8]) -> Option<&'a [u8]>,
) -> *const c_char {
    guard_or(ptr::null(), || {
        if name.is_null() {
            return Ok(ptr::null());
        }
        // SAFETY: the header asks for a NUL-terminated text and the record's own batch.
        let name = unsafe { texts::raw_text(name, "name") }?;
        Ok(unsafe { start_of(record, batch, |view| read(view, name)) })
    })
}

/// Writes the pair that `read` finds.
unsafe fn pair<'a>(
    record: Option<&'a Record>,
    batch: Option<&'a goaway_batch>,
    out_name: Option<&mut *const c_char>,
    out_value: Option<&mut *const c_char>,
    read: impl FnOnce(&RecordView<'a>) -> Option<Pair<'a>>,
) -> bool {
    guard_or(false, || {
        // SAFETY: as the caller's promise.
        let Some((name, value)) = unsafe { find_in(record, batch, read) }? else { return Ok(false) };
        write(out_name, name.as_ptr().cast());
        write(out_value, value.as_ptr().cast());
        Ok(true)
    })
}

fn write<T>(place: Option<&mut T>, value: T) {
    if let Some(place) = place {
        *place = value;
    }
}

/// The number that `read` finds, by the record's kind.
fn number<T>(record: Option<&Record>, none: T, read: impl FnOnce(RecordKind, &Record) -> Option<T>) -> T {
    let found = record.and_then(|record| Some((RecordKind::of(record.kind)?, record)));
    found.and_then(|(kind, record)| read(kind, record)).unwrap_or(none)
}

/// Behind the peer and its NUL.
fn event_text<'a>(view: &RecordView<'a>) -> Option<&'a [u8]> {
    let peer = view.piece(0).filter(|_| view.is(RecordKind::Session))?;
    view.text()?.get(peer.len() + 1..)
}
