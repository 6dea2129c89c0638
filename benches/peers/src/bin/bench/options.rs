//! The command line.

use std::path::PathBuf;

use crate::Result;
use crate::load::LOADS;
use crate::server::SERVERS;
use crate::{farewell, memory};

#[derive(Debug, PartialEq)]
pub struct Options {
    pub rounds: usize,
    /// Which part of each load's full count of requests is sent.
    pub share: f64,
    /// Names of servers; none means all.
    only: Vec<String>,
    /// Parts of names of loads; none means all.
    loads: Vec<String>,
    /// Everything through TLS.
    pub tls: bool,
    /// Where the report is written too.
    pub markdown: Option<PathBuf>,
}

pub fn help() -> String {
    let servers: Vec<&str> = SERVERS.iter().map(|server| server.name).collect();
    let loads: Vec<&str> = load_names().collect();
    format!(
        "Measures the processor time of HTTP/2 servers per request.

  --quick          2 rounds, a tenth of the requests: does it work at all
  --rounds N       counted rounds of each load, default 5
  --tls            everything through TLS, by the servers that speak it
  --only NAMES     these servers, with commas between them
                   ({})
  --load NAMES     the loads whose names contain one of these
                   ({})
  --markdown FILE  write the report there too
",
        servers.join(", "),
        loads.join(", ")
    )
}

impl Options {
    /// None: help is wanted.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Options>> {
        let mut arguments = arguments.into_iter();
        let mut quick = false;
        let mut rounds = None;
        let mut options =
            Options { rounds: 5, share: 1.0, only: Vec::new(), loads: Vec::new(), tls: false, markdown: None };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" => quick = true,
                "--tls" => options.tls = true,
                "--rounds" => rounds = Some(value()?.parse::<usize>()?.max(1)),
                "--only" => options.only.extend(split(&value()?)),
                "--load" => options.loads.extend(split(&value()?)),
                "--markdown" => options.markdown = Some(value()?.into()),
                _ => return Err(format!("unknown option {argument}").into()),
            }
        }
        if quick {
            options.share = 0.1;
            options.rounds = 2;
        }
        options.rounds = rounds.unwrap_or(options.rounds);
        options.refuse_unknown_names()?;
        Ok(Some(options))
    }

    pub fn wants(&self, server: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == server)
    }

    pub fn wants_load(&self, load: &str) -> bool {
        self.loads.is_empty() || self.loads.iter().any(|part| load.contains(part))
    }

    /// A slip of the pen must not measure nothing and call it a success.
    fn refuse_unknown_names(&self) -> Result<()> {
        for name in &self.only {
            if !SERVERS.iter().any(|server| server.name == name) {
                return Err(format!("unknown server {name}").into());
            }
        }
        for part in &self.loads {
            if !load_names().any(|name| name.contains(part)) {
                return Err(format!("no load is called {part}").into());
            }
        }
        Ok(())
    }
}

/// The loads of h2load, and the measurements that need a crowd.
fn load_names() -> impl Iterator<Item = &'static str> {
    LOADS.iter().map(|load| load.name).chain(memory::IDLE.iter().map(|idle| idle.name)).chain([farewell::NAME])
}

fn split(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn everything_is_wanted_by_default() {
        let options = parse("").unwrap().unwrap();
        assert_eq!((options.rounds, options.share), (5, 1.0));
        assert!(options.wants("hyper") && options.wants_load("big-1x1"));
    }

    #[test]
    fn names_select() {
        let options = parse("--only goaway,hyper --load 32x32,big").unwrap().unwrap();
        assert!(options.wants("hyper") && !options.wants("nginx"));
        assert!(options.wants_load("echo-32x32") && options.wants_load("big-1x1"));
        assert!(!options.wants_load("hello-1x1"));
    }

    #[test]
    fn rounds_hold_with_quick_in_any_order() {
        for line in ["--quick --rounds 7", "--rounds 7 --quick"] {
            let options = parse(line).unwrap().unwrap();
            assert_eq!((options.rounds, options.share), (7, 0.1));
        }
    }

    #[test]
    fn slips_are_refused() {
        for line in ["--only hypr", "--load 33x33", "--rounds", "--rounds x", "--fast"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert_eq!(parse("--quick --help").unwrap(), None);
    }
}
