//! Files with several blocks: one that is damaged refuses the whole file, and
//! what OpenSSL reads is read.

use super::*;

/// A chain of three, leaf first, as texts; the first one's key is in `good.key`.
struct Chain {
    files: Files,
    parts: [String; 3],
}

impl Chain {
    fn new(test: &str) -> Self {
        let files = Files::new(test);
        let parts = ["good", "other", "third"].map(|name| {
            if name != "good" {
                files.make(name, &["other.example"]);
            }
            fs::read_to_string(files.path(&format!("{name}.pem"))).unwrap()
        });
        Self { files, parts }
    }

    /// The line of the second certificate's BEGIN.
    fn second(&self) -> usize {
        self.parts[0].lines().count() + 1
    }

    /// What is said of a text, as a chain, as a file of authorities, and as both from memory.
    fn refusals(&self, text: &[u8]) -> [String; 4] {
        let path = self.files.write("list.pem", text);
        let key = fs::read(self.files.path("good.key")).unwrap();
        let tls = Tls::default();
        let settings = [
            tls.add_files(&path, &self.files.path("good.key"), None),
            tls.ask_files(ClientAuth::Required, Some(&path)),
            tls.add_pem(text, &key, None),
            tls.ask_pem(ClientAuth::Required, Some(text)),
        ];
        assert!(matches!(tls.reload(), Err(Error::Invalid(_))), "nothing was added");
        settings.map(|refused| refused.expect_err("it is refused").to_string())
    }

    fn refuses(&self, what: &str, text: impl AsRef<[u8]>, words: &str) {
        let path = format!("{:?}: ", self.files.path("list.pem"));
        let names = [&path, &path, "the certificate: ", "the authorities: "];
        for (settings, name) in self.refusals(text.as_ref()).iter().zip(names) {
            assert!(settings.starts_with(name) && settings.contains(words), "{what}: {settings}");
        }
    }

    fn accepts(&self, what: &str, text: impl AsRef<[u8]>) {
        let path = self.files.write("list.pem", text);
        let found = certificate::certificates(Name::File(&path), &pem::read(&path).unwrap());
        assert_eq!(found.unwrap_or_else(|error| panic!("{what}: {error}")).len(), 3, "{what}");
        let tls = Tls::default();
        tls.add_files(&path, &self.files.path("good.key"), None).unwrap();
        tls.ask_files(ClientAuth::Required, Some(&path)).unwrap();
        tls.reload().unwrap();
    }
}

/// The text without its line of that index.
fn without_line(text: &str, line: usize) -> String {
    let lines = text.lines().enumerate().filter(|(at, _)| *at != line);
    lines.map(|(_, line)| format!("{line}\n")).collect()
}

#[test]
fn one_damaged_certificate_refuses_the_whole_list() {
    let chain = Chain::new("damaged");
    let [first, second, third] = &chain.parts;
    let at = chain.second();
    let list = |second: &str| [first.as_str(), second, third].concat();
    let in_second = format!("certificate 2 in line {at} cannot be read: ");
    chain.refuses("a lost line", list(&without_line(second, 3)), &format!("{in_second}it announces "));
    chain.refuses("a lost first line", list(&without_line(second, 1)), &in_second);
    let stray = second.replacen("MII", "M I!", 1);
    chain.refuses("bad base64", list(&stray), &format!("{in_second}'!' in line {} is not base64", at + 1));
    let short = second.replacen("MII", "MI", 1);
    chain.refuses("a lost character", list(&short), &in_second);
    let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    chain.refuses("an empty block", list(empty), &format!("{in_second}it is empty"));
    let other = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    chain.refuses("no X.509", list(other), &in_second);
    let twice = without_line(&[second.as_str(), third].concat(), second.lines().count() - 1);
    let twice = twice.replacen("-----BEGIN CERTIFICATE-----\nMII", "MII", 2);
    let twice = format!("-----BEGIN CERTIFICATE-----\n{twice}");
    chain.refuses("two in one block", [first.as_str(), &twice].concat(), &in_second);
}

