//! Records as a host reads them. A C program has the same functions inline, from
//! `inline.h`, and calls none of these; a program in another language calls them.

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

/// The text of a record, `text_len` bytes. NULL if the record or the batch is, or
/// if the text does not lie in the batch, since it is another one.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_text(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.text()) }
}

/// The data of a record, `data_len` bytes. NULL as `goaway_record_text`.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_data(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const u8 {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.data()) }.cast()
}

/// Walks over the NUL-terminated pieces of a record's text: the first one with
/// `piece` NULL, then the one behind `piece`; NULL behind the last one. The text of a
/// SESSION record has only one, the peer: the event's text behind it has no NUL.
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

/// The piece of a record's text at `index`, counted from 0; NULL if there are not so many.
/// The functions below read those that have a name.
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

/// REQUEST: the method, such as "GET". NULL for other records, as each of these functions.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_method(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(0)) }
}

/// REQUEST: the scheme, "http" or "https".
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_scheme(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(1)) }
}

/// REQUEST: the authority, such as "example.com:8080"; "" if there is none.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_authority(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(2)) }
}

/// REQUEST: the path as it came, percent-encoded.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_path(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(3)) }
}

/// REQUEST: what stands behind the "?" as it came; "" if nothing does.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_query(record: Option<&Record>, batch: Option<&goaway_batch>) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| view.request_piece(4)) }
}

/// REQUEST, SESSION: the peer's address, as in `goaway_session_snapshot`.
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

/// REQUEST: the protocol that an extended CONNECT asks for (RFC 8441), such as
/// "websocket"; NULL for another request.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_record_protocol(
    record: Option<&Record>,
    batch: Option<&goaway_batch>,
) -> *const c_char {
    // SAFETY: as the caller's promise.
    unsafe { start_of(record, batch, |view| find(view.headers().take(1), b":protocol")) }
}

/// REQUEST: the value of the path parameter `name`, percent-decoded. NULL if the
/// pattern has none of that name.
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

/// REQUEST: writes name and value of the path parameter at `index`, counted from 0
/// in the order of the pattern. False, and nothing is written, if there are not so
/// many. `out_name` and `out_value` may be NULL.
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

/// REQUEST: the value of the header field `name`, in any case. NULL if there is none.
/// Several `cookie` fields are one here, joined with "; "; of any other name that
/// came several times it is the first value.
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

/// REQUEST: writes name and value of the header field at `index`, counted from 0 in
/// the order of arrival; an extended CONNECT has `:protocol` first. The name is in
/// lower case. False, and nothing is written, if there are not so many. `out_name`
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

/// REQUEST, BODY: the flags of the field at `index`, as `goaway_record_header_at` and
/// `goaway_record_trailer_at` count them: GOAWAY_FIELD_SENSITIVE, or 0. 0 for other
/// records. Of several `cookie` fields it is set if one of them has it.
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

/// REQUEST: the pseudo-header fields in the order in which they came, as
/// `goaway_request_pseudo_order`. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_pseudo_order(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Request => Some(record.cause),
        _ => None,
    })
}

/// REQUEST: the value of the `cookie` field at `index` as it came, counted from 0;
/// NULL if there are not so many.
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

/// BODY with GOAWAY_RECORD_FLAG_END: the value of the trailer field `name`, in any
/// case; the first one of several. NULL if there is none.
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

/// BODY with GOAWAY_RECORD_FLAG_END: writes name and value of the trailer field at
/// `index`, as `goaway_record_header_at`.
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

/// REQUEST, BODY: the bytes of the request's body that came with the record, and
/// writes their number to `out_len`. The body ends with them if the record has
/// GOAWAY_RECORD_FLAG_END. NULL, and nothing is written, for other records. `out_len`
/// may be NULL.
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

/// REQUEST: the identifier of its stream (RFC 9113, section 5.1.1), as
/// `goaway_request_stream`. SESSION: the stream that a FRAME_ERROR or TIMEOUT event is of,
/// or 0 for the whole session. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_stream(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Request => Some(record.code),
        RecordKind::Session if record.fields != EventKind::Goaway as u16 => Some(record.number),
        _ => None,
    })
}

/// SESSION: the last stream that a GOAWAY event names. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_last_stream(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Session if record.fields == EventKind::Goaway as u16 => Some(record.number),
        _ => None,
    })
}

/// CANCELLED, SESSION: why, a `goaway_cause`. GOAWAY_CAUSE_NONE for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_cause(record: Option<&Record>) -> u32 {
    number(record, Cause::None as u32, |kind, record| match kind {
        RecordKind::Cancelled | RecordKind::Session => Some(record.cause),
        _ => None,
    })
}

/// CANCELLED: an error code (RFC 9113, section 7), the peer's or ours as
/// `goaway_cancel_cb` says. SESSION: the event's code. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_code(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Cancelled | RecordKind::Session => Some(record.code),
        _ => None,
    })
}

/// REQUEST with GOAWAY_RECORD_FLAG_DRAINING, DRAIN, PROGRESS: milliseconds until the
/// deadline of the drain. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_left_ms(record: Option<&Record>) -> u64 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Request if record.flags & GOAWAY_RECORD_FLAG_DRAINING != 0 => Some(record.number.into()),
        RecordKind::Drain | RecordKind::Progress => Some(record.number.into()),
        _ => None,
    })
}

/// WRITABLE: bytes of the response that wait for the peer, 4294967295 if there are
/// more. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_queued(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Writable => Some(record.number),
        _ => None,
    })
}

/// WRITABLE: the response's high-water mark in bytes, which grows for a peer that
/// takes much. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_high_water(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Writable => Some(record.code),
        _ => None,
    })
}

/// PROGRESS: sessions that are still open. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_sessions(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Progress => Some(record.code),
        _ => None,
    })
}

/// PROGRESS: streams that are still open. 0 for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_streams(record: Option<&Record>) -> u32 {
    number(record, 0, |kind, record| match kind {
        RecordKind::Progress => Some(record.cause),
        _ => None,
    })
}

/// SESSION: what happened, a `goaway_event`. 4294967295, which is none, for other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_event(record: Option<&Record>) -> u32 {
    number(record, NONE, |kind, record| match kind {
        RecordKind::Session => Some(record.fields.into()),
        _ => None,
    })
}

/// SESSION of GOAWAY_EVENT_CLOSED: a `goaway_outcome`. 4294967295, which is none, for
/// other records.
/// cbindgen:prefix=GOAWAY_READER
#[unsafe(no_mangle)]
pub extern "C" fn goaway_record_outcome(record: Option<&Record>) -> u32 {
    number(record, NONE, |kind, record| match kind {
        RecordKind::Session if record.fields == EventKind::Closed as u16 => Some(record.params.into()),
        _ => None,
    })
}

/// SESSION: the text of the event, as `goaway_session_event` describes it, and writes
/// its number of bytes to `out_len`. NULL, and nothing is written, for other records.
/// `out_len` may be NULL.
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

/// CLOSED: the report of the close, valid as long as the batch. NULL for other records.
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
