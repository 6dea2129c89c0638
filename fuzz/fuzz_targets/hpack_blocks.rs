//! Blocks of HPACK, from whatever bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| goaway_fuzz::hpack_blocks(bytes));
