//! The ways in which a test connection opens and ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use crate::kit::frame::PREFACE;
use crate::kit::{Frame, kind};

use super::peer::{Method, Peer, STREAM, half_a_header_block};

/// The number of threads that connect at the same time. Each tries every way, and
/// the events of a batch stay well below the 1000 that the demo keeps.
const LANES: u8 = 8;

/// The bytes of an upload that are sent before it is aborted; less than the initial
/// window.
const UPLOADED: usize = 32 * 1024;

#[derive(Clone, Copy)]
enum Way {
    /// A request, its response, GOAWAY, FIN.
    Clean,
    /// A request, GOAWAY and a close without reading the response.
    GoawayThenClose,
    /// FIN within a header block.
    HalfAHeaderBlock,
    /// No byte, then FIN.
    TcpOnly,
    /// No byte, then a TCP reset.
    TcpReset,
    /// A TCP reset during a response that is sent over time.
    ResetInStream,
    /// A TCP reset during a response that waits for window.
    KilledInBig,
    /// A TCP reset during an upload.
    KilledInEcho,
    /// FIN during an upload.
    LeftInEcho,
    /// RST_STREAM of a request without a response, then as in `Clean`.
    HangGivenUp,
    /// A TCP reset instead of RST_STREAM.
    HangLost,
    /// RST_STREAM during a response, then as in `Clean`.
    StreamGivenUp,
    /// The preface and SETTINGS, and FIN.
    PrefaceOnly,
    /// FIN within the preface.
    HalfAPreface,
}

const WAYS: [Way; 14] = [
    Way::Clean,
    Way::GoawayThenClose,
    Way::HalfAHeaderBlock,
    Way::TcpOnly,
    Way::TcpReset,
    Way::ResetInStream,
    Way::KilledInBig,
    Way::KilledInEcho,
    Way::LeftInEcho,
    Way::HangGivenUp,
    Way::HangLost,
    Way::StreamGivenUp,
    Way::PrefaceOnly,
    Way::HalfAPreface,
];

/// Every way on every lane; `number` counts the batches. Gives how many
/// connections it made.
pub fn batch(address: SocketAddr, number: usize) -> usize {
    thread::scope(|scope| {
        for lane in 0..LANES {
            // Not 127.0.0.x, where everybody else is.
            let net = u8::try_from(number % 200 + 1).expect("less than 256");
            scope.spawn(move || visit(address, Ipv4Addr::new(127, 0, net, lane + 1), lane));
        }
    });
    usize::from(LANES) * WAYS.len()
}

/// All arrive before the first one leaves, so that there is a crowd; each lane
/// begins with another way, so that the ways mix.
fn visit(address: SocketAddr, from: Ipv4Addr, lane: u8) {
    let mut ways = WAYS;
    ways.rotate_left(usize::from(lane) % WAYS.len());
    let visits = ways.map(|way| {
        let mut peer = Peer::connect(address, from);
        way.arrive(&mut peer);
        (way, peer)
    });
    for (way, peer) in visits {
        way.leave(peer);
    }
}

impl Way {
    fn arrive(self, peer: &mut Peer) {
        match self {
            Way::TcpOnly | Way::TcpReset => {}
            Way::HalfAPreface => peer.raw(&PREFACE[..PREFACE.len() / 2]),
            Way::PrefaceOnly => peer.preface(),
            Way::HalfAHeaderBlock => {
                peer.preface();
                peer.send(&half_a_header_block());
            }
            Way::Clean | Way::GoawayThenClose => peer.request(Method::Get, "/", true),
            Way::ResetInStream | Way::StreamGivenUp => peer.request(Method::Get, "/stream", true),
            Way::KilledInBig => peer.request(Method::Get, "/big", true),
            Way::HangGivenUp | Way::HangLost => peer.request(Method::Get, "/hang", true),
            Way::KilledInEcho | Way::LeftInEcho => {
                peer.request(Method::Post, "/echo", false);
                for part in [0; UPLOADED].chunks(UPLOADED / 4) {
                    peer.send(&Frame::data(STREAM, part, false));
                }
            }
        }
    }

    fn leave(self, mut peer: Peer) {
        match self {
            Way::TcpOnly => drop(peer),
            Way::TcpReset => peer.reset(),
            Way::HalfAPreface | Way::PrefaceOnly | Way::HalfAHeaderBlock => peer.finish(),
            Way::Clean => {
                peer.wait_for(|frame| frame.kind == kind::DATA && frame.ends_stream());
                peer.goaway();
                peer.finish();
            }
            Way::GoawayThenClose => {
                peer.goaway();
                drop(peer);
            }
            Way::ResetInStream | Way::KilledInBig | Way::KilledInEcho => {
                peer.wait_for_data();
                peer.reset();
            }
            Way::LeftInEcho => {
                peer.wait_for_data();
                peer.finish();
            }
            Way::HangLost => {
                peer.settle();
                peer.reset();
            }
            Way::HangGivenUp | Way::StreamGivenUp => {
                peer.settle();
                peer.give_up_stream();
                peer.settle();
                peer.goaway();
                peer.finish();
            }
        }
    }
}
