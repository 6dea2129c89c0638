//! The server: its configuration, start and close.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use once_cell::sync::OnceCell;

use super::view::{Object, goaway_setting};
use super::{UserData, fork, goaway_status, guard, guard_or, socket, thread, view};
use crate::close::Report;
use crate::error::{Error, Result};
use crate::forwarded::{self, Rules};
use crate::registry::OnClose;
use crate::server::Server;
use crate::shared::is_our_thread;
use crate::system::System;

/// A request that the host has not finished responding to. It is an id, not a
/// pointer: you may keep it, copy it and use it from any thread. A call with a stale
/// id returns GOAWAY_ERR_GONE. It is never 0, and it is exact as a double.
pub type goaway_request = u64;

/// A server for HTTP/2 and HTTP/1.1. `goaway_server_new` makes it,
/// `goaway_server_free` ends it.
pub struct goaway_server {
    pub(super) server: Server,
    report: OnceCell<goaway_report>,
    /// Of the listeners that were asked for, as the host sees them.
    pub(super) addresses: Mutex<BTreeMap<usize, CString>>,
}

/// What happened to the sessions and streams that were open when the close began or
/// that opened during the close. The four counts `sessions_graceful`, `_by_peer`,
/// `_in_handshake` and `_forced` add up to all sessions. Later versions may append
/// fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_report {
    /// Sessions that were sent GOAWAY and had every stream served.
    pub sessions_graceful: u64,
    /// Sessions that the peer ended, or whose connection broke.
    pub sessions_by_peer: u64,
    /// Connections that had not finished their handshake.
    pub sessions_in_handshake: u64,
    /// Sessions that were cut at the deadline, or that the host aborted.
    pub sessions_forced: u64,
    /// The part of `sessions_forced` whose thread was inside a callback that had not
    /// returned 0.9 s after the deadline.
    pub sessions_stuck: u64,
    /// Streams whose response was sent completely.
    pub streams_completed: u64,
    /// Streams that ended before their response was complete.
    pub streams_reset: u64,
    /// Streams that were opened too late and were not processed. The peer may send
    /// their requests again elsewhere.
    pub streams_refused: u64,
    /// Bytes of bodies that the host wrote and that were not sent.
    pub bytes_unsent: u64,
    /// Milliseconds from the call of `goaway_server_close` to the end of the last
    /// session.
    pub elapsed_ms: u64,
}

impl From<&Report> for goaway_report {
    fn from(report: &Report) -> Self {
        Self {
            sessions_graceful: report.sessions_graceful,
            sessions_by_peer: report.sessions_by_peer,
            sessions_in_handshake: report.sessions_in_handshake,
            sessions_forced: report.sessions_forced,
            sessions_stuck: report.sessions_stuck,
            streams_completed: report.streams_completed,
            streams_reset: report.streams_reset,
            streams_refused: report.streams_refused,
            bytes_unsent: report.bytes_unsent,
            elapsed_ms: report.elapsed_ms,
        }
    }
}

/// The progress of a close. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_progress {
    /// Sessions that are still open.
    pub sessions: u64,
    /// Streams that are still open.
    pub streams: u64,
    /// Milliseconds until the deadline.
    pub left_ms: u64,
}

/// As a timeout: wait without a limit.
pub const GOAWAY_FOREVER: u32 = u32::MAX;

/// Called for each request that a pattern matches, on the thread of its session.
/// Respond here, or keep the id and respond later from any thread.
pub type goaway_request_cb = Option<unsafe extern "C" fn(request: goaway_request, user_data: *mut c_void)>;

/// Called once when a close is complete, on a thread of the library. `report` is
/// valid during the call.
pub type goaway_close_cb = Option<unsafe extern "C" fn(report: *const goaway_report, user_data: *mut c_void)>;

/// Called about ten times a second while the server closes, on a thread of the
/// library. `progress` is valid during the call.
pub type goaway_progress_cb = Option<unsafe extern "C" fn(progress: *const goaway_progress, user_data: *mut c_void)>;

