//! The handle through which other threads reach a session: its id, its counters,
//! and the mailbox of its task.

use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
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

/// PINGs of the host that may be unacknowledged at a time.
const PINGS: u32 = 16;
/// SETTINGS frames of the host that may be unacknowledged at a time.
const SETTINGS: u32 = 16;
/// Pushed requests of a session whose responses are incomplete. The peer decides
/// how long they wait.
const PUSHES: u32 = 100;
/// Bytes of the host's ALTSVC and ORIGIN frames that may wait for the session.
const EXTENSION_BYTES: usize = 64 * 1024;

thread_local! {
    /// The session whose task runs on this thread. It looks into its mailbox before
    /// it sleeps, so that it need not be woken.
    static DRIVING: Cell<*const SessionHandle> = const { Cell::new(ptr::null()) };
}

thread_local! {
    /// Sessions that this thread wakes only after it has posted all their messages.
    static HELD: RefCell<Option<Vec<Waker>>> = const { RefCell::new(None) };
}

/// Runs `body`, then wakes each session that `body` posted to, once.
pub fn woken_once<R>(body: impl FnOnce() -> R) -> R {
    /// Wakes the sessions also when `body` panics.
    struct Wakes;
    impl Drop for Wakes {
        fn drop(&mut self) {
            let held = HELD.try_with(RefCell::take).ok().flatten();
            held.into_iter().flatten().for_each(Waker::wake);
        }
    }
    // On a thread that is ending each session is woken at once.
    let _ = HELD.try_with(|held| held.replace(Some(Vec::new())));
    let _wakes = Wakes;
    body()
}

/// Wakes a session now, or at the end of [`woken_once`].
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
    /// Drain until that deadline.
    Drain(Instant),
    /// End now, with GOAWAY: the error code, the last stream that the host has
    /// looked at (or one above all), and debug data.
    Abort(u32, u32, Vec<u8>),
    /// Send a PING with this payload, which has been counted.
    Ping([u8; 8]),
    /// Say GOAWAY with this code, last stream (0: the last one taken) and debug text, and go on.
    Goaway(u32, u32, Vec<u8>),
    /// Set the receive windows of the session and of its streams, in bytes; 0 keeps one.
    Window(u32, u32),
    /// Send these settings, which have been checked and counted.
    Settings(Vec<Setting>),
    /// Make room for another connection, if nothing is open.
    MakeRoom,
    /// The session does not have to wait for memory any more.
    Resume,
    /// End, since memory is short.
    Relieve,
}

pub struct SessionHandle {
    pub id: u64,
    /// The address at the other end of the socket.
    direct: Endpoint,
    /// The client that a proxy has named.
    client: OnceCell<Endpoint>,
    /// The peer as text, made at the first use: it costs more than the rest of a
    /// request's record.
    peer_text: OnceCell<Box<str>>,
    /// The TLVs of the PROXY header.
    proxy_tlvs: OnceCell<Box<[u8]>>,
    /// The listening socket that accepted the connection.
    pub listen_socket: Arc<ListenSocket>,
    /// The result of the TLS handshake, once that is complete. Boxed, since a session
    /// without TLS has none.
    tls: OnceCell<Box<Facts>>,
    pub opened: Instant,
    /// The protocol, once it has been detected.
    protocol: OnceCell<Protocol>,
    mailbox: Mutex<Mailbox>,
    /// Whether the mailbox holds anything. Read often, without the lock.
    has_mail: AtomicBool,
    /// Whether the mailbox holds extension frames. Read often, without the lock.
    has_extensions: AtomicBool,
    /// Whether the mailbox holds an order that ends or drains the session. Read for
    /// each request, without the lock.
    has_orders: AtomicBool,
    /// Whether the peer has been told, or is about to be told, that it may use the
    /// extended CONNECT of RFC 8441. That cannot be taken back. Changed under the
    /// lock of the mailbox.
    offers_connect: AtomicBool,
    /// Set when this session's task wakes itself.
    self_woken: AtomicBool,
    /// Whether the session waits because memory is short.
    is_held: AtomicBool,
    /// Whether the peer has sent enough to show what it speaks.
    is_heard: AtomicBool,
    /// The accepted connection, until its worker takes it.
    arrival: Mutex<Option<TcpStream>>,
    /// Lets another thread close the socket while the host blocks the session's thread.
    socket: Mutex<Option<Socket>>,
    pub counters: Counters,
    /// Memory held for the peer.
    pub memory: Arc<Meter>,
    /// Set when the host has freed the server. No callback begins after that.
    muted: Arc<AtomicBool>,
}

