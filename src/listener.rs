//! Listening sockets: addresses, binding, accepting.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::error::{Error, Result};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 1024;
/// How long accept rests when the process or the system is out of descriptors or memory.
pub const BACK_OFF: Duration = Duration::from_millis(100);

/// Binds every address that `address` means: `127.0.0.1:8080`, `[::1]:8080` or
/// a name such as `localhost:8080`. Port 0 is any free one, the same for all.
pub fn bind(address: &str) -> Result<Vec<TcpListener>> {
    let mut bound: Vec<TcpListener> = Vec::new();
    let mut unavailable = None;
    for mut resolved in resolve(address)? {
        if resolved.port() == 0
            && let Some(first) = bound.first().and_then(|listener| listener.local_addr().ok())
        {
            resolved.set_port(first.port());
        }
        match bind_one(resolved) {
            Ok(listener) => bound.push(listener),
            // A name may mean addresses of a family that this machine has not.
            Err(error) if is_unavailable(&error) => unavailable = Some(error),
            Err(error) => return Err(refused(address, error)),
        }
    }
    match unavailable {
        Some(error) if bound.is_empty() => Err(refused(address, error)),
        _ => Ok(bound),
    }
}

fn resolve(address: &str) -> Result<Vec<SocketAddr>> {
    let fail = |reason: String| Error::Address { address: address.to_owned(), reason };
    if !address.contains(':') {
        return Err(fail("the port is missing".into()));
    }
    let resolved = address.to_socket_addrs().map_err(|error| fail(error.to_string()))?;
    let mut all: Vec<SocketAddr> = Vec::new();
    for one in resolved {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    match all.is_empty() {
        true => Err(fail("the name has no address".into())),
        false => Ok(all),
    }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // The IPv4 address of a name is bound by itself.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn is_unavailable(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT))
}

fn refused(address: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => Error::AddressInUse(address.to_owned()),
        io::ErrorKind::AddrNotAvailable => {
            Error::Address { address: address.to_owned(), reason: "this machine does not have the address".into() }
        }
        _ => Error::io(format_args!("cannot listen on {address:?}"), error),
    }
}

/// A listening socket on a runtime.
pub struct Listener(tokio::net::TcpListener);

impl Listener {
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        tokio::net::TcpListener::from_std(listener).map(Self)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into())
    }

    /// The next connection, watched by no runtime.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.accept().await?;
        let stream = stream.into_std()?;
        // It fails if the peer is gone already, which its session will find out.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }

    /// The connections that the kernel holds already, no more than it can hold.
    /// The kernel is asked: the runtime may not have heard of them yet.
    pub fn accept_waiting(&self) -> Vec<(TcpStream, SocketAddr)> {
        let mut waiting = Vec::new();
        for _ in 0..BACKLOG {
            match SockRef::from(&self.0).accept() {
                Ok((socket, peer)) => {
                    let ready = socket.set_nonblocking(true).is_ok();
                    waiting.extend(peer.as_socket().filter(|_| ready).map(|peer| (socket.into(), peer)));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => break,
            }
        }
        waiting
    }
}

/// Whether accept failed for one connection only, so that the next can be taken at once.
pub fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
        || matches!(error.raw_os_error(), Some(libc::EPROTO | libc::ENETDOWN | libc::EHOSTUNREACH | libc::ENETUNREACH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_shared_by_a_names_addresses() {
        let bound = bind("localhost:0").unwrap();
        let ports: Vec<_> = bound.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert!(!ports.is_empty() && ports.iter().all(|port| *port == ports[0] && *port != 0));
    }

    #[test]
    fn bad_addresses_are_refused() {
        for bad in ["", "8080", ":", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "256.0.0.1:1", "192.0.2.1:0"] {
            assert!(matches!(bind(bad), Err(Error::Address { .. })), "{bad:?}: {:?}", bind(bad));
        }
    }

    #[test]
    fn a_port_in_use_is_named() {
        let first = bind("127.0.0.1:0").unwrap();
        let address = first[0].local_addr().unwrap().to_string();
        assert!(matches!(bind(&address), Err(Error::AddressInUse(named)) if named == address));
    }
}