/// Creates a server. End it with `goaway_server_free`.
///
/// Returns NULL if it fails; `goaway_last_error` returns the text. If memory runs
/// out, the process ends.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_new() -> Option<Box<goaway_server>> {
    guard_or(None, || {
        fork::watch();
        let server = Server::default();
        thread::report_panics();
        server.set_system(System {
            quietly: thread::quietly,
            unacknowledged: socket::unacknowledged,
            has_ended: socket::has_ended,
            trim: thread::trim,
            duplicate: socket::duplicate,
            try_lock: socket::try_lock,
            credentials: socket::credentials,
        })?;
        Ok(Some(Box::new(goaway_server { server, report: OnceCell::new(), addresses: Mutex::default() })))
    })
}

/// Registers `on_request` as the handler of all requests that match `pattern`.
/// Allowed before the start only.
///
/// A pattern is a method, a space and a path:
/// - "GET /users/{id}": the segment becomes the parameter `id`.
/// - "GET /files/{*rest}": the rest of the path becomes the parameter `rest`.
/// - "* /path": any method except CONNECT.
/// - "*": every request that no other pattern matches, except CONNECT.
/// - "CONNECT *": every CONNECT request that no "CONNECT /path" matches. Only an
///   extended CONNECT has a path (RFC 8441, GOAWAY_FEATURE_CONNECT_PROTOCOL).
///
/// A static segment takes precedence over a parameter. A handler of GET also serves
/// HEAD, and the library then drops the body.
///
/// A 2xx response to CONNECT opens a tunnel. It has no content-length and no
/// trailers. Both bodies carry the bytes of the tunnel, and the end of the response
/// ends both directions.
///
/// The library itself sends these responses: 405 with `allow` if the path matches
/// with another method only, 404 if no path matches, and 400 if a parameter is not
/// percent-encoded UTF-8.
///
/// GOAWAY_ERR_INVALID: `pattern` is not a valid pattern, or it is registered already.
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_server_register_handler(
    server: Option<NonNull<goaway_server>>,
    pattern: *const c_char,
    on_request: goaway_request_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let server = borrow(server)?;
        // SAFETY: the header asks for a NUL-terminated text.
        let pattern = unsafe { view::text(pattern, "pattern") }?;
        let on_request = on_request.ok_or(Error::Null("on_request"))?;
        let user_data = UserData(user_data);
        // SAFETY: the host registered the callback for these arguments.
        server.register(pattern, Arc::new(move |request| unsafe { on_request(request, user_data.get()) }))
    })
}

/// Adds the `count` settings at `settings` to the first SETTINGS frame (RFC 9113,
/// section 6.5) of each session. The library sends them and gives them no meaning.
/// The settings that it knows (1 to 6, 8 and 9) it sends itself; see
/// `goaway_server_set_limit` and `goaway_session_send_settings`. Allowed before the
/// start only; a later call replaces an earlier one.
///
/// GOAWAY_ERR_INVALID: a setting is one that the library knows, its `id` is above
/// 65535, or it is given twice.
/// GOAWAY_ERR_TOO_LARGE: there are more than 16 settings.
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_server_set_settings(
    server: Option<NonNull<goaway_server>>,
    settings: *const goaway_setting,
    count: usize,
) -> goaway_status {
    guard(|| {
        let server = borrow(server)?;
        // SAFETY: the header asks for that many settings.
        server.set_settings(unsafe { view::settings(settings, count) }?)
    })
}

/// Sets `on_progress`, which is called while the server closes. Allowed before the
/// start only; a later call replaces an earlier one.
///
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_on_progress(
    server: Option<NonNull<goaway_server>>,
    on_progress: goaway_progress_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let on_progress = on_progress.ok_or(Error::Null("on_progress"))?;
        let user_data = UserData(user_data);
        borrow(server)?.set_on_progress(Box::new(move |progress| {
            let progress =
                goaway_progress { sessions: progress.sessions, streams: progress.streams, left_ms: progress.left_ms };
            // SAFETY: the host registered the callback for these arguments.
            unsafe { on_progress(&progress, user_data.get()) }
        }))
    })
}

