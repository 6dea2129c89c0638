//! Section 10.5: limits on what a peer may repeat.

use std::time::Duration;

use crate::block::{self, INDEXED, NEWEST};
use crate::case::Outcome::{Goaway, Ignored, Status};
use crate::case::{Case, Outcome, case, check};
use crate::kit::{Client, Frame, MAX_STREAM, code, flag, kind, setting};
use crate::session::Session;

const CALM: &[Outcome] = &[Goaway(code::ENHANCE_YOUR_CALM)];

pub const CASES: &[Case] = &[
    // Streams that are opened and reset.
    case("10.5", "rapid reset", CALM, |s| {
        flood(s, 40, |s| {
            many(50, || {
                let request = request(s, "/hang", &[]);
                let stream = request.stream;
                vec![request, Frame::rst_stream(stream, code::CANCEL)]
            })
        })
    }),
    case("10.5", "rapid reset of responses that have begun", CALM, |s| {
        flood(s, 200, |s| {
            let streams: Vec<u32> = (0..10).map(|_| s.ask("/stream")).collect();
            let begun = |stream: &u32| s.transcript.on_stream(*stream).next().is_some();
            let all_begun = streams.iter().all(begun);
            if !all_begun {
                s.ping_or_end(*b"10 begun");
            }
            streams.into_iter().map(|stream| Frame::rst_stream(stream, code::CANCEL)).collect()
        })
    }),
    case("10.5", "streams that were reset count as long as their handlers work", &[Status(200)], |s| {
        // One of the 100 is the echo. The handler of /slow does not learn of the reset.
        let mut frames = many(99, || {
            let request = request(s, "/slow", &[]);
            let stream = request.stream;
            vec![request, Frame::rst_stream(stream, code::CANCEL)]
        });
        let refused = request(s, "/", &[]);
        let stream = refused.stream;
        frames.push(refused);
        s.send_together(&frames);
        s.expect_reset(stream, code::REFUSED_STREAM);
        // Until the handlers have ended, one second later.
        for _ in 0..100 {
            let stream = s.ask("/");
            if s.response(stream).status == 200 {
                return stream;
            }
            s.read_for(Duration::from_millis(50));
        }
        s.fail("the streams still count")
    }),
    case("10.5", "streams that the server resets for an error count as long as their handlers work", &[Ignored], |s| {
        let mut frames = many(99, || {
            let request = request(s, "/slow", &[]);
            let nothing = Frame::window_update(request.stream, 0);
            vec![request, nothing]
        });
        let refused = request(s, "/", &[]);
        let stream = refused.stream;
        frames.push(refused);
        s.send_together(&frames);
        s.expect_reset(stream, code::REFUSED_STREAM);
        0
    }),
    // Resets that the peer causes.
    case("10.5", "malformed requests", CALM, |s| {
        flood(s, 100, |s| many(50, || vec![request(s, "/", &[("X-Upper", "case")])]))
    }),
    case("10.5", "window updates that overflow a stream's window", CALM, |s| {
        flood(s, 100, |s| {
            many(50, || {
                let request = request(s, "/hang", &[]);
                let overflow = Frame::window_update(request.stream, MAX_STREAM);
                vec![request, overflow]
            })
        })
    }),
    case("10.5", "streams that depend on themselves", CALM, |s| {
        flood(s, 100, |s| {
            many(50, || {
                let mut request = request(s, "/hang", &[]);
                request.flags |= flag::PRIORITY;
                let depends = [&request.stream.to_be_bytes()[..], &[15], &request.payload].concat();
                request.payload = depends;
                vec![request]
            })
        })
    }),
    case("10.5", "window updates of 0", CALM, |s| {
        flood(s, 100, |s| {
            many(50, || {
                let request = request(s, "/hang", &[]);
                let nothing = Frame::window_update(request.stream, 0);
                vec![request, nothing]
            })
        })
    }),
    case("10.5", "bodies that do not fit content-length", CALM, |s| {
        flood(s, 100, |s| {
            many(50, || {
                let mut request = request(s, "/hang", &[("content-length", "1")]);
                request.flags = flag::END_HEADERS;
                let body = Frame::data(request.stream, b"more", true);
                vec![request, body]
            })
        })
    }),
    case("10.5", "DATA on half-closed streams", CALM, |s| {
        flood(s, 100, |s| {
            many(50, || {
                let request = request(s, "/hang", &[]);
                let body = Frame::data(request.stream, b"x", true);
                vec![request, body]
            })
        })
    }),
    case("10.5", "PRIORITY frames of a wrong length", CALM, |s| {
        flood(s, 100, |s| {
            many(50, || {
                let request = request(s, "/hang", &[]);
                let short = Frame::new(kind::PRIORITY, 0, request.stream, [0; 4]);
                vec![request, short]
            })
        })
    }),
    case("10.5", "requests with a header list above the limit", CALM, |s| {
        let large = block::literal(INDEXED, "x-large", "v".repeat(4000));
        s.ask_by([s.block("GET", "/", &[]), large].concat(), true);
        let more = block::indexed(NEWEST).repeat(5);
        flood(s, 100, |s| {
            many(50, || {
                let mut request = request(s, "/", &[]);
                request.payload.extend(&more);
                vec![request]
            })
        })
    }),
    case("10.5", "requests for what is not there", CALM, |s| {
        flood(s, 400, |s| many(100, || vec![request(s, "/nowhere", &[])]))
    }),
    case("10.5", "requests by a method that nothing takes", CALM, |s| {
        flood(s, 400, |s| {
            many(100, || {
                let block = s.block("DELETE", "/", &[]);
                vec![Frame::headers(s.next_stream(), block, true)]
            })
        })
    }),
    // Frames that cost the sender nothing.
    case("10.5", "PING", CALM, |s| repeat(s, &[Frame::ping(*b"flooding")])),
    case("10.5", "acknowledgements of no PING", CALM, |s| repeat(s, &[Frame::new(kind::PING, flag::ACK, 0, [1; 8])])),
    case("10.5", "SETTINGS", CALM, |s| repeat(s, &[Frame::settings(&[])])),
    case("10.5", "acknowledgements of no SETTINGS", CALM, |s| repeat(s, &[Frame::settings_ack()])),
    case("10.5", "SETTINGS of 2,700 values", &[Ignored, Goaway(code::ENHANCE_YOUR_CALM)], |s| {
        s.send(Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 65_535); 2_700]));
        0
    }),
    case("10.5", "windows of 99 streams that SETTINGS open and shut", CALM, |s| {
        for _ in 0..99 {
            s.ask("/hang");
        }
        let [shut, open] = [0, 65_535].map(|size| Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, size)]));
        repeat(s, &[shut, open])
    }),
    case("10.5", "PRIORITY", CALM, |s| repeat(s, &[Frame::new(kind::PRIORITY, 0, 99, [0, 0, 0, 0, 15])])),
    case("10.5", "PRIORITY_UPDATE", CALM, |s| {
        let stream = s.ask("/hang");
        repeat(s, &[Frame::priority_update(stream, "u=1"), Frame::priority_update(stream, "u=2")])
    }),
    case(
        "10.5",
        "PRIORITY_UPDATE of streams that do not exist",
        &[Goaway(code::ENHANCE_YOUR_CALM), Goaway(code::PROTOCOL_ERROR)],
        |s| {
            let mut next = 1001;
            flood(s, 100, |_| {
                many(50, || {
                    next += 2;
                    vec![Frame::priority_update(next, "u=0")]
                })
            })
        },
    ),
    case("10.5", "WINDOW_UPDATE of the connection", CALM, |s| repeat(s, &[Frame::window_update(0, 1)])),
    case("10.5", "WINDOW_UPDATE of a closed stream", CALM, |s| {
        let stream = s.closed_stream();
        repeat(s, &[Frame::window_update(stream, 1)])
    }),
    case("10.5", "RST_STREAM of a closed stream", CALM, |s| {
        let stream = s.closed_stream();
        repeat(s, &[Frame::rst_stream(stream, code::CANCEL)])
    }),
    case("10.5", "frames of an unknown type", CALM, |s| repeat(s, &[Frame::new(0xee, 0, 0, [])])),
    case("10.5", "GOAWAY", CALM, |s| repeat(s, &[Frame::goaway(0, code::NO_ERROR, b"leaving")])),
    // Empty bodies.
    case("10.5", "DATA without data", CALM, |s| {
        let stream = s.begin("POST", "/echo");
        repeat(s, &[Frame::data(stream, b"", false)])
    }),
    case("10.5", "DATA of one byte that nobody reads", &[Ignored, Goaway(code::ENHANCE_YOUR_CALM)], |s| {
        let stream = s.begin("GET", "/hang");
        repeat(s, &[Frame::data(stream, b"x", false)])
    }),
    case("10.5", "DATA with nothing but padding", &[Ignored, Goaway(code::ENHANCE_YOUR_CALM)], |s| {
        let stream = s.begin("POST", "/echo");
        repeat(
            s,
            &[Frame::new(kind::DATA, flag::PADDED, stream, [15; 1].into_iter().chain([0; 15]).collect::<Vec<u8>>())],
        )
    }),
    // Endless header blocks.
    case("10.5.1", "CONTINUATION without a payload", CALM, |s| {
        let stream = begin_block(s);
        repeat(s, &[Frame::continuation(stream, &[], false)])
    }),
    case("10.5.1", "CONTINUATION with small fields", CALM, |s| {
        let stream = begin_block(s);
        repeat(s, &[Frame::continuation(stream, &block::literals(&[("x-a", "b")]), false)])
    }),
    case("10.5.1", "CONTINUATION of the largest size", CALM, |s| {
        let stream = begin_block(s);
        let fields = block::literals(&[("x-a", "v".repeat(16_000))]);
        flood(s, 200, |_| vec![Frame::continuation(stream, &fields, false)])
    }),
    case("10.5.1", "one value of 15 MiB in CONTINUATION frames", CALM, |s| {
        let stream = begin_block(s);
        let length = [vec![0], block::text("x-a"), block::integer(0, 7, 15 << 20)].concat();
        s.send(Frame::continuation(stream, &length, false));
        flood(s, 960, |_| vec![Frame::continuation(stream, &[b'v'; 16_384], false)])
    }),
    case("10.5.1", "60,000 references to one large entry", &[Status(431), Goaway(code::ENHANCE_YOUR_CALM)], |s| {
        let stored = block::literal(INDEXED, "x-bomb", "v".repeat(4000));
        let stream = s.next_stream();
        let target = s.block("GET", "/", &[]);
        s.send(Frame::new(kind::HEADERS, flag::END_STREAM, stream, [target, stored].concat()));
        let bomb = block::indexed(NEWEST).repeat(15_000);
        s.send_together(&[0, 1, 2, 3].map(|part| Frame::continuation(stream, &bomb, part == 3)));
        stream
    }),
];

