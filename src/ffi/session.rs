//! Sessions: lists, information, events, frames, and their end.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::server::{borrow, goaway_server};
use super::view::{self, goaway_bytes, goaway_setting};
use super::{UserData, goaway_status, guard, guard_or};
use crate::close::Stage;
use crate::error::{Error, Result};
use crate::event::{Cause, EventKind, Outcome, SessionEvent};
use crate::extension::Extension;
use crate::registry::SESSIONS;
use crate::session::{Order, SessionHandle, SessionInfo};
use crate::transport::Protocol;

/// A connection, as the library counts and reports it, with HTTP/2 or HTTP/1.1. It is
/// an id, not a pointer: you may keep it, and a call with it after the session has
/// ended returns GOAWAY_ERR_GONE. It is never 0, and it is exact as a double.
pub type goaway_session = u64;

/// A session's counters at one moment. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_session_snapshot {
    pub session: goaway_session,
    /// How far the shutdown of the session has come.
    pub stage: Stage,
    /// Streams that are open now.
    pub open_streams: u32,
    /// Milliseconds since the connection was accepted.
    pub age_ms: u64,
    /// Bytes received and sent, including frame headers.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Requests that were received.
    pub requests: u64,
    /// The peer's address, such as "127.0.0.1:49152" or "[::1]:49152";
    /// NUL-terminated, truncated if necessary. Behind a proxy it is the client's
    /// address (see `goaway_server_listen`). The peer of a Unix socket is
    /// "unix:pid=7,uid=1000", as the kernel recorded it when the peer connected,
    /// "unix:uid=1000" or "unix:".
    pub peer: [c_char; 64],
    /// The protocol by its ALPN name (RFC 7301): "h2", "http/1.1", or "" while it is
    /// not known; NUL-terminated.
    pub protocol: [c_char; 16],
    /// The local address of the connection, in the form of `peer`; empty once it is
    /// closed.
    pub local: [c_char; 64],
}

impl From<&SessionInfo> for goaway_session_snapshot {
    fn from(info: &SessionInfo) -> Self {
        Self {
            session: info.id,
            stage: info.stage,
            open_streams: info.open_streams,
            age_ms: info.age.as_millis() as u64,
            bytes_in: info.bytes_in,
            bytes_out: info.bytes_out,
            requests: info.requests,
            peer: terminated(&info.peer.to_string()),
            local: info.local.as_ref().map_or([0; 64], |local| terminated(&local.to_string())),
            protocol: terminated(info.protocol.map_or("", Protocol::name)),
        }
    }
}

/// The sessions that were live at one moment, the oldest first.
pub struct goaway_session_list(Vec<goaway_session_snapshot>);

/// An event of a session. Fields that do not apply to `kind` are 0 or empty. Later
/// versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_session_event {
    pub kind: EventKind,
    pub session: goaway_session,
    /// FRAME_ERROR, TIMEOUT: the stream, or 0 for the whole session.
    pub stream: u32,
    /// GOAWAY: the last stream that the peer has processed.
    pub last_stream: u32,
    /// GOAWAY, FRAME_ERROR, TIMEOUT, CLOSED: an error code (RFC 9113, section 7). The
    /// peer sent it in GOAWAY, and in CLOSED with the cause PEER_GOAWAY. Otherwise
    /// the library sent it; 0 if none was sent. FRAME_ERROR over HTTP/1.1: the status
    /// of the response.
    pub code: u32,
    /// CLOSED, TIMEOUT: the cause.
    pub cause: Cause,
    /// CLOSED: how the report of a close counts the session.
    pub outcome: Outcome,
    /// GOAWAY: the debug data, up to 504 bytes. FRAME_ERROR, ERROR: a description of
    /// the error. SETTINGS, SETTINGS_ACK, PING, PONG, UNSOLICITED_ACK: the frame's
    /// payload, see `goaway_event`.
    pub text: goaway_bytes,
    /// The peer's address, as in `goaway_session_snapshot`.
    pub peer: [c_char; 64],
}

/// Called for each event of each session, in order, on the session's thread. `event`
/// is valid during the call.
pub type goaway_session_cb = Option<unsafe extern "C" fn(event: *const goaway_session_event, user_data: *mut c_void)>;

