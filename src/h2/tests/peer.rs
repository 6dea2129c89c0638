//! The client and the host of a connection under test.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::engine::{Control, Engine, Event, Fault, Priority, ResponseHead, ShutDown};
use crate::h2::hpack::Decoder;
use crate::h2::{Http2, Limits};
use crate::header_list::HeaderList;
use crate::output::{Data, Output};
use crate::padding::Padding;
use crate::setting::Setting;
use crate::testing::wire::{self, ACK, Frame, SETTINGS};

pub const LIMITS: Limits = Limits {
    max_concurrent_streams: 10,
    header_list_bytes: 16_384,
    header_fields: 100,
    stream_window_bytes: 65_535,
    session_window_bytes: 65_535,
    max_frame_bytes: 16_384,
    header_table_bytes: 4096,
    has_connect_protocol: true,
    control_burst: 500,
    control_per_second: 50,
    padding: Padding::None,
};

/// An event, stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Request {
        stream: u32,
        method: String,
        path: String,
        is_last: bool,
        priority: Priority,
    },
    Refused {
        stream: u32,
        status: u16,
        is_last: bool,
    },
    Data {
        stream: u32,
        data: Vec<u8>,
        is_last: bool,
    },
    Trailers {
        stream: u32,
        fields: Vec<(String, String)>,
    },
    Reset {
        stream: u32,
        code: u32,
    },
    Broken {
        stream: u32,
        code: u32,
    },
    Window {
        stream: u32,
    },
    Reprioritized {
        stream: u32,
        priority: Priority,
    },
    Settings(Vec<u8>),
    /// The payload of the frame, and whether the host has sent it.
    SettingsAcknowledged(Vec<u8>, bool),
    Ping([u8; 8]),
    Pong([u8; 8]),
    UnsolicitedAck(Vec<u8>),
    ShutDownAcknowledged,
    Goaway {
        last_stream: u32,
        code: u32,
        debug: Vec<u8>,
    },
}

fn pairs(fields: &HeaderList) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    fields.iter().map(|field| (text(field.name), text(field.value))).collect()
}

fn keep(event: Event<'_>) -> Seen {
    match event {
        Event::Request { stream, head, is_last, priority } => {
            let (method, path) = (head.method.to_string(), String::from_utf8_lossy(&head.path).into_owned());
            head.keep();
            Seen::Request { stream, method, path, is_last, priority }
        }
        Event::Refused { stream, status, is_last } => Seen::Refused { stream, status: status.as_u16(), is_last },
        Event::Data { stream, data, is_last } => Seen::Data { stream, data: data.to_vec(), is_last },
        Event::Trailers { stream, fields } => Seen::Trailers { stream, fields: pairs(&fields) },
        Event::Reset { stream, code } => Seen::Reset { stream, code },
        Event::Broken { stream, code, .. } => Seen::Broken { stream, code },
        Event::Window { stream } => Seen::Window { stream },
        Event::Reprioritized { stream, priority } => Seen::Reprioritized { stream, priority },
        Event::Settings(payload) => Seen::Settings(payload.to_vec()),
        Event::SettingsAcknowledged { settings, is_of_host } => {
            Seen::SettingsAcknowledged(settings.to_vec(), is_of_host)
        }
        Event::Ping(payload) => Seen::Ping(payload),
        Event::Pong(payload) => Seen::Pong(payload),
        Event::UnsolicitedAck(payload) => Seen::UnsolicitedAck(payload.to_vec()),
        Event::ShutDownAcknowledged => Seen::ShutDownAcknowledged,
        Event::Goaway { last_stream, code, debug } => Seen::Goaway { last_stream, code, debug: debug.to_vec() },
    }
}

/// A connection with both of its sides.
pub struct Peer {
    pub engine: Http2,
    pub out: Output,
    pub fault: Option<Fault>,
    /// Input that the engine has not taken.
    pub held: Vec<u8>,
    pub began: Instant,
    decoder: Decoder,
}

impl Peer {
    /// A connection on which nothing has been sent.
    pub fn silent(limits: Limits) -> Self {
        Self::silent_with(limits, &[])
    }

    /// The same, with settings of the host in the first frame.
    pub fn silent_with(limits: Limits, settings: &[Setting]) -> Self {
        let began = Instant::now();
        let mut engine = Http2::new(limits, began);
        engine.add_settings(settings);
        let mut peer =
            Self { engine, out: Output::default(), fault: None, held: Vec::new(), began, decoder: Decoder::new(4096) };
        peer.engine.begin(&mut peer.out);
        peer
    }

    /// A connection with these settings of the client. Both sides have acknowledged.
    pub fn with(limits: Limits, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self::silent(limits);
        peer.feed(&wire::preface(settings));
        peer.feed(&wire::frame(SETTINGS, ACK, 0, &[]));
        peer.frames();
        peer
    }

    pub fn new() -> Self {
        Self::with(LIMITS, &[])
    }

    /// Processes one step of the outstanding input. `None` if nothing is taken.
    pub fn step(&mut self) -> Option<Option<Seen>> {
        match self.engine.receive(&self.held, &mut self.out) {
            Ok((0, None)) => None,
            Ok((taken, event)) => {
                let seen = event.map(keep);
                self.held.drain(..taken);
                Some(seen)
            }
            Err(fault) => {
                assert!(self.fault.replace(fault).is_none(), "a second fault");
                None
            }
        }
    }

