//! Certificates of clients: whether they are asked for one, and who vouches for it.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use super::pem::{self, Name};
use crate::error::{Error, Result};

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asking {
    #[default]
    Off,
    /// Who has one shows it, and it must be good.
    Optional,
    /// Who has none is refused.
    Required,
    /// Who has one shows it, and whatever it is, the session goes on: the host judges.
    Unverified,
}

/// Who vouches for the certificates of clients.
#[derive(Clone, Debug)]
pub enum Authorities {
    /// Read now, and again at each reload.
    File(String),
    /// It came from memory.
    Made(Arc<RootCertStore>),
    None,
}

impl Authorities {
    pub fn load(&self) -> Result<Arc<RootCertStore>> {
        match self {
            Authorities::Made(roots) => Ok(roots.clone()),
            Authorities::None => Ok(Arc::new(RootCertStore::empty())),
            Authorities::File(path) => roots(Name::File(path), &pem::read(path)?),
        }
    }
}

/// The authorities of a PEM text.
pub fn roots(name: Name<'_>, text: &[u8]) -> Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(name, text)? {
        let added = roots.add(certificate);
        added.map_err(|error| pem::fault(name, format_args!("an authority in it cannot be read: {error}")))?;
    }
    Ok(Arc::new(roots))
}

/// What judges the certificates of clients; None if they are not asked for one.
pub fn verifier(
    asking: Asking,
    authorities: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>> {
    if asking == Asking::Off {
        return Ok(None);
    }
    if asking == Asking::Unverified && authorities.is_empty() {
        return Ok(Some(Arc::new(Lenient { strict: None, provider: provider.clone() })));
    }
    let builder = WebPkiClientVerifier::builder_with_provider(authorities, provider.clone());
    let built = match asking {
        Asking::Required => builder.build(),
        _ => builder.allow_unauthenticated().build(),
    };
    let strict = built.map_err(|error| Error::Tls(format!("the authorities of clients cannot be used: {error}")))?;
    Ok(Some(match asking {
        Asking::Unverified => Arc::new(Lenient { strict: Some(strict), provider: provider.clone() }),
        _ => strict,
    }))
}

/// Takes any certificate whose key the client has.
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

/// Why a chain is not good for these authorities; None if it is.
pub fn objection(chain: &[CertificateDer<'_>], strict: &dyn ClientCertVerifier) -> Option<String> {
    let (first, others) = chain.split_first()?;
    strict.verify_client_cert(first, others, UnixTime::now()).err().map(|error| error.to_string())
}
