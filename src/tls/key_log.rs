//! The secrets of sessions in a file, for a debugger such as Wireshark.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;

use rustls::KeyLog;

use crate::error::{Error, Result};
use crate::table::lock;
use crate::throttle::Throttle;

/// Lines of NSS's key log format, in a file that only its owner can read.
#[derive(Debug)]
pub struct KeyLogFile {
    file: Mutex<File>,
    /// Each session would say that it fails.
    failures: Throttle,
}

impl KeyLogFile {
    /// Goes on at the end of the file, which is made if it is not there.
    pub fn open(path: &str) -> Result<Self> {
        // Opening a FIFO waits for a reader otherwise.
        let opened = File::options().append(true).create(true).mode(0o600).custom_flags(libc::O_NONBLOCK).open(path);
        let file = opened.map_err(|error| Error::io(format_args!("cannot write the key log {path:?}"), error))?;
        Ok(Self { file: Mutex::new(file), failures: Throttle::new("failures to write the key log", true) })
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // One write, so that lines of several processes do not mix.
        let written = lock(&self.file).write_all(line.as_bytes());
        // Unlocked: the log is the host's, which must not hold up other handshakes.
        if let Err(error) = written {
            self.failures.tell(|| tracing::warn!(%error, "the key log cannot be written"));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
