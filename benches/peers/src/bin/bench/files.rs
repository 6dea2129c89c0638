//! The temporary folder of a run of the benchmark.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, route};

/// The folder: what the servers serve and h2load uploads, and what they all write.
/// It is removed when this is dropped.
pub struct Files {
    folder: PathBuf,
    is_tls: bool,
}

impl Files {
    /// With TLS a certificate is among them.
    pub fn create(is_tls: bool) -> Result<Files> {
        let name = format!("goaway-bench-{}", std::process::id());
        let files = Files { folder: std::env::temp_dir().join(name), is_tls };
        fs::create_dir_all(files.www())?;
        fs::write(files.www().join("index.html"), route::HELLO)?;
        fs::write(files.www().join("big"), vec![b'x'; route::BIG_BYTES])?;
        let upload: Vec<u8> = (b'a'..=b'z').cycle().take(route::ECHO_BYTES).collect();
        fs::write(files.upload(), upload)?;
        files.tls().map_or(Ok(()), |tls| tls.make())?;
        Ok(files)
    }

    /// What TLS is spoken with, if it is.
    pub fn tls(&self) -> Option<Tls> {
        let file = |name| self.folder.join(name);
        self.is_tls.then(|| Tls { certificate: file("tls.pem"), key: file("tls.key"), both: file("tls.both") })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The document root, of the servers that have one.
    pub fn www(&self) -> PathBuf {
        self.folder.join("www")
    }

    /// What is sent to the echo.
    pub fn upload(&self) -> PathBuf {
        self.folder.join("upload")
    }
}

/// The files of a certificate for ECDSA with P-256, as most servers have it.
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Both in one.
    pub both: PathBuf,
}

impl Tls {
    fn make(&self) -> Result<()> {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        let output = command.arg("-keyout").arg(&self.key).arg("-out").arg(&self.certificate).output()?;
        if !output.status.success() {
            return Err(format!("openssl: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        fs::write(&self.both, [fs::read(&self.certificate)?, fs::read(&self.key)?].concat())?;
        Ok(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
