//! Responses: complete, or streamed as head, data, trailers and end.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use super::request::{goaway_ready_cb, ready};
use super::server::goaway_request;
use super::view::{self, goaway_field};
use super::{goaway_status, guard};
use crate::command;
use crate::error::{Error, Result};
use crate::request::{self, Response, section};

/// Sets a header field of the response. It replaces all fields of its name and takes
/// the position of the first one. Over HTTP/1.1 fields are sent in the order in which
/// they were set; over HTTP/2 those of one name are sent together.
///
/// The library adds `date` if you do not set it, and `content-length` if it knows the
/// length, which it does for a response in one call without trailers. With a status
/// that has no length (204, and those that open a tunnel), a `content-length` that
/// you set is not sent. The name may begin with GOAWAY_FIELD_SENSITIVE. Over HTTP/1.1
/// you may also set `connection: close`: it is sent, and the connection ends after
/// the response.
///
/// GOAWAY_ERR_INVALID: HTTP/2 does not allow the name or the value (RFC 9113, section
/// 8.2).
/// GOAWAY_ERR_STATE: the response head was written already.
/// GOAWAY_ERR_TOO_LARGE: there are 10000 fields already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_set_header(
    request: goaway_request,
    name: *const c_char,
    value: *const c_char,
) -> goaway_status {
    // SAFETY: the header asks for NUL-terminated texts.
    unsafe { with_field(request, name, value, Response::set_field) }
}

/// Adds a header field to the response. Other fields of its name stay.
///
/// Errors are those of `goaway_request_set_header`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_add_header(
    request: goaway_request,
    name: *const c_char,
    value: *const c_char,
) -> goaway_status {
    // SAFETY: the header asks for NUL-terminated texts.
    unsafe { with_field(request, name, value, Response::add_field) }
}

/// Sends the complete response: `status`, the header fields set so far and the `len`
/// bytes at `body`. The request's id becomes stale. For a HEAD request the library
/// sends the length of the body and drops the body.
///
/// GOAWAY_ERR_INVALID: the status is not in 200 to 999, or it allows no body (204,
/// 205, 304) and `len` is not 0.
/// GOAWAY_ERR_LENGTH: `len` differs from the content-length that was set.
/// GOAWAY_ERR_STATE: the response head was written already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_respond(
    request: goaway_request,
    status: u16,
    body: *const c_void,
    len: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes.
        let body = unsafe { view::bytes(body.cast(), len, "body") }?;
        request::response(request, |response| response.respond(status, body))
    })
}

/// Sets the `count` header fields at `fields` and sends the complete response, in one
/// call. This is the fastest way to respond. `flags` is 0, or combines
/// GOAWAY_COMMAND_FLAG_NO_DATE, GOAWAY_COMMAND_FLAG_NO_LENGTH and
/// GOAWAY_COMMAND_FLAG_KEEP_BODY. If it fails, nothing is set or sent.
///
/// GOAWAY_ERR_INVALID: `flags` has another bit.
///
/// Other errors are those of `goaway_request_set_header` and `goaway_request_respond`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_respond_with(
    request: goaway_request,
    status: u16,
    fields: *const goaway_field,
    count: usize,
    body: *const c_void,
    len: usize,
    flags: u32,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes, and that many fields of NUL-terminated texts.
        let (body, fields) = unsafe { (view::bytes(body.cast(), len, "body")?, pairs(fields, count)?) };
        command::respond_with(request, status, fields, body, flags)
    })
}

/// Sends an informational response (RFC 9110, section 15.2), such as 103, with the
/// `count` header fields at `fields`, before the final response. Nothing is sent to a
/// client of HTTP/1.0, which does not know informational responses.
///
/// GOAWAY_ERR_INVALID: the status is not in 100 to 199, or it is 101, or HTTP/2 does
/// not allow a field.
/// GOAWAY_ERR_STATE: the response head was written already, or the request is pushed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_inform(
    request: goaway_request,
    status: u16,
    fields: *const goaway_field,
    count: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many fields of NUL-terminated texts.
        let fields = unsafe { pairs(fields, count) }?;
        request::response(request, |response| response.inform(status, section(fields)?))
    })
}

