//! A server: its configuration, start and close.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::close::Report;
use crate::config::{Feature, Limit};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::forwarded::Rules;
use crate::health::{self, Health};
use crate::listener::{self, ListenSocket};
use crate::padding::Padding;
use crate::queue::Queue;
use crate::registry::OnClose;
use crate::route::{Handler, Target};
use crate::session::SessionInfo;
use crate::setting::{self, Setting};
use crate::shared::{Counts, OnProgress, OnSession, Setup, Shared, is_our_thread};
use crate::system::System;
use crate::table::{self, Locked};
use crate::tls::Tls;

/// How long the threads of a closed server may take to end. After that they are detached.
const PATIENCE: Duration = Duration::from_secs(1);

pub struct Server {
    state: Mutex<State>,
    /// The readiness flag, which the host clears before a close.
    health: Health,
    /// The fork of the process to which the server belongs.
    fork: AtomicUsize,
}

enum State {
    Setup(Box<Setup>, Vec<Arc<ListenSocket>>),
    Started(Started),
    /// The server was closed before it was started.
    NeverStarted,
}

struct Started {
    shared: Arc<Shared>,
    /// `None` after the close.
    control: Option<Control>,
    /// In order.
    listen_sockets: Vec<Arc<ListenSocket>>,
}

impl Default for Server {
    fn default() -> Self {
        let health = Health::default();
        let setup = Box::new(Setup { health: health.clone(), ..Setup::default() });
        Self { state: Mutex::new(State::Setup(setup, Vec::new())), health, fork: AtomicUsize::new(table::fork()) }
    }
}

impl Server {
    pub fn set_limit(&self, limit: &Limit, value: u64) -> Result<()> {
        self.set_up(|setup, _| setup.config.set(limit, value))
    }

    pub fn set_padding(&self, padding: Padding) -> Result<()> {
        self.set_up(|setup, _| {
            setup.config.padding = padding;
            Ok(())
        })
    }

    pub fn set_feature(&self, feature: Feature, is_enabled: bool) -> Result<()> {
        self.set_up(|setup, _| {
            setup.config.set_feature(feature, is_enabled);
            Ok(())
        })
    }

    /// Adds settings to the first SETTINGS frame of each session.
    pub fn set_settings(&self, settings: Vec<Setting>) -> Result<()> {
        setting::check_first(&settings)?;
        self.set_up(|setup, _| {
            setup.settings = settings;
            Ok(())
        })
    }

    pub fn register(&self, pattern: &str, handler: Handler) -> Result<()> {
        self.set_up(|setup, _| setup.routes.register(pattern, Target::Handler(handler)))
    }

    /// Creates an event queue of this server.
    pub fn add_queue(&self) -> Result<Arc<Queue>> {
        let queue = Arc::<Queue>::default();
        self.set_up(|setup, _| {
            setup.queues.push(queue.clone());
            Ok(())
        })?;
        Ok(queue)
    }

    /// Sends the requests of a route to an event queue of this server, with a tag.
    pub fn register_queue(&self, pattern: &str, queue: &Arc<Queue>, tag: u32) -> Result<()> {
        self.set_up(|setup, _| match setup.queues.iter().any(|own| Arc::ptr_eq(own, queue)) {
            true => setup.routes.register(pattern, Target::Queue(queue.clone(), tag)),
            false => Err(Error::invalid("the queue is another server's")),
        })
    }

    pub fn set_on_session(&self, on_session: OnSession) -> Result<()> {
        self.set_up(|setup, _| {
            setup.on_session = Some(on_session);
            Ok(())
        })
    }

    pub fn set_on_progress(&self, on_progress: OnProgress) -> Result<()> {
        self.set_up(|setup, _| {
            setup.on_progress = Some(on_progress);
            Ok(())
        })
    }

    /// The operating system functions of a layer above.
    pub fn set_system(&self, system: System) -> Result<()> {
        self.set_up(|setup, _| {
            setup.system = system;
            Ok(())
        })
    }

    /// Binds an address at once. Connections are accepted after the start. `tls`: the
    /// settings for TLS, if it is used.
    pub fn listen(&self, address: &str, tls: Option<Arc<Tls>>) -> Result<()> {
        let system = self.set_up(|setup, _| Ok(setup.system))?;
        // The settings apply from the first listener on.
        tls.as_deref().map_or(Ok(()), Tls::make_live)?;
        // Not locked, because this may wait for name resolution or another process, and
        // may write to the log. Other calls to the server proceed meanwhile.
        let opened = listener::open(address, tls, &system)?;
        self.set_up(|_, listen_sockets| {
            listen_sockets.extend(opened);
            Ok(())
        })
    }

