//! What is asked for, and what a right answer is.

use std::fs;
use std::io;
use std::process::Command;
use std::time::Duration;

use crate::files::Files;
use crate::{Result, process};

pub const HELLO: &[u8] = b"Hello, World!";
pub const BIG_BYTES: usize = 8 << 20;
pub const ECHO_BYTES: usize = 1 << 10;

const CHECK_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq)]
pub enum Route {
    Hello,
    Big,
    Echo,
}

impl Route {
    pub fn title(self) -> &'static str {
        match self {
            Route::Hello => "GET, 13 bytes",
            Route::Big => "GET, 8 MiB",
            Route::Echo => "POST, 1 KiB and back",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Route::Hello => "/",
            Route::Big => "/big",
            Route::Echo => "/echo",
        }
    }

    /// How long the body of an answer is.
    pub fn bytes(self) -> usize {
        match self {
            Route::Hello => HELLO.len(),
            Route::Big => BIG_BYTES,
            Route::Echo => ECHO_BYTES,
        }
    }

    fn body(self, files: &Files) -> io::Result<Vec<u8>> {
        match self {
            Route::Hello => Ok(HELLO.to_vec()),
            Route::Big => Ok(vec![b'x'; BIG_BYTES]),
            Route::Echo => fs::read(files.upload()),
        }
    }

    /// Asks once and compares every byte: the speed of a wrong answer is no news.
    pub fn check(self, port: u16, files: &Files) -> Result<()> {
        let mut command = Command::new("nghttp");
        self.aim(&mut command, port, files);
        let answer =
            process::output(&mut command, CHECK_LIMIT, files.folder()).map_err(|error| format!("nghttp: {error}"))?;
        if answer != self.body(files)? {
            let (path, length) = (self.path(), answer.len());
            return Err(format!("wrong answer on {path}, {length} bytes").into());
        }
        Ok(())
    }

    /// The arguments that nghttp and h2load have in common.
    pub fn aim(self, command: &mut Command, port: u16, files: &Files) {
        if self == Route::Echo {
            command.arg("-d").arg(files.upload());
        }
        command.arg(format!("http://127.0.0.1:{port}{}", self.path()));
    }
}
