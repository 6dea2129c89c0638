//! The speed benchmark: goaway's C demo beside other HTTP/2 servers, every server
//! alone on one core, what loads it on another. `--help` names the options, the README in
//! `benches` says what is measured and why.
//!
//! - [`options`]: the command line
//! - [`process`]: children, their processor time, and their certain end
//! - [`files`]: the temporary folder
//! - [`route`]: what is asked for, and what a right answer is
//! - [`server`]: the servers, what each can answer and how it is started
//! - [`running`]: a server that runs
//! - [`load`], [`wrk`]: the loads, and one run of one of them
//! - [`crowd`]: a great many idle sessions
//! - [`memory`]: what each of them costs in memory
//! - [`farewell`]: how fast they are closed
//! - [`report`]: the tables
//! - [`version`]: what to print above them

mod crowd;
mod farewell;
mod files;
mod load;
mod memory;
mod options;
mod process;
mod report;
mod route;
mod running;
mod server;
mod version;
mod wrk;

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use files::Files;
use load::{LOADS, Load, Outcome};
use options::Options;
use report::{Report, Row};
use running::Running;
use server::{SERVERS, Server};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Which part of a counted run's requests a run of the warm-up has.
const WARM_UP: f64 = 0.1;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("bench: {error} (--help lists the options)");
            return ExitCode::from(2);
        }
    };
    process::catch_interrupts();
    match bench(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("bench: there were failures");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs it all and prints the tables. False: something failed on the way.
fn bench(options: &Options) -> Result<bool> {
    for tool in ["h2load", "nghttp", "taskset"] {
        process::find(tool).ok_or_else(|| format!("{tool} is needed (Debian: nghttp2-client, util-linux)"))?;
    }
    // Before the servers, so that it is dropped after they have ended.
    let files = Files::create(options.tls)?;
    let mut report = Report::new();
    report.say(&report::opening(options.rounds));
    // One after the other: while the crowd is there no other server runs. The
    // crowd speaks no TLS.
    let parts = [bench_loads, bench_memory, bench_farewell];
    let count = if options.tls { 1 } else { parts.len() };
    let well = parts[..count]
        .iter()
        .try_fold(true, |well, part| part(options, &files, &mut report).map(|good| good && well))?;
    if let Some(path) = &options.markdown {
        fs::write(path, report.text()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(well)
}

fn bench_loads(options: &Options, files: &Files, report: &mut Report) -> Result<bool> {
    let loads: Vec<&Load> =
        LOADS.iter().filter(|load| options.wants_load(load.name) && load.is_for(options.tls)).collect();
    if loads.is_empty() {
        return Ok(true);
    }
    if loads.iter().any(|load| load.is_of_wrk()) {
        process::find("wrk").ok_or("wrk is needed for http1-wrk-32 (Debian: wrk)")?;
    }
    let (servers, mut well) = start(options, files, report)?;
    if servers.is_empty() {
        return Err("no server to measure".into());
    }
    for load in loads {
        let rows = measure(load, &servers, options, files)?;
        well &= rows.iter().all(|row| row.failure().is_none());
        report.say(&report::table(load, &rows));
    }
    Ok(well)
}

fn bench_memory(options: &Options, files: &Files, report: &mut Report) -> Result<bool> {
    let mut well = true;
    for idle in memory::IDLE.iter().filter(|idle| options.wants_load(idle.name)) {
        let (table, good) = memory::measure(idle, options, files)?;
        report.say(&table);
        well &= good;
    }
    Ok(well)
}

fn bench_farewell(options: &Options, files: &Files, report: &mut Report) -> Result<bool> {
    if !options.wants_load(farewell::NAME) {
        return Ok(true);
    }
    let Some((table, well)) = farewell::measure(options, files)? else {
        return Ok(true);
    };
    report.say(&table);
    Ok(well)
}

/// All servers that are wanted and can be had, and whether none of them failed.
fn start(options: &Options, files: &Files, report: &mut Report) -> Result<(Vec<Running>, bool)> {
    let mut well = true;
    let mut servers = Vec::new();
    let can = |server: &&Server| options.wants(server.name) && (server.has_tls || !options.tls);
    for server in SERVERS.iter().filter(can) {
        match Running::start(server, files) {
            Ok(Some(running)) => servers.push(running),
            Ok(None) => report.say(&format!("{} is skipped: it needs {}.\n", server.name, server.needs)),
            Err(error) => {
                process::stop_if_interrupted()?;
                well = false;
                report.say(&format!("**{} failed** before any load: {error}\n", server.name));
            }
        }
    }
    Ok((servers, well))
}

/// All rounds of one load: in each round every server once, so that whatever else
/// the machine does meets all of them alike.
fn measure<'a>(load: &Load, servers: &'a [Running], options: &Options, files: &Files) -> Result<Vec<Row<'a>>> {
    let requests = load.requests_of(options.share);
    let servers: Vec<&Running> = servers.iter().filter(|server| server.speaks(load.route)).collect();
    let mut rows: Vec<Row> = servers.iter().map(|server| Row::new(server.name(), server.can(load.route))).collect();
    for round in 0..=options.rounds {
        for turn in 0..servers.len() {
            // Another one begins each round: none always runs after the same one.
            let at = (turn + round) % servers.len();
            let (server, row) = (servers[at], &mut rows[at]);
            if !row.goes_on() {
                continue;
            }
            // The first round is not counted.
            let warm_up = round == 0;
            report::progress(&format!("{}, round {round}: {}", load.name, server.name()));
            let count = if warm_up { load.requests_of(options.share * WARM_UP) } else { requests };
            let outcome = load.run(count, server, files);
            process::stop_if_interrupted()?;
            if !warm_up || matches!(outcome, Outcome::Failed { .. }) {
                row.push(outcome);
            }
        }
    }
    report::progress("");
    Ok(rows)
}
