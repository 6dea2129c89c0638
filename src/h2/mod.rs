//! HTTP/2 (RFC 9113): the engine of one connection.
//!
//! - [`receive`]: received frames, [`content`]: DATA, [`block`]: header blocks
//! - [`send`]: frames to send
//! - [`shutdown`]: GOAWAY in steps, [`late`]: frames that arrive after the last one
//! - [`streams`], [`stream`]: the streams and their states
//! - [`flow`]: the windows of both directions
//! - [`settings`]: the settings of both sides
//! - [`ping`]: outstanding PINGs
//! - [`early`]: priorities of streams that were not opened yet
//! - [`budget`]: the budgets for frames that bring nothing
//! - [`section`]: the rules for header sections and trailer sections
//! - [`frame`]: the layout of frames
//! - [`hpack`]: the compression of header sections
//! - [`verdict`]: the rules for a single field
//! - [`name`]: the names of fields with rules

mod block;
mod budget;
#[cfg(any(test, fuzzing))]
pub mod check;
mod content;
mod early;
mod flow;
mod frame;
pub mod hpack;
mod late;
pub mod name;
mod ping;
mod receive;
pub mod section;
mod send;
mod settings;
mod shutdown;
mod stream;
mod streams;
#[cfg(test)]
mod tests;
pub mod verdict;

use std::time::Instant;

use http::StatusCode;

use crate::engine::{Control, Engine, Event, Fault, Flood, Memory, RequestHead, ResponseHead, ShutDown};
use crate::header_list::HeaderList;
use crate::output::{Data, Output};
use crate::padding::Padding;
use crate::setting::Setting;
use block::Block;
use budget::Budget;
use content::Rest;
use early::Early;
use flow::{DEFAULT_WINDOW, ReceiveWindow, SHORT_SESSION_WINDOW, SendWindow};
use frame::code;
use hpack::{Decoder, Encoder, Repeat};
use late::Scanner;
use ping::Pings;
use settings::{DEFAULT_TABLE, LocalSettings, RemoteSettings};
use shutdown::Shutdown;
use streams::Streams;

/// The limits on a peer, most of them sent in our SETTINGS, and our padding. The engine
/// is created with the limits to announce. It then stores those in effect.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_concurrent_streams: u32,
    /// The bytes of names and values, plus 32 for each field.
    pub header_list_bytes: u32,
    pub header_fields: usize,
    pub stream_window_bytes: u32,
    pub session_window_bytes: u32,
    pub max_frame_bytes: u32,
    pub header_table_bytes: u32,
    pub has_connect_protocol: bool,
    /// How many frames that bring nothing are free: at once, and per second.
    pub control_burst: u32,
    pub control_per_second: u32,
    pub padding: Padding,
}

impl Limits {
    fn section(&self) -> section::Limits {
        section::Limits {
            header_list_bytes: self.header_list_bytes,
            header_fields: self.header_fields,
            has_connect_protocol: self.has_connect_protocol,
        }
    }
}

/// The part of the input that the next byte belongs to.
enum Input {
    /// The client's preface.
    Preface,
    /// A frame, from its first byte.
    Frame,
    /// The outstanding part of a DATA frame.
    Content(Rest),
    /// The outstanding part of a frame that is ignored. `is_content`: the frame is DATA,
    /// which has no time limit.
    Skipped { length: u32, is_content: bool },
    /// No more input is processed. `rest`: the outstanding part of a frame with a
    /// connection error.
    Over { rest: u32 },
}

/// The engine of one connection.
pub struct Http2 {
    limits: Limits,
    input: Input,
    /// A frame or the preface has begun and is incomplete.
    is_mid_frame: bool,
    /// Memory is short: windows are kept small.
    is_short: bool,
    /// A header block that continues in the next frame.
    block: Option<Box<Block>>,
    blocks: u64,
    decoder: Decoder,
    encoder: Encoder,
    repeat: Repeat,
    local: LocalSettings,
    remote: RemoteSettings,
    streams: Streams,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// The increment of the latter.
    session_window: u32,
    pings: Pings,
    early: Early,
    budget: Budget,
    shutdown: Shutdown,
}

