//! Requests: what the peer asked, its body, and the end of its interest.

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

/// Called once when nobody waits for the response any more: the peer reset the
/// stream, the session was lost, the drain's deadline passed. `code` is an error
/// code (RFC 9113, section 7), and `cause` says whose: with
/// GOAWAY_CAUSE_PEER_RESET and _PEER_GOAWAY it is the one that the peer sent;
/// with any other cause the one that the peer was sent, in RST_STREAM or GOAWAY,
/// or 0 if it was sent none. When it returns the request's id is stale and its
/// views are gone. On the session's thread.
pub type goaway_cancel_cb = Option<
    unsafe extern "C" fn(request: goaway_request, cause: Cause, code: u32, context: u64, user_data: *mut c_void),
>;

/// Called once when the session begins to drain, or at once if it does
/// already: the response should end within `left_ms`. On the session's thread.
pub type goaway_drain_cb =
    Option<unsafe extern "C" fn(request: goaway_request, left_ms: u64, context: u64, user_data: *mut c_void)>;

/// Called with each piece of the request's body, in order; `last` is true with
/// the last one, which may be empty. The bytes are valid during the call and
/// count as consumed when it returns, so that what you cannot pass on must be
/// kept or held back in time: `goaway_request_pause`. On the session's thread.
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

/// Called when something has become possible again. On the session's thread.
pub type goaway_ready_cb = Option<unsafe extern "C" fn(request: goaway_request, context: u64, user_data: *mut c_void)>;

/// Called with the whole body of the request, valid during the call. On the
/// session's thread.
pub type goaway_collect_cb = Option<
    unsafe extern "C" fn(request: goaway_request, data: *const u8, len: usize, context: u64, user_data: *mut c_void),
>;

/// The request's method, such as "GET".
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_method(
    request: goaway_request,
    out_method: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_method, "out_method", |request| Ok(request.head().method().as_str().into()))
}

/// Writes the request's pseudo-header fields in the order in which they came to
/// `out_order`: four bits for each, of the first one the lowest, with the number
/// that `goaway_pseudo_field` gives it and GOAWAY_PSEUDO_FIELD_SENSITIVE. 0 of a
/// request in HTTP/1.1.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_pseudo_order(
    request: goaway_request,
    out_order: Option<&mut MaybeUninit<u32>>,
) -> goaway_status {
    show(request, out_order, "out_order", |request| Ok(request.head().request().pseudo_order))
}

/// The version of HTTP that the request came in: "2", "1.1" or "1.0".
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_version(
    request: goaway_request,
    out_version: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_version, "out_version", |request| Ok(request.head().version().into()))
}

/// The path as it came, percent-encoded and without the query; empty of a
/// CONNECT (RFC 9113, section 8.5) unless it is an extended one. Clients send other
/// bytes than RFC 3986 allows too: any may occur but controls, space and DEL, and
/// the path need not be UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_path(
    request: goaway_request,
    out_path: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_path, "out_path", |request| Ok(request.head().path().into()))
}

/// What stands behind the path's `?`, as it came; empty if there is nothing. Any
/// bytes may occur, as in the path.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_query(
    request: goaway_request,
    out_query: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_query, "out_query", |request| Ok(request.head().query().into()))
}

/// The authority, from `:authority` or `host` (RFC 9113, section 8.3.1). Empty
/// if a request in HTTP/1.0 names none.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_authority(
    request: goaway_request,
    out_authority: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_authority, "out_authority", |request| Ok(request.head().authority().into()))
}

/// The scheme that the peer named: "http" or "https"; empty of a plain CONNECT.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_scheme(
    request: goaway_request,
    out_scheme: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_scheme, "out_scheme", |request| Ok(request.head().scheme().into()))
}

/// What an extended CONNECT asks for (RFC 8441, section 4), such as "websocket";
/// empty of any other request.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_protocol(
    request: goaway_request,
    out_protocol: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    show(request, out_protocol, "out_protocol", |request| Ok(request.head().protocol().unwrap_or("").into()))
}

/// The path parameter `name` of the handler's pattern, percent-decoded.
///
/// GOAWAY_ERR_NOT_FOUND: the pattern has none of that name.
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

/// The value of the request's header field of that name, in any case. If the
/// peer sent several `cookie` fields these are joined with "; " (RFC 9113, section
/// 8.2.3). Of any other name that came several times it is the first value;
/// `goaway_request_header_at` shows all of them, as they came.
///
/// GOAWAY_ERR_NOT_FOUND: there is none.
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

/// The request's header field at `index`, counted from 0, without the
/// pseudo-header fields: the list of the fields as the peer sent them, each
/// `cookie` field by itself. They come in the order of arrival. `out_flags` gets
/// GOAWAY_FIELD_SENSITIVE, which never comes in HTTP/1.1, or 0; it may be NULL.
///
/// GOAWAY_ERR_NOT_FOUND: there are not so many.
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

/// The field at `index` of the request's trailer section, counted from 0. It
/// is there once the body has ended. `out_flags` is as of
/// `goaway_request_header_at`.
///
/// GOAWAY_ERR_NOT_FOUND: there are not so many, or not yet.
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

