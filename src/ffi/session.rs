//! Sessions: listed, looked at, ended, and what happens to them.

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

/// One connection and its HTTP/2 session. An id, not a pointer: it may be
/// kept, and using it after the session has ended is an error and nothing
/// worse. Never 0, and exact as a double.
pub type goaway_session = u64;

/// A session's figures at one moment. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_session_snapshot {
    pub session: goaway_session,
    /// How far it is on its way.
    pub stage: Stage,
    /// Streams that are open now.
    pub open_streams: u32,
    /// Since the connection was accepted.
    pub age_ms: u64,
    /// Bytes that came and left, frames and all.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Requests that were taken.
    pub requests: u64,
    /// The peer's address, such as "127.0.0.1:49152" or "[::1]:49152";
    /// NUL-terminated, and cut to fit. Behind a proxy it is the client's (see
    /// `goaway_server_listen`). A Unix socket's peer is "unix:pid=7,uid=1000", as
    /// the kernel saw it connect, "unix:uid=1000" or "unix:".
    pub peer: [c_char; 64],
    /// What is spoken on it, as ALPN names it (RFC 7301): "h2", "http/1.1", or ""
    /// while that is not known; NUL-terminated.
    pub protocol: [c_char; 16],
    /// Our own address of the connection, as `peer`; empty once it is closed.
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

/// The sessions that were live at one moment, oldest first.
pub struct goaway_session_list(Vec<goaway_session_snapshot>);

/// Something that happened to a session. Fields that `kind` does not name are
/// 0 or empty. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_session_event {
    pub kind: EventKind,
    pub session: goaway_session,
    /// FRAME_ERROR, TIMEOUT: the stream, or 0 for the whole session.
    pub stream: u32,
    /// GOAWAY: the last stream that the peer has processed.
    pub last_stream: u32,
    /// GOAWAY, FRAME_ERROR, TIMEOUT, CLOSED: an error code (RFC 9113, section 7).
    /// GOAWAY's is the peer's, as is CLOSED's if the cause is PEER_GOAWAY; all
    /// others are what the peer was told, 0 if it was told none. Of FRAME_ERROR in
    /// HTTP/1.1: the status of the response.
    pub code: u32,
    /// CLOSED, TIMEOUT: why.
    pub cause: Cause,
    /// CLOSED: how the report of a close counts it.
    pub outcome: Outcome,
    /// GOAWAY: the debug data as it came, up to 504 bytes. FRAME_ERROR, ERROR:
    /// what was wrong. SETTINGS, SETTINGS_ACK, PING, PONG: a frame's payload, see there.
    pub text: goaway_bytes,
    /// The peer's address, as in `goaway_session_snapshot`.
    pub peer: [c_char; 64],
}

/// Called for each event of each session, on the session's thread, in order.
/// The event is valid during the call.
pub type goaway_session_cb = Option<unsafe extern "C" fn(event: *const goaway_session_event, user_data: *mut c_void)>;

/// Has `on_event` called for session events. Each session has exactly one
/// GOAWAY_EVENT_OPENED, first, and one GOAWAY_EVENT_CLOSED, last. Before the
/// start only; the last call counts.
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

/// The live sessions with their figures, to be freed with
/// `goaway_session_list_free`; NULL if it fails, with the text in
/// `goaway_last_error`. Empty before the start and after the close.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_list_new(server: Option<&goaway_server>) -> Option<Box<goaway_session_list>> {
    guard_or(None, || {
        let sessions = borrow(server)?.sessions()?;
        Ok(Some(Box::new(goaway_session_list(sessions.iter().map(goaway_session_snapshot::from).collect()))))
    })
}

/// How many sessions the list holds; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_list_len(list: Option<&goaway_session_list>) -> usize {
    list.map_or(0, |list| list.0.len())
}

/// The list's entry at `index`, valid until the list is freed; NULL if there is none.
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

/// Writes a session's figures to `out_info`: as many bytes as both sides know
/// of, `info_size` being `sizeof(goaway_session_snapshot)` in your program.
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

/// Has one session leave as `goaway_server_close` has all: told with GOAWAY,
/// its streams served for up to `drain_ms`, then reset. Returns at once; the
/// session's GOAWAY_EVENT_CLOSED tells the end. Others go on.
///
/// GOAWAY_ERR_GONE: the session has ended.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_session_close(session: goaway_session, drain_ms: u32) -> goaway_status {
    guard(|| order(session, Order::Drain(Instant::now() + Duration::from_millis(drain_ms.into()))))
}

/// As the last stream of `goaway_session_abort_after` and
/// `goaway_session_send_goaway`: the last one whose request was taken.
pub const GOAWAY_LAST_TAKEN: u32 = u32::MAX;

/// Ends one session now: a GOAWAY with that error code (RFC 9113, section 7)
/// and the `debug_len` bytes at `debug`, then nothing. Handlers of its open
/// streams see a cancellation. Returns at once.
///
/// GOAWAY_ERR_GONE: the session has ended. GOAWAY_ERR_TOO_LARGE: more than 1024
/// bytes of debug data.
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

/// As `goaway_session_abort`, for a host that knows how far it has come: the
/// GOAWAY names `last_stream` as the last whose request was taken (RFC 9113,
/// section 6.8), or a lower one, if no request has come of that. What the peer
/// has sent above it, and a queue's batch may hold, nobody will look at: the peer
/// may send it again elsewhere. 0: no request was taken. GOAWAY_LAST_TAKEN: as
/// `goaway_session_abort`.
///
/// GOAWAY_ERR_GONE: the session has ended. GOAWAY_ERR_TOO_LARGE: more than 1024
/// bytes of debug data.
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

