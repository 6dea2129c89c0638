//! What all threads of one started server have in common.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::event::SessionEvent;
use crate::registry::{Progress, Registry};
use crate::route::Routes;

pub type OnSession = Box<dyn Fn(&SessionEvent) + Send + Sync>;
pub type OnProgress = Box<dyn Fn(Progress) + Send + Sync>;

/// What the host said before it started the server.
#[derive(Default)]
pub struct Setup {
    pub config: Config,
    pub routes: Routes,
    pub on_session: Option<OnSession>,
    pub on_progress: Option<OnProgress>,
    /// Run first on each thread of the library.
    pub on_thread: Option<fn()>,
}

/// That, and who is there since.
pub struct Shared {
    pub setup: Setup,
    pub registry: Registry,
    /// Set when the host has freed the server: its callbacks are gone.
    muted: Arc<AtomicBool>,
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the caller runs on a thread of the library, inside one of its callbacks.
pub fn is_our_thread() -> bool {
    IS_OURS.get()
}

impl Shared {
    pub fn new(setup: Setup) -> Self {
        Self { setup, registry: Registry::default(), muted: Arc::default() }
    }

    /// Gives the host a session event.
    pub fn tell(&self, event: &SessionEvent) {
        tracing::debug!(session = event.session, kind = event.kind.name(), cause = event.cause.name(), "session");
        if let Some(on_session) = &self.setup.on_session
            && !self.is_muted()
        {
            on_session(event);
        }
    }

    /// No callback of the host begins from now on.
    pub fn mute(&self) {
        self.muted.store(true, Relaxed);
    }

    pub fn is_muted(&self) -> bool {
        self.muted.load(Relaxed)
    }

    /// The switch that [`Self::mute`] turns, for those who hold no more of the server.
    pub fn muted(&self) -> Arc<AtomicBool> {
        self.muted.clone()
    }

    /// Starts a thread of the library. A panic in it ends it alone.
    pub fn spawn(&self, name: String, body: impl FnOnce(LocalRuntime) + Send + 'static) -> Result<JoinHandle<()>> {
        let on_thread = self.setup.on_thread;
        let runtime = || Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let run = move || {
            IS_OURS.set(true);
            if let Some(on_thread) = on_thread {
                on_thread();
            }
            match runtime().map(|runtime| catch_unwind(AssertUnwindSafe(|| body(runtime)))) {
                Ok(Ok(())) => {}
                Ok(Err(_)) => tracing::error!("a thread of the library panicked"),
                Err(error) => tracing::error!(%error, "a thread of the library has no runtime"),
            }
        };
        std::thread::Builder::new().name(name).spawn(run).map_err(|error| Error::io("cannot start a thread", error))
    }
}
