//! The process under test: a demo host on a free port. It gets signals like those of an
//! operator, and the test waits for its end.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::json::Value;
use super::stream::{Identity, is_tls};
use super::{CAP, PATIENCE, SLACK};

pub struct Demo {
    child: Child,
    address: SocketAddr,
    drain: Duration,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    terminated: Option<Instant>,
}

/// The close report as the demo prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub sessions_graceful: i64,
    pub sessions_by_peer: i64,
    pub sessions_in_handshake: i64,
    pub sessions_forced: i64,
    pub streams_completed: i64,
    pub streams_reset: i64,
    pub streams_refused: i64,
    pub bytes_unsent: i64,
    pub elapsed_ms: i64,
}

impl Report {
    /// The number of sessions in the report, each counted once.
    pub fn sessions(&self) -> i64 {
        self.sessions_graceful + self.sessions_by_peer + self.sessions_in_handshake + self.sessions_forced
    }

    /// (graceful, by peer, in handshake, forced)
    pub fn ends(&self) -> (i64, i64, i64, i64) {
        (self.sessions_graceful, self.sessions_by_peer, self.sessions_in_handshake, self.sessions_forced)
    }

    fn parse(line: &str) -> Result<Report, String> {
        let value = Value::parse(line)?;
        let number = |name: &str| {
            let number = value.get(name).and_then(Value::number);
            number.ok_or_else(|| format!("no integer {name:?} in {line}"))
        };
        Ok(Report {
            sessions_graceful: number("sessions_graceful")?,
            sessions_by_peer: number("sessions_by_peer")?,
            sessions_in_handshake: number("sessions_in_handshake")?,
            sessions_forced: number("sessions_forced")?,
            streams_completed: number("streams_completed")?,
            streams_reset: number("streams_reset")?,
            streams_refused: number("streams_refused")?,
            bytes_unsent: number("bytes_unsent")?,
            elapsed_ms: number("elapsed_ms")?,
        })
    }
}

/// The host under test.
pub fn host() -> String {
    std::env::var("GOAWAY_KIT_HOST").unwrap_or_else(|_| "c".to_string())
}

impl Demo {
    /// Starts the host under test and waits until it listens.
    pub fn start(drain: Duration) -> Demo {
        Demo::start_host(&host(), drain)
    }

    /// The same for another host.
    pub fn start_host(host: &str, drain: Duration) -> Demo {
        Demo::start_as(host, is_tls(), drain, None)
    }

    /// Starts the host under test with or without TLS, whatever the environment says.
    pub fn start_over(tls: bool, drain: Duration) -> Demo {
        Demo::start_as(&host(), tls, drain, None)
    }

    /// Starts the C demo without TLS and with this memory limit.
    pub fn start_within(memory_bytes: u64, drain: Duration) -> Demo {
        Demo::start_as("c", false, drain, Some(memory_bytes))
    }

    fn start_as(host: &str, tls: bool, drain: Duration, memory_bytes: Option<u64>) -> Demo {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let run_demo = root.join("bindings/run-demo");
        let mut command = Command::new(&run_demo);
        command
            .args([host, "0"])
            .current_dir(root)
            .env("DRAIN_MS", drain.as_millis().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(bytes) = memory_bytes {
            command.env("GOAWAY_MEMORY_BYTES", bytes.to_string());
        }
        if tls {
            let identity = Identity::get();
            command.env("TLS_CERT", &identity.certificate).env("TLS_KEY", &identity.key);
        }
        die_with_us(&mut command);
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{}: {error}; run `make build`", run_demo.display()));
        let stdout = Output::gather(child.stdout.take().expect("piped"));
        let stderr = Output::gather(child.stderr.take().expect("piped"));
        let mut demo =
            Demo { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), drain, stdout, stderr, terminated: None };
        demo.address = demo.wait_until_listening();
        demo
    }

