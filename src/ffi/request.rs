//! Requests: head, body and cancellation.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::time::Duration;

use super::server::goaway_request;
use super::session::goaway_session;
use super::view::{self, goaway_bytes};
use super::{UserData, goaway_status, guard};
use crate::error::{Error, Result};
use crate::event::Cause;
use crate::header_list::{Field, GOAWAY_FIELD_SENSITIVE};
use crate::request::{self, Reader, Request};

/// Called once when the request was cancelled: the peer reset the stream, the session
/// was lost or ended, or the deadline of the drain passed. `code` is an error code
/// (RFC 9113, section 7). With GOAWAY_CAUSE_PEER_RESET and _PEER_GOAWAY the peer sent
/// it. With any other cause the library sent it in RST_STREAM or GOAWAY; it is 0 if
/// none was sent. When the callback returns, the request's id is stale and its views
/// are invalid. On the session's thread.
pub type goaway_cancel_cb = Option<
    unsafe extern "C" fn(request: goaway_request, cause: Cause, code: u32, context: u64, user_data: *mut c_void),
>;

/// Called once when the session begins to drain, or at once if it is draining
/// already. The response should end within `left_ms` milliseconds. On the session's
/// thread.
pub type goaway_drain_cb =
    Option<unsafe extern "C" fn(request: goaway_request, left_ms: u64, context: u64, user_data: *mut c_void)>;

/// Called with each piece of the request's body, in order. `last` is true for the
/// last piece, which may be empty. The bytes are valid during the call and count as
/// consumed when it returns. If you cannot process them yet, copy them or use
/// `goaway_request_pause` in time. On the session's thread.
pub type goaway_body_cb = Option<
    unsafe extern "C" fn(
        request: goaway_request,
        data: *const u8,
        len: usize,
        last: bool,
        context: u64,
        user_data: *mut c_void,
    ),
>;

/// Called when reading or writing is possible again. On the session's thread.
pub type goaway_ready_cb = Option<unsafe extern "C" fn(request: goaway_request, context: u64, user_data: *mut c_void)>;

/// Called with the complete body of the request, which is valid during the call. On
/// the session's thread.
pub type goaway_collect_cb = Option<
    unsafe extern "C" fn(request: goaway_request, data: *const u8, len: usize, context: u64, user_data: *mut c_void),
>;

/// Writes a view of the request's method, such as "GET", to `out_method`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_method(
    request: goaway_request,
    out_method: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_method, "out_method", |request| Ok(request.head().method().as_str().into()))
}

/// Writes the order in which the request's pseudo-header fields arrived to
/// `out_order`. Each field has four bits, the first field the lowest: its number of
/// `goaway_pseudo_field`, plus GOAWAY_PSEUDO_FIELD_SENSITIVE if it applies. 0 for a
/// request over HTTP/1.1.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_pseudo_order(
    request: goaway_request,
    out_order: Option<&mut MaybeUninit<u32>>,
) -> goaway_status {
    show(request, out_order, "out_order", |request| Ok(request.head().request().pseudo_order))
}

/// Writes a view of the request's version of HTTP to `out_version`: "2", "1.1" or
/// "1.0".
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_version(
    request: goaway_request,
    out_version: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_version, "out_version", |request| Ok(request.head().version().into()))
}

/// Writes a view of the path to `out_path`, as it arrived: percent-encoded and
/// without the query. It is empty for a plain CONNECT (RFC 9113, section 8.5).
/// Clients also send bytes that RFC 3986 does not allow: any byte except controls,
/// space and DEL may occur, and the path may be invalid UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_path(
    request: goaway_request,
    out_path: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_path, "out_path", |request| Ok(request.head().path().into()))
}

/// Writes a view of the query, the part after the `?`, to `out_query`, as it arrived.
/// It is empty if there is none. The same bytes may occur as in the path.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_query(
    request: goaway_request,
    out_query: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_query, "out_query", |request| Ok(request.head().query().into()))
}