impl Http2 {
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            input: Input::Preface,
            is_mid_frame: false,
            is_short: false,
            block: None,
            blocks: 0,
            // Another size takes effect when the peer announces it (RFC 9113, section
            // 4.3.1).
            decoder: Decoder::new(DEFAULT_TABLE),
            encoder: Encoder::new(),
            repeat: Repeat::default(),
            local: LocalSettings::new(&limits),
            remote: RemoteSettings::default(),
            streams: Streams::new(limits.max_concurrent_streams),
            send_window: SendWindow::new(DEFAULT_WINDOW),
            receive_window: ReceiveWindow::new(DEFAULT_WINDOW),
            session_window: DEFAULT_WINDOW,
            pings: Pings::default(),
            early: Early::default(),
            budget: Budget::new(limits.control_burst, limits.control_per_second, now),
            shutdown: Shutdown::default(),
        }
    }

    /// Adds settings to the first SETTINGS frame. They were checked.
    pub fn add_settings(&mut self, settings: &[Setting]) {
        self.local.add_to_first(settings);
    }

    /// Our SETTINGS were sent or acknowledged: applies what the peer may do now.
    fn apply_settings(&mut self) {
        let allowed = self.local.allowed();
        let change = i64::from(allowed.stream_window_bytes) - i64::from(self.limits.stream_window_bytes);
        if change != 0 {
            self.streams.iter_mut().for_each(|stream| stream.receive_window.change(change));
        }
        self.decoder.set_limit(allowed.header_table_bytes);
        self.streams.set_max_concurrent(allowed.max_concurrent_streams);
        self.limits = Limits {
            max_concurrent_streams: allowed.max_concurrent_streams,
            header_list_bytes: allowed.header_list_bytes,
            stream_window_bytes: allowed.stream_window_bytes,
            max_frame_bytes: allowed.max_frame_bytes,
            header_table_bytes: allowed.header_table_bytes,
            has_connect_protocol: allowed.has_connect_protocol,
            ..self.limits
        };
    }

    /// Sets the size of the session's window. A smaller one takes effect as content is
    /// consumed (RFC 9113, section 6.9.2).
    fn resize_session_window(&mut self, size: u32, out: &mut Vec<u8>) {
        self.receive_window.resize(i64::from(size) - i64::from(self.session_window));
        self.session_window = size;
        if let Some(increment) = self.receive_window.flush() {
            frame::write_window_update(out, 0, increment);
        }
    }

    /// `bytes` of content are consumed: the window of the session opens.
    #[inline]
    fn give_back(&mut self, bytes: u64, out: &mut Vec<u8>) {
        self.receive_window.give_back(bytes);
        let increment = match self.is_short {
            true => self.receive_window.increment_to(SHORT_SESSION_WINDOW),
            false => self.receive_window.increment(self.session_window),
        };
        if let Some(increment) = increment {
            frame::write_window_update(out, 0, increment);
        }
    }

    /// Resets a stream because of an error of the peer (RFC 9113, section 5.4.2).
    #[cold]
    fn stream_error<'a>(&mut self, stream: u32, code: u32, why: &'static str, out: &mut Output) -> Event<'a> {
        self.budget.mistake();
        frame::write_reset(out.bytes(), stream, code);
        self.streams.remember_reset(stream);
        self.streams.remove(stream);
        Event::Broken { stream, code, why }
    }

    /// After the last GOAWAY nothing is read or written any more.
    fn stop(&mut self, last_stream: u32, code: u32, debug: &[u8], out: &mut Output) {
        if !self.shutdown.has_ended() {
            self.shutdown.write_last(last_stream, code, debug, out.bytes());
            self.close_input();
        }
    }

    /// Ends the processing of input: from now on only new streams are counted.
    fn close_input(&mut self) {
        let rest = match &self.input {
            Input::Content(rest) => rest.bytes(),
            Input::Skipped { length, .. } | Input::Over { rest: length } => (*length).into(),
            Input::Preface | Input::Frame => 0,
        };
        let late = Scanner::new(rest, self.remote.has_come);
        self.count_late_block();
        self.shutdown.end(late);
        self.input = Input::Over { rest: 0 };
        self.is_mid_frame = false;
        self.block = None;
        self.streams.clear();
    }
}

impl Engine for Http2 {
    const IS_MULTIPLEXED: bool = true;

    fn begin(&mut self, out: &mut Output) {
        self.local.write_first(&self.limits, out.bytes());
        self.apply_settings();
        self.resize_session_window(self.limits.session_window_bytes, out.bytes());
    }

