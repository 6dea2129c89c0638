//! A connection at its cheapest: it keeps no transcript and decodes no header,
//! for there are a great many of it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::kit::frame::PREFACE;
use crate::kit::{Frame, PATIENCE, code, kind};

/// The only stream that a visitor opens.
pub const STREAM: u32 = 1;

pub struct Peer {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Peer {
    /// From an address of the loopback network that the caller chooses: the ports
    /// of one address alone run out, since the kernel holds those of closed
    /// connections for a minute (TIME_WAIT).
    pub fn connect(address: SocketAddr, from: Ipv4Addr) -> Peer {
        let from = SocketAddr::from((from, 0));
        let connect = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&from.into())?;
            socket.connect_timeout(&address.into(), PATIENCE)?;
            socket.set_tcp_nodelay(true)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.set_write_timeout(Some(PATIENCE))?;
            std::io::Result::Ok(socket)
        };
        let socket = connect().unwrap_or_else(|error| panic!("connect {from} to {address}: {error}"));
        Peer { socket: socket.into(), received: Vec::new() }
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap_or_else(|error| panic!("cannot send {} bytes: {error}", bytes.len()));
    }

    pub fn send(&mut self, frame: &Frame) {
        self.raw(&frame.encode());
    }

    pub fn preface(&mut self) {
        self.raw(&[PREFACE, &Frame::settings(&[]).encode()].concat());
    }

    /// Preface and request in one go, as real clients do.
    pub fn request(&mut self, method: Method, path: &str, end_stream: bool) {
        let settings = Frame::settings(&[]).encode();
        let request = Frame::headers(STREAM, block(method, path), end_stream).encode();
        self.raw(&[PREFACE, &settings, &request].concat());
    }

    /// Reads until `wanted` comes, acknowledging SETTINGS on the way.
    pub fn wait_for(&mut self, wanted: impl Fn(&Frame) -> bool) {
        loop {
            while let Some(frame) = Frame::decode(&mut self.received) {
                if frame.is(kind::SETTINGS) {
                    self.send(&Frame::settings_ack());
                }
                if wanted(&frame) {
                    return;
                }
            }
            let mut bytes = [0; 16 * 1024];
            match self.socket.read(&mut bytes) {
                Ok(0) => panic!("the server ended the connection in the midst of it"),
                Ok(length) => self.received.extend(&bytes[..length]),
                Err(error) => panic!("what should have come did not: {error}"),
            }
        }
    }

    pub fn wait_for_data(&mut self) {
        self.wait_for(|frame| frame.kind == kind::DATA && !frame.payload.is_empty());
    }

    /// The server has read all that we sent before.
    pub fn settle(&mut self) {
        self.send(&Frame::ping(*b"settled?"));
        self.wait_for(|frame| frame.kind == kind::PING && frame.is_ack());
    }

    pub fn give_up_stream(&mut self) {
        self.send(&Frame::rst_stream(STREAM, code::CANCEL));
    }

    /// Our GOAWAY: we go. No stream of the server's was taken in.
    pub fn goaway(&mut self) {
        self.send(&Frame::goaway(0, code::NO_ERROR, b""));
    }

    /// Our FIN, and then whatever the server has still to say, to its end. That
    /// may be a reset, if it threw away what it had not read.
    pub fn finish(mut self) {
        let _ = self.socket.shutdown(Shutdown::Write);
        let mut bytes = [0; 16 * 1024];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("the server did not end the connection after our FIN: {error}"),
            }
        }
    }

    /// Throws the connection away: the server's kernel gets a RST.
    pub fn reset(self) {
        let now = Some(Duration::ZERO);
        SockRef::from(&self.socket).set_linger(now).expect("a socket can be told to linger");
    }
}

#[derive(Clone, Copy)]
pub enum Method {
    Get,
    Post,
}

/// A header block of HPACK's static table and two literals, which leaves the
/// dynamic table alone (RFC 7541, section 6.2.2, appendix A).
fn block(method: Method, path: &str) -> Vec<u8> {
    let method = match method {
        Method::Get => 0x82,
        Method::Post => 0x83,
    };
    let mut block = vec![method, 0x86];
    for (name, value) in [(4, path), (1, "goaway.test")] {
        block.push(name);
        block.push(u8::try_from(value.len()).ok().filter(|length| *length < 127).expect("a short value"));
        block.extend(value.as_bytes());
    }
    block
}

/// The first half of a header block, and no word that it ends.
pub fn half_a_header_block() -> Frame {
    let block = block(Method::Get, "/");
    Frame::new(kind::HEADERS, 0, STREAM, &block[..block.len() / 2])
}
