//! The control thread: accepts connections and carries out a close.
//!
//! It runs no callback of the host. A callback that never returns can therefore
//! block its own session, but not the close.

use std::cell::RefCell;
use std::io;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout, timeout_at};

use crate::callback;
use crate::close::CUT;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::event::{EventKind, SessionEvent};
use crate::health::StallWatch;
use crate::listener::{BACK_OFF, ListenSocket, Listener, is_of_one_connection};
use crate::memory;
use crate::registry::{Progress, SESSIONS};
use crate::relief::{self, Relief};
use crate::request;
use crate::session::{Order, SessionHandle};
use crate::shared::Shared;
use crate::table::SlotAllocator;
use crate::worker_thread::WorkerHandle;

/// How many sessions the listeners for health checks may have at a time, beside the
/// limits of the host.
const HEALTH_SESSIONS: usize = 64;

/// How often the memory in use is compared with the limit while the limit is reached.
const RELIEF: Duration = Duration::from_millis(5);

/// How often the progress of a close is reported to the host.
const PROGRESS: Duration = Duration::from_millis(100);
/// How long the threads of the sessions have for counting, after the sockets were closed.
const COUNT: Duration = Duration::from_millis(100);

/// How long after memory has become free it is returned to the system, and how long
/// it is not looked at again.
const TRIM_DELAY: Duration = Duration::from_millis(200);
const TRIM_PAUSE: Duration = Duration::from_secs(2);

/// The server's side of the control thread.
pub struct Control {
    threads: Vec<JoinHandle<()>>,
    /// Set when the close is complete and the threads may end.
    dismissed: Arc<AtomicBool>,
}

/// What the tasks of the control thread share.
struct ControlContext {
    shared: Arc<Shared>,
    workers: Vec<WorkerHandle>,
    /// The worker of the listeners for health checks, which runs no handler. `None` if
    /// there is no such listener.
    health_worker: Option<WorkerHandle>,
    sessions: RefCell<SlotAllocator<Arc<SessionHandle>>>,
    notices: Sender<Notice>,
    /// Whether the host has not taken the last progress notice yet.
    progress_is_due: Arc<AtomicBool>,
    /// Signalled when the listeners have to close.
    closing: Notify,
}

/// A notice for the host. A thread of its own delivers notices, so that a slow
/// callback does not delay the close.
enum Notice {
    Progress(Progress),
    /// Descriptors or memory have run out. Connections wait in the kernel.
    AcceptPaused(String, Endpoint),
    Closed,
}

impl Control {
    /// Starts the workers, the control thread and the thread that delivers notices.
    pub fn start(shared: &Arc<Shared>, listen_sockets: Vec<Arc<ListenSocket>>) -> Result<Self> {
        let mut threads = Vec::new();
        let started = Self::start_all(shared, listen_sockets, &mut threads);
        match started {
            Ok(dismissed) => Ok(Self { threads, dismissed }),
            Err(error) => {
                // The threads that were started end, since their channels are closed.
                threads.into_iter().for_each(|thread| drop(thread.join()));
                Err(error)
            }
        }
    }

    fn start_all(
        shared: &Arc<Shared>,
        listen_sockets: Vec<Arc<ListenSocket>>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<Arc<AtomicBool>> {
        let mut workers = Vec::new();
        for number in 0..shared.setup.config.workers {
            let (worker, thread) = WorkerHandle::start(number, shared)?;
            workers.push(worker);
            threads.push(thread);
        }
        let mut health_worker = None;
        if listen_sockets.iter().any(|listen_socket| listen_socket.is_for_health) {
            let (worker, thread) = WorkerHandle::start(workers.len(), shared)?;
            health_worker = Some(worker);
            threads.push(thread);
        }
        let (notices, told) = channel();
        let progress_is_due = Arc::new(AtomicBool::new(false));
        let (of_thread, is_due) = (shared.clone(), progress_is_due.clone());
        threads.push(shared.spawn_plain("goaway-notify".into(), move || notify(&of_thread, told, &is_due))?);
        let sessions = SlotAllocator::new(SESSIONS.here()?);
        let dismissed = Arc::new(AtomicBool::new(false));
        let (of_thread, until) = (shared.clone(), dismissed.clone());
        let make = move || {
            let system = &of_thread.setup.system;
            let watched: io::Result<Vec<_>> =
                listen_sockets.into_iter().map(|listen_socket| Listener::new(listen_socket, system)).collect();
            let listeners = watched.map_err(|error| Error::io("cannot watch a listening socket", error))?;
            let (sessions, closing) = (RefCell::new(sessions), Notify::new());
            let shared = of_thread;
            let context =
                ControlContext { shared, workers, health_worker, sessions, notices, progress_is_due, closing };
            Ok(run(Rc::new(context), listeners, until))
        };
        threads.push(shared.spawn("goaway-control".into(), make)?);
        Ok(dismissed)
    }

    /// Ends all threads after the close is complete, and waits for them, at most for
    /// `timeout`. A thread that a callback of the host blocks is left behind.
    pub fn dismiss(self, shared: &Shared, timeout: Duration) {
        self.dismissed.store(true, Relaxed);
        shared.registry.changed.notify_one();
        let until = Instant::now() + timeout;
        for thread in self.threads {
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_micros(200));
            }
            match thread.is_finished() {
                true => drop(thread.join()),
                false => tracing::warn!("a thread is left behind: a callback of the host does not return"),
            }
        }
    }
}