/// Pushes a request (RFC 9113, section 8.4): sends PUSH_PROMISE with the `count`
/// fields at `fields`, and writes the id of the pushed request to `out_pushed`. The
/// fields begin with `:method` (GET or HEAD) and `:path`. `:scheme` and `:authority`
/// are those of `request` if you do not give them.
///
/// You respond to the pushed request, and it can be cancelled, like any other
/// request: with callbacks of its own, or through the queue of `request`, without a
/// REQUEST record. It takes its high-water mark and idle time from `request`. Its
/// `goaway_request_stream` is 0 until it has been promised. The peer decides how many
/// pushed responses are sent at a time. Pushed responses that have not begun when the
/// rest of a drain is complete are cancelled.
///
/// GOAWAY_ERR_INVALID: a field is not allowed in a pushed request.
/// GOAWAY_ERR_STATE: the peer has disabled push (SETTINGS_ENABLE_PUSH) or sent
/// GOAWAY, the session is draining, or `request` is pushed itself.
/// GOAWAY_ERR_WOULD_BLOCK: 100 pushed requests of the session are not complete.
/// GOAWAY_ERR_GONE: the response has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_push(
    request: goaway_request,
    fields: *const goaway_field,
    count: usize,
    out_pushed: Option<&mut MaybeUninit<goaway_request>>,
) -> goaway_status {
    guard(|| {
        let out_pushed = view::out(out_pushed, "out_pushed")?;
        // SAFETY: the header asks for that many fields of NUL-terminated texts.
        let fields = unsafe { pairs(fields, count) }?;
        out_pushed.write(request::push(request, fields)?);
        Ok(())
    })
}

/// Begins a streamed response with the header fields set so far.
/// `goaway_request_write` and `goaway_request_end` follow.
///
/// GOAWAY_ERR_INVALID: the status is not in 200 to 999. 101 is allowed only for a
/// request that asks for another protocol (GOAWAY_FEATURE_UPGRADE).
/// GOAWAY_ERR_STATE: the response head was written already.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_write_head(request: goaway_request, status: u16) -> goaway_status {
    guard(|| request::response(request, |response| response.write_head(status)))
}

/// Sets the `count` header fields at `fields` and begins a streamed response, in one
/// call. `flags` is 0, GOAWAY_COMMAND_FLAG_NO_DATE, GOAWAY_COMMAND_FLAG_NO_LENGTH or
/// both. If it fails, nothing is set or sent.
///
/// GOAWAY_ERR_INVALID: `flags` has another bit.
///
/// Other errors are those of `goaway_request_set_header` and
/// `goaway_request_write_head`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_write_head_with(
    request: goaway_request,
    status: u16,
    fields: *const goaway_field,
    count: usize,
    flags: u32,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many fields of NUL-terminated texts.
        let fields = unsafe { pairs(fields, count) }?;
        command::write_head_with(request, status, fields, flags)
    })
}

/// Writes the next `len` bytes of the response's body. Writes the number of bytes
/// that now wait for the peer to `out_queued`, which may be NULL.
///
/// GOAWAY_ERR_WOULD_BLOCK: the high-water mark is reached. No byte is accepted;
/// `on_writable` is called when half of the mark is free.
/// GOAWAY_ERR_LENGTH: the body would be longer than the content-length that was set.
/// No byte is accepted.
/// GOAWAY_ERR_STATE: the response head was not written, or the status allows no body.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_write(
    request: goaway_request,
    data: *const c_void,
    len: usize,
    out_queued: Option<&mut MaybeUninit<usize>>,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes.
        let data = unsafe { view::bytes(data.cast(), len, "data") }?;
        let queued = request::write(request, data)?;
        if let Some(out_queued) = out_queued {
            out_queued.write(queued);
        }
        Ok(())
    })
}

/// Sets how many bytes of this response may wait for the peer before
/// `goaway_request_write` returns GOAWAY_ERR_WOULD_BLOCK. The one write that crosses
/// the mark is still accepted completely. A mark that is set here does not grow. The
/// default, GOAWAY_LIMIT_HIGH_WATER_BYTES, does.
///
/// GOAWAY_ERR_INVALID: `bytes` is 0.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_high_water_bytes(request: goaway_request, bytes: usize) -> goaway_status {
    guard(|| request::response(request, |response| response.set_high_water(bytes)))
}

