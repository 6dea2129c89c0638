//! Pseudo-random input, the same in each run.

/// A xorshift generator.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ seed)
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// One of the messages, with a few bytes changed.
pub fn mutated(of: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.pick(of).clone();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(bytes.len() + 1);
        match dice.roll(6) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, *dice.pick(b" \t\r\n\0:;,=\"0/\x7f\xff")),
            2 => bytes.extend_from_within(at..),
            3 => drop(bytes.drain(at..(at + 1 + dice.roll(3)).min(bytes.len()).max(at))),
            4 => {
                let other = dice.pick(of);
                let from = dice.roll(other.len() + 1);
                bytes.splice(at..at, other[from..].iter().take(20).copied());
            }
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = dice.roll(256) as u8),
        }
    }
    bytes
}
