//! Measures how fast goaway closes many idle sessions.

use std::thread;
use std::time::{Duration, Instant};

use crate::crowd::{self, Crowd, Protocol};
use crate::files::Files;
use crate::options::Options;
use crate::running::Running;
use crate::server::SERVERS;
use crate::{Result, process, report};

pub const NAME: &str = "idle-close";

/// The only server that prints a close report.
const SERVER: &str = "goaway";

/// The default session limit of the demo.
const SESSIONS: usize = 10_000;

/// Much longer than the demo's drain timeout.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);

/// After this time the connection that probed the listener is closed and no longer
/// counted.
const CALM: Duration = Duration::from_millis(300);

struct Goodbye {
    sessions: usize,
    /// When the first and the last peer received GOAWAY.
    told: (Duration, Duration),
    /// When the demo printed its report.
    reported: Duration,
    report: String,
}

/// The table, and whether all went well. None: goaway is not wanted, or not built.
pub fn measure(options: &Options, files: &Files) -> Result<Option<(String, bool)>> {
    let sessions = crowd::affordable((SESSIONS as f64 * options.share) as usize)?;
    if !options.wants(SERVER) {
        return Ok(None);
    }
    report::progress(&format!("{NAME}: {SERVER}"));
    let goodbye = goodbye(sessions, files);
    report::progress("");
    match goodbye {
        Ok(None) => Ok(None),
        Ok(Some(goodbye)) => Ok(Some((table(&goodbye), goodbye.is_graceful()))),
        Err(error) => {
            process::stop_if_interrupted()?;
            Ok(Some((format!("### {NAME}\n\n**{SERVER} failed**: {error}\n"), false)))
        }
    }
}

fn goodbye(sessions: usize, files: &Files) -> Result<Option<Goodbye>> {
    let server = SERVERS.iter().find(|server| server.name == SERVER).expect("it is on the list");
    let Some(mut running) = Running::launch(server, files)? else {
        return Ok(None);
    };
    thread::sleep(CALM);
    let mut crowd = Crowd::open(running.port, sessions, Protocol::Http2)?;
    let start = Instant::now();
    running.terminate();
    let (mut reported, mut report) = (None, String::new());
    while reported.is_none() || !crowd.all_ended() {
        if start.elapsed() > CLOSE_LIMIT {
            let (told, all) = (crowd.goaways.len(), crowd.len());
            return Err(format!("no end of the close; {told} of {all} sessions had a GOAWAY").into());
        }
        crowd.pump(Duration::from_millis(1))?;
        if reported.is_none()
            && let Some(line) = running.logged(|line| line.starts_with('{'))
        {
            reported = Some(start.elapsed());
            report = line;
        }
    }
    running.wait_for_end(CLOSE_LIMIT)?;
    let told = match &crowd.goaways[..] {
        [first, .., last] if crowd.goaways.len() == sessions => (*first - start, *last - start),
        told => return Err(format!("{} of {sessions} sessions had a GOAWAY", told.len()).into()),
    };
    Ok(Some(Goodbye { sessions, told, reported: reported.unwrap_or_default(), report }))
}

impl Goodbye {
    fn count(&self, name: &str) -> Option<u64> {
        let (_, rest) = self.report.split_once(&format!("\"{name}\":"))?;
        rest.split([',', '}']).next()?.trim().parse().ok()
    }

    fn is_graceful(&self) -> bool {
        self.count("sessions_graceful") == u64::try_from(self.sessions).ok()
    }
}

fn table(goodbye: &Goodbye) -> String {
    let ms = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1000.0);
    let count = |name| goodbye.count(name).map_or("?".to_owned(), |count| count.to_string());
    let verdict = if goodbye.is_graceful() { "" } else { "\n**failed**: not all ended gracefully\n" };
    format!(
        "### {NAME}: SIGTERM with {} idle sessions, in ms from the signal\n\n\
         | server | first peer told | last peer told | report | by its own clock | graceful | by peer | in handshake | \
         forced |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|\n\
         | {SERVER} | {} | {} | {} | {} | {} | {} | {} | {} |\n{verdict}",
        goodbye.sessions,
        ms(goodbye.told.0),
        ms(goodbye.told.1),
        ms(goodbye.reported),
        count("elapsed_ms"),
        count("sessions_graceful"),
        count("sessions_by_peer"),
        count("sessions_in_handshake"),
        count("sessions_forced"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_graceful() {
        let report = r#"{"sessions_graceful":7,"sessions_by_peer":0,"elapsed_ms":12}"#.to_owned();
        let second = Duration::from_secs(1);
        let mut goodbye = Goodbye { sessions: 7, told: (second, second), reported: second, report };
        assert!(goodbye.is_graceful());
        assert!(table(&goodbye).contains("| goaway | 1000 | 1000 | 1000 | 12 | 7 | 0 | ? | ? |"));
        goodbye.sessions = 8;
        assert!(!goodbye.is_graceful() && table(&goodbye).contains("failed"));
    }
}