    fn wait_until_listening(&self) -> SocketAddr {
        let address = |line: &str| line.strip_prefix("listening on ")?.trim().parse().ok();
        match self.stdout.find(PATIENCE, address) {
            Some(address) => address,
            None => panic!("the demo does not say where it listens"),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An established session with the host.
    #[track_caller]
    pub fn open(&self) -> Client {
        Client::open(self.address)
    }

    /// Sends SIGTERM. The first one starts the drain, the second one forces. Returns the
    /// time, from which a deadline counts.
    pub fn terminate(&mut self) -> Instant {
        let now = Instant::now();
        self.signal(libc::SIGTERM);
        self.terminated.get_or_insert(now);
        now
    }

    /// Stops the process, so that it finds everything that happens until `resume` at
    /// once.
    pub fn freeze(&mut self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn resume(&mut self) {
        self.signal(libc::SIGCONT);
    }

    /// No effect on a process that has ended, because its id may belong to another one.
    fn signal(&mut self, signal: libc::c_int) {
        if self.exit_status().is_some() {
            return;
        }
        let pid = libc::pid_t::try_from(self.child.id()).expect("a process id fits");
        // SAFETY: the child was started here and not waited for, so its id is valid.
        unsafe { libc::kill(pid, signal) };
    }

    /// The memory of the process, in KiB.
    #[track_caller]
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the demo runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let digits = line.and_then(|line| line.trim().strip_suffix(" kB"));
        digits.and_then(|digits| digits.parse().ok()).expect("a number of kB")
    }

    /// When all peers leave, a close must end long before its deadline: within one limit
    /// of 1 s, for the lingering or for the second GOAWAY.
    #[track_caller]
    pub fn expect_early_exit(&mut self) -> Report {
        self.expect_exit(CAP + SLACK)
    }

    /// The bound of every close: the drain deadline plus 1 s.
    #[track_caller]
    pub fn expect_exit_in_time(&mut self) -> Report {
        self.expect_exit(self.drain + CAP + SLACK)
    }

    /// Asserts that the demo exits with 0 within `bound` after its first SIGTERM, with a
    /// report.
    #[track_caller]
    pub fn expect_exit(&mut self, bound: Duration) -> Report {
        self.expect_silent_exit(bound);
        self.expect_report(PATIENCE)
    }

    /// The same without a report.
    #[track_caller]
    pub fn expect_silent_exit(&mut self, bound: Duration) {
        let start = self.terminated.unwrap_or_else(Instant::now);
        let deadline = start + bound;
        let status = loop {
            if let Some(status) = self.exit_status() {
                break status;
            }
            assert!(Instant::now() < deadline, "the demo has not left {bound:?} after it was asked to");
            thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "the demo left with {status}");
    }

    fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// The report, also before the process has ended.
    #[track_caller]
    pub fn expect_report(&self, patience: Duration) -> Report {
        let line = |line: &str| line.starts_with('{').then(|| line.to_string());
        let Some(line) = self.stdout.find(patience, line) else {
            panic!("no report came in {patience:?}");
        };
        Report::parse(&line).unwrap_or_else(|error| panic!("not a report: {error}"))
    }

    /// Asserts that the kernel refuses a new connection. It is tried repeatedly, because
    /// the listener of one thread may close shortly after the first GOAWAY of another.
    #[track_caller]
    pub fn expect_refuses_connections(&self) {
        let deadline = Instant::now() + SLACK;
        loop {
            match Client::try_connect(self.address) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
                Err(error) => panic!("connect while draining: {error}, not ECONNREFUSED"),
                Ok(_) => assert!(Instant::now() < deadline, "the server drains and still accepts connections"),
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Demo {
    /// Ends the process whatever the result of the test. A failed test prints the output
    /// of the demo.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("demo's stdout:\n{}", self.stdout.text());
            eprintln!("demo's stderr:\n{}", self.stderr.text());
        }
    }
}

/// The lines that a process writes to a pipe.
struct Output {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
struct Lines {
    text: Vec<String>,
    ended: bool,
}

impl Output {
    /// Reads on a thread of its own, which ends with the pipe. A demo must never block
    /// because nobody reads its output.
    fn gather(pipe: impl Read + Send + 'static) -> Arc<Output> {
        let output = Arc::new(Output { lines: Mutex::default(), more: Condvar::new() });
        let shared = Arc::clone(&output);
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                shared.lines.lock().unwrap().text.push(line);
                shared.more.notify_all();
            }
            shared.lines.lock().unwrap().ended = true;
            shared.more.notify_all();
        });
        output
    }

    /// The first line for which `wanted` returns a value.
    fn find<T>(&self, patience: Duration, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut lines = self.lines.lock().unwrap();
        loop {
            if let Some(found) = lines.text.iter().find_map(|line| wanted(line)) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.ended || left.is_zero() {
                return None;
            }
            lines = self.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap().text.join("\n")
    }
}

/// Makes the kernel kill a program of a test if the thread of the test dies, for example
/// when the whole run is killed.
pub fn die_with_us(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl is a plain system call, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}
