//! The secrets of sessions in a file, for a debugger such as Wireshark.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;

use rustls::KeyLog;

use crate::error::{Error, Result};
use crate::table::lock;

/// Lines of NSS's key log format, in a file that only its owner can read.
#[derive(Debug)]
pub struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    /// Goes on at the end of the file, which is made if it is not there.
    pub fn open(path: &str) -> Result<Self> {
        // Opening a FIFO waits for a reader otherwise.
        let opened = File::options().append(true).create(true).mode(0o600).custom_flags(libc::O_NONBLOCK).open(path);
        let file = opened.map_err(|error| Error::io(format_args!("cannot write the key log {path:?}"), error))?;
        Ok(Self(Mutex::new(file)))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // One write, so that lines of several processes do not mix.
        if let Err(error) = lock(&self.0).write_all(line.as_bytes()) {
            tracing::warn!(%error, "the key log cannot be written");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
