//! Listening sockets: binding, inheriting, accepting, handing over.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use crate::activation;
use crate::address::{Address, BACKLOG, Options, Place};
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::proxy::Proxy;
use crate::socket_file::SocketFile;
use crate::system::System;
use crate::table::lock;
use crate::tls::Tls;

/// How long accepting pauses when descriptors or memory have run out.
pub const BACK_OFF: Duration = Duration::from_millis(100);

/// A listening socket, as the server and all connections of the socket share it.
#[derive(Debug, Default)]
pub struct ListenSocket {
    /// The local address.
    pub at: Endpoint,
    /// The PROXY protocol settings, if connections begin with a PROXY header.
    pub proxy: Option<Arc<Proxy>>,
    /// Whether it serves health checks alone.
    pub is_for_health: bool,
    /// The TLS settings, if the socket speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// Connections that may wait in the kernel.
    backlog: usize,
    owned: Mutex<OwnedSocket>,
}

/// What a close gives up, in this order: another server would take a file without
/// its socket for a stale one.
#[derive(Debug, Default)]
struct OwnedSocket {
    file: Option<SocketFile>,
    socket: Option<Socket>,
    /// Whether another process has the socket too and accepts the waiting connections.
    is_shared: bool,
}

impl ListenSocket {
    fn new(socket: Socket, file: Option<SocketFile>, is_shared: bool, options: &Options) -> Arc<Self> {
        let at = socket.local_addr().ok().and_then(|address| Endpoint::try_from(&address).ok());
        let owned = Mutex::new(OwnedSocket { file, socket: Some(socket), is_shared });
        let backlog = options.backlog.unwrap_or(BACKLOG).into();
        Arc::new(Self {
            at: at.unwrap_or_default(),
            proxy: options.proxy.clone(),
            is_for_health: options.is_for_health,
            tls: options.tls.clone(),
            backlog,
            owned,
        })
    }

    /// Duplicates the socket for a successor, which from now on owns the waiting
    /// connections and the file of a Unix socket. `None` if the socket is closed.
    pub fn hand_over(&self) -> Option<io::Result<OwnedFd>> {
        let mut owned = lock(&self.owned);
        let copy = owned.socket.as_ref()?.try_clone();
        if copy.is_ok() {
            owned.is_shared = true;
            owned.file.take().into_iter().for_each(SocketFile::leave);
        }
        Some(copy.map(OwnedFd::from))
    }

    /// Sets whether another process has the socket too. False if the socket is closed.
    pub fn set_shared(&self, is_shared: bool) -> bool {
        let mut owned = lock(&self.owned);
        owned.is_shared = is_shared;
        owned.socket.is_some()
    }

    /// Called in a child process: the parent has the socket and the file too.
    pub fn inherit(&self) {
        let mut owned = lock(&self.owned);
        owned.is_shared = true;
        owned.file.take().into_iter().for_each(SocketFile::leave);
    }

    /// Stops listening. Returns whether the waiting connections would end with the
    /// socket.
    fn shut(&self) -> bool {
        let (file, socket, is_shared) = {
            let mut owned = lock(&self.owned);
            (owned.file.take(), owned.socket.take(), owned.is_shared)
        };
        // Unlocked, since a file that stays behind is told in the log, which is
        // the host's. The file first: it needs the socket to be open.
        drop(file);
        drop(socket);
        !is_shared
    }
}

/// Listens on everything that `text` means: `127.0.0.1:8080`, `[::1]:8080`, a
/// name such as `localhost:8080`, `unix:/path`, `fd:3`, `systemd:`. Port 0 is
/// any free one, the same for all addresses of a name.
pub fn open(text: &str, tls: Option<Arc<Tls>>, system: &System) -> Result<Vec<Arc<ListenSocket>>> {
    let mut address = Address::parse(text)?;
    address.options.tls = tls;
    match &address.place {
        Place::Inet(place) => bind_inet(&address, place),
        Place::Unix(name) => Ok(vec![bind_unix(&address, name, system)?]),
        Place::Descriptor(number) => Ok(vec![inherit(&address, descriptor(&address, number)?, "it", system)?]),
        Place::Activation(name) => {
            let passed = activation::descriptors(*name, |name| std::env::var(name).ok(), std::process::id());
            let passed = passed.map_err(|reason| address.refuse(reason))?;
            let inherit = |number| inherit(&address, number, &format!("the descriptor {number}"), system);
            passed.into_iter().map(inherit).collect()
        }
    }
}

