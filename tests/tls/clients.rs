//! Clients with certificates.

use crate::authority::{Authority, text};
use crate::serving::{curl, get, s_client, serve};

#[test]
fn a_client_without_a_required_certificate_is_refused() {
    let (authority, others) = (Authority::new("required"), Authority::new("others"));
    let program = serve(&authority.server("localhost"), Some(&authority));
    let (good, bad) = (authority.client("friend"), others.client("stranger"));
    let shown = ["--cert", text(&good.certificate), "--key", text(&good.key)];
    let answer = get(&program, &authority.file, &shown);
    assert!(!answer.contains("of 0 bytes"), "{answer}");
    // The alert depends on the version: 1.2 has no alert "certificate required".
    for (version, alert) in [("-tls1_2", "handshake failure"), ("-tls1_3", "certificate required")] {
        let said = s_client(&program, &[version]);
        assert!(said.contains(alert), "{version}: {said}");
    }
    // Also in a TLS 1.2 session, where the refusal arrives before the client has
    // finished.
    for version in ["1.3", "1.2"] {
        let old = ["--tls-max", version];
        let stranger = ["--cert", text(&bad.certificate), "--key", text(&bad.key), old[0], old[1]];
        for options in [&stranger[..], &old] {
            let output = curl(&program, &authority.file, options);
            assert!(!output.status.success() && output.stdout.is_empty(), "{options:?}");
        }
    }
    program.expect_output("the TLS handshake failed: ");
    program.leave();
}
