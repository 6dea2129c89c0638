//! The demo contract: what every host's demo answers, to other people's clients
//! and frame by frame, so that one suite judges them all.
//!
//! Each test starts a demo of its own through `bindings/run-demo`, on a free
//! port (`GOAWAY_KIT_HOST` names the host, `c` when unset). How a demo leaves is
//! tested in `close`.
//!
//! - `program`: running another program, never for ever
//! - `curl`: one request with curl, taken apart
//! - `pages`: the routes whose answer is short
//! - `bodies`: the routes whose answer is long, or comes back
//! - `tools`: nghttp, which shows frames, and h2load, which sends many requests
//! - `python`: httpx, if Python can install it
//! - `exchange`: the shapes of an exchange, frame by frame
//! - `flow`: windows, in both directions
//! - `cancel`: streams that the client gives up, and how many there may be
//! - `refused`: requests that are no good, and good ones beside them
//! - `odd`: frames that mean nothing, and header sections in pieces
//! - `wire`: every host says on the wire what C says, or why not

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

/// Long enough that what must not come would have come.
const MOMENT: Duration = Duration::from_millis(200);

/// A demo that nobody asks to leave.
fn start() -> Demo {
    Demo::start(Duration::from_secs(1))
}

/// A method that nobody has heard of is one like any other, but for Fastify,
/// which knows those of node:http.
fn takes_any_method() -> bool {
    std::env::var("GOAWAY_KIT_HOST").as_deref() != Ok("fastify")
}

/// Bytes without a pattern that a mix-up could hide behind; the same ones each
/// time (xorshift64).
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

/// Both are the same; if not, only where they part is shown.
#[track_caller]
fn check_same(got: &[u8], wanted: &[u8]) {
    let parting = got.iter().zip(wanted).position(|(got, wanted)| got != wanted);
    let lengths = format!("{} bytes for {}", got.len(), wanted.len());
    assert!(got == wanted, "not the same: {lengths}; the first difference is at {parting:?}");
}

/// How much of the answer's body on `stream` is here.
fn arrived(client: &Client, stream: u32) -> usize {
    client.transcript.body_length(stream)
}

/// Waits until that much of the answer's body on `stream` is here, or more.
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
