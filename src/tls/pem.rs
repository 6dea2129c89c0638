//! Certificates and keys as they are given: PEM, in a file or in memory. Every
//! refusal names the file and says what is wrong with it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Document;
use pkcs8::der::pem::PemLabel;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::{Error, Result};

/// No file of certificates is that large: what is, is something else.
const MAX_BYTES: u64 = 16 << 20;

/// What a PEM text is called when it goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Name<'a> {
    File(&'a str),
    /// It came from memory, as this argument.
    Memory(&'a str),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::File(path) => write!(f, "{path:?}"),
            Name::Memory(what) => f.write_str(what),
        }
    }
}

/// That file's or text's fault.
pub fn fault(name: Name<'_>, reason: impl fmt::Display) -> Error {
    Error::Tls(format!("{name}: {reason}"))
}

/// The content of a file.
pub fn read(path: &str) -> Result<Vec<u8>> {
    let name = Name::File(path);
    let fail = |error: io::Error| Error::io(format_args!("cannot read {name}"), error);
    let file = File::open(path).map_err(fail)?;
    // Opening a FIFO or a device could wait for ever for what it says.
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(fault(name, "it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    match bytes.len() as u64 > MAX_BYTES {
        true => Err(fault(name, "it is too large for a file of certificates")),
        false => Ok(bytes),
    }
}

/// The certificates of a text, one at least.
pub fn certificates(name: Name<'_>, text: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    is_pem(name, text)?;
    let read: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let certificates = read.map_err(|error| fault(name, format_args!("the PEM in it is broken: {error}")))?;
    if !certificates.is_empty() {
        return Ok(certificates);
    }
    Err(fault(
        name,
        match has(text, "PRIVATE KEY-----") {
            true => "there is no certificate in it, only a private key",
            false => "there is no certificate in it",
        },
    ))
}

/// The first private key of a text, decrypted if it has to be.
pub fn key(name: Name<'_>, text: &[u8], password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>> {
    is_pem(name, text)?;
    if has(text, "Proc-Type: 4,ENCRYPTED") {
        let how =
            "its key is encrypted in a way of old; `openssl pkcs8 -topk8 -in OLD -out NEW` makes one that can be read";
        return Err(fault(name, how));
    }
    if has(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return decrypted(name, text, password);
    }
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => Ok(key),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => Err(fault(
            name,
            match has(text, "BEGIN CERTIFICATE-----") {
                true => "there is no private key in it, only a certificate",
                false => "there is no private key in it",
            },
        )),
        Err(error) => Err(fault(name, format_args!("the PEM in it is broken: {error}"))),
    }
}

/// A key in PKCS #8's encryption (RFC 5958, section 3).
fn decrypted(name: Name<'_>, text: &[u8], password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>> {
    let password = password.ok_or_else(|| fault(name, "its key is encrypted, and there is no password"))?;
    let broken = |error: &dyn fmt::Display| fault(name, format_args!("its encrypted key is broken: {error}"));
    let label = EncryptedPrivateKeyInfoRef::PEM_LABEL;
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let text = str::from_utf8(text).map_err(|error| broken(&error))?;
    let from = text.find(&begin).unwrap_or_default();
    let to = text[from..].find(&end).map(|at| from + at + end.len());
    let to = to.ok_or_else(|| broken(&"it has no end"))?;
    let (_, document) = Document::from_pem(&text[from..to]).map_err(|error| broken(&error))?;
    let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|error| broken(&error))?;
    let unfit = |error| match error {
        // What a wrong password makes of it may look like a key until it is read.
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_) => {
            fault(name, "the password does not fit its encrypted key")
        }
        error => fault(name, format_args!("its encrypted key cannot be decrypted: {error}")),
    };
    let key = info.decrypt(password).map_err(unfit)?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn is_pem(name: Name<'_>, text: &[u8]) -> Result<()> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(fault(name, "it is empty"));
    }
    match has(text, "-----BEGIN ") {
        true => Ok(()),
        // A SEQUENCE of a length in two bytes, as both of these begin.
        false if text.starts_with(&[0x30, 0x82]) => {
            Err(fault(name, "it is not PEM but DER or PKCS #12, which `openssl` can convert"))
        }
        false => Err(fault(name, "it is not PEM")),
    }
}

fn has(text: &[u8], what: &str) -> bool {
    text.windows(what.len()).any(|window| window == what.as_bytes())
}
