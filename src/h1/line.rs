//! Input lines (RFC 9112, section 2.2): each ends with CRLF and contains no control
//! character other than HTAB.

use super::fault::bad;
use crate::engine::Fault;
use crate::grammar::value::is_control;

/// Reads one line after the other and examines each byte once.
#[derive(Default)]
pub struct LineReader {
    /// How many bytes of the incomplete line were searched and contain no control
    /// character.
    searched: usize,
    has_begun: bool,
}

impl LineReader {
    /// The line at the start of `input` without its CRLF, if it is complete.
    pub fn read<'a>(&mut self, input: &'a [u8], most: usize, too_long: Fault) -> Result<Option<&'a [u8]>, Fault> {
        let rest = input.get(self.searched..).unwrap_or_default();
        let found = find_control(rest).map(|at| self.searched + at);
        self.searched = found.unwrap_or(input.len());
        self.has_begun = !input.is_empty();
        if self.searched > most {
            return Err(too_long);
        }
        match found.map(|end| &input[end..]) {
            // The LF is still to be received.
            None | Some(b"\r") => Ok(None),
            Some([b'\r', b'\n', ..]) => {
                let end = std::mem::take(self).searched;
                Ok(Some(&input[..end]))
            }
            Some([b'\n', ..]) => Err(bad("a line ends without CR")),
            Some(_) => Err(bad("a line contains a control character")),
        }
    }

    /// Whether a line has begun and is incomplete.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }
}

/// The index of the first control character other than HTAB. Blocks of 32 bytes without
/// one are skipped, for which the compiler generates vector instructions.
fn find_control(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(block) = bytes[at..].first_chunk::<32>()
        && !block.iter().fold(false, |found, byte| found | is_control(*byte))
    {
        at += 32;
    }
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        let Some(found) = find_low_or_del(u64::from_le_bytes(*word)) else {
            at += 8;
            continue;
        };
        at += found;
        if bytes[at] != b'\t' {
            return Some(at);
        }
        at += 1;
    }
    bytes[at..].iter().position(|byte| is_control(*byte)).map(|found| at + found)
}

/// The index, from the lowest byte of a word, of the first byte that is below 0x20 or
/// DEL.
fn find_low_or_del(word: u64) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let del = word ^ (ONES * 0x7f);
    // The top bit of such a byte is set. A byte above the first one may have it set too.
    let low = word.wrapping_sub(ONES * 0x20) & !word;
    let found = (low | del.wrapping_sub(ONES) & !del) & (ONES * 0x80);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Fault = Fault { code: 431, why: "long" };

    #[test]
    fn control_characters_are_found_wherever_they_are() {
        for byte in 0..=255u8 {
            let is_control = u8::is_ascii_control(&byte) && byte != b'\t';
            for at in 0..70 {
                for fill in [b'x', b' ', b'~', 0x80, 0xff, b'\t'] {
                    let mut bytes = [fill; 70];
                    bytes[at] = byte;
                    assert_eq!(find_control(&bytes), is_control.then_some(at), "{byte} at {at}");
                    bytes[69] = b'\r';
                    assert_eq!(find_control(&bytes), Some(if is_control { at } else { 69 }));
                }
            }
        }
    }

    #[test]
    fn a_line_is_read_when_it_is_complete() {
        let text = b"a line\twith \xe4\r\nnext";
        for cut in 0..text.len() {
            let mut reader = LineReader::default();
            let first = reader.read(&text[..cut], 100, LONG);
            if cut < 15 {
                assert_eq!(first, Ok(None));
                assert_eq!(reader.has_begun(), cut > 0);
                assert_eq!(reader.read(text, 100, LONG), Ok(Some(&text[..13])));
            } else {
                assert_eq!(first, Ok(Some(&text[..13])));
            }
            assert!(!reader.has_begun());
        }
    }

    #[test]
    fn malformed_lines_are_refused_at_once() {
        let status = |text: &[u8]| LineReader::default().read(text, 5, LONG).unwrap_err().code;
        assert_eq!(status(b"abc\n"), 400);
        assert_eq!(status(b"abc\rd"), 400);
        assert_eq!(status(b"abc\r\r"), 400);
        assert_eq!(status(b"a\0"), 400);
        assert_eq!(status(b"abcdef"), 431);
        assert_eq!(status(b"abcdef\r\n"), 431);
        assert_eq!(LineReader::default().read(b"abcde\r\n", 5, LONG), Ok(Some(&b"abcde"[..])));
    }
}
