//! Runs other programs, with input and a time limit.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::kit::demo::die_with_us;

/// The longest time for any program. Each also has a shorter limit where possible.
const LIMIT: Duration = Duration::from_secs(90);

pub struct Finished {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Finished {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    #[track_caller]
    pub fn expect_success(self) -> Finished {
        assert_eq!(self.code, Some(0), "{}\n{}", self.text(), self.stderr);
        self
    }
}

/// Runs it to its end.
#[track_caller]
pub fn run(command: &mut Command, input: &[u8]) -> Finished {
    die_with_us(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{}", complaint(command, &error)));
    feed(&mut child, input.to_vec());
    let stdout = gather(child.stdout.take().expect("piped"));
    let stderr = gather(child.stderr.take().expect("piped"));
    let status = wait(&mut child);
    let stdout = stdout.join().expect("a reader does not panic");
    let stderr = stderr.join().expect("a reader does not panic");
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    let Some(status) = status else {
        panic!("{command:?} did not end in {LIMIT:?}\n{}\n{stderr}", String::from_utf8_lossy(&stdout));
    };
    Finished { code: status.code(), stdout, stderr }
}

fn complaint(command: &Command, error: &io::Error) -> String {
    let program = command.get_program().to_string_lossy();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{program} is not installed, and this test needs it: run `.ci/needs curl nghttp h2load`")
        }
        _ => format!("{program}: {error}"),
    }
}

/// The input is written by a thread of its own. A program that ends before it has read
/// all of it reports the reason itself.
fn feed(child: &mut Child, input: Vec<u8>) {
    let mut stdin = child.stdin.take().expect("piped");
    thread::spawn(move || drop(stdin.write_all(&input)));
}

fn gather(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

/// `None` if it was killed.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_program_that_is_missing_is_named() {
    let missing = std::panic::catch_unwind(|| run(&mut Command::new("no-such-program"), b""));
    let panic = missing.err().expect("it cannot run");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("no-such-program is not installed"), "{text}");
}

#[test]
fn input_and_both_outputs_pass() {
    let finished = run(Command::new("sh").args(["-c", "cat; echo bad >&2; exit 3"]), b"good");
    assert_eq!((finished.code, finished.text().as_str(), finished.stderr.as_str()), (Some(3), "good", "bad\n"));
}
