//! The log of the library. Lines go to a callback of the host, are kept until the host
//! takes them, or are dropped.

use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_char, c_void};
use std::fmt::{self, Write};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};
use std::time::Duration;

use once_cell::sync::OnceCell;
use tracing::callsite;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

use super::server::GOAWAY_FOREVER;
use super::{UserData, fork, goaway_status, guard, view};
use crate::callback;
use crate::error::{Error, Result};
use crate::log;
use crate::shared::is_our_thread;

/// Levels of the log. Each level includes those before it.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_log_level {
    GOAWAY_LOG_OFF = 0,
    /// Failures that should not happen.
    GOAWAY_LOG_ERROR = 1,
    /// Something was refused or held back, or peers may refuse it, such as an expired
    /// certificate.
    GOAWAY_LOG_WARN = 2,
    /// Information for operators, such as a TLS handshake that failed.
    GOAWAY_LOG_INFO = 3,
    /// Each session, each frame and each error of a peer.
    GOAWAY_LOG_DEBUG = 4,
}

thread_local! {
    /// Whether the host is being told a line on this thread: what it does meanwhile is not told.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

use goaway_log_level::*;

const LEVELS: [(goaway_log_level, LevelFilter); 5] = [
    (GOAWAY_LOG_OFF, LevelFilter::OFF),
    (GOAWAY_LOG_ERROR, LevelFilter::ERROR),
    (GOAWAY_LOG_WARN, LevelFilter::WARN),
    (GOAWAY_LOG_INFO, LevelFilter::INFO),
    (GOAWAY_LOG_DEBUG, LevelFilter::DEBUG),
];

/// Called with one line of the log: its level, the part of the library that it comes
/// from, and the text. Both texts are valid during the call. On any thread. Calls
/// into the library from inside this callback are not logged.
pub type goaway_log_cb =
    Option<unsafe extern "C" fn(level: u32, target: *const c_char, message: *const c_char, user_data: *mut c_void)>;

/// Sets `on_log`, which is called with the lines of the log up to `level`, one of
/// `goaway_log_level`, for the whole process. Without it, nothing is logged; the
/// library never writes to standard output or standard error. GOAWAY_LOG_DEBUG costs
/// time for each request. Lines that peers can cause (refused connections, failed TLS
/// handshakes) are limited to ten in ten seconds; the number of dropped lines is
/// logged.
///
/// A later call replaces an earlier one, and GOAWAY_LOG_OFF stops the log. Another
/// thread may still call the earlier callback at that moment, so it must stay valid
/// until the end of the process.
///
/// GOAWAY_ERR_INVALID: `level` is none of these numbers.
/// GOAWAY_ERR_STATE: the program has set another subscriber of the crate `tracing`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_log_set_on_line(level: u32, on_log: goaway_log_cb, user_data: *mut c_void) -> goaway_status {
    guard(|| {
        let callback = on_log.ok_or(Error::Null("on_log"))?;
        let level = known(level)?;
        install()?;
        let (user_data, before) = (UserData(user_data), AtomicPtr::default());
        let added = Box::into_raw(Box::new(Callback { level, callback, user_data, before }));
        let before = CALLBACK.swap(added, AcqRel);
        // SAFETY: the pointer is of a box made above, and no callback is ever dropped.
        unsafe { (*added).before.store(before, Release) };
        callsite::rebuild_interest_cache();
        Ok(())
    })
}

/// A line of the log, see `goaway_log_take`. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_log_line {
    /// One of `goaway_log_level`.
    pub level: u32,
    /// The part of the library that the line comes from, and the text:
    /// NUL-terminated, valid until this thread's next `goaway_log_take`.
    pub target: *const c_char,
    pub message: *const c_char,
    /// Lines that were dropped before this one, because 1024 lines waited already.
    pub left_out: u64,
}

/// Keeps the lines of the log up to `level` for `goaway_log_take`, with or without a
/// callback: for runtimes that threads of the library cannot call. Only lines of the
/// library itself are kept, not those of the crates inside it, which log each frame.
/// A later call replaces an earlier one. GOAWAY_LOG_OFF stops it and wakes threads
/// that wait; lines that were kept can still be taken. A child process after fork()
/// continues with the same level and without lines.
///
/// Errors are those of `goaway_log_set_on_line`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_log_keep(level: u32) -> goaway_status {
    guard(|| {
        let level = known(level)?;
        fork::watch();
        install()?;
        let before = log::kept_level();
        log::keep(level);
        // This takes a lock of `tracing`, which may stay locked in the child of a fork.
        if before != level {
            callsite::rebuild_interest_cache();
        }
        Ok(())
    })
}

