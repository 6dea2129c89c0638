//! The server: made, told what to do, started, closed.

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
use crate::registry::OnClose;
use crate::server::Server;
use crate::shared::is_our_thread;
use crate::system::System;

/// A request that waits for its response. An id, not a pointer: it may be kept,
/// copied and used from any thread, and using it too late is an error and
/// nothing worse. Never 0, and exact as a double.
pub type goaway_request = u64;

/// An HTTP/2 server. Made by `goaway_server_new`, ended by `goaway_server_free`.
pub struct goaway_server {
    pub(super) server: Server,
    report: OnceCell<goaway_report>,
    /// Of the listeners that were asked for, as the host sees them.
    pub(super) addresses: Mutex<BTreeMap<usize, CString>>,
}

/// What became of the sessions and streams that were open when the close began
/// or came while it went on. The four numbers of sessions sum up to all of
/// them. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_report {
    /// Sessions that were told with GOAWAY and had every stream served.
    pub sessions_graceful: u64,
    /// Sessions that the peer ended, or broke.
    pub sessions_by_peer: u64,
    /// Connections that had not become a session yet.
    pub sessions_in_handshake: u64,
    /// Sessions that were cut at the deadline, or that the host aborted.
    pub sessions_forced: u64,
    /// Of the forced: those whose thread was inside a callback that had not returned
    /// 0.9 s after the deadline.
    pub sessions_stuck: u64,
    /// Streams whose response left whole.
    pub streams_completed: u64,
    /// Streams that ended before their response had.
    pub streams_reset: u64,
    /// Streams that were opened too late and not processed; the peer may try them elsewhere.
    pub streams_refused: u64,
    /// Bytes of bodies that the host wrote and that did not leave.
    pub bytes_unsent: u64,
    /// From the call of `goaway_server_close` to the last session's end.
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

/// How far a close has come. Later versions may append fields.
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

/// As a time to wait: for ever.
pub const GOAWAY_FOREVER: u32 = u32::MAX;

/// Called for a request that a pattern matches, on the thread of its session.
/// Respond here, or keep the id and respond later from any thread. Blocking here
/// delays the other sessions of the thread.
pub type goaway_request_cb = Option<unsafe extern "C" fn(request: goaway_request, user_data: *mut c_void)>;

/// Called once when a close is complete, on a thread of the library. The
/// report is valid during the call.
pub type goaway_close_cb = Option<unsafe extern "C" fn(report: *const goaway_report, user_data: *mut c_void)>;

/// Called about ten times a second while the server closes, on a thread of
/// the library. The numbers are valid during the call.
pub type goaway_progress_cb = Option<unsafe extern "C" fn(progress: *const goaway_progress, user_data: *mut c_void)>;

/// A new server, to be ended with `goaway_server_free`. NULL if it fails, with
/// the text in `goaway_last_error`; out of memory ends the process.
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

/// Has `on_request` called for each request that `pattern` matches. Before the
/// start only.
///
/// A pattern is a method, a space and a path: "GET /users/{id}" takes one
/// segment as the parameter `id`, "GET /files/{*rest}" takes all that follows,
/// the method `*` is every method, and the pattern "*" is whatever no other
/// pattern matches. Neither takes CONNECT, which must be named: "CONNECT *"
/// takes every one that no "CONNECT /path" has; of those with a path only
/// extended ones (RFC 8441, GOAWAY_FEATURE_CONNECT_PROTOCOL). A response of 200 to
/// 299 to CONNECT opens a tunnel: it has no content-length and no trailers, what
/// you write and read as bodies is the tunnel's, and the end of the response is
/// the end of both directions. A static segment wins over a parameter. The handler of
/// GET also serves HEAD, without the body. A path that matches with another
/// method gets the response 405 with `allow`, one that does not match 404, and one
/// whose parameter is not percent-encoded UTF-8 400, each by the library.
///
/// GOAWAY_ERR_INVALID: the pattern is none, or has a handler already.
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
/// section 6.5) of each session. They are sent and have no meaning to the library:
/// those that it knows (1 to 6, 8 and 9) it sends itself, see
/// `goaway_server_set_limit` and `goaway_session_send_settings`. Before the start
/// only; the last call counts.
///
/// GOAWAY_ERR_INVALID: one that the library knows, an `id` above 65535, or one that
/// stands there twice. GOAWAY_ERR_TOO_LARGE: more than 16.
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

/// Has `on_progress` called while the server closes. Before the start only; the
/// last call counts.
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