fn request(s: &mut Session, path: &str, more: &[(&str, &str)]) -> Frame {
    let block = s.block("GET", path, more);
    Frame::headers(s.next_stream(), block, true)
}

fn many(count: usize, mut frames: impl FnMut() -> Vec<Frame>) -> Vec<Frame> {
    (0..count).flat_map(|_| frames()).collect()
}

/// Sends HEADERS of a request without END_HEADERS. Returns its stream.
#[track_caller]
fn begin_block(s: &mut Session) -> u32 {
    let stream = s.next_stream();
    let block = s.block("GET", "/", &[]);
    s.send(Frame::new(kind::HEADERS, flag::END_STREAM, stream, block));
    stream
}

/// These frames 5,000 times.
#[track_caller]
fn repeat(s: &mut Session, frames: &[Frame]) -> u32 {
    flood(s, 50, |_| many(100, || frames.to_vec()))
}

/// Sends `bursts` bursts, fewer if the server ends the connection, while a client on
/// another connection is served.
#[track_caller]
fn flood(s: &mut Session, bursts: usize, mut burst: impl FnMut(&mut Session) -> Vec<Frame>) -> u32 {
    let mut neighbour = Client::connect_over(s.is_tls(), s.address());
    neighbour.preface(&[]);
    neighbour.settle();
    for number in 0..bursts {
        let bytes: Vec<u8> = burst(s).iter().flat_map(Frame::encode).collect();
        if s.try_raw(&bytes).is_err() {
            break;
        }
        s.pump(Duration::ZERO);
        if s.transcript.end.is_some() || !s.transcript.goaways().is_empty() {
            break;
        }
        if number % 20 == 0 {
            neighbour.expect_undisturbed();
        }
    }
    neighbour.expect_undisturbed();
    0
}

#[test]
fn every_case_holds() {
    check(CASES);
}
