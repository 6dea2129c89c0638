//! A session as the rest of the library sees it: its number, its figures, and
//! the mailbox through which other threads reach its task.

use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use crate::close::Stage;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::extension::Extension;
use crate::listener::ListenSocket;
use crate::memory::Meter;
use crate::setting::{self, Setting};
use crate::table::lock;
use crate::tls::Facts;
use crate::transport::{Protocol, Socket};

/// PINGs of the host that a peer may leave unanswered.
const PINGS: u32 = 16;
/// SETTINGS frames of the host that a peer may leave unacknowledged.
const SETTINGS: u32 = 16;
/// Pushed requests of a session whose responses are not complete: a peer may keep
/// them waiting for as long as it likes.
const PUSHES: u32 = 100;
/// Bytes of the host's ALTSVC and ORIGIN frames that wait for the session.
const EXTENSION_BYTES: usize = 64 * 1024;

thread_local! {
    /// The session whose task runs on this thread, which will look into its
    /// mailbox before it sleeps: it needs no waking.
    static DRIVING: Cell<*const SessionHandle> = const { Cell::new(ptr::null()) };
}

thread_local! {
    /// Sessions that this thread wakes only when it has written them all their messages.
    static HELD: RefCell<Option<Vec<Waker>>> = const { RefCell::new(None) };
}

/// Runs `body`; the sessions that it writes to are woken when it has ended, each once.
pub fn woken_once<R>(body: impl FnOnce() -> R) -> R {
    /// Wakes them also when `body` panics.
    struct Wakes;
    impl Drop for Wakes {
        fn drop(&mut self) {
            let held = HELD.try_with(RefCell::take).ok().flatten();
            held.into_iter().flatten().for_each(Waker::wake);
        }
    }
    // A thread that is ending holds none: each is woken at once.
    let _ = HELD.try_with(|held| held.replace(Some(Vec::new())));
    let _wakes = Wakes;
    body()
}

/// Wakes a session, or has it woken when all is written.
fn wake(waker: Waker) {
    let mut waker = Some(waker);
    let _ = HELD.try_with(|held| {
        if let Some(held) = &mut *held.borrow_mut() {
            held.extend(waker.take());
        }
    });
    waker.into_iter().for_each(Waker::wake);
}

/// What the host has ordered for one session.
#[derive(Clone, Debug)]
pub enum Order {
    /// Leave gracefully, by then.
    Drain(Instant),
    /// Leave now: GOAWAY with this code, the last stream that the host has looked
    /// at (or one above all) and debug text.
    Abort(u32, u32, Vec<u8>),
    /// Ask the peer with a PING of this payload, which was entered before.
    Ping([u8; 8]),
    /// Say GOAWAY with this code, last stream (0: the last one taken) and debug text, and go on.
    Goaway(u32, u32, Vec<u8>),
    /// The receive windows of the session and of its streams, in bytes; 0 leaves one as it is.
    Window(u32, u32),
    /// Settings, which were checked and entered before.
    Settings(Vec<Setting>),
}

pub struct SessionHandle {
    pub id: u64,
    /// At the other end of the socket.
    direct: Endpoint,
    /// Who that speaks for, if it has said so.
    client: OnceCell<Endpoint>,
    /// The peer as a text, made when it is first asked for: to make it costs more
    /// than the rest of what a queue is told of a request.
    peer_text: OnceCell<Box<str>>,
    /// What it has in common with all connections of its listening socket.
    pub listen_socket: Arc<ListenSocket>,
    /// What is known of its TLS, once the handshake is over.
    tls: OnceCell<Facts>,
    pub opened: Instant,
    /// Once it is known.
    protocol: OnceCell<Protocol>,
    mail: Mutex<Mailbox>,
    /// Whether anything is in it, which is asked often.
    has_mail: AtomicBool,
    /// Whether there are extensions in it, which is asked often.
    has_extensions: AtomicBool,
    /// Whether there is a wish in it that ends or drains the session, which is asked
    /// for each request.
    has_orders: AtomicBool,
    /// The peer has been told, or is to be told, that it may use the extended CONNECT
    /// of RFC 8441, which cannot be taken back. Changed under the lock of the mail.
    pub offers_connect: AtomicBool,
    /// Set when something wakes this session's task from inside itself.
    nudged: AtomicBool,
    /// The connection until its worker takes it.
    arrival: Mutex<Option<TcpStream>>,
    /// So that the session can be cut when its thread is held by the host.
    socket: Mutex<Option<Socket>>,
    pub figures: Figures,
    /// What is held for the peer.
    pub memory: Arc<Meter>,
    /// Set when the host has freed the server: none of its callbacks begins any more.
    muted: Arc<AtomicBool>,
}

