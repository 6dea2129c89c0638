//! The transport of a client: TCP, or TLS if `GOAWAY_KIT_TLS` is set. The TLS handshake
//! begins with the first byte that is sent, so a silent client is silent over TLS, too.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::{fs, process};

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::PATIENCE;

pub struct Stream {
    socket: TcpStream,
    /// None without TLS. Locked for short times only, and never while waiting for the
    /// socket, so that one thread may write while another reads.
    tls: Option<Arc<Mutex<ClientConnection>>>,
    /// Whether the client has sent anything. The TLS handshake begins with its first
    /// byte.
    has_spoken: bool,
    /// TLS bytes that were received and that rustls had no room for.
    come: VecDeque<u8>,
}

/// Whether the hosts under test use TLS.
pub fn is_tls() -> bool {
    std::env::var_os("GOAWAY_KIT_TLS").is_some_and(|value| !value.is_empty())
}

impl Stream {
    /// Connects to an HTTP/2 server.
    pub fn connect(address: SocketAddr) -> io::Result<Stream> {
        Stream::connect_for(address, &["h2"])
    }

    /// Connects and offers these protocols by ALPN (RFC 7301), or does not use ALPN if
    /// there are none. No effect without TLS.
    pub fn connect_for(address: SocketAddr, protocols: &[&str]) -> io::Result<Stream> {
        Stream::connect_over(is_tls(), address, protocols)
    }

    /// The same as `connect_for`, with or without TLS, whatever the environment says.
    pub fn connect_over(tls: bool, address: SocketAddr, protocols: &[&str]) -> io::Result<Stream> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let tls = tls.then(|| {
            let mut config = Identity::get().client.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
            let name = "localhost".try_into().expect("a name");
            let client = ClientConnection::new(Arc::new(config), name).expect("a client");
            Arc::new(Mutex::new(client))
        });
        Ok(Stream { socket, tls, has_spoken: false, come: VecDeque::new() })
    }

    /// The same connection for another thread that only writes.
    pub fn try_clone(&self) -> io::Result<Stream> {
        let (socket, tls) = (self.socket.try_clone()?, self.tls.clone());
        Ok(Stream { socket, tls, has_spoken: self.has_spoken, come: VecDeque::new() })
    }

    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The TLS handshake up to the last message of the client. Nothing without TLS.
    pub fn shake_hands(&mut self) -> io::Result<()> {
        match self.tls.clone() {
            Some(tls) => self.speak(&tls),
            None => Ok(()),
        }
    }

    /// The first message of the TLS handshake. Nothing without TLS.
    pub fn begin_handshake(&mut self) -> io::Result<()> {
        let Some(tls) = &self.tls else { return Ok(()) };
        let records = records_of(&mut tls.lock().unwrap())?;
        self.socket.write_all(&records)
    }

    /// The protocol that the server has selected, after the client has sent something.
    pub fn protocol(&self) -> Option<String> {
        let tls = self.tls.as_ref()?.lock().unwrap();
        tls.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned())
    }

    /// Closes the client's side, with close_notify over TLS.
    pub fn finish_writing(&mut self) -> io::Result<()> {
        if let (Some(tls), true) = (&self.tls, self.has_spoken) {
            let records = {
                let mut tls = tls.lock().unwrap();
                tls.send_close_notify();
                records_of(&mut tls)?
            };
            self.socket.write_all(&records)?;
        }
        self.socket.shutdown(Shutdown::Write)
    }

    /// The handshake, with a long timeout.
    fn speak(&mut self, tls: &Mutex<ClientConnection>) -> io::Result<()> {
        if !self.has_spoken {
            self.has_spoken = true;
            let waiting = self.socket.read_timeout()?;
            self.socket.set_read_timeout(Some(PATIENCE))?;
            tls.lock().unwrap().complete_io(&mut self.socket)?;
            self.socket.set_read_timeout(waiting)?;
        }
        Ok(())
    }
}

/// TLS bytes to be sent.
fn records_of(tls: &mut ClientConnection) -> io::Result<Vec<u8>> {
    let mut records = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut records)?;
    }
    Ok(records)
}

impl Read for Stream {
    /// 0 is the end of both: a peer that speaks TLS sends close_notify first,
    /// and one that does not has cut the connection (`UnexpectedEof`).
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (Some(tls), true) = (&self.tls, self.has_spoken) else {
            return self.socket.read(buf);
        };
        loop {
            {
                let mut tls = tls.lock().unwrap();
                match tls.reader().read(buf) {
                    Ok(0) => break,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return done,
                }
                if !self.come.is_empty() {
                    tls.read_tls(&mut self.come)?;
                    tls.process_new_packets().map_err(io::Error::other)?;
                    continue;
                }
            }
            let mut bytes = [0; 16_384];
            let count = self.socket.read(&mut bytes)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.come.extend(&bytes[..count]);
        }
        self.socket.read(buf)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = self.tls.clone() else {
            return self.socket.write(bytes);
        };
        self.speak(&tls)?;
        let (written, records) = {
            let mut tls = tls.lock().unwrap();
            (tls.writer().write(bytes)?, records_of(&mut tls)?)
        };
        self.socket.write_all(&records)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A certificate for localhost, made once a process, and a client that trusts it.
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Trusts it, and asks for no protocol.
    client: ClientConfig,
}

impl Identity {
    pub fn get() -> &'static Identity {
        static IDENTITY: OnceLock<Identity> = OnceLock::new();
        IDENTITY.get_or_init(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kit-{}", process::id()));
            fs::create_dir_all(&folder).expect("a folder for the certificate");
            let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).expect("a certificate");
            let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
            fs::write(&certificate, made.cert.pem()).expect("the certificate can be written");
            fs::write(&key, made.signing_key.serialize_pem()).expect("the key can be written");
            Identity { certificate, key, client: client(made.cert.der().clone()) }
        })
    }
}

fn client(trusted: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("a certificate can be trusted");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.expect("versions").with_root_certificates(roots).with_no_client_auth()
}