/// Writes a view of the authority to `out_authority`, from `:authority` or `host`
/// (RFC 9113, section 8.3.1), or from a trusted proxy (`goaway_server_set_forwarded`). It is empty if a request over HTTP/1.0 has none.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_authority(
    request: goaway_request,
    out_authority: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_authority, "out_authority", |request| Ok(request.head().authority().into()))
}

/// Writes a view of the scheme that the peer sent, or that a trusted proxy says
/// (`goaway_server_set_forwarded`), "http" or "https", to `out_scheme`. It is empty for a plain CONNECT.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_scheme(
    request: goaway_request,
    out_scheme: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_scheme, "out_scheme", |request| Ok(request.head().scheme().into()))
}

/// Writes a view of the client's address to `out_peer`, such as "192.0.2.1:49152": what
/// a trusted proxy says (`goaway_server_set_forwarded`), otherwise the peer of the
/// session, as in `goaway_session_snapshot`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_peer(
    request: goaway_request,
    out_peer: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_peer, "out_peer", |request| Ok(request.peer_text().into()))
}

/// Writes a view of the authority that the peer sent to `out_authority`, whatever a
/// trusted proxy says (`goaway_server_set_forwarded`). Without a proxy it is that of
/// `goaway_request_authority`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_received_authority(
    request: goaway_request,
    out_authority: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_authority, "out_authority", |request| Ok(request.head().received_authority().into()))
}

/// Writes a view of the scheme that the peer sent to `out_scheme`, whatever a trusted
/// proxy says (`goaway_server_set_forwarded`). Without a proxy it is that of
/// `goaway_request_scheme`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_received_scheme(
    request: goaway_request,
    out_scheme: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_scheme, "out_scheme", |request| Ok(request.head().received_scheme().into()))
}

/// Writes a view of the path at which a trusted proxy mounts the server to `out_prefix`,
/// such as "/shop", without a slash at its end. It is empty if no such proxy has said so
/// (x-forwarded-prefix of `goaway_server_set_forwarded`).
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_prefix(
    request: goaway_request,
    out_prefix: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_prefix, "out_prefix", |request| {
        let forwarded = request.head().forwarded();
        Ok(forwarded.and_then(|forwarded| forwarded.prefix.as_deref()).unwrap_or("").into())
    })
}

/// Writes a view of the protocol of an extended CONNECT (RFC 8441, section 4), such
/// as "websocket", to `out_protocol`. It is empty for any other request.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_protocol(
    request: goaway_request,
    out_protocol: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_protocol, "out_protocol", |request| Ok(request.head().protocol().unwrap_or("").into()))
}

/// Writes a view of the path parameter `name`, percent-decoded, to `out_value`.
///
/// GOAWAY_ERR_NOT_FOUND: the pattern has no parameter of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_param(
    request: goaway_request,
    name: *const c_char,
    out_value: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_value, "out_value", |request| {
        // SAFETY: the header asks for a NUL-terminated text.
        Ok(request.head().param(unsafe { view::text(name, "name") }?)?.into())
    })
}

/// Writes a view of the value of the request's header field `name`, in upper or lower
/// case, to `out_value`. If there are several fields of this name, it is the first
/// value; several `cookie` fields are joined with "; " (RFC 9113, section 8.2.3).
/// `goaway_request_header_at` returns each field as it arrived.
///
/// GOAWAY_ERR_NOT_FOUND: there is no such field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_header(
    request: goaway_request,
    name: *const c_char,
    out_value: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_value, "out_value", |request| {
        // SAFETY: the header asks for a NUL-terminated text.
        Ok(request.head().field(unsafe { view::text(name, "name") }?)?.into())
    })
}

/// Writes views of the name and the value of the request's header field at `index`,
/// counted from 0 in the order of arrival. Pseudo-header fields do not count; each
/// `cookie` field counts. `out_flags` gets GOAWAY_FIELD_SENSITIVE or 0, over HTTP/1.1
/// always 0. It may be NULL.
///
/// GOAWAY_ERR_NOT_FOUND: there is no field at `index`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_header_at(
    request: goaway_request,
    index: usize,
    out_name: Option<&mut MaybeUninit<goaway_bytes>>,
    out_value: Option<&mut MaybeUninit<goaway_bytes>>,
    out_flags: Option<&mut MaybeUninit<u32>>,
) -> goaway_status {
    show_field(request, (out_name, out_value, out_flags), |request| request.head().fields().at(index))
}

