//! The fields of a header or trailer section (RFC 9112, section 5), counted.

use super::fault::{TOO_LARGE, bad};
use crate::engine::Fault;
use crate::grammar::token::{lower_token, trim};
use crate::header_list::{Field, HeaderList};

/// Names up to this length are converted to lower case while they are checked.
const SHORT_NAME: usize = 48;

/// The limits of a header section and of a trailer section.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of names and values, plus 32 for each field. The same limit applies to the
    /// request line.
    pub header_list_bytes: u32,
    /// The most fields. All cookie fields count as one, as in HTTP/2.
    pub header_fields: u32,
}

/// The fields of a section that have been received.
#[derive(Default)]
pub struct Section {
    bytes: u32,
    fields: u32,
    has_cookie: bool,
}

impl Section {
    /// Adds the field of one line, which has no control character but HTAB, to a list.
    pub fn read<'a>(&mut self, line: &[u8], limits: Limits, list: &'a mut HeaderList) -> Result<Field<'a>, Fault> {
        let mut lower = [0; SHORT_NAME];
        let (name, rest) = line.split_at(lower_token(line, &mut lower));
        let value = match (name, rest) {
            // It would continue the line before it (section 5.2).
            ([], [b' ' | b'\t', ..]) => {
                return Err(bad("a field line begins with white space (obsolete line folding)"));
            }
            ([_, ..], [b':', value @ ..]) => trim(value),
            _ => return Err(bad("a field line does not begin with a token and a colon")),
        };
        let size = u32::try_from(name.len() + value.len() + 32).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(size);
        match lower.get(..name.len()) {
            Some(lower) => list.push_lower(lower, value, false),
            None => list.push(name, value, false),
        }
        let field = list.at(list.len() - 1).expect("a field was pushed");
        // All cookie fields count as one, as in HTTP/2.
        let is_more_cookie = field.name == b"cookie" && std::mem::replace(&mut self.has_cookie, true);
        self.fields += u32::from(!is_more_cookie);
        match self.bytes > limits.header_list_bytes || self.fields > limits.header_fields {
            true => Err(TOO_LARGE),
            false => Ok(field),
        }
    }
}
