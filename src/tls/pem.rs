//! Reads PEM texts (RFC 7468) from a file or from memory, up to a limit, and divides
//! them into blocks. A text with a damaged block is refused as a whole, with the line:
//! a lenient parser would skip that block, and each client would fail later.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::der::{Encode, Header, SliceReader};

use crate::error::{Error, Result};

/// The largest accepted file. A larger one is not a file of certificates.
const MAX_BYTES: u64 = 16 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// The name of a PEM text in errors.
#[derive(Clone, Copy, Debug)]
pub enum Name<'a> {
    File(&'a str),
    /// An argument in memory.
    Memory(&'a str),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::File(path) => write!(f, "{path:?}"),
            Name::Memory(what) => f.write_str(what),
        }
    }
}

/// Makes the error for a file or an argument.
pub fn fault(name: Name<'_>, reason: impl fmt::Display) -> Error {
    Error::Tls(format!("{name}: {reason}"))
}

/// Reads a file.
pub fn read(path: &str) -> Result<Vec<u8>> {
    let name = Name::File(path);
    let fail = |error: io::Error| Error::io(format_args!("cannot read {name}"), error);
    // Without it, opening a FIFO waits for a writer.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(fail)?;
    let found = file.metadata().map_err(fail)?;
    if found.is_dir() {
        return Err(fault(name, "it is a directory, not a file"));
    }
    if !found.is_file() {
        return Err(fault(name, "it is not a regular file, and only such a one can be read again at a reload"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    match bytes.len() as u64 > MAX_BYTES {
        true => Err(fault(name, format_args!("it is too large: more than {} MiB", MAX_BYTES >> 20))),
        false => Ok(bytes),
    }
}

/// A block: what stands between a BEGIN and its END.
pub struct Block<'a> {
    /// Such as "CERTIFICATE".
    pub label: &'a str,
    /// The 1-based line of BEGIN.
    pub line: usize,
    /// Whether its headers (RFC 1421) say that it is encrypted.
    pub is_encrypted: bool,
    /// The base64 text without white space.
    base64: Vec<u8>,
    /// The first character that is not base64, and its line.
    stray: Option<(usize, char)>,
}

impl Block<'_> {
    /// The block as canonical text with another label.
    pub fn text(&self, label: &str) -> Vec<u8> {
        let mut text = format!("-----BEGIN {label}-----\n").into_bytes();
        self.base64.chunks(64).for_each(|line| text.extend(line.iter().chain(b"\n")));
        text.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
        text
    }

    /// Decodes the base64 text.
    pub fn bytes(&self) -> std::result::Result<Vec<u8>, String> {
        if let Some((line, character)) = self.stray {
            return Err(format!("{character:?} in line {line} is not base64"));
        }
        if self.base64.is_empty() {
            return Err("it is empty".into());
        }
        let decoded = CertificateDer::from_pem_slice(&self.text("CERTIFICATE"));
        decoded.map(|bytes| bytes.to_vec()).map_err(|_| "its base64 is broken".into())
    }
}

/// Parses all blocks of a text, at least one.
pub fn blocks<'a>(name: Name<'_>, text: &'a [u8]) -> Result<Vec<Block<'a>>> {
    is_text(name, text)?;
    let mut blocks = Vec::new();
    let mut open: Option<Reader<'a>> = None;
    for (line, content) in lines(text) {
        let at = |reason: &dyn fmt::Display| fault(name, format_args!("line {line}: {reason}"));
        match (Line::of(content).map_err(|reason| at(&reason))?, &mut open) {
            (Line::Begin(label), None) => open = Some(Reader::new(label, line)),
            (Line::Begin(_), Some(reader)) => {
                return Err(at(&format_args!(
                    "BEGIN within the block of line {}, which has no END",
                    reader.block.line
                )));
            }
            (Line::End(label), None) => return Err(at(&format_args!("END {label} without its BEGIN"))),
            (Line::End(label), Some(reader)) => {
                let Block { label: begun, line, .. } = reader.block;
                if label != begun {
                    return Err(at(&format_args!("END {label} ends the block of line {line}, which is BEGIN {begun}")));
                }
                blocks.extend(open.take().map(|reader| reader.block));
            }
            (Line::Other(_), None) => {}
            (Line::Other(content), Some(reader)) => reader.add(line, content),
        }
    }
    if let Some(Reader { block: Block { label, line, .. }, .. }) = open {
        return Err(fault(name, format_args!("line {line}: BEGIN {label} has no END: the text was cut off")));
    }
    match blocks.is_empty() {
        true => Err(fault(name, "it is not PEM")),
        false => Ok(blocks),
    }
}

/// Whether the text may contain PEM.
fn is_text(name: Name<'_>, text: &[u8]) -> Result<()> {
    let bare = text.strip_prefix(BOM).unwrap_or(text);
    if bare.iter().all(u8::is_ascii_whitespace) {
        return Err(fault(name, "it is empty"));
    }
    match bare {
        // A DER SEQUENCE: certificates and keys begin with it.
        [0x30, 0x80..=0x84, ..] => {
            Err(fault(name, "it is not PEM but DER or PKCS #12, which `openssl` can convert to PEM"))
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(fault(name, "it is UTF-16, and PEM is ASCII")),
        _ => Ok(()),
    }
}

/// The lines with their 1-based numbers. LF, CR LF or CR ends a line.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = Some(text);
    let mut number = 0;
    std::iter::from_fn(move || {
        let text = rest?;
        number += 1;
        let Some(end) = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            rest = None;
            return Some((number, text));
        };
        let skipped = end + if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&text[skipped..]);
        Some((number, &text[..end]))
    })
}

