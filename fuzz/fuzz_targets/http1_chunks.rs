//! Content in chunks, from whatever bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| goaway_fuzz::http1_chunks(bytes));