/// Writes views of the name and the value of the field at `index` of the request's
/// trailer section, counted from 0. The trailer section is available once the body
/// has ended. `out_flags` is as in `goaway_request_header_at`.
///
/// GOAWAY_ERR_NOT_FOUND: there is no field at `index`, or the body has not ended.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_trailer_at(
    request: goaway_request,
    index: usize,
    out_name: Option<&mut MaybeUninit<goaway_bytes>>,
    out_value: Option<&mut MaybeUninit<goaway_bytes>>,
    out_flags: Option<&mut MaybeUninit<u32>>,
) -> goaway_status {
    show_field(request, (out_name, out_value, out_flags), |request| request.body.as_ref()?.trailers.as_ref()?.at(index))
}

/// Writes the id of the request's session to `out_session`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_session(
    request: goaway_request,
    out_session: Option<&mut MaybeUninit<goaway_session>>,
) -> goaway_status {
    show(request, out_session, "out_session", |request| Ok(request.session.id))
}

/// Writes the identifier of the request's stream (RFC 9113, section 5.1.1) to
/// `out_stream`. A pushed request has an even one, or 0 until it has been promised.
/// Over HTTP/1.1, which has no streams, it is the index of the request on its
/// connection, counted from 1.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_stream(
    request: goaway_request,
    out_stream: Option<&mut MaybeUninit<u32>>,
) -> goaway_status {
    show(request, out_stream, "out_stream", |request| Ok(request.stream))
}

/// Writes the milliseconds until the deadline of the drain to `out_left_ms`.
///
/// GOAWAY_ERR_NOT_FOUND: the session is not draining.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_drain_left_ms(
    request: goaway_request,
    out_left_ms: Option<&mut MaybeUninit<u64>>,
) -> goaway_status {
    show(request, out_left_ms, "out_left_ms", |request| {
        request.drain_left_ms().ok_or_else(|| Error::NotFound("drain".into()))
    })
}

/// Sets `on_cancel`, which is called exactly once if the request is cancelled. It is
/// not called after `goaway_request_respond`, `_end` or `_reset` has returned
/// GOAWAY_OK; for a request whose body you keep (`goaway_request_keep_body`), not
/// after you have also got the end of the body.
///
/// It is called even if a call has returned GOAWAY_ERR_CANCELLED. So free what you
/// keep for a request in `on_cancel`, or after one of those three calls. Without
/// `on_cancel`, a cancelled request stays until your next call that responds, which
/// returns GOAWAY_ERR_CANCELLED. Set it for each request that you may never respond
/// to.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_on_cancel(
    request: goaway_request,
    on_cancel: goaway_cancel_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let on_cancel = on_cancel.ok_or(Error::Null("on_cancel"))?;
        let user_data = UserData(user_data);
        request::change(request, |request| {
            request.set_on_cancel(Box::new(move |of, cause, code| {
                // SAFETY: the host gave the callback for these arguments.
                unsafe { on_cancel(of.id, cause, code, of.context, user_data.get()) }
            }));
            Ok(())
        })
    })
}

/// Sets `on_drain`, which is called when the session begins to drain, so that you can
/// end a long response in time.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_on_drain(
    request: goaway_request,
    on_drain: goaway_drain_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let on_drain = on_drain.ok_or(Error::Null("on_drain"))?;
        let user_data = UserData(user_data);
        request::change(request, |request| {
            request.set_on_drain(Box::new(move |of, left_ms| {
                // SAFETY: the host gave the callback for these arguments.
                unsafe { on_drain(of.id, left_ms, of.context, user_data.get()) }
            }));
            Ok(())
        })
    })
}

