//! A connection from accept until its protocol is known: the PROXY header, the TLS
//! handshake and the detection of the protocol.
//!
//! The registry knows the connection already, so that a close, an order for its
//! session and the handshake limit can end it. A silent peer costs little: an
//! engine is made only when the first bytes have arrived.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::time::{Sleep, timeout};

use crate::close::{LINGER, NEWCOMER};
use crate::config::Config;
use crate::connection::Task;
use crate::endpoint::Endpoint;
use crate::event::{Cause, EventKind, SessionEvent};
use crate::h1;
use crate::h2;
use crate::memory::{Part, Usage};
use crate::plaintext;
use crate::proxy::{self, Header, Malformed, Proxy};
use crate::registration::Registration;
use crate::session::{Order, SessionHandle};
use crate::tls::Tls;
use crate::transport::{Protocol, Socket, Stream, TlsSocket};
use crate::worker::Worker;

/// The task of a connection, from accept to its last byte.
#[expect(clippy::large_enum_variant, reason = "a connection is a session for nearly all of its life")]
pub enum Connection {
    Arriving(Arrival),
    Http1(Box<Task<Stream, h1::Http1>>),
    Http2(Box<Task<Stream, h2::Http2>>),
    Over,
}

/// The result of an arrival.
enum Arrived {
    Spoken(Stream, Protocol),
    /// The connection ends: the cause, and the text for the log.
    Failed(Cause, String),
}

impl Connection {
    pub fn new(worker: Rc<Worker>, registration: Registration, socket: Socket) -> Self {
        Self::Arriving(Arrival::new(worker, registration, socket))
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let connection = self.get_mut();
        if let Self::Arriving(arrival) = connection {
            let Poll::Ready(arrived) = arrival.poll(cx) else {
                // The queue gets the OPENED record now, although nothing else may happen
                // for long.
                arrival.worker.shared.notify();
                return Poll::Pending;
            };
            let Self::Arriving(arrival) = std::mem::replace(connection, Self::Over) else { return Poll::Ready(()) };
            if let Some(arrived) = arrived {
                *connection = arrival.into_session(arrived);
            }
        }
        match connection {
            Self::Http1(session) => Pin::new(session).poll(cx),
            Self::Http2(session) => Pin::new(session).poll(cx),
            Self::Arriving(_) | Self::Over => Poll::Ready(()),
        }
    }
}

/// The client that a proxy has named, if any, and its TLVs; otherwise what is wrong.
type Introduced = Result<(Option<Endpoint>, Box<[u8]>), String>;

/// A connection whose protocol is not known yet.
pub struct Arrival {
    worker: Rc<Worker>,
    registration: Registration,
    /// The accepted socket, for ending the connection before the protocol is known.
    socket: Socket,
    began: Instant,
    /// Orders of other threads for the session.
    later: Vec<Order>,
    /// The proxy settings, until the proxy has named the client.
    introduction: Option<Pin<Box<dyn Future<Output = Introduced>>>>,
    /// Whether the peer has sent anything on a listener with TLS.
    heard: Rc<Cell<bool>>,
    steps: Pin<Box<dyn Future<Output = Arrived>>>,
    sleep: Pin<Box<Sleep>>,
    /// The memory that this takes in addition to the registration.
    _memory: Usage,
}

impl Arrival {
    fn new(worker: Rc<Worker>, registration: Registration, socket: Socket) -> Self {
        let now = tokio::time::Instant::now();
        let session = registration.session();
        let introduction =
            session.listen_socket.proxy.clone().map(|proxy| -> Pin<Box<dyn Future<Output = Introduced>>> {
                Box::pin(introduce(socket.clone(), proxy, session.peer().clone()))
            });
        let heard = Rc::<Cell<bool>>::default();
        let steps: Pin<Box<dyn Future<Output = Arrived>>> =
            Box::pin(arrive(worker.clone(), session.clone(), socket.clone(), heard.clone()));
        let sleep = Box::pin(tokio::time::sleep_until(now + worker.shared.setup.config.handshake));
        let began = now.into_std();
        let mut memory = Usage::new(&session.memory);
        let introducing = introduction.as_ref().map_or(0, |introduction| size_of_val(&**introduction));
        memory.set(Part::Sessions, size_of_val(&*steps) + introducing + size_of::<Sleep>());
        session.memory.publish();
        let later = Vec::new();
        Self { worker, registration, socket, began, later, introduction, heard, steps, sleep, _memory: memory }
    }