/// Sets `on_event`, which is called for session events. Each session has exactly one
/// GOAWAY_EVENT_OPENED, its first event, and one GOAWAY_EVENT_CLOSED, its last.
/// Allowed before the start only; a later call replaces an earlier one.
///
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_on_session(
    server: Option<NonNull<goaway_server>>,
    on_event: goaway_session_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let on_event = on_event.ok_or(Error::Null("on_event"))?;
        let user_data = UserData(user_data);
        borrow(server)?.set_on_session(Box::new(move |event: &SessionEvent| {
            let shown = goaway_session_event {
                kind: event.kind,
                session: event.session,
                stream: event.stream,
                last_stream: event.last_stream,
                code: event.code,
                cause: event.cause,
                outcome: event.outcome,
                text: event.text.as_slice().into(),
                peer: terminated(&event.peer.to_string()),
            };
            // SAFETY: the host registered the callback for these arguments.
            unsafe { on_event(&shown, user_data.get()) }
        }))
    })
}

/// Returns a list of the live sessions with their counters. Free it with
/// `goaway_session_list_free`. The list is empty before the start and after the
/// close.
///
/// Returns NULL if it fails; `goaway_last_error` returns the text.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_list_new(server: Option<&goaway_server>) -> Option<Box<goaway_session_list>> {
    guard_or(None, || {
        let sessions = borrow(server)?.sessions()?;
        Ok(Some(Box::new(goaway_session_list(sessions.iter().map(goaway_session_snapshot::from).collect()))))
    })
}

/// Returns the number of sessions in the list; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_list_len(list: Option<&goaway_session_list>) -> usize {
    list.map_or(0, |list| list.0.len())
}

/// Returns the list's entry at `index`, or NULL if there is none. Valid until the
/// list is freed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_list_at(
    list: Option<&goaway_session_list>,
    index: usize,
) -> Option<&goaway_session_snapshot> {
    list?.0.get(index)
}

/// Frees a list. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_list_free(list: Option<Box<goaway_session_list>>) {
    drop(list);
}

/// Writes a session's counters to `out_info`. Pass `sizeof(goaway_session_snapshot)`
/// as `info_size`; the fields that both your program and the library know are
/// written.
///
/// GOAWAY_ERR_GONE: the session has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_info(
    session: goaway_session,
    out_info: *mut goaway_session_snapshot,
    info_size: usize,
) -> goaway_status {
    guard(|| {
        if out_info.is_null() {
            return Err(Error::Null("out_info"));
        }
        let info = goaway_session_snapshot::from(&SessionInfo::from(&*SESSIONS.here()?.find(session)?));
        let known = info_size.min(size_of::<goaway_session_snapshot>());
        // SAFETY: the host says that its structure has at least that many bytes.
        unsafe { std::ptr::copy_nonoverlapping((&raw const info).cast::<u8>(), out_info.cast(), known) };
        Ok(())
    })
}

/// Drains one session, as `goaway_server_close` drains all: sends GOAWAY, serves its
/// open streams for up to `drain_ms` milliseconds, and then resets those that are
/// left. Returns at once; GOAWAY_EVENT_CLOSED reports the end of the session. Other
/// sessions go on.
///
/// GOAWAY_ERR_GONE: the session has ended.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_close(session: goaway_session, drain_ms: u32) -> goaway_status {
    guard(|| order(session, Order::Drain(Instant::now() + Duration::from_millis(drain_ms.into()))))
}

/// As `last_stream` of `goaway_session_abort_after` and `goaway_session_send_goaway`:
/// the last stream whose request was received.
pub const GOAWAY_LAST_TAKEN: u32 = u32::MAX;

/// Ends one session at once: sends GOAWAY with the error code `code` (RFC 9113,
/// section 7) and the `debug_len` bytes of debug data at `debug`, and nothing after
/// it. Its open requests are cancelled. Returns at once.
///
/// GOAWAY_ERR_GONE: the session has ended.
/// GOAWAY_ERR_TOO_LARGE: there are more than 1024 bytes of debug data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_abort(
    session: goaway_session,
    code: u32,
    debug: *const c_char,
    debug_len: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes.
        let debug = unsafe { debug_data(debug, debug_len) }?;
        order(session, Order::Abort(code, u32::MAX, debug))
    })
}

/// Ends one session at once, like `goaway_session_abort`, with a GOAWAY that names
/// `last_stream` as the last stream that was processed (RFC 9113, section 6.8), or a
/// lower one if no request of `last_stream` has arrived. Use it if the host knows how
/// far it has come: it has not processed requests above `last_stream`, also if a
/// batch of its queue has them, and the peer may send them again elsewhere. 0 means
/// that no request was processed. GOAWAY_LAST_TAKEN has the effect of
/// `goaway_session_abort`.
///
/// GOAWAY_ERR_GONE: the session has ended.
/// GOAWAY_ERR_TOO_LARGE: there are more than 1024 bytes of debug data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_abort_after(
    session: goaway_session,
    last_stream: u32,
    code: u32,
    debug: *const c_char,
    debug_len: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes.
        let debug = unsafe { debug_data(debug, debug_len) }?;
        order(session, Order::Abort(code, last_stream, debug))
    })
}

