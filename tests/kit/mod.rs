//! The close kit: an HTTP/2 client at the level of frames, and the demo host that it
//! talks to.
//!
//! The kit tests the bytes on the wire, so it shares no code with the library: no h2, no
//! tokio, only blocking sockets, an HPACK codec, and rustls for TLS. It records what the
//! peer sends, in order. It never repairs, retries or hides anything.
//!
//! - `frame`: a frame, its name and its bytes (RFC 9113, sections 4 and 6)
//! - `transcript`: everything sent and received, in order, and how the connection ended
//! - `response`: the response of one stream, taken from a transcript
//! - `flow`: how much the client may send (section 5.2)
//! - `stream`: the transport, TCP or TLS
//! - `client`: a connection and what a test can send on it
//! - `receive`: reading, and the automatic acknowledgements
//! - `expect`: assertions, which print the transcript
//! - `demo`: the process under test: start, signals, end
//! - `control`: the demo's routes that list and end sessions
//! - `json`: a minimal parser for the output of the demo
//!
//! `GOAWAY_KIT_HOST` names the host under test (default `c`). With `GOAWAY_KIT_TLS` all
//! connections use TLS.

// Each test crate that includes the kit uses a part of it.
#![allow(dead_code, unused_imports)]

use std::time::Duration;

pub mod client;
pub mod control;
pub mod demo;
pub mod expect;
pub mod flow;
pub mod frame;
pub mod json;
pub mod receive;
pub mod response;
pub mod stream;
pub mod transcript;

pub use client::{Behaviour, Client};
pub use demo::Demo;
pub use frame::{Frame, MAX_STREAM, code, flag, kind, setting};
pub use response::{Ended, Response};
pub use transcript::{End, Transcript};

/// How long to wait for something that must happen and has no bound of its own. It is
/// long, because a busy machine is slow and only a failure waits for it.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// The slack that is added to a bound before a test fails: enough for a busy machine, and
/// far less than the deadlines that must be distinguished.
pub const SLACK: Duration = Duration::from_secs(4);

/// The limit on the wait for the second GOAWAY, on the flush and on the lingering: 1 s
/// each.
pub const CAP: Duration = Duration::from_secs(1);