    #[inline]
    fn receive<'a>(&mut self, input: &'a [u8], out: &mut Output) -> Result<(usize, Option<Event<'a>>), Fault> {
        self.take(input, out)
    }

    fn discard(&mut self, input: &[u8]) {
        if !self.shutdown.has_ended() {
            self.close_input();
        }
        self.shutdown.discard(input, &mut self.streams);
    }

    fn refused(&self) -> u64 {
        self.shutdown.refused()
    }

    fn is_mid_block(&self) -> bool {
        let is_skipped = matches!(self.input, Input::Skipped { is_content: false, .. });
        self.is_mid_frame || self.block.is_some() || is_skipped
    }

    fn blocks(&self) -> u64 {
        self.blocks
    }

    fn is_settled(&self) -> bool {
        self.remote.has_come && self.local.is_acknowledged
    }

    fn has_begun(&self) -> bool {
        !matches!(self.input, Input::Preface)
    }

    fn refill(&mut self, now: Instant) {
        self.budget.refill(now);
    }

    fn flood(&self) -> Flood {
        self.budget.flood()
    }

    fn set_short(&mut self, is_short: bool) {
        self.is_short = is_short;
    }

    fn memory(&self) -> Memory {
        Memory {
            fields: self.block.as_ref().map_or(0, |block| block.memory()),
            compression: self.decoder.memory() + self.encoder.memory() + self.repeat.memory(),
            streams: self.streams.memory() + self.early.memory(),
            frames: self.pings.memory() + self.local.memory(),
        }
    }

    fn has_all_content(&self, stream: u32) -> bool {
        self.streams.get(stream).is_none_or(|stream| !stream.receives)
    }

    fn consume(&mut self, stream: u32, bytes: usize, out: &mut Output) {
        self.consume_content(stream, bytes, out.bytes());
    }

    fn send_informational(&mut self, stream: u32, status: StatusCode, fields: &HeaderList, out: &mut Output) {
        self.write_informational(stream, status, fields, out.bytes());
    }

    #[inline]
    fn send_head(&mut self, stream: u32, head: ResponseHead<'_>, out: &mut Output) -> bool {
        self.write_head(stream, head, out.bytes())
    }

    #[inline]
    fn sendable(&self, stream: u32) -> usize {
        match self.streams.get(stream) {
            Some(stream) => stream.send_window.available().min(self.send_window.available()),
            // Output for it is dropped.
            None => usize::MAX,
        }
    }

    #[inline]
    fn send_data(&mut self, stream: u32, data: Data<'_>, is_last: bool, out: &mut Output) {
        self.write_data(stream, data, is_last, out);
    }

    fn send_trailers(&mut self, stream: u32, fields: &HeaderList, out: &mut Output) {
        self.write_trailers(stream, fields, out);
    }

    fn reset(&mut self, stream: u32, code: u32, out: &mut Output) -> bool {
        self.write_reset(stream, code, out.bytes());
        true
    }

    fn push(&mut self, parent: u32, head: &RequestHead, out: &mut Output) -> Option<u32> {
        self.write_promise(parent, head, out.bytes())
    }

    fn may_begin(&self, stream: u32) -> bool {
        self.may_begin_pushed(stream)
    }

    fn takes_pushes(&self) -> bool {
        self.may_push()
    }

    fn max_requests(&self) -> usize {
        self.limits.max_concurrent_streams as usize
    }

    fn send_control(&mut self, control: Control<'_>, out: &mut Output) -> bool {
        self.write_control(control, out.bytes())
    }

    fn shut_down(&mut self, step: ShutDown, out: &mut Output) {
        match step {
            ShutDown::Announce => self.shutdown.announce(&mut self.pings, out.bytes()),
            ShutDown::LastCall => self.shutdown.last_call(out.bytes()),
        }
    }

    fn send_fault(&mut self, fault: Fault, _: &[u8], out: &mut Output) {
        self.stop(self.shutdown.last_taken(), fault.code, fault.why.as_bytes(), out);
    }

    fn end(&mut self, code: u32, last_stream: Option<u32>, debug: &[u8], out: &mut Output) {
        let taken = self.shutdown.last_taken();
        self.stop(last_stream.unwrap_or(taken).min(taken), code, debug, out);
    }

    fn is_over(&self) -> bool {
        self.shutdown.has_ended() || self.shutdown.has_last_call() && self.streams.is_empty()
    }
}

/// A connection error (RFC 9113, section 5.4.1).
#[cold]
fn fault(code: u32, why: &'static str) -> Fault {
    Fault { code, why }
}

/// A connection error of the most common type.
#[cold]
fn protocol_error(why: &'static str) -> Fault {
    fault(code::PROTOCOL_ERROR, why)
}
