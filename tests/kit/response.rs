//! The response of one stream, taken from a transcript unchanged: what arrived, in which
//! form, and how it ended.

use super::frame::kind;
use super::transcript::{Fields, Transcript};

/// How the peer has ended a stream. The first two distinguish a complete response from a
/// cut one (RFC 9113, section 8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// END_STREAM: the response is complete.
    Complete,
    /// RST_STREAM with this code before an END_STREAM.
    Reset(u32),
    /// Neither: the connection ended before, or the test did not wait longer.
    Unfinished,
}

#[derive(Clone, Debug)]
pub struct Response {
    /// Header sections with a 1xx status before the final one.
    pub informational: Vec<Fields>,
    /// 0 without a final header section.
    pub status: u16,
    pub headers: Fields,
    pub body: Vec<u8>,
    pub trailers: Option<Fields>,
    pub ended: Ended,
}

impl Response {
    pub fn gather(transcript: &Transcript, stream: u32) -> Response {
        let mut response = Response::nothing();
        for entry in transcript.on_stream(stream) {
            if let Some(fields) = &entry.fields {
                response.take_fields(fields.clone());
            }
            if entry.frame.kind == kind::DATA {
                response.body.extend(entry.frame.content());
            }
            if response.ended != Ended::Unfinished {
                continue;
            }
            if entry.frame.ends_stream() {
                response.ended = Ended::Complete;
            } else if let Some(code) = entry.frame.as_reset() {
                response.ended = Ended::Reset(code);
            }
        }
        response
    }

    fn nothing() -> Response {
        Response {
            informational: Vec::new(),
            status: 0,
            headers: Fields::new(),
            body: Vec::new(),
            trailers: None,
            ended: Ended::Unfinished,
        }
    }

    fn take_fields(&mut self, fields: Fields) {
        let status = find(&fields, ":status").and_then(|value| value.parse().ok());
        match status {
            Some(100..200) => self.informational.push(fields),
            Some(status) => {
                self.status = status;
                self.headers = fields;
            }
            None => self.trailers = Some(fields),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub fn trailer(&self, name: &str) -> Option<&str> {
        find(self.trailers.as_ref()?, name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn find<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(field, _)| field == name)?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Frame, code};
    use super::*;

    fn with_fields(transcript: &mut Transcript, end: bool, fields: &[(&str, &str)]) {
        transcript.record(false, Frame::headers(1, vec![], end));
        let text = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let fields = fields.iter().map(text).collect();
        transcript.entries.last_mut().unwrap().fields = Some(fields);
    }

    #[test]
    fn gathers_informational_head_body_and_trailers() {
        let mut transcript = Transcript::new();
        with_fields(&mut transcript, false, &[(":status", "103")]);
        with_fields(&mut transcript, false, &[(":status", "200"), ("x-a", "1")]);
        transcript.record(false, Frame::data(1, b"o", false));
        transcript.record(false, Frame::data(3, b"other", false));
        transcript.record(false, Frame::data(1, b"k", false));
        with_fields(&mut transcript, true, &[("x-checksum", "1")]);
        let response = Response::gather(&transcript, 1);
        assert_eq!(response.informational.len(), 1);
        assert_eq!((response.status, response.header("x-a")), (200, Some("1")));
        assert_eq!(response.text(), "ok");
        assert_eq!(response.trailer("x-checksum"), Some("1"));
        assert_eq!(response.ended, Ended::Complete);
    }

    #[test]
    fn a_reset_after_the_end_does_not_spoil_it() {
        let mut transcript = Transcript::new();
        transcript.record(false, Frame::data(1, b"", true));
        transcript.record(false, Frame::rst_stream(1, code::NO_ERROR));
        assert_eq!(Response::gather(&transcript, 1).ended, Ended::Complete);
    }

    #[test]
    fn a_cut_answer_is_not_complete() {
        let mut transcript = Transcript::new();
        with_fields(&mut transcript, false, &[(":status", "200")]);
        assert_eq!(Response::gather(&transcript, 1).ended, Ended::Unfinished);
        transcript.record(false, Frame::rst_stream(1, code::CANCEL));
        assert_eq!(Response::gather(&transcript, 1).ended, Ended::Reset(code::CANCEL));
    }
}
