//! Reading: bytes become frames, frames become entries of the transcript, and some are
//! acknowledged at once, as by an ordinary peer.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::client::Client;
use super::frame::{Frame, flag, kind};
use super::response::Response;
use super::transcript::{End, Fields, Transcript};

impl Client {
    /// Reads until `done` returns true for the received entries. False if the connection
    /// ended or `patience` passed before.
    pub fn read_until(&mut self, patience: Duration, done: impl Fn(&Transcript) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            if done(&self.transcript) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.transcript.end.is_some() {
                return false;
            }
            self.pump(left);
        }
    }

    /// Reads for the whole `time`, unless the connection ends.
    pub fn read_for(&mut self, time: Duration) {
        self.read_until(time, |_| false);
    }

    /// Waits until the response on `stream` has ended in any way.
    pub fn response(&mut self, stream: u32) -> Response {
        self.read_until(PATIENCE, |transcript| transcript.is_over(stream));
        Response::gather(&self.transcript, stream)
    }

    /// One read from the socket, waiting at most `wait`, and its processing.
    pub fn pump(&mut self, wait: Duration) {
        if self.transcript.end.is_some() {
            return;
        }
        let wait = wait.max(Duration::from_millis(1));
        self.socket.socket().set_read_timeout(Some(wait)).expect("a wait above zero is a valid timeout");
        let mut chunk = [0; 65_536];
        match self.socket.read(&mut chunk) {
            Ok(0) => self.end(),
            Ok(length) => {
                self.receiving.bytes.extend(&chunk[..length]);
                while let Some(frame) = Frame::decode(&mut self.receiving.bytes) {
                    self.take(frame);
                }
            }
            Err(error) => self.end_by(error),
        }
    }

    fn end(&mut self) {
        let end = match self.receiving.bytes.is_empty() {
            _ if self.reset_while_writing => End::Reset,
            true => End::Fin,
            false => End::CutFrame,
        };
        self.transcript.record_end(end);
    }

    fn end_by(&mut self, error: io::Error) {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
            io::ErrorKind::ConnectionReset => self.transcript.record_end(End::Reset),
            other => self.transcript.record_end(End::Failed(other)),
        }
    }

    fn take(&mut self, frame: Frame) {
        self.transcript.record(false, frame.clone());
        match frame.kind {
            kind::HEADERS | kind::CONTINUATION => self.take_header_block(&frame),
            kind::DATA => self.give_window_back(&frame),
            kind::PING if !frame.is_ack() && self.behaviour.ack_ping => {
                self.answer(Frame::pong(&frame));
            }
            kind::SETTINGS => self.take_settings(&frame),
            kind::WINDOW_UPDATE => {
                let increment = frame.as_window_update().unwrap_or(0);
                self.windows.update(frame.stream, increment);
            }
            _ => {}
        }
    }

    /// Every header section is decoded, in order, or the HPACK tables would differ
    /// (section 4.3).
    fn take_header_block(&mut self, frame: &Frame) {
        let here = self.transcript.entries.len() - 1;
        let (began, mut block) = self.receiving.section.take().unwrap_or((here, Vec::new()));
        block.extend(frame.content());
        if !frame.has(flag::END_HEADERS) {
            self.receiving.section = Some((began, block));
            return;
        }
        match self.receiving.decoder.decode(&block) {
            Ok(fields) => self.transcript.entries[began].fields = Some(readable(fields)),
            Err(error) => self.fail(&format!("a header section cannot be decoded: {error:?}")),
        }
    }

    fn give_window_back(&mut self, frame: &Frame) {
        let length = frame.payload.len() as u32;
        if !self.behaviour.open_window || length == 0 {
            return;
        }
        self.answer(Frame::window_update(0, length));
        if !frame.ends_stream() {
            self.answer(Frame::window_update(frame.stream, length));
        }
    }

    fn take_settings(&mut self, frame: &Frame) {
        let Some(values) = frame.as_settings() else {
            return;
        };
        self.windows.apply(&values);
        if self.behaviour.ack_settings {
            self.receiving.owed_settings_acks += 1;
            self.settle_debts();
        }
    }

    /// Acknowledges received SETTINGS, after the preface was sent.
    pub(super) fn settle_debts(&mut self) {
        while self.preface_sent && self.receiving.owed_settings_acks > 0 {
            self.receiving.owed_settings_acks -= 1;
            self.answer(Frame::settings_ack());
        }
    }

    /// Acknowledges the PINGs that were received while `ack_ping` was disabled.
    pub fn answer_pings(&mut self) {
        let mut owed: Vec<Frame> = Vec::new();
        for entry in &self.transcript.entries {
            let frame = &entry.frame;
            if entry.sent && frame.kind == kind::PING && frame.is_ack() {
                owed.retain(|ping| ping.payload != frame.payload);
            }
            if !entry.sent && frame.is(kind::PING) {
                owed.push(frame.clone());
            }
        }
        for ping in owed {
            self.answer(Frame::pong(&ping));
        }
    }

    /// Sends a frame that no test has asked for. The peer may have closed already;
    /// reading then shows how, which a failed write does not.
    fn answer(&mut self, frame: Frame) {
        if self.try_raw(&frame.encode()).is_ok() {
            self.transcript.record(true, frame);
        }
    }
}

