//! The exchanges that are open on a connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::exchange::Exchange;

/// How many empty tables a thread keeps, and of how many entries at most.
const KEPT: usize = 64;
const KEPT_ENTRIES: usize = 256;

type Table = HashMap<u32, Exchange, BuildHasherDefault<Spread>>;

thread_local! {
    /// Empty, with room: an idle connection holds no memory for exchanges, a busy
    /// one takes what is warm.
    static SPARE: RefCell<Vec<Table>> = const { RefCell::new(Vec::new()) };
}

/// By their streams.
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

    /// Takes one out, to work on it or since it is over.
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

    /// Of a protocol that has one at a time.
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

    /// The bytes of memory that the table holds.
    pub fn memory(&self) -> usize {
        // A byte of control beside each entry, and a table is seven eighths full at most.
        self.table.capacity() * 8 / 7 * (size_of::<(u32, Exchange)>() + 1)
    }

    /// Those that the server has begun.
    pub fn pushed(&self) -> usize {
        self.pushed
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The streams of all, in their order.
    pub fn streams(&self) -> Vec<u32> {
        let mut streams: Vec<_> = self.table.keys().copied().collect();
        streams.sort_unstable();
        streams
    }

    /// Nothing more happens for now: what is empty is for others to use.
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

/// Spreads identifiers, which the peer counts up, over the table.
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
