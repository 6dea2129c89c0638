//! The same as the fuzz targets, for a while: their seeds, and what becomes of
//! them.

use super::super::check;
use super::differential::messages::{Dice, mutated};

fn run(folder: &str, rounds: usize, check: impl Fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{folder}", env!("CARGO_MANIFEST_DIR"));
    let seeds = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let seeds: Vec<_> = seeds.collect();
    assert!(seeds.len() > 5);
    seeds.iter().for_each(|seed| check(seed));
    let mut dice = Dice::new(1);
    (0..rounds).for_each(|_| check(&mutated(&seeds, &mut dice)));
}

#[test]
fn heads() {
    run("http1_heads", 100, check::heads);
}

#[test]
fn chunks() {
    run("http1_chunks", 200, check::chunks);
}

#[test]
fn connections() {
    run("http1_connection", 3000, check::connection);
}
