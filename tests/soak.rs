//! The soak test: connections open and end in every way for a chosen time. None of
//! them may leave a session, a descriptor or memory.
//!
//! `SOAK_SECONDS` is the duration (default 5, short enough for the test suite;
//! `make soak` takes five minutes). Connections are opened in batches. After each
//! round of batches only the connection of the checks is open, and:
//!
//! - `GET /sessions` lists the session of the request and no other
//! - each connection was reported as opened once, and then as closed once
//! - the process has as many descriptors as before the first batch
//!
//! At the end, memory must not have grown after the first third of the run, and the
//! counts of the close report must be consistent.
//!
//! - `visit`: the ways in which a connection opens and ends
//! - `peer`: a connection with little overhead, for `visit`
//! - `books`: the session events that the demo must report
//! - `process`: the demo's memory and descriptors
#![cfg(target_os = "linux")]

mod kit;

#[path = "soak/books.rs"]
mod books;
#[path = "soak/peer.rs"]
mod peer;
#[path = "soak/process.rs"]
mod process;
#[path = "soak/visit.rs"]
mod visit;

use std::thread;
use std::time::{Duration, Instant};

use books::Books;
use kit::json::Value;
use kit::{Client, Demo};
use process::{Memory, Process};

/// How long the streams that nobody gives up go on at the end.
const DRAIN: Duration = Duration::from_millis(500);

/// How many batches there are between two looks at a server at rest.
const BATCHES: usize = 4;

/// How long everything may take to be gone: the linger of 1 s, and what a busy
/// machine adds.
const REST: Duration = Duration::from_secs(5);

/// A run at least this long makes at least so many connections, if need be in
/// up to twice the time.
const LONG: (Duration, usize) = (Duration::from_secs(300), 100_000);

/// Who is still there when the end comes, besides the one who asks.
const IDLERS: usize = 10;

#[test]
fn nothing_stays_behind() {
    let length = soak_length();
    let mut soak = Soak::start();
    let start = Instant::now();
    while !is_enough(start.elapsed(), length, soak.connections) {
        soak.round();
    }
    soak.print(start.elapsed());
    soak.memory.check_flat();
    soak.leave();
}

fn soak_length() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").unwrap_or_else(|_| "5".to_string());
    let seconds = seconds.parse().unwrap_or_else(|_| panic!("SOAK_SECONDS is {seconds:?}, not a number"));
    Duration::from_secs(seconds)
}

fn is_enough(elapsed: Duration, length: Duration, connections: usize) -> bool {
    let (long, many) = LONG;
    let still_few = length >= long && connections < many;
    elapsed >= length * 2 || (elapsed >= length && !still_few)
}

struct Soak {
    demo: Demo,
    process: Process,
    /// The session that asks, one for all the time.
    observer: Client,
    books: Books,
    memory: Memory,
    /// With the observer there and nobody else.
    descriptors: usize,
    /// The observer's included.
    connections: usize,
    rounds: usize,
}

impl Soak {
    fn start() -> Soak {
        let demo = Demo::start(DRAIN);
        let process = Process::child_of_ours();
        let mut observer = demo.open();
        observer.get("/");
        let descriptors = process.descriptors();
        let (books, memory) = (Books::default(), Memory::default());
        Soak { demo, process, observer, books, memory, descriptors, connections: 1, rounds: 0 }
    }

    fn round(&mut self) {
        for batch in 0..BATCHES {
            self.connections += visit::batch(self.demo.address(), self.rounds * BATCHES + batch);
            self.keep_books();
        }
        self.expect_rest();
        self.memory.add(self.process.resident_kib());
        self.rounds += 1;
    }

    fn keep_books(&mut self) {
        let events = self.ask("/events");
        let texts = events.list().expect("a list of events").iter();
        self.books.enter(texts.map(|event| event.text().expect("an event is a text").to_string()).collect());
    }

    /// All visitors are gone, whichever way one looks at it.
    fn expect_rest(&mut self) {
        let deadline = Instant::now() + REST;
        loop {
            self.keep_books();
            let listed = self.ask("/sessions").list().expect("a list of sessions").len();
            let descriptors = self.process.descriptors();
            let open = self.books.open();
            let gone = listed == 1 && open == 1 && descriptors == self.descriptors;
            if gone && self.books.opened() == self.connections {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "not at rest {REST:?} after the last visitor left: {listed} sessions are listed and {open} are open by \
                 their events, of 1; {} were opened, of {}; {descriptors} descriptors, of {}",
                self.books.opened(),
                self.connections,
                self.descriptors,
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn ask(&mut self, path: &str) -> Value {
        let response = self.observer.get(path);
        self.observer.expect_complete(&response);
        // A transcript of minutes would only make the next look at it slow.
        self.observer.transcript.entries.clear();
        Value::parse(&response.text()).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn print(&self, elapsed: Duration) {
        let (seconds, connections) = (elapsed.as_secs_f64(), self.connections);
        println!(
            "{connections} connections in {seconds:.1} s, {} rounds; {} descriptors at rest",
            self.rounds, self.descriptors
        );
        println!("closed: {}", self.books.outcomes());
        println!("{}", self.memory);
    }

    /// Ends the demo with some sessions that go when asked and one that does not.
    fn leave(mut self) {
        let mut idlers: Vec<Client> = (0..IDLERS).map(|_| self.demo.open()).collect();
        idlers.push(self.observer);
        let mut stayer = self.demo.open();
        stayer.request("GET", "/hang");
        stayer.ping_and_wait(*b"arrived?");

        self.demo.terminate();
        for idler in &mut idlers {
            idler.read_until_end();
        }
        stayer.read_until_end();
        drop((idlers, stayer));
        let report = self.demo.expect_exit_in_time();
        println!("{report:?}");
        let graceful = i64::try_from(IDLERS + 1).expect("few");
        assert_eq!(report.ends(), (graceful, 0, 0, 1), "graceful, by peer, in handshake, forced: {report:?}");
        assert_eq!(report.streams_reset, 1, "{report:?}");
    }
}
