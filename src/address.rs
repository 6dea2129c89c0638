//! Parses the address of `goaway_server_listen`: a place, and options behind a `?`.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::proxy::{Proxy, Trusted};
use crate::tls::Tls;

/// Connections that may wait in the kernel until they are accepted.
pub(crate) const BACKLOG: u16 = 1024;
/// How long a PROXY header may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A parsed address.
#[derive(Debug)]
pub struct Address<'a> {
    /// The whole text, for error messages.
    pub text: &'a str,
    pub place: Place<'a>,
    pub options: Options,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A host and a port.
    Inet(&'a str),
    /// The path of a Unix socket, or a NUL and its name.
    Unix(Vec<u8>),
    /// A descriptor's number.
    Descriptor(&'a str),
    /// The sockets that the service manager has opened: all, or those with a name.
    Activation(Option<&'a str>),
}

/// The options of a listening socket.
#[derive(Debug, Default)]
pub struct Options {
    /// None: [`BACKLOG`].
    pub backlog: Option<u16>,
    pub reuse_port: bool,
    /// No other process has the socket of the descriptor.
    pub given: bool,
    /// None: an IPv6 address takes no IPv4 connections.
    pub only_v6: Option<bool>,
    /// A Unix socket's permissions. None: as the umask leaves them.
    pub mode: Option<u32>,
    pub keepalive: Option<Keepalive>,
    pub proxy: Option<Arc<Proxy>>,
    /// Only health checks are served.
    pub is_for_health: bool,
    /// The TLS settings, which are not part of the text.
    pub tls: Option<Arc<Tls>>,
}

/// TCP keep-alive probes. `None` keeps the system's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    pub idle: Duration,
    pub interval: Option<Duration>,
    pub count: Option<u32>,
}

impl<'a> Address<'a> {
    pub fn parse(text: &'a str) -> Result<Self> {
        let (place, query) = text.split_once('?').map_or((text, None), |(place, query)| (place, Some(query)));
        let read = Place::parse(place).and_then(|place| {
            let options = query.map_or(Ok(Options::default()), |query| Options::parse(query, &place))?;
            Ok((place, options))
        });
        let (place, options) = read.map_err(|reason| refused(text, reason))?;
        Ok(Self { text, place, options })
    }

    /// Makes the error for an address that cannot be listened on.
    pub fn refuse(&self, reason: impl Into<String>) -> Error {
        refused(self.text, reason.into())
    }

    /// Makes the error for a failed system call.
    pub fn failed(&self, error: std::io::Error) -> Error {
        match error.kind() {
            std::io::ErrorKind::AddrInUse => Error::AddressInUse(self.text.to_owned()),
            std::io::ErrorKind::AddrNotAvailable => self.refuse("this machine does not have the address"),
            _ => Error::io(format_args!("cannot listen on {:?}", self.text), error),
        }
    }
}

fn refused(text: &str, reason: String) -> Error {
    Error::Address { address: text.to_owned(), reason }
}

impl<'a> Place<'a> {
    fn parse(text: &'a str) -> std::result::Result<Self, String> {
        if let Some(number) = text.strip_prefix("fd:") {
            return Ok(Self::Descriptor(number));
        }
        if let Some(name) = text.strip_prefix("systemd:") {
            return Ok(Self::Activation((!name.is_empty()).then_some(name)));
        }
        let Some(path) = text.strip_prefix("unix:") else { return Ok(Self::Inet(text)) };
        let path = decoded(path)?;
        match &path[..] {
            [b'@'] => Err("the name is missing".into()),
            [b'@', name @ ..] if cfg!(target_os = "linux") => Ok(Self::Unix([b"\0", name].concat())),
            [b'@', ..] => Err("only Linux has Unix sockets without a file".into()),
            [b'/', ..] if path.contains(&0) => Err("the path has a NUL".into()),
            [b'/', ..] => Ok(Self::Unix(path)),
            _ => Err("the path of a Unix socket begins with \"/\"".into()),
        }
    }

    fn is_inherited(&self) -> bool {
        matches!(self, Self::Descriptor(_) | Self::Activation(_))
    }
}

/// Percent-decodes a path, which may then contain a `?` (`%3F`).
fn decoded(text: &str) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
        decoded.push(match byte {
            b'%' => match (digit(), digit()) {
                (Some(high), Some(low)) => (high * 16 + low) as u8,
                _ => return Err("two hexadecimal digits follow a \"%\" in a path; \"%25\" is one of its own".into()),
            },
            _ => byte,
        });
    }
    Ok(decoded)
}

