//! Runs fuzz targets for a short time.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Dice, mutated};

/// Calls a fuzz target with its seeds, and with `mutations` of each.
pub fn run_seeds(folder: &str, rounds: usize, check: impl Fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{folder}", env!("CARGO_MANIFEST_DIR"));
    let seeds = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let seeds: Vec<_> = seeds.collect();
    assert!(seeds.len() > 5);
    seeds.iter().for_each(|seed| run(seed, &check));
    let mut dice = Dice::new(1);
    (0..rounds).for_each(|_| run(&mutated(&seeds, &mut dice), &check));
}

/// Calls it with `count` inputs of random bytes, each shorter than `most`.
pub fn run_random(most: usize, rounds: usize, check: impl Fn(&[u8])) {
    let mut dice = Dice::new(2);
    for _ in 0..rounds {
        let bytes: Vec<u8> = (0..dice.roll(most)).map(|_| dice.roll(256) as u8).collect();
        run(&bytes, &check);
    }
}

fn run(bytes: &[u8], check: &impl Fn(&[u8])) {
    assert!(catch_unwind(AssertUnwindSafe(|| check(bytes))).is_ok(), "the input was {bytes:?}");
}
