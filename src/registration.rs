//! A session's place on the registry, held by its task: however that ends, the
//! host is told and the registry knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::callback::Flag;
use crate::close::Parting;
use crate::event::{Cause, EventKind, SessionEvent};
use crate::registry::SESSIONS;
use crate::session::Remote;
use crate::shared::Shared;

/// A session's place on the roll; its end is the session's end.
pub struct Registration {
    shared: Arc<Shared>,
    remote: Arc<Remote>,
    /// How many sessions the worker has, to choose the least loaded.
    load: Arc<AtomicUsize>,
    opened: bool,
    pub cause: Cause,
    pub code: u32,
    pub parting: Parting,
}

impl Registration {
    pub fn new(shared: Arc<Shared>, remote: Arc<Remote>, load: Arc<AtomicUsize>, in_callback: Flag) -> Self {
        load.fetch_add(1, Relaxed);
        shared.registry.enter(remote.clone(), in_callback);
        Self { shared, remote, load, opened: false, cause: Cause::None, code: 0, parting: Parting::default() }
    }

    pub fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// Tells the host that the session is there, once; then its end will be told too.
    pub fn open(&mut self) -> bool {
        if std::mem::replace(&mut self.opened, true) {
            return false;
        }
        self.shared.tell(&SessionEvent::new(EventKind::Opened, self.remote.id, self.remote.peer().clone()));
        true
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.remote.let_go();
        if self.opened {
            let mut event = SessionEvent::new(EventKind::Closed, self.remote.id, self.remote.peer().clone());
            event.cause = self.cause;
            event.outcome = self.cause.outcome();
            event.code = self.code;
            self.shared.tell(&event);
        }
        self.shared.ring();
        if let Ok(table) = SESSIONS.here() {
            drop(table.remove(self.remote.id));
        }
        self.load.fetch_sub(1, Relaxed);
        self.shared.registry.leave(self.remote.id, self.cause, self.parting);
    }
}
