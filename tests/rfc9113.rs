//! RFC 9113, section by section: what a client may send that is right, odd or
//! wrong, and what the server must do then. RFC 7541 (HPACK) and RFC 9218
//! (priorities) as far as a server has duties there.
//!
//! Each rule is a `Case`: what is sent, and what must come of it. All cases run
//! over cleartext and over TLS, each on a connection of its own, against one
//! process for each of the two: the demo in C, since all hosts have the same engine.
//! Beside nearly every case an echo is under way on the same connection:
//! it must be undisturbed if the error is one of a stream, and so must the next
//! request. All 147 cases of the tool h2spec have one here, with the outcome of
//! RFC 9113 where RFC 7540 had another.
//!
//! - `case`: a case, its outcome, and the runs
//! - `session`: a client with an echo under way
//! - `block`: header blocks byte by byte
//! - `checklist`: each section of the RFCs, and where it is tested
//! - `memory`: what a peer can make the server keep
//! - all others: the cases of the sections that their first lines name

mod kit;

#[path = "rfc9113/block.rs"]
mod block;
#[path = "rfc9113/case.rs"]
mod case;
#[path = "rfc9113/checklist.rs"]
mod checklist;
#[path = "rfc9113/continuation.rs"]
mod continuation;
#[path = "rfc9113/control.rs"]
mod control;
#[path = "rfc9113/data.rs"]
mod data;
#[path = "rfc9113/fields.rs"]
mod fields;
#[path = "rfc9113/floods.rs"]
mod floods;
#[path = "rfc9113/frames.rs"]
mod frames;
#[path = "rfc9113/headers.rs"]
mod headers;
#[path = "rfc9113/honest.rs"]
mod honest;
#[path = "rfc9113/hpack.rs"]
mod hpack;
#[path = "rfc9113/memory.rs"]
mod memory;
#[path = "rfc9113/messages.rs"]
mod messages;
#[path = "rfc9113/order.rs"]
mod order;
#[path = "rfc9113/session.rs"]
mod session;
#[path = "rfc9113/settings.rs"]
mod settings;
#[path = "rfc9113/starting.rs"]
mod starting;
#[path = "rfc9113/streams.rs"]
mod streams;
#[path = "rfc9113/targets.rs"]
mod targets;
#[path = "rfc9113/windows.rs"]
mod windows;

use case::Case;

/// The cases of all files.
const ALL: [&[Case]; 16] = [
    starting::CASES,
    frames::CASES,
    streams::CASES,
    data::CASES,
    headers::CASES,
    settings::CASES,
    control::CASES,
    windows::CASES,
    continuation::CASES,
    messages::CASES,
    fields::CASES,
    targets::CASES,
    hpack::CASES,
    order::CASES,
    floods::CASES,
    honest::CASES,
];