/// Sees to it that no more memory is held than the limit allows.
async fn relieve(context: Rc<ControlContext>) {
    let (shared, limit) = (&context.shared, context.shared.setup.config.memory_bytes);
    loop {
        // A session that has begun to wait before the first is resumed by the second, and
        // one that begins later is noticed.
        shared.shortage.rearm();
        shared.registry.resume();
        shared.shortage.told().await;
        let mut relief = Relief::new(Instant::now());
        loop {
            let (began, held) = (Instant::now(), memory::held());
            if relief::is_enough(held, limit) {
                break;
            }
            let chosen = relief.step(began, (held, limit), memory::sessions(), || shared.registry.sizes());
            if !chosen.is_empty() {
                let closed = chosen.len();
                shared.refusals.shortages.tell(|| {
                    tracing::warn!(held, limit, closed, "the memory limit is reached: the largest sessions are closed");
                });
            }
            chosen.iter().filter_map(|id| shared.registry.find(*id)).for_each(|session| session.order(Order::Relieve));
            sleep(RELIEF.max(10 * began.elapsed())).await;
        }
    }
}

async fn run(context: Rc<ControlContext>, listeners: Vec<Listener>, dismissed: Arc<AtomicBool>) {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn_local(accept(context.clone(), listener));
    }
    if let Some(stall) = context.shared.setup.stall {
        tokio::task::spawn_local(watch_host(context.clone(), StallWatch::new(stall)));
    }
    tokio::task::spawn_local(relieve(context.clone()));
    tokio::task::spawn_local(return_memory(context.clone()));
    let registry = &context.shared.registry;
    while registry.deadline().is_none() {
        match registry.begins() {
            Some(begins) => drop(timeout_at(begins.into(), registry.changed.notified()).await),
            None => registry.changed.notified().await,
        }
        registry.begin_if_due();
    }
    context.closing.notify_waiters();
    while accepting.join_next().await.is_some() {}
    complete_close(&context).await;
    registry.finish();
    // A later call of close gets the same report.
    loop {
        // It fails only if the receiving thread has ended.
        let _ = context.notices.send(Notice::Closed);
        if dismissed.load(Relaxed) {
            return;
        }
        registry.changed.notified().await;
    }
}

/// Looks again and again whether the host makes progress.
async fn watch_host(context: Rc<ControlContext>, mut watch: StallWatch) {
    loop {
        sleep(watch.interval()).await;
        let workers = context.workers.iter().map(WorkerHandle::inside);
        let queues = context.shared.setup.queues.iter().map(|queue| queue.waiting_since_take());
        let is_stalled = watch.look(Instant::now(), workers.chain(queues));
        if context.shared.setup.health.set_stalled(is_stalled) {
            match is_stalled {
                true => tracing::warn!("the host is stalled: a callback does not return, or no event is taken"),
                false => tracing::info!("the host makes progress again"),
            }
        }
    }
}

/// Returns unused memory to the system when much of it is not held any more. A moment
/// later, so that sessions that end together are all included, and not too often. It
/// runs here, where no session waits for it.
async fn return_memory(context: Rc<ControlContext>) {
    let shared = &context.shared;
    loop {
        shared.memory_fell.notified().await;
        sleep(TRIM_DELAY).await;
        if shared.registry.begins().is_none() {
            request::trim();
            (shared.setup.system.trim)();
        }
        sleep(TRIM_PAUSE).await;
    }
}

