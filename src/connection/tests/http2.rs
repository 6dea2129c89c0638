//! HTTP/2 sessions in virtual time: each limit takes effect in time, with the right
//! frames for the peer and events for the host. The peer writes bare frames.

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};

use self::frame::{ACK, END_HEADERS, END_STREAM, Frame, PREFACE, goaway, kind, number, write};
use crate::arrival::http2_limits;
use crate::config::Config;
use crate::connection::testing::{Host, in_virtual_time, never_responds, responds, responds_much};
use crate::event::{Cause, EventKind};
use crate::h2;
use crate::request;
use crate::route::{Routes, Target};
use crate::session::Order;
use crate::shared::Setup;
use crate::table::lock;

mod backlog;
mod connect;
mod extension;
mod frame;
mod keep;
mod limits;
mod memory;
mod push;
mod told;
mod unserved;
mod uploads;

const CALM: u32 = 11;
const CANCEL: u32 = 8;
const SETTINGS_TIMEOUT: u32 = 4;
/// `:method GET`, `:scheme http` and `:path /` from the static table, and `:authority a`.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'a'];

/// The peer of a session under test, and the events of its host.
struct Peer {
    stream: DuplexStream,
    /// An incomplete frame.
    partial: Vec<u8>,
    frames: Vec<(Frame, Vec<u8>)>,
    /// Everything that was received.
    bytes: Vec<u8>,
    host: Host,
}

/// The methods of the host are available on the peer.
impl Deref for Peer {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl Peer {
    /// Starts a session whose handler for `GET /` is `handler`.
    fn of(config: Config, buffer: usize, handler: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self::at("GET /", config, buffer, handler)
    }

    /// The same for another pattern.
    fn at(pattern: &str, config: Config, buffer: usize, handler: impl Fn(u64) + Send + Sync + 'static) -> Self {
        let mut routes = Routes::default();
        routes.register(pattern, Target::Handler(Arc::new(handler))).unwrap();
        let engine = |setup: &Setup| {
            let limits = http2_limits(&setup.config, setup.offers_connect());
            h2::Http2::new(limits, Instant::now().into())
        };
        let (stream, host) = Host::serve((config, routes), buffer, |socket| socket, engine);
        Self { stream, partial: Vec::new(), frames: Vec::new(), bytes: Vec::new(), host }
    }

    async fn send(&mut self, bytes: &[u8]) {
        // A session that has ended reads nothing. The test examines why it has.
        let _ = self.stream.write_all(bytes).await;
    }

    async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut bytes = Vec::new();
        write(&mut bytes, kind, flags, stream, payload);
        self.send(&bytes).await;
    }

    /// Sends the preface, SETTINGS with these entries, and the acknowledgement of the
    /// session's SETTINGS.
    async fn settle(&mut self, settings: &[u8]) {
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        self.frame(kind::SETTINGS, 0, 0, settings).await;
        self.frame(kind::SETTINGS, ACK, 0, &[]).await;
    }

    async fn get(&mut self, stream: u32) {
        self.frame(kind::HEADERS, END_STREAM | END_HEADERS, stream, GET).await;
    }

    /// Sends a header section.
    async fn ask(&mut self, stream: u32, flags: u8, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let block = loona_hpack::Encoder::new().encode(fields);
        self.frame(kind::HEADERS, flags | END_HEADERS, stream, &block).await;
    }

    /// The value of a setting in a payload, by its identifier.
    fn setting(payload: &[u8], id: u8) -> Option<u32> {
        payload.chunks(6).find(|entry| entry[..2] == [0, id]).map(|entry| number(entry, 2))
    }

    /// Reads until a frame of kind `wanted`, or `None` at the end of the connection.
    /// Acknowledges PINGs if `polite`.
    async fn next(&mut self, wanted: u8, polite: bool) -> Option<(Frame, Vec<u8>)> {
        loop {
            if let Some(at) = self.frames.iter().position(|(frame, _)| frame.kind == wanted) {
                return Some(self.frames.remove(at));
            }
            let mut bytes = [0; 4096];
            let read = timeout(Duration::from_secs(3600), self.stream.read(&mut bytes)).await;
            let read = read.expect("the session goes on for ever").unwrap_or(0);
            if read == 0 {
                return None;
            }
            self.bytes.extend_from_slice(&bytes[..read]);
            self.partial.extend_from_slice(&bytes[..read]);
            while let Some((frame, payload)) = frame::take(&mut self.partial) {
                if polite && frame.kind == kind::PING && !frame.has(ACK) {
                    self.frame(kind::PING, ACK, 0, &payload).await;
                }
                self.frames.push((frame, payload));
            }
        }
    }

    /// The header blocks that were received, including promises, in order.
    fn heads(&self) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
        let (mut decoder, mut rest, mut heads) = (loona_hpack::Decoder::new(), &self.bytes[..], Vec::new());
        while rest.len() >= 9 {
            let (head, after) = rest.split_at(9);
            let (payload, next) = after.split_at(usize::from(head[1]) << 8 | usize::from(head[2]));
            match head[3] {
                kind::HEADERS => heads.push(decoder.decode(payload).unwrap()),
                kind::PUSH_PROMISE => heads.push(decoder.decode(&payload[4..]).unwrap()),
                _ => {}
            }
            rest = next;
        }
        heads
    }

    /// By how many bytes the session's window was opened.
    fn opened(&self) -> u32 {
        let (mut rest, mut opened) = (&self.bytes[..], 0);
        while rest.len() >= 9 {
            let (head, after) = rest.split_at(9);
            let (payload, next) = after.split_at(usize::from(head[1]) << 8 | usize::from(head[2]));
            opened += if head[3] == kind::WINDOW_UPDATE { number(payload, 0) } else { 0 };
            rest = next;
        }
        opened
    }

    async fn goaway(&mut self, polite: bool) -> (u32, u32) {
        let (_, payload) = self.next(kind::GOAWAY, polite).await.expect("a GOAWAY");
        (number(&payload, 0), number(&payload, 4))
    }

    async fn end(&mut self, polite: bool) {
        while self.next(0xff, polite).await.is_some() {}
    }
}

/// A handler that does nothing, and the list of its requests.
fn keeps() -> (Arc<Mutex<Vec<u64>>>, impl Fn(u64) + Send + Sync + 'static) {
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let keep = kept.clone();
    (kept, move |id| lock(&keep).push(id))
}
