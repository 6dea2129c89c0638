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
    /// The same over HTTP/1.1.
    Hello1,
    Big1,
    Echo1,
}

impl Route {
    pub fn title(self) -> &'static str {
        match self {
            Route::Hello => "GET, 13 bytes",
            Route::Big => "GET, 8 MiB",
            Route::Echo => "POST, 1 KiB and back",
            Route::Hello1 => "HTTP/1.1, GET, 13 bytes",
            Route::Big1 => "HTTP/1.1, GET, 8 MiB",
            Route::Echo1 => "HTTP/1.1, POST, 1 KiB and back",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Route::Hello | Route::Hello1 => "/",
            Route::Big | Route::Big1 => "/big",
            Route::Echo | Route::Echo1 => "/echo",
        }
    }

    /// How long the body of an answer is.
    pub fn bytes(self) -> usize {
        match self {
            Route::Hello | Route::Hello1 => HELLO.len(),
            Route::Big | Route::Big1 => BIG_BYTES,
            Route::Echo | Route::Echo1 => ECHO_BYTES,
        }
    }

    fn body(self, files: &Files) -> io::Result<Vec<u8>> {
        match self {
            Route::Hello | Route::Hello1 => Ok(HELLO.to_vec()),
            Route::Big | Route::Big1 => Ok(vec![b'x'; BIG_BYTES]),
            Route::Echo | Route::Echo1 => fs::read(files.upload()),
        }
    }

    /// Asks once and compares every byte: the speed of a wrong answer is no news.
    pub fn check(self, port: u16, files: &Files) -> Result<()> {
        let client = if self.is_http1() { "curl" } else { "nghttp" };
        let mut command = Command::new(client);
        match self.is_http1() {
            true => self.aim_curl(&mut command, port, files),
            false => self.aim(command.arg("--no-verify-peer"), port, files),
        }
        let answer =
            process::output(&mut command, CHECK_LIMIT, files.folder()).map_err(|error| format!("{client}: {error}"))?;
        if answer != self.body(files)? {
            let (path, length) = (self.path(), answer.len());
            return Err(format!("wrong answer on {path}, {length} bytes").into());
        }
        Ok(())
    }

    /// The arguments that nghttp and h2load have in common.
    pub fn aim(self, command: &mut Command, port: u16, files: &Files) {
        if self.is_http1() {
            command.arg("--h1");
        }
        if matches!(self, Route::Echo | Route::Echo1) {
            command.arg("-d").arg(files.upload());
        }
        let (scheme, host) = if files.tls().is_some() { ("https", "localhost") } else { ("http", "127.0.0.1") };
        command.arg(format!("{scheme}://{host}:{port}{}", self.path()));
    }

    pub fn is_http1(self) -> bool {
        matches!(self, Route::Hello1 | Route::Big1 | Route::Echo1)
    }

    fn aim_curl(self, command: &mut Command, port: u16, files: &Files) {
        command.args(["-s", "-S", "--http1.1"]);
        if self == Route::Echo1 {
            command.arg("--data-binary").arg(format!("@{}", files.upload().display()));
        }
        command.arg(format!("http://127.0.0.1:{port}{}", self.path()));
    }
}
