//! The loads: what h2load or wrk asks for, over how many connections and streams.

use std::time::Duration;

use crate::files::Files;
use crate::process::{self, LOAD_CORE};
use crate::route::Route;
use crate::running::Running;
use crate::wrk;

const RUN_LIMIT: Duration = Duration::from_secs(60);

/// The windows h2load offers, as exponents of 2: 256 KiB a stream and 1 MiB a
/// connection, the same that the servers offer. Its own default, 1 GiB, would never
/// let a server feel the flow control.
const WINDOWS: [&str; 2] = ["-w18", "-W20"];

#[derive(Clone, Copy, PartialEq)]
enum Tool {
    H2load,
    /// For so many seconds in a full run.
    Wrk(u32),
}

pub struct Load {
    pub name: &'static str,
    pub route: Route,
    pub connections: u32,
    pub streams: u32,
    /// In a full run, which takes about a second.
    requests: u32,
    tool: Tool,
}

pub const LOADS: &[Load] = &[
    // One request a connection: what a connection costs, with TLS mostly its handshake.
    load("connect-400", Route::Hello, 400, 1, 400),
    load("hello-1x1", Route::Hello, 1, 1, 30_000),
    load("hello-32x32", Route::Hello, 32, 32, 409_600),
    load("hello-256x100", Route::Hello, 256, 100, 409_600),
    load("big-1x1", Route::Big, 1, 1, 128),
    load("big-8x8", Route::Big, 8, 8, 128),
    load("echo-1x1", Route::Echo, 1, 1, 30_000),
    load("echo-32x32", Route::Echo, 32, 32, 102_400),
    load("http1-hello-1", Route::Hello1, 1, 1, 30_000),
    load("http1-hello-32", Route::Hello1, 32, 1, 102_400),
    // Sixteen sent ahead on each connection.
    load("http1-hello-32x16", Route::Hello1, 32, 16, 204_800),
    load("http1-big-8", Route::Big1, 8, 1, 128),
    load("http1-echo-32", Route::Echo1, 32, 1, 102_400),
    Load { tool: Tool::Wrk(3), ..load("http1-wrk-32", Route::Hello1, 32, 1, 300_000) },
];

const fn load(name: &'static str, route: Route, connections: u32, streams: u32, requests: u32) -> Load {
    Load { name, route, connections, streams, requests, tool: Tool::H2load }
}

/// What one run came to.
pub enum Outcome {
    Run {
        requests: u32,
        /// The server's processor time.
        cpu: Duration,
        per_second: f64,
    },
    Failed {
        /// How many went wrong.
        requests: u32,
        reason: String,
    },
}

impl Load {
    /// Without TLS what a connection costs is no question, and TLS is measured with HTTP/2.
    pub fn is_for(&self, tls: bool) -> bool {
        match tls {
            true => !self.route.is_http1(),
            false => self.requests > self.connections * self.streams,
        }
    }

    /// Whether wrk makes it.
    pub fn is_of_wrk(&self) -> bool {
        self.tool != Tool::H2load
    }

    /// A `share` of the full count, but for each stream one at least.
    pub fn requests_of(&self, share: f64) -> u32 {
        let part = (f64::from(self.requests) * share) as u32;
        part.max(self.connections * self.streams)
    }

    pub fn run(&self, requests: u32, server: &Running, files: &Files) -> Outcome {
        if let Tool::Wrk(seconds) = self.tool {
            let part = seconds * requests / self.requests;
            return wrk::run(part.max(1), self.connections, server, files);
        }
        let mut command = process::pinned(LOAD_CORE, "h2load");
        command
            .args(["-t1", "-n", &requests.to_string()])
            .args(["-c", &self.connections.to_string()])
            .args(["-m", &self.streams.to_string()])
            .args(WINDOWS);
        self.route.aim(&mut command, server.port, files);
        let done = server.cpu_time_of(|| process::output(&mut command, RUN_LIMIT, files.folder()));
        match done {
            Ok((cpu, text)) => {
                let text = String::from_utf8_lossy(&text);
                judge(&text, requests, self.route.bytes(), cpu)
            }
            Err(error) => Outcome::Failed { requests, reason: error.to_string() },
        }
    }
}

/// Reads h2load's closing lines. Every request must have succeeded with a 2xx and
/// all the bytes of its answer.
fn judge(text: &str, requests: u32, bytes: usize, cpu: Duration) -> Outcome {
    let count = |after: &str, before: &str| number(text, after, before).unwrap_or(0.0) as u64;
    let succeeded = count("requests: ", " succeeded").min(count("status codes: ", " 2xx"));
    let received = count("traffic: ", ") data");
    let expected = u64::from(requests) * bytes as u64;
    match number(text, "finished in ", " req/s") {
        Some(per_second) if succeeded == u64::from(requests) && received == expected => {
            Outcome::Run { requests, cpu, per_second }
        }
        _ => Outcome::Failed {
            requests: requests.saturating_sub(succeeded as u32).max(1),
            reason: format!("{succeeded} of {requests} requests succeeded, with {received} of {expected} bytes"),
        },
    }
}

/// The number that stands before `unit`, in the line that begins with `start`.
fn number(text: &str, start: &str, unit: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(start))?;
    let (before, _) = line.split_once(unit)?;
    let digits = before.rsplit([' ', '(']).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
finished in 417.83ms, 490156.19 req/s, 18.24MB/s
requests: 2048 total, 2048 started, 2048 done, 2048 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 2048 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 7.62MB (7989568) total, 1.56MB (1639392) headers (space savings 90.12%), 26.00KB (26624) data
";

    fn judge(text: &str) -> Outcome {
        super::judge(text, 2048, 13, Duration::from_secs(1))
    }

    fn failed(text: &str) -> u32 {
        match judge(text) {
            Outcome::Failed { requests, .. } => requests,
            Outcome::Run { .. } => 0,
        }
    }

    #[test]
    fn a_good_run_counts() {
        let Outcome::Run { per_second, .. } = judge(GOOD) else {
            panic!("taken for a failure");
        };
        assert_eq!(per_second, 490156.19);
    }

    #[test]
    fn whatever_is_amiss_is_a_failure() {
        assert_eq!(failed(GOOD), 0);
        assert_eq!(failed(&GOOD.replace("2048 succeeded", "2040 succeeded")), 8);
        assert_eq!(failed(&GOOD.replace("2048 2xx, 0 3xx", "0 2xx, 2048 3xx")), 2048);
        assert_eq!(failed(&GOOD.replace("(26624) data", "(26611) data")), 1);
        assert_eq!(failed(""), 2048);
    }

    #[test]
    fn every_stream_gets_a_request() {
        let load = load("hello-256x100", Route::Hello, 256, 100, 100_000);
        assert_eq!(load.requests_of(1.0), 100_000);
        assert_eq!(load.requests_of(0.01), 25_600);
    }
}
