//! Parses certificates from PEM, and joins a chain with its key.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::CertificateError;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::db;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use super::key;
use super::pem::{self, Name};
use crate::error::Result;

/// Extended key usages (RFC 5280, section 4.2.1.12) that allow a certificate for clients.
const CLIENT_USES: [ObjectIdentifier; 2] = [db::rfc5280::ID_KP_CLIENT_AUTH, db::rfc5280::ANY_EXTENDED_KEY_USAGE];

/// The source of a certificate.
#[derive(Clone, Debug)]
pub enum Source {
    /// Files, which each reload reads again.
    Files { certificate: String, key: String, password: Option<Vec<u8>> },
    /// Memory.
    Made(Arc<CertifiedKey>),
}

impl Source {
    /// With `is_told`, problems that clients may object to are logged.
    pub fn load(&self, provider: &CryptoProvider, is_told: bool) -> Result<Arc<CertifiedKey>> {
        match self {
            Source::Made(made) => Ok(made.clone()),
            Source::Files { certificate, key, password } => {
                let (chain, secret) = (pem::read(certificate)?, pem::read(key)?);
                let names = (Name::File(certificate), Name::File(key));
                certified(provider, names, (&chain, &secret), password.as_deref(), is_told)
            }
        }
    }
}

/// A certificate of a PEM text.
pub struct Found {
    pub der: CertificateDer<'static>,
    /// The 1-based number in the text, and the line of its BEGIN.
    number: usize,
    line: usize,
    /// The uses for which it is trusted or rejected (OpenSSL's TRUSTED CERTIFICATE).
    pub has_trust_settings: bool,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {} in line {}", self.number, self.line)
    }
}

/// Labels of blocks that may stand beside certificates, as OpenSSL writes them into one file.
fn is_beside(label: &str) -> bool {
    ["PRIVATE KEY", "PUBLIC KEY", "PARAMETERS"].iter().any(|end| label.ends_with(end))
}

/// The certificates of a text, at least one. Fails if one of them is damaged, or if
/// another block looks like a misspelt certificate.
pub fn certificates(name: Name<'_>, text: &[u8]) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut is_key_seen = false;
    for block in pem::blocks(name, text)? {
        let number = found.len() + 1;
        match block.label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                let fail = |reason: String| {
                    let line = block.line;
                    pem::fault(name, format_args!("certificate {number} in line {line} cannot be read: {reason}"))
                };
                let bytes = block.bytes().map_err(fail)?;
                let (der, has_trust_settings) = whole(&bytes, block.label).map_err(fail)?;
                found.push(Found { der, number, line: block.line, has_trust_settings });
            }
            label if is_beside(label) => is_key_seen |= label.ends_with("PRIVATE KEY"),
            label => {
                return Err(pem::fault(name, format_args!("line {}: {label} is not a certificate", block.line)));
            }
        }
    }
    match (found.is_empty(), is_key_seen) {
        (false, _) => Ok(found),
        (true, true) => Err(pem::fault(name, "there is no certificate in it, only a private key")),
        (true, false) => Err(pem::fault(name, "there is no certificate in it")),
    }
}

/// Parses a certificate. Returns also whether OpenSSL's trust settings follow it.
fn whole(bytes: &[u8], label: &str) -> std::result::Result<(CertificateDer<'static>, bool), String> {
    let (certificate, behind) = bytes.split_at(pem::first_len(bytes)?);
    let is_trusted = label == "TRUSTED CERTIFICATE";
    if !behind.is_empty() && !is_trusted {
        return Err(format!("{} bytes follow it in the same block", behind.len()));
    }
    let certificate = CertificateDer::from(certificate.to_vec());
    // Each of the two parsers reads what the other does not: versions 1 and 2, and
    // serial numbers that RFC 5280 does not allow.
    if let Err(error) = parsed(&certificate)
        && ParsedCertificate::try_from(&certificate).is_err()
    {
        return Err(error.to_string());
    }
    // CertAux ::= SEQUENCE { trust SEQUENCE OPTIONAL, reject [0] OPTIONAL, ... }
    let has_trust_settings = match behind {
        [0x30, length, tag, ..] => *length > 0 && matches!(tag, 0x30 | 0xa0) || *length >= 0x80,
        _ => false,
    };
    Ok((certificate, has_trust_settings))
}

fn parsed(certificate: &CertificateDer<'_>) -> x509_cert::der::Result<x509_cert::Certificate> {
    x509_cert::Certificate::from_der(certificate)
}

