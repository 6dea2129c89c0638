//! Which certificate a client gets.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::SignatureScheme;
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The certificates of a listener in the order in which they were added, the
/// first for whoever asks for none of them.
#[derive(Debug)]
pub struct Shelf(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    key: Arc<CertifiedKey>,
    /// The names in it, in lower case, without those that have a wildcard.
    names: Vec<String>,
}

impl Shelf {
    pub fn new(keys: Vec<Arc<CertifiedKey>>) -> Self {
        Self(keys.into_iter().map(|key| Entry { names: names(&key), key }).collect())
    }

    /// Of those whose signatures the client understands: the newest that has the
    /// name itself, or else the newest that has it by a wildcard, or else the first.
    pub fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        if let [only] = self.0.as_slice() {
            return Some(only.key.clone());
        }
        let fits = |entry: &&Entry| entry.key.key.choose_scheme(schemes).is_some();
        let newest = |name: &str| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let fitting = || self.0.iter().rev().filter(fits);
            let exact = fitting().find(|entry| entry.names.contains(&name));
            let name = ServerName::try_from(name).ok()?;
            exact.or_else(|| fitting().find(|entry| is_for(&entry.key, &name)))
        };
        // The alert that nothing fits is rustls's to give.
        let found = name.and_then(newest).or_else(|| self.0.iter().find(fits)).or(self.0.first());
        found.map(|entry| entry.key.clone())
    }
}

#[cfg(test)]
impl Shelf {
    pub fn at(&self, index: usize) -> &Arc<CertifiedKey> {
        &self.0[index].key
    }
}

/// The names of a certificate, in lower case.
fn names(key: &CertifiedKey) -> Vec<String> {
    let parsed = key.cert.first().and_then(|first| Certificate::from_der(first).ok());
    let names = parsed.and_then(|parsed| parsed.tbs_certificate().get_extension::<SubjectAltName>().ok().flatten());
    let dns = |name: GeneralName| match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        _ => None,
    };
    names.map_or_else(Vec::new, |(_, names)| names.0.into_iter().filter_map(dns).collect())
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
