//! RFC 7541: what a decoder must understand or refuse.

use crate::block::{INDEXED, Literal, NEVER_INDEXED, NEWEST, NOT_INDEXED};
use crate::block::{huffman, indexed, integer, literal, literals, named, table_size, text};
use crate::case::Outcome::{Goaway, Status};
use crate::case::{Case, Outcome, case, check};
use crate::kit::code;
use crate::session::Session;

const ERROR: &[Outcome] = &[Goaway(code::COMPRESSION_ERROR)];

/// `user-agent` in the static table.
const USER_AGENT: usize = 58;

/// `x-huffman` and `value`, Huffman coded (RFC 7541, appendix B).
const HUFFMAN_NAME: &[u8] = &[0xf2, 0xb4, 0xf6, 0xcb, 0x2d, 0x23, 0xab];
const HUFFMAN_VALUE: &[u8] = &[0xee, 0x3a, 0x2d, 0x2f];

pub const CASES: &[Case] = &[
    case("7541, 2.3.2", "a field of the dynamic table", &[Status(200)], |s| {
        let stored = literal(INDEXED, "x-test", "value");
        ask_for(s, &[stored, indexed(NEWEST), indexed(NEWEST)], "x-test: value\nx-test: value\nx-test: value\n")
    }),
    case("7541, 2.3.2", "a field of the block before", &[Status(200)], |s| {
        ask_for(s, &[literal(INDEXED, "x-test", "value")], "x-test: value\n");
        ask_for(s, &[indexed(NEWEST)], "x-test: value\n")
    }),
    case("7541, 2.3.3", "an index beyond both tables", ERROR, |s| ask_by(s, &[indexed(NEWEST)])),
    case("7541, 2.3.3", "an index beyond both tables for a name", ERROR, |s| {
        ask_by(s, &[named(INDEXED, NEWEST, "value")])
    }),
    case("7541, 2.3.3", "an index beyond the newest entries", ERROR, |s| {
        ask_by(s, &[literal(INDEXED, "x-test", "value"), indexed(NEWEST + 1)])
    }),
    case("7541, 3.2", "a name of the dynamic table", &[Status(200)], |s| {
        let stored = literal(INDEXED, "x-test", "1");
        ask_for(s, &[stored, named(NOT_INDEXED, NEWEST, "2")], "x-test: 1\nx-test: 2\n")
    }),
    case("7541, 4.1", "an entry of 4096 bytes, counted with 32", &[Status(200)], |s| {
        let value = "v".repeat(4096 - 32 - "x-test".len());
        let stored = literal(INDEXED, "x-test", &value);
        ask_for(s, &[stored, indexed(NEWEST)], &format!("x-test: {value}\nx-test: {value}\n"))
    }),
    case("7541, 4.2", "a size update behind a field", ERROR, |s| {
        ask_by(s, &[table_size(0)]) // Behind the request's target.
    }),
    case("7541, 4.3", "a size of 0 empties the table", ERROR, |s| {
        ask_for(s, &[literal(INDEXED, "x-test", "value")], "x-test: value\n");
        let target = s.block("GET", "/", &[]);
        s.ask_by([table_size(0), table_size(4096), target, indexed(NEWEST)].concat(), true)
    }),
    case("7541, 4.4", "an entry larger than the table empties it", ERROR, |s| {
        let small = literal(INDEXED, "x-small", "1");
        let large = literal(INDEXED, "x-large", "v".repeat(4096));
        ask_by(s, &[small, large, indexed(NEWEST)])
    }),
    case("7541, 4.4", "the oldest entries make room", &[Status(200)], |s| {
        let entry = |number: usize| literal(INDEXED, "x-test", format!("{number}{}", "v".repeat(999)));
        let entries: Vec<Vec<u8>> = (0..6).map(entry).collect();
        let oldest = format!("x-test: 3{}\n", "v".repeat(999));
        // Three entries of 1038 bytes fit.
        ask_for(s, &[entries.concat(), indexed(NEWEST + 2)], &oldest)
    }),
    case("7541, 4.4", "an entry that was evicted", ERROR, |s| {
        let entry = literal(INDEXED, "x-test", "v".repeat(1000));
        ask_by(s, &[entry.repeat(6), indexed(NEWEST + 3)])
    }),
    case("7541, 5.1", "an integer that is longer than it need be", &[Status(200)], |s| {
        // 127 + 0 in two bytes, the second one followed by a zero.
        let value = "v".repeat(127);
        let long = [vec![NOT_INDEXED_FIRST], text("x-test"), vec![0x7f, 0x80, 0x00], value.clone().into_bytes()];
        ask_for(s, &[long.concat()], &format!("x-test: {value}\n"))
    }),
    case("7541, 5.1", "an integer without an end", ERROR, |s| ask_by(s, &[[&[0xff][..], &[0xff; 50]].concat()])),
    case("7541, 5.1", "a length beyond 64 bits", ERROR, |s| {
        ask_by(s, &[[&[NOT_INDEXED_FIRST, 0x7f][..], &[0xff; 9], &[0x7f]].concat()])
    }),
    case("7541, 5.2", "Huffman coding", &[Status(200)], |s| {
        let coded = [vec![NOT_INDEXED_FIRST], huffman(HUFFMAN_NAME), huffman(HUFFMAN_VALUE)].concat();
        ask_for(s, &[coded], "x-huffman: value\n")
    }),
    case("7541, 5.2", "Huffman padding of more than 7 bits", ERROR, |s| {
        ask_by(s, &[[vec![NOT_INDEXED_FIRST], text("x-test"), huffman(&[0x1f, 0xff])].concat()])
    }),
    case("7541, 5.2", "Huffman padding with zeros", ERROR, |s| {
        // `a`, and three zeros.
        ask_by(s, &[[vec![NOT_INDEXED_FIRST], text("x-test"), huffman(&[0x18])].concat()])
    }),
    case("7541, 5.2", "Huffman coding with EOS in it", ERROR, |s| {
        ask_by(s, &[[vec![NOT_INDEXED_FIRST], text("x-test"), huffman(&[0xff; 4])].concat()])
    }),
    case("7541, 5.2", "a string longer than its block", ERROR, |s| {
        ask_by(s, &[[vec![NOT_INDEXED_FIRST], text("x-test"), integer(0, 7, 1000)].concat()])
    }),
    case("7541, 6.1", "index 0", ERROR, |s| ask_by(s, &[indexed(0)])),
    case("7541, 6.1", "a field of the static table", &[Status(200)], |s| {
        ask_for(s, &[indexed(16)], "accept-encoding: gzip, deflate\n")
    }),
    case("7541, 6.2.1", "incremental indexing, the name by index", &[Status(200)], |s| by_name(s, INDEXED)),
    case("7541, 6.2.1", "incremental indexing, a new name", &[Status(200)], |s| new_name(s, INDEXED)),
    case("7541, 6.2.1", "incremental indexing, Huffman coded", &[Status(200)], |s| coded(s, INDEXED)),
    case("7541, 6.2.1", "incremental indexing, the name by index, Huffman coded", &[Status(200)], |s| {
        coded_value(s, INDEXED)
    }),
    case("7541, 6.2.2", "without indexing, the name by index", &[Status(200)], |s| by_name(s, NOT_INDEXED)),
    case("7541, 6.2.2", "without indexing, a new name", &[Status(200)], |s| new_name(s, NOT_INDEXED)),
    case("7541, 6.2.2", "without indexing, Huffman coded", &[Status(200)], |s| coded(s, NOT_INDEXED)),
    case("7541, 6.2.2", "without indexing, the name by index, Huffman coded", &[Status(200)], |s| {
        coded_value(s, NOT_INDEXED)
    }),
    case("7541, 6.2.2", "without indexing nothing enters the table", ERROR, |s| {
        ask_by(s, &[literal(NOT_INDEXED, "x-test", "value"), indexed(NEWEST)])
    }),
    case("7541, 6.2.3", "never indexed, the name by index", &[Status(200)], |s| by_name(s, NEVER_INDEXED)),
    case("7541, 6.2.3", "never indexed, a new name", &[Status(200)], |s| new_name(s, NEVER_INDEXED)),
    case("7541, 6.2.3", "never indexed, Huffman coded", &[Status(200)], |s| coded(s, NEVER_INDEXED)),
    case("7541, 6.2.3", "never indexed, the name by index, Huffman coded", &[Status(200)], |s| {
        coded_value(s, NEVER_INDEXED)
    }),
    case("7541, 6.2.3", "never indexed: nothing enters the table", ERROR, |s| {
        ask_by(s, &[literal(NEVER_INDEXED, "x-test", "value"), indexed(NEWEST)])
    }),
    case("7541, 6.3", "one size update", &[Status(200)], |s| {
        let target = s.block("GET", "/", &[]);
        s.ask_by([table_size(100), target].concat(), true)
    }),
    case("7541, 6.3", "several size updates", &[Status(200)], |s| {
        let target = s.block("GET", "/", &[]);
        s.ask_by([table_size(0), table_size(4096), target].concat(), true)
    }),
    case("7541, 6.3", "a size above what SETTINGS allow", ERROR, |s| {
        let target = s.block("GET", "/", &[]);
        s.ask_by([table_size(4097), target].concat(), true)
    }),
    case("7541, 6.3", "a table that is made smaller and used", &[Status(200)], |s| {
        let target = s.block("GET", "/", &[]);
        s.ask_by([table_size(64), target].concat(), true);
        let (first, second) = (literal(INDEXED, "x-first", "1"), literal(INDEXED, "x-second", "2"));
        // One entry fits.
        ask_for(s, &[first, second, indexed(NEWEST)], "x-first: 1\nx-second: 2\nx-second: 2\n")
    }),
];

