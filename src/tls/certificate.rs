//! A certificate with its key, and which one a client gets.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use once_cell::sync::OnceCell;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureScheme};
use x509_cert::certificate::Version;
use x509_cert::der::{Decode, Encode, SliceReader};

use super::pem::{self, Name};
use crate::error::{Error, Result};

/// Where a certificate comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Read now, and again at each reload.
    Files { certificate: String, key: String, password: Option<Vec<u8>> },
    /// It came from memory.
    Made(Arc<CertifiedKey>),
}

impl Source {
    pub fn load(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>> {
        match self {
            Source::Made(made) => Ok(made.clone()),
            Source::Files { certificate, key, password } => {
                let (chain, secret) = (pem::read(certificate)?, pem::read(key)?);
                let names = (Name::File(certificate), Name::File(key));
                certified(provider, names, (&chain, &secret), password.as_deref())
            }
        }
    }
}

/// A chain and its key from their PEM texts.
pub fn certified(
    provider: &CryptoProvider,
    (chain_name, key_name): (Name<'_>, Name<'_>),
    (chain, key): (&[u8], &[u8]),
    password: Option<&[u8]>,
) -> Result<Arc<CertifiedKey>> {
    let chain = pem::certificates(chain_name, chain)?;
    let key = pem::key(key_name, key, password)?;
    let parsed = ParsedCertificate::try_from(&chain[0]).map(drop);
    let public = if parsed.is_err() { public_key_of_version_1(&chain[0]) } else { None };
    if public.is_none() {
        parsed
            .map_err(|error| pem::fault(chain_name, format_args!("its first certificate cannot be read: {error}")))?;
    }
    warn_of_times(chain_name, &chain[0]);
    let key = PrivateKeyDer::clone_key(&key);
    let made = match public {
        None => CertifiedKey::from_der(chain, key, provider),
        Some(public) => {
            tracing::warn!(name = %chain_name, "the certificate is of X.509 version 1, which some clients refuse");
            unparsed(chain, key, &public, provider)
        }
    };
    made.map(Arc::new).map_err(|error| refused(chain_name, key_name, error))
}

/// A server need not judge its own certificate: one of X.509 version 1, which
/// rustls does not read, is shown as it is. None if it is no such one.
fn public_key_of_version_1(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(certificate).ok()?;
    let certificate = x509_cert::Certificate::decode(&mut reader).ok()?;
    let signed = certificate.tbs_certificate();
    (signed.version() == Version::V1).then(|| signed.subject_public_key_info().to_der().ok()).flatten()
}

/// The same as [`CertifiedKey::from_der`], which would read the certificate.
fn unparsed(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    public: &[u8],
    provider: &CryptoProvider,
) -> std::result::Result<CertifiedKey, rustls::Error> {
    let key = provider.key_provider.load_private_key(key)?;
    match key.public_key() {
        Some(of_key) if of_key.as_ref() != public => Err(InconsistentKeys::KeyMismatch.into()),
        _ => Ok(CertifiedKey::new(chain, key)),
    }
}

fn refused(chain: Name<'_>, key: Name<'_>, error: rustls::Error) -> Error {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            pem::fault(key, format_args!("the key is not that of the certificate in {chain}"))
        }
        error => pem::fault(
            key,
            format_args!(
                "a key of this kind is not supported; RSA of 2048 bits or more, ECDSA and Ed25519 are: {error}"
            ),
        ),
    }
}

/// A certificate out of its time serves all the same: who is to judge is the
/// client, and a clock may be wrong.
fn warn_of_times(name: Name<'_>, certificate: &CertificateDer<'_>) {
    let Some((from, to)) = times(certificate) else { return };
    let now = SystemTime::now();
    if now > to {
        tracing::warn!(%name, "the certificate has expired");
    } else if now < from {
        tracing::warn!(%name, "the certificate is not valid yet");
    }
}

/// From when to when it is valid, if it tells.
pub fn times(certificate: &CertificateDer<'_>) -> Option<(SystemTime, SystemTime)> {
    let mut reader = SliceReader::new(certificate).ok()?;
    let certificate = x509_cert::Certificate::decode(&mut reader).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let at = |time: x509_cert::time::Time| UNIX_EPOCH + time.to_unix_duration();
    Some((at(validity.not_before), at(validity.not_after)))
}

/// The certificates of a listener, the first for whoever asks for none of them.
#[derive(Debug)]
pub struct Shelf(pub Vec<Arc<CertifiedKey>>);

impl Shelf {
    /// Of those that are for the name, or of all if none is, the first whose
    /// signatures the client understands.
    pub fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        if let [only] = self.0.as_slice() {
            return Some(only.clone());
        }
        let name = name.and_then(|name| ServerName::try_from(name).ok());
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let named = |key: &&Arc<CertifiedKey>| name.as_ref().is_some_and(|name| is_for(key, name));
        let found = self.0.iter().filter(named).find(fits).or_else(|| self.0.iter().find(fits));
        // The alert that nothing fits is rustls's to give.
        found.or(self.0.first()).cloned()
    }
}

fn is_for(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let parsed = key.cert.first().and_then(|first| ParsedCertificate::try_from(first).ok());
    parsed.is_some_and(|parsed| verify_server_name(&parsed, name).is_ok())
}

/// Chooses for one client, by the name that it asks for (SNI, RFC 6066, section
/// 3), and remembers that name, which rustls does not tell.
#[derive(Debug)]
pub struct Choice {
    shelf: Arc<Shelf>,
    name: OnceCell<Box<str>>,
}

impl Choice {
    pub fn new(shelf: Arc<Shelf>) -> Self {
        Self { shelf, name: OnceCell::new() }
    }

    /// The name that the client asked for; empty if it named none.
    pub fn name(&self) -> &str {
        self.name.get().map_or("", |name| name)
    }
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            // A second hello (RFC 8446, section 4.1.2) names the same.
            let _ = self.name.set(name.to_ascii_lowercase().into());
        }
        self.shelf.choose(hello.server_name(), hello.signature_schemes())
    }
}
