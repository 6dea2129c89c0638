//! The Huffman code of strings (RFC 7541, appendix B).
//!
//! The code is canonical: the codes are assigned in the order of their lengths, and
//! within a length in the order of the symbols. So the lengths define the whole code, and
//! the compiler computes every table from them.

use super::Error;

/// The length of each symbol's code in bits. The last symbol is EOS.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

const SHORTEST: usize = 5;
const LONGEST: usize = 30;
/// How many bits one lookup uses: two frequent codes.
const LOOKED_UP: usize = 11;

/// The symbols at the start of the bits of a lookup.
#[derive(Clone, Copy)]
struct Prefix {
    first: u8,
    /// Valid only if both codes are within the bits.
    second: u8,
    /// The length of the first code, or 0 if it is longer than a lookup.
    first_length: u8,
    /// The length of the one or two complete codes.
    length: u8,
}

/// Indexed by the next bits of the input.
static PREFIXES: [Prefix; 1 << LOOKED_UP] = {
    let mut prefixes = [Prefix { first: 0, second: 0, first_length: 0, length: 0 }; 1 << LOOKED_UP];
    let mut symbol = 0;
    while symbol < 256 {
        let (code, length) = CODES[symbol];
        let length_here = length as usize;
        let mut behind = 0;
        while length_here <= LOOKED_UP && behind < 1 << (LOOKED_UP - length_here) {
            let at = ((code as usize) << (LOOKED_UP - length_here)) + behind;
            prefixes[at] = Prefix { first: symbol as u8, second: 0, first_length: length, length };
            behind += 1;
        }
        symbol += 1;
    }
    let mut at = 0;
    while at < prefixes.len() {
        let length = prefixes[at].first_length as usize;
        let next = prefixes[(at << length) & ((1 << LOOKED_UP) - 1)];
        let both = length + next.first_length as usize;
        if length > 0 && next.first_length > 0 && both <= LOOKED_UP {
            prefixes[at].second = next.first;
            prefixes[at].length = both as u8;
        }
        at += 1;
    }
    prefixes
};

/// The code of each symbol and its length.
static CODES: [(u32, u8); 257] = {
    let mut codes = [(0, 0); 257];
    let (mut length, mut code) = (SHORTEST, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                codes[symbol] = (code, length as u8);
                code += 1;
            }
            symbol += 1;
        }
        code <<= 1;
        length += 1;
    }
    codes
};

/// The codes of one length, for codes longer than a lookup.
#[derive(Clone, Copy)]
struct Range {
    /// The first code.
    first: u32,
    /// The code after the last one, aligned to the left of 32 bits.
    end: u64,
    /// The position of the first code's symbol among all symbols.
    place: usize,
}

/// Indexed by the length.
static RANGES: [Range; LONGEST + 1] = {
    let mut ranges = [Range { first: 0, end: 0, place: 0 }; LONGEST + 1];
    let (mut length, mut code, mut place) = (SHORTEST, 0u32, 0);
    while length <= LONGEST {
        let mut count = 0;
        let mut symbol = 0;
        while symbol < 257 {
            count += (LENGTHS[symbol] as usize == length) as u32;
            symbol += 1;
        }
        ranges[length] = Range { first: code, end: ((code + count) as u64) << (32 - length), place };
        code = (code + count) << 1;
        place += count as usize;
        length += 1;
    }
    ranges
};

/// All symbols in the order of their codes.
static SYMBOLS: [u16; 257] = {
    let mut symbols = [0; 257];
    let (mut length, mut place) = (SHORTEST, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                symbols[place] = symbol as u16;
                place += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    symbols
};

/// Appends the decoded `input`.
pub fn decode(input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let start = out.len();
    // The shortest code has 5 bits. Two symbols are written even if there is only one, so
    // there is space for one more.
    out.resize(start + input.len() * 8 / SHORTEST + 2, 0);
    let length = decode_to(input, &mut out[start..]);
    out.truncate(start + length.unwrap_or(0));
    length.map(drop)
}

/// The next bits of the input, aligned to the left.
#[derive(Clone, Copy)]
struct Bits<'a> {
    bits: u64,
    count: usize,
    /// The input after these bits.
    rest: &'a [u8],
}

impl Bits<'_> {
    /// Loads bits until there are more than 55, or the input ends.
    #[inline]
    fn refill(&mut self) {
        if let Some(word) = self.rest.first_chunk::<8>() {
            let taken = (63 - self.count) / 8;
            // Bits beyond the count are loaded again later.
            self.bits |= u64::from_be_bytes(*word) >> self.count;
            self.count += 8 * taken;
            self.rest = &self.rest[taken..];
        } else {
            while let [next, rest @ ..] = self.rest
                && self.count <= 56
            {
                self.bits = self.bits & !(u64::MAX >> self.count) | u64::from(*next) << (56 - self.count);
                self.count += 8;
                self.rest = rest;
            }
        }
    }

    #[inline]
    fn prefix(&self) -> Prefix {
        PREFIXES[(self.bits >> (64 - LOOKED_UP)) as usize]
    }

    #[inline]
    fn skip(&mut self, length: usize) {
        self.bits <<= length;
        self.count -= length;
    }

    /// Decodes a symbol with a code longer than a lookup. The state is passed by value,
    /// so that it stays in registers.
    #[cold]
    fn take_long(mut self) -> Result<(u8, Self), Error> {
        if self.count < LONGEST {
            self.refill();
        }
        let next = self.bits >> 32;
        let lengths = LOOKED_UP + 1..=LONGEST;
        let length = lengths.into_iter().find(|length| next < RANGES[*length].end).ok_or(Error)?;
        if length > self.count {
            return Err(Error);
        }
        let range = RANGES[length];
        let place = range.place + ((next >> (32 - length)) as u32 - range.first) as usize;
        self.skip(length);
        // EOS is not allowed in a string.
        u8::try_from(SYMBOLS[place]).map(|symbol| (symbol, self)).map_err(|_| Error)
    }

    /// Whether the bits are valid padding: less than a byte of the first bits of EOS,
    /// which are ones.
    fn is_padding(&self) -> bool {
        self.count < 8 && self.bits.leading_ones() as usize >= self.count
    }
}