#[test]
fn marks_that_do_not_fit_refuse_the_whole_list() {
    let chain = Chain::new("marks");
    let [first, second, third] = &chain.parts;
    let at = chain.second();
    let end = at + second.lines().count() - 1;
    let list = |second: &str| [first.as_str(), second, third].concat();
    let joined = [first.trim_end(), second, third].concat();
    chain.refuses("cat without a final newline", joined, &format!("line {}: two marks in one line", at - 1));
    chain.refuses("no BEGIN", list(&without_line(second, 0)), &format!("line {}: END CERTIFICATE without", end - 1));
    let no_end = without_line(second, second.lines().count() - 1);
    chain.refuses("no END", list(&no_end), &format!("line {end}: BEGIN within the block of line {at}"));
    let cut = [first.as_str(), &second[..200]].concat();
    chain.refuses("cut", cut, &format!("line {at}: BEGIN CERTIFICATE has no END: the text was cut off"));
    let other_end = second.replace("END CERTIFICATE", "END X509 CRL");
    chain.refuses("another END", list(&other_end), &format!("line {end}: END X509 CRL ends the block of line {at}"));
    for mark in [
        "----BEGIN CERTIFICATE-----",
        "-----begin certificate-----",
        "-----BEGIN  CERTIFICATE----",
        "  -----BEGIN CERTIFICATE-----",
    ] {
        let bad = second.replace("-----BEGIN CERTIFICATE-----", mark);
        chain.refuses(mark, list(&bad), &format!("line {at}: "));
    }
    for label in ["CERTIFICATE REQUEST", "X509 CRL", "PKCS7", "CERTIFICAT"] {
        let bad = second.replace("CERTIFICATE", label);
        chain.refuses(label, list(&bad), &format!("line {at}: {label} is not a certificate"));
    }
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(first.bytes().flat_map(|byte| [byte, 0])).collect();
    chain.refuses("UTF-16", utf16, "it is UTF-16");
}

#[test]
fn what_openssl_reads_is_read() {
    let chain = Chain::new("lenient");
    let [first, second, third] = &chain.parts;
    let all = chain.parts.concat();
    chain.accepts("as it is", &all);
    chain.accepts("a byte order mark", format!("\u{feff}{all}"));
    chain.accepts("byte order marks of joined files", format!("\u{feff}{first}\u{feff}{second}\u{feff}{third}"));
    chain.accepts("CR LF", all.replace('\n', "\r\n"));
    chain.accepts("CR", all.replace('\n', "\r"));
    chain.accepts("no last newline", all.trim_end());
    chain.accepts("the old label", all.replace(" CERTIFICATE", " X509 CERTIFICATE"));
    chain.accepts("the label of trust", all.replace(" CERTIFICATE", " TRUSTED CERTIFICATE"));
    chain.accepts("white space at ends", all.replace('\n', "  \n"));
    let text = "Certificate chain:\n --- begin the intermediates ---\n 0 s: CN = a\n";
    chain.accepts("text around", format!("{text}{first}{text}{second}\n\n{third}{text}"));
    let key = fs::read_to_string(chain.files.path("good.key")).unwrap();
    chain.accepts("a key between", format!("{first}{key}{second}{third}"));
    let long = all.replace('\n', "").replace("----------", "-----\n-----").replace("E-----M", "E-----\nM");
    chain.accepts("long lines", long.replace("-----END", "\n-----END"));
}

/// OpenSSL writes its settings of trust behind the certificate, where they may
/// say that it is not trusted.
#[test]
fn settings_of_trust_are_not_ignored() {
    let files = Files::new("trust");
    let (plain, marked) = ("plain.pem", "marked.pem");
    files.openssl(&["x509", "-in", "good.pem", "-trustout", "-out", plain]);
    files.openssl(&["x509", "-in", "good.pem", "-addreject", "clientAuth", "-out", marked]);
    assert!(fs::read_to_string(files.path(marked)).unwrap().contains("TRUSTED"));
    let tls = Tls::default();
    tls.ask_files(ClientAuth::Required, Some(&files.path(plain))).unwrap();
    let refused = tls.ask_files(ClientAuth::Required, Some(&files.path(marked))).unwrap_err().to_string();
    assert!(refused.contains("certificate 1 in line 1: it says for which uses it is trusted"), "{refused}");
    // A server's own is not judged by it.
    tls.add_files(&files.path(marked), &files.path("good.key"), None).unwrap();
}

#[test]
fn the_first_certificate_is_the_servers() {
    let chain = Chain::new("order");
    let [first, second, third] = &chain.parts;
    let list = chain.files.write("list.pem", [second.as_str(), first, third].concat());
    let refused = Tls::default().add_files(&list, &chain.files.path("good.key"), None).unwrap_err().to_string();
    let words = format!("the key is that of certificate 2 in line {}; the server's own", second.lines().count() + 1);
    assert!(refused.contains(&words), "{refused}");
}

