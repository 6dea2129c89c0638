//! Chooses the certificate for a client.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::SignatureScheme;
use rustls::client::verify_server_name;
use rustls::pki_types::{DnsName, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::error::{Error, Result};

/// A name that the host has assigned to a certificate. Clients that ask for the name
/// get the certificate. A `*` stands for one label (RFC 9525, section 6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServedName {
    Exact(String),
    /// The part behind the first label, with its dot.
    Wildcard(String),
}

impl ServedName {
    pub fn new(name: &str) -> Result<Self> {
        let bare = name.strip_prefix("*.").unwrap_or(name);
        if DnsName::try_from(bare).is_err() || bare.ends_with('.') {
            return Err(Error::invalid(format_args!("{name:?} is not a name that a client can ask for")));
        }
        let lower = name.to_ascii_lowercase();
        Ok(lower.strip_prefix('*').map_or_else(|| Self::Exact(lower.clone()), |rest| Self::Wildcard(rest.to_owned())))
    }

    fn is_exactly(&self, name: &str) -> bool {
        matches!(self, Self::Exact(own) if own == name)
    }

    fn covers(&self, name: &str) -> bool {
        matches!(self, Self::Wildcard(rest) if name.find('.').is_some_and(|dot| dot > 0 && name[dot..] == *rest))
    }
}

/// The certificates of a listener, in the order in which they were added. The first
/// one is for clients that ask for none of the names.
#[derive(Debug)]
pub struct CertificateStore(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    key: Arc<CertifiedKey>,
    /// The assigned name. It replaces the names in the certificate.
    given: Option<ServedName>,
    /// The names in the certificate, in lower case.
    names: Vec<String>,
}

impl Entry {
    fn has(&self, name: &str) -> bool {
        self.given.is_none() && self.names.iter().any(|own| own == name)
    }

    fn covers(&self, name: &str) -> bool {
        let parsed = self.key.cert.first().and_then(|first| ParsedCertificate::try_from(first).ok());
        let name = ServerName::try_from(name).ok();
        let both = parsed.zip(name).filter(|_| self.given.is_none());
        both.is_some_and(|(parsed, name)| verify_server_name(&parsed, &name).is_ok())
    }
}

impl CertificateStore {
    pub fn new(keys: Vec<(Arc<CertifiedKey>, Option<ServedName>)>) -> Self {
        Self(keys.into_iter().map(|(key, given)| Entry { names: names(&key), key, given }).collect())
    }

    /// Chooses among the certificates whose signatures the client supports: the newest
    /// with the assigned name, or a wildcard that covers it; otherwise the newest that
    /// contains the name, or a wildcard that covers it; otherwise the first one without
    /// an assigned name.
    pub fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        if let [only @ Entry { given: None, .. }] = self.0.as_slice() {
            return Some(only.key.clone());
        }
        let fits = |entry: &&Entry| entry.key.key.choose_scheme(schemes).is_some();
        let named = name.and_then(|name| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let newest = |is_for: &dyn Fn(&Entry) -> bool| self.0.iter().rev().filter(fits).find(|entry| is_for(entry));
            newest(&|entry| entry.given.as_ref().is_some_and(|given| given.is_exactly(&name)))
                .or_else(|| newest(&|entry| entry.given.as_ref().is_some_and(|given| given.covers(&name))))
                .or_else(|| newest(&|entry| entry.has(&name)))
                .or_else(|| newest(&|entry| entry.covers(&name)))
        });
        let mut others = self.0.iter().filter(|entry| entry.given.is_none());
        let first = others.clone().next();
        // rustls sends the alert if no certificate fits.
        named.or_else(|| others.find(fits)).or(first).map(|entry| entry.key.clone())
    }
}

#[cfg(test)]
impl CertificateStore {
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

/// Chooses for one client by the name that it asks for (SNI, RFC 6066, section 3), and
/// keeps that name, which rustls does not report.
#[derive(Debug)]
pub struct Choice {
    certificate_store: Arc<CertificateStore>,
    name: OnceCell<Box<str>>,
}

impl Choice {
    pub fn new(certificate_store: Arc<CertificateStore>) -> Self {
        Self { certificate_store, name: OnceCell::new() }
    }

    /// The name that the client asked for; empty if it named none.
    pub fn name(&self) -> &str {
        self.name.get().map_or("", |name| name)
    }
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            // A second ClientHello (RFC 8446, section 4.1.2) has the same name.
            let _ = self.name.set(name.to_ascii_lowercase().into());
        }
        self.certificate_store.choose(hello.server_name(), hello.signature_schemes())
    }
}
