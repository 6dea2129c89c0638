//! Section 10.5: what a peer can make the server keep. Each test has a process of its
//! own, so that its memory is nobody else's.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::block::{self, INDEXED, NEWEST};
use crate::kit::frame::PREFACE;
use crate::kit::{Client, Demo, Frame, MAX_STREAM, flag, kind, setting};

/// What a process may gain that is no leak: pages of its allocator, of threads that
/// have worked for the first time.
const NOISE_KIB: u64 = 1536;

/// Three times over, the process may grow by so many KiB and not more while what `hold`
/// gives back is alive.
#[track_caller]
fn check_growth<T>(most_kib: u64, mut hold: impl FnMut(&Demo) -> T) {
    let demo = Demo::start_over(false, Duration::from_secs(1));
    settle(&demo);
    let before = demo.resident_kib();
    for _ in 0..3 {
        let held = hold(&demo);
        let grown = demo.resident_kib().saturating_sub(before);
        drop(held);
        assert!(grown <= most_kib + NOISE_KIB, "{grown} KiB more, where {most_kib} may be");
        settle(&demo);
    }
}

/// A new session is served, and is the only one.
#[track_caller]
fn settle(demo: &Demo) {
    let mut client = demo.open();
    for _ in 0..500 {
        if client.sessions().len() == 1 {
            return;
        }
        client.read_for(Duration::from_millis(10));
    }
    client.fail("the other sessions do not end");
}

/// A header block that never ends is not kept.
#[test]
fn a_value_of_15_mib() {
    check_growth(256, |demo| {
        let mut client = demo.open();
        let stream = client.next_stream();
        let length = [vec![0], block::text("x-a"), block::integer(0, 7, 15 << 20)].concat();
        client.send(Frame::new(kind::HEADERS, flag::END_STREAM, stream, length));
        for _ in 0..960 {
            if client.try_raw(&Frame::continuation(stream, &[b'v'; 16_384], false).encode()).is_err() {
                break;
            }
            client.pump(Duration::ZERO);
            if client.transcript.end.is_some() {
                break;
            }
        }
        client
    });
}

/// Nor is a list that is short on the wire and long when it is decompressed.
#[test]
fn references_to_a_large_entry_on_100_streams() {
    check_growth(1024, |demo| {
        let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, 0)]);
        let authority = client.authority();
        let target = [(":method", "GET"), (":scheme", "http"), (":authority", &authority), (":path", "/")];
        let stored = block::literal(INDEXED, "x-bomb", "v".repeat(4000));
        for _ in 0..100 {
            let stream = client.next_stream();
            let first = [block::literals(&target), stored.clone()].concat();
            let bomb = Frame::continuation(stream, &block::indexed(NEWEST).repeat(15_000), true);
            let frames = [Frame::new(kind::HEADERS, flag::END_STREAM, stream, first), bomb];
            let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
            if client.try_raw(&bytes).is_err() {
                break;
            }
            client.pump(Duration::ZERO);
        }
        client
    });
}

/// What is owed to a peer that does not read: acknowledgements of PING and SETTINGS.
#[test]
fn acknowledgements_that_nobody_reads() {
    for frame in [Frame::ping(*b"flooding"), Frame::settings(&[])] {
        check_growth(1024, |demo| {
            let mut socket = TcpStream::connect(demo.address()).expect("the demo accepts");
            socket.set_write_timeout(Some(Duration::from_millis(50))).expect("a timeout");
            let hello = [PREFACE, &Frame::settings(&[]).encode(), &Frame::settings_ack().encode()].concat();
            socket.write_all(&hello).expect("the preface");
            let burst = frame.encode().repeat(1000);
            // Until it is full or thrown away.
            for _ in 0..2000 {
                if socket.write_all(&burst).is_err() {
                    break;
                }
            }
            socket
        });
    }
}

/// 100 responses of 8 MiB for a peer whose windows are shut: 64 KiB of each are
/// prepared. Twice as much is allowed, for the allocator.
#[test]
fn responses_that_wait_for_a_window() {
    check_growth(100 * 128, |demo| {
        let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, 0)]);
        let streams: Vec<u32> = (0..100).map(|_| client.request("GET", "/big")).collect();
        for stream in streams {
            client.expect_headers(stream);
        }
        client
    });
}

/// Connections that end by an error leave nothing behind.
#[test]
fn connections_that_end_by_an_error() {
    check_growth(512, |demo| {
        for _ in 0..200 {
            let mut client = demo.open();
            client.request("GET", "/big");
            client.send(Frame::window_update(0, MAX_STREAM));
            client.read_until(crate::kit::PATIENCE, |transcript| !transcript.goaways().is_empty());
        }
        settle(demo);
    });
}
