//! Utilities for the tests of several modules.

mod dice;
mod seeds;
mod stopwatch;
pub mod wire;

pub use dice::{Dice, mutated};
pub use seeds::{run_random, run_seeds};
pub use stopwatch::nanoseconds;
