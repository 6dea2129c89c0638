//! A header or trailer section: an ordered list of fields (RFC 9110, section 5).
//!
//! All names and values are stored in one buffer, and each field has the positions of its
//! name and value. The order of all fields is therefore kept, and a list that is used
//! again allocates nothing. Names are in lower case (RFC 9113, section 8.2).

use std::fmt;

/// As a flag of a received field: it was sent as never indexed, and a proxy must
/// forward it so (RFC 7541, section 7.1.3). As the byte before the name of a field
/// that you pass: send it as never indexed; see `goaway_field`.
pub const GOAWAY_FIELD_SENSITIVE: u8 = 1;

/// Fields in the order in which they were received or added.
#[derive(Default, PartialEq)]
pub struct HeaderList {
    /// There is nothing between two fields, so equal lists have equal text.
    text: Vec<u8>,
    fields: Vec<Place>,
}

/// The position of a field in the text: its name from `start`, its value from `middle` to
/// `end`. The next field begins at `end`.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    start: u32,
    middle: u32,
    end: u32,
    is_sensitive: bool,
}

/// One field of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// In lower case.
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// Never indexed, also by intermediaries (RFC 7541, section 7.1.3).
    pub is_sensitive: bool,
}

impl HeaderList {
    pub const fn new() -> Self {
        Self { text: Vec::new(), fields: Vec::new() }
    }

    /// Reserves capacity for `text` more bytes of names and values in `fields` more
    /// fields.
    pub fn reserve(&mut self, bytes: usize, fields: usize) {
        self.text.reserve(bytes);
        self.fields.reserve(fields);
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How much memory the list holds.
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<Place>()
    }

    /// The number of bytes of all names and values.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Removes all fields, and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
    }

    /// Appends a field. The name is converted to lower case. Neither it nor the value is
    /// checked. All names and values together must be shorter than 4 GiB.
    pub fn push(&mut self, name: &[u8], value: &[u8], is_sensitive: bool) {
        let start = self.text.len();
        self.push_lower(name, value, is_sensitive);
        self.text[start..start + name.len()].make_ascii_lowercase();
    }

    /// The same for a name in lower case.
    pub fn push_lower(&mut self, name: &[u8], value: &[u8], is_sensitive: bool) {
        let start = self.text.len();
        self.text.reserve(name.len() + value.len());
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        self.add_place(start, start + name.len(), is_sensitive);
    }

    /// The same for name and value in one slice. The name is the first `name` bytes.
    pub fn push_joined(&mut self, field: &[u8], name_len: usize, is_sensitive: bool) {
        let start = self.text.len();
        self.text.extend_from_slice(field);
        self.add_place(start, start + name_len, is_sensitive);
    }

    /// Appends a field that `write` appends to the text: first the name in lower case,
    /// then the value. `write` returns the position of the value, or `None` if the field
    /// is not to be added.
    pub fn push_with<E>(
        &mut self,
        is_sensitive: bool,
        write: impl FnOnce(&mut Vec<u8>) -> Result<Option<usize>, E>,
    ) -> Result<(), E> {
        let start = self.text.len();
        let written = write(&mut self.text);
        match written {
            Ok(Some(middle)) => self.add_place(start, middle, is_sensitive),
            _ => self.text.truncate(start),
        }
        written.map(drop)
    }

    /// Appends a field whose name and value were appended to the text.
    fn add_place(&mut self, start: usize, middle: usize, is_sensitive: bool) {
        let end = u32::try_from(self.text.len()).expect("a header section is limited to much less than 4 GiB");
        self.fields.push(Place { start: start as u32, middle: middle as u32, end, is_sensitive });
    }

    /// Replaces all fields with this name, in any case, by one. It gets the position of
    /// the first of them, or the last position if there was none.
    pub fn set(&mut self, name: &[u8], value: &[u8], is_sensitive: bool) {
        let text = &self.text;
        let is_it = |place: &Place| place.name(text).eq_ignore_ascii_case(name);
        let Some(first) = self.fields.iter().position(is_it) else {
            return self.push(name, value, is_sensitive);
        };
        let mut at = 0;
        self.retain(|field| {
            at += 1;
            at <= first + 1 || !field.name.eq_ignore_ascii_case(name)
        });
        let place = &mut self.fields[first];
        let (middle, end) = (place.middle, place.end);
        self.text.splice(middle as usize..end as usize, value.iter().copied());
        (place.end, place.is_sensitive) = (middle + value.len() as u32, is_sensitive);
        let moved = place.end.wrapping_sub(end);
        for place in &mut self.fields[first + 1..] {
            for offset in [&mut place.start, &mut place.middle, &mut place.end] {
                *offset = offset.wrapping_add(moved);
            }
        }
    }

    /// Sets all fields of another list. They replace those with the same names here, as
    /// in `set`. Several fields with one name are all set.
    pub fn set_all(&mut self, other: &HeaderList) {
        for (at, field) in other.iter().enumerate() {
            let is_first = other.iter().take(at).all(|before| before.name != field.name);
            match is_first {
                true => self.set(field.name, field.value, field.is_sensitive),
                false => self.push_lower(field.name, field.value, field.is_sensitive),
            }
        }
    }

    /// Removes all fields with this name in lower case. False if there were none.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let has_any = self.contains(name);
        if has_any {
            self.retain(|field| field.name != name);
        }
        has_any
    }

    /// Removes the fields for which `keep` is false.
    fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) {
        let (text, mut end) = (&mut self.text, 0);
        self.fields.retain_mut(|place| {
            if !keep(place.field(text)) {
                return false;
            }
            text.copy_within(place.start as usize..place.end as usize, end as usize);
            let moved = place.start - end;
            (place.start, place.middle, place.end) = (end, place.middle - moved, place.end - moved);
            end = place.end;
            true
        });
        text.truncate(end as usize);
    }

    /// The value of the first field with this name in lower case.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields.iter().find(|place| place.is_named(name, &self.text)).map(|place| place.value(&self.text))
    }

    /// The values of all fields with this name in lower case.
    pub fn get_all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + Clone {
        let is_it = move |place: &&Place| place.is_named(name, &self.text);
        self.fields.iter().filter(is_it).map(|place| place.value(&self.text))
    }

    pub fn contains(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Field<'_>> + Clone {
        self.fields.iter().map(|place| place.field(&self.text))
    }

    /// The field at this index.
    pub fn at(&self, index: usize) -> Option<Field<'_>> {
        self.fields.get(index).map(|place| place.field(&self.text))
    }
}