    /// The events for these bytes, after the outstanding input.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.held.extend_from_slice(bytes);
        let mut seen = Vec::new();
        while let Some(event) = self.step() {
            seen.extend(event);
        }
        seen
    }

    /// The error code for bytes with a connection error.
    pub fn fault(&mut self, bytes: &[u8]) -> Option<u32> {
        self.feed(bytes);
        self.fault.map(|fault| fault.code)
    }

    /// The output since the last call.
    pub fn frames(&mut self) -> Vec<Frame> {
        wire::frames(&self.out.take())
    }

    /// The status, if any, and the fields of a block, which must be the next one.
    pub fn decode(&mut self, block: &[u8]) -> Vec<(String, String)> {
        let mut fields = HeaderList::new();
        let all = |_, _, _: crate::header_list::Field<'_>| true;
        self.decoder.decode(block, &mut fields, all).expect("a block");
        pairs(&fields)
    }

    pub fn head(&mut self, stream: u32, status: u16, is_last: bool) {
        self.head_with(stream, status, &[], is_last);
    }

    pub fn head_with(&mut self, stream: u32, status: u16, with: &[(&str, &str)], is_last: bool) {
        let fields = list(with);
        let status = StatusCode::from_u16(status).expect("a status");
        let is_tunnel = false;
        let head = ResponseHead { status, fields: &fields, is_last, is_whole: false, is_tunnel, closes: false };
        self.engine.send_head(stream, head, &mut self.out);
    }

    pub fn tunnel(&mut self, stream: u32) {
        let fields = HeaderList::new();
        let (status, is_last, is_whole, is_tunnel, closes) = (StatusCode::OK, false, false, true, false);
        let head = ResponseHead { status, fields: &fields, is_last, is_whole, is_tunnel, closes };
        self.engine.send_head(stream, head, &mut self.out);
    }

    pub fn data(&mut self, stream: u32, content: &[u8], is_last: bool) {
        self.engine.send_data(stream, Data::Borrowed(content), is_last, &mut self.out);
    }

    pub fn trailers(&mut self, stream: u32, with: &[(&str, &str)]) {
        self.engine.send_trailers(stream, &list(with), &mut self.out);
    }

    /// Sends a whole response with content.
    pub fn respond(&mut self, stream: u32, content: &[u8]) {
        self.head(stream, 200, content.is_empty());
        if !content.is_empty() {
            self.data(stream, content, true);
        }
    }

    pub fn reset(&mut self, stream: u32, code: u32) {
        assert!(self.engine.reset(stream, code, &mut self.out));
    }

    pub fn consume(&mut self, stream: u32, bytes: usize) {
        self.engine.consume(stream, bytes, &mut self.out);
    }

    pub fn control(&mut self, control: Control<'_>) -> bool {
        self.engine.send_control(control, &mut self.out)
    }

    /// The host sends settings. Returns the payload of the frame.
    pub fn set(&mut self, settings: &[(u16, u32)]) -> Vec<u8> {
        let list: Vec<_> = settings.iter().map(|(id, value)| Setting { id: *id, value: *value }).collect();
        self.frames();
        assert!(self.control(Control::Settings(&list)));
        let written = self.frames();
        assert_eq!(written, wire::frames(&wire::settings(settings)));
        written[0].payload.clone()
    }

    /// The client acknowledges the oldest frame, which must have that payload.
    pub fn acknowledge(&mut self, payload: &[u8]) {
        let seen = self.feed(&wire::frame(SETTINGS, ACK, 0, &[]));
        assert_eq!(seen, [Seen::SettingsAcknowledged(payload.to_vec(), true)]);
    }

    pub fn shut_down(&mut self, step: ShutDown) {
        self.engine.shut_down(step, &mut self.out);
    }

    /// The GOAWAY frames that were written: last stream, code, debug data.
    pub fn goaways(&mut self) -> Vec<(u32, u32, String)> {
        let all = self.frames().into_iter().filter(|frame| frame.kind == wire::GOAWAY);
        let text = |frame: &Frame| String::from_utf8_lossy(&frame.payload[8..]).into_owned();
        all.map(|frame| (frame.number(0), frame.number(4), text(&frame))).collect()
    }

    /// The streams that were reset, with their codes.
    pub fn resets(&mut self) -> Vec<(u32, u32)> {
        let all = self.frames().into_iter().filter(|frame| frame.kind == wire::RST_STREAM);
        all.map(|frame| (frame.stream, frame.number(0))).collect()
    }

    pub fn window_updates(&mut self) -> Vec<(u32, u32)> {
        let all = self.frames().into_iter().filter(|frame| frame.kind == wire::WINDOW_UPDATE);
        all.map(|frame| (frame.stream, frame.number(0))).collect()
    }

    /// Sets the time to `millis` after the beginning.
    pub fn at(&mut self, millis: u64) {
        self.engine.refill(self.began + Duration::from_millis(millis));
    }
}

pub fn list(with: &[(&str, &str)]) -> HeaderList {
    let mut fields = HeaderList::new();
    with.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes(), false));
    fields
}

/// The event of a request without content.
pub fn requested(stream: u32) -> Seen {
    let (method, path) = ("GET".into(), "/".into());
    Seen::Request { stream, method, path, is_last: true, priority: Priority::default() }
}

pub fn content(stream: u32, data: &[u8], is_last: bool) -> Seen {
    Seen::Data { stream, data: data.to_vec(), is_last }
}

pub fn broken(stream: u32, code: u32) -> Seen {
    Seen::Broken { stream, code }
}
