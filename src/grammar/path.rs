//! A path and its query (RFC 3986, sections 3.3 and 3.4) in a request. All bytes are
//! allowed except those that could end a line or a word. The host judges the rest, as
//! with other servers.

/// Why these bytes are not a path and its query; `None` if they are.
pub fn fault(path: &[u8]) -> Option<&'static str> {
    // There is no early exit, so that the compiler can vectorise the loop.
    let bad = path.iter().fold((false, false), |(control, fragment), byte| {
        (control | (*byte <= b' ') | (*byte == 0x7f), fragment | (*byte == b'#'))
    });
    match bad {
        (true, _) => Some("the target contains a control character or a space"),
        // A client never sends a fragment. nginx removes it, and Node.js passes it on as
        // a part of the path. A program that checks paths and one that serves them must
        // not differ here.
        (_, true) => Some("the target has a fragment"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_spaces_and_fragments_are_refused() {
        for byte in 0..=255u8 {
            let is_bad = byte <= b' ' || byte == 0x7f || byte == b'#';
            assert_eq!(fault(&[b'/', byte, b'a']).is_some(), is_bad, "{byte:#x}");
        }
        assert_eq!(fault(b""), None);
    }
}