fn bind_inet(address: &Address, place: &str) -> Result<Vec<Arc<ListenSocket>>> {
    let mut bound: Vec<Arc<ListenSocket>> = Vec::new();
    let mut unavailable = None;
    for mut resolved in resolve(address, place)? {
        if resolved.port() == 0
            && let Some(port) = bound.first().and_then(|first| first.at.port())
        {
            resolved.set_port(port);
        }
        if resolved.is_ipv4() && address.options.only_v6.is_some() {
            return Err(address.refuse("\"ipv6only\" says nothing about an IPv4 address"));
        }
        match bind_one(resolved, &address.options) {
            Ok(socket) => bound.push(ListenSocket::new(socket, None, false, &address.options)),
            // A name may mean addresses of a family that this machine has not.
            Err(error) if is_unavailable(&error) => unavailable = Some(error),
            Err(error) => return Err(address.failed(error)),
        }
    }
    match unavailable {
        Some(error) if bound.is_empty() => Err(address.failed(error)),
        _ => Ok(bound),
    }
}

fn resolve(address: &Address, place: &str) -> Result<Vec<SocketAddr>> {
    if !place.contains(':') {
        return Err(address.refuse("the port is missing"));
    }
    let mut all: Vec<SocketAddr> = Vec::new();
    for one in place.to_socket_addrs().map_err(|error| address.refuse(error.to_string()))? {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    match all.is_empty() {
        true => Err(address.refuse("the name has no address")),
        false => Ok(all),
    }
}

fn bind_one(address: SocketAddr, options: &Options) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // The IPv4 address of a name is bound by itself.
        socket.set_only_v6(options.only_v6.unwrap_or(true))?;
    }
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        socket.set_reuse_port(true)?;
    }
    probe_silence(&socket, options)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(options.backlog.unwrap_or(BACKLOG).into())?;
    Ok(socket)
}

/// Sets options that each accepted connection inherits.
fn probe_silence(socket: &Socket, options: &Options) -> io::Result<()> {
    let Some(said) = options.keepalive else { return Ok(()) };
    let mut keepalive = TcpKeepalive::new().with_time(said.idle);
    if let Some(interval) = said.interval {
        keepalive = keepalive.with_interval(interval);
    }
    if let Some(count) = said.count {
        keepalive = keepalive.with_retries(count);
    }
    socket.set_tcp_keepalive(&keepalive)
}

fn bind_unix(address: &Address, name: &[u8], system: &System) -> Result<Arc<ListenSocket>> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(|error| address.failed(error))?;
    socket.set_nonblocking(true).map_err(|error| address.failed(error))?;
    let path = Path::new(OsStr::from_bytes(name));
    let unix = SockAddr::unix(path).map_err(|_| address.refuse("the path is too long for a socket"))?;
    let listen = || socket.listen(address.options.backlog.unwrap_or(BACKLOG).into());
    let file = match name {
        [0, ..] => {
            socket.bind(&unix).and_then(|()| listen()).map_err(|error| address.failed(error))?;
            None
        }
        _ => Some(SocketFile::bind(address, path, || socket.bind(&unix), listen, system)?),
    };
    Ok(ListenSocket::new(socket, file, false, &address.options))
}

fn descriptor(address: &Address, number: &str) -> Result<RawFd> {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| digits);
    number.ok_or_else(|| address.refuse("what follows \"fd:\" is no descriptor"))
}

/// Duplicates an inherited listening socket. `what` names it in errors.
fn inherit(address: &Address, number: RawFd, what: &str, system: &System) -> Result<Arc<ListenSocket>> {
    let copy = (system.duplicate)(number).map_err(|error| match error.raw_os_error() {
        Some(libc::EBADF) => address.refuse("the descriptor is not open"),
        _ => address.failed(error),
    })?;
    let socket = Socket::from(copy);
    match socket.r#type() {
        Ok(Type::STREAM) => {}
        Ok(_) => return Err(address.refuse(format!("{what} is no stream socket"))),
        Err(error) if error.raw_os_error() == Some(libc::ENOTSOCK) => {
            return Err(address.refuse(format!("{what} is no socket")));
        }
        Err(error) => return Err(address.failed(error)),
    }
    let Some(at) = socket.local_addr().ok().and_then(|address| Endpoint::try_from(&address).ok()) else {
        return Err(address.refuse(format!("{what} is a socket of neither IPv4, IPv6 nor Unix")));
    };
    if !socket.is_listener().map_err(|error| address.failed(error))? {
        return Err(address.refuse(format!("{what} does not listen")));
    }
    if at.is_unix() && address.options.keepalive.is_some() {
        return Err(address.refuse(format!("{what} is a Unix socket, which needs no \"keepalive\"")));
    }
    // The duplicate shares the flag with the original: the header says so.
    let set = socket.set_nonblocking(true).and_then(|()| probe_silence(&socket, &address.options));
    set.map_err(|error| address.failed(error))?;
    Ok(ListenSocket::new(socket, None, !address.options.given, &address.options))
}

fn is_unavailable(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT))
}

/// A listening socket that is registered with a runtime.
pub struct Listener {
    watched: Watched,
    listen_socket: Arc<ListenSocket>,
    credentials: fn(RawFd) -> Option<(Option<u32>, u32)>,
}

