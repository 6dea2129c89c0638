//! Where a server listens, and handing its sockets over.

use std::ffi::{CString, c_char, c_int};
use std::os::fd::IntoRawFd;
use std::ptr::{self, NonNull};

use super::server::{borrow, goaway_server};
use super::{goaway_status, guard, guard_or, view};
use crate::error::Error;
use crate::table::lock;

/// Listens on `address`. May be called several times. Connections wait in the
/// kernel until the start. Before the start only. An address is one of:
///
/// - "127.0.0.1:8080", "[::1]:8080", or a name such as "localhost:8080", which
///   may be several addresses and which the system resolves before this
///   returns. Port 0 is any free port; `goaway_server_port` tells which.
/// - "unix:/run/app.sock", a Unix socket. The path is absolute, up to 107 bytes;
///   %XX in it is a byte, so that "%3F" is a "?" and "%25" a "%". The file that
///   a server left behind which did not come to remove it is taken over: one
///   that refuses a connection, which is tried. Where somebody listens it is
///   GOAWAY_ERR_ADDRESS_IN_USE, and what is no stream socket is never removed.
///   The folder is locked for that moment (flock), so that of several servers
///   that start at once one gets the address. The server removes the file when
///   it closes, if it is still its own.
/// - "unix:@name", a Unix socket without a file (Linux).
/// - "fd:3", the listening TCP or Unix socket of that descriptor, which the
///   process has inherited or made. The library keeps a duplicate,
///   close-on-exec, and makes the socket non-blocking, also for who else has
///   it; the descriptor stays the caller's, to close now or to hand on.
/// - "systemd:", every socket that the service manager has opened for this
///   process (socket activation, sd_listen_fds(3)), or "systemd:name" those of
///   that FileDescriptorName=. As with "fd:3"; the environment stays as it is.
///
/// When the server closes, what waits in a socket that it has made is still
/// accepted. A socket that somebody else has too is only left: connections
/// that nobody has accepted then wait for whoever has the socket next, and are
/// refused when nobody has it.
///
/// Options follow a "?", as in "127.0.0.1:80?reuseport=1&backlog=4096". They
/// are part of the address, so that whoever configures a program can say them
/// wherever it takes one:
///
/// - backlog=N: connections that the kernel holds until they are accepted, 1 to
///   65535, and no more than the system allows. Default 1024.
/// - reuseport=1: several sockets may have the address, and the kernel spreads
///   the connections (SO_REUSEPORT). What waits in one whose process dies is lost.
/// - ipv6only=0: an IPv6 address takes IPv4 connections too. Default 1.
/// - mode=660: a Unix socket's permissions, octal. Default: as the umask leaves them.
/// - given=1: nobody else has the descriptor's socket, the caller closes it at
///   once: at a close it is treated as one that the server has made. Default 0.
/// - keepalive=SECONDS: TCP probes a connection that has been silent for so
///   long, every keepalive_interval=SECONDS, and gives it up after
///   keepalive_count=N probes; the system says what is not said. Seconds are 1
///   to 32767, probes 1 to 127. Default: none, since sessions are asked by PING
///   (GOAWAY_LIMIT_KEEPALIVE_MS). Not for Unix sockets.
/// - proxy=TRUSTED: each connection begins with a header of the PROXY protocol,
///   version 1 or 2, that names the client: the peer of the session, wherever a
///   peer is told, counted or logged, is that client. TRUSTED are the proxies'
///   addresses and networks, separated by commas: "10.0.0.0/8,::1", "unix" for
///   whoever can reach a Unix socket, "*" for anybody. Any other connection,
///   one without a header, and one whose header is not whole after
///   proxy_ms=MILLISECONDS (1 to 3600000, default 5000) ends with
///   GOAWAY_CAUSE_PROXY. A proxy that speaks for itself (LOCAL, UNKNOWN) is its
///   own client. TLVs are skipped, up to 4096 bytes.
///
/// The options that make a socket, backlog to mode, are not for one that is
/// inherited; keepalive is set on the socket that others share.
///
/// GOAWAY_ERR_ADDRESS, GOAWAY_ERR_ADDRESS_IN_USE, GOAWAY_ERR_PERMISSION,
/// GOAWAY_ERR_IO: as they say; nothing of `address` is listened on then.
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

/// The port of the listening socket at `index`, counted from 0 in the
/// order in which they were made; 0 if it is a Unix socket or there is none.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_port(server: Option<&goaway_server>, index: usize) -> u16 {
    guard_or(0, || borrow(server)?.port(index))
}

/// Where the listening socket at `index` listens: "127.0.0.1:8080",
/// "unix:/run/app.sock", "unix:@name", or "unix:" if it has no name;
/// NULL if there is none. Valid until the server is freed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_address(server: Option<&goaway_server>, index: usize) -> *const c_char {
    guard_or(ptr::null(), || {
        let handle = server.ok_or(Error::Null("server"))?;
        let address = handle.server.address(index)?;
        let text = CString::new(address).map_err(|_| Error::State("the address has a NUL"))?;
        Ok(lock(&handle.addresses).entry(index).or_insert(text).as_ptr())
    })
}

/// Hands the listening socket at `index` over: a duplicate of its
/// descriptor, close-on-exec, for a successor to listen on as "fd:N" and for
/// the caller to close. -1 if it fails, with the text in `goaway_last_error`:
/// there is no such socket, or the server has closed it. From any thread.
///
/// From now on this server treats the socket as one that somebody else has too:
/// when it closes it leaves the connections that wait there to the successor,
/// and the file of a Unix socket where it is. So no connection is refused, and
/// none lost, if the steps come in this order: the successor gets the
/// descriptor (by inheritance or SCM_RIGHTS), listens and starts; it tells that
/// it serves; then this server closes. Both accept in between.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_dup_fd(server: Option<NonNull<goaway_server>>, index: usize) -> c_int {
    guard_or(-1, || Ok(borrow(server)?.hand_over(index)?.into_raw_fd()))
}

/// Says whether somebody else has the listening socket at `index` too, and
/// will accept what waits there when this server closes. It is so at first of one
/// that was inherited ("fd:3" without "given=1", "systemd:") or handed over with
/// `goaway_server_dup_fd`, of no other. The last of those who share one says false
/// before it closes: then what waits is accepted and told, not lost with the
/// socket. From any thread.
///
/// GOAWAY_ERR_NOT_FOUND: there is no such socket. GOAWAY_ERR_STATE: the server
/// has closed it.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_shared(
    server: Option<NonNull<goaway_server>>,
    index: usize,
    shared: bool,
) -> goaway_status {
    guard(|| borrow(server)?.set_shared(index, shared))
}
