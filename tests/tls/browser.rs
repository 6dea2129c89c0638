//! A browser, if one is installed.

use std::process::Command;

use crate::authority::Authority;
use crate::program::scratch;
use crate::serving::serve;

/// Chromium shows a page over HTTP/2. An option makes it accept the certificate by its
/// key.
#[test]
fn chromium_speaks_http2() {
    if Command::new("chromium").arg("--version").output().is_err() {
        return eprintln!("skipped: chromium is not installed");
    }
    let authority = Authority::new("chromium");
    let pair = authority.server("localhost");
    let program = serve(&pair, None);
    let profile = scratch("chromium-profile");
    let output = Command::new("timeout")
        .args(["60", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--ignore-certificate-errors-spki-list={}", pair.pin()))
        .args(["--dump-dom", &format!("https://localhost:{}/page", program.port())])
        .output()
        .expect("it can be run");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("<title>h2</title>"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    program.leave();
}
