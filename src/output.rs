//! The output that an engine writes for the socket.
//!
//! Heads and short pieces are copied into one buffer. A long piece of content is not
//! copied: the output refers to it, and the socket sends it from there.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use bytes::{Buf, Bytes};

/// A piece of at least this length is not copied. A shorter copy costs less than a slice.
const LENT: usize = 8 << 10;

/// A piece of content.
#[derive(Clone, Debug, PartialEq)]
pub enum Data<'a> {
    /// Copied.
    Borrowed(&'a [u8]),
    /// Not copied if it is long.
    Owned(Bytes),
}

impl Data<'_> {
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Splits off the first `len` bytes, which must exist.
    pub fn split_to(&mut self, len: usize) -> Self {
        match self {
            Data::Borrowed(bytes) => {
                let (front, rest) = bytes.split_at(len);
                *bytes = rest;
                Data::Borrowed(front)
            }
            Data::Owned(bytes) => Data::Owned(bytes.split_to(len)),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Data::Borrowed(bytes) => bytes,
            Data::Owned(bytes) => bytes,
        }
    }
}

/// The bytes for the socket in their order, from the first one that was not sent.
#[derive(Default)]
pub struct Output {
    /// The copied bytes, from `sent` on.
    copied: Vec<u8>,
    sent: usize,
    lent: VecDeque<Lent>,
    lent_bytes: usize,
    /// Whether long pieces are kept without a copy. Not for a socket that takes one slice
    /// at a time, as TLS, which would make a record of each.
    lends: bool,
}

/// A piece that precedes the copied byte at `at`.
struct Lent {
    at: usize,
    piece: Bytes,
}

impl Output {
    /// An output that keeps long pieces without a copy, or copies them, too.
    pub fn new(lends: bool) -> Self {
        Self { lends, ..Self::default() }
    }

    /// Whether long pieces are kept without a copy.
    pub fn lends(&self) -> bool {
        self.lends
    }

