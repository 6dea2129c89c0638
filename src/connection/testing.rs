//! The host of a session under test: its handlers, and the events that it receives.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::Task;
use crate::callback::Flag;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::engine::Engine;
use crate::event::{Cause, EventKind, SessionEvent};
use crate::registration::Registration;
use crate::registry::SESSIONS;
use crate::request;
use crate::route::Routes;
use crate::session::SessionHandle;
use crate::shared::{Setup, Shared};
use crate::table::{SlotAllocator, lock};
use crate::transport::Transport;
use crate::worker::Worker;

impl Transport for DuplexStream {
    fn close_hard(&self) {}

    fn unacknowledged(&self) -> usize {
        0
    }
}

/// The host of one session.
pub struct Host {
    pub events: Arc<Mutex<Vec<SessionEvent>>>,
    pub began: Instant,
    pub session: Arc<SessionHandle>,
}

impl Host {
    /// Starts a session with these routes on this thread. Returns the socket of the peer
    /// and the host. `make` creates the engine, and `wrap` may wrap the socket of the
    /// session.
    pub fn serve<S: Transport, E: Engine + Unpin + 'static>(
        (config, routes): (Config, Routes),
        buffer: usize,
        wrap: impl FnOnce(DuplexStream) -> S,
        make: impl FnOnce(&Setup) -> E,
    ) -> (DuplexStream, Self) {
        let (host, worker, registration) = Self::new(config, routes);
        let (ours, theirs) = duplex(buffer);
        let engine = make(&worker.shared.setup);
        let task = Task::new(worker, registration, wrap(ours), engine, Instant::now().into());
        tokio::task::spawn_local(task);
        (theirs, host)
    }

    /// A host with these routes, and the parts of its session.
    fn new(config: Config, routes: Routes) -> (Self, Rc<Worker>, Registration) {
        let events = Arc::<Mutex<Vec<SessionEvent>>>::default();
        let told = events.clone();
        let on_session = Some(Box::new(move |event: &SessionEvent| lock(&told).push(event.clone())) as _);
        let shared = Arc::new(Shared::new(Setup { config, routes, on_session, ..Setup::default() }));
        let session = session(&shared);
        let registration = Registration::new(shared.clone(), session.clone(), Arc::default(), Flag::default());
        (Self { events, began: Instant::now(), session }, Worker::new(shared).unwrap(), registration)
    }

    pub fn seconds(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    pub fn event(&self, kind: EventKind) -> SessionEvent {
        let events = lock(&self.events);
        let found = events.iter().find(|event| event.kind == kind);
        found.unwrap_or_else(|| panic!("no {kind:?} among {:?}", *events)).clone()
    }

    /// Asserts that the session has ended, and that the host got one event with the
    /// cause.
    pub async fn closed(&self) -> Cause {
        sleep(Duration::from_secs(3)).await;
        let kinds: Vec<_> = lock(&self.events).iter().map(|event| event.kind).collect();
        assert_eq!(kinds.first(), Some(&EventKind::Opened));
        assert_eq!(kinds.last(), Some(&EventKind::Closed));
        assert_eq!(kinds.iter().filter(|kind| matches!(kind, EventKind::Opened | EventKind::Closed)).count(), 2);
        self.event(EventKind::Closed).cause
    }
}

fn session(shared: &Shared) -> Arc<SessionHandle> {
    let entered = Rc::new(RefCell::new(None));
    SlotAllocator::new(SESSIONS.here().unwrap()).insert(|id| {
        let session = Arc::new(SessionHandle::new(id, Endpoint::default(), Arc::default(), shared.muted()));
        *entered.borrow_mut() = Some(session.clone());
        Box::new(session)
    });
    entered.take().unwrap()
}

/// Runs a test on a current-thread runtime with paused time.
pub fn in_virtual_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

pub fn never_responds(_: u64) {}

pub fn responds(id: u64) {
    request::response(id, |response| response.respond(200, b"ok")).unwrap();
}

/// Responds with 4 MiB.
pub fn responds_much(id: u64) {
    request::response(id, |response| response.respond(200, &vec![b'x'; 4 << 20])).unwrap();
}