/// Makes a chain and its key from their PEM texts.
pub fn certified(
    provider: &CryptoProvider,
    (chain_name, key_name): (Name<'_>, Name<'_>),
    (chain, key): (&[u8], &[u8]),
    password: Option<&[u8]>,
    is_told: bool,
) -> Result<Arc<CertifiedKey>> {
    let found = certificates(chain_name, chain)?;
    let secret = key::key(key_name, key, password)?;
    let signer = provider.key_provider.load_private_key(secret.clone_key());
    let signer = signer.map_err(|error| pem::fault(key_name, key::unsupported(&secret, &error)))?;
    is_of_key(chain_name, key_name, &found, signer.public_key())?;
    if is_told {
        warn(chain_name, &found);
    }
    let chain = found.into_iter().map(|found| found.der).collect();
    Ok(Arc::new(CertifiedKey::new(chain, signer)))
}

/// Fails if the key is not that of the first certificate.
fn is_of_key(
    chain_name: Name<'_>,
    key_name: Name<'_>,
    found: &[Found],
    key: Option<SubjectPublicKeyInfoDer<'_>>,
) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    let is_its = |found: &&Found| public_key(&found.der).is_some_and(|public| public == *key);
    match found.iter().find(is_its) {
        Some(found) if found.number == 1 => Ok(()),
        Some(found) => Err(pem::fault(
            chain_name,
            format_args!("the key is that of {found}; the server's own certificate must be the first"),
        )),
        None => Err(pem::fault(key_name, format_args!("the key is not that of the certificate in {chain_name}"))),
    }
}

fn public_key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    match ParsedCertificate::try_from(certificate) {
        Ok(parsed) => Some(parsed.subject_public_key_info().to_vec()),
        // rustls does not read version 1. The server does not verify its own certificate.
        Err(_) => parsed(certificate).ok()?.tbs_certificate().subject_public_key_info().to_der().ok(),
    }
}

/// Logs what clients may object to. It is no error: clients decide, and a clock may be wrong.
fn warn(name: Name<'_>, chain: &[Found]) {
    for found in chain {
        warn_of_times(name, found);
    }
    for pair in chain.windows(2) {
        let names = (parsed(&pair[0].der), parsed(&pair[1].der));
        if let (Ok(certificate), Ok(next)) = names
            && certificate.tbs_certificate().issuer() != next.tbs_certificate().subject()
        {
            tracing::warn!("{name}: {} is not that of the issuer of the one before it", pair[1]);
        }
    }
    if chain
        .first()
        .and_then(|first| parsed(&first.der).ok())
        .is_some_and(|first| first.tbs_certificate().version() == Version::V1)
    {
        tracing::warn!("{name}: the certificate is of X.509 version 1, which some clients refuse");
    }
}

fn warn_of_times(name: Name<'_>, found: &Found) {
    let Some((from, to)) = times(&found.der) else { return };
    let now = SystemTime::now();
    if now > to {
        tracing::warn!("{name}: {found} has expired");
    } else if now < from {
        tracing::warn!("{name}: {found} is not valid yet");
    }
}

/// The period of validity, if the certificate states one.
pub fn times(certificate: &CertificateDer<'_>) -> Option<(SystemTime, SystemTime)> {
    let certificate = parsed(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let at = |time: x509_cert::time::Time| UNIX_EPOCH + time.to_unix_duration();
    Some((at(validity.not_before), at(validity.not_after)))
}

/// Whether the subject is the issuer, as in a root certificate.
pub fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    parsed(certificate).is_ok_and(|parsed| {
        let parsed = parsed.tbs_certificate();
        parsed.issuer() == parsed.subject()
    })
}

/// Whether a directly trusted certificate is valid for a client now, by the rules of
/// OpenSSL: its period of validity, and its uses if it states any.
pub fn check_client(certificate: &CertificateDer<'_>, now: UnixTime) -> std::result::Result<(), rustls::Error> {
    let broken = |_| CertificateError::BadEncoding;
    let parsed = parsed(certificate).map_err(broken)?;
    let parsed = parsed.tbs_certificate();
    let validity = parsed.validity();
    let now = now.as_secs();
    if now < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired.into());
    }
    let extended = parsed.get_extension::<ExtendedKeyUsage>().map_err(broken)?;
    let usage = parsed.get_extension::<KeyUsage>().map_err(broken)?;
    let is_for_clients = extended.is_none_or(|(_, uses)| uses.0.iter().any(|one| CLIENT_USES.contains(one)));
    let may_sign = usage.is_none_or(|(_, usage)| usage.digital_signature() || usage.key_agreement());
    match is_for_clients && may_sign {
        true => Ok(()),
        false => Err(CertificateError::InvalidPurpose.into()),
    }
}
