//! The example, and programs that call it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::authority::{Authority, Pair, text};
use crate::program::{Program, compile, examples, run};

/// Serves with this certificate. With authorities, only their clients are served.
#[track_caller]
pub fn serve(pair: &Pair, authorities: Option<&Authority>) -> Program {
    static COMPILED: OnceLock<std::path::PathBuf> = OnceLock::new();
    let program = COMPILED.get_or_init(|| compile("tls", &[examples().join("tls.c")]));
    let mut command = Command::new(program);
    command.arg("127.0.0.1:0").arg(&pair.certificate).arg(&pair.key);
    Program::listen(command.args(authorities.map(|authorities| &authorities.file)))
}

/// Runs curl against the example, with the name `localhost`.
pub fn curl(program: &Program, trusted: &Path, options: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.args(["--http2", "--silent", "--show-error", "--max-time", "30", "--cacert", text(trusted)]);
    command.args(options).arg(format!("https://localhost:{}/", program.port()));
    command.output().expect("curl can be run")
}

/// The output of curl, which must succeed.
#[track_caller]
pub fn get(program: &Program, trusted: &Path, options: &[&str]) -> String {
    let output = curl(program, trusted, options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the answer is text")
}

#[test]
fn curl_uses_http2() {
    let authority = Authority::new("curl");
    let program = serve(&authority.server("localhost"), None);
    let text = get(&program, &authority.file, &["--write-out", "HTTP/%{http_version}"]);
    assert!(text.starts_with("TLSv1.3 TLS_"), "{text}");
    assert!(text.contains(" h2 localhost, a certificate of 0 bytes\n") && text.ends_with("HTTP/2"), "{text}");
    program.leave();
}

#[test]
fn a_certificate_of_version_1_is_shown() {
    let pair = Authority::new("version1").old("localhost");
    let program = serve(&pair, None);
    for version in ["1.2", "1.3"] {
        let text = get(&program, &pair.certificate, &["--tls-max", version]);
        assert!(text.starts_with(&format!("TLSv{version} TLS_")), "{text}");
    }
    program.leave();
}

/// With ALPN, and without, where HTTP/1.1 is the default (RFC 9113, section 3.2).
#[test]
fn http1_is_used_if_the_client_selects_it() {
    let authority = Authority::new("http1");
    let program = serve(&authority.server("localhost"), None);
    let version = ["--write-out", "HTTP/%{http_version}"];
    let asked = get(&program, &authority.file, &[&["--http1.1"][..], &version].concat());
    assert!(asked.contains(" http/1.1 localhost,") && asked.ends_with("HTTP/1.1"), "{asked}");
    let silent = get(&program, &authority.file, &[&["--no-alpn"][..], &version].concat());
    assert!(silent.contains("  localhost,") && silent.ends_with("HTTP/1.1"), "{silent}");
    program.leave();
}

#[test]
fn nghttp_and_h2load_are_served() {
    let authority = Authority::new("nghttp");
    let program = serve(&authority.server("localhost"), None);
    let url = format!("https://localhost:{}/", program.port());
    let got = run(Command::new("nghttp").args(["--no-verify-peer", &url]));
    assert!(String::from_utf8_lossy(&got.stdout).contains("TLSv1.3 TLS_"));
    let load = run(Command::new("h2load").args(["-n", "1000", "-c", "4", "-m", "10", &url]));
    let said = String::from_utf8_lossy(&load.stdout);
    assert!(said.contains("1000 succeeded, 0 failed, 0 errored"), "{said}");
    program.leave();
}

/// RFC 9113, section 9.2: TLS 1.2 or later, and in 1.2 only certain ciphers.
#[test]
fn old_versions_and_old_ciphers_are_refused() {
    let authority = Authority::new("versions");
    let program = serve(&authority.server("localhost"), None);
    let text = get(&program, &authority.file, &["--tls-max", "1.2"]);
    assert!(text.starts_with("TLSv1.2 TLS_ECDHE_ECDSA_WITH_"), "{text}");
    let refused = |options: &[&str]| {
        let output = curl(&program, &authority.file, options);
        // Exit status 35: the handshake failed.
        assert_eq!(output.status.code(), Some(35), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    refused(&["--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT@SECLEVEL=0"]);
    refused(&["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-SHA"]);
    refused(&["--tls-max", "1.2", "--ciphers", "AES128-GCM-SHA256"]);
    program.expect_output("the TLS handshake failed: ");
    program.leave();
}

/// A client that offers only another protocol gets an alert.
#[test]
fn other_protocols_are_refused() {
    let authority = Authority::new("protocols");
    let program = serve(&authority.server("localhost"), None);
    let said = s_client(&program, &["-alpn", "spdy/3"]);
    assert!(said.contains("no application protocol"), "{said}");
    program.expect_output("the TLS handshake failed: ");
    program.leave();
}

#[test]
fn sessions_are_resumed() {
    let authority = Authority::new("resumed");
    let program = serve(&authority.server("localhost"), None);
    for version in ["-tls1_3", "-tls1_2"] {
        let file = authority.file.with_extension("session");
        let first = s_client(&program, &[version, "-alpn", "h2", "-sess_out", text(&file)]);
        assert!(first.contains("New, TLSv1."), "{first}");
        let second = s_client(&program, &[version, "-alpn", "h2", "-sess_in", text(&file)]);
        assert!(second.contains("Reused, TLSv1."), "{second}");
    }
    program.leave();
}

/// The output of openssl for a connection that stays open for a second, so that it reads
/// the tickets.
pub fn s_client(program: &Program, options: &[&str]) -> String {
    let address = format!("127.0.0.1:{}", program.port());
    let mut command = Command::new("openssl");
    command.args(["s_client", "-servername", "localhost", "-connect", &address]).args(options);
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    drop(client.stdin.take());
    let output = client.wait_with_output().expect("openssl ends");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