    /// The detected protocol; `None` if the connection has ended instead.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrived>> {
        self.registration.session().set_task(cx.waker());
        match self.meet(cx) {
            Poll::Ready(true) => {
                self.registration.open();
                if let Poll::Ready(arrived) = self.steps.as_mut().poll(cx) {
                    return Poll::Ready(Some(arrived));
                }
            }
            Poll::Ready(false) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        // Only HTTP/2 is possible here, so a GOAWAY can give the reason.
        let is_plain = self.registration.session().listen_socket.tls.is_none();
        let is_sure = is_plain && self.introduction.is_none() && !self.worker.shared.setup.config.http1;
        let mut is_told = false;
        for order in self.registration.session().messages().unwrap_or_default().orders {
            match order {
                Order::Drain(_) => self.end(Cause::Handshake, 0),
                Order::MakeRoom => self.end(Cause::Silent, 0),
                Order::Relieve => self.end(Cause::Memory, 0),
                Order::Resume => continue,
                Order::Abort(code, _, _) if !is_sure => self.end(Cause::Aborted, code),
                // Bytes of HTTP/2 frames. None were sent yet.
                Order::Abort(..) | Order::Ping(_) | Order::Goaway(..) | Order::Window(..) | Order::Settings(_) => {
                    is_told |= matches!(order, Order::Abort(..));
                    self.later.push(order);
                    continue;
                }
            }
            return Poll::Ready(None);
        }
        if is_told {
            Poll::Ready(Some(Arrived::Spoken(Stream::Plain(self.socket.clone()), Protocol::Http2)))
        } else {
            self.wait(cx)
        }
    }

    /// Sets the client that the proxy has named. False if the connection must end.
    fn meet(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(introduction) = &mut self.introduction else { return Poll::Ready(true) };
        let Poll::Ready(introduced) = introduction.as_mut().poll(cx) else { return Poll::Pending };
        self.introduction = None;
        let session = self.registration.session();
        match introduced {
            Ok((client, tlvs)) => {
                client.into_iter().for_each(|client| session.set_client(client));
                session.set_proxy_tlvs(tlvs);
            }
            Err(text) => {
                if text != ENDED {
                    let log = || tracing::warn!(peer = %session.peer(), "refused: {text}");
                    self.worker.shared.refusals.proxies.add(log);
                }
                self.registration.open();
                let mut event = self.event(EventKind::Error);
                event.text = text.into_bytes();
                self.worker.shared.tell(&event);
                self.end(Cause::Proxy, 0);
                return Poll::Ready(false);
            }
        }
        // The registry has the connection, and counts it.
        if self.worker.shared.is_crowded(session.peer(), 0) {
            self.worker.shared.refusals.sessions.add(|| {
                tracing::warn!(peer = %session.peer(), "refused: the limit of sessions from one address is reached");
            });
            return Poll::Ready(false);
        }
        Poll::Ready(true)
    }

    /// Returns the time limit of an arrival. A new connection has a moment, whatever the
    /// server does. After that it must have become a session when the server closes, and
    /// in any case within the handshake limit.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrived>> {
        let config = &self.worker.shared.setup.config;
        let deadline = self.worker.shared.registry.deadline();
        let until = match deadline {
            Some(deadline) => Some((deadline.min(self.began + NEWCOMER), Cause::Handshake)),
            None if config.handshake.is_zero() => None,
            None => Some((self.began + config.handshake, Cause::HandshakeTimeout)),
        };
        let Some((until, cause)) = until else { return Poll::Pending };
        self.sleep.as_mut().reset(until.into());
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.end(cause, 0);
        Poll::Ready(None)
    }

    fn end(&mut self, cause: Cause, code: u32) {
        self.registration.open();
        self.registration.set_cause(cause, code);
        if matches!(cause, Cause::HandshakeTimeout | Cause::Silent | Cause::Memory) {
            // A connection without a byte, such as one that a browser opens in advance,
            // has not begun a handshake.
            if self.heard.get() {
                let text = match cause {
                    Cause::Silent | Cause::Memory => "the TLS handshake failed: its place was needed",
                    _ => "the TLS handshake failed: it took too long",
                };
                count_handshake(&self.worker, self.registration.session(), text);
            }
            let mut event = self.event(EventKind::Timeout);
            event.cause = cause;
            self.worker.shared.tell(&event);
        }
    }

    fn event(&self, kind: EventKind) -> SessionEvent {
        let session = self.registration.session();
        SessionEvent::new(kind, session.id, session.peer().clone())
    }

    fn into_session(mut self, arrived: Arrived) -> Connection {
        let (line, protocol) = match arrived {
            Arrived::Spoken(line, protocol) => (line, protocol),
            Arrived::Failed(cause, text) => {
                self.fail(cause, text);
                return Connection::Over;
            }
        };
        let session = self.registration.session();
        session.set_protocol(protocol);
        // A close may have begun before. It would not notify the connection again.
        session.check_shutdown();
        self.later.into_iter().for_each(|order| session.order(order));
        let Self { worker, registration, began, .. } = self;
        match protocol {
            Protocol::Http2 => {
                let setup = &worker.shared.setup;
                let limits = http2_limits(&setup.config, setup.offers_connect());
                let mut engine = h2::Http2::new(limits, began);
                engine.add_settings(&setup.settings);
                Connection::Http2(Box::new(Task::new(worker, registration, line, engine, began)))
            }
            Protocol::Http1 => {
                let engine = h1::Http1::new(limits(&worker.shared.setup.config));
                Connection::Http1(Box::new(Task::new(worker, registration, line, engine, began)))
            }
        }
    }

    fn fail(&mut self, cause: Cause, text: String) {
        self.end(cause, 0);
        if cause != Cause::PeerClosed {
            let mut event = self.event(EventKind::Error);
            event.text = text.into_bytes();
            self.worker.shared.tell(&event);
        }
    }
}