/// Starts the server on threads of the library, and returns.
///
/// GOAWAY_ERR_STATE: the server has no listener, or was started or closed before.
/// GOAWAY_ERR_IO: the system cannot start a thread.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_start(server: Option<NonNull<goaway_server>>) -> goaway_status {
    guard(|| borrow(server)?.start())
}

/// Sets the flag that `goaway_server_is_ready` returns, for health checks. It changes
/// nothing else: the server goes on serving, and you may set the flag back. A close
/// with a shutdown delay (`goaway_server_close_after`) needs no call of this.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_ready(server: Option<NonNull<goaway_server>>, ready: bool) -> goaway_status {
    guard(|| borrow(server)?.set_ready(ready))
}

/// Returns whether the server is ready: it was started, its close has not begun and
/// `goaway_server_set_ready` did not set it to false. Returns false as soon as
/// `goaway_server_close_after` is called, before its delay has passed, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_is_ready(server: Option<&goaway_server>) -> bool {
    guard_or(false, || borrow(server)?.is_ready())
}

/// Accepts what the proxies in `trusted` report about the client of a request. It
/// replaces the peer, the scheme and the authority of the request: in
/// `goaway_request_peer`, `_scheme` and `_authority`, and in REQUEST records. The
/// received values stay available: the session's peer in `goaway_session_info`, and
/// `goaway_request_received_scheme` and `_received_authority`. Header fields are not
/// changed. Without this call these fields have no effect. Allowed before the start only;
/// a later call replaces an earlier one.
///
/// `trusted` is a list of addresses and networks, separated by commas, such as
/// "127.0.0.1,10.0.0.0/8,::1"; "unix" is every peer of a Unix socket, "*" every peer.
/// NULL is "127.0.0.0/8,::1,unix". A trusted sender can claim any client address: list
/// only addresses that your clients cannot use.
///
/// `fields` names the header fields to read, separated by commas. NULL is
/// "x-forwarded-for,x-forwarded-proto". Name only fields that your proxy sets or removes:
/// it passes others on as the client has sent them.
///
/// - "x-forwarded-for" and "forwarded" (RFC 7239): the address of the client, read from
///   right to left: the first address that is not trusted, or the last one if all are
///   trusted. The port is 0 if it is missing. "unknown", hidden identifiers and malformed
///   values end the search; the client is then the last known address.
/// - "x-forwarded-proto" ("http", "https", "ws" or "wss"), "x-forwarded-host": the item
///   that belongs to this address if there is one for each item of x-forwarded-for,
///   otherwise the last. `Forwarded` has them as proto and host; in a request with this
///   field only port and prefix are read from other fields.
/// - "x-forwarded-port": replaces the port of the authority.
/// - "x-forwarded-prefix": the path prefix under which the proxy publishes the server,
///   for `goaway_request_prefix`.
///
/// A malformed value is ignored, and logged at GOAWAY_LOG_WARN.
///
/// GOAWAY_ERR_INVALID: an item of `trusted` or `fields` is not valid.
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_server_set_forwarded(
    server: Option<NonNull<goaway_server>>,
    trusted: *const c_char,
    fields: *const c_char,
) -> goaway_status {
    guard(|| {
        let server = borrow(server)?;
        let read = |text: *const c_char, name, default| match text.is_null() {
            true => Ok(default),
            // SAFETY: the header asks for NUL-terminated texts, or NULL.
            false => unsafe { view::text(text, name) },
        };
        let trusted = read(trusted, "trusted", forwarded::TRUSTED)?;
        let fields = read(fields, "fields", forwarded::FIELDS)?;
        server.set_forwarded(Rules::parse(trusted, fields)?)
    })
}