    /// The buffer of copied bytes, to append to.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.copied
    }

    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.copied.extend_from_slice(bytes);
    }

    /// Appends a piece of content.
    pub fn push(&mut self, piece: Data<'_>) {
        match piece {
            Data::Owned(piece) if piece.len() >= LENT && self.lends => {
                self.lent_bytes += piece.len();
                self.lent.push_back(Lent { at: self.copied.len(), piece });
            }
            piece => self.copied.extend_from_slice(piece.bytes()),
        }
    }

    /// How many bytes were not sent.
    pub fn len(&self) -> usize {
        self.copied.len() - self.sent + self.lent_bytes
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes to send if they are in one piece.
    pub fn only_slice(&self) -> Option<&[u8]> {
        self.lent.is_empty().then(|| &self.copied[self.sent..])
    }

    /// Fills `slices` with the next bytes to send, in order. Returns how many slices.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let (mut from, mut count) = (self.sent, 0);
        let mut add = |bytes: &'a [u8]| {
            let fits = count < slices.len();
            if fits && !bytes.is_empty() {
                slices[count] = IoSlice::new(bytes);
                count += 1;
            }
            fits
        };
        for lent in &self.lent {
            if !add(&self.copied[from..lent.at]) || !add(&lent.piece) {
                return count;
            }
            from = lent.at;
        }
        add(&self.copied[from..]);
        count
    }

    /// Removes `count` bytes from the start, which were sent.
    pub fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let next = self.lent.front().map_or(self.copied.len(), |lent| lent.at);
            let copied = count.min(next - self.sent);
            self.sent += copied;
            count -= copied;
            let Some(lent) = self.lent.front_mut().filter(|_| count > 0) else { break };
            let taken = count.min(lent.piece.len());
            lent.piece.advance(taken);
            self.lent_bytes -= taken;
            count -= taken;
            if lent.piece.is_empty() {
                self.lent.pop_front();
            }
        }
    }

    /// Moves the copied bytes that were not sent to the start of their buffer.
    pub fn compact(&mut self) {
        self.copied.drain(..self.sent);
        self.lent.iter_mut().for_each(|lent| lent.at -= self.sent);
        self.sent = 0;
    }

    /// How much memory the output holds.
    pub fn memory(&self) -> usize {
        self.copied.capacity() + self.lent_bytes + self.lent.capacity() * size_of::<Lent>()
    }

    /// How many sent bytes still occupy the buffer.
    pub fn left_behind(&self) -> usize {
        self.sent
    }

    /// Takes the buffer out if everything was sent. It is empty and has capacity.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() || self.copied.capacity() == 0 {
            return None;
        }
        (self.sent, self.lent) = (0, VecDeque::new());
        let mut buffer = std::mem::take(&mut self.copied);
        buffer.clear();
        Some(buffer)
    }

    /// Installs an empty buffer.
    pub fn set_buffer(&mut self, buffer: Vec<u8>) {
        self.copied = buffer;
    }

    pub fn has_buffer(&self) -> bool {
        self.copied.capacity() > 0
    }

    /// All bytes that were not sent, in one piece.
    #[cfg(any(test, fuzzing))]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); 2 * self.lent.len() + 1];
        let count = self.slices(&mut slices);
        slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    /// The same, and removes them.
    #[cfg(any(test, fuzzing))]
    pub fn take(&mut self) -> Vec<u8> {
        let bytes = self.to_vec();
        self.advance(bytes.len());
        bytes
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(byte: u8) -> Vec<u8> {
        vec![byte; LENT]
    }

    fn piece(bytes: Vec<u8>) -> Data<'static> {
        Data::Owned(bytes.into())
    }

    #[test]
    fn pieces_leave_in_the_order_in_which_they_were_put() {
        let mut output = Output::new(true);
        let expected = [&b"a"[..], &long(b'b'), &long(b'c'), b"d", b"short", &long(b'e')].concat();
        output.extend_from_slice(b"a");
        output.push(piece(long(b'b')));
        output.push(Data::Borrowed(&long(b'c')));
        output.extend_from_slice(b"d");
        output.push(piece(b"short".to_vec()));
        output.push(piece(long(b'e')));
        assert_eq!((output.len(), output.to_vec()), (expected.len(), expected.clone()));
        // With steps of each kind.
        let (mut seen, mut step) = (Vec::new(), 1);
        while !output.is_empty() {
            let rest = output.to_vec();
            let taken = step.min(rest.len());
            seen.extend_from_slice(&rest[..taken]);
            output.advance(taken);
            if step.is_multiple_of(3) {
                output.compact();
            }
            step = step * 2 + 1;
        }
        assert_eq!(seen, expected);
        assert_eq!(output.take_buffer().map(|buffer| buffer.len()), Some(0));
        assert!(!output.has_buffer() && output.take_buffer().is_none());
    }

    #[test]
    fn copied_output_is_one_slice() {
        let mut output = Output::new(true);
        output.extend_from_slice(b"abc");
        output.advance(1);
        assert_eq!(output.only_slice(), Some(&b"bc"[..]));
        output.push(piece(long(b'd')));
        assert_eq!(output.only_slice(), None);
        output.advance(2 + LENT);
        assert_eq!(output.only_slice(), Some(&b""[..]));
    }

    #[test]
    fn data_is_split_alike_whoever_has_it() {
        for mut data in [Data::Borrowed(b"abcde"), piece(b"abcde".to_vec())] {
            let front = data.split_to(2);
            assert_eq!((front.bytes(), data.bytes()), (&b"ab"[..], &b"cde"[..]));
            assert!(data.split_to(3).len() == 3 && data.is_empty());
        }
    }

    #[test]
    fn no_more_slices_are_filled_than_there_are() {
        let mut output = Output::new(true);
        for byte in b'a'..b'f' {
            output.extend_from_slice(b"-");
            output.push(piece(long(byte)));
        }
        let mut slices = [IoSlice::new(&[]); 3];
        assert_eq!(output.slices(&mut slices), 3);
        assert_eq!([&slices[0][..], &slices[1][..1], &slices[2][..]], [&b"-"[..], b"a", b"-"]);
    }
}