/// The limits of an HTTP/2 engine.
pub fn http2_limits(config: &Config, has_connect_protocol: bool) -> h2::Limits {
    h2::Limits {
        max_concurrent_streams: config.max_concurrent_streams,
        header_list_bytes: config.max_header_list_bytes,
        header_fields: config.max_header_fields,
        stream_window_bytes: config.stream_window_bytes,
        session_window_bytes: config.session_window_bytes,
        max_frame_bytes: config.max_frame_bytes,
        header_table_bytes: config.header_table_bytes,
        has_connect_protocol,
        control_burst: config.control_burst,
        control_per_second: config.control_per_second,
        padding: config.padding,
    }
}

/// The limits of a request head in HTTP/1.1.
fn limits(config: &Config) -> h1::Limits {
    h1::Limits {
        header_list_bytes: config.max_header_list_bytes,
        header_fields: u32::try_from(config.max_header_fields).unwrap_or(u32::MAX),
    }
}

/// The end of a connection on which nothing was sent, such as a proxy's health check.
const ENDED: &str = "the connection ended before its PROXY header";

/// Reads the PROXY header, and not a byte more.
async fn introduce(socket: Socket, proxy: Arc<Proxy>, sender: Endpoint) -> Introduced {
    if !proxy.trusted.includes(&sender) {
        return Err(format!("{sender} is no proxy that is trusted"));
    }
    let header = timeout(proxy.wait_token, read_header(socket));
    header.await.unwrap_or_else(|_| Err("the PROXY header is late".into()))
}

async fn read_header(mut socket: Socket) -> Introduced {
    let mut bytes = vec![0; proxy::MOST];
    let mut taken = 0;
    loop {
        let seen = socket.peek(&mut bytes[taken..]).await.map_err(|error| error.to_string())?;
        if seen == 0 {
            return Err(if taken == 0 { ENDED } else { "the connection ended within its PROXY header" }.into());
        }
        let (whole, client) = match proxy::parse(&bytes[..taken + seen]) {
            Ok(Header::Partial) => (None, None),
            Ok(Header::Whole(length, client)) => (Some(length), client),
            Err(Malformed(why)) => return Err(why.into()),
        };
        let until = whole.unwrap_or(taken + seen);
        socket.read_exact(&mut bytes[taken..until]).await.map_err(|error| error.to_string())?;
        if whole.is_some() {
            return Ok((client, proxy::tlvs(&bytes[..until]).into()));
        }
        taken = until;
    }
}