/// The first byte of a literal without indexing with a literal name.
const NOT_INDEXED_FIRST: u8 = 0;

/// A request with these representations after its pseudo-header fields.
#[track_caller]
fn ask_by(s: &mut Session, more: &[Vec<u8>]) -> u32 {
    let target = literals(&s.target("GET", "/headers"));
    s.ask_by([target, more.concat()].concat(), true)
}

/// The same. The server must have decoded these fields.
#[track_caller]
fn ask_for(s: &mut Session, more: &[Vec<u8>], lines: &str) -> u32 {
    let stream = ask_by(s, more);
    let response = s.response(stream);
    s.check(response.text().contains(lines), &format!("not {lines:?}: {:?}", response.text()));
    stream
}

#[track_caller]
fn by_name(s: &mut Session, how: Literal) -> u32 {
    ask_for(s, &[named(how, USER_AGENT, "test")], "user-agent: test\n")
}

#[track_caller]
fn new_name(s: &mut Session, how: Literal) -> u32 {
    ask_for(s, &[literal(how, "x-test", "value")], "x-test: value\n")
}

#[track_caller]
fn coded(s: &mut Session, how: Literal) -> u32 {
    let first = literal(how, "", "")[0];
    ask_for(s, &[[vec![first], huffman(HUFFMAN_NAME), huffman(HUFFMAN_VALUE)].concat()], "x-huffman: value\n")
}

#[track_caller]
fn coded_value(s: &mut Session, how: Literal) -> u32 {
    let (Some(&last), name) = (named(how, USER_AGENT, "").last(), named(how, USER_AGENT, "")) else { unreachable!() };
    assert_eq!(last, 0, "the length of the empty value");
    let name = name[..name.len() - 1].to_vec();
    ask_for(s, &[[name, huffman(HUFFMAN_VALUE)].concat()], "user-agent: value\n")
}

#[test]
fn every_case_holds() {
    check(CASES);
}
