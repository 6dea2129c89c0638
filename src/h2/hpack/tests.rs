//! Decoder and encoder: the examples of the RFC, and the rules of the tables.

mod differential;
mod fuzz;
mod speed;

use http::StatusCode;

use super::*;
use crate::h2::verdict::Verdict;
use crate::header_list::HeaderList;

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<HeaderList, Error> {
    let mut list = HeaderList::new();
    decoder.decode(block, &mut list, |_, _, _| true).map(|_| list)
}

fn pairs(list: &HeaderList) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    list.iter().map(|field| (text(field.name), text(field.value))).collect()
}

fn expect(decoder: &mut Decoder, block: &[u8], fields: Pairs) {
    let decoded = pairs(&decode(decoder, block).unwrap());
    let decoded: Vec<_> = decoded.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(decoded, fields);
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let value = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(value).collect()
}

/// RFC 7541, appendix C.2.
#[test]
fn each_representation_of_the_rfc() {
    for (block, name, value, is_sensitive, is_indexed) in [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key", "custom-header", false, true),
        ("040c2f73616d706c652f70617468", ":path", "/sample/path", false, false),
        ("100870617373776f726406736563726574", "password", "secret", true, false),
        ("82", ":method", "GET", false, false),
    ] {
        let mut decoder = Decoder::new(4096);
        let list = decode(&mut decoder, &hex(block)).unwrap();
        assert_eq!(pairs(&list), [(name.to_owned(), value.to_owned())]);
        assert_eq!(list.at(0).unwrap().is_sensitive, is_sensitive);
        assert_eq!(decode(&mut decoder, b"\xbe").is_ok(), is_indexed);
    }
}

const FIRST: Pairs = &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];

/// RFC 7541, appendices C.3 and C.4.
#[test]
fn requests_of_the_rfc() {
    let third: Pairs = &[
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ];
    for blocks in [
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ] {
        let mut decoder = Decoder::new(4096);
        expect(&mut decoder, &hex(blocks[0]), FIRST);
        expect(&mut decoder, &hex(blocks[1]), &[FIRST, &[("cache-control", "no-cache")]].concat());
        expect(&mut decoder, &hex(blocks[2]), third);
    }
}

/// RFC 7541, appendices C.5 and C.6: a table of 256 bytes, which evicts fields.
#[test]
fn responses_of_the_rfc() {
    fn response(status: &'static str, date: &'static str, more: Pairs<'static>) -> Vec<(&'static str, &'static str)> {
        let [location, private] = [("location", "https://www.example.com"), ("cache-control", "private")];
        [&[(":status", status), private, ("date", date), location], more].concat()
    }
    const COOKIE: &str = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    let fields = [
        response("302", "Mon, 21 Oct 2013 20:13:21 GMT", &[]),
        response("307", "Mon, 21 Oct 2013 20:13:21 GMT", &[]),
        response("200", "Mon, 21 Oct 2013 20:13:22 GMT", &[("content-encoding", "gzip"), ("set-cookie", COOKIE)]),
    ];
    for blocks in [
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54\
             6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f\
             3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076\
             657273696f6e3d31",
        ],
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f\
             0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df\
             dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
    ] {
        let mut decoder = Decoder::new(256);
        blocks.iter().zip(&fields).for_each(|(block, fields)| expect(&mut decoder, &hex(block), fields));
        // The contents of the table.
        expect(&mut decoder, b"\xbe", &fields[2][5..]);
        expect(&mut decoder, b"\xc0", &[("date", "Mon, 21 Oct 2013 20:13:22 GMT")]);
        assert_eq!(decode(&mut decoder, b"\xc1"), Err(Error));
    }
}