/// Attaches 64 bits, such as an index or a pointer, to a request. Later callbacks and
/// records of the request have them as `context`; it is 0 until you set it. A record
/// that is already in a queue keeps the context of the time at which it was written.
/// You may call it several times.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_context(request: goaway_request, context: u64) -> goaway_status {
    guard(|| request::set_context(request, context))
}

/// Writes the context that `goaway_request_set_context` or
/// GOAWAY_COMMAND_KIND_SET_CONTEXT attached to a request to `out_context`. It is 0 if
/// there is none.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_context(
    request: goaway_request,
    out_context: Option<&mut MaybeUninit<u64>>,
) -> goaway_status {
    show(request, out_context, "out_context", |request| Ok(request.context))
}

/// Sets how many milliseconds of this request may pass without a byte in either
/// direction. 0 means no limit, for responses that wait for events. Default
/// GOAWAY_LIMIT_STREAM_IDLE_MS.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_idle_ms(request: goaway_request, idle_ms: u32) -> goaway_status {
    guard(|| {
        request::read(request, |request| {
            request.set_idle(Duration::from_millis(idle_ms.into()));
            Ok(())
        })
    })
}

/// Reports that `bytes` bytes of BODY records were consumed, for a request that came
/// through a queue: flow control lets the peer send as many more. The first call for a
/// request, also with 0, sends 100 (Continue) to a peer that waits for it.
///
/// GOAWAY_ERR_INVALID: the records had fewer bytes that were not consumed.
/// GOAWAY_ERR_STATE: the request did not come through a queue.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_consume(request: goaway_request, bytes: u64) -> goaway_status {
    guard(|| request::consume(request, bytes))
}

/// Sets `on_body`, which is called with each piece of the body as it arrives. Flow
/// control (RFC 9113, section 5.2) lets the peer send as fast as `on_body` returns;
/// `goaway_request_pause` stops the peer. If the request is cancelled before the body
/// ends, no last piece follows: use `goaway_request_set_on_cancel` too.
///
/// GOAWAY_ERR_STATE: the body is read in another way already, also if by only one
/// call of `goaway_request_read`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_on_body(
    request: goaway_request,
    on_body: goaway_body_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let on_body = on_body.ok_or(Error::Null("on_body"))?;
        let user_data = UserData(user_data);
        let reader = Reader::Pushed(Box::new(move |of, data, last| {
            // SAFETY: the host gave the callback for these arguments.
            unsafe { on_body(of.id, data.as_ptr(), data.len(), last, of.context, user_data.get()) }
        }));
        request::change(request, |request| request.wanted_body().set_reader(reader))
    })
}

/// Pauses the body: `on_body` is not called until `goaway_request_resume`. Flow
/// control stops the peer when its window is used up.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_pause(request: goaway_request) -> goaway_status {
    set_paused(request, true)
}

/// Resumes a paused body.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_resume(request: goaway_request) -> goaway_status {
    set_paused(request, false)
}

/// Sets `on_readable`, which is called once when `goaway_request_read` first has
/// something to return, and once after each GOAWAY_ERR_WOULD_BLOCK. Allowed before
/// and after the first read.
///
/// GOAWAY_ERR_STATE: the body is delivered to a callback, or `on_readable` was set
/// before.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_on_readable(
    request: goaway_request,
    on_readable: goaway_ready_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let on_readable = ready(on_readable, "on_readable", user_data)?;
        request::change(request, |request| request.wanted_body().set_reader(Reader::Pulled(on_readable)))
    })
}

/// Copies the available bytes of the body to `data`, at most `capacity`, and writes
/// their number to `out_len`: 0 at the end of the body, or if `capacity` is 0. The
/// bytes count as consumed: flow control lets the peer send as many more.
///
/// GOAWAY_ERR_WOULD_BLOCK: nothing has arrived yet.
/// GOAWAY_ERR_STATE: the body is delivered to a callback or to a queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_request_read(
    request: goaway_request,
    data: *mut c_void,
    capacity: usize,
    out_len: Option<&mut MaybeUninit<usize>>,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that much memory.
        let buffer = unsafe { view::bytes_mut(data.cast(), capacity, "data") }?;
        let out_len = view::out(out_len, "out_len")?;
        out_len.write(request::change(request, |request| request.wanted_body().read(buffer))?);
        Ok(())
    })
}

