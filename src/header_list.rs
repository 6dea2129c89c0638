//! A header or trailer section: an ordered list of fields (RFC 9110, section 5).
//!
//! All names and values stand in one buffer, one behind the other, and each
//! field knows where its name and its value are. So the order of all fields is
//! kept, repeated names included, and a list that is used again allocates
//! nothing. Names are in lower case (RFC 9113, section 8.2).

use std::fmt;

/// Fields in the order in which they came or were added.
#[derive(Clone, Default)]
pub struct HeaderList {
    text: Vec<u8>,
    fields: Vec<Place>,
}

/// Where a field stands in the text: its name from `start`, its value from
/// `middle` to `end`.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    middle: u32,
    end: u32,
    is_sensitive: bool,
}

/// One field of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// In lower case.
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// Never to be indexed by intermediaries (RFC 7541, section 7.1.3).
    pub is_sensitive: bool,
}

impl HeaderList {
    pub const fn new() -> Self {
        Self { text: Vec::new(), fields: Vec::new() }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The bytes of memory that the list holds.
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<Place>()
    }

    /// Empties the list; its memory stays with it.
    pub fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
    }

    /// Adds a field behind the others. The name is put into lower case; neither
    /// it nor the value is checked.
    pub fn push(&mut self, name: &[u8], value: &[u8], is_sensitive: bool) {
        let start = self.offset();
        self.text.extend(name.iter().map(u8::to_ascii_lowercase));
        let middle = self.offset();
        self.text.extend_from_slice(value);
        self.fields.push(Place { start, middle, end: self.offset(), is_sensitive });
    }

    /// Removes all fields of that name, which is in lower case. False if there were none.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let (text, before) = (&self.text, self.fields.len());
        self.fields.retain(|place| place.name(text) != name);
        self.fields.len() < before
    }

    /// Takes back all fields behind the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.fields.truncate(len);
    }

    /// The value of the first field of that name, which is in lower case.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|field| field.name == name).map(|field| field.value)
    }

    /// The values of all fields of that name, which is in lower case.
    pub fn get_all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.iter().filter(move |field| field.name == name).map(|field| field.value)
    }

    pub fn contains(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Field<'_>> + Clone {
        self.fields.iter().map(|place| place.field(&self.text))
    }

    /// The field at that index.
    pub fn at(&self, index: usize) -> Option<Field<'_>> {
        self.fields.get(index).map(|place| place.field(&self.text))
    }

    fn offset(&self) -> u32 {
        u32::try_from(self.text.len()).expect("a header section is limited to much less than 4 GiB")
    }
}

impl Place {
    fn name(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..self.middle as usize]
    }

    fn field(self, text: &[u8]) -> Field<'_> {
        let value = &text[self.middle as usize..self.end as usize];
        Field { name: self.name(text), value, is_sensitive: self.is_sensitive }
    }
}

impl PartialEq for HeaderList {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        f.debug_list().entries(self.iter().map(|field| (text(field.name), text(field.value)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str)]) -> HeaderList {
        let mut list = HeaderList::new();
        fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value.as_bytes(), false));
        list
    }

    #[test]
    fn order_is_kept_across_names() {
        let list = list(&[("A", "1"), ("b", ""), ("a", "2"), ("b", "3")]);
        let order: Vec<_> = list.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(order, [(&b"a"[..], &b"1"[..]), (b"b", b""), (b"a", b"2"), (b"b", b"3")]);
        assert_eq!(list.get(b"a"), Some(&b"1"[..]));
        assert_eq!(list.get_all(b"b").collect::<Vec<_>>(), [&b""[..], b"3"]);
        assert_eq!(list.at(3).map(|field| field.value), Some(&b"3"[..]));
        assert!(list.at(4).is_none() && !list.contains(b"c"));
    }

    #[test]
    fn fields_are_removed_and_taken_back() {
        let mut changed = list(&[("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]);
        assert!(changed.remove(b"a") && !changed.remove(b"a"));
        assert_eq!(changed, list(&[("b", "2"), ("c", "4")]));
        changed.push(b"D", b"5", true);
        assert!(changed.at(2).is_some_and(|field| field.is_sensitive));
        changed.truncate(1);
        assert_eq!(changed, list(&[("b", "2")]));
        changed.clear();
        assert!(changed.is_empty());
    }
}
