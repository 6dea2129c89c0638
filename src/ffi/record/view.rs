//! A record as its host reads it: the pieces of its text, and its fields by name.

use crate::record::{GOAWAY_RECORD_FLAG_COOKIES, GOAWAY_RECORD_FLAG_SENSITIVE, Record, RecordKind};

/// Method, scheme, authority, path, query and peer stand before the parameters of a REQUEST.
const PIECES_OF_REQUEST: usize = 6;

/// A record with the arena of its batch. What lies outside of the arena is not
/// there: a host may pass the batch of another record.
#[derive(Clone, Copy)]
pub struct RecordView<'a> {
    record: &'a Record,
    arena: &'a [u8],
}

/// A name and a value, without the NUL behind each.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

impl<'a> RecordView<'a> {
    pub fn new(record: &'a Record, arena: &'a [u8]) -> Self {
        Self { record, arena }
    }

    pub fn is(&self, kind: RecordKind) -> bool {
        self.record.kind == kind as u16
    }

    pub fn text(&self) -> Option<&'a [u8]> {
        self.bytes(self.record.text_offset, self.record.text_len)
    }

    pub fn data(&self) -> Option<&'a [u8]> {
        self.bytes(self.record.data_offset, self.record.data_len)
    }

    fn bytes(&self, offset: u32, len: u32) -> Option<&'a [u8]> {
        self.arena.get(offset as usize..)?.get(..len as usize)
    }

    /// The text behind its first `skipped` bytes, piece by piece, each without its NUL.
    pub fn pieces_behind(&self, skipped: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        pieces(self.text().and_then(|text| text.get(skipped..)).unwrap_or_default())
    }

    pub fn piece(&self, index: usize) -> Option<&'a [u8]> {
        self.pieces_behind(0).nth(index)
    }

    /// The piece of that number, of a REQUEST.
    pub fn request_piece(&self, index: usize) -> Option<&'a [u8]> {
        self.is(RecordKind::Request).then(|| self.piece(index))?
    }

    /// The path parameters of a REQUEST.
    pub fn params(&self) -> impl Iterator<Item = Pair<'a>> + use<'a> {
        let count = if self.is(RecordKind::Request) { self.record.params } else { 0 };
        self.pairs(PIECES_OF_REQUEST, count)
    }

    /// The header fields of a REQUEST, `:protocol` among them.
    pub fn headers(&self) -> impl Iterator<Item = Pair<'a>> + use<'a> {
        let count = if self.is(RecordKind::Request) { self.record.fields } else { 0 };
        self.pairs(PIECES_OF_REQUEST + 2 * self.record.params as usize, count)
    }

    /// The trailer fields of a BODY.
    pub fn trailers(&self) -> impl Iterator<Item = Pair<'a>> + use<'a> {
        self.pairs(0, if self.is(RecordKind::Body) { self.record.fields } else { 0 })
    }

    /// The flags of the header field of a REQUEST, or the trailer field of a BODY, at
    /// `index`. If one has any they stand before the text.
    pub fn field_flags(&self, index: usize) -> Option<u8> {
        let has_fields = self.is(RecordKind::Request) || self.is(RecordKind::Body);
        if !has_fields || self.record.flags & GOAWAY_RECORD_FLAG_SENSITIVE == 0 {
            return None;
        }
        let start = self.record.text_offset.checked_sub(self.record.fields.into())?;
        self.bytes(start, self.record.fields.into())?.get(index).copied()
    }

    /// The value of a cookie field of a REQUEST as it came. If there were several
    /// they stand between text and data.
    pub fn cookie(&self, index: usize) -> Option<&'a [u8]> {
        if !self.is(RecordKind::Request) || self.record.flags & GOAWAY_RECORD_FLAG_COOKIES == 0 {
            return find(self.headers(), b"cookie").filter(|_| index == 0);
        }
        let (_, _) = (self.text()?, self.data()?);
        let (start, end) = (self.record.text_offset + self.record.text_len, self.record.data_offset);
        pieces(self.bytes(start, end.checked_sub(start)?)?).nth(index)
    }

    fn pairs(&self, first: usize, count: u16) -> impl Iterator<Item = Pair<'a>> + use<'a> {
        let mut pieces = self.pieces_behind(0).skip(first);
        (0..count).map_while(move |_| Some((pieces.next()?, pieces.next()?)))
    }
}

/// The NUL-terminated pieces of a text.
fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == 0).map(|piece| piece.strip_suffix(&[0]).unwrap_or(piece))
}

/// The value of the first field of that name, in any case.
pub fn find<'a>(mut fields: impl Iterator<Item = Pair<'a>>, name: &[u8]) -> Option<&'a [u8]> {
    fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
