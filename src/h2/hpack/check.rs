//! What must hold of any bytes, for tests and fuzzing.

use super::{Decoder, Encoder, Error, huffman};
use crate::h2::name::Token;
use crate::h2::verdict::Verdict;
use crate::header_list::HeaderList;

/// So many bytes a table may have here: few, so that fields leave it.
const LIMIT: u32 = 300;

/// Any bytes as the blocks of a connection: each has its length before it, and one
/// of length 0 is a change of the limit.
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

/// Decodes a block, and looks at each verdict.
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

/// What is encoded is decoded as it was, and the strings by themselves too.
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

/// Any bytes as a code: what it is the code of has no other.
pub fn codes(bytes: &[u8]) {
    let (mut text, mut code) = (Vec::new(), Vec::new());
    if huffman::decode(bytes, &mut text).is_ok() {
        huffman::encode(&text, &mut code);
        assert_eq!(code, bytes);
    }
}
