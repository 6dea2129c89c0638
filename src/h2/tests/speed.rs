//! Measures the cost of a request and its response in the engine: `cargo test --release
//! --lib h2::tests::speed -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;

use super::peer::{LIMITS, list};
use crate::engine::{Engine, Event, ResponseHead};
use crate::h2::{Http2, Limits};
use crate::output::{Data, Output};
use crate::testing::wire;

/// How many requests one read has, as of a client with that many streams.
const BATCH: u32 = 32;

#[test]
#[ignore = "it measures, and proves nothing"]
fn nanoseconds_per_request() {
    let limits = Limits { max_concurrent_streams: 100, ..LIMITS };
    let began = Instant::now();
    let (mut engine, mut out) = (Http2::new(limits, began), Output::new(true));
    engine.begin(&mut out);
    let preface = [wire::preface(&[]), wire::frame(wire::SETTINGS, wire::ACK, 0, &[])].concat();
    // The block of a client whose table has the authority and the user agent.
    let first = [&[0x82, 0x87, 0x84, 0x41, 9][..], b"localhost", &[0x7a, 4], b"bench"].concat();
    let first = wire::frame(wire::HEADERS, 5, 1, &first[..first.len() - 1]);
    let again = [0x82, 0x87, 0x84, 0xbf, 0xbe];
    let mut fields = list(&[("date", "Tue, 01 Dec 2026 00:00:00 GMT"), ("content-type", "text/plain")]);
    fields.push(b"content-length", b"13", false);
    let content = Bytes::from_static(b"Hello, World!");
    let mut handle = |mut input: &[u8], out: &mut Output| {
        loop {
            match engine.receive(input, out).expect("no fault") {
                (0, None) => break,
                (taken, event) => {
                    input = &input[taken..];
                    if let Some(Event::Request { stream, head, .. }) = event {
                        black_box(&head);
                        let head_of = ResponseHead {
                            status: StatusCode::OK,
                            fields: &fields,
                            is_last: false,
                            is_whole: true,
                            is_tunnel: false,
                            closes: false,
                        };
                        engine.send_head(stream, head_of, out);
                        engine.send_data(stream, Data::Owned(content.clone()), true, out);
                        head.keep();
                    }
                }
            }
        }
        out.advance(out.len());
        out.compact();
    };
    handle(&[preface, first].concat(), &mut out);
    let mut stream = 3;
    let mut least = f64::MAX;
    let mut batch = Vec::new();
    for _ in 0..2000 {
        batch.clear();
        for _ in 0..BATCH {
            batch.extend_from_slice(&[0, 0, 5, wire::HEADERS, 5]);
            batch.extend_from_slice(&u32::to_be_bytes(stream));
            batch.extend_from_slice(&again);
            stream += 2;
        }
        batch.extend(wire::window_update(0, 13 * BATCH));
        let began = Instant::now();
        handle(black_box(&batch), &mut out);
        least = least.min(began.elapsed().as_nanos() as f64 / f64::from(BATCH));
    }
    println!("{least:.1} ns per request");
}
