//! Client certificates: whether they are requested, and how they are verified.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use super::certificate::{self, certificates};
use super::pem::{self, Name};
use crate::error::{Error, Result};

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    #[default]
    Off,
    /// A certificate is optional. One that is sent must be valid.
    Optional,
    /// A valid certificate is required.
    Required,
    /// A certificate is optional and not verified. The host decides.
    Unverified,
}

/// The source of the authorities for client certificates.
#[derive(Clone, Debug)]
pub enum Authorities {
    /// A file, which each reload reads again.
    File(String),
    /// Memory.
    Made(Roots),
    None,
}

impl Authorities {
    pub fn load(&self) -> Result<Roots> {
        match self {
            Authorities::Made(roots) => Ok(roots.clone()),
            Authorities::None => Ok(Roots::default()),
            Authorities::File(path) => Roots::new(Name::File(path), &pem::read(path)?),
        }
    }
}

/// The trusted certificates.
#[derive(Clone, Debug)]
pub struct Roots {
    /// All of them, as issuers.
    store: Arc<RootCertStore>,
    /// The self-issued ones, which may also be client certificates.
    own: Arc<[CertificateDer<'static>]>,
}

impl Default for Roots {
    fn default() -> Self {
        Self { store: Arc::new(RootCertStore::empty()), own: Arc::new([]) }
    }
}

impl Roots {
    /// Parses the authorities of a PEM text. Fails if one of them cannot be used.
    pub fn new(name: Name<'_>, text: &[u8]) -> Result<Self> {
        let (mut store, mut own) = (RootCertStore::empty(), Vec::new());
        for found in certificates(name, text)? {
            let refuse = |reason: &dyn fmt::Display| pem::fault(name, format_args!("{found}: {reason}"));
            if found.has_trust_settings {
                return Err(refuse(
                    &"it says for which uses it is trusted, which cannot be respected; `openssl x509` makes one without",
                ));
            }
            if certificate::is_self_issued(&found.der) {
                own.push(found.der.clone());
            }
            let added = store.add(found.der.clone());
            added.map_err(|error| refuse(&format_args!("it cannot be used as an authority: {error}")))?;
        }
        Ok(Self { store: Arc::new(store), own: own.into() })
    }

    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }
}

/// The verifier for client certificates; `None` if they are not requested.
pub fn verifier(
    client_auth: ClientAuth,
    roots: Roots,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>> {
    if client_auth == ClientAuth::Off {
        return Ok(None);
    }
    if client_auth == ClientAuth::Unverified && roots.is_empty() {
        return Ok(Some(Arc::new(Lenient { strict: None, provider: provider.clone() })));
    }
    let builder = WebPkiClientVerifier::builder_with_provider(roots.store, provider.clone());
    let built = match client_auth {
        ClientAuth::Required => builder.build(),
        _ => builder.allow_unauthenticated().build(),
    };
    let chains = built.map_err(|error| Error::Tls(format!("the authorities of clients cannot be used: {error}")))?;
    let strict: Arc<dyn ClientCertVerifier> = Arc::new(Strict { chains, own: roots.own });
    Ok(Some(match client_auth {
        ClientAuth::Unverified => Arc::new(Lenient { strict: Some(strict), provider: provider.clone() }),
        _ => strict,
    }))
}

/// Accepts certificates that lead to an authority, and those that are trusted
/// directly. webpki does not accept the latter, self-signed with CA:TRUE, for a client.
#[derive(Debug)]
struct Strict {
    chains: Arc<dyn ClientCertVerifier>,
    own: Arc<[CertificateDer<'static>]>,
}

impl ClientCertVerifier for Strict {
    fn client_auth_mandatory(&self) -> bool {
        self.chains.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        first: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        if self.own.iter().any(|own| own == first) {
            return certificate::check_client(first, now).map(|()| ClientCertVerified::assertion());
        }
        self.chains.verify_client_cert(first, others, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Accepts any certificate whose private key the client has.
#[derive(Debug)]
struct Lenient {
    strict: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Lenient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.strict.as_ref().map_or(&[], |strict| strict.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Why a chain is invalid for these authorities; `None` if it is valid.
pub fn objection(chain: &[CertificateDer<'_>], strict: &dyn ClientCertVerifier) -> Option<String> {
    let (first, others) = chain.split_first()?;
    strict.verify_client_cert(first, others, UnixTime::now()).err().map(|error| error.to_string())
}
