//! The tables.

use std::fmt::Write;
use std::fs;
use std::io::{self, IsTerminal};
use std::time::Duration;

use crate::load::{Load, Outcome};
use crate::route::Route;
use crate::{process, version};

/// The server that the others are compared with.
const BASE: &str = "h2-batched";
/// The same for HTTP/1.1.
const BASE_HTTP1: &str = "hyper-http1";

/// One server's runs of one load.
pub struct Row<'a> {
    server: &'a str,
    able: bool,
    outcomes: Vec<Outcome>,
}

impl<'a> Row<'a> {
    /// `able`: the server can answer what the load asks for.
    pub fn new(server: &'a str, able: bool) -> Row<'a> {
        Row { server, able, outcomes: Vec::new() }
    }

    pub fn push(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// False after a failure: good rounds to come would not mend it.
    pub fn goes_on(&self) -> bool {
        self.able && self.failure().is_none()
    }

    pub fn failure(&self) -> Option<(u32, &str)> {
        self.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Failed { requests, reason } => Some((*requests, reason.as_str())),
            Outcome::Run { .. } => None,
        })
    }

    /// The cost of a unit in each run, in ascending order.
    fn costs(&self, unit: &Unit) -> Vec<f64> {
        self.sorted(|requests, cpu, _| unit.cost(requests, cpu))
    }

    fn rates(&self, unit: &Unit) -> Vec<f64> {
        self.sorted(|_, _, per_second| unit.rate(per_second))
    }

    fn sorted(&self, value: impl Fn(u32, Duration, f64) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self
            .outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Run { requests, cpu, per_second } => Some(value(*requests, *cpu, *per_second)),
                Outcome::Failed { .. } => None,
            })
            .collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

/// What a load is counted in.
enum Unit {
    Requests,
    /// Of large answers, of so many bytes each.
    Bytes(f64),
}

impl Unit {
    fn of(route: Route) -> Unit {
        match route {
            Route::Hello | Route::Echo | Route::Hello1 | Route::Echo1 => Unit::Requests,
            Route::Big | Route::Big1 => Unit::Bytes(route.bytes() as f64),
        }
    }

    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Unit::Requests => ("CPU us/request", "requests/s"),
            Unit::Bytes(_) => ("CPU ms/GiB", "MB/s"),
        }
    }

    fn cost(&self, requests: u32, cpu: Duration) -> f64 {
        let seconds = cpu.as_secs_f64() / f64::from(requests);
        match self {
            Unit::Requests => seconds * 1e6,
            Unit::Bytes(each) => seconds * 1e3 / each * f64::from(1 << 30),
        }
    }

    fn rate(&self, per_second: f64) -> f64 {
        match self {
            Unit::Requests => per_second,
            Unit::Bytes(each) => per_second * each / 1e6,
        }
    }
}

/// All that is printed, kept for the file.
pub struct Report {
    text: String,
}

impl Report {
    pub fn new() -> Report {
        Report { text: String::new() }
    }

    pub fn say(&mut self, paragraph: &str) {
        println!("{paragraph}");
        self.text += paragraph;
        self.text += "\n";
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Replaces the shown progress by `text`, if standard error is a terminal.
pub fn progress(text: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}

/// What was measured with: numbers from two machines do not compare.
pub fn opening(rounds: usize) -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let cpu = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!(
        "{}, Linux {}; every server alone on core {}, h2load on core {}; medians of {rounds} rounds.\n\n{}.\n",
        cpu.map_or("unknown processor", |(_, name)| name),
        read("/proc/sys/kernel/osrelease").trim(),
        process::SERVER_CORE,
        process::LOAD_CORE,
        version::line(),
    )
}

pub fn table(load: &Load, rows: &[Row]) -> String {
    let unit = Unit::of(load.route);
    let (cost, rate) = unit.names();
    let name = if load.route.is_http1() { BASE_HTTP1 } else { BASE };
    let base =
        rows.iter().find(|row| row.server == name && row.failure().is_none()).map(|row| median(&row.costs(&unit)));

    let mut text = format!(
        "### {}: {}, {} x {}\n\n\
         | server | {cost} | min to max | x {name} | {rate} | failed |\n\
         |---|---:|---:|---:|---:|---:|\n",
        load.name,
        load.route.title(),
        load.connections,
        load.streams,
    );
    let mut reasons = String::new();
    for row in rows {
        let cells = if !row.able {
            "- | - | - | - | -".to_owned()
        } else if let Some((requests, reason)) = row.failure() {
            let _ = writeln!(reasons, "\n**{} failed**: {reason}", row.server);
            format!("**failed** | | | | {requests}")
        } else {
            let costs = row.costs(&unit);
            let cost = median(&costs);
            let ratio = base.map_or("-".to_owned(), |base| format!("{:.2}", cost / base));
            format!(
                "{} | {} to {} | {ratio} | {:.0} | 0",
                digits(cost),
                digits(costs[0]),
                digits(costs[costs.len() - 1]),
                median(&row.rates(&unit)),
            )
        };
        let _ = writeln!(text, "| {} | {cells} |", row.server);
    }
    text + &reasons
}

/// Of one value at least: a row that has not failed has a run for each round.
fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

/// Three digits that say something.
fn digits(number: f64) -> String {
    match number {
        n if n < 10.0 => format!("{n:.2}"),
        n if n < 100.0 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::LOADS;

    fn run(requests: u32, cpu_us: u64) -> Outcome {
        Outcome::Run { requests, cpu: Duration::from_micros(cpu_us), per_second: 1000.0 }
    }

    fn load(name: &str) -> &'static Load {
        LOADS.iter().find(|load| load.name == name).unwrap()
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median(&[1.0]), 1.0);
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }

    #[test]
    fn a_table_shows_ratio_failure_and_inability() {
        let mut base = Row::new(BASE, true);
        base.outcomes = vec![run(100, 200), run(100, 300), run(100, 190)];
        let mut other = Row::new("other", true);
        other.outcomes = vec![run(100, 300)];
        let mut broken = Row::new("broken", true);
        broken.outcomes = vec![run(100, 100)];
        broken.push(Outcome::Failed { requests: 7, reason: "why".into() });
        assert!(other.goes_on() && !broken.goes_on());

        let table = table(load("hello-1x1"), &[base, other, broken, Row::new("unable", false)]);
        for line in [
            "| h2-batched | 2.00 | 1.90 to 3.00 | 1.00 | 1000 | 0 |",
            "| other | 3.00 | 3.00 to 3.00 | 1.50 | 1000 | 0 |",
            "| broken | **failed** | | | | 7 |",
            "| unable | - | - | - | - | - |",
            "**broken failed**: why",
        ] {
            assert!(table.lines().any(|found| found == line), "{line}\n{table}");
        }
    }

    #[test]
    fn large_answers_are_counted_by_bytes() {
        let mut row = Row::new("some", true);
        // 128 answers of 8 MiB are a GiB.
        row.push(run(128, 250_000));
        let table = table(load("big-1x1"), &[row]);
        assert!(table.contains("| some | 250 | 250 to 250 | - | 8389 | 0 |"), "{table}");
    }
}
