//! Section 10.5: how much memory a peer can make the server hold. Each test has a process
//! of its own.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::block::{self, INDEXED, NEWEST};
use crate::kit::frame::PREFACE;
use crate::kit::{Client, Demo, Frame, MAX_STREAM, flag, kind, setting};

/// How much a process may grow without a leak: pages of the allocator, and of threads
/// that run for the first time.
const NOISE_KIB: u64 = 1536;

/// Three times, the process may grow by `most` KiB while the result of `hold` is alive.
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

/// An endless header block is not stored.
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

/// Nor is a section that is short on the wire and long after decompression.
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

/// Acknowledgements of PING and SETTINGS for a peer that does not read.
#[test]
fn acknowledgements_that_nobody_reads() {
    for frame in [Frame::ping(*b"flooding"), Frame::settings(&[])] {
        check_growth(1024, |demo| {
            let mut socket = TcpStream::connect(demo.address()).expect("the demo accepts");
            socket.set_write_timeout(Some(Duration::from_millis(50))).expect("a timeout");
            let hello = [PREFACE, &Frame::settings(&[]).encode(), &Frame::settings_ack().encode()].concat();
            socket.write_all(&hello).expect("the preface");
            let burst = frame.encode().repeat(1000);
            // Until the socket is full or reset.
            for _ in 0..2000 {
                if socket.write_all(&burst).is_err() {
                    break;
                }
            }
            socket
        });
    }
}

/// 100 responses of 8 MiB for a peer whose windows are shut: 64 KiB of the first ones
/// are prepared, and the other requests wait. They are served when it takes something.
#[test]
fn responses_that_wait_for_a_window() {
    check_growth(1000, |demo| {
        let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, 0)]);
        let streams: Vec<u32> = (0..100).map(|_| client.request("GET", "/big")).collect();
        for stream in &streams[..8] {
            client.expect_headers(*stream);
        }
        client.send(Frame::window_update(streams[99], 1 << 16));
        client.expect_headers(streams[99]);
        client
    });
}

/// Connections that end with an error leave nothing behind.
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

/// What the count says and what the process has gained, for `hold` on each of many
/// connections.
#[track_caller]
fn check_counted<T>(part: &str, connections: usize, mut hold: impl FnMut(&Demo) -> T) {
    let demo = Demo::start_over(false, Duration::from_secs(1));
    settle(&demo);
    let (before, counted_before) = (demo.resident_kib(), counted(&demo, "total"));
    let held: Vec<T> = (0..connections).map(|_| hold(&demo)).collect();
    // The last of them may not have had its turn.
    let mut seen = (0, 0);
    for _ in 0..100 {
        let now = (demo.resident_kib() - before, (counted(&demo, "total") - counted_before) / 1024);
        if now == seen {
            break;
        }
        seen = now;
        std::thread::sleep(Duration::from_millis(50));
    }
    let (grown, counted_kib) = seen;
    assert!(grown > 2 * NOISE_KIB, "{grown} KiB are too few to say anything");
    assert!(counted_kib * 10 >= (grown - NOISE_KIB) * 9, "{counted_kib} of {grown} KiB are counted");
    assert!(counted(&demo, part) > counted(&demo, "total") / 3, "{part}");
    drop(held);
    settle(&demo);
    // The one that asks, and the one that has asked before and perhaps lingers.
    let most = counted_before + 2 * 8192;
    let is_gone = (0..500).any(|_| {
        counted(&demo, "total") <= most || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }
    });
    assert!(is_gone, "something stays counted");
}

/// A member of what the demo counts, in bytes.
fn counted(demo: &Demo, part: &str) -> u64 {
    demo.open().memory(part)
}

