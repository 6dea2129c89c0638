//! A session's streams, from the request until the last frame has left.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

use super::stream::{Handle, Stream};
use crate::config::Config;
use crate::connection::clocks::{Debt, Watch};

/// How many empty maps and lists a thread keeps, and of how many entries at most.
const KEPT: usize = 64;
const KEPT_ENTRIES: usize = 256;

thread_local! {
    /// Empty, with room: an idle session holds no memory for streams, a busy one
    /// takes what is warm.
    static SPARE: RefCell<(Vec<Held>, Vec<VecDeque<Leaving>>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

type Held = HashMap<u32, Stream, BuildHasherDefault<Spread>>;

/// The streams that are open on the wire.
#[derive(Default)]
pub struct Streams {
    /// Those whose requests the host holds.
    held: Held,
    /// Those of which h2 has the last frame. Most answers leave at once, so
    /// that they are here for moments only, in few bytes that stay warm.
    leaving: VecDeque<Leaving>,
    inside: u64,
}

struct Leaving {
    id: u32,
    is_reset: bool,
    handle: Handle,
    /// Whether its answer has left, and only a reset behind it has not.
    has_left: bool,
    /// Bytes of the body that h2 has and that have not left.
    inside: u64,
    /// Set when it is looked at: mostly it is gone before.
    watch: Option<Watch>,
}

/// What is known of a stream that was taken off.
pub struct Gone {
    /// The request that the host still holds, or 0.
    pub request: u64,
    /// Bytes of the body that h2 had and that had not left.
    pub inside: u64,
    /// Whether its answer has left whole.
    pub has_left: bool,
}

/// What is asked of a stream's peer.
pub struct Terms {
    pub received: u64,
    pub idle: Duration,
    pub owes: bool,
}

impl Streams {
    pub fn insert(&mut self, stream: Stream) {
        if stream.request == 0 {
            let Stream { id, is_reset, handle, has_left, inside, .. } = stream;
            if self.leaving.capacity() == 0 {
                self.leaving = SPARE.with_borrow_mut(|(_, lists)| lists.pop()).unwrap_or_default();
            }
            self.leaving.push_back(Leaving { id, is_reset, handle, has_left, inside, watch: None });
        } else {
            if self.held.capacity() == 0 {
                self.held = SPARE.with_borrow_mut(|(maps, _)| maps.pop()).unwrap_or_default();
            }
            self.held.insert(stream.id, stream);
        }
    }

    /// Nothing more happens for now: what is empty is for others to use.
    pub fn rest(&mut self) {
        if self.leaving.is_empty() && self.leaving.capacity() > 0 {
            let list = std::mem::take(&mut self.leaving);
            SPARE.with_borrow_mut(|(_, lists)| keep(lists, list.capacity(), list));
        }
        if self.held.is_empty() && self.held.capacity() > 0 {
            let map = std::mem::take(&mut self.held);
            SPARE.with_borrow_mut(|(maps, _)| keep(maps, map.capacity(), map));
        }
    }

    /// Takes a stream out to work on it; it goes back with `insert`.
    pub fn take(&mut self, id: u32) -> Option<Stream> {
        self.held.remove(&id)
    }

    /// Takes a stream that has ended off.
    pub fn remove(&mut self, id: u32) -> Option<Gone> {
        // They leave mostly in the order in which they came.
        let is_first = self.leaving.front().is_some_and(|stream| stream.id == id);
        let at = if is_first { Some(0) } else { self.leaving.iter().position(|stream| stream.id == id) };
        if let Some(at) = at {
            let gone = if is_first { self.leaving.pop_front() } else { self.leaving.remove(at) };
            let (inside, has_left) = gone.map_or((0, false), |stream| (stream.inside, stream.has_left));
            self.inside -= inside;
            return Some(Gone { request: 0, inside, has_left });
        }
        let Stream { request, inside, has_left, .. } = self.held.remove(&id)?;
        self.inside -= inside;
        Some(Gone { request, inside, has_left })
    }

    /// The last frame of a stream's answer has left. True if the stream is taken
    /// off: the host may still want the rest of the body.
    pub fn answered(&mut self, id: u32) -> bool {
        match self.held.get_mut(&id) {
            Some(stream) => {
                stream.has_left = true;
                false
            }
            None => self.remove(id).is_some(),
        }
    }

    /// Whether a stream is open on the wire, or its last frame on the way there.
    pub fn has(&self, id: u32) -> bool {
        self.held.contains_key(&id) || self.leaving.iter().any(|stream| stream.id == id)
    }

    /// h2 was given bytes of a stream's body.
    pub fn given(&mut self, bytes: u64) {
        self.inside += bytes;
    }

    /// Bytes of a stream's body have left. True if those were the last, and the
    /// host waits for that.
    pub fn left(&mut self, id: u32, bytes: u64) -> bool {
        let (inside, waits) = match self.held.get_mut(&id) {
            Some(stream) => (&mut stream.inside, stream.waits_to_leave),
            None => match self.leaving.iter_mut().find(|stream| stream.id == id) {
                Some(stream) => (&mut stream.inside, false),
                None => return false,
            },
        };
        *inside -= bytes;
        self.inside -= bytes;
        waits && *inside == 0
    }

    /// Bytes of all streams' bodies that h2 has and that have not left.
    pub fn inside(&self) -> u64 {
        self.inside
    }

    /// Looks at the clocks of all streams. `held` tells of a request how many
    /// bytes of its body have come, what idle time it may take and whether the
    /// peer owes something; `left` is how many bytes of DATA have left.
    pub fn look(
        &mut self,
        config: &Config,
        now: Instant,
        left: u64,
        held: impl Fn(&Stream) -> Terms,
    ) -> Vec<(u32, Debt)> {
        let mut debts = Vec::new();
        for (id, stream) in &mut self.held {
            let Terms { received, idle, owes } = held(stream);
            let bytes = stream.given + received;
            let watch = stream.watch.get_or_insert_with(|| Box::new(Watch::new(now, bytes)));
            debts.extend(watch.look(config, idle, now, bytes, owes).map(|debt| (*id, debt)));
        }
        for stream in &mut self.leaving {
            let watch = stream.watch.get_or_insert_with(|| Watch::new(now, left));
            debts.extend(watch.look(config, config.stream_idle, now, left, true).map(|debt| (stream.id, debt)));
        }
        debts
    }

    /// Ends one stream with RST_STREAM.
    pub fn reset(&mut self, id: u32, code: u32) {
        if let Some(stream) = self.held.get_mut(&id) {
            stream.reset(code);
        } else if let Some(stream) = self.leaving.iter_mut().find(|stream| stream.id == id) {
            stream.is_reset = true;
            stream.handle.reset(code);
        }
    }

    pub fn is_reset(&self, id: u32) -> bool {
        let leaving = self.leaving.iter().find(|stream| stream.id == id).map(|stream| stream.is_reset);
        leaving.or_else(|| self.held.get(&id).map(|stream| stream.is_reset)).unwrap_or(false)
    }

    /// Ends every stream with RST_STREAM.
    pub fn reset_all(&mut self, code: u32) {
        self.held.values_mut().for_each(|stream| stream.reset(code));
        for stream in &mut self.leaving {
            stream.is_reset = true;
            stream.handle.reset(code);
        }
    }

    pub fn len(&self) -> usize {
        self.held.len() + self.leaving.len()
    }

    /// Those of them that we push.
    pub fn pushed(&self) -> usize {
        let ids = self.held.keys().copied().chain(self.leaving.iter().map(|stream| stream.id));
        ids.filter(|id| id.is_multiple_of(2)).count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn ids(&self) -> Vec<u32> {
        self.held.keys().copied().chain(self.leaving.iter().map(|stream| stream.id)).collect()
    }

    pub fn held_ids(&self) -> Vec<u32> {
        self.held.keys().copied().collect()
    }

    pub fn any_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether the host holds any that the peer has opened.
    pub fn any_of_peer_held(&self) -> bool {
        self.held.keys().any(|id| !id.is_multiple_of(2))
    }

    /// Gives up every handle without touching h2; the requests that the host holds.
    pub fn abandon(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.leaving).into_iter().for_each(std::mem::forget);
        let held = std::mem::take(&mut self.held).into_values();
        held.map(|stream| {
            let request = stream.request;
            std::mem::forget(stream);
            request
        })
        .collect()
    }
}

fn keep<T>(spare: &mut Vec<T>, entries: usize, empty: T) {
    if spare.len() < KEPT && entries <= KEPT_ENTRIES {
        spare.push(empty);
    }
}

/// Spreads identifiers, which the peer counts up, over the table.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("stream identifiers are u32")
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
