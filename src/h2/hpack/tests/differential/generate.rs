//! Generates conversations: blocks with every representation, and damaged ones.

use super::{BLOCKS, Field};
use crate::h2::hpack::{Encoder, integer, string};
use crate::testing::{Dice, mutated};

/// A step of a conversation.
#[derive(Debug)]
pub enum Step {
    /// The limit of the table has changed, and the other side has acknowledged it.
    Limit(u32),
    Block(Vec<u8>),
}

const NAMES: &[&str] = &[
    ":method",
    ":path",
    ":authority",
    ":status",
    "accept",
    "cookie",
    "content-type",
    "date",
    "etag",
    "server",
    "te",
    "x-a",
    "x-b",
    "a-name-of-some-length",
    "Upper",
    "",
    "x y",
];
const BYTES: &[u8] = b"0129 aeiost/-;=:%AZ\"{}~\t\r\n\0\x7f\x80\xff";
const VALUES: &[&str] = &["", "GET", "/", "200", "text/html", "a", "gzip, deflate"];

fn value(dice: &mut Dice) -> Vec<u8> {
    match dice.roll(4) {
        0 => dice.pick(VALUES).as_bytes().to_vec(),
        1 => vec![*dice.pick(BYTES); dice.roll(200)],
        _ => (0..dice.roll(40)).map(|_| *dice.pick(BYTES)).collect(),
    }
}

/// A section of any fields.
pub fn fields(dice: &mut Dice) -> Vec<Field> {
    let field = |dice: &mut Dice| {
        let name = dice.pick(NAMES).as_bytes().to_vec();
        let value = if dice.roll(2) == 0 { dice.pick(VALUES).as_bytes().to_vec() } else { value(dice) };
        let is_sensitive = dice.roll(8) == 0;
        (name, value, is_sensitive)
    };
    (0..dice.roll(8)).map(|_| field(dice)).collect()
}

/// About as many steps as a conversation has blocks. Some blocks are damaged.
pub fn conversation(dice: &mut Dice) -> Vec<Step> {
    let mut writer = Writer { encoder: Encoder::new(), entries: 0, limit: 4096, seen: Vec::new() };
    (0..BLOCKS).map(|_| writer.step(dice)).collect()
}

struct Writer {
    /// Of some of the blocks.
    encoder: Encoder,
    /// About how many fields are in the table.
    entries: usize,
    limit: u32,
    /// Earlier blocks.
    seen: Vec<Vec<u8>>,
}

impl Writer {
    fn step(&mut self, dice: &mut Dice) -> Step {
        if dice.roll(8) == 0 {
            self.limit = *dice.pick(&[0, 33, 100, 500, 4096, 65_536]);
            self.encoder.set_limit(self.limit);
            self.entries = 0;
            return Step::Limit(self.limit);
        }
        let mut block = Vec::new();
        if dice.roll(3) == 0 {
            self.encoder.begin(&mut block);
            for (name, value, is_sensitive) in fields(dice) {
                self.encoder.field(&name, &value, is_sensitive, &mut block);
            }
        } else {
            self.sizes(dice, &mut block);
            (0..dice.roll(10)).for_each(|_| self.field(dice, &mut block));
        }
        self.seen.push(block.clone());
        match dice.roll(40) {
            0 => Step::Block(mutated(&self.seen, dice)),
            1 => Step::Block((0..dice.roll(30)).map(|_| dice.roll(256) as u8).collect()),
            _ => Step::Block(block),
        }
    }

    fn sizes(&mut self, dice: &mut Dice, block: &mut Vec<u8>) {
        // Mostly the size that the encoder has to announce.
        if dice.roll(30) > 0 {
            self.encoder.begin(block);
        }
        while dice.roll(6) == 0 {
            let size = match dice.roll(40) {
                0 => dice.roll(70_000),
                _ => dice.roll(self.limit as usize + 1),
            };
            integer::encode(size, 5, 0x20, block);
            self.entries = 0;
        }
    }

    fn field(&mut self, dice: &mut Dice, block: &mut Vec<u8>) {
        let index = match dice.roll(200) {
            0 => dice.roll(100),
            of if of % 2 == 0 && self.entries > 0 => 62 + dice.roll(self.entries),
            _ => 1 + dice.roll(61),
        };
        let (pattern, bits) = match dice.roll(8) {
            0 | 1 => return integer::encode(index, 7, 0x80, block),
            2 => (0x00, 4),
            3 => (0x10, 4),
            // A size update, which is not allowed here.
            4 if dice.roll(200) == 0 => return block.push(0x20),
            _ => {
                // Small fields stay in the table for a while, unless the table is small.
                self.entries = if self.limit < 4096 { 0 } else { (self.entries + 1).min(15) };
                (0x40, 6)
            }
        };
        let is_new_name = dice.roll(2) == 0;
        integer::encode(if is_new_name { 0 } else { index }, bits, pattern, block);
        if is_new_name {
            text(dice.pick(NAMES).as_bytes(), dice, block);
        }
        text(&value(dice), dice, block);
    }
}

/// A string in one of the two forms.
fn text(text: &[u8], dice: &mut Dice, block: &mut Vec<u8>) {
    if dice.roll(2) == 0 {
        return string::encode(text, block);
    }
    integer::encode(text.len(), 7, 0, block);
    block.extend_from_slice(text);
}