/// Collects the complete body and passes it to `on_collected`.
///
/// If the body is longer than GOAWAY_LIMIT_BODY_BYTES, or the bodies that the session
/// collects are together longer than GOAWAY_LIMIT_SESSION_BODY_BYTES, the library
/// sends the response 413, or resets the stream with CANCEL if a response has begun.
/// Then `on_collected` is not called, `on_cancel` reports
/// GOAWAY_CAUSE_BODY_TOO_LARGE, and the request's id is stale.
///
/// GOAWAY_ERR_STATE: the body is read in another way already, also if by only one
/// call of `goaway_request_read`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_collect(
    request: goaway_request,
    on_collected: goaway_collect_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let on_collected = on_collected.ok_or(Error::Null("on_collected"))?;
        let user_data = UserData(user_data);
        request::change(request, |request| {
            let (limit, together) = request.body_limits;
            let share = request::Share::new(&request.session, together);
            request.wanted_body().collect(
                limit,
                share,
                Box::new(move |of, data| {
                    // SAFETY: the host gave the callback for these arguments.
                    unsafe { on_collected(of.id, data.as_ptr(), data.len(), of.context, user_data.get()) }
                }),
            )
        })
    })
}

/// Keeps the body of a request whose response ends before the body: the response is
/// sent, and the body is still delivered as before. Call it before the response ends.
///
/// The request's id becomes stale when you have also got the end of the body (from
/// `goaway_request_read`, the length 0), or when you give up the body with
/// `goaway_request_reset`; NO_ERROR suffices, and the rest of the body is discarded.
/// Until then, the other functions of the response return GOAWAY_ERR_STATE, and
/// `on_cancel` is called if the body will have no end.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_keep_body(request: goaway_request) -> goaway_status {
    guard(|| {
        request::read(request, |request| {
            request.keep_body();
            Ok(())
        })
    })
}

/// A callback that takes the request alone.
pub fn ready(callback: goaway_ready_cb, name: &'static str, user_data: *mut c_void) -> Result<request::OnReady> {
    let callback = callback.ok_or(Error::Null(name))?;
    let user_data = UserData(user_data);
    // SAFETY: the host gave the callback for these arguments.
    Ok(Box::new(move |of| unsafe { callback(of.id, of.context, user_data.get()) }))
}

fn set_paused(request: goaway_request, paused: bool) -> goaway_status {
    guard(|| {
        request::change(request, |request| {
            request.body().pause(paused);
            Ok(())
        })
    })
}

/// Writes what `look` finds to `out`.
fn show<T>(
    request: goaway_request,
    out: Option<&mut MaybeUninit<T>>,
    name: &'static str,
    look: impl FnOnce(&Request) -> Result<T>,
) -> goaway_status {
    guard(|| {
        let out = view::out(out, name)?;
        out.write(request::read(request, |request| look(request))?);
        Ok(())
    })
}

/// Where a field goes: its name, its value and its flags, which may be left out.
type Places<'a> = (
    Option<&'a mut MaybeUninit<goaway_bytes>>,
    Option<&'a mut MaybeUninit<goaway_bytes>>,
    Option<&'a mut MaybeUninit<u32>>,
);

fn show_field(
    request: goaway_request,
    (out_name, out_value, out_flags): Places<'_>,
    find: impl FnOnce(&Request) -> Option<Field<'_>>,
) -> goaway_status {
    guard(|| {
        let (out_name, out_value) = (view::out(out_name, "out_name")?, view::out(out_value, "out_value")?);
        request::read(request, |request| {
            let field = find(request).ok_or_else(|| Error::NotFound("field of that number".into()))?;
            out_name.write(field.name.into());
            out_value.write(field.value.into());
            if let Some(out_flags) = out_flags {
                out_flags.write(if field.is_sensitive { GOAWAY_FIELD_SENSITIVE.into() } else { 0 });
            }
            Ok(())
        })
    })
}
