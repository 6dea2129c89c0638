//! Which files are refused and with which words, and which certificate a client
//! gets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::SignatureScheme;

use super::*;

mod clients;
mod lists;

/// A folder of this test's own with a good certificate and its key.
struct Files(PathBuf);

impl Files {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("goaway-tls-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let files = Self(folder);
        files.make("good", &["localhost"]);
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), content).unwrap();
        self.path(name)
    }

    fn make(&self, name: &str, names: &[&str]) -> (String, String) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let certificate = self.write(&format!("{name}.pem"), cert.pem());
        (certificate, self.write(&format!("{name}.key"), signing_key.serialize_pem()))
    }

    /// A certificate of X.509 version 1, which has no names but its subject's.
    fn make_old(&self, name: &str) -> (String, String) {
        let (key, request) = (self.path(&format!("{name}.key")), self.path(&format!("{name}.csr")));
        let certificate = self.path(&format!("{name}.pem"));
        self.openssl(&["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=old", "-keyout", &key, "-out", &request]);
        self.openssl(&["x509", "-req", "-in", &request, "-signkey", &key, "-days", "2", "-out", &certificate]);
        (certificate, key)
    }

    fn openssl(&self, options: &[&str]) {
        let done = Command::new("openssl").args(options).current_dir(&self.0).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// What is said of a certificate and its key.
    fn refusal(&self, certificate: &str, key: &str, password: Option<&str>) -> String {
        let tls = Tls::default();
        let refused = tls.add_files(&self.path(certificate), &self.path(key), password.map(str::as_bytes));
        assert!(matches!(tls.reload(), Err(Error::Invalid(_))), "nothing was added");
        refused.expect_err("it is refused").to_string()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let files = Files::new("certificates");
    let good = fs::read_to_string(files.path("good.pem")).unwrap();
    files.write("empty.pem", " \n");
    files.write("words.pem", "a certificate, really");
    files.write("binary.pem", [0x30, 0x82, 1, 2]);
    files.write("broken.pem", good.replace("MII", "M?I"));
    files.write("cut.pem", &good[..good.len() - 30]);
    files.write("no.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    fs::create_dir(files.path("folder.pem")).unwrap();
    for (file, words) in [
        ("missing.pem", "No such file or directory"),
        ("folder.pem", "it is a directory, not a file"),
        ("empty.pem", "it is empty"),
        ("words.pem", "it is not PEM"),
        ("binary.pem", "it is not PEM but DER or PKCS #12"),
        ("broken.pem", "certificate 1 in line 1 cannot be read: '?' in line 2 is not base64"),
        ("cut.pem", "line 1: BEGIN CERTIFICATE has no END: the text was cut off"),
        ("good.key", "there is no certificate in it, only a private key"),
        ("no.pem", "certificate 1 in line 1 cannot be read"),
    ] {
        let settings = files.refusal(file, "good.key", None);
        assert!(
            settings.contains(&format!("{:?}", files.path(file))) && settings.contains(words),
            "{file}: {settings}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_key_is_said() {
    let files = Files::new("keys");
    files.make("other", &["localhost"]);
    files.openssl(&["pkcs8", "-topk8", "-in", "good.key", "-out", "locked.key", "-passout", "pass:open"]);
    files.openssl(&["ecparam", "-genkey", "-name", "secp256k1", "-noout", "-out", "strange.key"]);
    files.write(
        "old.key",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    );
    for (file, password, words) in [
        ("missing.key", None, "No such file or directory"),
        ("good.pem", None, "there is no private key in it, only a certificate"),
        ("other.key", None, "the key is not that of the certificate in "),
        ("locked.key", None, "the private key in line 1 is encrypted, and there is no password"),
        ("locked.key", Some("wrong"), "the private key in line 1 is encrypted, and the password does not fit"),
        ("old.key", Some("any"), "the private key in line 1 is encrypted in a way of old"),
        ("strange.key", None, "a key of this kind is not supported"),
    ] {
        let settings = files.refusal("good.pem", file, password);
        assert!(
            settings.contains(&format!("{:?}", files.path(file))) && settings.contains(words),
            "{file}: {settings}"
        );
    }
    let tls = Tls::default();
    tls.add_files(&files.path("good.pem"), &files.path("locked.key"), Some(b"open")).unwrap();
    tls.reload().unwrap();
}

#[test]
fn a_password_that_is_not_needed_and_a_file_with_both_are_fine() {
    let files = Files::new("both");
    let both = [fs::read(files.path("good.key")).unwrap(), fs::read(files.path("good.pem")).unwrap()].concat();
    let both = files.write("both.pem", both);
    let tls = Tls::default();
    tls.add_files(&both, &both, Some(b"not asked for")).unwrap();
    tls.reload().unwrap();
}

/// Such a one is shown as it is, to who asks for no name that another has.
#[test]
fn a_certificate_of_version_1_is_taken() {
    let files = Files::new("version1");
    let (certificate, key) = files.make_old("old");
    let settings = files.refusal("old.pem", "good.key", None);
    assert!(settings.contains("the key is not that of the certificate in "), "{settings}");
    let tls = Tls::default();
    tls.add_files(&certificate, &key, None).unwrap();
    tls.add_files(&files.path("good.pem"), &files.path("good.key"), None).unwrap();
    tls.reload().unwrap();
    let certificate_store = tls.live().unwrap().unwrap().certificates.clone();
    let read = rustls::server::ParsedCertificate::try_from(&certificate_store.at(0).cert[0]);
    assert!(read.is_err(), "openssl makes another version");
    let schemes = [SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256];
    for (name, expected) in [(Some("localhost"), 1), (Some("old"), 0), (None, 0)] {
        let chosen = certificate_store.choose(name, &schemes).unwrap();
        assert!(Arc::ptr_eq(&chosen, certificate_store.at(expected)), "{name:?}");
    }
}

/// Who is to judge that is the client.
#[test]
fn an_expired_certificate_is_taken() {
    let files = Files::new("expired");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let (from, to) = certificate::times(certificate.der()).unwrap();
    assert!(from < to && to < std::time::SystemTime::now());
    Tls::default().add_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes(), None).unwrap();
    drop(files);
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    let files = Files::new("reload");
    let tls = Tls::default();
    tls.add_files(&files.path("good.pem"), &files.path("good.key"), None).unwrap();
    assert!(tls.live().unwrap().is_none());
    tls.reload().unwrap();
    let before = tls.live().unwrap().unwrap();
    files.write("good.key", "gone");
    assert!(matches!(tls.reload(), Err(Error::Tls(_))));
    assert!(matches!(tls.replace(&Tls::default()), Err(Error::Invalid(_))));
    assert!(Arc::ptr_eq(&before, &tls.live().unwrap().unwrap()));
    files.make("good", &["localhost"]);
    tls.reload().unwrap();
    assert!(!Arc::ptr_eq(&before, &tls.live().unwrap().unwrap()));
}

#[test]
fn clients_are_asked_only_where_somebody_vouches_for_them() {
    let files = Files::new("clients");
    let (tls, good) = (Tls::default(), files.path("good.pem"));
    for client_auth in [ClientAuth::Optional, ClientAuth::Required] {
        assert!(matches!(tls.ask_files(client_auth, None), Err(Error::Invalid(_))));
        assert!(matches!(tls.ask_pem(client_auth, Some(b"nobody")), Err(Error::Tls(_))));
        tls.ask_files(client_auth, Some(&good)).unwrap();
    }
    tls.ask_files(ClientAuth::Unverified, None).unwrap();
    let missing = tls.ask_files(ClientAuth::Required, Some(&files.path("missing.pem"))).unwrap_err().to_string();
    assert!(missing.contains("missing.pem"), "{missing}");
}

/// By name, wildcards included; the first for who names none that is there; and
/// of several for a name the newest whose signatures the client understands, one
/// that has the name itself before one that has it by a wildcard.
#[test]
fn the_certificate_is_that_of_the_name() {
    let provider = aws_lc_rs::default_provider();
    let make = |names: &[&str], kind: &'static rcgen::SignatureAlgorithm| {
        let key = KeyPair::generate_for(kind).unwrap();
        let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let texts = (certificate.pem(), key.serialize_pem());
        let names = (Name::Memory("the certificate"), Name::Memory("the key"));
        certificate::certified(&provider, names, (texts.0.as_bytes(), texts.1.as_bytes()), None, true).unwrap()
    };
    let (p256, p384) = (&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384);
    let keys = vec![
        make(&["first.example"], p256),
        make(&["second.example", "*.wild.example", "exact.wild.example"], p256),
        make(&["second.example"], p384),
        make(&["*.wild.example"], p256),
        make(&["first.example", "*.first.example"], p384),
    ];
    let certificate_store = CertificateStore::new(keys.into_iter().map(|key| (key, None)).collect());
    let (all, older, newer) = (
        [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ECDSA_NISTP384_SHA384],
        [SignatureScheme::ECDSA_NISTP256_SHA256],
        [SignatureScheme::ECDSA_NISTP384_SHA384],
    );
    for (name, schemes, expected) in [
        (Some("first.example"), &all[..], 4),
        (Some("FIRST.example"), &all, 4),
        (Some("first.example"), &older, 0),
        (Some("second.example"), &all, 2),
        (Some("second.example"), &older, 1),
        (Some("second.example"), &newer, 2),
        (Some("a.wild.example"), &all, 3),
        (Some("exact.wild.example"), &all, 1),
        (Some("Exact.Wild.Example"), &all, 1),
        (Some("a.wild.example"), &newer, 2),
        (Some("wild.example"), &all, 0),
        (Some("other.example"), &all, 0),
        (Some("not a name"), &all, 0),
        (None, &all, 0),
        (None, &newer, 2),
    ] {
        let chosen = certificate_store.choose(name, schemes).unwrap();
        let at = (0..5).find(|at| Arc::ptr_eq(certificate_store.at(*at), &chosen));
        assert_eq!(at, Some(expected), "{name:?}");
    }
}

/// A name that was given counts before those in the certificates.
#[test]
fn a_certificate_may_be_given_its_name() {
    let files = Files::new("given");
    let tls = Tls::default();
    assert!(matches!(tls.set_server_name("a.example"), Err(Error::Invalid(_))));
    let add = |name: &str, own: &str, given: Option<&str>| {
        let (certificate, key) = files.make(name, &[own]);
        tls.add_files(&certificate, &key, None).unwrap();
        given.into_iter().for_each(|given| tls.set_server_name(given).unwrap());
    };
    add("0", "a.example", None);
    add("1", "*.example", Some("a.example"));
    add("2", "other.test", Some("*.example"));
    add("3", "b.example", None);
    add("4", "*.example", Some("C.example"));
    add("5", "c.example", Some("c.example"));
    tls.reload().unwrap();
    let choose = |name: Option<&str>| {
        let certificate_store = tls.live().unwrap().unwrap().certificates.clone();
        let chosen = certificate_store.choose(name, &[SignatureScheme::ECDSA_NISTP256_SHA256])?;
        (0..6).find(|at| Arc::ptr_eq(certificate_store.at(*at), &chosen))
    };
    for name in ["", "*", "*.", "a b", "*.*.example", "a.example.", "*example"] {
        assert!(matches!(tls.set_server_name(name), Err(Error::Invalid(_))), "{name:?}");
    }
    for (name, expected) in [
        ("a.example", 1),
        ("A.EXAMPLE", 1),
        ("b.example", 2),
        ("c.example", 5),
        ("d.example", 2),
        ("x.d.example", 0),
        ("example", 0),
        ("other.test", 0),
    ] {
        assert_eq!(choose(Some(name)), Some(expected), "{name:?}");
    }
    assert_eq!(choose(None), Some(0));
}

#[test]
fn a_certificate_with_a_given_name_is_for_no_other() {
    let files = Files::new("only");
    let tls = Tls::default();
    tls.add_files(&files.path("good.pem"), &files.path("good.key"), None).unwrap();
    tls.set_server_name("a.example").unwrap();
    tls.reload().unwrap();
    let live = tls.live().unwrap().unwrap();
    for (name, is_there) in [(Some("a.example"), true), (Some("localhost"), false), (None, false)] {
        let chosen = live.certificates.choose(name, &[SignatureScheme::ECDSA_NISTP256_SHA256]);
        assert_eq!(chosen.is_some(), is_there, "{name:?}");
    }
}

#[test]
fn the_key_log_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new("keylog");
    let tls = Tls::default();
    let path = files.path("secrets");
    tls.set_key_log(Some(&path)).unwrap();
    assert_eq!(fs::metadata(Path::new(&path)).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = tls.set_key_log(Some(&files.path("no/such/folder"))).unwrap_err().to_string();
    assert!(refused.contains("no/such/folder"), "{refused}");
}

#[test]
fn a_certificate_may_come_later() {
    let files = Files::new("later");
    let tls = Tls::default();
    assert!(matches!(tls.reload(), Err(Error::Invalid(_))));
    tls.set_certificate_required(false).unwrap();
    tls.reload().unwrap();
    let live = tls.live().unwrap().unwrap();
    assert!(live.certificates.choose(Some("localhost"), &[SignatureScheme::ECDSA_NISTP256_SHA256]).is_none());
    tls.add_files(&files.path("good.pem"), &files.path("good.key"), None).unwrap();
    tls.reload().unwrap();
    let live = tls.live().unwrap().unwrap();
    assert!(live.certificates.choose(Some("localhost"), &[SignatureScheme::ECDSA_NISTP256_SHA256]).is_some());
}
