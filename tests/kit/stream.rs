//! What a client's bytes go through: TCP alone, or TLS in it if
//! `GOAWAY_KIT_TLS` is set. TLS begins with the first byte that is sent, so that
//! a client that has said nothing has said nothing there either.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::{fs, process};

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::PATIENCE;

pub enum Stream {
    Plain(TcpStream),
    Tls { tls: Box<StreamOwned<ClientConnection, TcpStream>>, has_spoken: bool },
}

/// Whether the hosts under test are to speak TLS.
pub fn is_tls() -> bool {
    std::env::var_os("GOAWAY_KIT_TLS").is_some_and(|value| !value.is_empty())
}

impl Stream {
    pub fn connect(address: SocketAddr) -> io::Result<Stream> {
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        if !is_tls() {
            return Ok(Stream::Plain(socket));
        }
        let name = "localhost".try_into().expect("a name");
        let client = ClientConnection::new(Identity::get().client.clone(), name).expect("a client");
        Ok(Stream::Tls { tls: Box::new(StreamOwned::new(client, socket)), has_spoken: false })
    }

    pub fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls { tls, .. } => &tls.sock,
        }
    }

    /// Our end, in TLS as well.
    pub fn finish_writing(&mut self) -> io::Result<()> {
        if let Stream::Tls { tls, has_spoken: true } = self {
            tls.conn.send_close_notify();
            tls.flush()?;
        }
        self.socket().shutdown(Shutdown::Write)
    }
}

impl Read for Stream {
    /// 0 is the end of both: a peer that speaks TLS says goodbye in TLS first.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(buf),
            Stream::Tls { tls, has_spoken: false } => tls.sock.read(buf),
            Stream::Tls { tls, .. } => match tls.read(buf)? {
                0 => tls.sock.read(buf),
                length => Ok(length),
            },
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.write(bytes),
            Stream::Tls { tls, has_spoken } => {
                *has_spoken = true;
                let written = tls.write(bytes)?;
                tls.flush()?;
                Ok(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A certificate for localhost, made once a process, and a client that trusts it.
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
    client: Arc<ClientConfig>,
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
            Identity { certificate, key, client: Arc::new(client(made.cert.der().clone())) }
        })
    }
}

fn client(trusted: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("a certificate can be trusted");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}
