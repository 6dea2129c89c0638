//! Private keys: found in PEM, decrypted, or refused with the reason.

use std::fmt;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::spki::AlgorithmIdentifierRef;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::pem::{self, Block, Name};
use crate::error::{Error, Result};

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// The labels that rustls reads: PKCS #1, SEC 1 and PKCS #8.
const PLAIN: [&str; 3] = ["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"];

/// Kinds of keys that are refused, and what to do instead.
const UNSUPPORTED: [(&str, &str); 6] = [
    (
        "1.2.840.113549.1.1.10",
        "an RSA-PSS key, which rustls does not sign with; an RSA key without that restriction is",
    ),
    ("1.2.840.10040.4.1", "a DSA key, which TLS 1.3 does not have"),
    ("1.3.101.113", "an Ed448 key, which rustls does not sign with"),
    ("1.3.101.110", "an X25519 key, which is for key exchange and cannot sign"),
    ("1.3.101.111", "an X448 key, which is for key exchange and cannot sign"),
    ("1.2.840.113549.1.3.1", "a Diffie-Hellman key, which cannot sign"),
];

/// The names of encryption schemes that old tools use.
const OLD_SCHEMES: [(&str, &str); 6] = [
    ("1.2.840.113549.1.12.1.1", "PBE-SHA1-RC4-128"),
    ("1.2.840.113549.1.12.1.2", "PBE-SHA1-RC4-40"),
    ("1.2.840.113549.1.12.1.3", "PBE-SHA1-3DES"),
    ("1.2.840.113549.1.12.1.4", "PBE-SHA1-2DES"),
    ("1.2.840.113549.1.12.1.5", "PBE-SHA1-RC2-128"),
    ("1.2.840.113549.1.12.1.6", "PBE-SHA1-RC2-40"),
];

/// The command that converts an old encrypted key into a supported one.
const REMEDY: &str = "`openssl pkcs8 -topk8 -in OLD -out NEW` makes one that can be read";

/// The first private key of a text, decrypted if necessary.
pub fn key(name: Name<'_>, text: &[u8], password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>> {
    let blocks = pem::blocks(name, text)?;
    let Some(block) = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY")) else {
        let other = match blocks.iter().any(|block| block.label.ends_with("CERTIFICATE")) {
            true => ", only a certificate",
            false => "",
        };
        return Err(pem::fault(name, format_args!("there is no private key in it{other}")));
    };
    let fault = |reason: &str| fault(name, block, reason);
    if block.is_encrypted {
        return Err(fault(&format!("is encrypted in a way of old, which OpenSSL calls traditional; {REMEDY}")));
    }
    if block.label == "OPENSSH PRIVATE KEY" {
        return Err(fault("is in OpenSSH's format; `ssh-keygen -p -m PEM -f FILE` makes PEM of it"));
    }
    if block.label != ENCRYPTED && !PLAIN.contains(&block.label) {
        return Err(fault(&format!("is a {}, and keys are RSA, EC or PKCS #8 ones", block.label)));
    }
    let broken = |reason: String| fault(&format!("cannot be read: {reason}"));
    let bytes = block.bytes().map_err(broken)?;
    pem::first_len(&bytes).map_err(broken)?;
    match block.label {
        ENCRYPTED => decrypted(name, block, &bytes, password),
        label => PrivateKeyDer::from_pem_slice(&block.text(label)).map_err(|error| broken(error.to_string())),
    }
}

fn fault(name: Name<'_>, block: &Block<'_>, reason: &str) -> Error {
    pem::fault(name, format_args!("the private key in line {} {reason}", block.line))
}

/// Decrypts a PKCS #8 key (RFC 5958, section 3).
fn decrypted(
    name: Name<'_>,
    block: &Block<'_>,
    bytes: &[u8],
    password: Option<&[u8]>,
) -> Result<PrivateKeyDer<'static>> {
    let fault = |reason: String| fault(name, block, &reason);
    if let Some(scheme) = old_scheme(bytes) {
        return Err(fault(format!("is encrypted with {scheme}, which is too weak to be read here; {REMEDY}")));
    }
    let unsupported =
        |error: &dyn fmt::Display| fault(format!("is encrypted in a way that is not supported: {error}; {REMEDY}"));
    let info = EncryptedPrivateKeyInfoRef::try_from(bytes).map_err(|error| unsupported(&error))?;
    let password = password.ok_or_else(|| fault("is encrypted, and there is no password".into()))?;
    if !matches!(info.encryption_algorithm, EncryptionScheme::Pbes2(_)) {
        return Err(unsupported(&"it is older than PBES2"));
    }
    let unfit = |error| match error {
        // With a wrong password the result may look like a key until it is parsed.
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_) => {
            fault("is encrypted, and the password does not fit".into())
        }
        error => unsupported(&error),
    };
    let key = info.decrypt(password).map_err(unfit)?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

/// The name of the PKCS #12 scheme with which a key is encrypted.
fn old_scheme(bytes: &[u8]) -> Option<&'static str> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let scheme = reader.sequence(|info| {
        let scheme = AlgorithmIdentifierRef::decode(info)?;
        <&OctetStringRef>::decode(info).map(|_| scheme.oid.to_string())
    });
    let scheme = scheme.ok()?;
    OLD_SCHEMES.iter().find(|(number, _)| *number == scheme).map(|(_, called)| *called)
}

/// Why a key that can be read cannot be used.
pub fn unsupported(key: &PrivateKeyDer<'_>, error: &rustls::Error) -> String {
    let kind = match key {
        PrivateKeyDer::Pkcs8(key) => kind(key.secret_pkcs8_der()),
        _ => None,
    };
    let known = kind.and_then(|kind| UNSUPPORTED.iter().find(|(number, _)| *number == kind));
    match known {
        Some((_, what)) => format!("it is {what}"),
        None => format!(
            "a key of this kind is not supported; RSA of 2048 to 8192 bits, ECDSA with P-256, P-384 or P-521, and \
             Ed25519 are: {error}"
        ),
    }
}

/// The algorithm of a PKCS #8 key.
fn kind(bytes: &[u8]) -> Option<String> {
    let info = pkcs8::PrivateKeyInfoRef::try_from(bytes).ok()?;
    Some(info.algorithm.oid.to_string())
}