impl Options {
    fn parse(query: &str, place: &Place) -> std::result::Result<Self, String> {
        let (mut options, mut seen) = (Self::default(), Vec::new());
        let (mut interval, mut count, mut trusted, mut wait_token) = (None, None, None, None);
        for option in query.split('&') {
            let (name, value) = option.split_once('=').ok_or_else(|| format!("\"{option}\" is no NAME=VALUE"))?;
            if seen.contains(&name) {
                return Err(format!("\"{name}\" is said twice"));
            }
            seen.push(name);
            if !concerns(name, place)? {
                return Err(format!("\"{name}\" says nothing about such a socket"));
            }
            let within = |least, most| whole(value, 10).filter(|number| (least..=most).contains(number));
            let read = match name {
                "backlog" => keep(&mut options.backlog, within(1, 65_535).map(|backlog| backlog as u16)),
                "reuseport" => within(0, 1).map(|said| options.reuse_port = said == 1),
                "health" => within(0, 1).map(|said| options.is_for_health = said == 1),
                "given" => within(0, 1).map(|said| options.given = said == 1),
                "ipv6only" => keep(&mut options.only_v6, within(0, 1).map(|said| said == 1)),
                "mode" => keep(&mut options.mode, whole(value, 8).filter(|mode| *mode <= 0o777)),
                "keepalive" => {
                    let idle = within(1, 32_767).map(seconds);
                    keep(&mut options.keepalive, idle.map(|idle| Keepalive { idle, ..Keepalive::default() }))
                }
                "keepalive_interval" => keep(&mut interval, within(1, 32_767).map(seconds)),
                "keepalive_count" => keep(&mut count, within(1, 127)),
                "proxy" => {
                    let parsed = Trusted::parse(value).map_err(|bad| {
                        format!(
                            "\"proxy\" cannot be \"{value}\": \"{bad}\" is not an address, a network, \"unix\" or \"*\""
                        )
                    })?;
                    keep(&mut trusted, Some(parsed))
                }
                _ => keep(&mut wait_token, within(1, 3_600_000).map(|ms| Duration::from_millis(ms.into()))),
            };
            read.ok_or_else(|| format!("\"{name}\" cannot be \"{value}\""))?;
        }
        match (&mut options.keepalive, interval.is_some() || count.is_some()) {
            (Some(keepalive), _) => (keepalive.interval, keepalive.count) = (interval, count),
            (None, true) => return Err("what follows \"keepalive_\" says nothing without \"keepalive\"".into()),
            (None, false) => {}
        }
        if trusted.is_none() && wait_token.is_some() {
            return Err("\"proxy_ms\" says nothing without \"proxy\"".into());
        }
        let wait_token = wait_token.unwrap_or(PATIENCE);
        options.proxy = trusted.map(|trusted| Arc::new(Proxy { trusted, wait_token }));
        Ok(options)
    }
}

/// Whether an option applies to a place. Options for making a socket do not apply to
/// an inherited one.
fn concerns(name: &str, place: &Place) -> std::result::Result<bool, String> {
    match name {
        "backlog" => Ok(!place.is_inherited()),
        "reuseport" | "ipv6only" => Ok(matches!(place, Place::Inet(_))),
        "given" => Ok(matches!(place, Place::Descriptor(_))),
        "mode" => Ok(matches!(place, Place::Unix(path) if path[0] != 0)),
        "keepalive" | "keepalive_interval" | "keepalive_count" => Ok(!matches!(place, Place::Unix(_))),
        "proxy" | "proxy_ms" | "health" => Ok(true),
        _ => Err(format!("there is no option \"{name}\"")),
    }
}

fn keep<T>(place: &mut Option<T>, value: Option<T>) -> Option<()> {
    *place = value;
    place.is_some().then_some(())
}

