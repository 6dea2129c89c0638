//! The close conformance kit: an HTTP/2 client at the level of frames, and the
//! demo host it talks to.
//!
//! The kit tests what is on the wire, so it must not share code with what it
//! tests: no h2, no tokio, only blocking sockets and an HPACK codec (and rustls, for TLS). It says
//! what the peer sent and in which order; it never repairs, retries or hides.
//!
//! - `frame`: one frame, its names and its bytes (RFC 9113, sections 4 and 6)
//! - `transcript`: everything sent and received, in order, and how it ended
//! - `response`: one stream's answer, put together from a transcript
//! - `flow`: how much the peer lets us send (section 5.2)
//! - `stream`: what the bytes go through, TCP or TLS
//! - `client`: a connection and what one can send on it
//! - `receive`: reading, and the answers a well-behaved peer gives by itself
//! - `expect`: what a test demands of the peer, failing with the transcript
//! - `demo`: the process under test: started, signalled, waited for
//! - `control`: the demo's routes that list and end sessions
//! - `json`: just enough JSON to read what the demo reports
//!
//! `GOAWAY_KIT_HOST` names the host under test (`c` when unset). With
//! `GOAWAY_KIT_TLS` set everything is spoken through TLS.

// Each test crate that includes the kit uses another part of it.
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

/// How long to wait for something that must come but has no bound of its own.
/// Generous, since a loaded machine is slow and a failure costs it only once.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What a bound of the design is stretched by before a test calls it broken:
/// enough for a loaded machine, and far less than the deadlines it must be told
/// apart from.
pub const SLACK: Duration = Duration::from_secs(4);

/// The cap on the second GOAWAY, on the flush and on the linger (design.md,
/// section 4): each is 1 s at most.
pub const CAP: Duration = Duration::from_secs(1);