#[derive(Default)]
struct Mailbox {
    /// Streams that the task has to look at.
    wake_stream: Vec<u32>,
    orders: Vec<Order>,
    /// Extension frames, which leave before what is written later.
    extensions: Vec<Extension>,
    /// Whether the task has to look at the registry's state.
    check_shutdown: bool,
    waker: Option<Waker>,
}

/// The contents of the mailbox, as the session's task takes them.
#[derive(Default)]
pub struct Messages {
    pub wake_stream: Vec<u32>,
    pub orders: Vec<Order>,
    pub check_shutdown: bool,
}

/// Counters of a session, which any thread may read.
#[derive(Default)]
pub struct Counters {
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub requests: AtomicU64,
    pub open_streams: AtomicU32,
    stage: AtomicU32,
    /// When there was a stream last, in milliseconds after `opened`.
    used: AtomicU64,
    /// Requests that the host still holds although their streams have ended.
    orphans: AtomicU32,
    /// PINGs of the host that the peer has not acknowledged.
    pings: AtomicU32,
    /// SETTINGS frames of the host that the peer has not acknowledged.
    settings: AtomicU32,
    /// Pushed requests that are incomplete.
    pushes: AtomicU32,
    /// Whether the peer has disabled push.
    pub refuses_pushes: AtomicBool,
    /// Bytes of request bodies that the library is collecting.
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
            proxy_tlvs: OnceCell::new(),
            listen_socket,
            tls: OnceCell::new(),
            opened: Instant::now(),
            protocol: OnceCell::new(),
            mailbox: Mutex::default(),
            has_mail: AtomicBool::new(false),
            has_extensions: AtomicBool::new(false),
            has_orders: AtomicBool::new(false),
            offers_connect: AtomicBool::new(false),
            self_woken: AtomicBool::new(false),
            is_held: AtomicBool::new(false),
            is_heard: AtomicBool::new(false),
            arrival: Mutex::default(),
            socket: Mutex::default(),
            counters: Counters::default(),
            memory: Arc::default(),
            muted,
        }
    }

    /// The same; whether its peer is told that it may use the extended CONNECT.
    pub fn offering_connect(mut self, offers: bool) -> Self {
        self.offers_connect = offers.into();
        self
    }

    /// The client: the one that a proxy has named, otherwise the peer of the socket.
    pub fn peer(&self) -> &Endpoint {
        self.client.get().unwrap_or(&self.direct)
    }

    /// Sets the client that a proxy has named. Called before the peer is first read.
    pub fn set_client(&self, client: Endpoint) {
        let _ = self.client.set(client);
    }

    /// Sets the TLVs of the PROXY header, once.
    pub fn set_proxy_tlvs(&self, tlvs: Box<[u8]>) {
        if !tlvs.is_empty() {
            let _ = self.proxy_tlvs.set(tlvs);
        }
    }

    /// The TLVs of the PROXY header; empty without any.
    pub fn proxy_tlvs(&self) -> &[u8] {
        self.proxy_tlvs.get().map_or(&[], |tlvs| tlvs)
    }

    pub fn peer_text(&self) -> &str {
        self.peer_text.get_or_init(|| self.peer().to_string().into())
    }

    /// The protocol of the connection; `None` until it has been detected.
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol.get().copied()
    }

    /// Sets the detected protocol, once.
    pub fn set_protocol(&self, protocol: Protocol) {
        let _ = self.protocol.set(protocol);
    }

    /// Sets the result of the TLS handshake.
    pub fn set_tls(&self, facts: Facts) {
        // A connection has one handshake.
        let _ = self.tls.set(Box::new(facts));
    }

    /// `None` without TLS and before the handshake is complete.
    pub fn tls(&self) -> Option<&Facts> {
        self.tls.get().map(Box::as_ref)
    }

    /// Asks the session's task to look at a stream.
    pub fn wake_stream(&self, stream: u32) {
        self.post(|mailbox| mailbox.wake_stream.push(stream));
    }

    pub fn order(&self, order: Order) {
        self.post(|mailbox| {
            mailbox.orders.push(order);
            self.has_orders.store(true, Relaxed);
        });
    }

    /// Whether the session's task has to empty its mailbox before it takes another
    /// request.
    pub fn has_orders(&self) -> bool {
        self.has_orders.load(Relaxed)
    }

    /// Orders an extension frame. An error if 64 KiB of them wait for the peer.
    pub fn send(&self, extension: Extension) -> Result<()> {
        let mut result = Ok(());
        self.post(|mailbox| {
            let waiting: usize = mailbox.extensions.iter().map(Extension::bytes).sum();
            if waiting + extension.bytes() > EXTENSION_BYTES {
                return result = Err(Error::WouldBlock("64 KiB of such frames wait for the peer"));
            }
            mailbox.extensions.push(extension);
            self.has_extensions.store(true, Relaxed);
        });
        result
    }

    pub fn has_extensions(&self) -> bool {
        self.has_extensions.load(Relaxed)
    }

    pub fn take_extensions(&self) -> Vec<Extension> {
        let mut mailbox = lock(&self.mailbox);
        self.has_extensions.store(false, Relaxed);
        std::mem::take(&mut mailbox.extensions)
    }

    /// Wakes the session's task to look at the registry's state.
    pub fn check_shutdown(&self) {
        self.post(|mailbox| {
            mailbox.check_shutdown = true;
            self.has_orders.store(true, Relaxed);
        });
    }

    fn post(&self, write: impl FnOnce(&mut Mailbox)) {
        let mut mailbox = lock(&self.mailbox);
        let was_empty = mailbox.wake_stream.is_empty() && mailbox.orders.is_empty() && !mailbox.check_shutdown;
        write(&mut mailbox);
        self.has_mail.store(true, Relaxed);
        let is_own_task = ptr::eq(DRIVING.get(), self);
        let waker = if was_empty && !is_own_task { mailbox.waker.clone() } else { None };
        drop(mailbox);
        waker.into_iter().for_each(wake);
    }

    /// Sets the waker for new messages.
    pub fn set_task(&self, waker: &Waker) {
        let mut mailbox = lock(&self.mailbox);
        if !mailbox.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            mailbox.waker = Some(waker.clone());
        }
    }

    /// Whether the task has woken itself since the last call.
    pub fn take_self_wake(&self) -> bool {
        self.self_woken.load(Relaxed) && self.self_woken.swap(false, Relaxed)
    }

    /// Empties the mailbox. `None` if it was empty.
    pub fn messages(&self) -> Option<Messages> {
        // A message that is posted after this check wakes the task again.
        if !self.has_mail.load(Relaxed) {
            return None;
        }
        let mut mailbox = lock(&self.mailbox);
        self.has_mail.store(false, Relaxed);
        if mailbox.wake_stream.is_empty() && mailbox.orders.is_empty() && !mailbox.check_shutdown {
            return None;
        }
        self.has_orders.store(false, Relaxed);
        Some(Messages {
            wake_stream: std::mem::take(&mut mailbox.wake_stream),
            orders: std::mem::take(&mut mailbox.orders),
            check_shutdown: std::mem::take(&mut mailbox.check_shutdown),
        })
    }

    /// Runs the session's task on this thread.
    pub fn driving<R>(&self, drive: impl FnOnce() -> R) -> R {
        let outer = DRIVING.replace(self);
        let result = drive();
        DRIVING.set(outer);
        result
    }

    /// Memory is short: nothing is read from the peer, and the host writes nothing.
    pub fn hold(&self) {
        self.is_held.store(true, SeqCst);
    }

    /// It is not short any more.
    pub fn resume(&self) {
        self.is_held.store(false, Relaxed);
        self.order(Order::Resume);
    }

    pub fn is_held(&self) -> bool {
        self.is_held.load(Relaxed)
    }

    /// The peer has sent enough to show what it speaks: over TLS its hello.
    pub fn set_heard(&self) {
        self.is_heard.store(true, Relaxed);
    }

    pub fn is_silent(&self) -> bool {
        !self.is_heard.load(Relaxed)
    }

    /// There is a stream, or was one until now.
    pub fn set_used(&self, now: Instant) {
        let after = now.saturating_duration_since(self.opened);
        self.counters.used.store(after.as_secs() * 1000 + u64::from(after.subsec_millis()), Relaxed);
    }

    /// Since when nothing is open, if so.
    pub fn idle_since(&self) -> Option<Instant> {
        let is_idle = self.counters.open_streams.load(Relaxed) == 0 && self.stage() <= Stage::Open;
        is_idle.then(|| self.opened + Duration::from_millis(self.counters.used.load(Relaxed)))
    }

    pub fn is_muted(&self) -> bool {
        self.muted.load(Relaxed)
    }

    /// Counts a request that the host still holds although its stream has ended.
    pub fn orphaned(&self) {
        self.counters.orphans.fetch_add(1, Relaxed);
    }

    pub fn orphan_released(&self) {
        self.counters.orphans.fetch_sub(1, Relaxed);
    }

    pub fn orphans(&self) -> u32 {
        self.counters.orphans.load(Relaxed)
    }

    /// Orders a PING. An error if too many are unacknowledged.
    pub fn ping(&self, payload: [u8; 8]) -> Result<()> {
        let more = |unanswered| (unanswered < PINGS).then_some(unanswered + 1);
        let entered = self.counters.pings.fetch_update(Relaxed, Relaxed, more);
        entered.map_err(|_| Error::WouldBlock("16 PINGs are not acknowledged yet"))?;
        self.order(Order::Ping(payload));
        Ok(())
    }

    /// The peer has acknowledged a PING of the host.
    pub fn ping_acknowledged(&self) {
        self.counters.pings.fetch_sub(1, Relaxed);
    }

    /// Orders a SETTINGS frame. An error if too many are unacknowledged.
    pub fn send_settings(&self, settings: Vec<Setting>) -> Result<()> {
        setting::check(&settings)?;
        let connect = settings.iter().find(|setting| setting.id == setting::id::ENABLE_CONNECT_PROTOCOL);
        let connect = connect.map(|connect| connect.value);
        let mut result = Ok(());
        self.post(|mailbox| {
            if connect == Some(0) && self.offers_connect.load(Relaxed) {
                // RFC 8441, section 3.
                return result = Err(Error::invalid("extended CONNECT was offered, which cannot be taken back"));
            }
            let more = |unacknowledged| (unacknowledged < SETTINGS).then_some(unacknowledged + 1);
            if self.counters.settings.fetch_update(Relaxed, Relaxed, more).is_err() {
                return result = Err(Error::WouldBlock("16 SETTINGS frames are not acknowledged yet"));
            }
            if connect == Some(1) {
                self.offers_connect.store(true, Relaxed);
            }
            mailbox.orders.push(Order::Settings(settings));
            self.has_orders.store(true, Relaxed);
        });
        result
    }

    /// The peer has acknowledged a SETTINGS frame of the host.
    pub fn settings_acknowledged(&self) {
        self.counters.settings.fetch_sub(1, Relaxed);
    }

    /// Whether the peer accepts pushed responses.
    pub fn takes_pushes(&self) -> bool {
        !self.counters.refuses_pushes.load(Relaxed)
    }

    /// Counts one more pushed request. An error if too many are incomplete.
    pub fn push_begins(&self) -> Result<()> {
        let more = |open| (open < PUSHES).then_some(open + 1);
        let entered = self.counters.pushes.fetch_update(Relaxed, Relaxed, more);
        entered.map(drop).map_err(|_| Error::WouldBlock("100 pushed requests of the session are not complete"))
    }

    pub fn push_is_over(&self) {
        self.counters.pushes.fetch_sub(1, Relaxed);
    }

    /// The server's address of the connection; `None` once the session has ended.
    pub fn local(&self) -> Option<Endpoint> {
        if self.listen_socket.at.is_unix() {
            return Some(self.listen_socket.at.clone());
        }
        let arrived = lock(&self.arrival).as_ref().and_then(|stream| stream.local_addr().ok());
        let local = arrived.or_else(|| lock(&self.socket).as_ref().and_then(|socket| socket.local()));
        local.map(Endpoint::from)
    }

    pub fn stage(&self) -> Stage {
        Stage::from_number(self.counters.stage.load(Relaxed))
    }

    pub fn set_stage(&self, stage: Stage) {
        self.counters.stage.store(stage as u32, Relaxed);
    }

    pub fn set_deadline(&self, deadline: Instant) {
        let after = deadline.saturating_duration_since(self.opened);
        self.counters.deadline.store(after.as_millis() as u64 + 1, Relaxed);
    }

    /// Milliseconds until the deadline of the drain; `None` if the session does not drain.
    pub fn drain_left_ms(&self) -> Option<u64> {
        let after = self.counters.deadline.load(Relaxed).checked_sub(1)?;
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

    /// Closes the socket from another thread, when the session's own thread cannot.
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

/// The waker of the socket and of the requests. A wake-up from inside the session's
/// own task sets a flag and schedules nothing.
impl Wake for SessionHandle {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if ptr::eq(DRIVING.get(), Arc::as_ptr(self)) {
            return self.self_woken.store(true, Relaxed);
        }
        let waker = lock(&self.mailbox).waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A live session's counters at one moment.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    pub id: u64,
    pub peer: Endpoint,
    /// `None` if the session has given up its connection.
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
        let counters = &session.counters;
        Self {
            id: session.id,
            peer: session.peer().clone(),
            local: session.local(),
            protocol: session.protocol(),
            stage: session.stage(),
            age: session.opened.elapsed(),
            open_streams: counters.open_streams.load(Relaxed),
            bytes_in: counters.bytes_in.load(Relaxed),
            bytes_out: counters.bytes_out.load(Relaxed),
            requests: counters.requests.load(Relaxed),
        }
    }
}
