//! TLS (RFC 8446): the certificates and settings of listeners, and how they change
//! while they are in use. `transport::tls` has the handshakes and records.

mod certificate;
mod certificate_store;
mod client;
mod facts;
mod key;
mod key_log;
mod pem;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, UnbufferedServerConnection, WebPkiClientVerifier};

pub use certificate_store::Choice;
pub use client::ClientAuth;
pub use facts::Facts;

use crate::error::{Error, Result};
use crate::table::{fork, lock, try_lock};
use certificate::Source;
use certificate_store::{CertificateStore, ServedName};
use client::Authorities;
use key_log::KeyLogFile;
use pem::Name;

/// The protocols offered by ALPN (RFC 7301), the preferred one first.
const HTTP2: &[u8] = b"h2";
const HTTP1: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];

/// The oldest supported version. RFC 9113, section 9.2, requires at least 1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    #[default]
    Tls12,
    Tls13,
}

/// The settings of the host. They take effect at the first use and at each reload.
#[derive(Clone, Debug)]
struct Settings {
    certificates: Vec<Added>,
    /// Whether listeners need a certificate.
    needs_certificate: bool,
    client_auth: ClientAuth,
    authorities: Authorities,
    min_version: MinVersion,
    resumes: bool,
    key_log: Option<Arc<KeyLogFile>>,
}

/// A certificate, with its assigned name if it has one.
#[derive(Clone, Debug)]
struct Added {
    source: Source,
    name: Option<ServedName>,
}

impl From<Source> for Added {
    fn from(source: Source) -> Self {
        Self { source, name: None }
    }
}

/// The configuration of new handshakes.
pub struct HandshakeConfig {
    config: ServerConfig,
    certificates: Arc<CertificateStore>,
    /// The verifier for client certificates that the handshake does not verify.
    judge: Option<Arc<dyn ClientCertVerifier>>,
    /// Whether client certificates are not verified at all.
    is_unjudged: bool,
}

impl HandshakeConfig {
    /// Begins a handshake. Returns also the choice of the certificate.
    pub fn begin(
        &self,
        has_http1: bool,
    ) -> std::result::Result<(UnbufferedServerConnection, Arc<Choice>), rustls::Error> {
        let choice = Arc::new(Choice::new(self.certificates.clone()));
        let mut config = self.config.clone();
        config.cert_resolver = choice.clone();
        let http1 = if has_http1 { &HTTP1[..] } else { &[] };
        config.alpn_protocols = [HTTP2].iter().chain(http1).map(|name| name.to_vec()).collect();
        Ok((UnbufferedServerConnection::new(Arc::new(config))?, choice))
    }

    /// What is wrong with a client's certificates, if anything.
    fn objection(&self, chain: &[rustls::pki_types::CertificateDer<'_>]) -> String {
        let judge = self.judge.as_deref().filter(|_| !chain.is_empty());
        match judge {
            Some(judge) => client::objection(chain, judge).unwrap_or_default(),
            None if self.is_unjudged && !chain.is_empty() => "there are no authorities to vouch for it".into(),
            None => String::new(),
        }
    }
}

/// Certificates and settings, which several listeners may share.
pub struct Tls {
    provider: Arc<CryptoProvider>,
    settings: Mutex<Settings>,
    live: Mutex<Option<Arc<HandshakeConfig>>>,
    /// Whether a server was started with it.
    serves: AtomicBool,
    /// The fork of the process that it belongs to.
    fork: AtomicUsize,
}

impl Default for Tls {
    fn default() -> Self {
        let settings = Settings {
            certificates: Vec::new(),
            needs_certificate: true,
            client_auth: ClientAuth::Off,
            authorities: Authorities::None,
            min_version: MinVersion::default(),
            resumes: true,
            key_log: None,
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        Self {
            provider,
            settings: Mutex::new(settings),
            live: Mutex::default(),
            serves: AtomicBool::new(false),
            fork: AtomicUsize::new(fork()),
        }
    }
}

impl Tls {
    /// Adds a certificate chain and its key from files, which [`Self::reload`] reads
    /// again. Adds nothing if they cannot be used.
    pub fn add_files(&self, certificate: &str, key: &str, password: Option<&[u8]>) -> Result<()> {
        let password = password.map(<[u8]>::to_vec);
        let source = Source::Files { certificate: certificate.to_owned(), key: key.to_owned(), password };
        source.load(&self.provider, true)?;
        self.say(|settings| settings.certificates.push(source.into()))
    }

    /// The same from memory.
    pub fn add_pem(&self, certificate: &[u8], key: &[u8], password: Option<&[u8]>) -> Result<()> {
        let names = (Name::Memory("the certificate"), Name::Memory("the key"));
        let made = certificate::certified(&self.provider, names, (certificate, key), password, true)?;
        self.say(|settings| settings.certificates.push(Source::Made(made).into()))
    }

    /// Assigns a name to the certificate that was added last. The name replaces those in
    /// the certificate.
    pub fn set_server_name(&self, name: &str) -> Result<()> {
        let name = ServedName::new(name)?;
        let mut settings = lock(self.here(&self.settings)?);
        let last = settings.certificates.last_mut().ok_or_else(|| Error::invalid("no certificate was added"))?;
        last.name = Some(name);
        Ok(())
    }

    pub fn ask_files(&self, client_auth: ClientAuth, authorities: Option<&str>) -> Result<()> {
        self.ask(client_auth, authorities.map_or(Authorities::None, |path| Authorities::File(path.to_owned())))
    }

