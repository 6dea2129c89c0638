//! A connection of HTTP/1.1 and what may be done to it, from whatever bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| goaway_fuzz::http1_connection(bytes));
