//! The close conformance kit's scenarios: how a goaway server leaves, judged by
//! what a client sees on the wire and by the report at the end.
//!
//! Each test starts a demo host of its own (`GOAWAY_KIT_HOST`, `c` when unset)
//! and closes it, or one of its sessions. The numbers are those of the list of
//! scenarios that the design rests on; sections are those of RFC 9113.
//!
//! - `idle`: nobody waits for anything, and still the goodbye must be right
//! - `in_flight`: what is under way comes to a good end
//! - `forced`: what does not end is ended, in time and without a lie
//! - `verbs`: who may close what, how often, and what the report says
//!
//! On every connection the kit also checks what must always hold: GOAWAY on
//! stream 0 only, a last-stream-id that never rises, no answer above it, none
//! after a stream's end, and no session that ends without a GOAWAY.

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

/// A deadline that no test waits for: whatever ends before it ended by itself.
const LONG_DRAIN: Duration = Duration::from_secs(20);

/// A deadline that a test waits for.
const SHORT_DRAIN: Duration = Duration::from_secs(1);
