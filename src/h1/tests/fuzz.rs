//! The same as the fuzz targets, for a while: their seeds, and what becomes of
//! them.

use super::super::check;
use crate::testing::run_seeds;

#[test]
fn heads() {
    run_seeds("http1_heads", 100, check::heads);
}

#[test]
fn chunks() {
    run_seeds("http1_chunks", 200, check::chunks);
}

#[test]
fn connections() {
    run_seeds("http1_connection", 3000, check::connection);
}
