//! The PROXY headers of both versions, from whatever bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| goaway_fuzz::proxy(bytes));
