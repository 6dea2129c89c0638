//! Fuzz targets, for a while.

use super::{Dice, mutated};

/// Gives the seeds of a fuzz target to what it fuzzes, and what becomes of them by
/// so many mutations.
pub fn run_seeds(folder: &str, rounds: usize, check: impl Fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{folder}", env!("CARGO_MANIFEST_DIR"));
    let seeds = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let seeds: Vec<_> = seeds.collect();
    assert!(seeds.len() > 5);
    seeds.iter().for_each(|seed| check(seed));
    let mut dice = Dice::new(1);
    (0..rounds).for_each(|_| check(&mutated(&seeds, &mut dice)));
}
