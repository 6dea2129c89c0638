//! Decides whose content is sent next (RFC 9218, section 10).
//!
//! Higher urgency comes first. Responses of the same urgency are sent one after the
//! other, in the order of their requests. Incremental ones, of which the peer can use a
//! part, take turns.

use std::collections::VecDeque;

use crate::engine::Priority;

/// The streams that have content to send and may send it.
#[derive(Default)]
pub struct Schedule {
    entries: VecDeque<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    stream: u32,
    priority: Priority,
}

impl Schedule {
    /// Adds a stream, after the others that it takes turns with.
    pub fn add(&mut self, stream: u32, priority: Priority) {
        self.remove(stream);
        let entry = Entry { stream, priority };
        let at = self.entries.iter().position(|other| entry.is_before(other)).unwrap_or(self.entries.len());
        self.entries.insert(at, entry);
    }

    pub fn remove(&mut self, stream: u32) {
        if let Some(at) = self.entries.iter().position(|entry| entry.stream == stream) {
            self.entries.remove(at);
        }
    }

    /// A waiting stream has got another priority.
    pub fn change(&mut self, stream: u32, priority: Priority) {
        if self.entries.iter().any(|entry| entry.stream == stream) {
            self.add(stream, priority);
        }
    }

    /// Removes and returns the next stream.
    pub fn next(&mut self) -> Option<u32> {
        self.entries.pop_front().map(|entry| entry.stream)
    }

    /// How much memory the schedule holds.
    pub fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The connection becomes idle and holds no list.
    pub fn rest(&mut self) {
        if self.entries.is_empty() && self.entries.capacity() > 0 {
            self.entries = VecDeque::new();
        }
    }
}

impl Entry {
    /// Whether it goes before a stream that is in the list. An incremental one goes after
    /// all of its urgency, so that they take turns.
    fn is_before(&self, other: &Self) -> bool {
        match self.priority.urgency.cmp(&other.priority.urgency) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Greater => false,
            std::cmp::Ordering::Equal if self.priority.incremental => false,
            std::cmp::Ordering::Equal => other.priority.incremental || self.stream < other.stream,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order in which streams are sent. Each is `(stream, urgency, incremental,
    /// turns)`.
    fn order(streams: &[(u32, u8, bool, u32)]) -> Vec<u32> {
        let mut schedule = Schedule::default();
        let mut left: Vec<_> = streams.to_vec();
        let priority = |urgency, incremental| Priority { urgency, incremental };
        streams.iter().for_each(|(stream, urgency, incremental, _)| {
            schedule.add(*stream, priority(*urgency, *incremental));
        });
        let mut order = Vec::new();
        while let Some(stream) = schedule.next() {
            order.push(stream);
            let one = left.iter_mut().find(|one| one.0 == stream).unwrap();
            one.3 -= 1;
            if one.3 > 0 {
                schedule.add(stream, priority(one.1, one.2));
            }
        }
        order
    }

    #[test]
    fn the_urgent_come_first() {
        assert_eq!(order(&[(1, 3, false, 2), (3, 7, false, 1), (5, 0, false, 2)]), [5, 5, 1, 1, 3]);
    }

    #[test]
    fn one_after_another_or_by_turns() {
        assert_eq!(order(&[(3, 3, false, 2), (1, 3, false, 2)]), [1, 1, 3, 3]);
        assert_eq!(order(&[(1, 3, true, 2), (3, 3, true, 3), (5, 3, true, 1)]), [1, 3, 5, 1, 3, 3]);
        assert_eq!(order(&[(1, 3, true, 2), (3, 3, false, 2)]), [3, 3, 1, 1]);
    }

    #[test]
    fn a_priority_may_change() {
        let mut schedule = Schedule::default();
        [1, 3, 5].into_iter().for_each(|stream| schedule.add(stream, Priority::default()));
        schedule.change(5, Priority { urgency: 0, incremental: false });
        schedule.change(7, Priority::default());
        schedule.remove(3);
        assert_eq!([schedule.next(), schedule.next(), schedule.next()], [Some(5), Some(1), None]);
        schedule.rest();
        assert!(schedule.is_empty());
    }
}
