//! HTTP/1.1 as a client sees it, byte by byte, on a demo of any host.
//!
//! Each test starts a demo of its own through `bindings/run-demo`, on a free port
//! (`GOAWAY_KIT_HOST` names the host, default `c`).
//!
//! - `peer`: a client that writes and reads bytes, and shares no code with the library
//! - `pages`: the routes of the demo respond as over HTTP/2
//! - `framing`: requests that two parsers could divide differently are refused
//! - `close`: how a connection ends
//! - `newcomers`: connections that were accepted just before the close
//! - `losses`: clients that leave in the middle of a message
//! - `uploads`: bodies with `Expect`, and bodies that nobody reads
//! - `protocol`: the choice of the protocol, with ALPN or without
//!
//! With `GOAWAY_KIT_TLS` all connections use TLS, where an end counts as a FIN only with
//! close_notify before it.

mod kit;

#[path = "http1/close.rs"]
mod close;
#[path = "http1/framing.rs"]
mod framing;
#[path = "http1/losses.rs"]
mod losses;
#[path = "http1/newcomers.rs"]
mod newcomers;
#[path = "http1/pages.rs"]
mod pages;
#[path = "http1/peer.rs"]
mod peer;
#[path = "http1/protocol.rs"]
mod protocol;
#[path = "http1/uploads.rs"]
mod uploads;

use std::time::Duration;

use kit::Demo;

/// A demo with a long drain time.
fn start() -> Demo {
    Demo::start(Duration::from_secs(1))
}
