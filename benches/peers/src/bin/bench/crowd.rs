//! A crowd of idle sessions, on one thread and at little cost: bare frames, with
//! no header decoded, or one response in HTTP/1.1.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::route::HELLO;
use crate::{Result, process};

/// How many sessions may be on their way in: less than any server's accept queue.
const ARRIVING: usize = 64;

/// What the runner and a server need besides the sessions' descriptors.
const SPARE_DESCRIPTORS: usize = 200;

const OPEN_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const SETTINGS_ACK: &[u8] = &[0, 0, 0, 4, ACK, 0, 0, 0, 0];
/// `GET http://localhost/` on stream 1, END_STREAM and END_HEADERS.
const REQUEST: &[u8] = b"\x00\x00\x0e\x01\x05\x00\x00\x00\x01\x82\x86\x84\x01\x09localhost";

const REQUEST_HTTP1: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

const FRAME_HEADER: usize = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;

/// As many sessions of `wanted` as the limit on descriptors allows. The limit of
/// this process, and so of the servers it starts, is raised as far as it goes.
pub fn affordable(wanted: usize) -> Result<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a live rlimit.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            return Err(io::Error::last_os_error().into());
        }
    }
    let most = usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX);
    Ok(wanted.min(most.saturating_sub(SPARE_DESCRIPTORS)))
}

#[derive(Clone, Copy, PartialEq)]
pub enum Protocol {
    Http1,
    Http2,
}

pub struct Crowd {
    epoll: OwnedFd,
    protocol: Protocol,
    members: Vec<Member>,
    buffer: Vec<u8>,
    /// How many have had their one answer.
    settled: usize,
    /// When each got its first GOAWAY, in order.
    pub goaways: Vec<Instant>,
    ended: usize,
}

impl Crowd {
    /// `count` sessions, each with one request answered and, in HTTP/2, SETTINGS
    /// acknowledged on both sides.
    pub fn open(port: u16, count: usize, protocol: Protocol) -> Result<Crowd> {
        let deadline = Instant::now() + OPEN_LIMIT;
        let mut crowd = Crowd::new(protocol)?;
        while crowd.settled < count {
            while crowd.members.len() < count && crowd.members.len() < crowd.settled + ARRIVING {
                crowd.add(port)?;
            }
            crowd.pump(Duration::from_millis(100))?;
            let (settled, ended) = (crowd.settled, crowd.ended);
            if ended > 0 || Instant::now() > deadline {
                return Err(format!("{settled} of {count} sessions were served, {ended} were ended").into());
            }
        }
        Ok(crowd)
    }

    fn new(protocol: Protocol) -> io::Result<Crowd> {
        // SAFETY: no memory is involved.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is open and nobody else's.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        let buffer = vec![0; 64 << 10];
        Ok(Crowd { epoll, protocol, members: Vec::new(), buffer, settled: 0, goaways: Vec::new(), ended: 0 })
    }

    fn add(&mut self, port: u16) -> io::Result<()> {
        let member = Member::connect(port, self.protocol)?;
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: self.members.len() as u64 };
        let (epoll, socket) = (self.epoll.as_raw_fd(), member.socket.as_raw_fd());
        // SAFETY: both descriptors are open, and the event is alive.
        if unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket, &mut event) } == -1 {
            return Err(io::Error::last_os_error());
        }
        self.members.push(member);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn all_ended(&self) -> bool {
        self.ended == self.members.len()
    }

    /// Takes in what has come, or waits for something for `wait` at most.
    pub fn pump(&mut self, wait: Duration) -> Result<()> {
        process::stop_if_interrupted()?;
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 256];
        let (room, wait) = (events.len() as libc::c_int, wait.as_millis() as libc::c_int);
        // SAFETY: the kernel writes `room` events at most.
        let ready = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), room, wait) };
        // Less than none: interrupted by a signal, which the next call looks at.
        for event in events.iter().take(usize::try_from(ready).unwrap_or(0)) {
            let at = event.u64 as usize;
            self.hear(at)?;
        }
        Ok(())
    }

    fn hear(&mut self, at: usize) -> Result<()> {
        let member = &mut self.members[at];
        let before = (member.is_settled(), member.goaway);
        if member.read(&mut self.buffer)? == End::Reached {
            // So that epoll does not report the end again and again.
            let (epoll, socket) = (self.epoll.as_raw_fd(), member.socket.as_raw_fd());
            // SAFETY: both descriptors are open; the last argument may be null.
            unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, socket, std::ptr::null_mut()) };
            let _ = member.socket.shutdown(std::net::Shutdown::Both);
            self.ended += 1;
        }
        self.settled += usize::from(!before.0 && member.is_settled());
        if !before.1 && member.goaway {
            self.goaways.push(Instant::now());
        }
        Ok(())
    }
}

