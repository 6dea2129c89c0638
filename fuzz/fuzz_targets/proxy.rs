//! The PROXY headers of both versions, from whatever bytes.
#![no_main]
#![allow(dead_code, reason = "the library uses more of its files")]

#[path = "../../src/endpoint.rs"]
mod endpoint;
#[path = "../../src/proxy.rs"]
mod proxy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proxy::check(bytes));
