//! The state that all threads of a started server share.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, Semaphore};

use crate::callback;
use crate::check::Check;
use crate::close::Report;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::event::{EventKind, SessionEvent};
use crate::forwarded::Rules;
use crate::health::Health;
use crate::memory;
use crate::queue::{Queue, WaitToken};
use crate::record::{GOAWAY_WATCH_PROGRESS, GOAWAY_WATCH_SESSIONS};
use crate::registry::{Progress, Registry};
use crate::route::Routes;
use crate::setting::Setting;
use crate::system::System;
use crate::table::fork;
use crate::throttle::Throttle;

pub type OnSession = Box<dyn Fn(&SessionEvent) + Send + Sync>;
pub type OnProgress = Box<dyn Fn(Progress) + Send + Sync>;

/// What the host has set before the start.
#[derive(Default)]
pub struct Setup {
    pub config: Config,
    /// Which the first SETTINGS frame of each session has beside those of the library.
    pub settings: Vec<Setting>,
    pub routes: Routes,
    pub on_session: Option<OnSession>,
    pub on_progress: Option<OnProgress>,
    pub queues: Vec<Arc<Queue>>,
    pub health: Health,
    /// Which proxies are trusted with the fields that name the client.
    pub forwarded: Option<Rules>,
    /// How long the host may make no progress until it counts as stalled; `None` if
    /// nobody asks.
    pub stall: Option<Duration>,
    pub system: System,
}

/// The shared state of a started server.
pub struct Shared {
    pub setup: Setup,
    pub registry: Registry,
    /// One permit for each TLS handshake that may be in progress.
    pub handshakes: Semaphore,
    pub refusals: Refusals,
    pub shortage: Shortage,
    /// The most memory that was held since unused memory was last returned.
    peak: AtomicUsize,
    /// Signalled when much of it is not held any more.
    pub memory_fell: Notify,
    /// Set when the host has freed the server. No callback begins after that.
    muted: Arc<AtomicBool>,
}

/// Whether the memory limit has been reached, as the sessions tell the control thread.
#[derive(Default)]
pub struct Shortage {
    is_told: AtomicBool,
    told: Notify,
}

impl Shortage {
    /// The limit is reached.
    pub fn tell(&self) {
        if !self.is_told.load(SeqCst) && !self.is_told.swap(true, SeqCst) {
            self.told.notify_one();
        }
    }

    /// From now on the next call of `tell` ends [`Self::told`].
    pub fn rearm(&self) {
        self.is_told.store(false, SeqCst);
    }

    /// Waits until it is reached.
    pub async fn told(&self) {
        self.told.notified().await;
    }
}

/// What the server has refused: counted and logged.
pub struct Refusals {
    /// Connections that a limit refused.
    pub sessions: Refusal,
    /// TLS handshakes that failed.
    pub handshakes: Refusal,
    /// Connections without a PROXY header that is valid and from a trusted proxy.
    pub proxies: Refusal,
    /// Pauses of accepting for lack of descriptors or memory: logged, not counted.
    pub pauses: Throttle,
    /// Times at which the memory limit was reached: logged, not counted.
    pub shortages: Throttle,
}

/// The number of refusals of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub sessions: u64,
    pub handshakes: u64,
    pub proxies: u64,
}

/// Refusals of one kind.
pub struct Refusal {
    count: AtomicU64,
    throttle: Throttle,
}

impl Refusal {
    fn new(what: &'static str, is_warning: bool) -> Self {
        Self { count: AtomicU64::new(0), throttle: Throttle::new(what, is_warning) }
    }

    /// Counts one. `line` logs it, unless there were many in a short time.
    pub fn add(&self, line: impl FnOnce()) {
        self.count.fetch_add(1, Relaxed);
        self.throttle.tell(line);
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            sessions: Refusal::new("connections that a limit refused", true),
            handshakes: Refusal::new("TLS handshakes that failed", false),
            proxies: Refusal::new("connections without a PROXY header that counts", true),
            pauses: Throttle::new("pauses of accepting", true),
            shortages: Throttle::new("shortages of memory", true),
        }
    }
}

impl Refusals {
    pub fn counts(&self) -> Counts {
        let count = |refusal: &Refusal| refusal.count.load(Relaxed);
        Counts { sessions: count(&self.sessions), handshakes: count(&self.handshakes), proxies: count(&self.proxies) }
    }

    /// Logs how many lines were left out. Called at the end.
    pub fn flush(&self) {
        [&self.sessions, &self.handshakes, &self.proxies].iter().for_each(|refusal| refusal.throttle.flush());
        self.pauses.flush();
        self.shortages.flush();
    }
}