/// The steps of an arrival.
async fn arrive(worker: Rc<Worker>, session: Arc<SessionHandle>, socket: Socket, heard: Rc<Cell<bool>>) -> Arrived {
    if let Some(tls) = &session.listen_socket.tls {
        // A silent connection takes no turn of the handshake limit. Errors show in the
        // handshake.
        let (is_heard, plain) = plaintext::first(&socket).await.unwrap_or_default();
        heard.set(is_heard);
        let Some(protocol) = plain else { return shake_hands(&worker, &session, tls, socket, is_heard).await };
        let text = "the TLS handshake failed: plain HTTP came to a port that speaks TLS";
        count_handshake(&worker, &session, text);
        plaintext::dismiss(socket, protocol).await;
        return Arrived::Failed(Cause::Tls, text.into());
    }
    // The session reports any error.
    let mut protocol = Protocol::Http2;
    if worker.shared.setup.config.http1 {
        protocol = socket.spoken().await.unwrap_or(protocol);
    } else {
        let _ = socket.heard().await;
    }
    session.set_heard();
    Arrived::Spoken(Stream::Plain(socket), protocol)
}

async fn shake_hands(worker: &Worker, session: &SessionHandle, tls: &Tls, socket: Socket, is_heard: bool) -> Arrived {
    let handshakes = &worker.shared.handshakes;
    let turn = match handshakes.try_acquire() {
        Ok(turn) => Ok(turn),
        Err(_) => {
            let _waits = worker.shared.registry.wait_for_handshake();
            // This cannot fail, because nobody closes the semaphore.
            handshakes.acquire().await
        }
    };
    let live = match tls.live() {
        Ok(Some(live)) => live,
        Ok(None) => return Arrived::Failed(Cause::Internal, "TLS is not set up".into()),
        Err(error) => return Arrived::Failed(Cause::Internal, error.to_string()),
    };
    let mut socket = match TlsSocket::new(socket, &live, worker.shared.setup.config.http1) {
        Ok(socket) => Box::new(socket),
        Err(error) => return Arrived::Failed(Cause::Internal, error.to_string()),
    };
    let mut is_entered = false;
    let shaken = poll_fn(|cx| {
        let polled = socket.poll_handshake(cx);
        if socket.has_hello() {
            session.set_heard();
        } else if polled.is_pending() && !std::mem::replace(&mut is_entered, true) {
            worker.shared.registry.enter_handshake(session.id);
        }
        polled
    });
    let Err(error) = shaken.await else {
        let facts = socket.facts(&live);
        // A client without ALPN speaks HTTP/1.1 (RFC 9113, section 3.2), if that is
        // served here.
        let is_http1 = worker.shared.setup.config.http1 && facts.protocol != "h2";
        let protocol = if is_http1 { Protocol::Http1 } else { Protocol::Http2 };
        session.set_tls(facts);
        // The host may ask for both as soon as it gets the event.
        session.set_protocol(protocol);
        worker.shared.tell(&SessionEvent::new(EventKind::Secured, session.id, session.peer().clone()));
        return Arrived::Spoken(Stream::Tls(socket), protocol);
    };
    drop(turn);
    let cause = match error.kind() {
        io::ErrorKind::UnexpectedEof => Cause::PeerClosed,
        io::ErrorKind::InvalidData => Cause::Tls,
        _ => Cause::ConnectionLost,
    };
    let text = format!("the TLS handshake failed: {error}");
    // A connection that ended without a byte, such as a health check, has not begun a
    // handshake.
    if is_heard {
        count_handshake(worker, session, &text);
    }
    if cause == Cause::Tls {
        // The peer may not read the alert.
        let _ = timeout(LINGER, poll_fn(|cx| socket.poll_dismiss(cx))).await;
    }
    Arrived::Failed(cause, text)
}

