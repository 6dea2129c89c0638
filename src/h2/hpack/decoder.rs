//! Decodes blocks to fields (RFC 7541, section 6).

use super::dynamic_table::DynamicTable;
use super::{Error, integer, static_table, string};
use crate::h2::name::Token;
use crate::h2::verdict::Verdict;
use crate::header_list::{Field, HeaderList};

/// The decoder of one connection.
pub struct Decoder {
    table: DynamicTable,
    /// The greatest size that the peer may set: the one that we have announced.
    limit: u32,
    /// Set when the limit has become lower than the size of the table. The next block
    /// must then begin with a size update to at most this.
    required: Option<u32>,
}

/// The representations of a field that is not indexed (sections 6.2.1 to 6.2.3).
#[derive(Clone, Copy, PartialEq)]
enum Literal {
    Indexed,
    NotIndexed,
    NeverIndexed,
}

impl Decoder {
    /// A decoder with a table of up to `limit` bytes, which is the announced
    /// SETTINGS_HEADER_TABLE_SIZE. It holds no memory until the peer adds a field.
    pub fn new(max_table_bytes: u32) -> Self {
        Self { table: DynamicTable::new(max_table_bytes), limit: max_table_bytes, required: None }
    }

    /// The peer has acknowledged another SETTINGS_HEADER_TABLE_SIZE.
    pub fn set_limit(&mut self, max_table_bytes: u32) {
        self.limit = max_table_bytes;
        if self.table.max_size() > max_table_bytes as usize {
            self.table.set_max_size(max_table_bytes);
            // RFC 9113, section 4.3.1. If the limit rises again before the next block,
            // that block must still announce the lowest one.
            self.required = Some(max_table_bytes);
        }
    }

    /// How much memory the table holds.
    pub fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Decodes a complete block. `keep` gets each field with its token and verdict, and
    /// decides whether the field is added to `list`.
    ///
    /// Malformed fields are no errors here. Only a block after which the tables of the
    /// two sides differ is one.
    ///
    /// `keep` also learns whether the field was never indexed (section 7.1.3).
    pub fn decode(
        &mut self,
        mut block: &[u8],
        list: &mut HeaderList,
        mut keep: impl FnMut(Token, Verdict, Field<'_>) -> bool,
    ) -> Result<bool, Error> {
        let mut has_sensitive = false;
        self.update_size(&mut block)?;
        while let Some(first) = block.first() {
            match first {
                0x80.. => self.decode_indexed(&mut block, list, &mut keep)?,
                0x40.. => self.decode_literal(Literal::Indexed, &mut block, list, &mut keep)?,
                // A size update is allowed only at the start of a block (section 4.2).
                0x20.. => return Err(Error),
                0x10.. => {
                    has_sensitive = true;
                    self.decode_literal(Literal::NeverIndexed, &mut block, list, &mut keep)?;
                }
                _ => self.decode_literal(Literal::NotIndexed, &mut block, list, &mut keep)?,
            }
        }
        Ok(has_sensitive)
    }

    /// Section 6.3. An encoder needs at most two updates (section 4.2), but no section
    /// forbids more. Any number is accepted, as in other decoders.
    fn update_size(&mut self, block: &mut &[u8]) -> Result<(), Error> {
        while let Some(0x20..=0x3f) = block.first() {
            let size = integer::decode(block, 5)?;
            if size > self.required.take().unwrap_or(u32::MAX).min(self.limit) {
                return Err(Error);
            }
            self.table.set_max_size(size);
        }
        match self.required.is_some() && !block.is_empty() {
            true => Err(Error),
            false => Ok(()),
        }
    }

    /// An indexed field (section 6.1).
    #[inline]
    fn decode_indexed(
        &self,
        block: &mut &[u8],
        list: &mut HeaderList,
        keep: &mut impl FnMut(Token, Verdict, Field<'_>) -> bool,
    ) -> Result<(), Error> {
        let index = integer::decode(block, 7)? as usize;
        if let Some(index) = index.checked_sub(static_table::LEN + 1) {
            let found = self.table.get(index).ok_or(Error)?;
            let field = Field { name: found.name, value: found.value, is_sensitive: false };
            if keep(found.token, found.verdict, field) {
                list.push_joined(found.text, found.name.len(), false);
            }
            return Ok(());
        }
        if index == 0 {
            return Err(Error);
        }
        let (token, value) = static_table::get(index);
        let name = token.name();
        if keep(token, static_table::verdict(index), Field { name, value, is_sensitive: false }) {
            list.push_lower(name, value, false);
        }
        Ok(())
    }

    /// A literal field (section 6.2). Name and value are decoded into their final place.
    fn decode_literal(
        &mut self,
        literal: Literal,
        block: &mut &[u8],
        list: &mut HeaderList,
        keep: &mut impl FnMut(Token, Verdict, Field<'_>) -> bool,
    ) -> Result<(), Error> {
        let index = integer::decode(block, if literal == Literal::Indexed { 6 } else { 4 })? as usize;
        list.push_with(literal == Literal::NeverIndexed, |text| {
            let start = text.len();
            let (mut token, is_good_name) = self.decode_name(index, block, text)?;
            let middle = text.len();
            string::decode(block, text)?;
            let (name, value) = text[start..].split_at(middle - start);
            if index == 0 {
                token = Token::of(name);
            }
            let verdict = match is_good_name {
                Some(true) => Verdict::on_value(token, value),
                Some(false) => Verdict::Name,
                None => Verdict::on(token, name, value),
            };
            if literal == Literal::Indexed {
                self.table.insert(token, verdict, name, value);
            }
            let is_kept = keep(token, verdict, Field { name, value, is_sensitive: literal == Literal::NeverIndexed });
            Ok(is_kept.then_some(middle))
        })
    }

    /// Appends the name with this index, or the literal name if the index is 0. The
    /// verdict on an indexed name is known.
    fn decode_name(&self, index: usize, block: &mut &[u8], text: &mut Vec<u8>) -> Result<(Token, Option<bool>), Error> {
        if index == 0 {
            string::decode(block, text)?;
            return Ok((Token::NONE, None));
        }
        let Some(index) = index.checked_sub(static_table::LEN + 1) else {
            let (token, _) = static_table::get(index);
            text.extend_from_slice(token.name());
            return Ok((token, Some(true)));
        };
        let found = self.table.get(index).ok_or(Error)?;
        text.extend_from_slice(found.name);
        Ok((found.token, Some(found.verdict != Verdict::Name)))
    }
}