#[test]
fn what_is_no_block_is_an_error() {
    for bad in [
        // Index 0, and an index without a field.
        &b"\x80"[..],
        b"\xbe",
        b"\x7e\x01a",
        // Truncated blocks.
        b"\x40",
        b"\x40\x01a",
        b"\x40\x01a\x02b",
        b"\x0f",
        b"\xff",
        // Padding of eight bits, and padding with zeros.
        b"\x40\x01a\x82\x1f\xff",
        b"\x40\x01a\x81\x18",
        // A size update after a field, and one above the limit.
        b"\x82\x20",
        b"\x3f\xe2\x1f",
    ] {
        assert_eq!(decode(&mut Decoder::new(4096), bad), Err(Error), "{bad:x?}");
    }
}

#[test]
fn size_updates_stand_first_and_keep_to_the_limit() {
    let mut decoder = Decoder::new(4096);
    expect(&mut decoder, b"\x40\x01a\x01b", &[("a", "b")]);
    // To the limit of 4096; then to 0 and to 31, which empties the table.
    expect(&mut decoder, b"\x3f\xe1\x1f\xbe", &[("a", "b")]);
    expect(&mut decoder, b"\x20\x3f\x00\x82", &[(":method", "GET")]);
    assert_eq!(decode(&mut decoder, b"\xbe"), Err(Error));
    assert_eq!(decoder.memory(), 0);
    // More than two updates are accepted.
    expect(&mut decoder, b"\x20\x3f\xe1\x1f\x20\x3f\xe1\x1f", &[]);
}

#[test]
fn a_lower_limit_needs_an_update() {
    let mut decoder = Decoder::new(4096);
    expect(&mut decoder, b"\x40\x01a\x01b", &[("a", "b")]);
    decoder.set_limit(100);
    // An empty block does not announce the size.
    expect(&mut decoder, b"", &[]);
    expect(&mut decoder, b"\x3f\x45\xbe", &[("a", "b")]);
    expect(&mut decoder, b"\xbe", &[("a", "b")]);
    decoder.set_limit(50);
    assert_eq!(decode(&mut decoder, b"\xbe"), Err(Error));

    // Down and up again: the lowest size has to be announced.
    for (block, is_good) in [(&b"\x3f\x13\x3f\x45"[..], true), (b"\x20", true), (b"\x3f\x45", false), (b"\x82", false)]
    {
        let mut decoder = Decoder::new(4096);
        decoder.set_limit(50);
        decoder.set_limit(100);
        assert_eq!(decode(&mut decoder, block).is_ok(), is_good, "{block:x?}");
    }
    // A limit above the table's size may change without an update.
    let mut decoder = Decoder::new(4096);
    expect(&mut decoder, b"\x20", &[]);
    decoder.set_limit(50);
    expect(&mut decoder, b"\x82", &[(":method", "GET")]);
}

#[test]
fn the_verdict_is_kept_with_the_entry() {
    let mut decoder = Decoder::new(4096);
    let mut verdicts = |block: &[u8]| {
        let mut all = Vec::new();
        let keep = |token, verdict, _: crate::header_list::Field<'_>| {
            all.push((token, verdict));
            true
        };
        decoder.decode(block, &mut HeaderList::new(), keep).unwrap();
        all
    };
    use crate::h2::name::Token;
    let none = |verdict| (Token::NONE, verdict);
    assert_eq!(verdicts(b"\x40\x01a\x02b "), [none(Verdict::Blank)]);
    assert_eq!(verdicts(b"\x40\x01A\x01b"), [none(Verdict::Name)]);
    // As indexed field, and with an indexed name.
    assert_eq!(verdicts(b"\xbe\xbf"), [none(Verdict::Name), none(Verdict::Blank)]);
    assert_eq!(verdicts(b"\x0f\x2f\x01x\x0f\x30\x01x"), [none(Verdict::Name), none(Verdict::Good)]);
    assert_eq!(verdicts(b"\x0f\x2f\x01x\x0f\x30\x01\0"), [none(Verdict::Name), none(Verdict::Control)]);
    assert_eq!(verdicts(b"\x44\x02/ \xbe"), [(Token::PATH, Verdict::Path); 2]);
}

