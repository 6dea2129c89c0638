//! A request's answer on its way out.
//!
//! The host writes here; the session's task takes what is new and carries it
//! to h2 as the peer's flow control allows.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, UPGRADE};
use http::{Method, Response, StatusCode};

use super::block::copy_in_pieces;
use super::connection::{self, Opens, Said};
use super::growth::Growth;
use super::{OnReady, field};
use crate::error::{Error, Result};
use crate::session::Remote;

/// A final head, to be sent; `alone` if nothing follows it.
pub struct Head {
    pub response: Response<()>,
    /// To be announced as `content-length`.
    pub length: Option<usize>,
    /// Whether a `date` is added that the host has not set.
    pub dated: bool,
    pub alone: bool,
    /// In HTTP/1.1: the connection ends behind this answer.
    pub closes: bool,
}

/// What follows the head.
pub enum Piece {
    Data(Bytes, bool),
    Trailers(HeaderMap),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    /// No final head yet.
    #[default]
    Open,
    /// The head is written, the body goes on.
    Streaming,
    /// The host has written the last of it.
    Ended,
}

#[derive(Default)]
pub struct Answer {
    phase: Phase,
    /// Fields of the final head as the host sets them.
    fields: HeaderMap,
    /// The status of a head that is written and not sent.
    status: Option<StatusCode>,
    /// Whether nothing follows that head.
    alone: bool,
    /// The length of an answer given whole.
    length: Option<usize>,
    /// The host wants no `date` that it has not set.
    undated: bool,
    /// The first piece of the body; it is empty only if there is none.
    first: Bytes,
    /// Bytes in all pieces.
    queued: usize,
    high_water: usize,
    /// Up to where the mark may grow; 0 if the host has set it.
    most: usize,
    /// The peer has taken all there was since the host was last told of room.
    ran_dry: bool,
    /// A write was refused or the mark passed: the host waits to be told.
    full: bool,
    /// HEAD asks for no body (RFC 9110, section 9.3.2).
    is_head: bool,
    opens: Opens,
    /// The request came in HTTP/1.1, whose answers may end the connection.
    is_http1: bool,
    /// The host wants the connection to end behind it.
    closes: bool,
    /// The request is one that we push.
    is_pushed: bool,
    /// What follows the head is a tunnel's.
    is_tunnel: bool,
    /// The status forbids a body (section 6.4.1).
    is_bodyless: bool,
    reset: Option<u32>,
    more: Option<Box<More>>,
}

/// What only some answers need.
#[derive(Default)]
struct More {
    infos: VecDeque<Response<()>>,
    /// Pieces of the body behind the first.
    others: VecDeque<Bytes>,
    trailers: HeaderMap,
    /// The content-length that the host set for a streamed body.
    announced: Option<u64>,
    written: u64,
    on_writable: Option<OnReady>,
    /// By how much the mark has grown.
    growth: Option<Growth>,
}

impl Answer {
    /// An empty answer begins, to a request of that method and with up to
    /// `high_water` bytes that may wait for the peer; for one that takes much,
    /// up to `most`.
    pub fn begin(&mut self, method: &Method, high_water: usize, most: usize) {
        self.is_head = *method == Method::HEAD;
        self.opens = if *method == Method::CONNECT { Opens::Success } else { Opens::None };
        (self.is_http1, self.is_pushed) = (false, false);
        self.high_water = high_water;
        self.most = most;
    }

    /// The request came in HTTP/1.1, and may ask for another protocol.
    pub fn begin_http1(&mut self, asks_upgrade: bool) {
        self.is_http1 = true;
        if asks_upgrade {
            self.opens = Opens::Switch;
        }
    }

    /// The same for a request that is pushed beside another's answer.
    pub fn begin_pushed(&mut self, method: &Method, beside: &Answer) {
        self.begin(method, beside.high_water - beside.grown(), beside.most);
        self.is_pushed = true;
    }

