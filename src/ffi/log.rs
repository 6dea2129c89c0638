//! The library's own log: to a callback of the host, or nowhere.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use once_cell::sync::OnceCell;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

use super::{UserData, goaway_status, guard};
use crate::error::Error;

/// How much of the log is wanted; each includes those before it.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_log_level {
    GOAWAY_LOG_OFF = 0,
    /// Something failed that should not.
    GOAWAY_LOG_ERROR = 1,
    /// Something is refused or held back.
    GOAWAY_LOG_WARN = 2,
    /// What an operator wants to know.
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

/// Called with one line of the log: its level, the part of the library that
/// says it and the text, valid during the call. On any thread; calls into the
/// library from here are not logged.
pub type goaway_log_cb =
    Option<unsafe extern "C" fn(level: u32, target: *const c_char, message: *const c_char, user_data: *mut c_void)>;

/// Has `on_log` called with the log up to `level`, one of the numbers of
/// `goaway_log_level`. Once in a process; without it nothing is logged, and the
/// library never writes to standard output or error. GOAWAY_LOG_DEBUG
/// costs time for each request.
///
/// GOAWAY_ERR_STATE: it was set before. GOAWAY_ERR_INVALID: there is no such level.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_set_log(level: u32, on_log: goaway_log_cb, user_data: *mut c_void) -> goaway_status {
    guard(|| {
        let callback = on_log.ok_or(Error::Null("on_log"))?;
        let found = LEVELS.iter().find(|(number, _)| *number as u32 == level);
        let (_, level) = *found.ok_or_else(|| Error::invalid(format_args!("{level} is no log level")))?;
        static SET: OnceCell<()> = OnceCell::new();
        SET.set(()).map_err(|()| Error::State("the log was set before"))?;
        let host = HostLog { level, callback, user_data: UserData(user_data), spans: AtomicUsize::new(0) };
        subscriber::set_global_default(host).map_err(|_| Error::State("the log was set before"))
    })
}

/// Gives tracing's events to the host. Spans carry nothing that a line needs.
struct HostLog {
    level: LevelFilter,
    callback: unsafe extern "C" fn(u32, *const c_char, *const c_char, *mut c_void),
    user_data: UserData,
    spans: AtomicUsize,
}

impl Subscriber for HostLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        if TELLING.replace(true) {
            return;
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        let own = LevelFilter::from_level(*event.metadata().level());
        let level = LEVELS.iter().find(|(_, level)| *level == own).map_or(0, |(number, _)| *number as u32);
        let text = |text: String| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
        let (target, message) = (text(event.metadata().target().to_owned()), text(line.0));
        // SAFETY: the host gave the callback for these arguments.
        unsafe { (self.callback)(level, target.as_ptr(), message.as_ptr(), self.user_data.get()) }
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

/// An event's message and fields as one line.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
    }
}