/// The kind of a line.
enum Line<'a> {
    Begin(&'a str),
    End(&'a str),
    Other(&'a [u8]),
}

impl<'a> Line<'a> {
    /// Fails for a misspelt BEGIN or END line: skipping it would lose a block.
    fn of(line: &'a [u8]) -> std::result::Result<Self, String> {
        // Concatenated files may have byte order marks inside.
        let line = line.strip_prefix(BOM).unwrap_or(line).trim_ascii_end();
        let label = |rest: &'a [u8]| rest.strip_suffix(DASHES).and_then(|label| str::from_utf8(label).ok());
        let found = match (line.strip_prefix(BEGIN), line.strip_prefix(END)) {
            (Some(rest), _) => label(rest).map(Self::Begin),
            (_, Some(rest)) => label(rest).map(Self::End),
            _ if !is_like_a_mark(line) => return Ok(Self::Other(line)),
            _ => None,
        };
        match found {
            Some(Self::Begin(label) | Self::End(label)) if label.contains("-----") => {
                Err("two marks in one line: is a line break missing where two files were joined?".into())
            }
            Some(mark) => Ok(mark),
            None => Err(format!("{:?} is not a BEGIN or END line as PEM has it", shown(line))),
        }
    }
}

/// Whether a BEGIN or END stands behind other text, or has the wrong number of dashes,
/// the wrong case or the wrong spaces.
fn is_like_a_mark(line: &[u8]) -> bool {
    if [BEGIN, END].iter().any(|mark| line.windows(mark.len()).any(|window| window == *mark)) {
        return true;
    }
    let text = String::from_utf8_lossy(line).trim().to_ascii_uppercase();
    let words: Vec<_> = text.trim_matches('-').split_ascii_whitespace().collect();
    let is_known = matches!(words.last(), Some(&("CERTIFICATE" | "KEY")));
    text.starts_with('-') && is_known && matches!(words.first(), Some(&("BEGIN" | "END")))
}

/// The beginning of a line, for error messages.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().take(60).collect()
}

/// Reads the lines of a block.
struct Reader<'a> {
    block: Block<'a>,
    /// Headers, such as "Proc-Type: 4,ENCRYPTED", come first and end with an empty line.
    may_have_headers: bool,
}

impl<'a> Reader<'a> {
    fn new(label: &'a str, line: usize) -> Self {
        let block = Block { label, line, is_encrypted: false, base64: Vec::new(), stray: None };
        Self { block, may_have_headers: true }
    }

    fn add(&mut self, number: usize, line: &[u8]) {
        if self.may_have_headers && line.contains(&b':') {
            self.block.is_encrypted |= line.windows(9).any(|window| window == b"ENCRYPTED");
            return;
        }
        self.may_have_headers = false;
        for &byte in line.iter().filter(|byte| !byte.is_ascii_whitespace()) {
            match byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') {
                true => self.block.base64.push(byte),
                false => self.block.stray = self.block.stray.or(Some((number, char::from(byte)))),
            }
        }
    }
}

/// The length of the first DER value, including its head.
pub fn first_len(bytes: &[u8]) -> std::result::Result<usize, String> {
    let header = SliceReader::new(bytes).and_then(|reader| Header::peek(&reader));
    let announced = header.and_then(|header| header.encoded_len()? + header.length());
    let announced = announced.ok().and_then(|length| usize::try_from(length).ok()).ok_or("it is not DER")?;
    match announced > bytes.len() {
        true => Err(format!("it announces {announced} bytes and has {}: are lines missing?", bytes.len())),
        false => Ok(announced),
    }
}
