//! HTTP/1.1 as a client sees it: byte by byte, on a demo of any host.
//!
//! Each test starts a demo of its own through `bindings/run-demo`, on a free
//! port (`GOAWAY_KIT_HOST` names the host, `c` when unset).
//!
//! - `peer`: a client at the level of bytes, which shares no code with the library
//! - `pages`: the demo's routes answer what they answer over HTTP/2
//! - `framing`: requests that two readers could divide differently are refused
//! - `close`: how a connection leaves
//! - `newcomers`: connections that have just arrived when the server closes
//! - `losses`: clients that leave in the middle of something
//! - `uploads`: bodies that are announced, and bodies that nobody reads
//! - `protocol`: who speaks it, by ALPN or without
//!
//! With `GOAWAY_KIT_TLS` set all of it goes through TLS, where an end counts as
//! a FIN only with close_notify before it.

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

/// A demo that nobody asks to leave.
fn start() -> Demo {
    Demo::start(Duration::from_secs(1))
}
