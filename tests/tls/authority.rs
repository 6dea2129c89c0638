//! Certificates for the tests, created when they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use crate::program::{run, scratch};

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
    /// The certificate of the authority.
    pub file: PathBuf,
}

/// The two files of a certificate.
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    /// Creates an authority with a folder of this name.
    pub fn new(name: &str) -> Authority {
        let folder = scratch(&format!("tls-{name}"));
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let own = params.self_signed(&key).expect("a certificate");
        let file = folder.join("authority.pem");
        fs::write(&file, own.pem()).expect("a file");
        Authority { issuer: Issuer::new(params, key), folder, file }
    }

    /// Creates a certificate for a server with this name.
    pub fn server(&self, name: &str) -> Pair {
        self.sign(name, ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub fn client(&self, name: &str) -> Pair {
        self.sign(name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Creates a self-signed certificate of X.509 version 1 for a server with this name.
    pub fn old(&self, name: &str) -> Pair {
        let file = |end: &str| self.folder.join(format!("old-{name}.{end}"));
        let pair = Pair { certificate: file("pem"), key: file("key") };
        let (request, subject) = (file("csr"), format!("/CN={name}"));
        let mut make = Command::new("openssl");
        make.args(["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", text(&pair.key), "-out"]);
        run(make.arg(&request));
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-days", "2", "-in", text(&request), "-signkey", text(&pair.key), "-out"]);
        run(sign.arg(&pair.certificate));
        let shown = run(Command::new("openssl").args(["x509", "-noout", "-text", "-in", text(&pair.certificate)]));
        assert!(String::from_utf8_lossy(&shown.stdout).contains("Version: 1 (0x0)"));
        pair
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Pair {
        let mut params = CertificateParams::new([name.to_string()]).expect("a name");
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let file = |end: &str| self.folder.join(format!("{name}.{end}"));
        let pair = Pair { certificate: file("pem"), key: file("key") };
        fs::write(&pair.certificate, signed.pem()).expect("a file");
        fs::write(&pair.key, key.serialize_pem()).expect("a file");
        pair
    }
}

impl Pair {
    /// The hash of its public key, in the form of browsers.
    pub fn pin(&self) -> String {
        let pipe = "openssl x509 -in \"$0\" -noout -pubkey | openssl pkey -pubin -outform der \
            | openssl dgst -sha256 -binary | openssl base64";
        let output = run(Command::new("sh").args(["-c", pipe]).arg(&self.certificate));
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}