/// Takes the oldest line that was kept and writes it to `out_line`. Blocks until
/// there is one, for at most `timeout_ms` milliseconds (0 does not block), or without
/// a limit with GOAWAY_FOREVER. Each line is taken once.
///
/// GOAWAY_ERR_TIMEOUT: there is no line.
/// GOAWAY_ERR_STATE: there is no line, and none are kept any more.
/// GOAWAY_ERR_DEADLOCK: it would block a thread of the library.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_log_take(
    timeout_ms: u32,
    out_line: Option<&mut MaybeUninit<goaway_log_line>>,
) -> goaway_status {
    guard(|| {
        let out_line = view::out(out_line, "out_line")?;
        if timeout_ms > 0 && is_our_thread() {
            return Err(Error::Deadlock("waiting for the log"));
        }
        let line = log::take((timeout_ms != GOAWAY_FOREVER).then(|| Duration::from_millis(timeout_ms.into())))?;
        let shown = TAKEN.with_borrow_mut(|taken| {
            *taken = (text(line.target), text(line.message));
            (taken.0.as_ptr(), taken.1.as_ptr())
        });
        let (target, message) = shown;
        out_line.write(goaway_log_line { level: line.level.into(), target, message, left_out: line.left_out });
        Ok(())
    })
}

thread_local! {
    /// The target and the message that this thread was shown last.
    static TAKEN: RefCell<(CString, CString)> = RefCell::default();
}

/// The host's callback, and up to which level it is called.
struct Callback {
    level: u8,
    callback: unsafe extern "C" fn(u32, *const c_char, *const c_char, *mut c_void),
    user_data: UserData,
    /// The one before it, which another thread may be calling: none ever ends.
    before: AtomicPtr<Callback>,
}

/// The one that counts: a pointer and no lock, so that it works in the child of a fork.
static CALLBACK: AtomicPtr<Callback> = AtomicPtr::new(std::ptr::null_mut());

fn callback() -> Option<&'static Callback> {
    // SAFETY: the pointer is NULL, or of a box that is never dropped.
    unsafe { CALLBACK.load(Acquire).as_ref() }
}

fn known(level: u32) -> Result<u8> {
    let found = LEVELS.iter().position(|(number, _)| *number as u32 == level);
    found.map(|level| level as u8).ok_or_else(|| Error::invalid(format_args!("{level} is no log level")))
}

/// Has tracing's events come here.
fn install() -> Result<()> {
    static INSTALLED: OnceCell<bool> = OnceCell::new();
    match *INSTALLED.get_or_init(|| subscriber::set_global_default(HostLog::default()).is_ok()) {
        true => Ok(()),
        false => Err(Error::State("the program has given tracing another subscriber")),
    }
}

/// Gives tracing's events to the host. Spans carry nothing that a line needs.
#[derive(Default)]
struct HostLog {
    spans: AtomicUsize,
}

impl HostLog {
    fn level() -> LevelFilter {
        let level = callback().map_or(0, |callback| callback.level).max(log::kept_level());
        LEVELS[usize::from(level)].1
    }
}

impl Subscriber for HostLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && level_of(metadata) <= Self::level()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(Self::level())
    }

    fn event(&self, event: &Event<'_>) {
        if TELLING.replace(true) {
            return;
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        let own = level_of(event.metadata());
        let level = LEVELS.iter().position(|(_, level)| *level == own).map_or(0, |level| level as u8);
        let (target, message) = (event.metadata().target().to_owned(), line.0.trim_end().to_owned());
        if level <= log::kept_level() && is_own(&target) {
            log::push(log::Line { level, target: target.clone(), message: message.clone(), left_out: 0 });
        }
        if let Some(host) = callback().filter(|callback| level <= callback.level) {
            let (target, message) = (text(target), text(message));
            // SAFETY: the host gave the callback for these arguments.
            callback::run(|| unsafe {
                (host.callback)(level.into(), target.as_ptr(), message.as_ptr(), host.user_data.get());
            });
        }
        TELLING.set(false);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Relaxed) as u64 + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What the crates below the library warn of, a peer can have as much of as it
/// likes: to the host that is no more than each frame is.
fn level_of(metadata: &Metadata<'_>) -> LevelFilter {
    let own = LevelFilter::from_level(*metadata.level());
    if is_own(metadata.target()) { own } else { own.max(LevelFilter::DEBUG) }
}

/// Whether a line comes from the library itself, not from a crate inside it.
fn is_own(target: &str) -> bool {
    target.starts_with(env!("CARGO_PKG_NAME"))
}

fn text(text: String) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// An event's message and fields as one line.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
    }
}
