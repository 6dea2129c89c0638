//! Blocks to fields (RFC 7541, section 6).

use super::dynamic_table::DynamicTable;
use super::{Error, integer, static_table, string};
use crate::h2::name::Token;
use crate::h2::verdict::Verdict;
use crate::header_list::{Field, HeaderList};

/// The decoder of one connection.
pub struct Decoder {
    table: DynamicTable,
    /// What the peer may make of the table: what we have announced.
    limit: u32,
    /// The next block has to begin with a size update to this or less, since the
    /// limit went below the size of the table.
    required: Option<u32>,
}

/// How a field is represented that is not an index (sections 6.2.1 to 6.2.3).
#[derive(Clone, Copy, PartialEq)]
enum Literal {
    Indexed,
    NotIndexed,
    NeverIndexed,
}

impl Decoder {
    /// A decoder whose table has up to so many bytes, SETTINGS_HEADER_TABLE_SIZE
    /// as it was announced. It holds no memory until the peer puts something there.
    pub fn new(max_table_bytes: u32) -> Self {
        Self { table: DynamicTable::new(max_table_bytes), limit: max_table_bytes, required: None }
    }

    /// Our SETTINGS_HEADER_TABLE_SIZE has changed, and the peer has acknowledged it.
    pub fn set_limit(&mut self, max_table_bytes: u32) {
        self.limit = max_table_bytes;
        if self.table.max_size() > max_table_bytes as usize {
            self.table.set_max_size(max_table_bytes);
            // RFC 9113, section 4.3.1. If the limit rises again before the next block,
            // that has to tell of the lowest one nevertheless.
            self.required = Some(max_table_bytes);
        }
    }

    /// The bytes of memory that the table holds.
    pub fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Decodes a whole block, to its end. Each field is given to `keep`, with its
    /// token and the verdict on it, and is added to `list` if that says so.
    ///
    /// No field is refused here, however malformed it is: only what leaves the
    /// tables of the two sides different is an error.
    ///
    /// Says whether a field came as one that is never indexed (section 7.1.3).
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
                // A size update may stand only at the start of a block (section 4.2).
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

    /// Section 6.3. An encoder needs two updates at most (section 4.2); no section
    /// makes more an error, so any number is taken, as other decoders do.
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

    /// Section 6.1.
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

    /// Section 6.2. Name and value are decoded where they are going to stand.
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

    /// Appends the name that has this index, or stands here if that is 0. Of a name
    /// that was met before it is known whether it may be one.
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