/// Sends a PING (RFC 9113, section 6.7) with the 8 bytes at `payload`, or with bytes
/// that the library chooses if `payload` is NULL. Returns at once. GOAWAY_EVENT_PONG
/// reports the acknowledgement. If there is none, the session ends by
/// GOAWAY_LIMIT_KEEPALIVE_MS.
///
/// GOAWAY_ERR_GONE: the session has ended.
/// GOAWAY_ERR_WOULD_BLOCK: 16 PINGs of the host are not acknowledged.
/// GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_ping(session: goaway_session, payload: *const u8) -> goaway_status {
    guard(|| {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let payload = match payload.is_null() {
            true => COUNT.fetch_add(1, Relaxed).to_be_bytes(),
            // SAFETY: not NULL, and the header asks for 8 bytes.
            false => unsafe { payload.cast::<[u8; 8]>().read_unaligned() },
        };
        with_frames(session)?.ping(payload)
    })
}

/// Sends a GOAWAY (RFC 9113, section 6.8) with the error code `code`, `last_stream`
/// and the `debug_len` bytes of debug data at `debug`, and changes nothing else: the
/// session and all its streams go on. Returns at once.
///
/// `last_stream` is 0 for no stream, or GOAWAY_LAST_TAKEN for the last stream whose
/// request was received. A GOAWAY must not name a higher stream than an earlier one.
/// So this GOAWAY, and each later one of the library, names the lowest stream so far;
/// 2147483647 leaves it as it is.
///
/// GOAWAY_ERR_GONE: the session has ended.
/// GOAWAY_ERR_INVALID: `last_stream` is above 2147483647 and not GOAWAY_LAST_TAKEN.
/// GOAWAY_ERR_TOO_LARGE: there are more than 1024 bytes of debug data.
/// GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_send_goaway(
    session: goaway_session,
    last_stream: u32,
    code: u32,
    debug: *const c_char,
    debug_len: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes.
        let debug = unsafe { debug_data(debug, debug_len) }?;
        if last_stream != GOAWAY_LAST_TAKEN {
            check_31_bits(last_stream, "a stream")?;
        }
        with_frames(session)?.order(Order::Goaway(code, last_stream, debug));
        Ok(())
    })
}

/// Advertises an alternative service with an ALTSVC frame (RFC 7838, section 4). With
/// `stream` 0 it is for `origin`, such as "https://example.com". With another stream
/// it is for the origin of the stream's request, and `origin` is NULL or "". `value`
/// is the value of an Alt-Svc field: "h2=\":8000\"" or "clear".
///
/// Returns at once. If you call it in a callback of the stream or before its
/// response, the frame is sent before the response. For a stream that has ended or
/// does not exist, no frame is sent. A frame waits until the peer has sent its
/// preface.
///
/// GOAWAY_ERR_GONE: the session has ended.
/// GOAWAY_ERR_INVALID: there is both a stream and an origin, or neither, or `stream`
/// is above 2147483647, or a text is not a valid origin or value.
/// GOAWAY_ERR_TOO_LARGE: the frame would be longer than 16384 bytes.
/// GOAWAY_ERR_WOULD_BLOCK: 64 KiB of ALTSVC and ORIGIN frames wait for the peer.
/// GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_send_altsvc(
    session: goaway_session,
    stream: u32,
    origin: *const c_char,
    value: *const c_char,
) -> goaway_status {
    guard(|| {
        let origin = match origin.is_null() {
            true => "",
            // SAFETY: the header asks for a NUL-terminated text.
            false => unsafe { view::text(origin, "origin") }?,
        };
        // SAFETY: as above.
        let value = unsafe { view::text(value, "value") }?;
        check_31_bits(stream, "a stream")?;
        with_frames(session)?.send(Extension::altsvc(stream, origin, value)?)
    })
}

/// Sends an ORIGIN frame (RFC 8336) with the `count` origins at `origins`, such as
/// "https://example.com": the origins besides its own for which the peer may use the
/// session, if the certificate covers them. A `count` of 0 means none. Returns at
/// once. A frame waits until the peer has sent its preface.
///
/// GOAWAY_ERR_GONE: the session has ended.
/// GOAWAY_ERR_INVALID: a text is not a valid origin.
/// GOAWAY_ERR_TOO_LARGE: the frame would be longer than 16384 bytes.
/// GOAWAY_ERR_WOULD_BLOCK: 64 KiB of ALTSVC and ORIGIN frames wait for the peer.
/// GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_send_origin(
    session: goaway_session,
    origins: *const *const c_char,
    count: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for this many texts.
        let origins = unsafe { view::texts(origins, count, "origins") }?;
        with_frames(session)?.send(Extension::origin(origins)?)
    })
}