fn readable(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Fields {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    fields.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::super::frame::PREFACE;
    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    /// A client and the other end of its connection.
    fn pair() -> (Client, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::connect(listener.local_addr().unwrap());
        let (peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(MOMENT)).unwrap();
        (client, peer)
    }

    fn send(peer: &mut TcpStream, frame: &Frame) {
        peer.write_all(&frame.encode()).unwrap();
    }

    /// What the client has sent, without the preface.
    fn frames_sent(peer: &mut TcpStream) -> Vec<Frame> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = peer.read(&mut chunk) {
            bytes.extend(&chunk[..length]);
        }
        if bytes.starts_with(PREFACE) {
            bytes.drain(..PREFACE.len());
        }
        std::iter::from_fn(|| Frame::decode(&mut bytes)).collect()
    }

    #[test]
    fn acknowledges_settings_only_after_the_preface() {
        let (mut client, mut peer) = pair();
        send(&mut peer, &Frame::settings(&[]));
        client.read_for(MOMENT);
        assert_eq!(client.transcript.received().count(), 1);
        assert_eq!(frames_sent(&mut peer), []);
        client.preface(&[]);
        assert_eq!(frames_sent(&mut peer), [Frame::settings(&[]), Frame::settings_ack()]);
    }

    #[test]
    fn what_is_switched_off_is_not_sent() {
        let (mut client, mut peer) = pair();
        let (ping, data) = (Frame::ping(*b"12345678"), Frame::data(1, b"four", false));
        client.behaviour.ack_ping = false;
        client.behaviour.open_window = false;
        send(&mut peer, &ping);
        send(&mut peer, &data);
        client.read_for(MOMENT);
        assert_eq!(frames_sent(&mut peer), []);
        client.behaviour.open_window = true;
        client.answer_pings();
        client.answer_pings();
        send(&mut peer, &data);
        client.read_for(MOMENT);
        let given_back = [Frame::window_update(0, 4), Frame::window_update(1, 4)];
        assert_eq!(frames_sent(&mut peer), [&[Frame::pong(&ping)][..], &given_back].concat());
    }

    #[test]
    fn a_header_section_may_come_in_pieces() {
        let (mut client, mut peer) = pair();
        let mut head = Frame::headers(1, vec![0x88], false);
        head.flags = 0;
        send(&mut peer, &head);
        client.read_for(MOMENT);
        assert!(client.transcript.entries[0].fields.is_none());
        send(&mut peer, &Frame::new(kind::CONTINUATION, flag::END_HEADERS, 1, [0x89]));
        client.read_for(MOMENT);
        let status = |value: &str| (":status".to_string(), value.to_string());
        assert_eq!(client.transcript.entries[0].fields, Some(vec![status("200"), status("204")]));
    }

    #[test]
    fn tells_the_ways_to_end_apart() {
        let (mut client, peer) = pair();
        drop(peer);
        assert_eq!(client.read_until_end(), End::Fin);

        let (mut client, mut peer) = pair();
        peer.write_all(&[0, 0, 8]).unwrap();
        drop(peer);
        assert_eq!(client.read_until_end(), End::CutFrame);

        let (mut client, peer) = pair();
        client.raw(b"never read");
        thread::sleep(MOMENT);
        drop(peer);
        assert_eq!(client.read_until_end(), End::Reset);
    }

    /// The kernel reports a reset once. If a write gets the report, the following read
    /// must not be taken for a FIN.
    #[test]
    fn a_reset_that_a_write_met_is_a_reset() {
        let (mut client, peer) = pair();
        client.raw(b"never read");
        thread::sleep(MOMENT);
        drop(peer);
        thread::sleep(MOMENT);
        assert!(client.try_raw(b"too late").is_err());
        assert_eq!(client.read_until_end(), End::Reset);
    }
}
