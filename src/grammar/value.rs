//! Field values (RFC 9110, section 5.5).

/// Whether a value starts or ends with white space, which is not allowed.
pub fn has_blank_edge(value: &[u8]) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_blank(value.first()) || is_blank(value.last())
}

/// Whether a value contains a control character other than HTAB. Bytes from
/// 0x80 are allowed.
pub fn has_control(value: &[u8]) -> bool {
    // There is no early exit, so that the compiler can vectorise the loop.
    value.iter().fold(false, |found, byte| found | is_control(*byte))
}

/// Whether this is a control character other than HTAB.
pub fn is_control(byte: u8) -> bool {
    (byte < b' ') & (byte != b'\t') | (byte == 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_inside_is_allowed() {
        assert!(!has_blank_edge(b"") && !has_blank_edge(b"a \tb"));
        for bad in [&b" "[..], b"\t", b" a", b"a\t", b"\ta"] {
            assert!(has_blank_edge(bad), "{bad:?}");
        }
    }

    #[test]
    fn controls_are_found_wherever_they_stand() {
        for byte in 0..=255 {
            let is_bad = http::HeaderValue::from_bytes(&[byte]).is_err();
            for at in 0..40 {
                let mut value = [b'a'; 40];
                value[at] = byte;
                assert_eq!(has_control(&value), is_bad, "{byte:#x} at {at}");
            }
        }
    }
}
