//! The file of a Unix socket. A stale file is replaced, and the server's own file is
//! removed at the end.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::address::Address;
use crate::error::Result;
use crate::system::System;

/// How often, and how long each time, to wait for the lock on the folder.
const TRIES: u32 = 100;
const TRY: Duration = Duration::from_millis(10);

/// The file of a Unix socket of this process. Dropping it removes the file, unless
/// another file has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Creates a socket at a path with `bind` and `listen`. A lock on the folder keeps
    /// two servers of this library from removing each other's new socket, when both have
    /// found the same stale file.
    pub fn bind(
        address: &Address,
        path: &Path,
        bind: impl FnOnce() -> io::Result<()>,
        listen: impl FnOnce() -> io::Result<()>,
        system: &System,
    ) -> Result<Self> {
        let _lock = lock_folder(address, path, system)?;
        clear(address, path)?;
        bind().map_err(|error| address.failed(error))?;
        let made = fs::symlink_metadata(path).map_err(|error| address.failed(error))?;
        // From here on, an error removes the file.
        let file = Self { path: path.to_owned(), device: made.dev(), inode: made.ino() };
        if let Some(mode) = address.options.mode {
            // Nobody can connect before the socket listens.
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| address.failed(error))?;
        }
        // Under the lock, because a socket that does not listen yet looks like a stale
        // one.
        listen().map_err(|error| address.failed(error))?;
        Ok(file)
    }

    /// Leaves the file in place, because another process uses the socket, too.
    pub fn leave(mut self) {
        self.path.clear();
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.path.as_os_str().is_empty() {
            return;
        }
        // As long as the socket is open, no other file has its inode number.
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the file of a socket stays behind");
        }
    }
}

fn lock_folder(address: &Address, path: &Path, system: &System) -> Result<File> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let opened = File::open(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => address.refuse("there is no such folder"),
        _ => address.failed(error),
    })?;
    for _ in 0..TRIES {
        if (system.try_lock)(opened.as_raw_fd()).map_err(|error| address.failed(error))? {
            return Ok(opened);
        }
        std::thread::sleep(TRY);
    }
    Err(address.refuse("another process holds a lock of the folder"))
}

/// Removes the file of a server that has ended without removing it.
fn clear(address: &Address, path: &Path) -> Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(|error| address.failed(error))?,
    };
    if !found.file_type().is_socket() {
        return Err(address.refuse("there is a file that is no socket"));
    }
    match knock(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| address.failed(error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::EPROTOTYPE) => {
            Err(address.refuse("there is a socket of another type"))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(address.failed(error)),
        _ => Err(address.failed(io::ErrorKind::AddrInUse.into())),
    }
}

/// Whether a process listens on the socket.
fn knock(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Not blocking: the backlog of a server may be full.
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}
