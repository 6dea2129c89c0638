//! The demo contract: the responses of every host's demo to real clients and at the level
//! of frames. One suite covers all hosts.
//!
//! Each test starts a demo of its own through `bindings/run-demo`, on a free port
//! (`GOAWAY_KIT_HOST` names the host, default `c`). The close of a demo is tested in
//! `close`.
//!
//! - `program`: runs other programs with a time limit
//! - `curl`: a request with curl, and its parsed response
//! - `pages`: the routes with a short response
//! - `bodies`: the routes with a long response, or with an echo
//! - `tools`: nghttp, which shows frames, and h2load, which sends many requests
//! - `python`: httpx, if Python can install it
//! - `exchange`: the parts of an exchange, frame by frame
//! - `flow`: windows in both directions
//! - `cancel`: streams that the client resets, and the limit on streams
//! - `refused`: malformed requests, and valid ones on the same connection
//! - `odd`: unknown frames, and header sections in pieces
//! - `wire`: every host sends the same frames as C, or the difference has a reason

mod kit;

#[path = "demo/bodies.rs"]
mod bodies;
#[path = "demo/cancel.rs"]
mod cancel;
#[path = "demo/curl.rs"]
mod curl;
#[path = "demo/exchange.rs"]
mod exchange;
#[path = "demo/flow.rs"]
mod flow;
#[path = "demo/odd.rs"]
mod odd;
#[path = "demo/pages.rs"]
mod pages;
#[path = "demo/program.rs"]
mod program;
#[path = "demo/python.rs"]
mod python;
#[path = "demo/refused.rs"]
mod refused;
#[path = "demo/tools.rs"]
mod tools;
#[path = "demo/wire.rs"]
mod wire;

use std::time::Duration;

use kit::{Client, Demo};

/// The length of `/big`.
const BIG: usize = 8 * 1024 * 1024;

/// Long enough to see frames that must not arrive.
const MOMENT: Duration = Duration::from_millis(200);

/// A demo with a long drain time.
fn start() -> Demo {
    Demo::start(Duration::from_secs(1))
}

/// An unknown method is handled like others, except by Fastify, which knows those of
/// node:http.
fn takes_any_method() -> bool {
    std::env::var("GOAWAY_KIT_HOST").as_deref() != Ok("fastify")
}

/// Bytes without a pattern, in which exchanged bytes would be noticed. They are the same
/// each time (xorshift64).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| byte()).collect()
}

/// Asserts that both are the same. Only the first difference is shown.
#[track_caller]
fn check_same(got: &[u8], wanted: &[u8]) {
    let parting = got.iter().zip(wanted).position(|(got, wanted)| got != wanted);
    let lengths = format!("{} bytes for {}", got.len(), wanted.len());
    assert!(got == wanted, "not the same: {lengths}; the first difference is at {parting:?}");
}

/// How much of the response body on `stream` was received.
fn arrived(client: &Client, stream: u32) -> usize {
    client.transcript.body_length(stream)
}

/// Waits until at least that much of the response body on `stream` was received.
#[track_caller]
fn wait_for(client: &mut Client, stream: u32, length: usize) {
    let deadline = std::time::Instant::now() + kit::PATIENCE;
    while arrived(client, stream) < length {
        let come = arrived(client, stream);
        let late = client.transcript.end.is_some() || std::time::Instant::now() > deadline;
        client.check(!late, &format!("only {come} of {length} bytes came on stream {stream}"));
        client.pump(Duration::from_millis(50));
    }
}