/// Makes the library respond to health checks itself: to GET and HEAD of `ready_path`
/// and of `live_path`, each an absolute path without a query, such as "/ready". The
/// path of a request must be the same, byte for byte; a query is ignored. NULL: no such
/// path. Allowed before the start only. The host does not see these requests.
///
/// - `ready_path` has the status 200 while `goaway_server_is_ready` would return true,
///   otherwise 503, also on sessions that are still open during a close.
/// - `live_path` has the status 503 while the host is stalled, otherwise 200. The host
///   is stalled when a callback on the thread of a session has been running for
///   `stall_ms` milliseconds, or when records have been waiting in a queue for so long
///   without a `goaway_queue_take`. This is detected at most half of `stall_ms`, or 1 s,
///   later, and logged at GOAWAY_LOG_WARN. A host for which nothing waits
///   is not stalled, nor is one that takes requests and does not respond to them.
///
/// The body is one word and a line feed. A check on a thread that is inside a callback
/// waits for the callback, so the response is late or never sent. Checks on a listener
/// with health=1 (`goaway_server_listen`) have a thread of their own.
///
/// GOAWAY_ERR_INVALID: a path is malformed or has a handler for GET already, the paths
/// are the same, or `stall_ms` is 0 and `live_path` is given. Nothing is set then.
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_server_set_health_paths(
    server: Option<NonNull<goaway_server>>,
    ready_path: *const c_char,
    live_path: *const c_char,
    stall_ms: u32,
) -> goaway_status {
    guard(|| {
        let server = borrow(server)?;
        // SAFETY: the header asks for NUL-terminated texts, or NULL.
        let read = |path: *const c_char, name| (!path.is_null()).then(|| unsafe { view::text(path, name) }).transpose();
        let (ready, live) = (read(ready_path, "ready_path")?, read(live_path, "live_path")?);
        server.set_health_paths(ready, live, Duration::from_millis(stall_ms.into()))
    })
}

/// Begins to close the server, and returns at once. You may call it again: a later
/// call can only shorten the time, and each `on_close` gets the same report.
///
/// The server accepts no new connection and sends GOAWAY on every session (RFC 9113,
/// section 6.8). Open streams are served for up to `drain_ms` milliseconds. Streams
/// that are then still open are reset with CANCEL, so that the peer does not take an
/// incomplete response for a complete one. With 0 they are reset at once. The close
/// is complete within `drain_ms` and one second more, whatever peers and callbacks
/// do.
///
/// `on_close` may be NULL. If the server was never started, `on_close` is called
/// before this function returns.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_close(
    server: Option<NonNull<goaway_server>>,
    drain_ms: u32,
    on_close: goaway_close_cb,
    user_data: *mut c_void,
) -> goaway_status {
    close(server, 0, drain_ms, on_close, user_data)
}

/// The same as `goaway_server_close`, after a shutdown delay of `delay_ms`
/// milliseconds in which load balancers take the server out. From this call on
/// `goaway_server_is_ready` returns false; until the delay has passed nothing else
/// changes: listeners accept, sessions get no GOAWAY, `on_drain` and `on_progress` are
/// not called. The close is complete within `delay_ms`, `drain_ms` and one second more.
///
/// A later call of this function or of `goaway_server_close` can only shorten both
/// times: `goaway_server_close` ends the delay at once. The report's `elapsed_ms`
/// includes the delay, its other counts do not. If the server was never started, there
/// is no delay.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_close_after(
    server: Option<NonNull<goaway_server>>,
    delay_ms: u32,
    drain_ms: u32,
    on_close: goaway_close_cb,
    user_data: *mut c_void,
) -> goaway_status {
    close(server, delay_ms, drain_ms, on_close, user_data)
}

fn close(
    server: Option<NonNull<goaway_server>>,
    delay_ms: u32,
    drain_ms: u32,
    on_close: goaway_close_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let user_data = UserData(user_data);
        let on_close = on_close.map(|on_close| -> OnClose {
            Box::new(move |report| {
                let report = goaway_report::from(report);
                // SAFETY: the host gave the callback for these arguments.
                unsafe { on_close(&report, user_data.get()) }
            })
        });
        let (delay, drain) = (Duration::from_millis(delay_ms.into()), Duration::from_millis(drain_ms.into()));
        borrow(server)?.close(delay, drain, on_close)
    })
}

