//! Certificates of clients that are trusted themselves: what is taken and what
//! is not, as OpenSSL and Node.js judge.

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, UnixTime};

use super::*;
use crate::tls::client::{self, Roots};

/// A self-signed certificate, changed from an ordinary one.
fn made(change: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, String) {
    let mut params = CertificateParams::new(["client".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    (certificate.der().clone(), certificate.pem())
}

/// Why such a client is refused by those who trust only that certificate; None if it is let in.
fn objection(own: &CertificateDer<'static>, trusted: &str) -> Option<String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = Roots::new(Name::Memory("the authorities"), trusted.as_bytes()).unwrap();
    let verifier = client::verifier(ClientAuth::Required, roots, &provider).unwrap().unwrap();
    verifier.verify_client_cert(own, &[], UnixTime::now()).err().map(|error| error.to_string())
}

#[test]
fn a_certificate_that_is_trusted_itself_is_let_in() {
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    for is_ca in [authority, IsCa::NoCa, IsCa::ExplicitNoCa] {
        let (own, pem) = made(|params| params.is_ca = is_ca);
        assert_eq!(objection(&own, &pem), None, "{is_ca:?}");
        let (_, other) = made(|params| params.is_ca = is_ca);
        assert!(objection(&own, &other).is_some(), "{is_ca:?}: the same name, but not the same certificate");
        assert_eq!(objection(&own, &[other, pem].concat()), None, "{is_ca:?}: one of two");
    }
    for purpose in [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::Any] {
        let (own, pem) = made(|params| {
            params.is_ca = authority;
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, purpose];
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        });
        assert_eq!(objection(&own, &pem), None);
    }
}

#[test]
fn out_of_its_time_or_for_another_use_it_is_refused() {
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    let check = |words: &str, change: &dyn Fn(&mut CertificateParams)| {
        let (own, pem) = made(|params| {
            params.is_ca = authority;
            change(params);
        });
        let settings = objection(&own, &pem).unwrap_or_else(|| panic!("{words}: it is let in"));
        assert!(settings.contains(words), "{settings}");
    };
    check("Expired", &|params| params.not_after = rcgen::date_time_ymd(2002, 1, 1));
    check("NotValidYet", &|params| params.not_before = rcgen::date_time_ymd(2999, 1, 1));
    check("InvalidPurpose", &|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    check("InvalidPurpose", &|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
}

/// As with OpenSSL, unless it is told to take a part of a chain: the certificate
/// of an authority's client does not stand for itself.
#[test]
fn a_certificate_of_an_authority_needs_the_authority() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["authority".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    let root = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, &key);
    let mut params = CertificateParams::new(["client".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "client");
    let own = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
    assert!(objection(own.der(), &own.pem()).unwrap().contains("UnknownIssuer"));
    assert_eq!(objection(own.der(), &root.pem()), None);
    assert_eq!(objection(own.der(), &[own.pem(), root.pem()].concat()), None);
}
