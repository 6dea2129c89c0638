//! The same as the fuzz target, for a while: its seeds, what becomes of them, and
//! random programs.

use crate::h2::check;

/// Numbers without a pattern, the same in each run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % below
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.throw(most)).map(|_| self.throw(256) as u8).collect()
    }
}

fn check(program: &[u8]) {
    let checked = std::panic::catch_unwind(|| check::session(program));
    assert!(checked.is_ok(), "of the program {program:?}");
}

fn rounds() -> usize {
    std::env::var("FUZZ_ROUNDS").map_or(150, |text| text.parse().expect("a number of rounds"))
}

#[test]
fn seeds_and_what_becomes_of_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/http2_session");
    let read = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read(entry.expect("a seed").path()).expect("bytes");
    let seeds: Vec<Vec<u8>> = std::fs::read_dir(folder).expect("seeds").map(read).collect();
    assert!(seeds.len() > 10);
    seeds.iter().for_each(|seed| check(seed));
    let mut dice = Dice(1);
    for _ in 0..rounds() {
        let mut program = seeds[dice.throw(seeds.len())].clone();
        for _ in 0..1 + dice.throw(4) {
            let (from, to) = (dice.throw(program.len()), dice.throw(program.len()));
            let other = &seeds[dice.throw(seeds.len())];
            match dice.throw(4) {
                0 => program[from] = dice.throw(256) as u8,
                1 => drop(program.splice(from..from, dice.bytes(6))),
                2 => program.extend_from_slice(&other[1.min(dice.throw(other.len()))..]),
                _ => drop(program.splice(from.min(to)..from.max(to), dice.bytes(6))),
            }
            program.push(0);
        }
        check(&program);
    }
}

#[test]
fn random_programs() {
    let mut dice = Dice(2);
    (0..rounds()).for_each(|_| check(&dice.bytes(400)));
}