    /// The port of the listener with this index, in the order of `listen`; 0 if it has
    /// none.
    pub fn port(&self, number: usize) -> Result<u16> {
        Ok(self.listen_socket(number)?.at.port().unwrap_or(0))
    }

    /// The address of the listener with this index.
    pub fn address(&self, number: usize) -> Result<String> {
        Ok(self.listen_socket(number)?.at.to_string())
    }

    /// A duplicate of a listening socket, for a successor.
    pub fn hand_over(&self, number: usize) -> Result<OwnedFd> {
        let copy = self.listen_socket(number)?.hand_over().ok_or(Error::State("the server closes"))?;
        copy.map_err(|error| Error::io("cannot duplicate a listening socket", error))
    }

    /// Declares whether another process uses the listening socket, too.
    pub fn set_shared(&self, number: usize, is_shared: bool) -> Result<()> {
        match self.listen_socket(number)?.set_shared(is_shared) {
            true => Ok(()),
            false => Err(Error::State("the server closes")),
        }
    }

    fn listen_socket(&self, number: usize) -> Result<Arc<ListenSocket>> {
        let state = self.lock()?;
        let listen_sockets = match &*state {
            State::Setup(_, listen_sockets) | State::Started(Started { listen_sockets, .. }) => {
                listen_sockets.as_slice()
            }
            State::NeverStarted => &[],
        };
        listen_sockets.get(number).cloned().ok_or_else(|| Error::NotFound(format!("listener {number}")))
    }

    pub fn start(&self) -> Result<()> {
        let mut state = self.lock()?;
        let State::Setup(setup, listen_sockets) = &mut *state else {
            return Err(Error::State("the server was started or closed already"));
        };
        if listen_sockets.is_empty() {
            return Err(Error::State("the server listens nowhere"));
        }
        let listen_sockets = listen_sockets.clone();
        listen_sockets.iter().filter_map(|listen_socket| listen_socket.tls.as_ref()).for_each(|tls| tls.serve());
        let shared = Arc::new(Shared::new(std::mem::take(&mut **setup)));
        let control = match Control::start(&shared, listen_sockets.clone()) {
            Ok(control) => Some(control),
            Err(error) => {
                // The failed start has no effect.
                **setup = Arc::into_inner(shared).map(|shared| shared.setup).unwrap_or_default();
                return Err(error);
            }
        };
        for queue in &shared.setup.queues {
            let sessions = Arc::downgrade(&shared);
            queue.begin(move || sessions.upgrade().into_iter().for_each(|shared| shared.registry.check_shutdown()));
        }
        *state = State::Started(Started { shared, control, listen_sockets });
        Ok(())
    }

    /// Sets the proxies that are trusted with the fields that name the client, and these
    /// fields.
    pub fn set_forwarded(&self, rules: Rules) -> Result<()> {
        self.set_up(|setup, _| {
            setup.forwarded = Some(rules);
            Ok(())
        })
    }

    /// Sets the paths of health checks, and how long the host may make no progress until
    /// it counts as stalled.
    pub fn set_health_paths(&self, ready: Option<&str>, live: Option<&str>, stall: Duration) -> Result<()> {
        if live.is_some() && stall.is_zero() {
            return Err(Error::invalid("stall_ms is 0: a host that is busy would never be live"));
        }
        self.set_up(|setup, _| {
            health::register(&mut setup.routes, ready, live)?;
            setup.stall = live.map(|_| stall).or(setup.stall);
            Ok(())
        })
    }

    /// Sets the readiness flag.
    pub fn set_ready(&self, ready: bool) -> Result<()> {
        drop(self.lock()?);
        self.health.set_held_back(!ready);
        Ok(())
    }

    /// Whether the server is ready: it serves, it does not close, and the flag is set.
    pub fn is_ready(&self) -> Result<bool> {
        Ok(self.shared()?.is_some_and(|shared| shared.is_ready()))
    }