/// What is refused at a reload changes nothing: not the files that are good, either.
#[test]
fn a_reload_with_a_damaged_list_changes_nothing() {
    let chain = Chain::new("again");
    let [first, second, _] = &chain.parts;
    let files = &chain.files;
    let (certificate, authorities) = (files.write("list.pem", first), files.write("ca.pem", second));
    let tls = Tls::default();
    tls.add_files(&certificate, &files.path("good.key"), None).unwrap();
    tls.ask_files(ClientAuth::Optional, Some(&authorities)).unwrap();
    tls.reload().unwrap();
    let before = tls.live().unwrap().unwrap();
    for (file, good) in [("list.pem", first), ("ca.pem", second)] {
        files.write(file, format!("{good}{}", without_line(second, 2)));
        let refused = tls.reload().unwrap_err().to_string();
        assert!(refused.contains(file) && refused.contains("certificate 2 in line "), "{refused}");
        assert!(Arc::ptr_eq(&before, &tls.live().unwrap().unwrap()));
        files.write(file, good);
    }
    tls.reload().unwrap();
}

#[test]
fn only_regular_files_are_read() {
    let files = Files::new("special");
    let fifo = files.path("fifo.pem");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [fifo.as_str(), "/dev/null", "/dev/zero"] {
        let tls = Tls::default();
        for refused in [
            tls.add_files(path, &files.path("good.key"), None),
            tls.add_files(&files.path("good.pem"), path, None),
            tls.ask_files(ClientAuth::Required, Some(path)),
        ] {
            let refused = refused.unwrap_err().to_string();
            assert!(refused.starts_with(&format!("{path:?}: it is not a regular file")), "{refused}");
        }
    }
    let large = files.path("large.pem");
    fs::File::create(&large).unwrap().set_len((16 << 20) + 1).unwrap();
    let refused = Tls::default().add_files(&large, &large, None).unwrap_err().to_string();
    assert!(refused.contains("it is too large"), "{refused}");
}

#[test]
fn keys_that_cannot_be_used_are_named() {
    let files = Files::new("kinds");
    let pass = ["-passout", "pass:open"];
    let convert = |scheme: &[&str], out: &str| {
        files.openssl(&[&["pkcs8", "-topk8", "-in", "good.key", "-out", out], scheme, &pass].concat());
    };
    convert(&["-v1", "PBE-SHA1-3DES"], "3des.key");
    convert(&["-v2", "des3"], "pbes2-3des.key");
    for (kind, options) in [("rsa-pss", &["-pkeyopt", "rsa_keygen_bits:2048"][..]), ("ed448", &[]), ("x25519", &[])] {
        files.openssl(&[&["genpkey", "-algorithm", kind, "-out", &format!("{kind}.key")], options].concat());
    }
    files.openssl(&["genrsa", "-out", "short.key", "1024"]);
    let key = fs::read_to_string(files.path("good.key")).unwrap();
    files.write("cut.key", &key[..60]);
    files.write("lost.key", without_line(&key, 2));
    files.write("text.key", format!("\u{feff}Some text\r\n{}", key.replace('\n', "\r\n")));
    files.write("ssh.key", key.replace("PRIVATE", "OPENSSH PRIVATE"));
    files.write("der.key", [0x30, 0x81, 0x87, 2, 1, 0]);
    for (file, words) in [
        ("3des.key", "the private key in line 1 is encrypted with PBE-SHA1-3DES, which is too weak"),
        ("pbes2-3des.key", "the private key in line 1 is encrypted in a way that is not supported"),
        ("rsa-pss.key", "it is an RSA-PSS key"),
        ("ed448.key", "it is an Ed448 key"),
        ("x25519.key", "it is an X25519 key"),
        ("short.key", "RSA of 2048 to 8192 bits"),
        ("cut.key", "line 1: BEGIN PRIVATE KEY has no END: the text was cut off"),
        ("lost.key", "the private key in line 1 cannot be read: it announces "),
        ("ssh.key", "the private key in line 1 is in OpenSSH's format"),
        ("der.key", "it is not PEM but DER"),
    ] {
        let settings = files.refusal("good.pem", file, Some("open"));
        assert!(
            settings.starts_with(&format!("{:?}: ", files.path(file))) && settings.contains(words),
            "{file}: {settings}"
        );
    }
    Tls::default().add_files(&files.path("good.pem"), &files.path("text.key"), None).unwrap();
}
