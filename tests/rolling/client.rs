//! Clients that never rest, each on a connection that it changes now and then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::{Request, StatusCode};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

const CLIENTS: usize = 4;
/// Requests of a client at a time.
const AT_ONCE: usize = 4;
/// Rounds of them on one connection.
const ROUNDS: usize = 25;
/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Load {
    tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Tally {
    served: AtomicUsize,
    again: AtomicUsize,
    failures: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

impl Tally {
    fn fail(&self, why: String) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(why);
    }
}

impl Load {
    pub fn start(address: SocketAddr) -> Self {
        let tally = Arc::<Tally>::default();
        let of_thread = tally.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut clients = JoinSet::new();
                (0..CLIENTS).for_each(|_| drop(clients.spawn(press(address, of_thread.clone()))));
                clients.join_all().await;
            });
        });
        Self { tally, thread: Some(thread) }
    }

    /// Until so many more requests have been served.
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

    /// No request has failed.
    #[track_caller]
    pub fn end(mut self) {
        self.stop();
        self.assert_good();
        eprintln!("served {}, asked again {}", self.tally.served.load(Relaxed), self.tally.again.load(Relaxed));
    }

    fn stop(&mut self) {
        self.tally.is_over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn press(address: SocketAddr, tally: Arc<Tally>) {
    while !tally.is_over.load(Relaxed) {
        match timeout(PATIENCE, connect(address)).await {
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

/// Asks until the connection has done its part, or does not take any more.
async fn use_up(sender: SendRequest<Bytes>, tally: &Arc<Tally>) {
    for _ in 0..ROUNDS {
        let mut asked = JoinSet::new();
        (0..AT_ONCE).for_each(|_| drop(asked.spawn(ask(sender.clone()))));
        let mut goes_on = !tally.is_over.load(Relaxed);
        for outcome in asked.join_all().await {
            match outcome {
                Ok(true) => drop(tally.served.fetch_add(1, Relaxed)),
                Ok(false) => {
                    tally.again.fetch_add(1, Relaxed);
                    goes_on = false;
                }
                Err(why) => {
                    tally.fail(why);
                    goes_on = false;
                }
            }
        }
        if !goes_on {
            return;
        }
    }
}

/// Whether it was served; false if it was not processed and may be asked again.
async fn ask(sender: SendRequest<Bytes>) -> Result<bool, String> {
    match timeout(PATIENCE, exchange(sender)).await {
        Ok(Ok(StatusCode::OK)) => Ok(true),
        Ok(Ok(status)) => Err(format!("status {status}")),
        Ok(Err((true, _))) => Ok(false),
        Ok(Err((false, error))) => Err(error.to_string()),
        Err(_) => Err("no answer in time".into()),
    }
}

/// An error with whether the server has said that the request was not processed.
type Failure = (bool, h2::Error);

async fn exchange(sender: SendRequest<Bytes>) -> Result<StatusCode, Failure> {
    // Nothing has been sent when it is not ready.
    let mut sender = sender.ready().await.map_err(|error| (true, error))?;
    let request = Request::get("http://localhost/").body(()).expect("a request");
    let (answer, _) = sender.send_request(request, true).map_err(|error| (true, error))?;
    let answer = answer.await.map_err(|error| (is_unprocessed(&error), error))?;
    let (status, mut body) = (answer.status(), answer.into_body());
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|error| (false, error))?;
        let _ = body.flow_control().release_capacity(piece.len());
    }
    Ok(status)
}

fn is_unprocessed(error: &h2::Error) -> bool {
    let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    is_refused || error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR)
}
