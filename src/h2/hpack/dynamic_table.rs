//! The dynamic table of one direction of a connection (RFC 7541, section 2.3.2).

use std::collections::VecDeque;

use crate::h2::name::Token;
use crate::h2::verdict::Verdict;

/// The size of a field in addition to its name and value (section 4.1).
const OVERHEAD: usize = 32;

/// The greatest size of a table, whatever its limit is.
const MOST: u32 = 1 << 30;

/// All names and values are stored in one buffer, the oldest first. Fields are added at
/// its end. Evicted fields stay at its start until their space is needed.
pub struct DynamicTable {
    text: Vec<u8>,
    /// The position of the first byte of the text. Positions only grow, and wrap around.
    base: u32,
    entries: VecDeque<Entry>,
    /// The sum of the sizes of all entries (section 4.1).
    size: usize,
    max_size: usize,
}

/// The position of the name. The value follows it.
#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    name_len: u32,
    value_len: u32,
    token: Token,
    verdict: Verdict,
}

/// A field of the table.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    pub token: Token,
    pub verdict: Verdict,
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// Name and value in one slice.
    pub text: &'a [u8],
}

impl DynamicTable {
    /// An empty table, which holds no memory.
    pub fn new(max_size: u32) -> Self {
        let max_size = max_size.min(MOST) as usize;
        Self { text: Vec::new(), base: 0, entries: VecDeque::new(), size: 0, max_size }
    }

    /// How many fields the table has.
    #[cfg(any(test, fuzzing))]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn max_size(&self) -> usize {
        self.max_size
    }

    /// How much memory the table holds.
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Evicts the oldest fields until the others fit, and frees their memory.
    pub fn set_max_size(&mut self, max_size: u32) {
        self.max_size = max_size.min(MOST) as usize;
        if self.size > self.max_size {
            self.evict_to(self.max_size);
            self.compact();
            self.text.shrink_to_fit();
            self.entries.shrink_to_fit();
        }
    }

    /// Adds a field and evicts old ones for it. A field larger than the table empties it
    /// (section 4.4).
    pub fn insert(&mut self, token: Token, verdict: Verdict, name: &[u8], value: &[u8]) {
        let size = OVERHEAD + name.len() + value.len();
        let Some(rest) = self.max_size.checked_sub(size) else { return self.evict_to(0) };
        self.evict_to(rest);
        self.make_room(size - OVERHEAD);
        let start = self.base.wrapping_add(self.text.len() as u32);
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        let (name_len, value_len) = (name.len() as u32, value.len() as u32);
        self.entries.push_back(Entry { start, name_len, value_len, token, verdict });
        self.size += size;
    }

    /// The field at an index. The newest has index 0.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Found<'_>> {
        let place = self.entries.len().checked_sub(index + 1)?;
        self.entries.get(place).and_then(|entry| self.found(entry))
    }

    /// The index of a field with that name and value.
    pub fn find(&self, token: Token, name: &[u8], value: &[u8]) -> Option<usize> {
        self.position(|entry| {
            let is_alike = entry.value_len as usize == value.len() && entry.token == token;
            is_alike && self.found(entry).is_some_and(|found| found.value == value && found.name == name)
        })
    }

    /// The index of a field with that name.
    pub fn find_name(&self, token: Token, name: &[u8]) -> Option<usize> {
        self.position(|entry| {
            let is_alike = entry.name_len as usize == name.len() && entry.token == token;
            is_alike && self.found(entry).is_some_and(|found| found.name == name)
        })
    }

    /// The index of the newest entry that matches.
    #[inline]
    fn position(&self, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.entries.iter().rev().position(is_it)
    }

    #[inline]
    fn found(&self, entry: &Entry) -> Option<Found<'_>> {
        let start = entry.start.wrapping_sub(self.base) as usize;
        let text = self.text.get(start..start + entry.length())?;
        let (name, value) = text.split_at_checked(entry.name_len as usize)?;
        Some(Found { token: entry.token, verdict: entry.verdict, name, value, text })
    }

    fn evict_to(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.size -= oldest.length() + OVERHEAD;
        }
    }

    /// How many bytes at the start of the text belong to no field.
    fn unused(&self) -> usize {
        self.entries.front().map_or(self.text.len(), |oldest| oldest.start.wrapping_sub(self.base) as usize)
    }

    fn compact(&mut self) {
        let unused = self.unused();
        self.text.drain(..unused);
        self.base = self.base.wrapping_add(unused as u32);
    }

    /// Makes space for a field. The memory grows by a quarter, and only if compaction
    /// would not free as much.
    fn make_room(&mut self, bytes: usize) {
        if self.text.len() + bytes > self.text.capacity() {
            if self.unused() > self.text.len() / 4 {
                self.compact();
            }
            self.text.reserve_exact(bytes + self.text.len() / 4);
        }
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(2 + self.entries.len() / 4);
        }
    }
}