/// Sets `on_writable`, which is called each time half of the high-water mark is free
/// again after the mark was reached.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_on_writable(
    request: goaway_request,
    on_writable: goaway_ready_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let on_writable = ready(on_writable, "on_writable", user_data)?;
        request::response(request, |response| {
            response.set_on_writable(on_writable);
            Ok(())
        })
    })
}

/// Asks for a WRITABLE record, for a request that came through a queue: `flags` is
/// GOAWAY_COMMAND_FLAG_NOTIFY, GOAWAY_COMMAND_FLAG_NOTIFY_SENT or both, with the same
/// meaning as in a WRITE command. Call it after `goaway_request_write`, also after
/// GOAWAY_ERR_WOULD_BLOCK. Requests with callbacks use `on_writable` instead.
///
/// GOAWAY_ERR_INVALID: `flags` is 0 or has another bit.
/// GOAWAY_ERR_STATE: the request did not come through a queue.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_notify(request: goaway_request, flags: u32) -> goaway_status {
    guard(|| command::notify(request, flags))
}

/// Adds a field to the response's trailer section (RFC 9113, section 8.1), which
/// `goaway_request_end` or `goaway_request_respond` sends. The fields are not sent
/// where a response has no trailers: without a body (to HEAD, or by its status), in a
/// tunnel, and over HTTP/1.0.
///
/// GOAWAY_ERR_INVALID: HTTP/2 does not allow the field, or not in a trailer section.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_add_trailer(
    request: goaway_request,
    name: *const c_char,
    value: *const c_char,
) -> goaway_status {
    // SAFETY: the header asks for NUL-terminated texts.
    unsafe { with_field(request, name, value, Response::add_trailer) }
}

/// Ends a streamed response. Bytes that wait for the peer are still sent. The
/// request's id becomes stale, unless you keep the body (`goaway_request_keep_body`).
///
/// GOAWAY_ERR_LENGTH: the body is shorter than the content-length that was set. The
/// response goes on.
/// GOAWAY_ERR_STATE: the response head was not written.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_end(request: goaway_request) -> goaway_status {
    guard(|| request::response(request, Response::end))
}

/// Ends a streamed response with the last `len` bytes of its body at `data` and the
/// `count` trailer fields at `fields`. The bytes are accepted even if the high-water
/// mark is reached. Trailer fields that were added before are sent too. `flags` is 0 or
/// GOAWAY_COMMAND_FLAG_KEEP_BODY. If it fails, nothing is sent.
///
/// GOAWAY_ERR_LENGTH: the body would be longer or shorter than the content-length
/// that was set.
/// GOAWAY_ERR_INVALID: `flags` has another bit.
///
/// Other errors are those of `goaway_request_end` and `goaway_request_add_trailer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_end_with(
    request: goaway_request,
    data: *const c_void,
    len: usize,
    fields: *const goaway_field,
    count: usize,
    flags: u32,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes, and that many fields of NUL-terminated texts.
        let (data, fields) = unsafe { (view::bytes(data.cast(), len, "data")?, pairs(fields, count)?) };
        command::end_with(request, data, fields, flags)
    })
}

/// Resets the stream with RST_STREAM and the error code `code` (RFC 9113, section 7),
/// so that the peer sees that the response is not complete. The request's id becomes
/// stale.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_reset(request: goaway_request, code: u32) -> goaway_status {
    guard(|| request::change(request, |request| request.reset(code)))
}

unsafe fn with_field(
    request: goaway_request,
    name: *const c_char,
    value: *const c_char,
    set: impl FnOnce(&mut Response, &[u8], &[u8]) -> Result<()>,
) -> goaway_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (name, value) = unsafe { (view::raw_text(name, "name")?, view::raw_text(value, "value")?) };
        request::prepare(request, |response| set(response, name, value))
    })
}

/// The names and values of `count` fields.
unsafe fn pairs<'a>(
    fields: *const goaway_field,
    count: usize,
) -> Result<impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>> {
    if count > 0 && fields.is_null() {
        return Err(Error::Null("fields"));
    }
    if count > isize::MAX as usize / size_of::<goaway_field>() {
        return Err(Error::invalid(format_args!("{count} is no number of fields")));
    }
    Ok((0..count).map(move |index| {
        // SAFETY: the caller's promise: `count` fields of NUL-terminated texts.
        unsafe {
            let given = &*fields.add(index);
            Ok((view::raw_text(given.name, "name")?, view::raw_text(given.value, "value")?))
        }
    }))
}
