//! Measures how long it takes to read a request head and to write a response head: `cargo
//! test --release --lib h2::hpack::tests::speed -- --ignored --nocapture`.

use std::hint::black_box;

use super::*;
use crate::engine::RequestHead;
use crate::h2::name::Token;
use crate::h2::section::{Limits, read_request};
use crate::testing::nanoseconds;

/// The request head of a browser.
const BROWSER: Pairs = &[
    (":method", "GET"),
    (":authority", "www.example.com"),
    (":scheme", "https"),
    (":path", "/assets/app/main.js?v=1712345678"),
    ("sec-ch-ua-platform", "\"Linux\""),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
    ),
    ("sec-ch-ua", "\"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\""),
    ("sec-ch-ua-mobile", "?0"),
    ("accept", "*/*"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-dest", "script"),
    ("referer", "https://www.example.com/articles/2024/04/05/title"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-US,en;q=0.9,de;q=0.8"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark; _ga=GA1.2.1234567890.1712345678"),
];

/// Appends a field as a literal that enters the table.
fn put(name: &str, value: &str, out: &mut Vec<u8>) {
    let index = Token::of(name.as_bytes()).static_index().unwrap_or(0);
    integer::encode(index, 6, 0x40, out);
    if index == 0 {
        string::encode(name.as_bytes(), out);
    }
    string::encode(value.as_bytes(), out);
}

/// Measures repeated decoding of a block.
fn of_block(decoder: &mut Decoder, block: &[u8]) -> f64 {
    let limits = Limits { header_list_bytes: 16 << 10, header_fields: 100, has_connect_protocol: true };
    let mut head = RequestHead::default();
    nanoseconds(|| {
        let _ = black_box(read_request(decoder, black_box(block), &limits, &mut head)).unwrap().unwrap();
    })
}

#[test]
#[ignore = "it measures, and proves nothing"]
fn nanoseconds_per_head() {
    // The path is a literal that does not enter the table.
    let mut path = b"\x82\x87\x04".to_vec();
    string::encode(BROWSER[3].1.as_bytes(), &mut path);
    let put_all =
        |from: usize, out: &mut Vec<u8>| BROWSER[from..].iter().for_each(|(name, value)| put(name, value, out));
    let mut first = path.clone();
    put(BROWSER[1].0, BROWSER[1].1, &mut first);
    put_all(4, &mut first);
    // All fields are in the table, the last one first.
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &first).unwrap();
    let again = [path.clone(), (0xbe..0xbe + 13).rev().collect()].concat();
    assert_eq!(decode(&mut decoder, &again).unwrap(), decode(&mut Decoder::new(4096), &first).unwrap());
    let again_takes = of_block(&mut decoder, &again);
    let small = [0x82, 0x86, 0x84, 0xca];
    println!("a browser's head again, {} bytes: {again_takes:.0} ns", again.len());
    println!("one of four indexed fields: {:.0} ns", of_block(&mut decoder, &small));
    println!("table of {} bytes of memory", decoder.memory());
    // With an empty table, each field is a literal.
    let mut decoder = Decoder::new(0);
    println!("at first, {} bytes: {:.0} ns", first.len(), of_block(&mut decoder, &first));
    let mut decoder = Decoder::new(4096);
    println!("the same into a full table: {:.0} ns", of_block(&mut decoder, &first));
}

#[test]
#[ignore = "it measures, and proves nothing"]
fn nanoseconds_per_response() {
    let mut out = Vec::with_capacity(1024);
    let fields: Pairs =
        &[("content-type", "text/plain"), ("content-length", "13"), ("date", "Thu, 01 Jan 1970 00:00:00 GMT")];
    let mut write = |encoder: &mut Encoder, fields: Pairs| {
        out.clear();
        encoder.begin(&mut out);
        encoder.status(StatusCode::OK, &mut out);
        fields.iter().for_each(|(name, value)| encoder.field(name.as_bytes(), value.as_bytes(), false, &mut out));
        out.len()
    };
    let first = nanoseconds(|| {
        black_box(write(&mut Encoder::new(), black_box(fields)));
    });
    let mut encoder = Encoder::new();
    write(&mut encoder, fields);
    write(&mut encoder, fields);
    let again = nanoseconds(|| {
        black_box(write(&mut encoder, black_box(fields)));
    });
    // The date and an id are new each time.
    let mut count = 0;
    let texts: Vec<_> =
        (0..64).map(|at| (format!("id-{at:016}"), format!("Thu, 01 Jan 1970 00:00:{at:02} GMT"))).collect();
    let changing = nanoseconds(|| {
        count += 1;
        let (id, date) = &texts[count / 2 % 64];
        write(&mut encoder, &[fields[0], fields[1], ("date", date), ("x-request-id", id)]);
    });
    println!(
        "a response: {first:.0} ns at first, {again:.0} ns again, {changing:.0} ns with a new date in every second one"
    );
    println!("memory of the table: {} bytes", encoder.memory());
}