/// Counts and logs a failed TLS handshake.
fn count_handshake(worker: &Worker, session: &SessionHandle, text: &str) {
    worker.shared.refusals.handshakes.add(|| tracing::info!(peer = %session.peer(), "{text}"));
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::listener::ListenSocket;
    use crate::registry::SESSIONS;
    use crate::shared::{Setup, Shared};
    use crate::system::System;
    use crate::table::{SlotAllocator, lock};

    /// Runs a connection of a silent peer to its end and returns the events.
    async fn silent(config: Config, order: impl FnOnce(&Shared, &SessionHandle)) -> Vec<SessionEvent> {
        saying(b"", Arc::default(), config, order).await
    }

    /// The same for a peer that sends these bytes and nothing else.
    async fn saying(
        words: &[u8],
        listen_socket: Arc<ListenSocket>,
        config: Config,
        order: impl FnOnce(&Shared, &SessionHandle),
    ) -> Vec<SessionEvent> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.write_all(words).unwrap();
        let (ours, address) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        let events = Arc::<Mutex<Vec<SessionEvent>>>::default();
        let told = events.clone();
        let on_session = Some(Box::new(move |event: &SessionEvent| lock(&told).push(event.clone())) as _);
        let shared = Arc::new(Shared::new(Setup { config, on_session, ..Setup::default() }));
        let mut session = None;
        SlotAllocator::new(SESSIONS.here().unwrap()).insert(|id| {
            let entered = Arc::new(SessionHandle::new(id, address.into(), listen_socket.clone(), shared.muted()));
            session = Some(entered.clone());
            Box::new(entered)
        });
        let session = session.unwrap();
        let registration =
            Registration::new(shared.clone(), session.clone(), Arc::default(), crate::callback::Flag::default());
        let worker = Worker::new(shared.clone()).unwrap();
        let connection = Connection::new(worker, registration, Socket::new(ours, System::default()).unwrap());
        order(&shared, &session);
        tokio::time::timeout(Duration::from_secs(30), connection).await.unwrap();
        match peer.read(&mut [0; 64]) {
            Ok(read) => assert_eq!(read, 0, "a FIN and nothing before it"),
            // The input was never read.
            Err(error) => assert!(error.kind() == io::ErrorKind::ConnectionReset && !words.is_empty(), "{error}"),
        }
        std::mem::take(&mut *lock(&events))
    }

    fn told(events: &[SessionEvent]) -> Vec<(EventKind, Cause)> {
        events.iter().map(|event| (event.kind, event.cause)).collect()
    }

    #[tokio::test]
    async fn who_never_speaks_is_let_go_in_time() {
        let config = Config { handshake: Duration::from_millis(20), ..Config::default() };
        let events = silent(config, |_, _| {}).await;
        let late = Cause::HandshakeTimeout;
        assert_eq!(
            told(&events),
            [(EventKind::Opened, Cause::None), (EventKind::Timeout, late), (EventKind::Closed, late)]
        );
    }

    /// The header of a TLS record and of a ClientHello, and nothing more.
    #[tokio::test]
    async fn a_handshake_that_does_not_end_is_ended_in_time_and_by_a_close() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let tls = Tls::default();
        tls.add_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes(), None).unwrap();
        tls.reload().unwrap();
        let mut listen_socket = ListenSocket::default();
        listen_socket.tls = Some(Arc::new(tls));
        let listen_socket = Arc::new(listen_socket);
        let words = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
        let config = Config { handshake: Duration::from_millis(50), ..Config::default() };
        let events = saying(&words, listen_socket.clone(), config, |_, _| {}).await;
        let late = Cause::HandshakeTimeout;
        assert_eq!(told(&events)[1..], [(EventKind::Timeout, late), (EventKind::Closed, late)]);
        // A peer without a turn is treated the same.
        let config = Config { handshake: Duration::from_millis(50), tls_handshakes: 0, ..Config::default() };
        let events = saying(&words, listen_socket.clone(), config, |_, _| {}).await;
        assert_eq!(told(&events)[1..], [(EventKind::Timeout, late), (EventKind::Closed, late)]);
        let close =
            |shared: &Shared, _: &SessionHandle| shared.registry.close(Duration::ZERO, Duration::from_secs(20), None);
        let events = saying(&words, listen_socket, Config::default(), close).await;
        assert_eq!(told(&events)[1..], [(EventKind::Closed, Cause::Handshake)]);
    }

    #[tokio::test]
    async fn what_is_for_its_session_neither_ends_it_nor_is_lost() {
        let order = |_: &Shared, session: &SessionHandle| {
            session.ping([7; 8]).unwrap();
            session.order(Order::Goaway(0, 0, Vec::new()));
            session.order(Order::Abort(7, u32::MAX, Vec::new()));
        };
        let aborted = silent(Config::default(), order).await;
        assert_eq!(told(&aborted)[1..], [(EventKind::Closed, Cause::Aborted)]);
    }

    #[tokio::test]
    async fn a_close_and_an_abort_end_it() {
        let closed =
            silent(Config::default(), |shared, _| shared.registry.close(Duration::ZERO, Duration::from_secs(20), None))
                .await;
        assert_eq!(told(&closed)[1..], [(EventKind::Closed, Cause::Handshake)]);
        let aborted =
            silent(Config::default(), |_, session| session.order(Order::Abort(7, u32::MAX, Vec::new()))).await;
        assert_eq!(told(&aborted)[1..], [(EventKind::Closed, Cause::Aborted)]);
        assert_eq!(aborted[1].code, 7);
    }
}