/// The session that the request came on.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_session(
    request: goaway_request,
    out_session: Option<&mut MaybeUninit<goaway_session>>,
) -> goaway_status {
    show(request, out_session, "out_session", |request| Ok(request.session.id))
}

/// The identifier of the request's stream (RFC 9113, section 5.1.1); of a pushed
/// request an even one, or 0 as long as it was not promised. With HTTP/1.1,
/// which has no streams: the how manieth request of its connection it is,
/// counted from 1.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_stream(
    request: goaway_request,
    out_stream: Option<&mut MaybeUninit<u32>>,
) -> goaway_status {
    show(request, out_stream, "out_stream", |request| Ok(request.stream))
}

/// Milliseconds until the deadline of the drain.
///
/// GOAWAY_ERR_NOT_FOUND: the session does not drain.
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
/// GOAWAY_OK; for a request whose body you keep, not after you have also got the end
/// of the body. GOAWAY_ERR_CANCELLED does not replace the call, so free what you
/// keep for a request in `on_cancel` or after one of those three. Without
/// `on_cancel` a cancelled request stays until your next call that responds, which
/// returns GOAWAY_ERR_CANCELLED: set it for a request that you may never respond to.
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

/// Has `on_drain` called when the session begins to drain, so that a response
/// that would go on for ever can end well.
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

/// Attaches 64 bits of yours to a request, such as an index or a pointer. Every
/// later callback of the request gets them as `context`, and every later record
/// of it has them as `context`; 0 until they are set. What was written to a queue
/// before has what was set then, also if it is taken only now. From any thread,
/// as often as you like.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_context(request: goaway_request, context: u64) -> goaway_status {
    guard(|| request::set_context(request, context))
}

/// Writes what was attached to a request by `goaway_request_set_context` or
/// GOAWAY_COMMAND_KIND_SET_CONTEXT to `out_context`; 0 if nothing was.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_context(
    request: goaway_request,
    out_context: Option<&mut MaybeUninit<u64>>,
) -> goaway_status {
    show(request, out_context, "out_context", |request| Ok(request.context))
}

/// Sets for this request how many milliseconds may go by without a byte
/// passing either way; 0 is for ever, for responses that wait for events.
/// Default GOAWAY_LIMIT_STREAM_IDLE_MS.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_set_idle_ms(request: goaway_request, idle_ms: u32) -> goaway_status {
    guard(|| {
        request::read(request, |request| {
            request.set_idle(Duration::from_millis(idle_ms.into()));
            Ok(())
        })
    })
}

/// Has the body delivered to `on_body` as it comes. Flow control (RFC 9113,
/// section 5.2) lets the peer send as fast as `on_body` returns;
/// `goaway_request_pause` holds it back. If the peer goes before the end, there
/// is no last piece: set `goaway_request_set_on_cancel` too.
///
/// GOAWAY_ERR_STATE: the body is read in another way already, also by one
/// `goaway_request_read`.
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

/// Holds the body back: `on_body` is not called until `goaway_request_resume`,
/// and flow control stops the peer when its window is used up.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_pause(request: goaway_request) -> goaway_status {
    set_paused(request, true)
}

/// Lets the body come again.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_resume(request: goaway_request) -> goaway_status {
    set_paused(request, false)
}

/// Has `on_readable` called when `goaway_request_read` has something to give
/// again: first when there is something, then after each
/// GOAWAY_ERR_WOULD_BLOCK, once. Before the first read or behind it.
///
/// GOAWAY_ERR_STATE: the body is delivered to a callback, or this was said before.
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

/// Copies what is there of the body into `data`, up to `capacity` bytes, and
/// writes how many to `out_len`: 0 at the end of the body, or if `capacity` is
/// 0. What is read counts as consumed, and flow control lets the peer send as
/// much more.
///
/// GOAWAY_ERR_WOULD_BLOCK: nothing is here yet. GOAWAY_ERR_STATE: the body is
/// delivered to a callback or to a queue.
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

/// Gathers the whole body and gives it to `on_collected`. A body of more than
/// GOAWAY_LIMIT_BODY_BYTES, or one that makes the bodies that its session
/// collects more than GOAWAY_LIMIT_SESSION_BODY_BYTES, gets the response 413 by the
/// library, or reset with CANCEL if a response has begun; `on_collected` is not
/// called then, `goaway_request_set_on_cancel` says GOAWAY_CAUSE_BODY_TOO_LARGE, and
/// the request's id is stale.
///
/// GOAWAY_ERR_STATE: the body is read in another way already, also by one
/// `goaway_request_read`.
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

/// Keeps the body of a request whose response ends before it: the response leaves,
/// and the body goes on to whom it is delivered. Before the response has ended.
///
/// The request's id is stale when you have got the end of the body as well (from
/// `goaway_request_read`, its 0), or have given it up with
/// `goaway_request_reset`, for which NO_ERROR is enough then: what still comes
/// is thrown away. The rest of the response's functions say GOAWAY_ERR_STATE
/// meanwhile, and `goaway_request_set_on_cancel` tells if the body will have no end.
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
