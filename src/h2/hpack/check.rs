//! Invariants that hold for any input, for tests and fuzzing.

use super::{Decoder, Encoder, Error, huffman};
use crate::h2::name::Token;
use crate::h2::verdict::Verdict;
use crate::header_list::HeaderList;

/// The size of a table here. It is small, so that fields are evicted.
const LIMIT: u32 = 300;

/// Reads any bytes as the blocks of a connection. Each has its length in front, and
/// length 0 changes the limit of the table.
pub fn blocks(mut bytes: &[u8]) {
    let mut decoder = Decoder::new(LIMIT);
    let mut encoder = Encoder::new();
    let mut mirror = Decoder::new(4096);
    while let [length, rest @ ..] = bytes {
        let (block, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        bytes = rest;
        if let ([], [limit, ..]) = (block, rest) {
            decoder.set_limit(u32::from(*limit) * LIMIT / 255);
            encoder.set_limit(u32::from(*limit) * 20);
            mirror.set_limit(u32::from(*limit) * 20);
            continue;
        }
        let Ok(list) = decode(&mut decoder, block) else { return };
        assert!(decoder.memory() < 2 * LIMIT as usize + 300);
        come_through(&list, &mut encoder, &mut mirror);
    }
}

/// Decodes a block and examines each verdict.
fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<HeaderList, Error> {
    let mut list = HeaderList::new();
    let mut count = 0;
    decoder.decode(block, &mut list, |token, verdict, field| {
        assert_eq!(token, Token::of(field.name));
        assert_eq!(verdict, Verdict::on(token, field.name, field.value));
        count += 1;
        true
    })?;
    assert_eq!(list.len(), count);
    Ok(list)
}

/// Decoding reverses encoding, for sections and for single strings.
fn come_through(list: &HeaderList, encoder: &mut Encoder, mirror: &mut Decoder) {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    for field in list.iter() {
        encoder.field(field.name, field.value, field.is_sensitive, &mut block);
        let (mut code, mut back) = (Vec::new(), Vec::new());
        huffman::encode(field.value, &mut code);
        assert_eq!(code.len(), huffman::encoded_len(field.value));
        huffman::decode(&code, &mut back).expect("a code");
        assert_eq!(back, field.value);
    }
    assert_eq!(decode(mirror, &block).as_ref(), Ok(list));
}

/// Reads any bytes as Huffman code. If they decode, the result encodes to the same bytes.
pub fn codes(bytes: &[u8]) {
    let (mut text, mut code) = (Vec::new(), Vec::new());
    if huffman::decode(bytes, &mut text).is_ok() {
        huffman::encode(&text, &mut code);
        assert_eq!(code, bytes);
    }
}
