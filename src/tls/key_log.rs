//! Writes the secrets of TLS sessions to a file, for debugging, for example with Wireshark.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;

use rustls::KeyLog;

use crate::error::{Error, Result};
use crate::table::lock;
use crate::throttle::Throttle;

/// A file in the NSS key log format, which only its owner can read.
#[derive(Debug)]
pub struct KeyLogFile {
    file: Mutex<File>,
    /// Whether a failure has been logged: each session would fail again.
    failures: Throttle,
}

impl KeyLogFile {
    /// Opens the file for appending, and creates it if it does not exist.
    pub fn open(path: &str) -> Result<Self> {
        // Without it, opening a FIFO waits for a reader.
        let opened = File::options().append(true).create(true).mode(0o600).custom_flags(libc::O_NONBLOCK).open(path);
        let file = opened.map_err(|error| Error::io(format_args!("cannot write the key log {path:?}"), error))?;
        Ok(Self { file: Mutex::new(file), failures: Throttle::new("failures to write the key log", true) })
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // A single write, so that lines of several processes do not mix.
        let written = lock(&self.file).write_all(line.as_bytes());
        // The lock is released: the callback of the log must not delay other handshakes.
        if let Err(error) = written {
            self.failures.tell(|| tracing::warn!(%error, "the key log cannot be written"));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
