//! Runs the fuzz targets for a short time, with their seeds, mutations of them, and
//! random bytes.

use crate::h2::check;
use crate::testing::{run_random, run_seeds};

#[test]
fn frames() {
    run_seeds("http2_frames", 300, check::frames);
}

#[test]
fn sessions() {
    run_seeds("http2_session", 150, check::session);
    run_random(400, 150, check::session);
}
