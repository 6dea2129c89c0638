//! The scenarios of the close kit: how a server closes, judged by the frames that a
//! client sees and by the report.
//!
//! Each test starts a demo host of its own (`GOAWAY_KIT_HOST`, default `c`) and closes
//! it, or one of its sessions. The numbers of scenarios are those of the list that the
//! design is based on. Section numbers are those of RFC 9113.
//!
//! - `idle`: closing without open streams
//! - `in_flight`: open streams that end by themselves
//! - `forced`: streams that do not end by themselves
//! - `verbs`: repeated calls, closing single sessions, and the report
//!
//! The kit checks some invariants on every connection: GOAWAY on stream 0 only, last
//! stream identifiers that never rise, no response above them, no frame after the end of
//! a stream, and no session that ends without a GOAWAY.

mod kit;

#[path = "close/forced.rs"]
mod forced;
#[path = "close/idle.rs"]
mod idle;
#[path = "close/in_flight.rs"]
mod in_flight;
#[path = "close/verbs.rs"]
mod verbs;

use std::time::Duration;

/// A deadline that no test waits for: sessions end before it by themselves.
const LONG_DRAIN: Duration = Duration::from_secs(20);

/// A deadline that a test waits for.
const SHORT_DRAIN: Duration = Duration::from_secs(1);
