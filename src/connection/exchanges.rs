//! The open exchanges of a connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::exchange::Exchange;

/// How many empty tables a thread keeps, and how many entries each may have.
const KEPT: usize = 64;
const KEPT_ENTRIES: usize = 256;

type Table = HashMap<u32, Exchange, BuildHasherDefault<Spread>>;

thread_local! {
    /// Empty tables with capacity. An idle connection holds no table.
    static SPARE: RefCell<Vec<Table>> = const { RefCell::new(Vec::new()) };
}

/// The exchanges by stream identifier.
#[derive(Default)]
pub struct Exchanges {
    table: Table,
    pushed: usize,
}

impl Exchanges {
    pub fn insert(&mut self, exchange: Exchange) {
        if self.table.capacity() == 0 {
            self.table = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        self.pushed += usize::from(exchange.is_pushed());
        self.table.insert(exchange.stream, exchange);
    }

    /// Takes an exchange out, to work on it or to end it.
    pub fn take(&mut self, stream: u32) -> Option<Exchange> {
        if self.table.is_empty() {
            return None;
        }
        let exchange = self.table.remove(&stream)?;
        self.pushed -= usize::from(exchange.is_pushed());
        Some(exchange)
    }

    pub fn get_mut(&mut self, stream: u32) -> Option<&mut Exchange> {
        if self.table.is_empty() { None } else { self.table.get_mut(&stream) }
    }

    /// The exchange of a protocol that has one at a time.
    pub fn only(&self) -> Option<&Exchange> {
        self.table.values().next()
    }

    pub fn only_mut(&mut self) -> Option<&mut Exchange> {
        self.table.values_mut().next()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.table.values()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Exchange> {
        self.table.values_mut()
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// How much memory the table holds.
    pub fn memory(&self) -> usize {
        // Each entry has one control byte, and a table is at most seven eighths full.
        self.table.capacity() * 8 / 7 * (size_of::<(u32, Exchange)>() + 1)
    }

    /// The exchanges that the server has begun (server push).
    pub fn pushed(&self) -> usize {
        self.pushed
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The stream identifiers in ascending order.
    pub fn streams(&self) -> Vec<u32> {
        let mut streams: Vec<_> = self.table.keys().copied().collect();
        streams.sort_unstable();
        streams
    }

    /// The connection becomes idle: an empty table is given to other connections.
    pub fn rest(&mut self) {
        if self.table.is_empty() && self.table.capacity() > 0 {
            let table = std::mem::take(&mut self.table);
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < KEPT && table.capacity() <= KEPT_ENTRIES {
                    spare.push(table);
                }
            });
        }
    }
}

/// Hashes stream identifiers, which count up.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("identifiers of streams are u32")
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