#[derive(Default)]
struct Mailbox {
    /// Streams to look at.
    wake_stream: Vec<u32>,
    orders: Vec<Order>,
    /// Frames to be sent before what the engine is given later.
    extensions: Vec<Extension>,
    /// Whether the server's level has changed.
    check_shutdown: bool,
    waker: Option<Waker>,
}

/// What the session's task finds in the mailbox.
#[derive(Default)]
pub struct Messages {
    pub wake_stream: Vec<u32>,
    pub orders: Vec<Order>,
    pub check_shutdown: bool,
}

/// Numbers that only the session's task changes and anyone may read.
#[derive(Default)]
pub struct Figures {
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub requests: AtomicU64,
    pub open_streams: AtomicU32,
    stage: AtomicU32,
    /// Requests that the host still holds though their streams have gone.
    orphans: AtomicU32,
    /// PINGs of the host that the peer has not answered.
    pings: AtomicU32,
    /// SETTINGS frames of the host that the peer has not acknowledged.
    settings: AtomicU32,
    /// Pushed requests that are not complete.
    pushes: AtomicU32,
    /// The peer wants none.
    pub refuses_pushes: AtomicBool,
    /// Bytes of bodies that the library collects.
    pub collected: AtomicUsize,
    /// Bytes by which the high-water marks of responses have grown.
    pub grown: AtomicUsize,
    /// The drain's deadline in milliseconds after `opened`, plus one; 0 if there is none.
    deadline: AtomicU64,
}

impl SessionHandle {
    pub fn new(id: u64, direct: Endpoint, listen_socket: Arc<ListenSocket>, muted: Arc<AtomicBool>) -> Self {
        Self {
            id,
            direct,
            client: OnceCell::new(),
            peer_text: OnceCell::new(),
            listen_socket,
            tls: OnceCell::new(),
            opened: Instant::now(),
            protocol: OnceCell::new(),
            mail: Mutex::default(),
            has_mail: AtomicBool::new(false),
            has_extensions: AtomicBool::new(false),
            has_orders: AtomicBool::new(false),
            offers_connect: AtomicBool::new(false),
            nudged: AtomicBool::new(false),
            arrival: Mutex::default(),
            socket: Mutex::default(),
            figures: Figures::default(),
            memory: Arc::default(),
            muted,
        }
    }

    /// Who is served: the client that a proxy has named, or whoever has connected.
    pub fn peer(&self) -> &Endpoint {
        self.client.get().unwrap_or(&self.direct)
    }

    /// A proxy has named its client, before anybody has asked for the peer.
    pub fn set_client(&self, client: Endpoint) {
        let _ = self.client.set(client);
    }

    pub fn peer_text(&self) -> &str {
        self.peer_text.get_or_init(|| self.peer().to_string().into())
    }

