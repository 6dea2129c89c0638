//! Listening sockets: addresses, binding, inheriting, accepting.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::error::{Error, Result};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 1024;
/// How long accept rests when the process or the system is out of descriptors or memory.
pub const BACK_OFF: Duration = Duration::from_millis(100);

/// What all connections of a listening socket have in common.
#[derive(Debug, Default)]
pub struct Door {
    /// The socket was made by somebody else, who may have plans for the
    /// connections that wait in it.
    pub is_inherited: bool,
}

/// A listening socket.
pub struct Bound {
    socket: TcpListener,
    door: Arc<Door>,
}

impl Bound {
    pub fn port(&self) -> Option<u16> {
        self.socket.local_addr().ok().map(|address| address.port())
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, door: self.door.clone() })
    }
}

/// Binds every address that `address` means: `127.0.0.1:8080`, `[::1]:8080` or
/// a name such as `localhost:8080`. Port 0 is any free one, the same for all.
pub fn bind(address: &str) -> Result<Vec<Bound>> {
    let mut bound: Vec<Bound> = Vec::new();
    let mut unavailable = None;
    for mut resolved in resolve(address)? {
        if resolved.port() == 0
            && let Some(port) = bound.first().and_then(Bound::port)
        {
            resolved.set_port(port);
        }
        match bind_one(resolved) {
            Ok(socket) => bound.push(Bound { socket, door: Arc::default() }),
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

/// Takes a duplicate of a socket that listens already. `address` is what the host calls it.
pub fn inherit(address: &str, descriptor: OwnedFd) -> Result<Bound> {
    let fail = |reason: &str| Error::Address { address: address.to_owned(), reason: reason.to_owned() };
    let socket = Socket::from(descriptor);
    match socket.r#type() {
        Ok(Type::STREAM) => {}
        Ok(_) => return Err(fail("it is no stream socket")),
        Err(error) if error.raw_os_error() == Some(libc::ENOTSOCK) => return Err(fail("it is no socket")),
        Err(error) => return Err(refused(address, error)),
    }
    if !socket.local_addr().is_ok_and(|address| address.as_socket().is_some()) {
        return Err(fail("it is a socket of neither IPv4 nor IPv6"));
    }
    if !socket.is_listener().map_err(|error| refused(address, error))? {
        return Err(fail("the socket does not listen"));
    }
    // The duplicate shares the flag with the original: the header says so.
    socket.set_nonblocking(true).map_err(|error| refused(address, error))?;
    Ok(Bound { socket: socket.into(), door: Arc::new(Door { is_inherited: true }) })
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
pub struct Listener {
    socket: tokio::net::TcpListener,
    door: Arc<Door>,
}

impl Listener {
    pub fn new(bound: Bound) -> io::Result<Self> {
        let socket = tokio::net::TcpListener::from_std(bound.socket)?;
        Ok(Self { socket, door: bound.door })
    }

    /// Through which its connections come.
    pub fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into())
    }

    /// The next connection, watched by no runtime.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.socket.accept().await?;
        let stream = stream.into_std()?;
        // It fails if the peer is gone already, which its session will find out.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }

    /// The connections that would end with this socket: those that the kernel
    /// holds already, no more than it can hold. The kernel is asked: the runtime
    /// may not have heard of them yet. An inherited socket lives on, and whoever
    /// has it now accepts them.
    pub fn accept_waiting(&self) -> Vec<(TcpStream, SocketAddr)> {
        let mut waiting = Vec::new();
        if self.door.is_inherited {
            return waiting;
        }
        for _ in 0..BACKLOG {
            match SockRef::from(&self.socket).accept() {
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
        let ports: Vec<_> = bound.iter().map(|listener| listener.port().unwrap()).collect();
        assert!(!ports.is_empty() && ports.iter().all(|port| *port == ports[0] && *port != 0));
    }

    #[test]
    fn bad_addresses_are_refused() {
        for bad in ["", "8080", ":", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "256.0.0.1:1", "192.0.2.1:0"] {
            assert!(matches!(bind(bad), Err(Error::Address { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_port_in_use_is_named() {
        let first = bind("127.0.0.1:0").unwrap();
        let address = first[0].socket.local_addr().unwrap().to_string();
        assert!(matches!(bind(&address), Err(Error::AddressInUse(named)) if named == address));
    }

    #[tokio::test]
    async fn what_waits_in_an_inherited_socket_is_left_to_others() {
        let original = TcpListener::bind("127.0.0.1:0").unwrap();
        let inherited = inherit("fd:3", original.try_clone().unwrap().into()).unwrap();
        let ours = bind("127.0.0.1:0").unwrap().remove(0);
        let connect = |bound: &Bound| TcpStream::connect(("127.0.0.1", bound.port().unwrap())).unwrap();
        let _peers = [connect(&inherited), connect(&ours)];
        assert!(Listener::new(inherited).unwrap().accept_waiting().is_empty());
        assert!(original.accept().is_ok());
        assert_eq!(Listener::new(ours).unwrap().accept_waiting().len(), 1);
    }
}