    /// Begins to close after `delay`, or shortens a close that was ordered before. Returns
    /// at once.
    pub fn close(&self, delay: Duration, drain: Duration, on_close: Option<OnClose>) -> Result<()> {
        let mut state = self.lock()?;
        if let State::Started(started) = &*state {
            started.shared.registry.close(delay, drain, on_close);
            return Ok(());
        }
        let before = std::mem::replace(&mut *state, State::NeverStarted);
        drop(state);
        // Not locked, because sessions that end here may write to the log of the host.
        let queues = match before {
            State::Setup(setup, _) => setup.queues,
            _ => Vec::new(),
        };
        queues.iter().for_each(|queue| queue.close_unstarted(true));
        // There is no thread to call the host from, and nothing to wait for.
        on_close.into_iter().for_each(|on_close| on_close(&Report::default()));
        Ok(())
    }

    /// Blocks until the close is complete. `None` waits indefinitely.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Report> {
        if is_our_thread() {
            return Err(Error::Deadlock("waiting for the close"));
        }
        match self.shared()? {
            Some(shared) => shared.registry.wait(timeout).ok_or(Error::Timeout),
            None => self.report()?.ok_or(Error::State("the server was never started")),
        }
    }

    /// The report, once the close is complete.
    pub fn report(&self) -> Result<Option<Report>> {
        Ok(match &*self.lock()? {
            State::Setup(..) => None,
            State::Started(started) => started.shared.registry.report(),
            State::NeverStarted => Some(Report::default()),
        })
    }

    /// What was refused since the start.
    pub fn counts(&self) -> Result<Counts> {
        Ok(self.shared()?.map(|shared| shared.refusals.counts()).unwrap_or_default())
    }

    /// The live sessions, oldest first.
    pub fn sessions(&self) -> Result<Vec<SessionInfo>> {
        Ok(self.shared()?.map(|shared| shared.registry.list()).unwrap_or_default())
    }

    /// Whether another process has created the server. It must then not be used, nor
    /// dropped.
    pub fn is_foreign(&self) -> bool {
        self.fork.load(Relaxed) != table::fork()
    }

    /// From now on, no callback of the host begins.
    pub fn mute(&self) {
        if let Ok(Some(shared)) = self.shared() {
            shared.mute();
        }
    }

    /// Ends the server: open sessions are forced, and threads are joined. After the
    /// return no callback of the host begins. Must not be called on a thread of the
    /// server.
    pub fn shut_down(&self) {
        let Ok(mut state) = self.lock() else { return };
        let started = match &mut *state {
            State::Started(started) => started,
            State::Setup(setup, _) => return setup.queues.iter().for_each(|queue| queue.close_unstarted(false)),
            State::NeverStarted => return,
        };
        let (shared, control) = (started.shared.clone(), started.control.take());
        drop(state);
        shared.registry.close(Duration::ZERO, Duration::ZERO, None);
        shared.registry.wait(Some(2 * PATIENCE));
        shared.mute();
        if let Some(control) = control {
            control.dismiss(&shared, PATIENCE);
        }
    }

    fn shared(&self) -> Result<Option<Arc<Shared>>> {
        Ok(match &*self.lock()? {
            State::Started(started) => Some(started.shared.clone()),
            _ => None,
        })
    }

    fn set_up<R>(&self, change: impl FnOnce(&mut Setup, &mut Vec<Arc<ListenSocket>>) -> Result<R>) -> Result<R> {
        match &mut *self.lock()? {
            State::Setup(setup, listen_sockets) => change(setup, listen_sockets),
            State::Started(_) => Err(Error::State("the server was started already")),
            State::NeverStarted => Err(Error::State("the server was closed already")),
        }
    }

    fn lock(&self) -> Result<Locked<'_, State>> {
        match self.is_foreign() {
            false => Ok(table::lock(&self.state)),
            true => self.adopt(),
        }
    }

    /// Makes the server belong to this process, a child of the one that created it. That
    /// is possible only before the start, when it has no threads and no sessions. A queue
    /// remains with the parent, because of its descriptor.
    fn adopt(&self) -> Result<Locked<'_, State>> {
        // A thread of the parent may have held a lock during the fork, so locks are not
        // waited for.
        let mut state = table::try_lock(&self.state).ok_or(Error::Forked)?;
        match &mut *state {
            State::Setup(setup, listen_sockets) if setup.queues.is_empty() => {
                listen_sockets.iter().for_each(|listen_socket| listen_socket.inherit());
                self.fork.store(table::fork(), Relaxed);
                Ok(state)
            }
            _ => Err(Error::Forked),
        }
    }
}
