//! Responses: at once, or a head, pieces, trailers and an end.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use super::request::{goaway_ready_cb, ready};
use super::server::goaway_request;
use super::view::{self, goaway_field};
use super::{goaway_status, guard};
use crate::command::{GOAWAY_COMMAND_FLAG_NO_DATE, GOAWAY_COMMAND_FLAG_NO_LENGTH};
use crate::error::{Error, Result};
use crate::request::{self, Response, section, trailers};

/// Sets a header field of the response. It replaces all fields of its name and
/// takes the position of the first one. Over HTTP/1.1 fields are sent in the order in
/// which they were set; over HTTP/2 those of one name are sent together. `date` is
/// added if it is not set, and `content-length` if the length is known, which is so
/// for a response in one call without trailers. With a status that has no length
/// (204, and those that open a tunnel) a length that you set is left out.
///
/// GOAWAY_FIELD_SENSITIVE may stand before the name. In HTTP/1.1 `connection:
/// close` is allowed too: the response says so, and the connection ends behind it.
///
/// GOAWAY_ERR_INVALID: the name or the value is none that HTTP/2 allows (RFC
/// 9113, section 8.2). GOAWAY_ERR_STATE: the head is written already.
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

/// Adds a header field to the response, beside any of its name.
///
/// Errors as of `goaway_request_set_header`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_add_header(
    request: goaway_request,
    name: *const c_char,
    value: *const c_char,
) -> goaway_status {
    // SAFETY: the header asks for NUL-terminated texts.
    unsafe { with_field(request, name, value, Response::add_field) }
}

/// Responses the request: the header fields set so far and the `len` bytes at
/// `body`, which are copied. The request's id is stale then. A response to HEAD
/// keeps the body's length and drops the body.
///
/// GOAWAY_ERR_INVALID: the status is none of 200 to 999, or it is one without
/// a body (204, 205, 304) and there is one. GOAWAY_ERR_LENGTH: the body has not the
/// content-length that was set. GOAWAY_ERR_STATE: the head is written already.
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

/// The same in one call: sets the `count` header fields at `fields` and responds.
/// This is the fastest way to respond. If it fails, nothing is set or sent.
///
/// Errors as of `goaway_request_set_header` and `goaway_request_respond`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_respond_with(
    request: goaway_request,
    status: u16,
    fields: *const goaway_field,
    count: usize,
    body: *const c_void,
    len: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes, and that many fields of NUL-terminated texts.
        let (body, fields) = unsafe { (view::bytes(body.cast(), len, "body")?, pairs(fields, count)?) };
        request::response(request, |response| response.respond_with(status, fields, body))
    })
}

/// Sends an informational head (RFC 9110, section 15.2) before the response,
/// such as 103 with the `count` fields at `fields`. A client of HTTP/1.0, which
/// knows none, is sent none.
///
/// GOAWAY_ERR_INVALID: the status is none of 100 to 199, or 101, or a field is
/// none that HTTP/2 allows. GOAWAY_ERR_STATE: the head is written already, or
/// the request is pushed.
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

/// Pushes a request (RFC 9113, section 8.4): promises the peer the response to the
/// request of the `count` fields at `fields`, which are sent to it. They begin with
/// `:method`, GET or HEAD, and `:path`; `:scheme` and `:authority` are those of
/// `request` if they are not given. The id of the pushed request is written to
/// `out_pushed`. You respond to it, and it is cancelled, like any other: with its
/// own callbacks, or through the queue of `request`, without a REQUEST record. Its
/// high-water mark and idle time are those of `request`. Returns at once; its
/// `goaway_request_stream` is 0 until it has been promised. The peer decides how many
/// pushed responses are sent at a time. When a drain has otherwise come to an end,
/// those that have not begun are cancelled.
///
/// GOAWAY_ERR_INVALID: a field is none that such a request may have.
/// GOAWAY_ERR_STATE: the peer has disabled push (SETTINGS_ENABLE_PUSH) or sent
/// GOAWAY, the session drains, or `request` is pushed itself.
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

/// Begins a streamed response with the header fields set so far;
/// `goaway_request_write` and `goaway_request_end` follow.
///
/// GOAWAY_ERR_INVALID: the status is none of 200 to 999, nor 101 to a request
/// that asks for another protocol (GOAWAY_FEATURE_UPGRADE). GOAWAY_ERR_STATE: the
/// head is written already.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_write_head(request: goaway_request, status: u16) -> goaway_status {
    guard(|| request::response(request, |response| response.write_head(status)))
}

