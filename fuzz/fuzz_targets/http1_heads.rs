//! Heads of HTTP/1.1, from whatever bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| goaway_fuzz::http1_heads(bytes));
