//! Server processes, which are started, stopped, and never left behind.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Process {
    child: Child,
    said: Arc<Said>,
    port: u16,
}

#[derive(Default)]
struct Said {
    text: Mutex<String>,
    changed: Condvar,
}

impl Process {
    /// Starts a command that prints "listening on" and its address.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let mut process = Self::spawn(command);
        let found = process.said.find(|text| text.lines().find_map(port_of));
        process.port = found.unwrap_or_else(|| panic!("{command:?} does not listen: {}", process.said.text()));
        process
    }

    #[track_caller]
    pub fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: prctl is a plain system call, allowed between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::<Said>::default();
        Said::gather(&said, child.stdout.take().expect("piped"));
        Said::gather(&said, child.stderr.take().expect("piped"));
        Self { child, said, port: 0 }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn signal(&self, signal: libc::c_int) {
        kill(self.child.id() as libc::pid_t, signal);
    }

    /// Sends SIGTERM. The process must exit with success.
    #[track_caller]
    pub fn leave(&mut self) {
        self.signal(libc::SIGTERM);
        self.expect_success();
    }

    #[track_caller]
    pub fn expect_success(&mut self) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return assert!(status.success(), "it left with {status}: {}", self.said.text());
            }
            assert!(Instant::now() < until, "it does not leave: {}", self.said.text());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the output has this text `times` times.
    #[track_caller]
    pub fn wait_for(&self, what: &str, times: usize) {
        let found = self.said.find(|text| (text.matches(what).count() >= times).then_some(()));
        assert!(found.is_some(), "not {times} times {what:?}: {}", self.said.text());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Said {
    /// Reads on a thread of its own, which ends with the pipe.
    fn gather(said: &Arc<Self>, pipe: impl Read + Send + 'static) {
        let said = said.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut text = said.text.lock().unwrap_or_else(PoisonError::into_inner);
                *text += &line;
                *text += "\n";
                said.changed.notify_all();
            }
        });
    }

    fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The result of `find` on the whole output, as soon as there is one.
    fn find<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(text, PATIENCE, |text| find(text).is_none());
        find(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

fn port_of(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("listening on ")?;
    rest.rsplit([' ', ':']).next()?.parse().ok()
}

fn kill(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: a plain system call. The process was started by this test.
    unsafe { libc::kill(pid, signal) };
}

/// A program and its successors, each a child of the one before. They print their control
/// addresses to the pipes of the first.
pub struct Family {
    living: libc::pid_t,
    handed: usize,
}

impl Family {
    pub fn of(first: &Process) -> Self {
        Self { living: first.child.id() as libc::pid_t, handed: 0 }
    }

    /// Makes the running program hand over. Returns when it has ended.
    #[track_caller]
    pub fn hand_over(&mut self, first: &Process) {
        kill(self.living, libc::SIGHUP);
        self.handed += 1;
        let nth = |text: &str| {
            let handed = text.lines().filter_map(|line| line.strip_prefix("handed over to ")?.parse().ok());
            handed.clone().nth(self.handed - 1)
        };
        let successor = first.said.find(nth);
        self.living = successor.unwrap_or_else(|| panic!("nobody to hand over to: {}", first.said.text()));
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        kill(self.living, libc::SIGKILL);
    }
}

/// Passes a descriptor to the command under a number.
pub fn inherit(command: &mut Command, descriptor: RawFd, number: RawFd) {
    // SAFETY: dup2 and fcntl are plain system calls, allowed between fork and exec.
    unsafe {
        command.pre_exec(move || {
            match descriptor == number {
                true => libc::fcntl(number, libc::F_SETFD, 0),
                false => libc::dup2(descriptor, number),
            };
            Ok(())
        });
    }
}

/// The first of these programs that is installed. With CI set, one must be.
pub fn find(programs: &[&'static str]) -> Option<&'static str> {
    let runs =
        |program: &&&str| Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let found = programs.iter().find(runs).copied();
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "{} is not installed", programs[0]);
    if found.is_none() {
        eprintln!("SKIPPED: {} is not there", programs[0]);
    }
    found
}