/// Asks the peer with a PING (RFC 9113, section 6.7) of the 8 bytes at `payload`,
/// or of the library's own if that is NULL. Returns at once; GOAWAY_EVENT_PONG
/// tells the response, and without one the session ends by itself
/// (GOAWAY_LIMIT_KEEPALIVE_MS).
///
/// GOAWAY_ERR_GONE: the session has ended. GOAWAY_ERR_WOULD_BLOCK: 16 PINGs of
/// yours are unanswered. GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
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

/// Sends a GOAWAY (RFC 9113, section 6.8) with that error code, last stream and
/// the `debug_len` bytes at `debug`, and changes nothing else: the session goes
/// on, streams above the last one too. `last_stream` is 0 for no stream, and
/// GOAWAY_LAST_TAKEN for the last one whose request was taken. Since no GOAWAY may name a higher stream than one before
/// it, this and those that the library sends later name the lowest so far;
/// 2147483647 leaves all as it is. Returns at once.
///
/// GOAWAY_ERR_GONE: the session has ended. GOAWAY_ERR_INVALID: `last_stream` is
/// above 2147483647, and not GOAWAY_LAST_TAKEN. GOAWAY_ERR_TOO_LARGE: more than 1024 bytes of debug data.
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

/// Advertises another place that serves the same, with an ALTSVC frame (RFC 7838,
/// section 4): with `stream` 0 the origin `origin`, such as "https://example.com"; with a
/// stream, what its request asked for, and `origin` is NULL or "". `value` is as
/// in an Alt-Svc field: "h2=\":8000\"" or "clear". Returns at once. From inside the
/// stream's own callback, or before its response, the frame is sent before the
/// response; for a stream that has ended, or does not exist, none is sent. A frame
/// waits until the peer has sent its preface.
///
/// GOAWAY_ERR_GONE: the session has ended. GOAWAY_ERR_INVALID: a stream with an
/// origin, none of both, a stream above 2147483647, or a text that is no origin or
/// no value. GOAWAY_ERR_TOO_LARGE: the frame would have more than 16384 bytes.
/// GOAWAY_ERR_WOULD_BLOCK: 64 KiB of this and of `goaway_session_send_origin` wait
/// for the peer. GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
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

/// Says for which origins beside its own the session may be used, if its
/// certificate covers them, with an ORIGIN frame (RFC 8336): the `count` texts at
/// `origins`, such as "https://example.com"; 0: for none. Returns at once. What is
/// said before the peer has spoken waits until then.
///
/// GOAWAY_ERR_GONE: the session has ended. GOAWAY_ERR_INVALID: one is no origin.
/// GOAWAY_ERR_TOO_LARGE: the frame would have more than 16384 bytes.
/// GOAWAY_ERR_WOULD_BLOCK: 64 KiB of this and of `goaway_session_send_altsvc` wait
/// for the peer. GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_send_origin(
    session: goaway_session,
    origins: *const *const c_char,
    count: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for so many texts.
        let origins = unsafe { view::texts(origins, count, "origins") }?;
        with_frames(session)?.send(Extension::origin(origins)?)
    })
}

/// Sets how many bytes the peer may send ahead of what the host has consumed:
/// on the session, and on each of its streams (RFC 9113, section 6.9), there with
/// a SETTINGS frame, which the peer acknowledges (GOAWAY_EVENT_SETTINGS_ACK). 0
/// leaves one as it is, at first GOAWAY_LIMIT_SESSION_WINDOW_BYTES and
/// GOAWAY_LIMIT_STREAM_WINDOW_BYTES. Returns at once.
///
/// GOAWAY_ERR_GONE: the session has ended. GOAWAY_ERR_INVALID: one is above 2147483647.
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
/// `settings`; 0 sends an empty one. Returns at once. The peer acknowledges it:
/// GOAWAY_EVENT_SETTINGS_ACK has the frame's payload as `text`, and frames are
/// acknowledged in the order in which they were sent.
///
/// What a value allows holds as soon as the frame is sent, what it forbids when
/// the peer has acknowledged it. These settings are known, and what the server
/// began with is a limit of the same name:
/// SETTINGS_HEADER_TABLE_SIZE (1), 0 to 1048576;
/// SETTINGS_ENABLE_PUSH (2), 0 only;
/// SETTINGS_MAX_CONCURRENT_STREAMS (3), 0 to 100000: requests that are open stay;
/// SETTINGS_INITIAL_WINDOW_SIZE (4), 0 to 2147483647: the windows of open streams
/// change with it, and may become negative;
/// SETTINGS_MAX_FRAME_SIZE (5), 16384 to 16777215;
/// SETTINGS_MAX_HEADER_LIST_SIZE (6), 1 to 1048576;
/// SETTINGS_ENABLE_CONNECT_PROTOCOL (8), 0 or 1, and not 0 once it was 1 (RFC 8441,
/// section 3);
/// SETTINGS_NO_RFC7540_PRIORITIES (9), 1 only, which it is (RFC 9218, section 2.1).
/// Any other is sent and has no meaning to the library.
///
/// GOAWAY_ERR_GONE: the session has ended. GOAWAY_ERR_INVALID: a value that its
/// setting does not take, an `id` above 65535, or one that stands there twice.
/// GOAWAY_ERR_TOO_LARGE: more than 32 settings. GOAWAY_ERR_WOULD_BLOCK: 16 such
/// frames are unacknowledged. GOAWAY_ERR_STATE: the session speaks HTTP/1.1.
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