    pub fn ask_pem(&self, client_auth: ClientAuth, authorities: Option<&[u8]>) -> Result<()> {
        let roots = authorities.map(|text| client::Roots::new(Name::Memory("the authorities"), text)).transpose()?;
        self.ask(client_auth, roots.map_or(Authorities::None, Authorities::Made))
    }

    fn ask(&self, client_auth: ClientAuth, authorities: Authorities) -> Result<()> {
        let roots = authorities.load()?;
        if roots.is_empty() && matches!(client_auth, ClientAuth::Optional | ClientAuth::Required) {
            return Err(Error::invalid("nobody vouches for the certificates of clients: there are no authorities"));
        }
        client::verifier(client_auth, roots, &self.provider)?;
        self.say(|settings| (settings.client_auth, settings.authorities) = (client_auth, authorities))
    }

    /// Sets whether listeners need a certificate. Without one each handshake fails until
    /// [`Self::replace`] adds one.
    pub fn set_certificate_required(&self, required: bool) -> Result<()> {
        self.say(|settings| settings.needs_certificate = required)
    }

    pub fn set_min_version(&self, version: MinVersion) -> Result<()> {
        self.say(|settings| settings.min_version = version)
    }

    pub fn set_resumption(&self, resumes: bool) -> Result<()> {
        self.say(|settings| settings.resumes = resumes)
    }

    /// Writes the secrets of all sessions to a file; `None` writes none.
    pub fn set_key_log(&self, path: Option<&str>) -> Result<()> {
        let key_log = path.map(KeyLogFile::open).transpose()?.map(Arc::new);
        self.say(|settings| settings.key_log = key_log)
    }

    /// Makes new handshakes use the current settings and the current files. Changes
    /// nothing if they cannot be used.
    pub fn reload(&self) -> Result<()> {
        self.load(true)
    }

    /// The same for the first listener, whose files have just been read.
    pub fn make_live(&self) -> Result<()> {
        match self.live()? {
            Some(_) => Ok(()),
            None => self.load(false),
        }
    }

    fn load(&self, is_told: bool) -> Result<()> {
        let settings = lock(self.here(&self.settings)?).clone();
        let live = Arc::new(self.make(&settings, is_told)?);
        *lock(&self.live) = Some(live);
        Ok(())
    }

    /// The same with the settings of `with`.
    pub fn replace(&self, with: &Tls) -> Result<()> {
        let settings = lock(with.here(&with.settings)?).clone();
        let live = Arc::new(self.make(&settings, false)?);
        *lock(self.here(&self.settings)?) = settings;
        *lock(&self.live) = Some(live);
        Ok(())
    }

    /// The configuration of a new handshake; `None` before the first listener.
    pub fn live(&self) -> Result<Option<Arc<HandshakeConfig>>> {
        Ok(lock(self.here(&self.live)?).clone())
    }

    fn say(&self, change: impl FnOnce(&mut Settings)) -> Result<()> {
        change(&mut lock(self.here(&self.settings)?));
        Ok(())
    }

    /// Records that a server was started with these settings.
    pub fn serve(&self) {
        self.serves.store(true, Relaxed);
    }

    /// Checks that this process may use the settings. A child process may, unless a
    /// server of its parent uses them: locks could stay held in the child.
    fn here<'a, T>(&self, whose: &'a T) -> Result<&'a T> {
        if self.fork.load(Relaxed) == fork() {
            return Ok(whose);
        }
        let is_free = || try_lock(&self.settings).is_some() && try_lock(&self.live).is_some();
        if self.serves.load(Relaxed) || !is_free() {
            return Err(Error::Forked);
        }
        self.fork.store(fork(), Relaxed);
        Ok(whose)
    }

    fn make(&self, settings: &Settings, is_told: bool) -> Result<HandshakeConfig> {
        if settings.certificates.is_empty() && settings.needs_certificate {
            return Err(Error::invalid("TLS has no certificate"));
        }
        let loaded: Result<_> = settings
            .certificates
            .iter()
            .map(|added| Ok((added.source.load(&self.provider, is_told)?, added.name.clone())))
            .collect();
        let authorities = settings.authorities.load()?;
        let verifier = client::verifier(settings.client_auth, authorities.clone(), &self.provider)?;
        let versions: &[&rustls::SupportedProtocolVersion] = match settings.min_version {
            MinVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            MinVersion::Tls13 => &[&rustls::version::TLS13],
        };
        let failed = |error: rustls::Error| Error::Tls(format!("TLS cannot be set up: {error}"));
        let builder = ServerConfig::builder_with_provider(self.provider.clone());
        let builder = builder.with_protocol_versions(versions).map_err(failed)?;
        let builder = builder.with_client_cert_verifier(verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth));
        let certificates = Arc::new(CertificateStore::new(loaded?));
        let mut config = builder.with_cert_resolver(Arc::new(Choice::new(certificates.clone())));
        // A ticket contains its session, so that it costs no memory here. A reload
        // makes new keys: clients that former authorities accepted must shake hands again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match settings.resumes {
            true => config.ticketer = aws_lc_rs::Ticketer::new().map_err(failed)?,
            false => config.send_tls13_tickets = 0,
        }
        if let Some(key_log) = &settings.key_log {
            config.key_log = key_log.clone();
        }
        let judge = match settings.client_auth {
            ClientAuth::Unverified if !authorities.is_empty() => {
                client::verifier(ClientAuth::Optional, authorities, &self.provider)?
            }
            _ => None,
        };
        let is_unjudged = settings.client_auth == ClientAuth::Unverified && judge.is_none();
        Ok(HandshakeConfig { config, certificates, judge, is_unjudged })
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}
