//! httpx, as Python's users have it.

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::run;
use crate::start;

/// GET, POST and 20 requests at once on one connection.
#[test]
fn httpx_is_served() {
    let python = match python_with_httpx() {
        Ok(python) => python,
        Err(why) => return skip(&why),
    };
    let demo = start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/httpx_client.py");
    let url = format!("http://{}", demo.address());
    let finished = run(Command::new(python).arg(script).arg(url), b"").expect_success();
    assert_eq!(finished.text(), "all is well\n", "{}", finished.stderr);
}

/// Says so past the test runner, which keeps what a passing test prints.
fn skip(why: &str) {
    let _ = writeln!(io::stderr(), "SKIPPED httpx_is_served: {why}");
}

/// A Python that has httpx, made at the first run and kept among cargo's files.
fn python_with_httpx() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("httpx");
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
    let lock = fs::File::create(folder.with_extension("lock")).expect("a lock file");
    // SAFETY: the descriptor is open; the lock goes with it.
    let locked = unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) };
    assert_eq!(locked, 0, "flock: {}", io::Error::last_os_error());
    if !ready.exists() {
        if Command::new("python3").arg("--version").output().is_err() {
            return Err("there is no python3".to_string());
        }
        step("python3 -m venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let options = ["-m", "pip", "install", "--quiet", "--timeout", "10", "--retries", "1", "httpx[http2]==0.28.1"];
        step("pip install", Command::new(&python).args(options))?;
        fs::write(ready, "").expect("a file that says so");
    }
    Ok(python)
}

fn step(what: &str, command: &mut Command) -> Result<(), String> {
    let finished = run(command, b"");
    match finished.code {
        Some(0) => Ok(()),
        _ => Err(format!("{what} fails: {} {}", finished.text().trim(), finished.stderr.trim())),
    }
}
