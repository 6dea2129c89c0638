//! The temporary folder of a run of the benchmark.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, route};

/// The folder: what the servers serve and h2load uploads, and what they all write.
/// It is removed when this is dropped.
pub struct Files {
    folder: PathBuf,
}

impl Files {
    pub fn create() -> Result<Files> {
        let name = format!("goaway-bench-{}", std::process::id());
        let files = Files { folder: std::env::temp_dir().join(name) };
        fs::create_dir_all(files.www())?;
        fs::write(files.www().join("index.html"), route::HELLO)?;
        fs::write(files.www().join("big"), vec![b'x'; route::BIG_BYTES])?;
        let upload: Vec<u8> = (b'a'..=b'z').cycle().take(route::ECHO_BYTES).collect();
        fs::write(files.upload(), upload)?;
        Ok(files)
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

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
