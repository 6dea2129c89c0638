//! Each section of the RFCs, and where it is tested.

use std::fs;
use std::path::Path;

use crate::ALL;
use Tested::{By, Cases, Nothing};

enum Tested {
    /// By cases of this suite with that section.
    Cases,
    /// By a test elsewhere: its file, and a name in it.
    By(&'static str, &'static str),
    /// It requires nothing of a server that a peer could observe, for this reason.
    Nothing(&'static str),
}

const SECTIONS: &[(&str, Tested)] = &[
    // RFC 9113: HTTP/2.
    ("1", Nothing("introduction")),
    ("2", Nothing("overview")),
    ("2.1", Nothing("document organization")),
    ("2.2", Nothing("terminology")),
    ("3", Nothing("what its subsections say")),
    ("3.1", By("tests/http1/protocol.rs", "a_client_that_selects_http_1_1_is_served")),
    ("3.2", By("tests/tls/serving.rs", "curl_uses_http2")),
    ("3.3", By("tests/demo/curl.rs", "--http2-prior-knowledge")),
    ("3.4", Cases),
    ("4.1", Cases),
    ("4.2", Cases),
    ("4.3", Cases),
    ("4.3.1", Cases),
    ("5.1", Cases),
    ("5.1.1", Cases),
    ("5.1.2", Cases),
    ("5.2", Cases),
    ("5.2.1", Nothing("principles, which 6.9 makes rules of")),
    ("5.2.2", Nothing("advice on the size of windows; docs/limits.md has the choice")),
    ("5.2.3", Nothing("advice on speed")),
    ("5.3", Nothing("what its subsections say")),
    ("5.3.1", Nothing("history")),
    ("5.3.2", Nothing("priorities of RFC 7540 are ignored: 6.2, 6.3; those of RFC 9218 have cases of their own")),
    ("5.4", Nothing("what its subsections say")),
    ("5.4.1", Cases),
    ("5.4.2", Cases),
    ("5.4.3", By("tests/demo/cancel.rs", "a_session_given_up")),
    ("5.5", Cases),
    ("6", Nothing("what its subsections say")),
    ("6.1", Cases),
    ("6.2", Cases),
    ("6.3", Cases),
    ("6.4", Cases),
    ("6.5", Cases),
    ("6.5.1", Nothing("the format, of which 6.5 tests the lengths")),
    ("6.5.2", Cases),
    ("6.5.3", Cases),
    ("6.6", Cases),
    ("6.7", Cases),
    ("6.8", Cases),
    ("6.9", Cases),
    ("6.9.1", Cases),
    ("6.9.2", Cases),
    ("6.9.3", Nothing("a way to reduce windows, with the means of 6.9.2")),
    ("6.10", Cases),
    ("7", Cases),
    ("8", Nothing("what its subsections say")),
    ("8.1", Cases),
    ("8.1.1", Cases),
    ("8.2", Cases),
    ("8.2.1", Cases),
    ("8.2.2", Cases),
    ("8.2.3", Cases),
    ("8.3", Cases),
    ("8.3.1", Cases),
    ("8.3.2", Cases),
    ("8.4", Nothing("what its subsections say")),
    ("8.4.1", By("tests/misuse/pushes.c", "goaway_request_push")),
    ("8.4.2", By("tests/misuse/pushes.c", "goaway_request_push")),
    ("8.5", Cases),
    ("8.6", Cases),
    ("8.7", Cases),
    ("8.8", Nothing("examples")),
    ("9", Nothing("what its subsections say")),
    ("9.1", Cases),
    ("9.1.1", Nothing("of clients, which reuse connections")),
    ("9.2", By("tests/tls/serving.rs", "old_versions_and_old_ciphers_are_refused")),
    ("9.2.1", Nothing("of compression and renegotiation, which rustls does not have")),
    ("9.2.2", By("tests/tls/serving.rs", "old_versions_and_old_ciphers_are_refused")),
    ("9.2.3", Nothing("of post-handshake authentication and early data, which goaway does not have")),
    ("10.1", Nothing("of clients, which decide who has authority")),
    ("10.2", Nothing("why there is a preface: 3.4")),
    ("10.3", Nothing("why fields are checked: 8.2.1")),
    ("10.4", Nothing("of clients, which store pushed responses")),
    ("10.5", Cases),
    ("10.5.1", Cases),
    ("10.5.2", Nothing("of proxies: goaway opens no connections for CONNECT, see 8.5")),
    ("10.6", Nothing("advice on compression of secrets")),
    ("10.7", Nothing("advice on padding; 6.1 and 6.2 test it")),
    ("10.8", Nothing("privacy of clients")),
    ("10.9", Nothing("of clients and what they time")),
    ("11", Nothing("registries")),
    // RFC 7541: HPACK.
    ("7541, 2.1", Nothing("the order of fields: RFC 9113, 8.2")),
    ("7541, 2.2", Nothing("one context for each direction, with which all blocks are decoded")),
    ("7541, 2.3.1", Nothing("the static table: 6.1")),
    ("7541, 2.3.2", Cases),
    ("7541, 2.3.3", Cases),
    ("7541, 3.1", Nothing("blocks are decoded in order: RFC 9113, 4.3.1")),
    ("7541, 3.2", Cases),
    ("7541, 4.1", Cases),
    ("7541, 4.2", Cases),
    ("7541, 4.3", Cases),
    ("7541, 4.4", Cases),
    ("7541, 5.1", Cases),
    ("7541, 5.2", Cases),
    ("7541, 6.1", Cases),
    ("7541, 6.2.1", Cases),
    ("7541, 6.2.2", Cases),
    ("7541, 6.2.3", Cases),
    ("7541, 6.3", Cases),
    ("7541, 7.1.3", Cases),
    // RFC 8441: WebSockets over HTTP/2.
    ("8441, 3", By("tests/demo/wire.rs", "8441")),
    ("8441, 4", Cases),
    ("8441, 5", By("tests/misuse/tunnels.c", ":protocol")),
    // RFC 9218: priorities.
    ("9218, 2.1", Cases),
    ("9218, 4.1", Cases),
    ("9218, 4.2", Cases),
    ("9218, 5", Cases),
    ("9218, 7.1", Cases),
    ("9218, 10", Nothing("advice on the order: the cases of 4.1 and 4.2 have it")),
];

#[test]
fn each_section_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for (section, tested) in SECTIONS {
        let has_cases = ALL.into_iter().flatten().any(|case| case.section == *section);
        let is_right = match tested {
            Cases => has_cases,
            By(file, name) => fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains(name)),
            Nothing(why) => !why.is_empty() && !has_cases,
        };
        if !is_right {
            wrong.push(*section);
        }
    }
    assert!(wrong.is_empty(), "not tested where the list says: {wrong:?}");
}

#[test]
fn each_case_has_its_section_in_the_list() {
    for case in ALL.into_iter().flatten() {
        let known = SECTIONS.iter().filter(|(section, _)| *section == case.section).count();
        assert_eq!(known, 1, "{}, {}", case.section, case.what);
    }
}
