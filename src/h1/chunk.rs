//! Content in chunks (RFC 9112, section 7.1).

use super::fault::{TOO_LARGE, bad};
use super::line::LineReader;
use super::section::{Limits, Section};
use crate::engine::Fault;
use crate::header_list::HeaderList;

/// The most digits of a chunk size, including leading zeros.
const SIZE_DIGITS: u8 = 16;
/// The most bytes of all chunk extensions of a content. They are ignored.
const EXTENSION_BYTES: u16 = 4096;

/// The result of reading bytes of content.
#[derive(Debug, PartialEq)]
pub enum Part<'a> {
    None,
    /// Data, and whether it is the last.
    Data(&'a [u8], bool),
    /// The end of the content.
    Trailers(HeaderList),
}

/// Reads the chunks of one content.
#[derive(Default)]
pub struct Chunks {
    state: State,
    /// The bytes of the chunk that are still to be received.
    size: u64,
    digits: u8,
    extension_bytes: u16,
    line: LineReader,
    section: Section,
    trailers: HeaderList,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    /// Before the first digit of a size.
    #[default]
    Begin,
    Size,
    /// White space that only a chunk extension may follow.
    Blank,
    Extension,
    /// After the CR of the chunk-size line.
    SizeEnd,
    Data,
    /// After the last byte of a chunk.
    DataCr,
    DataLf,
    Trailers,
}

impl Chunks {
    /// Reads bytes from the start of `input`, at most to the end of a chunk's data.
    pub fn read<'a>(&mut self, input: &'a [u8], limits: Limits, blocks: &mut u64) -> Result<(usize, Part<'a>), Fault> {
        let mut at = 0;
        while let Some(byte) = input.get(at) {
            match self.state {
                State::Data => {
                    let data = at_most(&input[at..], self.size);
                    self.size -= data.len() as u64;
                    if self.size == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok((at + data.len(), Part::Data(data, false)));
                }
                State::Trailers => {
                    let (taken, is_whole) = self.read_trailers(&input[at..], limits)?;
                    *blocks += u64::from(is_whole);
                    return Ok((at + taken, if is_whole { self.end() } else { Part::None }));
                }
                state => self.state = self.step(state, *byte)?,
            }
            *blocks += u64::from(matches!(self.state, State::Data | State::Trailers));
            at += 1;
        }
        Ok((at, Part::None))
    }

    /// Whether the framing of a chunk or the trailer section has begun and is
    /// incomplete.
    pub fn is_mid_block(&self) -> bool {
        !matches!(self.state, State::Begin | State::Data | State::DataCr)
    }

    fn step(&mut self, state: State, byte: u8) -> Result<State, Fault> {
        Ok(match (state, byte) {
            (State::Begin | State::Size, byte) if byte.is_ascii_hexdigit() && self.digits < SIZE_DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                self.digits += 1;
                State::Size
            }
            (State::Size | State::Extension, b'\r') => State::SizeEnd,
            (State::Size | State::Blank, b';') => self.extended(State::Extension)?,
            (State::Size | State::Blank, b' ' | b'\t') => self.extended(State::Blank)?,
            (State::Extension, b'\t' | b' '..=0x7e | 0x80..) => self.extended(State::Extension)?,
            (State::SizeEnd, b'\n') => self.begin_data()?,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Begin,
            (State::DataCr | State::DataLf, _) => return Err(bad("a chunk is longer than its size")),
            _ => return Err(bad("a chunk size is no hexadecimal number of at most 16 digits")),
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
        self.extension_bytes += 1;
        match self.extension_bytes > EXTENSION_BYTES {
            true => Err(bad("the chunk extensions are too long")),
            false => Ok(state),
        }
    }

    /// Reads complete lines. Returns how many bytes they have, and whether they end the
    /// content.
    fn read_trailers(&mut self, input: &[u8], limits: Limits) -> Result<(usize, bool), Fault> {
        let mut taken = 0;
        loop {
            let most = limits.header_list_bytes as usize;
            let Some(line) = self.line.read(&input[taken..], most, TOO_LARGE)? else { return Ok((taken, false)) };
            taken += line.len() + 2;
            if line.is_empty() {
                return Ok((taken, true));
            }
            let field = self.section.read(line, limits, &mut self.trailers)?;
            // RFC 9110, section 6.5.1: framing and routing fields are not allowed here.
            if matches!(field.name, b"content-length" | b"transfer-encoding" | b"host") {
                return Err(bad("a trailer section contains content-length, transfer-encoding or host"));
            }
        }
    }

    fn end<'a>(&mut self) -> Part<'a> {
        match self.trailers.is_empty() {
            true => Part::Data(b"", true),
            false => Part::Trailers(std::mem::take(&mut self.trailers)),
        }
    }
}

/// The first `most` bytes of `input`, or all.
pub fn at_most(input: &[u8], most: u64) -> &[u8] {
    &input[..input.len().min(usize::try_from(most).unwrap_or(usize::MAX))]
}