/// The same in one call: sets the `count` header fields at `fields` and begins
/// the response. `flags` is of GOAWAY_COMMAND_FLAG_NO_DATE and
/// GOAWAY_COMMAND_FLAG_NO_LENGTH, or 0. Nothing is set or sent if it fails.
///
/// GOAWAY_ERR_INVALID: there is no such flag. Other errors as of
/// `goaway_request_set_header` and `goaway_request_write_head`.
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
        let unknown = flags & !(GOAWAY_COMMAND_FLAG_NO_DATE | GOAWAY_COMMAND_FLAG_NO_LENGTH);
        if unknown != 0 {
            return Err(Error::invalid(format_args!("{unknown:#x} is no flag of a head")));
        }
        request::response(request, |response| {
            response.write_head_with(status, fields)?;
            if flags & GOAWAY_COMMAND_FLAG_NO_DATE != 0 {
                response.leave_out_date();
            }
            if flags & GOAWAY_COMMAND_FLAG_NO_LENGTH != 0 {
                response.leave_out_length();
            }
            Ok(())
        })
    })
}

/// Writes the next `len` bytes of the response's body, which are copied, and, if
/// `out_queued` is not NULL, how many bytes wait for the peer now.
///
/// GOAWAY_ERR_WOULD_BLOCK: the high-water mark is reached; none of the bytes
/// are taken, and `on_writable` will tell when half of it is free.
/// GOAWAY_ERR_LENGTH: more than the content-length that was set; none are
/// taken. GOAWAY_ERR_STATE: there is no head yet, or the status has no body.
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
        let queued = request::response(request, |response| response.write(data))?;
        if let Some(out_queued) = out_queued {
            out_queued.write(queued);
        }
        Ok(())
    })
}

/// Sets how many bytes of this response may wait for the peer before
/// `goaway_request_write` returns GOAWAY_ERR_WOULD_BLOCK. The one write that
/// crosses the mark is still accepted completely. A mark that is set here does not
/// grow. The default, GOAWAY_LIMIT_HIGH_WATER_BYTES, does.
///
/// GOAWAY_ERR_INVALID: it is 0.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_high_water(request: goaway_request, bytes: usize) -> goaway_status {
    guard(|| request::response(request, |response| response.set_high_water(bytes)))
}

/// Has `on_writable` called when, after the high-water mark was reached, half
/// of it is free again. It stays set.
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

/// Adds a field to the response's trailer section (RFC 9113, section 8.1), which
/// `goaway_request_end` or `goaway_request_respond` sends. A response without a
/// body (to HEAD, or by its status), a tunnel and HTTP/1.0 have no trailers: there
/// they are left out.
///
/// GOAWAY_ERR_INVALID: the field is none that HTTP/2 allows, or not in trailers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_add_trailer(
    request: goaway_request,
    name: *const c_char,
    value: *const c_char,
) -> goaway_status {
    // SAFETY: the header asks for NUL-terminated texts.
    unsafe { with_field(request, name, value, Response::add_trailer) }
}

/// Ends a streamed response. The request's id is stale then, unless you keep the
/// body (`goaway_request_keep_body`); what waits for the peer is still sent.
///
/// GOAWAY_ERR_LENGTH: less was written than the content-length that was set;
/// the response goes on. GOAWAY_ERR_STATE: there is no head yet.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_end(request: goaway_request) -> goaway_status {
    guard(|| request::response(request, Response::end))
}

/// Ends a streamed response with the last `len` bytes of its body at `data`, which
/// are taken whatever waits for the peer, and the `count` trailer fields at
/// `fields`, beside those that were added before. Nothing is sent if it fails.
///
/// Errors as of `goaway_request_end` and `goaway_request_add_trailer`.
/// GOAWAY_ERR_LENGTH: more or less than the content-length that was set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_end_with(
    request: goaway_request,
    data: *const c_void,
    len: usize,
    fields: *const goaway_field,
    count: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes, and that many fields of NUL-terminated texts.
        let (data, fields) = unsafe { (view::bytes(data.cast(), len, "data")?, pairs(fields, count)?) };
        let trailers = trailers(fields)?;
        request::response(request, |response| response.end_with(data, trailers))
    })
}

/// Ends the stream with RST_STREAM and that error code (RFC 9113, section 7):
/// the peer sees that the response is not whole. The request's id is stale then.
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
