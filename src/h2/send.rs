//! Writes frames: header blocks, content, and the frames of the session. A block is
//! encoded only when it is written, and completely, because the peer's table depends on
//! the order of the blocks.

use http::{Method, StatusCode};

use super::Http2;
use super::flow::{ReceiveWindow, SendWindow};
use super::frame::{self, DEFAULT_SIZE, HEAD, code, flag, kind};
use super::stream::{Sending, Stream};
use super::streams::is_pushed;
use crate::engine::{Control, LAST_TAKEN, RequestHead, ResponseHead};
use crate::header_list::HeaderList;
use crate::output::{Data, Output};
use crate::padding::Padding;
use crate::setting::{Setting, id};

/// The longest payload of a DATA frame. Longer frames would delay other streams.
const MOST_DATA: usize = DEFAULT_SIZE as usize;

impl Http2 {
    /// Writes an informational head. HTTP/2 has no 101 (RFC 9113, section 8.6).
    pub(super) fn write_informational(&mut self, id: u32, status: StatusCode, fields: &HeaderList, out: &mut Vec<u8>) {
        let may_stand = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
        if may_stand && self.streams.get(id).is_some_and(|stream| stream.sending == Sending::Head && !is_pushed(id)) {
            self.write_section(id, Some(status), fields, 0, out);
        }
    }

    #[inline]
    pub(super) fn write_head(&mut self, id: u32, head: ResponseHead<'_>, out: &mut Vec<u8>) -> bool {
        let Some(stream) = self.streams.get_mut(id).filter(|stream| stream.sending == Sending::Head) else {
            return head.is_last;
        };
        let is_tunnel = head.is_tunnel && stream.is_connect;
        let is_empty = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let is_last = head.is_last || !is_tunnel && (stream.is_head || is_empty);
        stream.sending = match (is_last, is_tunnel) {
            (true, _) => Sending::Done,
            (false, true) => Sending::Tunnel,
            (false, false) => Sending::Content,
        };
        let flags = if is_last { flag::END_STREAM } else { 0 };
        self.write_section(id, Some(head.status), head.fields, flags, out);
        if is_last {
            self.end_of_response(id);
        }
        is_last
    }

    /// Writes a header section, or a trailer section, which has no status.
    #[inline]
    fn write_section(
        &mut self,
        id: u32,
        status: Option<StatusCode>,
        fields: &HeaderList,
        flags: u8,
        out: &mut Vec<u8>,
    ) {
        let at = out.len();
        out.extend_from_slice(&[0; HEAD]);
        self.encoder.begin(out);
        self.repeat.encode(&mut self.encoder, status, fields, out);
        self.end_block(at, kind::HEADERS, flags, id, out);
        self.budget.sent_head();
    }

    #[inline]
    fn end_block(&self, at: usize, kind: u8, flags: u8, id: u32, out: &mut Vec<u8>) {
        let most = self.remote.max_frame_bytes as usize;
        frame::end_block(out, at, (kind, flags), id, most, self.limits.padding);
    }

