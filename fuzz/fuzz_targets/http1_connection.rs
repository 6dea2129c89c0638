//! A connection of HTTP/1.1 and what may be done to it, from whatever bytes.
#![no_main]
#![allow(dead_code, reason = "the library uses more of its files")]

#[path = "../../src/engine.rs"]
mod engine;
#[path = "../../src/grammar/mod.rs"]
mod grammar;
#[path = "../../src/h1/mod.rs"]
mod h1;
#[path = "../../src/header_list.rs"]
mod header_list;
#[path = "../../src/output.rs"]
mod output;
#[path = "../../src/priority.rs"]
mod priority;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| h1::check::connection(bytes));
