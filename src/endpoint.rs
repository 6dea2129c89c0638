//! One end of a connection: an IP address and port, or a Unix socket.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use socket2::SockAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Inet(SocketAddr),
    /// The name of a Unix socket: a path, `@` and an abstract name, or empty.
    Unix(Arc<str>),
    /// The process at the other end of a Unix socket, as reported by the kernel when it
    /// connected. There is no process id if it is in a PID namespace that is not visible
    /// here.
    Process {
        pid: Option<u32>,
        uid: u32,
    },
}

/// Not known.
impl Default for Endpoint {
    fn default() -> Self {
        Self::Unix("".into())
    }
}

impl Endpoint {
    /// The IP address for limits by address. Peers of Unix sockets have none.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Inet(address) => Some(address.ip()),
            Self::Unix(_) | Self::Process { .. } => None,
        }
    }

    pub fn is_unix(&self) -> bool {
        !matches!(self, Self::Inet(_))
    }

    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Inet(address) => Some(address.port()),
            Self::Unix(_) | Self::Process { .. } => None,
        }
    }
}

/// Converts an address of the kernel. `None` for another address family.
impl TryFrom<&SockAddr> for Endpoint {
    type Error = ();

    fn try_from(address: &SockAddr) -> Result<Self, ()> {
        if let Some(inet) = address.as_socket() {
            return Ok(inet.into());
        }
        if !address.is_unix() {
            return Err(());
        }
        let name = match (address.as_pathname(), address.as_abstract_namespace()) {
            (Some(path), _) => path.to_string_lossy().into_owned(),
            (None, Some(name)) => format!("@{}", String::from_utf8_lossy(name)),
            (None, None) => String::new(),
        };
        Ok(Self::Unix(name.into()))
    }
}

/// An IPv4-mapped IPv6 address becomes the IPv4 address.
impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            IpAddr::V4(ip) if address.is_ipv6() => Self::Inet((ip, address.port()).into()),
            _ => Self::Inet(address),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(name) => write!(f, "unix:{name}"),
            Self::Process { pid: Some(pid), uid } => write!(f, "unix:pid={pid},uid={uid}"),
            Self::Process { pid: None, uid } => write!(f, "unix:uid={uid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_text() {
        let inet = |text: &str| Endpoint::from(text.parse::<SocketAddr>().unwrap()).to_string();
        assert_eq!(inet("127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(inet("[::1]:80"), "[::1]:80");
        assert_eq!(inet("[::ffff:192.0.2.1]:80"), "192.0.2.1:80");
        let unix = |address: SockAddr| Endpoint::try_from(&address).unwrap().to_string();
        assert_eq!(unix(SockAddr::unix("/run/app.sock").unwrap()), "unix:/run/app.sock");
        assert_eq!(unix(SockAddr::unix("\0app").unwrap()), "unix:@app");
        assert_eq!(unix(SockAddr::unix("").unwrap()), "unix:");
        assert_eq!(Endpoint::Process { pid: Some(7), uid: 0 }.to_string(), "unix:pid=7,uid=0");
        assert_eq!(Endpoint::Process { pid: None, uid: 0 }.to_string(), "unix:uid=0");
    }
}
