//! RFC 9113, section by section: valid, unusual and invalid input of a client, and the
//! required reaction of the server. RFC 7541 (HPACK) and RFC 9218 (priorities) are
//! included as far as they have requirements for a server.
//!
//! Each rule is a `Case`: the input and the expected outcome. All cases run over
//! cleartext and over TLS, each on a connection of its own, against one process for each
//! of the two: the C demo, because all hosts have the same engine. In nearly every case
//! an echo is in progress on the same connection. After a stream error the echo must be
//! undisturbed, and the next request must be served. All 147 cases of the tool h2spec are
//! here, with the outcome of RFC 9113 where RFC 7540 had another one.
//!
//! - `case`: a case, its outcome, and its execution
//! - `session`: a client with an echo in progress
//! - `block`: header blocks byte by byte
//! - `checklist`: each section of the RFCs, and where it is tested
//! - `memory`: how much memory a peer can make the server hold
//! - all others: the cases of the sections in their first lines

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
