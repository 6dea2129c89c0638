//! The control thread: accepts connections, and sees a close through.
//!
//! It runs no handler, so that a callback of the host that never returns can
//! hold up its own session but not the close.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::close::CUT;
use crate::error::Result;
use crate::listener::{BACK_OFF, Listener, is_of_one_connection};
use crate::registry::SESSIONS;
use crate::session::Remote;
use crate::shared::Shared;
use crate::table::Lot;
use crate::worker::WorkerHandle;

/// How often the host is told how far the close has come.
const PROGRESS: Duration = Duration::from_millis(100);
/// After the sockets' cut: how long their threads have to count them.
const COUNT: Duration = Duration::from_millis(100);

/// The server's side of the control thread.
pub struct Control {
    thread: JoinHandle<()>,
    workers: Vec<JoinHandle<()>>,
    dismissed: Arc<AtomicBool>,
}

/// What the tasks of the control thread share.
struct Desk {
    shared: Arc<Shared>,
    workers: Vec<WorkerHandle>,
    sessions: RefCell<Lot<Arc<Remote>>>,
    /// Told when the listeners have to close.
    closing: Notify,
}

impl Control {
    /// Starts the workers and the control thread.
    pub fn start(shared: &Arc<Shared>, listeners: Vec<TcpListener>) -> Result<Self> {
        let started: Result<Vec<_>> =
            (0..shared.setup.config.workers).map(|number| WorkerHandle::start(number, shared)).collect();
        let (workers, threads): (Vec<_>, Vec<_>) = started?.into_iter().unzip();
        let sessions = RefCell::new(Lot::new(SESSIONS.here()?));
        let dismissed = Arc::new(AtomicBool::new(false));
        let (of_thread, until) = (shared.clone(), dismissed.clone());
        let thread = shared.spawn("goaway-control".into(), move |runtime| {
            let desk = Desk { shared: of_thread, workers, sessions, closing: Notify::new() };
            runtime.block_on(run(Rc::new(desk), listeners, until));
        })?;
        Ok(Self { thread, workers: threads, dismissed })
    }

    /// Lets all threads end: the close is complete. Waits for them no longer
    /// than `patience`; one that a callback of the host holds is left behind.
    pub fn dismiss(self, shared: &Shared, patience: Duration) {
        self.dismissed.store(true, Relaxed);
        shared.registry.changed.notify_one();
        let until = Instant::now() + patience;
        for thread in std::iter::once(self.thread).chain(self.workers) {
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

async fn run(desk: Rc<Desk>, listeners: Vec<TcpListener>, dismissed: Arc<AtomicBool>) {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn_local(accept(desk.clone(), listener));
    }
    let registry = &desk.shared.registry;
    while registry.deadline().is_none() {
        registry.changed.notified().await;
    }
    desk.closing.notify_waiters();
    while accepting.join_next().await.is_some() {}
    see_through(&desk).await;
    registry.finish();
    // Whoever closes again later gets the same report.
    loop {
        answer_waiters(&desk.shared);
        registry.release();
        if dismissed.load(Relaxed) {
            return;
        }
        registry.changed.notified().await;
    }
}

/// Accepts until the server closes, and then what the kernel has accepted already.
async fn accept(desk: Rc<Desk>, listener: TcpListener) {
    let listener = match Listener::new(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a listener cannot be watched"),
    };
    let closing = desk.closing.notified();
    tokio::pin!(closing);
    closing.as_mut().enable();
    // A level, looked at once the signal cannot be missed any more.
    while desk.shared.registry.deadline().is_none() {
        let accepted = tokio::select! {
            biased;
            () = &mut closing => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => desk.give(stream, peer),
            Err(error) if is_of_one_connection(&error) => tracing::debug!(%error, "a connection ended unaccepted"),
            Err(error) => {
                tracing::warn!(%error, "accept rests");
                if timeout(BACK_OFF, &mut closing).await.is_ok() {
                    break;
                }
            }
        }
    }
    while let Some((stream, peer)) = listener.accept_waiting() {
        desk.give(stream, peer);
    }
}

impl Desk {
    /// Makes a connection a session, on the least loaded worker.
    fn give(&self, stream: TcpStream, peer: SocketAddr) {
        if self.shared.registry.len() >= self.shared.setup.config.max_sessions {
            return tracing::warn!(%peer, "refused: the limit of sessions is reached");
        }
        let mut remote = None;
        self.sessions.borrow_mut().insert(|id, _| {
            let entered = Arc::new(Remote::new(id, peer, self.shared.muted()));
            remote = Some(entered.clone());
            Box::new(entered)
        });
        let worker = self.workers.iter().min_by_key(|worker| worker.load());
        match (remote, worker) {
            (Some(remote), Some(worker)) => worker.give(stream, &self.shared, remote),
            _ => tracing::warn!(%peer, "refused: there are no ids left"),
        }
    }
}

/// Waits until every session has ended, tells the host how it goes, and cuts
/// what the host's own callbacks hold past the deadline.
async fn see_through(desk: &Desk) {
    let registry = &desk.shared.registry;
    while let Some(deadline) = registry.deadline().filter(|_| registry.len() > 0) {
        if let Some(on_progress) = desk.shared.setup.on_progress.as_ref().filter(|_| !desk.shared.is_muted()) {
            on_progress(registry.progress());
        }
        let last = deadline + CUT + COUNT;
        let left = last.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return registry.cut_the_stuck();
        }
        // Woken earlier when the last session has ended or the deadline was shortened.
        let _ = timeout(left.min(PROGRESS), registry.changed.notified()).await;
    }
}

fn answer_waiters(shared: &Shared) {
    let Some(report) = shared.registry.report() else { return };
    for on_close in shared.registry.take_waiters() {
        if !shared.is_muted() {
            on_close(&report);
        }
    }
}
