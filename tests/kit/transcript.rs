//! Everything that was sent and received on one connection, in order, and how it ended.
//! Scenarios judge it, and a failing test prints it.

use std::fmt;
use std::io;
use std::time::Instant;

use super::frame::{Frame, Goaway, kind};

/// Header fields in the order of arrival. They are text, because the demo sends no
/// others.
pub type Fields = Vec<(String, String)>;

/// How the peer's side of the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A FIN after a complete frame.
    Fin,
    /// A FIN in the middle of a frame.
    CutFrame,
    /// ECONNRESET: the peer's kernel has reset the connection, and unread data may be
    /// lost.
    Reset,
    /// Any other failure of the socket.
    Failed(io::ErrorKind),
}

pub struct Entry {
    pub at: Instant,
    /// Whether the client has sent it. Otherwise it was received.
    pub sent: bool,
    pub frame: Frame,
    /// The header section that begins with this HEADERS frame, when it is complete.
    pub fields: Option<Fields>,
}

pub struct Transcript {
    started: Instant,
    pub entries: Vec<Entry>,
    pub end: Option<(Instant, End)>,
}

impl Transcript {
    pub fn new() -> Transcript {
        Transcript { started: Instant::now(), entries: Vec::new(), end: None }
    }

    pub fn record(&mut self, sent: bool, frame: Frame) {
        self.entries.push(Entry { at: Instant::now(), sent, frame, fields: None });
    }

    pub fn record_end(&mut self, end: End) {
        self.end.get_or_insert((Instant::now(), end));
    }

    pub fn received(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.sent)
    }

    /// The frames received on `stream`, in order.
    pub fn on_stream(&self, stream: u32) -> impl Iterator<Item = &Entry> {
        self.received().filter(move |entry| entry.frame.stream == stream)
    }

    /// How much of the response body on `stream` was received.
    pub fn body_length(&self, stream: u32) -> usize {
        let data = self.on_stream(stream).filter(|entry| entry.frame.kind == kind::DATA);
        data.map(|entry| entry.frame.content().len()).sum()
    }

    /// Every GOAWAY received, in order.
    pub fn goaways(&self) -> Vec<Goaway> {
        let goaway = |entry: &Entry| entry.frame.as_goaway();
        self.received().filter_map(goaway).collect()
    }

    /// The index of the `nth` received GOAWAY, counted from 0.
    pub fn goaway_position(&self, nth: usize) -> Option<usize> {
        self.positions(|frame| frame.kind == kind::GOAWAY).nth(nth)
    }

    /// The indices of the received frames for which `wanted` is true.
    pub fn positions(&self, wanted: impl Fn(&Frame) -> bool) -> impl Iterator<Item = usize> {
        let picked = move |(_, entry): &(usize, &Entry)| !entry.sent && wanted(&entry.frame);
        self.entries.iter().enumerate().filter(picked).map(|(position, _)| position)
    }

    /// The time and the code of the first RST_STREAM on `stream`.
    pub fn reset_of(&self, stream: u32) -> Option<(Instant, u32)> {
        self.on_stream(stream).find_map(|entry| Some((entry.at, entry.frame.as_reset()?)))
    }

    /// Whether the peer has completed `stream`.
    pub fn is_complete(&self, stream: u32) -> bool {
        self.on_stream(stream).any(|entry| entry.frame.ends_stream())
    }

    /// Whether the response on `stream` has ended.
    pub fn is_over(&self, stream: u32) -> bool {
        self.is_complete(stream) || self.reset_of(stream).is_some()
    }

    /// The invariants of every connection. Returns the first violation, if any.
    pub fn breach(&self) -> Option<String> {
        self.breach_of_goaway().or_else(|| self.breach_of_streams())
    }

    /// Section 6.8: GOAWAY is on stream 0, because it concerns the connection. The last
    /// stream identifier never increases: otherwise a request that the client has sent
    /// elsewhere could be served twice.
    fn breach_of_goaway(&self) -> Option<String> {
        let mut last = u32::MAX;
        for entry in self.received() {
            if entry.frame.kind != kind::GOAWAY {
                continue;
            }
            let Some(goaway) = entry.frame.as_goaway() else {
                return Some(format!("a malformed {}", entry.frame));
            };
            if entry.frame.stream != 0 {
                return Some(format!("not on stream 0: {}", entry.frame));
            }
            if goaway.last_stream > last {
                return Some(format!("last-stream-id rose from {last}: {}", entry.frame));
            }
            last = goaway.last_stream;
        }
        None
    }

    /// Section 5.1: after END_STREAM or RST_STREAM there are no more frames of a
    /// response. Section 6.8: nor are there any above the last stream identifier of the
    /// last GOAWAY, because the peer has said that it does not process these streams.
    fn breach_of_streams(&self) -> Option<String> {
        let mut over = std::collections::BTreeSet::new();
        let mut last = u32::MAX;
        for Entry { frame, .. } in self.received() {
            if let Some(goaway) = frame.as_goaway() {
                last = goaway.last_stream;
            }
            if !matches!(frame.kind, kind::DATA | kind::HEADERS | kind::RST_STREAM) {
                continue;
            }
            let reset = frame.kind == kind::RST_STREAM;
            if !reset && over.contains(&frame.stream) {
                return Some(format!("after the stream's end: {frame}"));
            }
            if !reset && frame.stream > last {
                return Some(format!("above the last-stream-id {last}: {frame}"));
            }
            if reset || frame.ends_stream() {
                over.insert(frame.stream);
            }
        }
        None
    }
}

