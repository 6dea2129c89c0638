//! An HTTP/1.1 client that connects again and again. The first request on an accepted
//! connection must be served. A connection may end between two requests.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Tally;
use crate::stream::Stream;

/// How many requests a connection has, in turn.
const REQUESTS: [usize; 3] = [1, 2, 10];
/// A client that was delayed for longer than this may have been too late for a closing
/// server, which gives a new connection 50 ms.
const IN_TIME: Duration = Duration::from_millis(25);
/// The pieces of the echoed body, and the delay of each.
const PIECES: usize = 4;
const PAUSE: Duration = Duration::from_millis(50);

const HELLO: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Runs until the end of the load.
pub fn press(address: SocketAddr, tls: bool, tally: &Tally, is_slow: bool) {
    for count in REQUESTS.into_iter().cycle() {
        if tally.is_over() {
            return;
        }
        let mut visit = match Visit::begin(address, tls) {
            Ok(visit) => visit,
            Err(outcome) => {
                tally.count(outcome);
                continue;
            }
        };
        if is_slow {
            tally.count(visit.echo());
            continue;
        }
        for _ in 0..count {
            if !tally.count(visit.get()) || visit.is_last {
                break;
            }
        }
    }
}

/// `Ok(true)`: served. `Ok(false)`: the request may be sent again.
type Outcome = Result<bool, String>;

/// A connection.
struct Visit {
    stream: Stream,
    began: Instant,
    /// Whether the first request was sent in time.
    is_in_time: bool,
    served: usize,
    /// Whether the response announces the end.
    is_last: bool,
}

impl Visit {
    fn begin(address: SocketAddr, tls: bool) -> Result<Self, Outcome> {
        let began = Instant::now();
        let stream =
            Stream::connect_over(tls, address, &["http/1.1"]).map_err(|error| Err(format!("connect: {error}")));
        let mut visit = Self { stream: stream?, began, is_in_time: true, served: 0, is_last: false };
        // The time from which the server can have accepted it.
        visit.began = Instant::now();
        match visit.stream.shake_hands() {
            Ok(()) => Ok(visit),
            Err(error) => Err(visit.lost("TLS", &error.to_string())),
        }
    }

    /// The connection has ended without a byte of the response.
    fn lost(&self, when: &str, why: &str) -> Outcome {
        let is_in_time = self.is_in_time && (self.served > 0 || when != "TLS" || self.began.elapsed() < IN_TIME);
        match self.served == 0 && is_in_time {
            true => Err(format!("a new connection is lost: {when}: {why}")),
            false => Ok(false),
        }
    }

    fn send(&mut self, text: &str) -> std::io::Result<()> {
        let sent = self.stream.write_all(text.as_bytes());
        if self.served == 0 {
            self.is_in_time &= self.began.elapsed() < IN_TIME;
        }
        sent
    }

    fn get(&mut self) -> Outcome {
        // If sending fails, the response has the reason, or there is none.
        let sent = self.send(HELLO);
        let Some(head) = self.head()? else {
            return self.lost("no response", &format!("{:?}", sent.err()));
        };
        let mut body = [0; 13];
        let read = self.stream.read_exact(&mut body);
        if !head.starts_with("HTTP/1.1 200 ") || read.is_err() || body != *b"Hello, World!" {
            return Err(format!("{read:?}, {head:?}, {:?}", String::from_utf8_lossy(&body)));
        }
        Ok(self.is_served(&head))
    }

    fn is_served(&mut self, head: &str) -> bool {
        self.is_last = head.contains("\r\nconnection: close\r\n");
        self.served += 1;
        true
    }

    /// Sends a body slowly, which must be echoed completely.
    fn echo(&mut self) -> Outcome {
        let _ = self.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
        for _ in 0..PIECES {
            thread::sleep(PAUSE);
            let _ = self.stream.write_all(b"7\r\nslowly \r\n");
        }
        let _ = self.stream.write_all(b"0\r\n\r\n");
        let Some(head) = self.head()? else {
            return self.lost("no echo", "it has ended");
        };
        let is_chunked = head.contains("\r\ntransfer-encoding: chunked\r\n");
        // A body that arrived at once may be echoed with its length.
        let length = head.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        let mut body = String::new();
        let mut byte = [0];
        while if is_chunked { !body.ends_with("0\r\n\r\n") } else { Some(body.len()) != length } {
            match self.stream.read(&mut byte) {
                Ok(1) => body.push(char::from(byte[0])),
                end => return Err(format!("{end:?} in the echo, after {body:?}")),
            }
        }
        match body.matches("slowly ").count() {
            PIECES => Ok(self.is_served(&head)),
            _ => Err(format!("{body:?} came back, as if that were all")),
        }
    }

    /// The head of a response; none if the connection ends before its first byte.
    fn head(&mut self) -> Result<Option<String>, String> {
        let (mut head, mut byte) = (String::new(), [0]);
        while !head.ends_with("\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(char::from(byte[0])),
                _ if head.is_empty() => return Ok(None),
                end => return Err(format!("{end:?} in a head, after {head:?}")),
            }
        }
        Ok(Some(head))
    }
}
