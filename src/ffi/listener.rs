//! Listening sockets: their addresses, and passing them to other processes.

use std::ffi::{CString, c_char, c_int};
use std::os::fd::IntoRawFd;
use std::ptr::{self, NonNull};

use super::server::{borrow, goaway_server};
use super::{goaway_status, guard, guard_or, view};
use crate::error::Error;
use crate::table::lock;

/// Adds a listener on `address`. You may call it several times, before the start
/// only. Connections wait in the kernel until the start. An address has one of these
/// forms:
///
/// - "127.0.0.1:8080", "[::1]:8080", or a name such as "localhost:8080". The system
///   resolves a name before this function returns; it may have several addresses.
///   Port 0 is any free port, which `goaway_server_port` returns.
/// - "unix:/run/app.sock": a Unix socket. The path is absolute and has at most 107
///   bytes. %XX in it is one byte: "%3F" is "?", "%25" is "%". A socket file that an
///   earlier server left behind is replaced if connecting to it is refused. If a
///   process listens on it, the result is GOAWAY_ERR_ADDRESS_IN_USE. A file that is
///   not a stream socket is never removed. The folder is locked meanwhile (flock), so
///   that only one of several servers that start at the same time gets the address.
///   The server removes the file when it closes, if the file is still its own.
/// - "unix:@name": a Unix socket without a file (Linux).
/// - "fd:3": the listening TCP or Unix socket of this descriptor, which the process
///   has inherited or made. The library duplicates the descriptor, close-on-exec, and
///   makes the socket non-blocking, also for other processes that share it. You still
///   own the descriptor, and may close it or pass it on at once.
/// - "systemd:": all sockets that the service manager has opened for this process
///   (socket activation, sd_listen_fds(3)); "systemd:name": those with this
///   FileDescriptorName=. They are used like "fd:3". The environment is not changed.
///
/// When the server closes, connections that wait in a socket of its own are still
/// accepted. In a socket that is shared with another process they are left for that
/// process. If no process has the socket any more, the kernel refuses them.
///
/// Options follow a "?", as in "127.0.0.1:80?reuseport=1&backlog=4096". Since they
/// are part of the address, they can be configured wherever your program takes an
/// address:
///
/// - backlog=N: connections that the kernel holds until they are accepted. The system
///   may have a lower limit. Default 1024. 1 to 65535.
/// - reuseport=1: several sockets may have the address, and the kernel distributes
///   the connections (SO_REUSEPORT). If a process dies, the connections that wait in
///   its socket are lost. Default 0.
/// - ipv6only=0: an IPv6 address accepts IPv4 connections too. Default 1.
/// - mode=660: the permissions of a Unix socket's file, octal. Default: set by the
///   umask.
/// - given=1: no other process has the socket of the descriptor, and you close the
///   descriptor at once. A close then treats the socket as the server's own. Default
///   0.
/// - keepalive=SECONDS: TCP probes a connection that has been silent for this time,
///   every keepalive_interval=SECONDS, and drops it after keepalive_count=N probes.
///   What you do not set has the system's default. Seconds: 1 to 32767. Probes: 1 to
///   127. By default TCP sends no probes, because the library sends PING frames
///   (GOAWAY_LIMIT_KEEPALIVE_MS). Not for Unix sockets.
/// - proxy=TRUSTED: each connection begins with a header of the PROXY protocol,
///   version 1 or 2, that names the client. This client is then the peer of the
///   session in events, counts and the log. TRUSTED is a list of the proxies'
///   addresses and networks, separated by commas, such as "10.0.0.0/8,::1"; "unix"
///   trusts every process that can reach a Unix socket, "*" every peer. A connection
///   ends with GOAWAY_CAUSE_PROXY if its peer is not trusted, if it has no such
///   header, or if the header is not complete after proxy_ms=MILLISECONDS (default
///   5000, 1 to 3600000). A proxy that connects for itself (LOCAL, UNKNOWN) is its
///   own client. TLVs, up to 4096
///   bytes, are kept for `goaway_session_proxy_tlv`.
/// - health=1: only health checks are served (`goaway_server_set_health_paths`), and
///   everything else has the status 404. Its sessions have a thread of their own, which
///   runs no handler. They are accepted although the limits of sessions are reached;
///   there may be 64 of them. Default 0.
///
/// The options backlog, reuseport, ipv6only and mode are not allowed for an inherited
/// socket. keepalive changes a shared socket for all processes that share it.
///
/// If the call fails, it listens on no part of `address`.
///
/// GOAWAY_ERR_ADDRESS: the address is malformed, cannot be resolved, or does not
/// belong to this machine.
/// GOAWAY_ERR_ADDRESS_IN_USE: another socket has the address.
/// GOAWAY_ERR_PERMISSION: the system does not permit it.
/// GOAWAY_ERR_IO: the system failed in another way.
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_server_listen(
    server: Option<NonNull<goaway_server>>,
    address: *const c_char,
) -> goaway_status {
    guard(|| {
        let server = borrow(server)?;
        // SAFETY: the header asks for a NUL-terminated text.
        server.listen(unsafe { view::text(address, "address") }?, None)
    })
}

/// Returns the port of the listening socket at `index`, counted from 0 in the order
/// in which the sockets were made. Returns 0 if it is a Unix socket or does not
/// exist.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_port(server: Option<&goaway_server>, index: usize) -> u16 {
    guard_or(0, || borrow(server)?.port(index))
}

/// Returns the address of the listening socket at `index`: "127.0.0.1:8080",
/// "unix:/run/app.sock", "unix:@name", or "unix:" if it has no name. Returns NULL if
/// there is no such socket. Valid until the server is freed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_address(server: Option<&goaway_server>, index: usize) -> *const c_char {
    guard_or(ptr::null(), || {
        let handle = server.ok_or(Error::Null("server"))?;
        let address = handle.server.address(index)?;
        let text = CString::new(address).map_err(|_| Error::State("the address has a NUL"))?;
        Ok(lock(&handle.addresses).entry(index).or_insert(text).as_ptr())
    })
}

/// Returns a duplicate of the descriptor of the listening socket at `index`,
/// close-on-exec, for a successor process, which listens on it as "fd:N". You own the
/// duplicate and close it. Returns -1 if there is no such socket or the server has
/// closed it; `goaway_last_error` returns the text.
///
/// From this call on, the socket counts as shared (`goaway_server_set_shared`): when
/// this server closes, it leaves waiting connections to the successor and does not
/// remove the file of a Unix socket. No connection is refused or lost if you keep
/// this order: the successor gets the descriptor (by inheritance or SCM_RIGHTS),
/// listens and starts; the successor reports that it serves; then this server closes.
/// In between, both servers accept.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_dup_fd(server: Option<NonNull<goaway_server>>, index: usize) -> c_int {
    guard_or(-1, || Ok(borrow(server)?.hand_over(index)?.into_raw_fd()))
}

/// Sets whether another process shares the listening socket at `index` and will
/// accept the connections that wait in it when this server closes. Default: true for
/// a socket that was inherited ("fd:3" without "given=1", "systemd:") or passed on by
/// `goaway_server_dup_fd`, false for others. The last process that has the socket
/// sets false before it closes; it then accepts the waiting connections and sends
/// them GOAWAY. Otherwise they are lost with the socket.
///
/// GOAWAY_ERR_NOT_FOUND: there is no such socket.
/// GOAWAY_ERR_STATE: the server has closed the socket.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_shared(
    server: Option<NonNull<goaway_server>>,
    index: usize,
    shared: bool,
) -> goaway_status {
    guard(|| borrow(server)?.set_shared(index, shared))
}
