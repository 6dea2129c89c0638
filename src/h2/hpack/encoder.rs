//! Encodes fields to blocks (RFC 7541, section 6).
//!
//! A field enters the dynamic table when it occurs for the second time. A field that
//! never occurs again, such as `location` or the id of a response, takes no space there,
//! and a connection with one response needs no table. Fields with a length or position
//! (`content-length`, `age`, `content-range`) change all the time and are short. Secrets
//! (`set-cookie`, `authorization`, ...) must not be compared with data that an attacker
//! can choose (section 7.1). Neither of them enters the table.

use http::StatusCode;

use super::dynamic_table::DynamicTable;
use super::{integer, static_table, string};
use crate::h2::name::Token;
use crate::h2::verdict::Verdict;
use crate::header_list::HeaderList;

/// The size of the peer's table until it sets another one (RFC 9113, section 6.5.2).
const DEFAULT_LIMIT: u32 = 4096;
/// How much of the peer's table is used. More would hold outdated dates, and cost memory
/// for each connection.
const USED: u32 = 2048;
/// Larger fields do not enter the table, because they would evict all others.
const LARGEST: usize = USED as usize / 4;

/// The encoder of one connection.
pub struct Encoder {
    /// The newest fields of the peer's table, which may have older ones.
    table: DynamicTable,
    /// The size of the peer's table.
    size: u32,
    /// The least and the last size that was set since the last block. The next block
    /// announces both (section 4.2).
    updates: Option<(u32, u32)>,
    memory: Memory,
    /// Changes whenever the encoding of sections changes.
    version: u64,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder for a peer whose SETTINGS are unknown. It holds no memory until a field
    /// enters the table.
    pub fn new() -> Self {
        Self {
            table: DynamicTable::new(USED),
            size: DEFAULT_LIMIT,
            updates: None,
            memory: Memory::default(),
            version: 0,
        }
    }

    /// Applies the peer's SETTINGS_HEADER_TABLE_SIZE. The next block announces the new
    /// size.
    pub fn set_limit(&mut self, max_table_bytes: u32) {
        // A table larger than the default would not be used.
        let size = max_table_bytes.min(DEFAULT_LIMIT);
        if size != self.size {
            self.size = size;
            self.table.set_max_size(size.min(USED));
            let least = self.updates.map_or(size, |(least, _)| least.min(size));
            self.updates = Some((least, size));
            self.version += 1;
        }
    }

    /// As long as this value is the same, a section is encoded to the same block.
    #[inline]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How much memory the table holds.
    pub fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Begins a block.
    #[inline]
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some((least, last)) = self.updates.take() {
            integer::encode(least as usize, 5, 0x20, out);
            if last != least {
                integer::encode(last as usize, 5, 0x20, out);
            }
        }
    }

    /// Appends `:status`, the first field of a response.
    #[inline]
    pub fn status(&mut self, status: StatusCode, out: &mut Vec<u8>) {
        match status {
            StatusCode::OK => out.push(0x88),
            _ => self.field(b":status", status.as_str().as_bytes(), false, out),
        }
    }

    /// Appends a section; that of trailers has no status.
    pub fn section(&mut self, status: Option<StatusCode>, fields: &HeaderList, out: &mut Vec<u8>) {
        if let Some(status) = status {
            self.status(status, out);
        }
        for field in fields.iter() {
            self.field(field.name, field.value, field.is_sensitive, out);
        }
    }

    /// Appends a field, whose name is in lower case. A sensitive one is marked as never
    /// indexed (section 7.1.3).
    pub fn field(&mut self, name: &[u8], value: &[u8], is_sensitive: bool, out: &mut Vec<u8>) {
        let token = Token::of(name);
        if is_sensitive {
            return self.literal(0x10, 4, token, name, value, out);
        }
        if let Some(index) = static_table::find(token, value) {
            return integer::encode(index, 7, 0x80, out);
        }
        let may_enter = !is_kept_out(token) && name.len() + value.len() <= LARGEST;
        if !may_enter {
            return self.literal(0, 4, token, name, value, out);
        }
        if let Some(index) = self.table.find(token, name, value) {
            return integer::encode(static_table::LEN + 1 + index, 7, 0x80, out);
        }
        self.version += 1;
        match self.memory.has_met(name, value) {
            false => self.literal(0, 4, token, name, value, out),
            true => {
                self.literal(0x40, 6, token, name, value, out);
                self.table.insert(token, Verdict::Good, name, value);
            }
        }
    }

    /// Appends a literal, with the index of its name if there is one.
    fn literal(&self, pattern: u8, bits: u32, token: Token, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        let dynamic = || Some(static_table::LEN + 1 + self.table.find_name(token, name)?);
        let index = token.static_index().or_else(dynamic);
        integer::encode(index.unwrap_or(0), bits, pattern, out);
        if index.is_none() {
            string::encode(name, out);
        }
        string::encode(value, out);
    }
}

/// Whether fields with this name never enter the table.
fn is_kept_out(token: Token) -> bool {
    matches!(
        token,
        Token::CONTENT_LENGTH
            | Token::AGE
            | Token::CONTENT_RANGE
            | Token::SET_COOKIE
            | Token::COOKIE
            | Token::AUTHORIZATION
            | Token::PROXY_AUTHORIZATION
    )
}

/// The fields that were encoded recently, as hashes: two for each set. A forgotten field
/// or a collision costs a few bytes and has no other effect.
#[derive(Default)]
struct Memory([[u16; 2]; 32]);

impl Memory {
    /// Whether a field was encoded before. Remembers it.
    fn has_met(&mut self, name: &[u8], value: &[u8]) -> bool {
        let hash = hash(value, hash(name, 0));
        let tag = (hash >> 48) as u16;
        let set = &mut self.0[(hash >> 43 & 31) as usize];
        let has_met = set.contains(&tag);
        if !has_met {
            *set = [tag, set[0]];
        }
        has_met
    }
}

fn hash(text: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = text.as_chunks::<8>();
    let hash = words.iter().fold(seed ^ text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash, u64::from_le_bytes(last))
}