/// Sets how many bytes the peer may send before the host consumes them:
/// `session_bytes` on the session, `stream_bytes` on each of its streams (RFC 9113,
/// section 6.9). The second is sent in a SETTINGS frame, which the peer acknowledges
/// (GOAWAY_EVENT_SETTINGS_ACK). 0 leaves a window unchanged. Defaults:
/// GOAWAY_LIMIT_SESSION_WINDOW_BYTES and GOAWAY_LIMIT_STREAM_WINDOW_BYTES. Returns at
/// once.
///
/// GOAWAY_ERR_GONE: the session has ended.
/// GOAWAY_ERR_INVALID: a value is above 2147483647.
/// GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_set_window(
    session: goaway_session,
    session_bytes: u32,
    stream_bytes: u32,
) -> goaway_status {
    guard(|| {
        check_31_bits(session_bytes, "a window")?;
        check_31_bits(stream_bytes, "a window")?;
        with_frames(session)?.order(Order::Window(session_bytes, stream_bytes));
        Ok(())
    })
}

/// Sends a SETTINGS frame (RFC 9113, section 6.5) with the `count` settings at
/// `settings`; 0 sends an empty frame. Returns at once. The peer acknowledges frames
/// in the order in which they were sent: GOAWAY_EVENT_SETTINGS_ACK has the payload of
/// the acknowledged frame as `text`.
///
/// What a value allows takes effect when the frame is sent; what it forbids, when the
/// peer has acknowledged the frame. The library knows these settings. Their first
/// values are the limits of the same name:
///
/// - SETTINGS_HEADER_TABLE_SIZE (1): 0 to 1048576.
/// - SETTINGS_ENABLE_PUSH (2): 0 only.
/// - SETTINGS_MAX_CONCURRENT_STREAMS (3): 0 to 100000. Open requests stay open.
/// - SETTINGS_INITIAL_WINDOW_SIZE (4): 0 to 2147483647. The windows of open streams
///   change with it, and may become negative.
/// - SETTINGS_MAX_FRAME_SIZE (5): 16384 to 16777215.
/// - SETTINGS_MAX_HEADER_LIST_SIZE (6): 1 to 1048576.
/// - SETTINGS_ENABLE_CONNECT_PROTOCOL (8): 0 or 1, and not 0 after it was 1 (RFC
///   8441, section 3).
/// - SETTINGS_NO_RFC7540_PRIORITIES (9): 1 only, which it is from the start (RFC
///   9218, section 2.1).
///
/// Any other setting is sent and has no meaning to the library.
///
/// GOAWAY_ERR_GONE: the session has ended.
/// GOAWAY_ERR_INVALID: a value is outside the range of its setting, an `id` is above
/// 65535, or a setting is given twice.
/// GOAWAY_ERR_TOO_LARGE: there are more than 32 settings.
/// GOAWAY_ERR_WOULD_BLOCK: 16 such frames are not acknowledged.
/// GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_send_settings(
    session: goaway_session,
    settings: *const goaway_setting,
    count: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many settings.
        let settings = unsafe { view::settings(settings, count) }?;
        with_frames(session)?.send_settings(settings)
    })
}

fn check_31_bits(number: u32, what: &str) -> Result<()> {
    match number >> 31 {
        0 => Ok(()),
        _ => Err(Error::invalid(format_args!("{number} is too large for {what}"))),
    }
}

/// What a GOAWAY says to a person.
unsafe fn debug_data(debug: *const c_char, len: usize) -> Result<Vec<u8>> {
    // SAFETY: the caller's promise.
    let debug = unsafe { view::bytes(debug.cast(), len, "debug") }?;
    match debug.len() {
        0..=1024 => Ok(debug.to_vec()),
        _ => Err(Error::TooLarge(format!("{len} bytes of debug data; 1024 are allowed"))),
    }
}

/// A session that can be given frames to send.
fn with_frames(session: goaway_session) -> Result<Arc<SessionHandle>> {
    let session = SESSIONS.here()?.find(session)?.clone();
    match session.protocol() {
        Some(Protocol::Http1) => Err(Error::State("the session speaks HTTP/1.1, which has no frames")),
        _ => Ok(session),
    }
}

fn order(session: goaway_session, order: Order) -> Result<()> {
    let session = SESSIONS.here()?.find(session)?.clone();
    session.order(order);
    Ok(())
}

/// A text in a fixed place, cut if it must be, terminated always.
pub fn terminated<const N: usize>(text: &str) -> [c_char; N] {
    let mut place = [0; N];
    for (to, from) in place[..N - 1].iter_mut().zip(text.bytes()) {
        *to = from as c_char;
    }
    place
}
