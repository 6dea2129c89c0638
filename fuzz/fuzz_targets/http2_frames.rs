//! Frames of HTTP/2, wherever they are cut, from whatever bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| goaway_fuzz::http2_frames(bytes));
