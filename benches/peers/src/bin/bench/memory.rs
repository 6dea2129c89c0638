//! What an idle session costs in memory, and what stays when it has gone.

use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::crowd::{self, Crowd, Protocol};
use crate::files::Files;
use crate::options::Options;
use crate::running::Running;
use crate::server::{SERVERS, Server};
use crate::{Result, process, report};

const SESSIONS: usize = 3000;

/// One of the measurements: idle sessions of one protocol.
pub struct Idle {
    pub name: &'static str,
    protocol: Protocol,
    /// The servers that are asked.
    servers: &'static [&'static str],
}

pub const IDLE: [Idle; 2] = [
    Idle { name: "idle-memory", protocol: Protocol::Http2, servers: &["goaway", "hyper", "h2-batched", "nghttpd"] },
    Idle {
        name: "idle-memory-http1",
        protocol: Protocol::Http1,
        servers: &["goaway", "hyper-http1", "nginx-http1", "h2o-http1"],
    },
];

/// The time for a server to finish its work after the last response.
const CALM: Duration = Duration::from_millis(500);

/// The time limit for a server to close the connections that its clients closed.
const PARTING_LIMIT: Duration = Duration::from_secs(10);

/// A crowd comes, and goes again.
struct Visit {
    full: u64,
    left: u64,
}

struct Figures {
    sessions: usize,
    start: u64,
    visits: [Visit; 2],
}

/// The table, and whether all went well.
pub fn measure(idle: &Idle, options: &Options, files: &Files) -> Result<(String, bool)> {
    let name = idle.name;
    let sessions = crowd::affordable((SESSIONS as f64 * options.share) as usize)?;
    let mut table = format!(
        "### {name}: resident memory with {sessions} idle sessions, each with one GET served\n\n\
         | server | KiB at start | with the sessions | KiB/session | all closed | opened again | KiB/session | closed \
         again | growth |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let mut reasons = String::new();
    for server in SERVERS.iter().filter(|server| idle.servers.contains(&server.name) && options.wants(server.name)) {
        report::progress(&format!("{name}: {}", server.name));
        match figures(server, idle.protocol, sessions, files) {
            Ok(Some(figures)) => table += &row(server.name, &figures),
            Ok(None) => {}
            Err(error) => {
                process::stop_if_interrupted()?;
                let _ = writeln!(table, "| {} | **failed** | | | | | | | |", server.name);
                let _ = writeln!(reasons, "\n**{} failed**: {error}", server.name);
            }
        }
    }
    report::progress("");
    let well = reasons.is_empty();
    Ok((table + &reasons, well))
}

/// Of a server of its own, which has served nothing yet.
fn figures(server: &'static Server, protocol: Protocol, sessions: usize, files: &Files) -> Result<Option<Figures>> {
    let Some(running) = Running::launch(server, files)? else {
        return Ok(None);
    };
    thread::sleep(CALM);
    let (start, descriptors) = (running.resident_kib()?, running.descriptors()?);
    let visit = || -> Result<Visit> {
        let crowd = Crowd::open(running.port, sessions, protocol)?;
        thread::sleep(CALM);
        let full = running.resident_kib()?;
        drop(crowd);
        wait_for_parting(&running, descriptors)?;
        Ok(Visit { full, left: running.resident_kib()? })
    };
    let visits = [visit()?, visit()?];
    Ok(Some(Figures { sessions, start, visits }))
}

fn wait_for_parting(running: &Running, descriptors: usize) -> Result<()> {
    let deadline = Instant::now() + PARTING_LIMIT;
    loop {
        let now = running.descriptors()?;
        if now <= descriptors {
            thread::sleep(CALM);
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("{now} descriptors of {descriptors} before, and nobody is there").into());
        }
        process::pause()?;
    }
}

fn row(name: &str, figures: &Figures) -> String {
    let [first, second] = &figures.visits;
    let each = |full: u64, empty: u64| (full as f64 - empty as f64) / figures.sessions as f64;
    let growth = second.left as f64 - first.left as f64;
    format!(
        "| {name} | {} | {} | {:.2} | {} | {} | {:.2} | {} | {growth:+.0} |\n",
        figures.start,
        first.full,
        each(first.full, figures.start),
        first.left,
        second.full,
        each(second.full, figures.start),
        second.left,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_counts_from_the_start() {
        let visits = [Visit { full: 5000, left: 2000 }, Visit { full: 6000, left: 2100 }];
        let row = row("some", &Figures { sessions: 1000, start: 1000, visits });
        assert_eq!(row, "| some | 1000 | 5000 | 4.00 | 2000 | 6000 | 5.00 | 2100 | +100 |\n");
    }
}