    /// Lets go of everything. Of an answer that was sent little is left.
    pub fn clear(&mut self) {
        self.phase = Phase::Open;
        if !self.fields.is_empty() {
            self.fields = HeaderMap::new();
        }
        self.status = None;
        self.alone = false;
        self.length = None;
        self.undated = false;
        self.closes = false;
        if !self.first.is_empty() {
            self.first = Bytes::new();
        }
        self.queued = 0;
        self.full = false;
        self.ran_dry = false;
        self.is_bodyless = false;
        self.is_tunnel = false;
        self.reset = None;
        self.more = None;
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    fn has_trailers(&self) -> bool {
        self.more.as_ref().is_some_and(|more| !more.trailers.is_empty())
    }

    // What the host does.

    /// Sets a field of the head that comes next, in place of any of its name.
    pub fn set_field(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        self.check(Phase::Open)?;
        match self.takes_connection(name, value)? {
            true => Ok(()),
            false => field::set(&mut self.fields, name, value),
        }
    }

    /// Adds a field to the head that comes next.
    pub fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        self.check(Phase::Open)?;
        match self.takes_connection(name, value)? {
            true => Ok(()),
            false => field::append(&mut self.fields, name, value),
        }
    }

    /// Takes what a host may say of the connection. False of any other field.
    fn takes_connection(&mut self, name: &[u8], value: &[u8]) -> Result<bool> {
        match connection::read(name, value, self.is_http1, self.opens)? {
            None => return Ok(false),
            Some(Said::Close) => self.closes = true,
            Some(Said::Upgrade(value)) => drop(self.fields.insert(UPGRADE, value)),
            Some(Said::Nothing) => {}
        }
        Ok(true)
    }

    /// Whether that status opens a tunnel.
    fn opens_with(&self, status: StatusCode) -> Result<bool> {
        let is_tunnel = self.opens.with(status);
        if status.is_informational() && !is_tunnel {
            return Err(Error::invalid(format_args!("{} is informational, no answer", status.as_u16())));
        }
        if !is_tunnel && self.opens == Opens::Switch && self.fields.contains_key(UPGRADE) {
            return Err(Error::invalid(format_args!("upgrade goes with 101, not with {}", status.as_u16())));
        }
        Ok(is_tunnel)
    }

    /// Adds a field to the trailer section that `end` sends.
    pub fn add_trailer(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        if self.phase == Phase::Ended {
            return Err(Error::State("the answer has ended"));
        }
        field::append_trailer(&mut self.more().trailers, name, value)
    }