enum Watched {
    Inet(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

/// An accepted connection, not registered with a runtime, and its peer. The type is
/// the same for Unix sockets, since nothing is done with it that only TCP can.
pub type Accepted = (TcpStream, Endpoint);

impl Listener {
    pub fn new(listen_socket: Arc<ListenSocket>, system: &System) -> io::Result<Self> {
        // A duplicate: what is on a runtime ends with it, the listen_socket if it is shut.
        let socket = lock(&listen_socket.owned).socket.as_ref().ok_or(io::ErrorKind::NotConnected)?.try_clone()?;
        let watched = match listen_socket.at.is_unix() {
            true => Watched::Unix(tokio::net::UnixListener::from_std(socket.into())?),
            false => Watched::Inet(tokio::net::TcpListener::from_std(socket.into())?),
        };
        Ok(Self { watched, listen_socket, credentials: system.credentials })
    }

    /// The socket that accepts the connections.
    pub fn listen_socket(&self) -> &Arc<ListenSocket> {
        &self.listen_socket
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match &self.watched {
            Watched::Inet(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(self.greet(stream.into_std()?.into(), Some(peer)))
            }
            Watched::Unix(listener) => Ok(self.greet(listener.accept().await?.0.into_std()?.into(), None)),
        }
    }

    /// Accepts what waits in the kernel at this moment, without waiting.
    fn accept_now(&self) -> io::Result<Accepted> {
        let (socket, peer) = match &self.watched {
            Watched::Inet(listener) => SockRef::from(listener).accept()?,
            Watched::Unix(listener) => SockRef::from(listener).accept()?,
        };
        socket.set_nonblocking(true)?;
        Ok(self.greet(socket, peer.as_socket()))
    }

    fn greet(&self, socket: Socket, peer: Option<SocketAddr>) -> Accepted {
        let peer = match peer {
            Some(peer) => {
                // It fails if the peer is gone already, which its session will find out.
                let _ = socket.set_tcp_nodelay(true);
                Some(peer.into())
            }
            None => (self.credentials)(socket.as_raw_fd()).map(|(pid, uid)| Endpoint::Process { pid, uid }),
        };
        (socket.into(), peer.unwrap_or_default())
    }

    /// Closes the listener and returns the connections that would end with the
    /// socket: those that wait in the kernel, at most the backlog. The kernel is
    /// asked directly, since the runtime may not know of them yet. A socket that
    /// another process has too stays open, and that process accepts them.
    pub fn leave(self) -> Vec<Accepted> {
        let mut waiting = Vec::new();
        if !self.listen_socket.shut() {
            return waiting;
        }
        for _ in 0..self.listen_socket.backlog {
            match self.accept_now() {
                Ok(accepted) => waiting.push(accepted),
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => break,
            }
        }
        waiting
    }
}

/// Whether accept failed for one connection only, so that the next can be accepted at once.
pub fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
        || matches!(error.raw_os_error(), Some(libc::EPROTO | libc::ENETDOWN | libc::EHOSTUNREACH | libc::ENETUNREACH))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;

    use super::*;
    use crate::error::Error;

    fn bind(text: &str) -> Result<Vec<Arc<ListenSocket>>> {
        open(text, None, &System::default())
    }

    /// A folder for this test.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("goaway-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn reason(text: &str) -> String {
        match bind(text) {
            Err(Error::Address { reason, .. }) => reason,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_free_port_is_shared_by_a_names_addresses() {
        let bound = bind("localhost:0").unwrap();
        let ports: Vec<_> = bound.iter().map(|listen_socket| listen_socket.at.port().unwrap()).collect();
        assert!(!ports.is_empty() && ports.iter().all(|port| *port == ports[0] && *port != 0));
    }

    #[test]
    fn bad_addresses_are_refused() {
        for bad in ["", "8080", ":", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "256.0.0.1:1", "192.0.2.1:0"] {
            assert!(matches!(bind(bad), Err(Error::Address { .. })), "{bad:?}");
        }
        assert!(reason("127.0.0.1:0?ipv6only=0").contains("IPv4"));
        assert!(reason("systemd:").contains("LISTEN_FDS"));
    }

    #[test]
    fn a_port_in_use_is_named() {
        let first = bind("127.0.0.1:0").unwrap();
        let address = first[0].at.to_string();
        assert!(matches!(bind(&address), Err(Error::AddressInUse(named)) if named == address));
        let first = bind("127.0.0.1:0?reuseport=1").unwrap();
        bind(&format!("{}?reuseport=1", first[0].at)).unwrap();
    }

    #[test]
    fn both_families_may_come_to_one_socket() {
        let Ok(bound) = bind("[::]:0?ipv6only=0") else { return eprintln!("SKIPPED: there is no IPv6") };
        TcpStream::connect(("127.0.0.1", bound[0].at.port().unwrap())).unwrap();
    }

    #[test]
    fn silence_is_probed_as_was_said() {
        let bound = bind("127.0.0.1:0?keepalive=7&keepalive_interval=3&keepalive_count=2").unwrap();
        let owned = lock(&bound[0].owned);
        let socket = owned.socket.as_ref().unwrap();
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(7));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(3));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 2);
    }

    #[test]
    fn a_stale_file_is_taken_over_and_a_live_one_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder("stale");
        let path = folder.join("a.sock");
        let text = format!("unix:{}?mode=600", path.display());
        drop(UnixListener::bind(&path).unwrap());
        let bound = bind(&text).unwrap();
        assert_eq!(bound[0].at.to_string(), format!("unix:{}", path.display()));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(bind(&text), Err(Error::AddressInUse(_))));
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert!(!path.exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_not_ours_stays() {
        let folder = folder("other");
        let text = |name: &str| format!("unix:{}", folder.join(name).display());
        std::fs::write(folder.join("file"), "kept").unwrap();
        std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
        let _datagrams = std::os::unix::net::UnixDatagram::bind(folder.join("datagrams")).unwrap();
        assert!(reason(&text("file")).contains("no socket"));
        assert!(reason(&text("link")).contains("no socket"));
        assert!(reason(&text("datagrams")).contains("another type"));
        assert!(reason(&text("none/a.sock")).contains("no such folder"));
        assert!(reason(&text(&"x".repeat(120))).contains("too long"));
        assert_eq!(std::fs::read(folder.join("file")).unwrap(), b"kept");
        // Another server has its own socket there meanwhile.
        let bound = bind(&text("a.sock")).unwrap();
        std::fs::remove_file(folder.join("a.sock")).unwrap();
        let _other = UnixListener::bind(folder.join("a.sock")).unwrap();
        drop(bound);
        UnixStream::connect(folder.join("a.sock")).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn of_many_at_once_one_gets_the_address() {
        let folder = folder("many");
        let path = folder.join("a.sock");
        drop(UnixListener::bind(&path).unwrap());
        let text = format!("unix:{}", path.display());
        let try_lock = crate::ffi::socket::try_lock;
        let bound: Vec<_> = std::thread::scope(|scope| {
            let start = || scope.spawn(|| open(&text, None, &System { try_lock, ..System::default() }));
            let started: Vec<_> = (0..8).map(|_| start()).collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(bound.iter().filter(|one| one.is_ok()).count(), 1);
        assert!(bound.iter().flat_map(|one| one.as_ref().err()).all(|error| matches!(error, Error::AddressInUse(_))));
        UnixStream::connect(&path).unwrap();
        drop(bound);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn what_waits_in_a_shared_socket_is_left_to_others() {
        let bound = [bind("127.0.0.1:0").unwrap().remove(0), bind("127.0.0.1:0").unwrap().remove(0)];
        let connect =
            |listen_socket: &ListenSocket| TcpStream::connect(("127.0.0.1", listen_socket.at.port().unwrap())).unwrap();
        let _peers = [connect(&bound[0]), connect(&bound[1])];
        let [shared, ours] = bound.map(|listen_socket| Listener::new(listen_socket, &System::default()).unwrap());
        let successor = TcpListener::from(shared.listen_socket().hand_over().unwrap().unwrap());
        let listen_socket = shared.listen_socket().clone();
        assert!(shared.leave().is_empty());
        assert!(listen_socket.hand_over().is_none());
        assert!(successor.accept().is_ok());
        assert_eq!(ours.leave().len(), 1);
    }

    #[tokio::test]
    async fn the_last_one_takes_what_waits_in_a_shared_socket() {
        let listen_socket = bind("127.0.0.1:0").unwrap().remove(0);
        let _peer = TcpStream::connect(("127.0.0.1", listen_socket.at.port().unwrap())).unwrap();
        let listener = Listener::new(listen_socket.clone(), &System::default()).unwrap();
        drop(listen_socket.hand_over().unwrap().unwrap());
        assert!(listen_socket.set_shared(false));
        assert_eq!(listener.leave().len(), 1);
        assert!(!listen_socket.set_shared(false), "it is shut");
    }

    #[tokio::test]
    async fn a_file_that_was_handed_over_stays() {
        let folder = folder("handed");
        let path = folder.join("a.sock");
        let listen_socket = bind(&format!("unix:{}", path.display())).unwrap().remove(0);
        let listener = Listener::new(listen_socket, &System::default()).unwrap();
        let successor = UnixListener::from(listener.listen_socket().hand_over().unwrap().unwrap());
        assert!(listener.leave().is_empty());
        let _peer = UnixStream::connect(&path).unwrap();
        assert!(successor.accept().is_ok());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