    #[inline]
    pub(super) fn write_data(&mut self, id: u32, mut data: Data<'_>, is_last: bool, out: &mut Output) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        if !matches!(stream.sending, Sending::Content | Sending::Tunnel) || data.is_empty() && !is_last {
            return;
        }
        let length = data.len();
        let room = stream.send_window.available().min(self.send_window.available());
        debug_assert!(length <= room, "more content than the peer takes");
        if length > room {
            return self.write_reset(id, code::INTERNAL_ERROR, out.bytes());
        }
        stream.send_window.take(length);
        self.send_window.take(length);
        if is_last {
            stream.sending = Sending::Done;
        }
        while data.len() > MOST_DATA {
            frame::write_head(out.bytes(), MOST_DATA, kind::DATA, 0, id);
            out.push(data.split_to(MOST_DATA));
            self.budget.sent_data();
        }
        let flags = if is_last { flag::END_STREAM } else { 0 };
        match self.pad(id, data.len()) {
            0 => {
                frame::write_head(out.bytes(), data.len(), kind::DATA, flags, id);
                out.push(data);
            }
            bytes => {
                frame::write_head(out.bytes(), data.len() + bytes, kind::DATA, flags | flag::PADDED, id);
                out.bytes().push((bytes - 1) as u8);
                out.push(data);
                out.extend_from_slice(&[0; 255][..bytes - 1]);
            }
        }
        self.budget.sent_data();
        if is_last {
            self.end_of_response(id);
        }
    }

    /// The padding of a DATA frame with `length` bytes of content. Both windows count
    /// padding (RFC 9113, section 6.1), which therefore also depends on them.
    #[inline]
    fn pad(&mut self, id: u32, length: usize) -> usize {
        if self.limits.padding == Padding::None {
            return 0;
        }
        let Some(stream) = self.streams.get_mut(id) else { return 0 };
        let window = stream.send_window.available().min(self.send_window.available());
        let bytes = self.limits.padding.bytes(length, window.min(MOST_DATA - length));
        stream.send_window.take(bytes);
        self.send_window.take(bytes);
        bytes
    }

    pub(super) fn write_trailers(&mut self, id: u32, fields: &HeaderList, out: &mut Output) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let has_section = match stream.sending {
            Sending::Content => !fields.is_empty(),
            // A tunnel has no trailer section (RFC 9113, section 8.5).
            Sending::Tunnel => false,
            Sending::Head | Sending::Done => return,
        };
        if !has_section {
            return self.write_data(id, Data::Borrowed(&[]), true, out);
        }
        stream.sending = Sending::Done;
        self.write_section(id, None, fields, flag::END_STREAM, out.bytes());
        self.end_of_response(id);
    }

    /// Our side of a stream has ended.
    #[inline]
    fn end_of_response(&mut self, id: u32) {
        if self.streams.get(id).is_some_and(Stream::is_closed) {
            self.budget.completed();
            self.streams.remove(id);
        }
    }

    /// Resets a stream for a reason of the server. This costs the peer nothing.
    pub(super) fn write_reset(&mut self, id: u32, code: u32, out: &mut Vec<u8>) {
        let Some(stream) = self.streams.get(id) else { return };
        if stream.receives {
            self.streams.remember_reset(id);
        }
        if code == code::REFUSED_STREAM {
            self.shutdown.was_refused(id);
        }
        frame::write_reset(out, id, code);
        self.streams.remove(id);
    }

    /// Whether the peer accepts promises now.
    pub(super) fn may_push(&self) -> bool {
        let is_open =
            self.shutdown.last_push().is_none() && !self.shutdown.has_last_call() && !self.shutdown.has_ended();
        // A push that may never begin would wait for ever.
        self.remote.enables_push && self.remote.max_pushed > 0 && is_open
    }

    /// Whether the response of a promised stream may begin. Promised streams without a
    /// response do not count (RFC 9113, section 5.1.2).
    pub(super) fn may_begin_pushed(&self, id: u32) -> bool {
        let is_begun = |stream: &&Stream| is_pushed(stream.id) && stream.sending != Sending::Head;
        let is_known = self.streams.get(id).is_some();
        !is_known || self.streams.iter().filter(is_begun).count() < self.remote.max_pushed as usize
    }

    /// Writes a promise (RFC 9113, section 8.4.1).
    pub(super) fn write_promise(&mut self, parent: u32, head: &RequestHead, out: &mut Vec<u8>) -> Option<u32> {
        let has_parent = !is_pushed(parent) && self.streams.get(parent)?.sending != Sending::Done;
        let id = self.streams.next_push().filter(|_| has_parent && self.may_push())?;
        let at = out.len();
        out.extend_from_slice(&[0; HEAD]);
        // The promised identifier precedes the block. Both together are split into
        // frames.
        out.extend_from_slice(&id.to_be_bytes());
        self.encoder.begin(out);
        self.encoder.field(b":method", head.method.as_str().as_bytes(), false, out);
        let scheme = head.scheme.as_deref().map(str::as_bytes);
        let authority = head.authority.as_deref().map(str::as_bytes);
        for (name, value) in [(&b":scheme"[..], scheme), (b":authority", authority), (b":path", Some(&head.path[..]))] {
            if let Some(value) = value {
                self.encoder.field(name, value, false, out);
            }
        }
        for field in head.fields.iter() {
            self.encoder.field(field.name, field.value, field.is_sensitive, out);
        }
        self.end_block(at, kind::PUSH_PROMISE, 0, parent, out);
        self.streams.insert_pushed(Stream {
            id,
            sending: Sending::Head,
            receives: false,
            is_head: head.method == Method::HEAD,
            is_connect: false,
            send_window: SendWindow::new(self.remote.initial_window),
            receive_window: ReceiveWindow::new(0),
            content_left: None,
        });
        Some(id)
    }

    /// Sets the window of streams and the window of the session. 0 leaves one unchanged.
    /// False if the SETTINGS frame has to wait for the acknowledgement of earlier ones.
    fn set_stream_window(&mut self, size: u32, out: &mut Vec<u8>) -> bool {
        let is_new = size != 0 && size != self.local.stream_window;
        let may_write = is_new && !self.local.is_waiting();
        if may_write {
            self.local.write(&[Setting { id: id::INITIAL_WINDOW_SIZE, value: size }], false, out);
            self.apply_settings();
        }
        may_write || !is_new
    }

    /// Writes a frame that does not belong to a response. False if it has to wait for the
    /// peer.
    pub(super) fn write_control(&mut self, control: Control<'_>, out: &mut Vec<u8>) -> bool {
        if self.shutdown.has_ended() {
            return true;
        }
        match control {
            Control::Ping(payload) => return self.pings.send_for_host(payload, out),
            Control::KeepAlive => self.pings.send_keep_alive(out),
            Control::Goaway { code, last_stream, debug } => {
                let last_stream = if last_stream == LAST_TAKEN { self.shutdown.last_taken() } else { last_stream };
                self.shutdown.write_goaway(last_stream, code, debug, out);
            }
            Control::Extension { kind, stream, payload } => {
                let is_known = stream == 0 || self.streams.get(stream).is_some();
                if is_known && payload.len() <= self.remote.max_frame_bytes as usize {
                    frame::write(out, kind, 0, stream, payload);
                }
            }
            Control::Windows { session, stream } => {
                if session != 0 {
                    self.resize_session_window(session, out);
                }
                return self.set_stream_window(stream, out);
            }
            Control::Settings(settings) => {
                self.local.write(settings, true, out);
                self.apply_settings();
            }
        }
        true
    }
}