/// Starts to serve, on threads of the library's own, and returns.
///
/// GOAWAY_ERR_STATE: it listens nowhere, or was started or closed before.
/// GOAWAY_ERR_IO: the system gives no thread.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_start(server: Option<NonNull<goaway_server>>) -> goaway_status {
    guard(|| borrow(server)?.start())
}

/// Sets the readiness flag that health checks read: a step before a close that can
/// be undone. Everything is still served; only the result of
/// `goaway_server_is_ready` changes. Let your health check call it, wait until the
/// load balancer has noticed, and then close.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_ready(server: Option<NonNull<goaway_server>>, ready: bool) -> goaway_status {
    guard(|| borrow(server)?.set_ready(ready))
}

/// Whether the server was started, does not close and has not been set to be
/// not ready. False for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_is_ready(server: Option<&goaway_server>) -> bool {
    guard_or(false, || borrow(server)?.is_ready())
}

/// Begins to close, and returns at once. Allowed from any thread and from
/// every callback, and repeatedly: a later call can only shorten the time, and
/// every caller's `on_close` gets the same report.
///
/// No new connection is accepted. Every session is told with GOAWAY (RFC 9113,
/// section 6.8), its open streams go on for up to `drain_ms`, and what is then
/// left is reset with CANCEL, so that no response looks whole that is not. 0
/// forces at once. The close is complete within `drain_ms` and one second more,
/// whatever the peers and the callbacks do. `on_close` may be NULL. If the
/// server was never started it is called before this returns.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_close(
    server: Option<NonNull<goaway_server>>,
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
        borrow(server)?.close(Duration::from_millis(drain_ms.into()), on_close)
    })
}

/// Blocks until the close is complete and the `on_close` callbacks that were due
/// have returned, or one second has gone by since, or for `timeout_ms`, or GOAWAY_FOREVER. It does not begin to close.
///
/// GOAWAY_ERR_TIMEOUT: the time was up. GOAWAY_ERR_DEADLOCK: called from inside
/// a callback. GOAWAY_ERR_STATE: the server was neither started nor closed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_wait(server: Option<&goaway_server>, timeout_ms: u32) -> goaway_status {
    guard(|| {
        let timeout = (timeout_ms != GOAWAY_FOREVER).then(|| Duration::from_millis(timeout_ms.into()));
        borrow(server)?.wait(timeout).map(drop)
    })
}

/// The report of the close; NULL until it is complete. Valid until the server is freed.
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
    /// Connections that GOAWAY_LIMIT_SESSIONS or _SESSIONS_PER_ADDRESS refused.
    pub sessions_refused: u64,
    /// TLS handshakes that failed, plain HTTP on a port of TLS among them.
    /// Connections on which the peer said nothing are not counted.
    pub handshakes_failed: u64,
    /// Connections that a listener with `proxy` refused: the sender is not a
    /// trusted proxy, or the PROXY header is missing, malformed or late.
    pub proxies_refused: u64,
}

/// Writes what the server has refused since its start to `out_counts`: as many
/// bytes as both sides know of, `counts_size` being `sizeof(goaway_counts)` in
/// your program. The log says the reasons at GOAWAY_LOG_WARN, of handshakes at
/// GOAWAY_LOG_INFO. At any time; all are 0 before the start.
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

/// Ends the server: what is still open is forced, the library's threads end.
/// When this has returned, no callback begins any more, and no `on_close` that
/// was still due is called. NULL is allowed. From inside a callback the rest
/// happens after the callback has returned, and callbacks that run on other
/// threads at that moment run to their end. In a child process after fork() it
/// does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_free(server: Option<Box<goaway_server>>) {
    guard_or((), || {
        let Some(handle) = server else { return Ok(()) };
        if handle.server.is_foreign() {
            // Its locks and thread handles mean nothing in this process.
            std::mem::forget(handle);
            return Ok(());
        }
        if !is_our_thread() {
            handle.server.shut_down();
            return Ok(());
        }
        handle.server.mute();
        let end = move || handle.server.shut_down();
        // A thread of ours blocks all signals, and one that it starts does too.
        let started = std::thread::Builder::new().name("goaway-end".into()).spawn(end);
        started.map(drop).map_err(|error| Error::io("cannot start a thread", error))
    });
}

pub fn borrow<'a>(server: impl Object<'a, goaway_server>) -> Result<&'a Server> {
    server.get().map(|handle| &handle.server).ok_or(Error::Null("server"))
}
