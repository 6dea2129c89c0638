//! PING frames of ours (RFC 9113, section 6.7), and whose they are. The payloads
//! of those that the library sends are random: none is kept from the host, and
//! the peer cannot answer one that it has not got.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::frame::{self, kind};

/// PINGs of the host that may be without a response.
const MOST: usize = 64;

#[derive(Default)]
pub struct Pings {
    of_host: Vec<[u8; 8]>,
    keep_alive: Option<[u8; 8]>,
    shut_down: Option<[u8; 8]>,
}

/// Whose PING it is that the peer has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    Host,
    KeepAlive,
    ShutDown,
    /// Nobody's.
    None,
}

impl Pings {
    /// False if the host has to wait for answers first.
    pub fn send_for_host(&mut self, payload: [u8; 8], out: &mut Vec<u8>) -> bool {
        if self.of_host.len() >= MOST {
            return false;
        }
        self.of_host.push(payload);
        frame::write(out, kind::PING, 0, 0, &payload);
        true
    }

    /// Asks whether the peer is there, unless it has been asked and has not answered.
    pub fn send_keep_alive(&mut self, out: &mut Vec<u8>) {
        if self.keep_alive.is_none() {
            self.keep_alive = Some(send_random(out));
        }
    }

    pub fn send_shut_down(&mut self, out: &mut Vec<u8>) {
        self.shut_down = Some(send_random(out));
    }

    pub fn answered(&mut self, payload: [u8; 8]) -> Answered {
        if self.shut_down.take_if(|sent| *sent == payload).is_some() {
            Answered::ShutDown
        } else if self.keep_alive.take_if(|sent| *sent == payload).is_some() {
            Answered::KeepAlive
        } else if let Some(place) = self.of_host.iter().position(|sent| *sent == payload) {
            self.of_host.remove(place);
            Answered::Host
        } else {
            Answered::None
        }
    }

    pub fn memory(&self) -> usize {
        self.of_host.capacity() * 8
    }
}

fn send_random(out: &mut Vec<u8>) -> [u8; 8] {
    let payload = RandomState::new().build_hasher().finish().to_ne_bytes();
    frame::write(out, kind::PING, 0, 0, &payload);
    payload
}
