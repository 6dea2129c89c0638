//! A session's entry in the registry, owned by its task. However the task ends,
//! dropping the entry removes the session and reports its end to the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::callback::Flag;
use crate::close::SessionReport;
use crate::event::{Cause, EventKind, SessionEvent};
use crate::memory::{self, Part};
use crate::registry::SESSIONS;
use crate::session::SessionHandle;
use crate::shared::Shared;

/// The memory of each connection in addition to its task, as measured: its socket in the
/// runtime, its future, its timer, and its entry in the registry.
const CONNECTION: usize = 2048;
/// The memory that each connection takes in any case.
const FIXED: usize = size_of::<SessionHandle>() + CONNECTION;

/// A session's entry in the registry. The session ends when it is dropped.
pub struct Registration {
    shared: Arc<Shared>,
    session: Arc<SessionHandle>,
    /// The number of sessions of the worker. A new connection goes to the worker with the
    /// fewest.
    load: Arc<AtomicUsize>,
    opened: bool,
    cause: Cause,
    code: u32,
    session_report: SessionReport,
}

impl Registration {
    pub fn new(shared: Arc<Shared>, session: Arc<SessionHandle>, load: Arc<AtomicUsize>, in_callback: Flag) -> Self {
        load.fetch_add(1, Relaxed);
        shared.registry.enter(session.clone(), in_callback);
        session.memory.add(Part::Sessions, FIXED);
        session.memory.publish();
        Self {
            shared,
            session,
            load,
            opened: false,
            cause: Cause::None,
            code: 0,
            session_report: SessionReport::default(),
        }
    }

    /// Sets the cause of the session's end, unless it has one.
    pub fn set_cause(&mut self, cause: Cause, code: u32) {
        if self.cause == Cause::None {
            (self.cause, self.code) = (cause, code);
        }
    }

    /// Replaces the cause of the session's end.
    pub fn correct_cause(&mut self, cause: Cause) {
        self.cause = cause;
    }

    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Adds the session to the report of a close.
    pub fn set_report(&mut self, report: SessionReport) {
        self.session_report = report;
    }

    pub fn session(&self) -> &Arc<SessionHandle> {
        &self.session
    }

    /// Reports "opened" to the host, once. "Closed" follows when `self` is dropped.
    pub fn open(&mut self) -> bool {
        if std::mem::replace(&mut self.opened, true) {
            return false;
        }
        self.shared.tell(&SessionEvent::new(EventKind::Opened, self.session.id, self.session.peer().clone()));
        true
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.session.let_go();
        if self.opened {
            let mut event = SessionEvent::new(EventKind::Closed, self.session.id, self.session.peer().clone());
            event.cause = self.cause;
            event.outcome = self.cause.outcome();
            event.code = self.code;
            self.shared.tell(&event);
        }
        self.shared.notify();
        if let Ok(table) = SESSIONS.here() {
            drop(table.remove(self.session.id));
        }
        self.load.fetch_sub(1, Relaxed);
        self.shared.registry.leave(self.session.id, self.cause, self.session_report);
        self.session.memory.remove(Part::Sessions, FIXED);
        self.session.memory.publish();
        self.shared.see_memory(memory::held());
    }
}