/// A number of digits only, without a sign.
fn whole(text: &str, radix: u32) -> Option<u32> {
    let is_plain = text.chars().all(|digit| digit.is_digit(radix));
    u32::from_str_radix(text, radix).ok().filter(|_| is_plain)
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let place = |text| Address::parse(text).unwrap().place;
        assert_eq!(place("127.0.0.1:80"), Place::Inet("127.0.0.1:80"));
        assert_eq!(place("unix:/run/a%3Fb%25"), Place::Unix(b"/run/a?b%".to_vec()));
        assert_eq!(place("unix:@app"), Place::Unix(b"\0app".to_vec()));
        assert_eq!(place("fd:3"), Place::Descriptor("3"));
        assert_eq!(place("systemd:"), Place::Activation(None));
        assert_eq!(place("systemd:web?proxy=*"), Place::Activation(Some("web")));
    }

    #[test]
    fn options_are_read() {
        let text = "[::]:80?reuseport=1&backlog=4096&ipv6only=0&keepalive=60&keepalive_interval=10&keepalive_count=5";
        let options = Address::parse(text).unwrap().options;
        assert!(options.reuse_port);
        assert_eq!((options.backlog, options.only_v6), (Some(4096), Some(false)));
        let keepalive = Keepalive { idle: seconds(60), interval: Some(seconds(10)), count: Some(5) };
        assert_eq!(options.keepalive, Some(keepalive));
        assert!(Address::parse("fd:3?given=1").unwrap().options.given);
        assert!(Address::parse("unix:/a?health=1").unwrap().options.is_for_health);
        assert!(!Address::parse("127.0.0.1:80?health=0").unwrap().options.is_for_health);
        let options = Address::parse("unix:/a?mode=0660&proxy=unix,10.0.0.0/8&proxy_ms=250").unwrap().options;
        assert_eq!(options.mode, Some(0o660));
        let proxy = options.proxy.unwrap();
        assert_eq!(Trusted::parse("unix,10.0.0.0/8").as_ref(), Ok(&proxy.trusted));
        assert_eq!(proxy.wait_token, Duration::from_millis(250));
    }

    #[test]
    fn what_cannot_be_says_why() {
        for (bad, why) in [
            ("unix:", "begins with"),
            ("unix:app.sock", "begins with"),
            ("unix:@", "name is missing"),
            ("unix:/a%00b", "NUL"),
            ("unix:/a%2", "hexadecimal"),
            ("unix:/a%zz", "hexadecimal"),
            ("127.0.0.1:80?", "NAME=VALUE"),
            ("127.0.0.1:80?backlog", "NAME=VALUE"),
            ("127.0.0.1:80?backlog=", "\"backlog\" cannot be \"\""),
            ("127.0.0.1:80?backlog=0", "cannot be"),
            ("127.0.0.1:80?backlog=+1", "cannot be"),
            ("127.0.0.1:80?backlog=65536", "cannot be"),
            ("127.0.0.1:80?reuseport=yes", "cannot be"),
            ("127.0.0.1:80?health=2", "\"health\" cannot be \"2\""),
            ("127.0.0.1:80?speed=1", "no option \"speed\""),
            ("127.0.0.1:80?backlog=1&backlog=1", "twice"),
            ("127.0.0.1:80?mode=600", "says nothing"),
            ("127.0.0.1:80?keepalive_count=1", "without \"keepalive\""),
            ("127.0.0.1:80?proxy_ms=1", "without \"proxy\""),
            ("127.0.0.1:80?proxy=", "cannot be"),
            ("127.0.0.1:80?proxy=proxy.example", "cannot be"),
            ("127.0.0.1:80?proxy=10.0.0.0/8,10.0.0.0/33,unix", "\"10.0.0.0/33\" is not an address"),
            ("127.0.0.1:80?proxy=10.0.0.0/8,", "\"\" is not an address"),
            ("127.0.0.1:80?proxy=*&proxy_ms=0", "cannot be"),
            ("unix:/a?mode=999", "cannot be"),
            ("unix:/a?mode=1777", "cannot be"),
            ("unix:/a?keepalive=1", "says nothing"),
            ("unix:@a?mode=600", "says nothing"),
            ("fd:3?backlog=1", "says nothing"),
            ("systemd:?reuseport=1", "says nothing"),
            ("127.0.0.1:80?given=1", "says nothing"),
        ] {
            match Address::parse(bad) {
                Err(Error::Address { address, reason }) => assert!(address == bad && reason.contains(why), "{reason}"),
                other => panic!("{bad}: {other:?}"),
            }
        }
    }
}