thread_local! {
    /// The fork of the process in which this became a thread of the library. In a
    /// child process that such a thread has forked, it is the host's only thread.
    static OURS: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Whether the caller runs on a thread of the library, that is, in a callback.
pub fn is_our_thread() -> bool {
    OURS.get() == Some(fork())
}

impl Setup {
    /// Whether clients are offered the extended CONNECT of RFC 8441.
    pub fn offers_connect(&self) -> bool {
        self.config.connect_protocol && self.routes.has_connect()
    }
}

impl Shared {
    pub fn new(setup: Setup) -> Self {
        let handshakes = Semaphore::new(setup.config.tls_handshakes);
        Self {
            setup,
            registry: Registry::default(),
            handshakes,
            refusals: Refusals::default(),
            shortage: Shortage::default(),
            peak: AtomicUsize::new(0),
            memory_fell: Notify::new(),
            muted: Arc::default(),
        }
    }

    /// Notes how much memory is held. When it has become much less, the control thread
    /// returns what is unused to the system.
    pub fn see_memory(&self, held: usize) {
        let peak = self.peak.load(Relaxed);
        if held > peak {
            self.peak.store(held, Relaxed);
        } else if memory::has_fallen(peak, held) {
            self.peak.store(held, Relaxed);
            self.memory_fell.notify_one();
        }
    }

    /// Whether `more` sessions from that address would exceed the limit.
    pub fn is_crowded(&self, peer: &Endpoint, more: usize) -> bool {
        let most = self.setup.config.max_sessions_per_address;
        most > 0 && peer.ip().is_some_and(|ip| self.registry.len_from(ip) + more > most)
    }

    /// Whether the server should get requests: it is not told to close, and not held back.
    pub fn is_ready(&self) -> bool {
        self.registry.begins().is_none() && !self.setup.health.is_held_back()
    }

    /// Whether a health check finds the server well.
    pub fn is_well(&self, check: Check) -> bool {
        match check {
            Check::Ready => self.is_ready(),
            Check::Live => !self.setup.health.is_stalled(),
        }
    }

    /// Delivers a session event to the host.
    pub fn tell(&self, event: &SessionEvent) {
        tracing::debug!(session = event.session, kind = event.kind.name(), cause = event.cause.name(), "session");
        if let Some(on_session) = &self.setup.on_session
            && !self.is_muted()
        {
            callback::run(|| on_session(event));
        }
        for queue in self.watching(GOAWAY_WATCH_SESSIONS) {
            let is_end = matches!(event.kind, EventKind::Opened | EventKind::Closed);
            let batch = if is_end { queue.push_forced() } else { queue.try_offer() };
            if let Some(mut batch) = batch {
                batch.session_event(event);
            }
        }
    }

    /// Delivers the progress of a close to the host.
    pub fn tell_progress(&self, progress: Progress) {
        if let Some(on_progress) = &self.setup.on_progress
            && !self.is_muted()
        {
            callback::run(|| on_progress(progress));
        }
        for queue in self.watching(GOAWAY_WATCH_PROGRESS) {
            if let Some(mut batch) = queue.try_offer() {
                batch.progress(progress.sessions, progress.streams, progress.left_ms);
            }
        }
        self.notify();
    }

    /// Writes the last record of each queue.
    pub fn close_queues(&self, report: &Report) {
        self.setup.queues.iter().for_each(|queue| queue.close(|batch| batch.closed(report)));
        self.notify();
    }

    /// Wakes the hosts of the queues that have new records.
    pub fn notify(&self) {
        self.setup.queues.iter().for_each(|queue| queue.notify(!self.is_muted()));
    }

    /// Waits while a queue that receives session events has no room.
    pub async fn room_for_sessions(&self) {
        for queue in self.watching(GOAWAY_WATCH_SESSIONS) {
            let mut wait_token = WaitToken::default();
            poll_fn(|cx| queue.poll_room(&mut wait_token, cx)).await;
        }
    }

    fn watching(&self, what: u32) -> impl Iterator<Item = &Arc<Queue>> {
        self.setup.queues.iter().filter(move |queue| queue.watches(what))
    }

    /// No callback of the host begins after this call.
    pub fn mute(&self) {
        self.muted.store(true, Relaxed);
    }

    pub fn is_muted(&self) -> bool {
        self.muted.load(Relaxed)
    }

    /// The flag that [`Self::mute`] sets, for owners that hold nothing else of the server.
    pub fn muted(&self) -> Arc<AtomicBool> {
        self.muted.clone()
    }

    /// Starts a thread of the library with its own runtime. `make` runs on it and
    /// returns the future that the thread then runs to its end. An error of `make`
    /// is returned here.
    pub fn spawn<F: Future>(
        &self,
        name: String,
        make: impl FnOnce() -> Result<F> + Send + 'static,
    ) -> Result<JoinHandle<()>> {
        let (tell, told) = channel();
        let body = move || {
            let built = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let runtime = built.map_err(|error| Error::io("cannot start a runtime", error));
            let made = runtime.and_then(|runtime| runtime.block_on(async { make() }).map(|made| (runtime, made)));
            match made {
                Ok((runtime, made)) => {
                    let _ = tell.send(Ok(()));
                    runtime.block_on(made);
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        };
        let thread = self.spawn_plain(name, body)?;
        told.recv().unwrap_or(Err(Error::State("a thread of the library panicked")))?;
        Ok(thread)
    }

    /// Starts a thread of the library. A panic ends only that thread.
    pub fn spawn_plain(&self, name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
        let run = move || {
            OURS.set(Some(fork()));
            if catch_unwind(AssertUnwindSafe(body)).is_err() {
                tracing::error!("a thread of the library panicked");
            }
        };
        let (mut run, mut started) = (Some(run), None);
        (self.setup.system.quietly)(&mut || {
            started = run.take().map(|run| std::thread::Builder::new().name(name.clone()).spawn(run));
        });
        let started = started.ok_or(Error::State("no thread was started"))?;
        started.map_err(|error| Error::io("cannot start a thread", error))
    }
}
