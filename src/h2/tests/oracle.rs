//! Compares whole connections with the h2 crate: both receive the same frames of a
//! client, and respond to each request at once. The client receives the same, except
//! where the h2 crate differs from RFC 9113.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::peer::{LIMITS, Peer, Seen};
use crate::engine::Engine;
use crate::testing::wire::*;

/// A socket in memory.
#[derive(Clone, Default)]
struct Memory {
    input: Rc<RefCell<Vec<u8>>>,
    output: Rc<RefCell<Vec<u8>>>,
}

impl AsyncRead for Memory {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut input = self.input.borrow_mut();
        if input.is_empty() {
            return Poll::Pending;
        }
        let length = into.remaining().min(input.len());
        into.put_slice(&input[..length]);
        input.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.output.borrow_mut().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const BODY: &[u8] = b"Hello, World!";

/// What h2 writes in response to these frames.
fn theirs(client: &[Vec<u8>]) -> Vec<Frame> {
    let memory = Memory::default();
    let cx = &mut Context::from_waker(Waker::noop());
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(LIMITS.max_concurrent_streams).max_header_list_size(LIMITS.header_list_bytes);
    let mut handshake = Box::pin(builder.handshake::<_, Bytes>(memory.clone()));
    let mut connection = None;
    // A dropped request would be reset, so requests and responses are kept.
    let mut kept = Vec::new();
    for bytes in client {
        memory.input.borrow_mut().extend_from_slice(bytes);
        if connection.is_none()
            && let Poll::Ready(opened) = handshake.as_mut().poll(cx)
        {
            connection = Some(opened.expect("a preface"));
        }
        let Some(connection) = &mut connection else { continue };
        // Each event may cause output.
        for _ in 0..10 {
            let Poll::Ready(Some(Ok((request, mut respond)))) = connection.poll_accept(cx) else { continue };
            let (is_head, content) = (request.method() == http::Method::HEAD, request.into_body());
            let mut stream = respond.send_response(http::Response::new(()), is_head).expect("a head");
            if !is_head {
                stream.send_data(Bytes::from_static(BODY), true).expect("content");
            }
            kept.push((stream, content, respond));
        }
    }
    frames(&memory.output.take())
}

/// What the engine writes in response to them.
fn ours(client: &[Vec<u8>]) -> Vec<Frame> {
    let mut peer = Peer::silent(LIMITS);
    peer.held = client.concat();
    let mut waiting: Vec<(u32, &[u8])> = Vec::new();
    while let Some(seen) = peer.step() {
        if let Some(Seen::Request { stream, method, .. }) = seen {
            peer.head(stream, 200, method == "HEAD");
            waiting.push((stream, BODY));
        }
        // As much as the windows allow.
        for (stream, rest) in &mut waiting {
            let length = peer.engine.sendable(*stream).min(rest.len());
            let (piece, more) = rest.split_at(length);
            if length > 0 {
                peer.data(*stream, piece, more.is_empty());
            }
            *rest = more;
        }
    }
    if let Some(fault) = peer.fault {
        peer.engine.send_fault(fault, b"", &mut peer.out);
    }
    peer.frames()
}

/// What matters to the client: its data for each stream, acknowledged PINGs, and how the
/// session ended.
fn essence(frames: &[Frame]) -> Vec<String> {
    let mut all: Vec<String> = frames
        .iter()
        .filter_map(|frame| {
            let Frame { kind, flags, stream, payload } = frame;
            match *kind {
                DATA => Some(format!("{stream}: DATA {} {payload:?}", flags & END_STREAM)),
                HEADERS => Some(format!("{stream}: HEADERS {} {:?}", flags & END_STREAM, payload.first())),
                RST_STREAM => Some(format!("{stream}: RST_STREAM {}", frame.number(0))),
                SETTINGS if flags & ACK != 0 => Some("SETTINGS acknowledged".into()),
                PING => Some(format!("PING {flags} {payload:?}")),
                GOAWAY => Some(format!("GOAWAY {}", frame.number(4))),
                _ => None,
            }
        })
        .collect();
    all.sort();
    all
}

/// Whether both results are the same.
fn agree(name: &str, client: &[Vec<u8>]) -> bool {
    let client = [&[preface(&[]), frame(SETTINGS, ACK, 0, &[])], client].concat();
    let (ours, theirs) = (essence(&ours(&client)), essence(&theirs(&client)));
    if ours != theirs {
        println!("{name}:\n  ours   {ours:?}\n  theirs {theirs:?}");
    }
    ours == theirs
}

#[test]
fn the_h2_crate_writes_the_same() {
    let head = block(&pseudo("GET", "/"));
    let malformed = |stream, name, value| {
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&[&pseudo("GET", "/")[..], &[(name, value)]].concat()))
    };
    let mut all = true;
    let mut compare = |name: &str, client: &[Vec<u8>]| all &= agree(name, client);
    compare("requests", &[get(1), get(3), get(5)]);
    compare("HEAD", &[request(1, "HEAD", END_STREAM, &[])]);
    compare("uploads", &[post(1), data(1, b"abc", false), data(1, b"def", true)]);
    compare(
        "trailers",
        &[post(1), data(1, b"abc", false), frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[("a", "b")]))],
    );
    compare(
        "continuations",
        &[
            frame(HEADERS, END_STREAM, 1, &head[..9]),
            frame(CONTINUATION, 0, 1, &head[9..15]),
            frame(CONTINUATION, END_HEADERS, 1, &head[15..]),
        ],
    );
    compare(
        "padding",
        &[
            frame(HEADERS, END_HEADERS | PADDED, 1, &[&[4][..], &head, &[0; 4]].concat()),
            frame(DATA, PADDED | END_STREAM, 1, &[2, 7, 0, 0]),
        ],
    );
    compare("PING", &[frame(PING, 0, 0, b"12345678"), get(1)]);
    compare("unknown frames", &[frame(99, 255, 7, &[0; 30]), get(1)]);
    compare("SETTINGS", &[settings(&[(4, 5), (0x4321, 7)]), get(1), window_update(1, 100)]);
    compare("no window", &[settings(&[(4, 0)]), get(1)]);
    compare("PRIORITY", &[frame(PRIORITY, 0, 7, &[0, 0, 0, 1, 9]), get(1)]);
    compare("a reset", &[post(1), reset(1, CANCEL), get(3)]);
    compare("a short content", &[request(1, "POST", 0, &[("content-length", "3")]), data(1, b"a", true)]);
    compare("an end without content", &[request(1, "POST", END_STREAM, &[("content-length", "3")])]);
    compare("connection fields", &[malformed(1, "connection", "close"), get(3)]);
    compare("te", &[malformed(1, "te", "gzip"), get(3)]);
    compare("too large a window", &[settings(&[(4, 5)]), get(1), window_update(1, (1 << 31) - 1)]);
    compare("the session's window by nothing", &[window_update(0, 0)]);
    compare("too large a session's window", &[window_update(0, (1 << 31) - 1)]);
    compare("DATA on an idle stream", &[data(1, b"a", true)]);
    compare("RST_STREAM on an idle stream", &[reset(1, CANCEL)]);
    compare("WINDOW_UPDATE on an idle stream", &[window_update(1, 1)]);
    compare("an even stream", &[get(2)]);
    compare("a long frame", &[frame(99, 0, 0, &[0; 16_385])]);
    compare("PUSH_PROMISE", &[frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])]);
    compare("a frame in a block", &[frame(HEADERS, END_STREAM, 1, &head[..9]), frame(PING, 0, 0, &[0; 8])]);
    compare("ENABLE_PUSH", &[settings(&[(2, 2)])]);
    compare("MAX_FRAME_SIZE", &[settings(&[(5, 1)])]);
    compare("too much padding", &[post(1), frame(DATA, PADDED, 1, &[9, 0])]);
    assert!(all);
}

/// Where h2 differs from RFC 9113, and what the engine does.
#[test]
fn where_the_h2_crate_differs_the_engine_follows_the_rfc() {
    let short_request = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[(":method", "GET"), (":scheme", "http")]));
    for (name, client, expected) in [
        // Section 8.3.1.
        ("no path", vec![short_request], "1: RST_STREAM 1"),
        // Section 6.9.
        ("a window by nothing", vec![settings(&[(4, 0)]), get(1), window_update(1, 0)], "1: RST_STREAM 1"),
        // Section 6.7.
        ("a short PING", vec![frame(PING, 0, 0, &[0; 7])], "GOAWAY 6"),
        // Section 4.3.
        ("a bad block", vec![frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80])], "GOAWAY 9"),
        // Section 6.5.2.
        ("INITIAL_WINDOW_SIZE", vec![settings(&[(4, 1 << 31)])], "GOAWAY 3"),
    ] {
        assert!(!agree(name, &client), "{name}: they do not differ any more");
        let client = [&[preface(&[]), frame(SETTINGS, ACK, 0, &[])], &client[..]].concat();
        assert!(essence(&ours(&client)).iter().any(|line| line == expected), "{name}");
    }
}