/// Accepts until the server closes, then the connections that wait in the kernel.
async fn accept(context: Rc<ControlContext>, listener: Listener) {
    let closing = context.closing.notified();
    tokio::pin!(closing);
    closing.as_mut().enable();
    // The state is read only after the signal can no longer be missed.
    while context.shared.registry.deadline().is_none() {
        let accepting = async {
            if !listener.listen_socket().is_for_health {
                context.shared.room_for_sessions().await;
            }
            listener.accept().await
        };
        let accepted = tokio::select! {
            biased;
            () = &mut closing => break,
            accepted = accepting => accepted,
        };
        match accepted {
            Ok((stream, peer)) => context.give(stream, peer, listener.listen_socket()),
            Err(error) if is_of_one_connection(&error) => tracing::debug!(%error, "a connection ended unaccepted"),
            Err(error) => {
                context.shared.refusals.pauses.tell(|| tracing::warn!(%error, "accepting pauses"));
                let _ =
                    context.notices.send(Notice::AcceptPaused(error.to_string(), listener.listen_socket().at.clone()));
                if timeout(BACK_OFF, &mut closing).await.is_ok() {
                    break;
                }
            }
        }
    }
    let listen_socket = listener.listen_socket().clone();
    for (stream, peer) in listener.leave() {
        context.give(stream, peer, &listen_socket);
    }
}

impl ControlContext {
    /// Enters a connection as a session of the least loaded worker.
    fn give(&self, stream: TcpStream, peer: Endpoint, listen_socket: &Arc<ListenSocket>) {
        let health_worker = self.health_worker.as_ref().filter(|_| listen_socket.is_for_health);
        let has_room = match health_worker {
            Some(worker) => worker.load() < HEALTH_SESSIONS,
            None => self.shared.registry.make_room(self.shared.setup.config.max_sessions),
        };
        if !has_room {
            return self.refuse(|| tracing::warn!(%peer, "refused: the limit of sessions is reached"));
        }
        // Behind a proxy the client is counted once the proxy has named it.
        let is_counted = health_worker.is_none() && listen_socket.proxy.is_none();
        if is_counted && self.shared.is_crowded(&peer, 1) {
            return self.refuse(|| tracing::warn!(%peer, "refused: the limit of sessions from one address is reached"));
        }
        let mut session = None;
        self.sessions.borrow_mut().insert(|id| {
            let handle = SessionHandle::new(id, peer.clone(), listen_socket.clone(), self.shared.muted());
            let entered = Arc::new(handle.offering_connect(self.shared.setup.offers_connect()));
            session = Some(entered.clone());
            Box::new(entered)
        });
        let worker = health_worker.or_else(|| self.workers.iter().min_by_key(|worker| worker.load()));
        match (session, worker) {
            (Some(session), Some(worker)) => worker.give(stream, &self.shared, session),
            _ => self.refuse(|| tracing::warn!(%peer, "refused: there are no ids left")),
        }
    }

    fn refuse(&self, line: impl FnOnce()) {
        self.shared.refusals.sessions.add(line);
    }
}

/// Waits until every session has ended, reports progress, and closes the sockets of
/// the sessions whose threads have not ended them in time.
async fn complete_close(context: &ControlContext) {
    let registry = &context.shared.registry;
    while let Some(deadline) = registry.deadline().filter(|_| registry.len() > 0) {
        // A slow callback gets fewer progress reports.
        if !context.progress_is_due.swap(true, Relaxed) {
            let _ = context.notices.send(Notice::Progress(registry.progress()));
        }
        let last = deadline + CUT + COUNT;
        let left = last.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return registry.cut_the_rest();
        }
        // The end of the last session and a shorter deadline wake it earlier.
        let _ = timeout(left.min(PROGRESS), registry.changed.notified()).await;
    }
}

/// Delivers notices to the host until all senders have been dropped.
fn notify(shared: &Shared, notices: Receiver<Notice>, progress_is_due: &AtomicBool) {
    for notice in notices {
        match notice {
            Notice::Progress(progress) => {
                progress_is_due.store(false, Relaxed);
                shared.tell_progress(progress);
            }
            Notice::AcceptPaused(why, address) => {
                let mut event = SessionEvent::new(EventKind::Error, 0, address);
                event.text = format!("no connection is accepted for a moment: {why}").into_bytes();
                shared.tell(&event);
                shared.notify();
            }
            Notice::Closed => {
                shared.refusals.flush();
                tell_closers(shared);
                shared.registry.release();
            }
        }
    }
}

fn tell_closers(shared: &Shared) {
    let Some(report) = shared.registry.report() else { return };
    shared.close_queues(&report);
    for on_close in shared.registry.take_waiters() {
        if !shared.is_muted() {
            callback::run(|| on_close(&report));
        }
    }
}
