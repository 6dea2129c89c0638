//! Runs the fuzz targets for a short time, with their seeds and mutations of them.

use crate::h2::hpack::check;
use crate::h2::section;
use crate::testing::run_seeds;

#[test]
fn blocks() {
    run_seeds("hpack_blocks", 5000, |bytes| {
        check::blocks(bytes);
        check::codes(bytes);
    });
}

#[test]
fn sections() {
    run_seeds("http2_sections", 5000, section::check::sections);
}
