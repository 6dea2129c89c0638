//! Header and trailer sections of HTTP/2, from whatever bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| goaway_fuzz::http2_sections(bytes));
