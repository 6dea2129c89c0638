//! A server that runs.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
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
}

impl Running {
    /// None: it is not installed.
    pub fn start(server: &'static Server, files: &Files) -> Result<Option<Running>> {
        // Free a moment ago; nothing else on the machine should be taking ports now.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let Some(mut command) = (server.command)(server, &Site { port, files })? else {
            return Ok(None);
        };
        let path = files.folder().join(format!("{}.log", server.name));
        let log = File::create(&path)?;
        let mut running = Running { server, port, group: Group::spawn(&mut command, log.try_clone()?, log)? };
        running.wait_until_ready().map_err(|error| {
            let log = fs::read_to_string(path).unwrap_or_default();
            format!("{error}\n{}", log.trim())
        })?;
        for route in server.routes {
            route.check(port, files)?;
        }
        Ok(Some(running))
    }

    pub fn name(&self) -> &'static str {
        self.server.name
    }

    pub fn can(&self, route: Route) -> bool {
        self.server.routes.contains(&route)
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
