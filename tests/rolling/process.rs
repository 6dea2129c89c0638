//! Processes that serve: started, told to leave, never left behind.

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
    /// Starts a command that says "listening on" and its address.
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
        // SAFETY: prctl is a bare system call, safe between fork and exec.
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

    /// SIGTERM; it must end well.
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

    /// Until it has said something so many times.
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

    /// What is found in all that has been said, once it is.
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
    // SAFETY: a bare system call; the process is ours, or one that this test has caused.
    unsafe { libc::kill(pid, signal) };
}

/// A program and its successors, each the child of the one before: they say
/// where they hand over to through the pipes of the first.
pub struct Family {
    living: libc::pid_t,
    handed: usize,
}

impl Family {
    pub fn of(first: &Process) -> Self {
        Self { living: first.child.id() as libc::pid_t, handed: 0 }
    }

    /// Has the living one hand over; returns when it has.
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

/// Has the command find a descriptor of ours under a number.
pub fn inherit(command: &mut Command, descriptor: RawFd, number: RawFd) {
    // SAFETY: dup2 and fcntl are bare system calls, safe between fork and exec.
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

/// The first of these programs that can be run. Where tests are meant to be
/// complete one must be there.
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