impl fmt::Display for Transcript {
    /// One line for each frame. Of a long run of similar frames only both ends are shown.
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        for run in self.entries.chunk_by(Entry::is_alike) {
            if run.len() < 6 {
                run.iter().try_for_each(|entry| self.line(out, entry))?;
                continue;
            }
            self.line(out, &run[0])?;
            writeln!(out, "{:13} ... {} more alike ...", "", run.len() - 2)?;
            self.line(out, &run[run.len() - 1])?;
        }
        match self.end {
            Some((at, end)) => writeln!(out, "{} -- {end:?}", self.clock(at)),
            None => writeln!(out, "{:13} (still open)", ""),
        }
    }
}

impl Entry {
    /// Whether one of two frames can be omitted in a transcript: a body and its window
    /// updates, or repetitions.
    fn is_alike(&self, next: &Entry) -> bool {
        let bulk =
            |entry: &Entry| matches!(entry.frame.kind, kind::DATA | kind::WINDOW_UPDATE) && !entry.frame.ends_stream();
        let key = |entry: &Entry| (entry.sent, entry.frame.kind, entry.frame.stream, entry.frame.flags);
        (bulk(self) && bulk(next)) || key(self) == key(next)
    }
}

impl Transcript {
    fn line(&self, out: &mut fmt::Formatter, entry: &Entry) -> fmt::Result {
        let way = if entry.sent { ">>" } else { "<<" };
        write!(out, "{} {way} {}", self.clock(entry.at), entry.frame)?;
        if let Some(fields) = &entry.fields {
            let text = |(name, value): &(String, String)| format!("{name}: {value}");
            let fields: Vec<String> = fields.iter().map(text).collect();
            write!(out, " [{}]", fields.join(", "))?;
        }
        writeln!(out)
    }

    fn clock(&self, at: Instant) -> String {
        let since_start = at.duration_since(self.started);
        format!("{:10.3} ms", since_start.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{MAX_STREAM, code};
    use super::*;

    fn received(frames: &[Frame]) -> Transcript {
        let mut transcript = Transcript::new();
        for frame in frames {
            transcript.record(false, frame.clone());
        }
        transcript
    }

    #[test]
    fn a_graceful_close_violates_no_invariant() {
        let transcript = received(&[
            Frame::goaway(MAX_STREAM, code::NO_ERROR, b""),
            Frame::goaway(1, code::NO_ERROR, b""),
            Frame::headers(1, vec![], false),
            Frame::data(1, b"x", true),
            Frame::rst_stream(1, code::NO_ERROR),
        ]);
        assert_eq!(transcript.breach(), None);
    }

    #[test]
    fn finds_a_rising_last_stream_id() {
        let transcript = received(&[Frame::goaway(1, 0, b""), Frame::goaway(3, 0, b"")]);
        assert!(transcript.breach().unwrap().contains("rose"));
    }

    #[test]
    fn finds_a_goaway_on_a_stream() {
        let mut frame = Frame::goaway(1, 0, b"");
        frame.stream = 1;
        assert!(received(&[frame]).breach().unwrap().contains("stream 0"));
    }

    #[test]
    fn finds_an_answer_after_the_end() {
        let reset = Frame::rst_stream(1, code::CANCEL);
        let transcript = received(&[reset, Frame::data(1, b"", true)]);
        assert!(transcript.breach().unwrap().contains("end"));
    }

    #[test]
    fn finds_an_answer_above_the_last_stream() {
        let transcript = received(&[Frame::goaway(1, 0, b""), Frame::data(3, b"", true)]);
        assert!(transcript.breach().unwrap().contains("above"));
    }

    #[test]
    fn shows_long_runs_by_their_ends() {
        let frames = vec![Frame::data(1, b"x", false); 100];
        let text = received(&frames).to_string();
        assert!(text.contains("98 more alike"), "{text}");
        assert!(text.lines().count() < 6, "{text}");
    }
}