fn encoded(encoder: &mut Encoder, fields: Pairs) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.begin(&mut out);
    fields.iter().for_each(|(name, value)| encoder.field(name.as_bytes(), value.as_bytes(), false, &mut out));
    out
}

#[test]
fn a_field_enters_the_table_when_it_comes_a_second_time() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let fields: Pairs = &[("content-type", "text/html"), ("x-frame-options", "DENY"), ("server", "goaway")];
    let lengths: Vec<_> = (0..4)
        .map(|_| {
            let block = encoded(&mut encoder, fields);
            expect(&mut decoder, &block, fields);
            block.len()
        })
        .collect();
    assert_eq!(lengths[2..], [3, 3]);
    assert!(lengths[0] > 20 && lengths[1] > 20);
    assert!(encoder.memory() > 0 && encoder.memory() < 300, "{}", encoder.memory());
}

#[test]
fn what_changes_and_what_is_secret_never_enters_the_table() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    for round in 0..100 {
        let (location, etag) = (format!("/item/{round}"), format!("\"{round}\""));
        let fields: Pairs =
            &[("location", &location), ("etag", &etag), ("set-cookie", "id=1"), ("content-length", "13"), ("age", "1")];
        let block = encoded(&mut encoder, fields);
        expect(&mut decoder, &block, fields);
    }
    assert_eq!((encoder.memory(), decoder.memory()), (0, 0));
}

#[test]
fn a_sensitive_field_is_never_indexed() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    for _ in 0..3 {
        let mut block = encoded(&mut encoder, &[("x-key", "secret")]);
        encoder.field(b"x-key", b"secret", true, &mut block);
        encoder.field(b"accept-encoding", b"gzip, deflate", true, &mut block);
        let list = decode(&mut decoder, &block).unwrap();
        assert_eq!(list.iter().map(|field| field.is_sensitive).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(list.at(1).map(|field| field.value), Some(&b"secret"[..]));
        assert_eq!(list.at(2).map(|field| field.value), Some(&b"gzip, deflate"[..]));
    }
}

#[test]
fn a_status_is_one_byte_if_it_can_be() {
    let status = |encoder: &mut Encoder, status: u16| {
        let mut out = Vec::new();
        encoder.status(StatusCode::from_u16(status).unwrap(), &mut out);
        out
    };
    let mut encoder = Encoder::new();
    for (at, code) in [200, 204, 206, 304, 400, 404, 500].into_iter().enumerate() {
        assert_eq!(status(&mut encoder, code), [0x88 + at as u8]);
    }
    let mut decoder = Decoder::new(4096);
    for code in [101, 201, 302, 503, 599, 999] {
        let lengths = [(); 3].map(|()| {
            let block = status(&mut encoder, code);
            expect(&mut decoder, &block, &[(":status", &code.to_string())]);
            block.len()
        });
        assert_eq!(lengths[2], 1);
    }
}

#[test]
fn a_changed_limit_is_told_at_the_next_block() {
    let mut encoder = Encoder::new();
    let mut told = |limits: &[u32]| {
        limits.iter().for_each(|limit| encoder.set_limit(*limit));
        encoded(&mut encoder, &[])
    };
    assert_eq!(told(&[]), b"");
    assert_eq!(told(&[65_536, 4096]), b"", "more than is used");
    assert_eq!(told(&[100]), b"\x3f\x45");
    assert_eq!(told(&[100]), b"");
    assert_eq!(told(&[0, 4096]), b"\x20\x3f\xe1\x1f", "the least and the last");
    assert_eq!(told(&[50, 0, 100, 70]), b"\x20\x3f\x27");
    assert_eq!(told(&[u32::MAX]), b"\x3f\xe1\x1f");
}

#[test]
fn a_peer_without_a_table_gets_literals() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(0));
    encoder.set_limit(0);
    for _ in 0..3 {
        let block = encoded(&mut encoder, &[("a", "b"), ("server", "x")]);
        expect(&mut decoder, &block, &[("a", "b"), ("server", "x")]);
    }
    assert_eq!(encoder.memory(), 0);
}