    /// Sends an informational head (RFC 9110, section 15.2).
    pub fn inform(&mut self, status: u16, fields: HeaderMap) -> Result<()> {
        self.check(Phase::Open)?;
        if self.is_pushed {
            return Err(Error::State("a pushed answer has no informational heads"));
        }
        let status = status_code(status)?;
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::invalid(format_args!("{status} is no informational status of HTTP/2")));
        }
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = fields;
        self.more().infos.push_back(response);
        Ok(())
    }

    /// The whole answer at once.
    pub fn respond(&mut self, status: u16, body: Bytes) -> Result<()> {
        self.check(Phase::Open)?;
        let status = status_code(status)?;
        let is_tunnel = self.opens_with(status)?;
        let is_bodyless = has_no_body(status) && !is_tunnel;
        if is_bodyless && !body.is_empty() {
            return Err(Error::invalid(format_args!("{} has no body", status.as_u16())));
        }
        let announced = self.content_length()?;
        match announced {
            _ if is_tunnel => {}
            Some(announced) if announced != body.len() as u64 && !self.is_head && !is_bodyless => {
                return Err(Error::Length { announced, written: body.len() as u64 });
            }
            None if !is_bodyless && !self.has_trailers() => {
                self.length = Some(body.len());
            }
            _ => {}
        }
        (self.is_bodyless, self.is_tunnel) = (is_bodyless, is_tunnel);
        self.drop_length(status);
        self.drop_trailers_of_none();
        let alone = body.is_empty() || self.is_head;
        self.status = Some(status);
        self.alone = alone && !self.has_trailers() && !is_tunnel;
        if !alone {
            self.queue(body);
        }
        self.phase = Phase::Ended;
        Ok(())
    }

    /// The same with these fields, each in place of any of its name set before.
    pub fn respond_with<'a>(
        &mut self,
        status: u16,
        mut fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>,
        body: Bytes,
    ) -> Result<()> {
        self.check(Phase::Open)?;
        if !self.fields.is_empty() {
            return self.with_fields(fields, |answer| answer.respond(status, body));
        }
        let closes = self.closes;
        let filled = fields.try_for_each(|given| given.and_then(|(name, value)| self.add_field(name, value)));
        filled.and_then(|()| self.respond(status, body)).inspect_err(|_| {
            self.fields.clear();
            self.closes = closes;
        })
    }

    /// Sets these fields, each in place of any of its name, and goes on to `then`.
    /// If one or the other fails, all is as it was.
    fn with_fields<'a>(
        &mut self,
        fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>,
        then: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let (before, closes) = (self.fields.clone(), self.closes);
        let others = fields.filter_map(|given| match given {
            Ok((name, value)) => match self.takes_connection(name, value) {
                Ok(true) => None,
                Ok(false) => Some(Ok((name, value))),
                Err(error) => Some(Err(error)),
            },
            Err(error) => Some(Err(error)),
        });
        let others = field::section(others);
        let done = others.and_then(|others| {
            self.fields.extend(others);
            then(self)
        });
        done.inspect_err(|_| (self.fields, self.closes) = (before, closes))
    }

    /// The head; `write` and `end` follow.
    pub fn write_head(&mut self, status: u16) -> Result<()> {
        self.check(Phase::Open)?;
        let status = status_code(status)?;
        let is_tunnel = self.opens_with(status)?;
        let announced = self.content_length()?;
        self.is_tunnel = is_tunnel;
        self.more().announced = announced.filter(|_| !self.is_tunnel);
        self.is_bodyless = has_no_body(status) && !self.is_tunnel;
        self.drop_length(status);
        self.status = Some(status);
        self.phase = Phase::Streaming;
        Ok(())
    }

    /// The same with these fields, each in place of any of its name set before.
    pub fn write_head_with<'a>(
        &mut self,
        status: u16,
        fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>,
    ) -> Result<()> {
        self.check(Phase::Open)?;
        self.with_fields(fields, |answer| answer.write_head(status))
    }

    /// Nothing is added as `date` to the head that was written.
    pub fn leave_out_date(&mut self) {
        self.undated = true;
    }

    /// Nothing is added as `content-length` to the head that was written.
    pub fn leave_out_length(&mut self) {
        self.length = None;
    }

    /// A piece of the body. Refused whole when the high-water mark is reached.
    /// Gives the bytes that wait for the peer now.
    pub fn write(&mut self, data: &[u8]) -> Result<usize> {
        self.check(Phase::Streaming)?;
        if self.is_bodyless && !data.is_empty() {
            return Err(Error::State("an answer of this status has no body"));
        }
        let is_head = self.is_head;
        let more = self.more();
        let written = more.written + data.len() as u64;
        if let Some(announced) = more.announced.filter(|announced| written > *announced && !is_head) {
            return Err(Error::Length { announced, written });
        }
        if self.queued >= self.high_water {
            self.full = true;
            return Err(Error::WouldBlock("the high-water mark is reached"));
        }
        if !data.is_empty() && !is_head {
            let (first, rest) = copy_in_pieces(data)?;
            [first].into_iter().chain(rest).for_each(|piece| self.queue(piece));
        }
        self.more().written = written;
        Ok(self.queued)
    }

    /// The end of a streamed answer, with the trailers set so far.
    pub fn end(&mut self) -> Result<()> {
        self.check(Phase::Streaming)?;
        let has_no_body = self.has_no_body();
        let More { announced, written, .. } = *self.more();
        if let Some(announced) = announced.filter(|announced| *announced != written && !has_no_body) {
            return Err(Error::Length { announced, written });
        }
        self.phase = Phase::Ended;
        self.drop_trailers_of_none();
        self.alone = self.queued == 0 && !self.has_trailers() && !self.is_tunnel;
        Ok(())
    }

    /// The same with a last piece, which is taken however much waits, and more trailers.
    pub fn end_with(&mut self, data: &[u8], trailers: HeaderMap) -> Result<()> {
        self.check(Phase::Streaming)?;
        let has_no_body = self.has_no_body();
        let more = self.more();
        let written = more.written + data.len() as u64;
        if let Some(announced) = more.announced.filter(|announced| *announced != written && !has_no_body) {
            return Err(Error::Length { announced, written });
        }
        let mark = std::mem::replace(&mut self.high_water, usize::MAX);
        let taken = self.write(data);
        self.high_water = mark;
        taken?;
        if !trailers.is_empty() {
            self.more().trailers.extend(trailers);
        }
        self.end()
    }

    /// Ends the stream with RST_STREAM (RFC 9113, section 6.4).
    pub fn reset(&mut self, code: u32) -> Result<()> {
        if self.phase == Phase::Ended {
            return Err(Error::State("the answer has ended"));
        }
        self.phase = Phase::Ended;
        self.reset = Some(code);
        Ok(())
    }

    /// The same of an answer that has ended.
    pub fn cut(&mut self, code: u32) {
        self.reset = Some(code);
    }

    pub fn set_high_water(&mut self, bytes: usize) -> Result<()> {
        if bytes == 0 {
            return Err(Error::invalid("a high-water mark of 0 would refuse every write"));
        }
        self.high_water = bytes;
        self.most = 0;
        if let Some(more) = &mut self.more {
            more.growth = None;
        }
        Ok(())
    }

    /// Lets more wait from now on, if the peer waited for the host, and has taken much before.
    pub fn grow(&mut self, session: &Arc<Remote>) {
        let taken = self.more.as_ref().map_or(0, |more| more.written) - self.queued as u64;
        let (most, step) = (self.most, Growth::step(self.high_water, self.most, taken));
        if !std::mem::take(&mut self.ran_dry) || step == 0 {
            return;
        }
        if self.more().growth.get_or_insert_with(|| Growth::new(session)).take(step, most) {
            self.high_water += step;
        }
    }

    fn grown(&self) -> usize {
        self.more.as_ref().and_then(|more| more.growth.as_ref()).map_or(0, Growth::bytes)
    }

    /// How many bytes may wait for the peer.
    pub fn high_water(&self) -> usize {
        self.high_water
    }

    pub fn set_on_writable(&mut self, on_writable: OnReady) {
        self.more().on_writable = Some(on_writable);
    }

    /// Body bytes that wait for the peer.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Whether half of the mark is free.
    pub fn has_room(&self) -> bool {
        self.queued <= self.high_water / 2
    }

    /// Whether a final head has been written.
    pub fn is_begun(&self) -> bool {
        self.phase != Phase::Open
    }

    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    // What the session's task does.

    pub fn take_info(&mut self) -> Option<Response<()>> {
        self.more.as_mut()?.infos.pop_front()
    }

    pub fn take_head(&mut self) -> Option<Head> {
        let status = self.status.take()?;
        let mut response = Response::new(());
        *response.status_mut() = status;
        std::mem::swap(response.headers_mut(), &mut self.fields);
        Some(Head { response, length: self.length, dated: !self.undated, alone: self.alone, closes: self.closes })
    }

    /// The code, if a reset is all that is left to do.
    pub fn reset_code(&self) -> Option<u32> {
        self.reset
    }

    pub fn take_reset(&mut self) -> Option<u32> {
        self.reset.take()
    }

    /// Bytes and trailers that are ready: up to `room` bytes of the body, or
    /// what comes after the body.
    pub fn take_piece(&mut self, room: usize) -> Option<Piece> {
        if self.queued > 0 {
            if room == 0 {
                return None;
            }
            let piece = self.take_front(room);
            let last = self.queued == 0 && self.has_ended() && !self.has_trailers();
            return Some(Piece::Data(piece, last));
        }
        if !self.has_ended() {
            return None;
        }
        Some(match self.has_trailers() {
            true => Piece::Trailers(std::mem::take(&mut self.more().trailers)),
            false => Piece::Data(Bytes::new(), true),
        })
    }

    /// The hook to call if the host waits for room and there is some.
    pub fn take_writable(&mut self) -> Option<OnReady> {
        let is_due = (self.full || self.queued >= self.high_water) && self.has_room();
        if !is_due || self.has_ended() {
            return None;
        }
        self.full = false;
        self.more.as_mut()?.on_writable.take()
    }

    /// The hook comes back from its call.
    pub fn restore_writable(&mut self, on_writable: OnReady) {
        self.more().on_writable.get_or_insert(on_writable);
    }

    // Between the two.

    fn check(&self, expected: Phase) -> Result<()> {
        match (self.phase, expected) {
            (phase, expected) if phase == expected => Ok(()),
            (Phase::Open, _) => Err(Error::State("the head has not been written yet")),
            (Phase::Streaming, _) => Err(Error::State("the head has been written already")),
            (Phase::Ended, _) => Err(Error::State("the answer has ended")),
        }
    }

    /// RFC 9110, sections 8.6, 9.3.6 and 15.3.6: 204 has no content-length, nor has
    /// 205 one of a body, nor a tunnel any, whatever the host says.
    fn drop_length(&mut self, status: StatusCode) {
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) || self.is_tunnel {
            self.fields.remove(CONTENT_LENGTH);
        }
    }

    /// What has no body has no trailers either (RFC 9110, section 6.4.1), nor has a tunnel.
    fn drop_trailers_of_none(&mut self) {
        if (self.has_no_body() || self.is_tunnel)
            && let Some(more) = &mut self.more
        {
            more.trailers.clear();
        }
    }

    fn has_no_body(&self) -> bool {
        self.is_head || self.is_bodyless
    }

    fn content_length(&self) -> Result<Option<u64>> {
        // Few answers have it; to look at their few names is cheaper than to hash one.
        if !self.fields.keys().any(|name| *name == CONTENT_LENGTH) {
            return Ok(None);
        }
        let mut values = self.fields.get_all(CONTENT_LENGTH).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Error::invalid("there are two content-length fields"));
        }
        let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| Error::invalid(format_args!("content-length is {value:?}, which is no length")))
    }

    fn queue(&mut self, data: Bytes) {
        let was_empty = self.queued == 0;
        self.queued += data.len();
        self.full |= self.queued >= self.high_water;
        match was_empty {
            true => self.first = data,
            false => self.more().others.push_back(data),
        }
    }

    fn take_front(&mut self, room: usize) -> Bytes {
        let piece = match self.first.len() <= room {
            true => {
                let next = self.more.as_mut().and_then(|more| more.others.pop_front());
                std::mem::replace(&mut self.first, next.unwrap_or_default())
            }
            false => self.first.split_to(room),
        };
        self.queued -= piece.len();
        self.ran_dry |= self.queued == 0;
        piece
    }
}

