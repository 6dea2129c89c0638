//! A body in chunks (RFC 9112, section 7.1) as it passes: where it ends, and
//! whether each chunk is of the grammar.

use super::message::{Fault, Limits, Section, bad};

/// Digits of a chunk's size; more would not be a size.
const DIGITS: usize = 16;
/// Bytes of all chunk extensions of a body, which nobody needs.
const EXTENSIONS: usize = 4096;

pub struct Chunks {
    state: State,
    size: u64,
    digits: usize,
    extensions: usize,
    /// A line of the trailer section.
    line: Vec<u8>,
    trailers: Section,
    limits: Limits,
}

#[derive(Clone, Copy)]
enum State {
    Size,
    /// White space that only an extension may follow.
    Blank,
    Extension,
    SizeEnd,
    Data,
    DataCr,
    DataEnd,
    Trailers,
}

impl Chunks {
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            extensions: 0,
            line: Vec::new(),
            trailers: Section::default(),
            limits,
        }
    }

    /// How many of `bytes` belong to the body, and whether its end is among them.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            match self.state {
                State::Data => {
                    let taken = (bytes.len() - at).min(usize::try_from(self.size).unwrap_or(usize::MAX));
                    self.size -= taken as u64;
                    at += taken;
                    if self.size == 0 {
                        self.state = State::DataCr;
                    }
                    continue;
                }
                State::Trailers => {
                    if self.read_trailer(byte)? {
                        return Ok((at + 1, true));
                    }
                }
                _ => self.state = self.step(byte)?,
            }
            at += 1;
        }
        Ok((at, false))
    }

    fn step(&mut self, byte: u8) -> Result<State, Fault> {
        Ok(match (self.state, byte) {
            (State::Size, byte) if byte.is_ascii_hexdigit() && self.digits < DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                self.digits += 1;
                State::Size
            }
            (State::Size, b'\r') if self.digits > 0 => State::SizeEnd,
            (State::Size | State::Blank, b';') if self.digits > 0 => State::Extension,
            (State::Size | State::Blank, b' ' | b'\t') if self.digits > 0 => self.extended(State::Blank)?,
            (State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, b'\t' | b' '..=0x7e | 0x80..) => self.extended(State::Extension)?,
            (State::SizeEnd, b'\n') => self.begin_data()?,
            (State::DataCr, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => State::Size,
            (State::DataCr | State::DataEnd, _) => return Err(bad("a chunk is longer than its size")),
            _ => return Err(bad("the size of a chunk is none")),
        })
    }

    fn begin_data(&mut self) -> Result<State, Fault> {
        self.digits = 0;
        match self.size {
            0 => Ok(State::Trailers),
            size if size >= 1 << 63 => Err(bad("a chunk is too large")),
            _ => Ok(State::Data),
        }
    }

    fn extended(&mut self, state: State) -> Result<State, Fault> {
        self.extensions += 1;
        match self.extensions > EXTENSIONS {
            true => Err(bad("the chunk extensions are too long")),
            false => Ok(state),
        }
    }

    /// True at the end of the section.
    fn read_trailer(&mut self, byte: u8) -> Result<bool, Fault> {
        if byte != b'\n' {
            self.line.push(byte);
            return match self.line.len() > self.limits.bytes {
                true => Err(super::message::TOO_LARGE),
                false => Ok(false),
            };
        }
        let line = std::mem::take(&mut self.line);
        match line.strip_suffix(b"\r").ok_or(bad("a line ends without CR"))? {
            b"" => Ok(true),
            line => {
                let (name, _) = self.trailers.read(line, self.limits)?;
                // RFC 9110, section 6.5.1: what says how to read the message comes before it.
                let tells = |known: &[u8]| name.eq_ignore_ascii_case(known);
                match tells(b"content-length") || tells(b"transfer-encoding") || tells(b"host") {
                    true => Err(bad("a trailer would say how to read the request")),
                    false => Ok(false),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], step: usize) -> Result<Option<usize>, Fault> {
        let (mut chunks, mut read) = (Chunks::new(Limits { bytes: 500, fields: 5 }), 0);
        for piece in body.chunks(step) {
            let (taken, is_last) = chunks.read(piece)?;
            read += taken;
            if is_last {
                return Ok(Some(read));
            }
            assert_eq!(taken, piece.len());
        }
        Ok(None)
    }

    fn end(body: &[u8]) -> Option<usize> {
        let whole = read(body, usize::MAX);
        for step in [1, 2, 3, 5] {
            assert_eq!(read(body, step), whole, "in steps of {step}");
        }
        whole.unwrap_or(Some(0))
    }

    #[test]
    fn chunks_end_with_the_last() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "A\r\n0123456789\r\n000\r\n\r\n",
            "5;name=value;other\r\nhello\r\n0;last\r\n\r\n",
            "5 ; name\r\nhello\r\n0\r\n\r\n",
            "1\r\n\n\r\n0\r\nx-checksum: 1\r\nother: 2\r\n\r\n",
        ] {
            assert_eq!(end(format!("{body}GET / HTTP/1.1").as_bytes()), Some(body.len()), "{body:?}");
        }
        assert_eq!(end(b"5\r\nhello\r\n0\r\n"), None, "not whole");
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for body in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "0x5\r\nhello\r\n",
            " 5\r\nhello\r\n",
            "5 \r\nhello\r\n",
            "5\nhello\r\n",
            "5\r\rhello",
            "5;a\nhello",
            "5;a\rhello",
            "5;a\0\r\n",
            "5\r\nhelloX\r\n",
            "5\r\nhello\n0\r\n",
            "00000000000000005\r\nhello\r\n",
            "ffffffffffffffff\r\n",
            "0\r\na: b\n\r\n",
            "0\r\n folded\r\n\r\n",
            "0\r\nno colon\r\n\r\n",
            "0\r\ncontent-length: 5\r\n\r\n",
            "0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "0\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\n\r\n",
        ] {
            assert_eq!(end(body.as_bytes()), Some(0), "{body:?}");
        }
        assert_eq!(end(format!("5;{}\r\n", "x".repeat(5000)).as_bytes()), Some(0));
        assert_eq!(end(format!("0\r\n{}", "x".repeat(501)).as_bytes()), Some(0));
    }
}