    /// What is spoken on the connection; None while that is not known.
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol.get().copied()
    }

    /// It is known now, once and for all.
    pub fn set_protocol(&self, protocol: Protocol) {
        let _ = self.protocol.set(protocol);
    }

    /// The handshake is over.
    pub fn set_tls(&self, facts: Facts) {
        // There is one handshake a connection.
        let _ = self.tls.set(facts);
    }

    /// None without TLS, and before its handshake is over.
    pub fn tls(&self) -> Option<&Facts> {
        self.tls.get()
    }

    /// Asks the session's task to look at a stream.
    pub fn wake_stream(&self, stream: u32) {
        self.post(|mail| mail.wake_stream.push(stream));
    }

    pub fn order(&self, order: Order) {
        self.post(|mail| {
            mail.orders.push(order);
            self.has_orders.store(true, Relaxed);
        });
    }

    /// Whether the session's task should look into its mailbox before it takes
    /// another request.
    pub fn has_orders(&self) -> bool {
        self.has_orders.load(Relaxed)
    }

    /// Has the session send a frame of an extension, if there are not too many
    /// that the peer has yet to make room for.
    pub fn send(&self, extension: Extension) -> Result<()> {
        let mut result = Ok(());
        self.post(|mail| {
            let waiting: usize = mail.extensions.iter().map(Extension::bytes).sum();
            if waiting + extension.bytes() > EXTENSION_BYTES {
                return result = Err(Error::WouldBlock("64 KiB of such frames wait for the peer"));
            }
            mail.extensions.push(extension);
            self.has_extensions.store(true, Relaxed);
        });
        result
    }

    pub fn has_extensions(&self) -> bool {
        self.has_extensions.load(Relaxed)
    }

    pub fn take_extensions(&self) -> Vec<Extension> {
        let mut mail = lock(&self.mail);
        self.has_extensions.store(false, Relaxed);
        std::mem::take(&mut mail.extensions)
    }

    /// Has the session's task look at the server's level.
    pub fn check_shutdown(&self) {
        self.post(|mail| {
            mail.check_shutdown = true;
            self.has_orders.store(true, Relaxed);
        });
    }

    fn post(&self, write: impl FnOnce(&mut Mailbox)) {
        let mut mail = lock(&self.mail);
        let was_empty = mail.wake_stream.is_empty() && mail.orders.is_empty() && !mail.check_shutdown;
        write(&mut mail);
        self.has_mail.store(true, Relaxed);
        let is_own_task = ptr::eq(DRIVING.get(), self);
        let waker = if was_empty && !is_own_task { mail.waker.clone() } else { None };
        drop(mail);
        waker.into_iter().for_each(wake);
    }

    /// Who is woken when a letter comes.
    pub fn set_task(&self, waker: &Waker) {
        let mut mail = lock(&self.mail);
        if !mail.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            mail.waker = Some(waker.clone());
        }
    }

    /// Whether something woke the task from inside since the last call.
    pub fn take_nudge(&self) -> bool {
        self.nudged.load(Relaxed) && self.nudged.swap(false, Relaxed)
    }

    /// Empties the mailbox. None if there was nothing in it.
    pub fn messages(&self) -> Option<Messages> {
        // Who posts after this look wakes the task again.
        if !self.has_mail.load(Relaxed) {
            return None;
        }
        let mut mail = lock(&self.mail);
        self.has_mail.store(false, Relaxed);
        if mail.wake_stream.is_empty() && mail.orders.is_empty() && !mail.check_shutdown {
            return None;
        }
        self.has_orders.store(false, Relaxed);
        Some(Messages {
            wake_stream: std::mem::take(&mut mail.wake_stream),
            orders: std::mem::take(&mut mail.orders),
            check_shutdown: std::mem::take(&mut mail.check_shutdown),
        })
    }

    /// Runs the session's task on this thread.
    pub fn driving<R>(&self, drive: impl FnOnce() -> R) -> R {
        let outer = DRIVING.replace(self);
        let result = drive();
        DRIVING.set(outer);
        result
    }

    pub fn is_muted(&self) -> bool {
        self.muted.load(Relaxed)
    }

    /// The host still holds a request whose stream has gone.
    pub fn orphaned(&self) {
        self.figures.orphans.fetch_add(1, Relaxed);
    }

    pub fn orphan_released(&self) {
        self.figures.orphans.fetch_sub(1, Relaxed);
    }

    pub fn orphans(&self) -> u32 {
        self.figures.orphans.load(Relaxed)
    }

    /// Has the peer asked with a PING, if it does not owe the answers to too many.
    pub fn ping(&self, payload: [u8; 8]) -> Result<()> {
        let more = |unanswered| (unanswered < PINGS).then_some(unanswered + 1);
        let entered = self.figures.pings.fetch_update(Relaxed, Relaxed, more);
        entered.map_err(|_| Error::WouldBlock("the peer owes the responses to 16 PINGs"))?;
        self.order(Order::Ping(payload));
        Ok(())
    }

    /// The peer has answered one.
    pub fn ping_answered(&self) {
        self.figures.pings.fetch_sub(1, Relaxed);
    }

    /// Has the peer told settings, if it does not owe too many acknowledgements.
    pub fn send_settings(&self, settings: Vec<Setting>) -> Result<()> {
        setting::check(&settings)?;
        let connect = settings.iter().find(|setting| setting.id == setting::id::ENABLE_CONNECT_PROTOCOL);
        let connect = connect.map(|connect| connect.value);
        let mut result = Ok(());
        self.post(|mail| {
            if connect == Some(0) && self.offers_connect.load(Relaxed) {
                // RFC 8441, section 3.
                return result = Err(Error::invalid("extended CONNECT was offered, which cannot be taken back"));
            }
            let more = |unacknowledged| (unacknowledged < SETTINGS).then_some(unacknowledged + 1);
            if self.figures.settings.fetch_update(Relaxed, Relaxed, more).is_err() {
                return result = Err(Error::WouldBlock("the peer owes the acknowledgements of 16 SETTINGS frames"));
            }
            if connect == Some(1) {
                self.offers_connect.store(true, Relaxed);
            }
            mail.orders.push(Order::Settings(settings));
            self.has_orders.store(true, Relaxed);
        });
        result
    }

    /// The peer has acknowledged one of these frames.
    pub fn settings_acknowledged(&self) {
        self.figures.settings.fetch_sub(1, Relaxed);
    }

    /// Whether the peer lets us push.
    pub fn takes_pushes(&self) -> bool {
        !self.figures.refuses_pushes.load(Relaxed)
    }

    /// Counts one more pushed request, if there are not too many.
    pub fn push_begins(&self) -> Result<()> {
        let more = |open| (open < PUSHES).then_some(open + 1);
        let entered = self.figures.pushes.fetch_update(Relaxed, Relaxed, more);
        entered.map(drop).map_err(|_| Error::WouldBlock("100 pushed requests of the session are not complete"))
    }

    pub fn push_is_over(&self) {
        self.figures.pushes.fetch_sub(1, Relaxed);
    }

    /// Our address of the connection; None once the session has let go of it.
    pub fn local(&self) -> Option<Endpoint> {
        if self.listen_socket.at.is_unix() {
            return Some(self.listen_socket.at.clone());
        }
        let arrived = lock(&self.arrival).as_ref().and_then(|stream| stream.local_addr().ok());
        let local = arrived.or_else(|| lock(&self.socket).as_ref().and_then(|socket| socket.local()));
        local.map(Endpoint::from)
    }

    pub fn stage(&self) -> Stage {
        Stage::from_number(self.figures.stage.load(Relaxed))
    }

    pub fn set_stage(&self, stage: Stage) {
        self.figures.stage.store(stage as u32, Relaxed);
    }

    pub fn set_deadline(&self, deadline: Instant) {
        let after = deadline.saturating_duration_since(self.opened);
        self.figures.deadline.store(after.as_millis() as u64 + 1, Relaxed);
    }

    /// Milliseconds until the drain's deadline; None if the session does not drain.
    pub fn drain_left_ms(&self) -> Option<u64> {
        let after = self.figures.deadline.load(Relaxed).checked_sub(1)?;
        let left = (self.opened + Duration::from_millis(after)).saturating_duration_since(Instant::now());
        Some(left.as_millis() as u64)
    }

    pub fn arrive(&self, stream: TcpStream) {
        *lock(&self.arrival) = Some(stream);
    }

    pub fn take_arrival(&self) -> Option<TcpStream> {
        lock(&self.arrival).take()
    }

    pub fn set_socket(&self, socket: Socket) {
        *lock(&self.socket) = Some(socket);
    }

    /// Ends the socket from outside, when the session's own thread cannot.
    pub fn cut(&self) {
        drop(self.take_arrival());
        if let Some(socket) = &*lock(&self.socket) {
            socket.cut();
        }
    }

    /// The session's task has ended.
    pub fn let_go(&self) {
        let socket = lock(&self.socket).take();
        drop(socket);
    }
}

/// The waker that the socket and the requests get. What wakes the session's task
/// while it runs is noted, not scheduled.
impl Wake for SessionHandle {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if ptr::eq(DRIVING.get(), Arc::as_ptr(self)) {
            return self.nudged.store(true, Relaxed);
        }
        let waker = lock(&self.mail).waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A live session's figures at one moment.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    pub id: u64,
    pub peer: Endpoint,
    /// None if the session has let go of its connection.
    pub local: Option<Endpoint>,
    pub protocol: Option<Protocol>,
    pub stage: Stage,
    pub age: Duration,
    pub open_streams: u32,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub requests: u64,
}

impl From<&Arc<SessionHandle>> for SessionInfo {
    fn from(session: &Arc<SessionHandle>) -> Self {
        let figures = &session.figures;
        Self {
            id: session.id,
            peer: session.peer().clone(),
            local: session.local(),
            protocol: session.protocol(),
            stage: session.stage(),
            age: session.opened.elapsed(),
            open_streams: figures.open_streams.load(Relaxed),
            bytes_in: figures.bytes_in.load(Relaxed),
            bytes_out: figures.bytes_out.load(Relaxed),
            requests: figures.requests.load(Relaxed),
        }
    }
}
