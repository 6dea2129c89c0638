//! Header blocks byte by byte (RFC 7541).

/// The representations of a literal field (RFC 7541, section 6.2): the first bits of the
/// first byte, and the number of bits for the index of the name.
#[derive(Clone, Copy)]
pub struct Literal(u8, u8);

pub const INDEXED: Literal = Literal(0x40, 6);
pub const NOT_INDEXED: Literal = Literal(0x00, 4);
pub const NEVER_INDEXED: Literal = Literal(0x10, 4);

/// The index of the newest entry of the dynamic table (RFC 7541, section 2.3.3).
pub const NEWEST: usize = 62;

/// A block of fields that do not enter the table.
pub fn literals(fields: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(NOT_INDEXED, name, value)).collect()
}

/// A field with a literal name.
pub fn literal(how: Literal, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    [vec![how.0], text(name), text(value)].concat()
}

/// A field with an indexed name.
pub fn named(how: Literal, index: usize, value: impl AsRef<[u8]>) -> Vec<u8> {
    [integer(how.0, how.1, index), text(value)].concat()
}

/// An indexed field (RFC 7541, section 6.1).
pub fn indexed(index: usize) -> Vec<u8> {
    integer(0x80, 7, index)
}

/// A size update of the dynamic table (RFC 7541, section 6.3).
pub fn table_size(size: usize) -> Vec<u8> {
    integer(0x20, 5, size)
}

/// A string without Huffman coding (RFC 7541, section 5.2).
pub fn text(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [integer(0, 7, bytes.len()), bytes.to_vec()].concat()
}

/// A string with these bytes as its Huffman code.
pub fn huffman(bytes: &[u8]) -> Vec<u8> {
    [integer(0x80, 7, bytes.len()), bytes.to_vec()].concat()
}

/// An integer after the bits of `first` (RFC 7541, section 5.1).
pub fn integer(first: u8, prefix_bits: u8, mut value: usize) -> Vec<u8> {
    let most = (1 << prefix_bits) - 1;
    if value < most {
        return vec![first | value as u8];
    }
    let mut bytes = vec![first | most as u8];
    value -= most;
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The examples of RFC 7541, C.1 and C.2.
#[test]
fn writes_the_examples() {
    assert_eq!(integer(0, 5, 10), [10]);
    assert_eq!(integer(0, 5, 1337), [31, 154, 10]);
    assert_eq!(literal(INDEXED, "custom-key", "custom-header"), b"\x40\x0acustom-key\x0dcustom-header");
    assert_eq!(named(NOT_INDEXED, 4, "/sample/path"), b"\x04\x0c/sample/path");
    assert_eq!(literal(NEVER_INDEXED, "password", "secret"), b"\x10\x08password\x06secret");
    assert_eq!(indexed(2), [0x82]);
}
