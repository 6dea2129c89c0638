//! What the demo's session events must come to.
//!
//! The demo keeps the last 1000 events only, so they are fetched after every
//! batch of visitors, which makes fewer; each fetch is joined to the one before
//! it where they overlap, so that no event is missed and none is counted twice.
//! If they do not overlap, the test fails, rather than going on half blind.
//!
//! Checked of every event: its session was opened before, once, and not yet
//! closed. So nothing is opened twice, closed twice, closed unopened, or heard
//! of after its end. That all is closed in the end, the caller sees by `open`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

#[derive(Default)]
pub struct Books {
    /// The fetch before: "opened 17", "closed 17 graceful".
    last: Vec<String>,
    seen: HashSet<u64>,
    open: BTreeSet<u64>,
    /// How many sessions ended in which way.
    outcomes: BTreeMap<String, usize>,
}

impl Books {
    /// Takes in a fetch of all events that the demo keeps.
    pub fn enter(&mut self, events: Vec<String>) {
        let fresh = events.len() - self.overlap(&events);
        for event in &events[events.len() - fresh..] {
            self.enter_one(event);
        }
        self.last = events;
    }

    /// How many of `events` are known already: the longest end of the fetch
    /// before that this one begins with.
    fn overlap(&self, events: &[String]) -> usize {
        let ends = (0..self.last.len()).map(|at| &self.last[at..]);
        let known = ends.into_iter().find(|end| events.starts_with(end));
        assert!(known.is_some() || self.last.is_empty(), "more events between two fetches than the demo keeps");
        known.map_or(0, <[String]>::len)
    }

    fn enter_one(&mut self, event: &str) {
        let words: Vec<&str> = event.split_whitespace().collect();
        let id = words.get(1).and_then(|id| id.parse().ok());
        let id: u64 = id.unwrap_or_else(|| panic!("an event without a session: {event:?}"));
        if words[0] == "opened" {
            assert!(self.seen.insert(id), "session {id} was opened twice");
            self.open.insert(id);
            return;
        }
        let was_open = if words[0] == "closed" { self.open.remove(&id) } else { self.open.contains(&id) };
        let why = if self.seen.contains(&id) { "closed" } else { "not opened" };
        assert!(was_open, "{event:?}, but it was {why}");
        if words[0] == "closed" {
            *self.outcomes.entry(words[2..].join(" ")).or_default() += 1;
        }
    }

    pub fn open(&self) -> usize {
        self.open.len()
    }

    pub fn opened(&self) -> usize {
        self.seen.len()
    }

    pub fn outcomes(&self) -> String {
        let each = self.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}"));
        each.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(books: &mut Books, events: &[&str]) {
        books.enter(events.iter().map(|event| event.to_string()).collect());
    }

    #[test]
    fn fetches_are_joined_where_they_overlap() {
        let mut books = Books::default();
        enter(&mut books, &["opened 1", "ping 1", "opened 2"]);
        enter(&mut books, &["ping 1", "opened 2", "closed 1 graceful", "opened 3"]);
        enter(&mut books, &["opened 3"]);
        assert_eq!((books.opened(), books.open()), (3, 2));
        assert_eq!(books.outcomes(), "1 graceful");
    }

    #[test]
    #[should_panic(expected = "than the demo keeps")]
    fn a_gap_is_found() {
        let mut books = Books::default();
        enter(&mut books, &["opened 1"]);
        enter(&mut books, &["opened 3"]);
    }

    #[test]
    #[should_panic(expected = "but it was closed")]
    fn a_second_end_is_found() {
        enter(&mut Books::default(), &["opened 1", "closed 1 by_peer", "closed 1 by_peer"]);
    }

    #[test]
    #[should_panic(expected = "but it was not opened")]
    fn an_end_without_a_beginning_is_found() {
        enter(&mut Books::default(), &["closed 1 by_peer"]);
    }
}