#[derive(PartialEq)]
enum End {
    Open,
    Reached,
}

struct Member {
    socket: TcpStream,
    protocol: Protocol,
    /// Of a frame, or in HTTP/1.1 of a response, that is not whole yet.
    received: Vec<u8>,
    settings: bool,
    settings_acked: bool,
    body: usize,
    answered: bool,
    goaway: bool,
}

impl Member {
    fn connect(port: u16, protocol: Protocol) -> io::Result<Member> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut socket = TcpStream::connect_timeout(&address, CONNECT_LIMIT)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        // It fits: the socket is fresh.
        match protocol {
            Protocol::Http1 => socket.write_all(REQUEST_HTTP1)?,
            Protocol::Http2 => socket.write_all(&[PREFACE, SETTINGS, REQUEST].concat())?,
        }
        Ok(Member {
            socket,
            protocol,
            received: Vec::new(),
            settings: protocol == Protocol::Http1,
            settings_acked: protocol == Protocol::Http1,
            body: 0,
            answered: false,
            goaway: false,
        })
    }

    fn is_settled(&self) -> bool {
        self.settings && self.settings_acked && self.answered
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<End> {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Ok(End::Reached),
                Ok(length) => self.take(&buffer[..length])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(End::Open),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(End::Reached),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.received.extend(bytes);
        if self.protocol == Protocol::Http1 {
            return self.take_response();
        }
        let received = std::mem::take(&mut self.received);
        let mut rest = &received[..];
        while let Some((frame, after)) = split_frame(rest) {
            self.hear(frame)?;
            rest = after;
        }
        // Without a rest this allocates nothing, so that an idle member is small.
        self.received = rest.to_vec();
        Ok(())
    }

    fn take_response(&mut self) -> Result<()> {
        if !self.received.starts_with(&b"HTTP/1.1 200 "[..self.received.len().min(13)]) {
            return Err(format!("a response that is none: {:?}", String::from_utf8_lossy(&self.received)).into());
        }
        if self.received.ends_with(HELLO) {
            self.answered = true;
            // An idle member holds nothing.
            self.received = Vec::new();
        }
        Ok(())
    }

    fn hear(&mut self, frame: &[u8]) -> Result<()> {
        let (kind, flags, payload) = (frame[3], frame[4], &frame[FRAME_HEADER..]);
        match kind {
            0 => self.body += payload.len(),
            4 if flags & ACK != 0 => self.settings_acked = true,
            4 => {
                self.settings = true;
                self.socket.write_all(SETTINGS_ACK)?;
            }
            6 if flags & ACK == 0 => self.pong(payload)?,
            7 => self.goaway = true,
            _ => {}
        }
        if kind <= 1 && flags & END_STREAM != 0 {
            if self.body != HELLO.len() {
                return Err(format!("an answer of {} bytes", self.body).into());
            }
            self.answered = true;
        }
        Ok(())
    }

    fn pong(&mut self, payload: &[u8]) -> Result<()> {
        let answer = [&[0, 0, 8, 6, ACK, 0, 0, 0, 0], payload].concat();
        match self.socket.write_all(&answer) {
            // It has left in the meantime; the end is there to be read.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(()),
            other => Ok(other?),
        }
    }
}

/// The first frame of `bytes` and what follows it; None: it is not whole.
fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(..3)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    bytes.split_at_checked(FRAME_HEADER + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_split_where_they_end() {
        let bytes = [SETTINGS, SETTINGS_ACK].concat();
        assert_eq!(split_frame(&bytes), Some((SETTINGS, SETTINGS_ACK)));
        assert_eq!(split_frame(&bytes[..FRAME_HEADER - 1]), None);
        assert_eq!(split_frame(REQUEST), Some((REQUEST, &[][..])));
        assert_eq!(split_frame(&REQUEST[..REQUEST.len() - 1]), None);
    }
}
