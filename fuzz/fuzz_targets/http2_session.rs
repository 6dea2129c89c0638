//! A session of HTTP/2: what a client and a host do, from whatever bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| goaway_fuzz::http2_session(bytes));