#[test]
fn fields_are_counted() {
    check_counted("fields", 20, |demo| {
        let mut client = demo.open();
        let value = "v".repeat(1000);
        let mut fields = vec![(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/hang")];
        fields.extend((0..10).map(|_| ("x-long", value.as_str())));
        for _ in 0..99 {
            client.request_of(&fields, true);
        }
        client
    });
}

#[test]
fn bodies_that_nobody_reads_are_counted() {
    check_counted("bodies", 30, |demo| {
        let mut client = demo.open();
        for _ in 0..4 {
            let stream = client.upload("GET", "/hang");
            for _ in 0..15 {
                client.send(Frame::data(stream, &[b'x'; 16_384], false));
            }
        }
        client
    });
}

#[test]
fn responses_that_nobody_takes_are_counted() {
    check_counted("responses", 30, |demo| {
        let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, 0)]);
        let streams: Vec<u32> = (0..100).map(|_| client.request("GET", "/big")).collect();
        for stream in &streams[..8] {
            client.expect_headers(*stream);
        }
        client
    });
}

#[test]
fn connections_are_counted() {
    check_counted("sessions", 900, |demo| TcpStream::connect(demo.address()).expect("the demo accepts"));
}

/// Peers whose uploads nobody reads, one after another: the largest are told to calm
/// down, the count stays at the limit, and a small client is served all the time.
#[test]
fn at_the_limit_the_largest_sessions_are_closed_and_small_ones_served() {
    const LIMIT: u64 = 16 << 20;
    let demo = Demo::start_within(LIMIT, Duration::from_secs(1));
    let mut small = demo.open();
    let mut large: Vec<Client> = Vec::new();
    let mut calmed = 0;
    for _ in 0..80 {
        let mut client = demo.open();
        for _ in 0..4 {
            let stream = client.upload("GET", "/hang");
            let frames: Vec<u8> = (0..15).flat_map(|_| Frame::data(stream, &[b'x'; 16_384], false).encode()).collect();
            // At the limit nothing is read, and what the socket does not take is not waited for.
            if client.try_raw_now(&frames).is_err() {
                break;
            }
        }
        large.push(client);
        let response = small.get("/");
        small.expect_complete(&response);
        let total = small.memory("total");
        assert!(total < LIMIT + LIMIT / 2, "{total} bytes are held");
        for client in &mut large {
            client.pump(Duration::ZERO);
        }
        let count = large.len();
        large.retain(|client| client.transcript.goaways().is_empty() && client.transcript.end.is_none());
        calmed += count - large.len();
    }
    assert!(calmed >= 40, "only {calmed} were closed");
    drop(large);
    let response = small.get("/");
    small.expect_complete(&response);
}

/// 50 connections with 100 responses of 8 MiB each and shut windows: less than 1 MB a
/// connection.
#[test]
fn many_peers_that_take_nothing_hold_less_than_a_megabyte_each() {
    const PEERS: u64 = 50;
    check_growth(PEERS * 1000, |demo| {
        let open = |_| {
            let mut client = Client::open_with(demo.address(), &[(setting::INITIAL_WINDOW_SIZE, 0)]);
            for _ in 0..100 {
                client.request("GET", "/big");
            }
            client.settle();
            client
        };
        (0..PEERS).map(open).collect::<Vec<_>>()
    });
}

/// Memory of peers that have left is returned to the system, however few they were,
/// while others are served.
#[test]
fn memory_of_peers_that_have_left_is_returned() {
    const WITHIN_KIB: u64 = 10 << 10;
    let demo = Demo::start_over(false, Duration::from_secs(1));
    let mut honest = demo.open();
    honest.get("/");
    for peers in [20, 100] {
        let before = demo.resident_kib();
        let open = |_| {
            let mut client = demo.open();
            for _ in 0..4 {
                let stream = client.upload("GET", "/hang");
                (0..15).for_each(|_| client.send(Frame::data(stream, &[b'x'; 16_384], false)));
            }
            client.settle();
            client
        };
        let crowd: Vec<Client> = (0..peers).map(open).collect();
        let grown = demo.resident_kib() - before;
        assert!(grown > peers * 700, "{peers} peers make it hold only {grown} KiB");
        drop(crowd);
        let is_returned = (0..1000).any(|_| {
            let response = honest.get("/");
            honest.expect_complete(&response);
            std::thread::sleep(Duration::from_millis(10));
            demo.resident_kib() < before + WITHIN_KIB
        });
        assert!(is_returned, "{} KiB are kept of {grown}", demo.resident_kib() - before);
    }
}