/// Blocks until the close is complete and all `on_close` callbacks have returned, but
/// at most one second after the close is complete. Blocks for at most `timeout_ms`
/// milliseconds, or without a limit with GOAWAY_FOREVER. It does not begin a close.
///
/// GOAWAY_ERR_TIMEOUT: `timeout_ms` has passed.
/// GOAWAY_ERR_DEADLOCK: it was called from inside a callback.
/// GOAWAY_ERR_STATE: the server was neither started nor closed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_wait(server: Option<&goaway_server>, timeout_ms: u32) -> goaway_status {
    guard(|| {
        let timeout = (timeout_ms != GOAWAY_FOREVER).then(|| Duration::from_millis(timeout_ms.into()));
        borrow(server)?.wait(timeout).map(drop)
    })
}

/// Returns the report of the close, or NULL until the close is complete. Valid until
/// the server is freed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_report(server: Option<&goaway_server>) -> Option<&goaway_report> {
    guard_or(None, || {
        let handle = server.ok_or(Error::Null("server"))?;
        let report = handle.server.report()?;
        Ok(report.map(|report| handle.report.get_or_init(|| goaway_report::from(&report))))
    })
}

/// What a server has refused since its start. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_counts {
    /// Connections above GOAWAY_LIMIT_SESSIONS or GOAWAY_LIMIT_SESSIONS_PER_ADDRESS.
    pub sessions_refused: u64,
    /// TLS handshakes that failed, including plain HTTP on a TLS port. A connection
    /// on which the peer sent nothing does not count.
    pub handshakes_failed: u64,
    /// Connections that a listener with `proxy` refused: the sender is not a trusted
    /// proxy, or the PROXY header is missing, malformed or late.
    pub proxies_refused: u64,
}

/// Writes the counts of what the server has refused since its start to `out_counts`.
/// Pass `sizeof(goaway_counts)` as `counts_size`; the fields that both your program
/// and the library know are written. All counts are 0 before the start. The log has
/// the reasons: at GOAWAY_LOG_INFO for TLS handshakes, at GOAWAY_LOG_WARN for the
/// others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_server_counts(
    server: Option<&goaway_server>,
    out_counts: *mut goaway_counts,
    counts_size: usize,
) -> goaway_status {
    guard(|| {
        let server = borrow(server)?;
        if out_counts.is_null() {
            return Err(Error::Null("out_counts"));
        }
        let counts = server.counts()?;
        let counts = goaway_counts {
            sessions_refused: counts.sessions,
            handshakes_failed: counts.handshakes,
            proxies_refused: counts.proxies,
        };
        let known = counts_size.min(size_of::<goaway_counts>());
        // SAFETY: the host says that its structure has at least that many bytes.
        unsafe { std::ptr::copy_nonoverlapping((&raw const counts).cast::<u8>(), out_counts.cast(), known) };
        Ok(())
    })
}

/// Ends the server: resets open streams, ends all sessions and the threads of the
/// library. After it has returned, no callback begins, and an `on_close` that was not
/// called yet is never called. NULL is allowed.
///
/// From inside a callback it returns at once, and the server ends after the callback
/// has returned. Callbacks that run on other threads at that moment run to their end.
/// In a child process after fork() it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_free(server: Option<Box<goaway_server>>) {
    guard_or((), || {
        let Some(handle) = server else { return Ok(()) };
        if handle.server.is_foreign() {
            // The locks and thread handles of the server are those of another process.
            std::mem::forget(handle);
            return Ok(());
        }
        if !is_our_thread() {
            handle.server.shut_down();
            return Ok(());
        }
        handle.server.mute();
        let end = move || handle.server.shut_down();
        // A thread of the library blocks all signals, and the threads that it starts
        // inherit that.
        let started = std::thread::Builder::new().name("goaway-end".into()).spawn(end);
        started.map(drop).map_err(|error| Error::io("cannot start a thread", error))
    });
}

pub fn borrow<'a>(server: impl Object<'a, goaway_server>) -> Result<&'a Server> {
    server.get().map(|handle| &handle.server).ok_or(Error::Null("server"))
}
