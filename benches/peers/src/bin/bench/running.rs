//! A server that runs.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::files::Files;
use crate::process::{self, Group};
use crate::route::Route;
use crate::server::{Server, Site};

const START_LIMIT: Duration = Duration::from_secs(10);

/// A server that runs and has given the right answer on each of its routes.
pub struct Running {
    server: &'static Server,
    pub port: u16,
    group: Group,
    log: PathBuf,
}

impl Running {
    /// None: it is not installed.
    pub fn start(server: &'static Server, files: &Files) -> Result<Option<Running>> {
        let running = Running::launch(server, files)?;
        if let Some(running) = &running {
            for route in server.routes.iter().filter(|route| files.tls().is_none() || !route.is_http1()) {
                route.check(running.port, files)?;
            }
        }
        Ok(running)
    }

    /// One that has not been asked anything yet. None: it is not installed.
    pub fn launch(server: &'static Server, files: &Files) -> Result<Option<Running>> {
        // Free a moment ago; nothing else on the machine should be taking ports now.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let Some(mut command) = (server.command)(server, &Site { port, files })? else {
            return Ok(None);
        };
        let path = files.folder().join(format!("{}-{port}.log", server.name));
        let log = File::create(&path)?;
        let group = Group::spawn(&mut command, log.try_clone()?, log)?;
        let mut running = Running { server, port, group, log: path };
        if let Err(error) = running.wait_until_ready() {
            return Err(format!("{error}\n{}", running.log().trim()).into());
        }
        Ok(Some(running))
    }

    pub fn name(&self) -> &'static str {
        self.server.name
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The first whole line of what it printed that is `wanted`.
    pub fn logged(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let log = self.log();
        let mut lines = log.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        lines.find(|line| wanted(line)).map(str::to_owned)
    }

    /// The resident memory of all its processes.
    pub fn resident_kib(&self) -> Result<u64> {
        let of = |pid| -> Result<u64> {
            let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let digits = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no VmRSS")?;
            Ok(digits.parse()?)
        };
        self.group.members()?.into_iter().map(of).sum()
    }

    /// How many descriptors all its processes have open.
    pub fn descriptors(&self) -> Result<usize> {
        let of = |pid| Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count());
        self.group.members()?.into_iter().map(of).sum()
    }

    /// Asks it to leave.
    pub fn terminate(&self) {
        self.group.signal(libc::SIGTERM);
    }

    pub fn wait_for_end(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            match self.group.exit_status()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("it left with {status}").into()),
                None if Instant::now() > deadline => return Err("it did not leave".into()),
                None => process::pause()?,
            }
        }
    }

    pub fn can(&self, route: Route) -> bool {
        self.server.routes.contains(&route)
    }

    /// Whether it speaks the protocol of that route.
    pub fn speaks(&self, route: Route) -> bool {
        self.server.routes.iter().any(|own| own.is_http1() == route.is_http1())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.group.exit_status()? {
                return Err(format!("it ended at once, {status}").into());
            }
            if Instant::now() > deadline {
                return Err(format!("it did not listen within {} s", START_LIMIT.as_secs()).into());
            }
            process::pause()?;
        }
        Ok(())
    }

    /// Does `work` and says how much processor time the server spent on it.
    pub fn cpu_time_of<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
        let before = self.group.cpu_times()?;
        let result = work()?;
        // The client has gone; the server still closes its connections.
        thread::sleep(Duration::from_millis(50));
        let after = self.group.cpu_times()?;
        if !before.keys().eq(after.keys()) {
            return Err("a process of the server came or went".into());
        }
        let total: Duration = after.values().sum();
        let spent = total - before.values().sum::<Duration>();
        Ok((spent, result))
    }
}