/// Decodes `input` to the start of `out`. Returns the length.
fn decode_to(input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    let mut bits = Bits { bits: 0, count: 0, rest: input };
    let mut length = 0;
    loop {
        bits.refill();
        if bits.count < LOOKED_UP {
            break;
        }
        while bits.count >= LOOKED_UP {
            let prefix = bits.prefix();
            if prefix.length == 0 {
                let symbol;
                (symbol, bits) = bits.take_long()?;
                *out.get_mut(length).ok_or(Error)? = symbol;
                length += 1;
                continue;
            }
            let place = out.get_mut(length..length + 2).ok_or(Error)?;
            place.copy_from_slice(&[prefix.first, prefix.second]);
            length += 1 + usize::from(prefix.length > prefix.first_length);
            bits.skip(usize::from(prefix.length));
        }
    }
    loop {
        let prefix = bits.prefix();
        let first_length = usize::from(prefix.first_length);
        if first_length == 0 || first_length > bits.count {
            break;
        }
        *out.get_mut(length).ok_or(Error)? = prefix.first;
        length += 1;
        bits.skip(first_length);
    }
    match bits.is_padding() {
        true => Ok(length),
        false => Err(Error),
    }
}

/// The length of a string's code in bytes.
pub fn encoded_len(string: &[u8]) -> usize {
    let bits = string.iter().map(|byte| usize::from(LENGTHS[usize::from(*byte)]));
    bits.sum::<usize>().div_ceil(8)
}

/// Appends the code of a string.
pub fn encode(string: &[u8], out: &mut Vec<u8>) {
    // The last `count` bits, less than 32, were not written yet.
    let (mut bits, mut count) = (0u64, 0);
    for byte in string {
        let (code, length) = CODES[usize::from(*byte)];
        bits = bits << length | u64::from(code);
        count += u32::from(length);
        if count >= 32 {
            count -= 32;
            out.extend_from_slice(&((bits >> count) as u32).to_be_bytes());
        }
    }
    // Padding is the first bits of EOS, which are ones.
    let padding = count.next_multiple_of(8) - count;
    let last = bits << padding | ((1 << padding) - 1);
    let bytes = (count + padding) / 8;
    out.extend((0..bytes).rev().map(|byte| (last >> (8 * byte)) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = b"before".to_vec();
        decode(input, &mut out).map(|()| out.split_off(6))
    }

    /// RFC 7541, appendices C.4 and C.6.
    #[test]
    fn examples_of_the_rfc() {
        for (text, code) in [
            (&b"www.example.com"[..], &b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..]),
            (b"no-cache", b"\xa8\xeb\x10\x64\x9c\xbf"),
            (b"302", b"\x64\x02"),
            (b"private", b"\xae\xc3\x77\x1a\x4b"),
            (
                b"Mon, 21 Oct 2013 20:13:21 GMT",
                b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff",
            ),
        ] {
            let mut out = Vec::new();
            encode(text, &mut out);
            assert_eq!((&*out, encoded_len(text)), (code, code.len()));
            assert_eq!(decoded(code).as_deref(), Ok(text));
        }
    }

    #[test]
    fn each_pair_of_bytes_is_decoded_wherever_it_stands() {
        for pair in (0..=u16::MAX).step_by(7) {
            let [one, other] = pair.to_be_bytes();
            for around in [&b""[..], b"1", b"a-long-one-with-{"] {
                let text = [around, &[one, other], around].concat();
                let mut out = Vec::new();
                encode(&text, &mut out);
                assert_eq!(out.len(), encoded_len(&text));
                assert_eq!(decoded(&out), Ok(text));
            }
        }
    }

    #[test]
    fn padding_is_less_than_a_byte_of_ones() {
        // "a" is 00011.
        assert_eq!(decoded(&[0b0001_1111]).as_deref(), Ok(&b"a"[..]));
        for bad in [&[0b0001_1110][..], &[0b0001_1000], &[0b0001_1111, 0xff], &[0xff], &[0xff, 0xff], &[0]] {
            assert_eq!(decoded(bad), Err(Error), "{bad:x?}");
        }
        assert_eq!(decoded(b"").as_deref(), Ok(&b""[..]));
        // EOS, and padding after it.
        assert_eq!(decoded(&[0xff; 4]), Err(Error));
        // A truncated long code.
        let mut long = Vec::new();
        encode(b"\x01\x02", &mut long);
        for length in 1..long.len() {
            assert!(decoded(&long[..length]).is_err() || length == 3, "{length}");
        }
    }
}
