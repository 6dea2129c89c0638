//! What is fuzzed: files of the library, compiled once for all targets.
#![allow(dead_code, reason = "the library uses more of its files")]

#[path = "../../src/code.rs"]
mod code;
#[path = "../../src/cgroup.rs"]
mod cgroup;
#[path = "../../src/config.rs"]
mod config;
#[path = "../../src/endpoint.rs"]
mod endpoint;
#[path = "../../src/engine.rs"]
mod engine;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/event.rs"]
mod event;
#[path = "../../src/grammar/mod.rs"]
mod grammar;
#[path = "../../src/h1/mod.rs"]
mod h1;
#[path = "../../src/h2/mod.rs"]
mod h2;
#[path = "../../src/header_list.rs"]
mod header_list;
#[path = "../../src/output.rs"]
mod output;
#[path = "../../src/padding.rs"]
mod padding;
#[path = "../../src/priority.rs"]
mod priority;
#[path = "../../src/proxy.rs"]
mod proxy;
#[path = "../../src/setting.rs"]
mod setting;

/// The PROXY headers of both versions.
pub fn proxy(bytes: &[u8]) {
    proxy::check(bytes);
}

/// Heads of HTTP/1.1.
pub fn http1_heads(bytes: &[u8]) {
    h1::check::heads(bytes);
}

/// Content in chunks.
pub fn http1_chunks(bytes: &[u8]) {
    h1::check::chunks(bytes);
}

/// A connection of HTTP/1.1 and what may be done to it.
pub fn http1_connection(bytes: &[u8]) {
    h1::check::connection(bytes);
}

/// Blocks of HPACK.
pub fn hpack_blocks(bytes: &[u8]) {
    h2::hpack::check::blocks(bytes);
    h2::hpack::check::codes(bytes);
}

/// Header and trailer sections of HTTP/2.
pub fn http2_sections(bytes: &[u8]) {
    h2::section::check::sections(bytes);
}

/// Frames of HTTP/2, wherever they are cut.
pub fn http2_frames(bytes: &[u8]) {
    h2::check::frames(bytes);
}

/// A session of HTTP/2: what a client and a host do.
pub fn http2_session(bytes: &[u8]) {
    h2::check::session(bytes);
}