/// A status of three digits. RFC 9110, section 15, defines none from 600 on, but
/// programs have some, and clients read them as 5xx.
fn status_code(status: u16) -> Result<StatusCode> {
    StatusCode::from_u16(status).map_err(|_| Error::invalid(format_args!("{status} is no HTTP status")))
}

fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    fn answer_to(method: Method) -> Answer {
        let mut answer = Answer::default();
        answer.begin(&method, 100, 1000);
        answer
    }

    fn answer() -> Answer {
        answer_to(Method::GET)
    }

    #[test]
    fn a_whole_answer_has_its_length() {
        let mut answer = answer();
        answer.respond(200, Bytes::from_static(b"hello")).unwrap();
        let head = answer.take_head().unwrap();
        assert_eq!(head.length, Some(5));
        assert!(!head.alone);
        assert!(matches!(answer.take_piece(100), Some(Piece::Data(data, true)) if data == "hello"));
        assert!(answer.respond(200, Bytes::new()).is_err());
    }

    #[test]
    fn what_the_library_adds_can_be_left_out() {
        let mut answer = answer();
        answer.respond(200, Bytes::from_static(b"hello")).unwrap();
        answer.leave_out_length();
        answer.leave_out_date();
        let head = answer.take_head().unwrap();
        assert_eq!((head.length, head.dated), (None, false));
        answer.clear();
        answer.respond(200, Bytes::from_static(b"hello")).unwrap();
        let head = answer.take_head().unwrap();
        assert_eq!((head.length, head.dated), (Some(5), true), "the next answer of the box is another");
    }

    #[test]
    fn head_announces_but_does_not_send() {
        let mut answer = answer_to(Method::HEAD);
        answer.respond(200, Bytes::from_static(b"hello")).unwrap();
        let head = answer.take_head().unwrap();
        assert_eq!(head.length, Some(5));
        assert!(head.alone);
    }

    #[test]
    fn some_answers_have_no_body() {
        assert!(matches!(answer().respond(204, Bytes::from_static(b"x")), Err(Error::Invalid(_))));
        let mut not_modified = answer();
        not_modified.set_field(b"content-length", b"5").unwrap();
        not_modified.respond(304, Bytes::new()).unwrap();
        assert!(not_modified.take_head().unwrap().alone);
        let mut streamed = answer();
        streamed.write_head(204).unwrap();
        assert!(streamed.write(b"x").is_err());
        streamed.end().unwrap();
    }

    #[test]
    fn a_tunnel_has_no_length_no_trailers_and_an_end_of_its_own() {
        for status in [200, 204] {
            let mut answer = answer_to(Method::CONNECT);
            answer.set_field(b"content-length", b"0").unwrap();
            answer.write_head(status).unwrap();
            answer.write(b"through").unwrap();
            answer.add_trailer(b"a", b"b").unwrap();
            answer.end().unwrap();
            let head = answer.take_head().unwrap();
            assert!(!head.alone && head.response.headers().is_empty());
            assert!(matches!(answer.take_piece(100), Some(Piece::Data(data, true)) if data == "through"));
        }
        let mut whole = answer_to(Method::CONNECT);
        whole.respond(200, Bytes::new()).unwrap();
        let head = whole.take_head().unwrap();
        assert!(!head.alone && head.length.is_none());
        assert!(matches!(whole.take_piece(100), Some(Piece::Data(data, true)) if data.is_empty()));
        let mut refused = answer_to(Method::CONNECT);
        refused.respond(403, Bytes::new()).unwrap();
        let head = refused.take_head().unwrap();
        assert!(head.alone && head.length == Some(0));
    }

    #[test]
    fn the_announced_length_is_held_to() {
        let mut answer = answer();
        answer.set_field(b"Content-Length", b"3").unwrap();
        answer.write_head(200).unwrap();
        answer.write(b"ab").unwrap();
        assert!(matches!(answer.write(b"cd"), Err(Error::Length { announced: 3, written: 4 })));
        assert!(matches!(answer.end(), Err(Error::Length { announced: 3, written: 2 })));
        answer.write(b"c").unwrap();
        answer.end().unwrap();
    }

    #[test]
    fn a_full_answer_refuses_and_tells_when_there_is_room() {
        let mut answer = answer();
        answer.set_on_writable(Box::new(|_| {}));
        answer.write_head(200).unwrap();
        assert_eq!(answer.write(&[0; 150]).unwrap(), 150, "the one write that passes the mark is taken");
        assert!(matches!(answer.write(b"x"), Err(Error::WouldBlock(_))));
        assert!(answer.take_writable().is_none());
        assert!(matches!(answer.take_piece(100), Some(Piece::Data(data, false)) if data.len() == 100));
        assert!(answer.take_writable().is_some(), "half the mark is free");
        answer.write(b"x").unwrap();
    }

    #[test]
    fn the_mark_grows_with_a_peer_that_takes_everything() {
        let session = Arc::new(Remote::new(1, Endpoint::default(), Arc::default(), Arc::default()));
        let mut answer = answer();
        answer.write_head(200).unwrap();
        let pass = |answer: &mut Answer, bytes: usize, taken: usize| {
            answer.write(&vec![0; bytes]).unwrap();
            answer.take_piece(taken);
            answer.grow(&session);
            answer.high_water()
        };
        assert_eq!(pass(&mut answer, 100, 100), 100, "a short body says nothing of its peer");
        assert_eq!(pass(&mut answer, 300, 200), 100, "the peer is slow");
        answer.take_piece(100);
        assert_eq!(pass(&mut answer, 100, 100), 200);
        let mut pushed = Answer::default();
        pushed.begin_pushed(&Method::GET, &answer);
        assert_eq!(pushed.high_water(), 100, "another answer begins as this one did");
        for _ in 0..50 {
            pass(&mut answer, 200, 200);
        }
        assert_eq!(answer.high_water(), 1000);
        answer.set_high_water(50).unwrap();
        assert_eq!(pass(&mut answer, 40, 40), 50, "what the host says holds");
    }

    #[test]
    fn trailers_come_last() {
        let mut answer = answer();
        answer.write_head(200).unwrap();
        answer.write(b"ok").unwrap();
        answer.add_trailer(b"x-checksum", b"1").unwrap();
        answer.end().unwrap();
        assert!(!answer.take_head().unwrap().alone);
        assert!(matches!(answer.take_piece(100), Some(Piece::Data(_, false))));
        assert!(matches!(answer.take_piece(0), Some(Piece::Trailers(fields)) if fields["x-checksum"] == "1"));
    }

    #[test]
    fn an_end_at_once_rides_on_the_head() {
        let mut answer = answer();
        answer.write_head(200).unwrap();
        answer.end().unwrap();
        assert!(answer.take_head().unwrap().alone);
    }

    #[test]
    fn statuses_are_checked() {
        for status in [0, 99, 100, 103, 199, 1000] {
            assert!(answer().respond(status, Bytes::new()).is_err(), "{status}");
        }
        for status in [600, 999] {
            answer().respond(status, Bytes::new()).unwrap();
        }
        for status in [101, 200, 99] {
            assert!(answer().inform(status, HeaderMap::new()).is_err(), "{status}");
        }
        answer().inform(103, HeaderMap::new()).unwrap();
    }

    #[test]
    fn calls_out_of_order_are_refused() {
        let mut answer = answer();
        assert!(matches!(answer.write(b"x"), Err(Error::State(_))));
        assert!(matches!(answer.end(), Err(Error::State(_))));
        answer.write_head(200).unwrap();
        assert!(matches!(answer.set_field(b"a", b"b"), Err(Error::State(_))));
        assert!(matches!(answer.respond(200, Bytes::new()), Err(Error::State(_))));
        assert!(matches!(answer.inform(103, HeaderMap::new()), Err(Error::State(_))));
        answer.end().unwrap();
        assert!(matches!(answer.write(b"x"), Err(Error::State(_))));
        assert!(matches!(answer.reset(0), Err(Error::State(_))));
    }
}
