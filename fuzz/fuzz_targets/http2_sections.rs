//! Header and trailer sections of HTTP/2, from whatever bytes.
#![no_main]
#![allow(dead_code, reason = "the library uses more of its files")]

#[path = "../../src/code.rs"]
mod code;
#[path = "../../src/engine.rs"]
mod engine;
#[path = "../../src/grammar/mod.rs"]
mod grammar;
#[path = "../../src/h2/mod.rs"]
mod h2;
#[path = "../../src/header_list.rs"]
mod header_list;
#[path = "../../src/output.rs"]
mod output;
#[path = "../../src/priority.rs"]
mod priority;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| h2::section::check::sections(bytes));
