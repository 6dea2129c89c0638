//! Keeps the last encoded section for reuse.
//!
//! Many responses of a connection have the same head. A section that does not change the
//! state of the encoder has the same block until the state changes.

use http::StatusCode;

use super::encoder::Encoder;
use crate::header_list::HeaderList;

/// Longer sections are not kept.
const MOST_TEXT: usize = 256;

/// A section and its block.
#[derive(Default)]
pub struct Repeat {
    /// The hash of the section before. A section is kept when it occurs for the second
    /// time.
    text_len: usize,
    kept: Option<Box<Kept>>,
}

struct Kept {
    status: Option<StatusCode>,
    fields: HeaderList,
    /// The state of the encoder for which the block is valid.
    version: u64,
    block: Vec<u8>,
}

impl Repeat {
    /// Appends the block of a section, by a copy if it is the last section.
    #[inline]
    pub fn encode(
        &mut self,
        encoder: &mut Encoder,
        status: Option<StatusCode>,
        fields: &HeaderList,
        out: &mut Vec<u8>,
    ) {
        if let Some(kept) = &self.kept
            && kept.version == encoder.version()
            && kept.status == status
            && kept.fields == *fields
        {
            return out.extend_from_slice(&kept.block);
        }
        let (start, version) = (out.len(), encoder.version());
        encoder.section(status, fields, out);
        let text_len = std::mem::replace(&mut self.text_len, fields.text_len());
        if version == encoder.version() && text_len == self.text_len && text_len <= MOST_TEXT {
            self.keep(status, fields, version, &out[start..]);
        }
    }

    fn keep(&mut self, status: Option<StatusCode>, fields: &HeaderList, version: u64, block: &[u8]) {
        let kept = self.kept.get_or_insert_with(|| {
            let (fields, block) = (HeaderList::new(), Vec::new());
            Box::new(Kept { status, fields, version, block })
        });
        (kept.status, kept.version) = (status, version);
        kept.fields.clone_from(fields);
        kept.block.clear();
        kept.block.extend_from_slice(block);
    }

    /// How much memory the section holds.
    pub fn memory(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| size_of::<Kept>() + kept.fields.memory() + kept.block.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h2::hpack::Decoder;

    fn list(fields: &[(&str, &str, bool)]) -> HeaderList {
        let mut list = HeaderList::new();
        fields.iter().for_each(|(name, value, is_sensitive)| {
            list.push_lower(name.as_bytes(), value.as_bytes(), *is_sensitive);
        });
        list
    }

    /// Decodes the block.
    fn decoded(decoder: &mut Decoder, block: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, bool)> {
        let mut fields = HeaderList::new();
        decoder.decode(block, &mut fields, |_, _, _| true).expect("a block");
        fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec(), field.is_sensitive)).collect()
    }

    #[test]
    fn a_peer_sees_each_section_as_it_is() {
        let (mut repeat, mut encoder, mut decoder) = (Repeat::default(), Encoder::new(), Decoder::new(4096));
        let date = |second: u32| format!("Thu, 01 Jan 1970 00:00:{second:02} GMT");
        for round in 0..2000u32 {
            let (date, length) = (date(round / 50 % 60), (round / 7 % 3).to_string());
            let mut fields = vec![("content-type", "text/plain", false), ("date", &*date, false)];
            // Sections with the same length but other fields, flags and orders.
            match round % 11 {
                0..6 => fields.push(("content-length", &length, false)),
                6 => fields.push(("content-length", "x", false)),
                7 => fields.push(("x", "content-length", true)),
                8 => fields.insert(0, ("content-lengt", "hx", false)),
                9 => fields.push(("content-length", "1", true)),
                _ => fields.swap(0, 1),
            }
            let status = [200, 200, 200, 404, 204][round as usize / 5 % 5];
            if round % 301 == 300 {
                encoder.set_limit(if round % 2 == 0 { 0 } else { 4096 });
            }
            let mut out = Vec::new();
            encoder.begin(&mut out);
            repeat.encode(&mut encoder, StatusCode::from_u16(status).ok(), &list(&fields), &mut out);
            let mut expected = vec![(b":status".to_vec(), status.to_string().into_bytes(), false)];
            expected.extend(fields.iter().map(|(name, value, is_sensitive)| {
                (name.as_bytes().to_vec(), value.as_bytes().to_vec(), *is_sensitive)
            }));
            assert_eq!(decoded(&mut decoder, &out), expected, "round {round}");
        }
        assert!(repeat.kept.is_some() && repeat.memory() < 1000);
    }

    #[test]
    fn what_comes_once_is_not_kept() {
        let (mut repeat, mut encoder, mut out) = (Repeat::default(), Encoder::new(), Vec::new());
        let fields = list(&[("content-length", "13", false)]);
        repeat.encode(&mut encoder, Some(StatusCode::OK), &fields, &mut out);
        assert_eq!(repeat.memory(), 0);
        repeat.encode(&mut encoder, Some(StatusCode::OK), &fields, &mut out);
        assert!(repeat.memory() > 0);
        let before = out.len();
        repeat.encode(&mut encoder, Some(StatusCode::OK), &fields, &mut out);
        assert_eq!(out[before..], out[..before / 2]);
    }
}