impl Entry {
    fn length(&self) -> usize {
        self.name_len as usize + self.value_len as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(table: &mut DynamicTable, name: &[u8], value: &[u8]) {
        table.insert(Token::NONE, Verdict::Good, name, value);
    }

    #[test]
    fn a_table_is_a_queue_of_limited_size() {
        let mut table = DynamicTable::new(200);
        let mut plain = VecDeque::<(Vec<u8>, Vec<u8>)>::new();
        let mut max_size = 200;
        for round in 0u32..5000 {
            let length = (round.wrapping_mul(2_654_435_761) >> 20) as usize % 90;
            let (name, value) = (format!("{round}").into_bytes(), vec![b'x'; length]);
            if round % 250 == 249 {
                max_size = [0, 40, 100, 300, 4096][round as usize / 250 % 5];
                table.set_max_size(max_size);
            }
            insert(&mut table, &name, &value);
            plain.push_front((name, value));
            let size = |plain: &VecDeque<(Vec<u8>, Vec<u8>)>| -> usize {
                plain.iter().map(|(name, value)| name.len() + value.len() + 32).sum()
            };
            while size(&plain) > max_size as usize {
                plain.pop_back();
            }
            assert_eq!((table.len(), table.size), (plain.len(), size(&plain)));
            for (index, (name, value)) in plain.iter().enumerate() {
                let found = table.get(index).unwrap();
                assert_eq!((found.name, found.value), (&**name, &**value));
                assert_eq!(table.find(Token::NONE, name, value), Some(index));
                assert_eq!(table.find_name(Token::NONE, name), Some(index));
            }
            assert!(table.get(plain.len()).is_none() && table.find(Token::NONE, b"x", b"").is_none());
            assert!(table.memory() <= 2 * size(&plain) + 300, "{} for {}", table.memory(), size(&plain));
        }
    }

    #[test]
    fn an_empty_table_holds_nothing() {
        let mut table = DynamicTable::new(4096);
        assert_eq!(table.memory(), 0);
        insert(&mut table, b"a", b"b");
        assert!(table.memory() > 0);
        table.set_max_size(0);
        assert_eq!((table.memory(), table.len()), (0, 0));
        insert(&mut table, b"a", b"b");
        assert_eq!((table.memory(), table.len()), (0, 0));
    }

    #[test]
    fn what_is_larger_than_the_table_empties_it() {
        let mut table = DynamicTable::new(100);
        insert(&mut table, b"a", b"b");
        insert(&mut table, b"a", &[b'b'; 67]);
        assert_eq!(table.len(), 1);
        insert(&mut table, b"a", &[b'b'; 68]);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn positions_wrap() {
        let mut table = DynamicTable::new(4096);
        table.base = u32::MAX - 100;
        for round in 0..1000u32 {
            insert(&mut table, b"name", &round.to_be_bytes());
            assert_eq!(table.get(0).unwrap().value, round.to_be_bytes());
            let oldest = table.get(table.len() - 1).unwrap().value;
            assert_eq!(oldest, round.saturating_sub(table.len() as u32 - 1).to_be_bytes());
        }
    }
}
