//! Clients that send requests all the time, each on a connection that it replaces now and
//! then. One of them has its body echoed slowly, so that a closing server has an open
//! request that no proxy can send again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use h2::client::{ResponseFuture, SendRequest};
use http::{Request, StatusCode};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::http1;

const CLIENTS: usize = 4;
/// How many requests a client sends at a time.
const AT_ONCE: usize = 4;
/// How many rounds of them one connection has.
const ROUNDS: usize = 25;
/// The pieces of the echoed body, and the delay of each.
const PIECES: usize = 4;
const PAUSE: Duration = Duration::from_millis(50);
/// How long to wait for events that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Load {
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
pub struct Tally {
    served: AtomicUsize,
    again: AtomicUsize,
    failures: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

impl Tally {
    pub fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Whether its connection may be used again.
    pub fn count(&self, outcome: Result<bool, String>) -> bool {
        match outcome {
            Ok(true) => self.served.fetch_add(1, Relaxed),
            Ok(false) => self.again.fetch_add(1, Relaxed),
            Err(why) => {
                self.fail(why);
                return false;
            }
        };
        matches!(outcome, Ok(true))
    }

    fn fail(&self, why: String) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(why);
    }
}

impl Load {
    /// `has_echo`: whether the server has `/echo`.
    pub fn start(address: SocketAddr, has_echo: bool) -> Self {
        let tally = Arc::<Tally>::default();
        let of_thread = tally.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut clients = JoinSet::new();
                for number in 0..CLIENTS + usize::from(has_echo) {
                    drop(clients.spawn(press(address, of_thread.clone(), number == CLIENTS)));
                }
                clients.join_all().await;
            });
        });
        Self { tally, threads: vec![thread] }
    }

    /// The same over HTTP/1.1, with or without TLS, each client on a thread of its own.
    pub fn start_http1(address: SocketAddr, tls: bool) -> Self {
        let tally = Arc::<Tally>::default();
        let start = |number: usize| {
            let tally = tally.clone();
            thread::spawn(move || http1::press(address, tls, &tally, number == CLIENTS))
        };
        Self { threads: (0..=CLIENTS).map(start).collect(), tally }
    }

    /// Waits until `more` requests were served.
    #[track_caller]
    pub fn wait_for(&self, more: usize) {
        let wanted = self.tally.served.load(Relaxed) + more;
        let until = Instant::now() + PATIENCE;
        while self.tally.served.load(Relaxed) < wanted {
            self.assert_good();
            assert!(Instant::now() < until, "nothing is served any more");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[track_caller]
    fn assert_good(&self) {
        let failures = self.tally.failures.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(failures.is_empty(), "{} failed: {:?}", failures.len(), &failures[..failures.len().min(5)]);
    }

    /// Asserts that no request has failed.
    #[track_caller]
    pub fn end(mut self) {
        self.stop();
        self.assert_good();
        eprintln!("served {}, asked again {}", self.tally.served.load(Relaxed), self.tally.again.load(Relaxed));
    }

    fn stop(&mut self) {
        self.tally.is_over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn press(address: SocketAddr, tally: Arc<Tally>, is_slow: bool) {
    while !tally.is_over.load(Relaxed) {
        match timeout(PATIENCE, connect(address)).await {
            Ok(Ok(sender)) if is_slow => drop(tally.count(judge(echo(sender)).await)),
            Ok(Ok(sender)) => use_up(sender, &tally).await,
            Ok(Err(why)) => tally.fail(why),
            Err(_) => tally.fail("no connection in time".into()),
        }
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Bytes>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("connect: {error}"))?;
    let shaken = h2::client::handshake(stream).await;
    let (sender, connection) = shaken.map_err(|error| format!("handshake: {error}"))?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// Sends requests until the connection has had its rounds, or accepts no more.
async fn use_up(sender: SendRequest<Bytes>, tally: &Arc<Tally>) {
    for _ in 0..ROUNDS {
        let mut asked = JoinSet::new();
        (0..AT_ONCE).for_each(|_| drop(asked.spawn(judge(get(sender.clone())))));
        let mut goes_on = !tally.is_over.load(Relaxed);
        for outcome in asked.join_all().await {
            goes_on &= tally.count(outcome);
        }
        if !goes_on {
            return;
        }
    }
}

/// Whether the request was served; false if it was not processed and may be sent again.
async fn judge(exchange: impl Future<Output = Result<StatusCode, Failure>>) -> Result<bool, String> {
    match timeout(PATIENCE, exchange).await {
        Ok(Ok(StatusCode::OK)) => Ok(true),
        Ok(Ok(status)) => Err(format!("status {status}")),
        Ok(Err((true, _))) => Ok(false),
        Ok(Err((false, error))) => Err(error),
        Err(_) => Err("no answer in time".into()),
    }
}

/// An error, and whether the server has reported that the request was not processed.
type Failure = (bool, String);

async fn get(sender: SendRequest<Bytes>) -> Result<StatusCode, Failure> {
    // Nothing was sent if the connection is not ready.
    let mut sender = sender.ready().await.map_err(|error| (true, error.to_string()))?;
    let request = Request::get("http://localhost/").body(()).expect("a request");
    let (answer, _) = sender.send_request(request, true).map_err(|error| (true, error.to_string()))?;
    read(answer).await.map(|(status, _)| status)
}

/// Sends a body slowly, which must be echoed completely.
async fn echo(sender: SendRequest<Bytes>) -> Result<StatusCode, Failure> {
    let mut sender = sender.ready().await.map_err(|error| (true, error.to_string()))?;
    let request = Request::post("http://localhost/echo").body(()).expect("a request");
    let (answer, mut body) = sender.send_request(request, false).map_err(|error| (true, error.to_string()))?;
    let answer = tokio::spawn(read(answer));
    for number in 1..=PIECES {
        tokio::time::sleep(PAUSE).await;
        // If sending fails, the response has the reason.
        let _ = body.send_data(Bytes::from_static(b"slowly "), number == PIECES);
    }
    let (status, length) = answer.await.expect("no panic")?;
    match status == StatusCode::OK && length != PIECES * b"slowly ".len() {
        true => Err((false, format!("{length} bytes came back, as if that were all"))),
        false => Ok(status),
    }
}

async fn read(answer: ResponseFuture) -> Result<(StatusCode, usize), Failure> {
    let answer = answer.await.map_err(|error| (is_unprocessed(&error), error.to_string()))?;
    let (status, mut body, mut length) = (answer.status(), answer.into_body(), 0);
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|error| (false, error.to_string()))?;
        length += piece.len();
        let _ = body.flow_control().release_capacity(piece.len());
    }
    Ok((status, length))
}

fn is_unprocessed(error: &h2::Error) -> bool {
    let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    is_refused || error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR)
}
