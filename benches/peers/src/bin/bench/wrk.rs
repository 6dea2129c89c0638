//! The load that wrk makes: for a time, not for a number of requests.

use std::time::Duration;

use crate::files::Files;
use crate::load::Outcome;
use crate::process::{self, LOAD_CORE};
use crate::running::Running;

/// How much longer than its time it may take.
const SLACK: Duration = Duration::from_secs(30);

/// One run of so many seconds, at 13 bytes an answer.
pub fn run(seconds: u32, connections: u32, server: &Running, files: &Files) -> Outcome {
    let mut command = process::pinned(LOAD_CORE, "wrk");
    command.args(["-t1", "-c", &connections.to_string(), "-d", &format!("{seconds}s")]);
    command.arg(format!("http://127.0.0.1:{}/", server.port));
    let limit = Duration::from_secs(seconds.into()) + SLACK;
    match server.cpu_time_of(|| process::output(&mut command, limit, files.folder())) {
        Ok((cpu, text)) => judge(&String::from_utf8_lossy(&text), cpu),
        Err(error) => Outcome::Failed { requests: 1, reason: error.to_string() },
    }
}

/// Reads its closing lines; it has some more if anything was amiss.
fn judge(text: &str, cpu: Duration) -> Outcome {
    let complaint =
        text.lines().map(str::trim).find(|line| line.starts_with("Socket errors") || line.starts_with("Non-2xx"));
    let before = |unit: &str| text.lines().find_map(|line| line.split_once(unit)?.0.trim().parse().ok());
    let after = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)?.trim().parse().ok());
    match (before(" requests in "), after("Requests/sec:"), complaint) {
        (Some(requests), Some(per_second), None) if requests > 0 => Outcome::Run { requests, cpu, per_second },
        (.., complaint) => {
            Outcome::Failed { requests: 1, reason: complaint.unwrap_or("wrk did not say what it did").to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
Running 1s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   159.05us   61.98us   1.79ms   84.70%
  199861 requests in 1.10s, 25.35MB read
Requests/sec: 181690.58
Transfer/sec:     23.05MB
";

    fn judge(text: &str) -> Result<(u32, f64), String> {
        match super::judge(text, Duration::from_secs(1)) {
            Outcome::Run { requests, per_second, .. } => Ok((requests, per_second)),
            Outcome::Failed { reason, .. } => Err(reason),
        }
    }

    #[test]
    fn a_good_run_counts() {
        assert_eq!(judge(GOOD), Ok((199_861, 181_690.58)));
    }

    #[test]
    fn whatever_is_amiss_is_a_failure() {
        let refused = GOOD.replace("Requests/sec", "  Non-2xx or 3xx responses: 7\nRequests/sec");
        assert_eq!(judge(&refused), Err("Non-2xx or 3xx responses: 7".to_owned()));
        let broken =
            GOOD.replace("Requests/sec", "  Socket errors: connect 0, read 3, write 0, timeout 0\nRequests/sec");
        assert!(judge(&broken).is_err_and(|reason| reason.starts_with("Socket errors")));
        assert!(judge(&GOOD.replace("199861", "0")).is_err());
        assert!(judge("").is_err());
    }
}