impl Clone for HeaderList {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), fields: self.fields.clone() }
    }

    /// Keeps the memory of the list.
    fn clone_from(&mut self, other: &Self) {
        self.text.clone_from(&other.text);
        self.fields.clone_from(&other.fields);
    }
}

impl Place {
    fn name(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..self.middle as usize]
    }

    fn is_named(self, name: &[u8], text: &[u8]) -> bool {
        // Most names already differ in their length.
        (self.middle - self.start) as usize == name.len() && self.name(text) == name
    }

    fn value(self, text: &[u8]) -> &[u8] {
        &text[self.middle as usize..self.end as usize]
    }

    fn field(self, text: &[u8]) -> Field<'_> {
        Field { name: self.name(text), value: self.value(text), is_sensitive: self.is_sensitive }
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
    fn a_field_is_written_in_its_place() {
        let mut written = list(&[("a", "1")]);
        let write = |text: &mut Vec<u8>, kept: bool| {
            text.extend_from_slice(b"name");
            let middle = text.len();
            text.extend_from_slice(b"value");
            Ok::<_, ()>(kept.then_some(middle))
        };
        written.push_with(false, |text| write(text, true)).unwrap();
        written.push_with(false, |text| write(text, false)).unwrap();
        assert_eq!(written.push_with(false, |text| write(text, true).and(Err(()))), Err(()));
        written.push_joined(b"b2", 1, false);
        assert_eq!(written, list(&[("a", "1"), ("name", "value"), ("b", "2")]));
    }

    #[test]
    fn fields_are_removed() {
        let mut changed = list(&[("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]);
        assert!(changed.remove(b"a") && !changed.remove(b"a"));
        assert_eq!(changed, list(&[("b", "2"), ("c", "4")]));
        changed.push(b"D", b"5", true);
        assert!(changed.at(2).is_some_and(|field| field.is_sensitive));
        changed.clear();
        assert!(changed.is_empty());
    }

    #[test]
    fn a_field_is_set_where_the_first_of_its_name_stood() {
        for value in ["", "5", "longer than before"] {
            let mut changed = list(&[("a", "1"), ("b", "2"), ("c", "3"), ("b", "44"), ("d", "")]);
            changed.set(b"B", value.as_bytes(), true);
            assert_eq!(changed.at(1), Some(Field { name: b"b", value: value.as_bytes(), is_sensitive: true }));
            changed.set(b"b", value.as_bytes(), false);
            assert_eq!(changed, list(&[("a", "1"), ("b", value), ("c", "3"), ("d", "")]));
            changed.set(b"d", b"6", false);
            changed.set(b"E", b"7", false);
            assert_eq!(changed, list(&[("a", "1"), ("b", value), ("c", "3"), ("d", "6"), ("e", "7")]));
        }
    }

    #[test]
    fn all_of_a_list_are_set() {
        let mut changed = list(&[("a", "1"), ("b", "2"), ("a", "3")]);
        changed.set_all(&list(&[("c", "4"), ("a", "5"), ("c", "6"), ("a", "7")]));
        assert_eq!(changed, list(&[("a", "5"), ("b", "2"), ("c", "4"), ("c", "6"), ("a", "7")]));
    }

    /// Applies the same changes to a list and to a vector of fields.
    #[test]
    fn any_changes_do_what_they_do_to_a_vector() {
        let mut seed = 1u32;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as usize % below
        };
        for _ in 0..200 {
            let (mut changed, mut plain) = (HeaderList::new(), Vec::<(String, String)>::new());
            for _ in 0..20 {
                let (name, value) = (["a", "bb", "ccc"][next(3)], "x".repeat(next(4)));
                let first = plain.iter().position(|(known, _)| known == name);
                match next(4) {
                    0 => {
                        changed.set(name.as_bytes(), value.as_bytes(), false);
                        plain.retain(|(known, _)| known != name);
                        plain.insert(first.unwrap_or(plain.len()), (name.into(), value));
                    }
                    1 => {
                        assert_eq!(changed.remove(name.as_bytes()), first.is_some());
                        plain.retain(|(known, _)| known != name);
                    }
                    _ => {
                        changed.push(name.as_bytes(), value.as_bytes(), false);
                        plain.push((name.into(), value));
                    }
                }
                let pairs: Vec<_> = plain.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                assert_eq!(changed, list(&pairs));
                let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
                assert_eq!(changed.text_len(), bytes);
            }
        }
    }
}
