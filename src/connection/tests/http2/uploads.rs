//! Bodies that are too large, and bodies that continue after their response.

use super::*;
use crate::request::{Reader, Share};

#[test]
fn bodies_that_exceed_the_session_limit_together_are_refused() {
    in_virtual_time(async {
        let ended = Arc::<Mutex<Vec<(u32, Option<Cause>)>>>::default();
        let told = ended.clone();
        let collects = move |id| {
            let (whole, cut) = (told.clone(), told.clone());
            let set = request::change(id, |request| {
                let stream = request.stream;
                let (limit, together) = request.body_limits;
                let share = Share::new(&request.session, together);
                request.on_cancel = Some(Box::new(move |_, cause, _| lock(&cut).push((stream, Some(cause)))));
                let on_collected = Box::new(move |request::Subject { id, .. }, _: &[u8]| {
                    lock(&whole).push((stream, None));
                    responds(id);
                });
                request.body().collect(limit, share, on_collected)
            });
            set.unwrap();
        };
        let config = Config { session_body_bytes: 30_000, ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, collects);
        peer.settle(&[]).await;
        for stream in [1, 3] {
            peer.frame(kind::HEADERS, END_HEADERS, stream, GET).await;
            peer.frame(kind::DATA, 0, stream, &[b'x'; 10_000]).await;
            peer.frame(kind::DATA, 0, stream, &[b'x'; 7_000]).await;
        }
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("a response").0.stream, 3);
        let fields = peer.heads().remove(0);
        let has = |name: &[u8], value: &[u8]| fields.iter().any(|(n, v)| n == name && v == value);
        assert!(has(b":status", b"413") && has(b"retry-after", b"1"), "{fields:?}");
        // The space is free again, and the complete bodies are delivered.
        peer.frame(kind::DATA, END_STREAM, 1, &[b'x'; 10_000]).await;
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("a response").0.stream, 1);
        peer.frame(kind::HEADERS, END_HEADERS, 5, GET).await;
        peer.frame(kind::DATA, 0, 5, &[b'x'; 15_000]).await;
        peer.frame(kind::DATA, END_STREAM, 5, &[b'x'; 15_000]).await;
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("a response").0.stream, 5);
        assert_eq!(*lock(&ended), [(3, Some(Cause::BodyTooLarge)), (1, None), (5, None)]);
        let told = peer.event(EventKind::Timeout);
        assert_eq!((told.cause, told.stream, told.code), (Cause::BodyTooLarge, 3, 0));
    });
}

/// `:method POST`, and the other fields of [`GET`].
const POST: &[u8] = &[0x83, 0x86, 0x84, 0x41, 1, b'a'];

/// Sends `bytes` of a body in one frame, and lets the session open the window again.
async fn upload(peer: &mut Peer, stream: u32, bytes: usize, flags: u8) {
    peer.frame(kind::DATA, flags, stream, &vec![b'x'; bytes]).await;
    sleep(Duration::from_millis(1)).await;
}

#[test]
fn an_upload_may_end_after_an_error_response() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 21, responds);
        peer.settle(&[]).await;
        // There is no handler for POST.
        peer.frame(kind::HEADERS, END_HEADERS, 1, POST).await;
        assert!(peer.next(kind::HEADERS, true).await.expect("a response").0.has(END_STREAM));
        let mut left = 900_000;
        while left > 0 {
            let bytes = left.min(16_384);
            upload(&mut peer, 1, bytes, if left == bytes { END_STREAM } else { 0 }).await;
            left -= bytes;
        }
        peer.get(3).await;
        assert_eq!(peer.next(kind::DATA, true).await.expect("a response").0.stream, 3);
        assert!(peer.frames.iter().any(|(frame, _)| frame.kind == kind::WINDOW_UPDATE && frame.stream == 1));
        let more = timeout(Duration::from_secs(3), peer.next(kind::RST_STREAM, true)).await;
        assert!(more.is_err(), "there is nothing to stop");
    });
}

#[test]
fn an_endless_upload_is_stopped_by_time_and_by_bytes() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 21, responds);
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, POST).await;
        let began = Instant::now();
        let stopped = |reset: Option<(Frame, Vec<u8>)>| {
            let (frame, payload) = reset.expect("RST_STREAM");
            (frame.stream, number(&payload, 0))
        };
        assert_eq!(stopped(peer.next(kind::RST_STREAM, true).await), (1, 0));
        assert_eq!(began.elapsed().as_millis(), 1000);

        let began = Instant::now();
        peer.frame(kind::HEADERS, END_HEADERS, 3, POST).await;
        for _ in 0..80 {
            upload(&mut peer, 3, 16_000, 0).await;
        }
        assert_eq!(stopped(peer.next(kind::RST_STREAM, true).await), (3, 0));
        assert!(began.elapsed() < Duration::from_millis(500));
        peer.get(5).await;
        assert!(peer.next(kind::DATA, true).await.is_some(), "the session goes on");
    });
}

#[test]
fn a_draining_session_discards_no_uploads() {
    in_virtual_time(async {
        let config = Config { max_requests: 1, ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, responds);
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, POST).await;
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::MaxRequests);
        assert!(peer.frames.iter().any(|(frame, _)| frame.kind == kind::RST_STREAM && frame.stream == 1));
        assert_eq!(peer.began.elapsed().as_secs(), 3, "which is what closed() waits");
    });
}

#[test]
fn after_a_successful_response_only_a_short_upload_is_discarded() {
    in_virtual_time(async {
        let with_length = |length: &[u8]| {
            // content-length is entry 28 of the static table (RFC 7541, appendix A).
            [GET, &[0x0f, 28 - 15, length.len() as u8], length].concat()
        };
        let mut peer = Peer::of(Config::default(), 1 << 21, responds);
        peer.settle(&[]).await;
        for (stream, head) in [(1, with_length(b"262145")), (3, GET.to_vec())] {
            peer.frame(kind::HEADERS, END_HEADERS, stream, &head).await;
            let began = Instant::now();
            assert_eq!(peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM").0.stream, stream);
            assert!(began.elapsed().is_zero());
        }
        peer.frame(kind::HEADERS, END_HEADERS, 5, &with_length(b"262144")).await;
        for number in 0..16 {
            upload(&mut peer, 5, 16_384, if number == 15 { END_STREAM } else { 0 }).await;
        }
        let more = timeout(Duration::from_secs(3), peer.next(kind::RST_STREAM, true)).await;
        assert!(more.is_err(), "there is nothing to stop");
    });
}

#[test]
fn half_of_the_streams_may_be_discarded_uploads() {
    in_virtual_time(async {
        let config = Config { max_concurrent_streams: 4, ..Config::default() };
        let mut peer = Peer::of(config, 1 << 16, responds);
        peer.settle(&[]).await;
        for stream in [1, 3, 5] {
            // There is no handler for POST.
            peer.frame(kind::HEADERS, END_HEADERS, stream, POST).await;
            assert!(peer.next(kind::HEADERS, true).await.expect("a response").0.has(END_STREAM));
        }
        sleep(Duration::from_millis(1)).await;
        peer.get(7).await;
        assert_eq!(peer.next(kind::DATA, true).await.expect("a response").0.stream, 7);
        let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!((frame.stream, number(&payload, 0)), (1, 0), "the oldest makes room");
        assert!(peer.frames.iter().all(|(frame, _)| frame.kind != kind::RST_STREAM));
    });
}

/// The calls of a content hook: the pieces, and whether each was the last.
type Pieces = Arc<Mutex<Vec<(Vec<u8>, bool)>>>;

/// Stores each piece in `pieces`, and pauses after a piece that asks for it.
fn keeps(pieces: &Pieces, id: u64) {
    let pieces = pieces.clone();
    let on_body = Box::new(move |subject: request::Subject, piece: &[u8], is_last| {
        lock(&pieces).push((piece.to_vec(), is_last));
        request::change(subject.id, |request| {
            request.body().pause(piece == b"pause");
            if is_last { request.response.respond(200, b"ok") } else { Ok(()) }
        })
        .unwrap();
        assert_ne!(piece, b"panic", "as a callback may");
    });
    request::change(id, |request| request.wanted_body().set_reader(Reader::Pushed(on_body))).unwrap();
}

#[test]
fn pieces_of_content_reach_the_host_in_order() {
    in_virtual_time(async {
        let pieces = Pieces::default();
        let (kept, ids) = (pieces.clone(), Arc::<Mutex<Vec<u64>>>::default());
        let begun = ids.clone();
        let mut peer = Peer::of(Config::default(), 1 << 16, move |id| {
            lock(&begun).push(id);
            keeps(&kept, id);
        });
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, GET).await;
        for piece in ["one", "two", "pause", "and", "then"] {
            peer.frame(kind::DATA, 0, 1, piece.as_bytes()).await;
        }
        sleep(Duration::from_millis(1)).await;
        let expected = |texts: &[&str]| texts.iter().map(|text| (text.as_bytes().to_vec(), false)).collect::<Vec<_>>();
        assert_eq!(*lock(&pieces), expected(&["one", "two", "pause"]));
        let id = lock(&ids)[0];
        request::change(id, |request| {
            request.body().pause(false);
            Ok(())
        })
        .unwrap();
        peer.frame(kind::DATA, END_STREAM, 1, b"").await;
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("a response").0.stream, 1);
        let mut all = expected(&["one", "two", "pause", "andthen"]);
        all[3].1 = true;
        assert_eq!(*lock(&pieces), all, "short pieces that had to wait are one");
    });
}

#[test]
fn a_hook_for_content_that_panics_ends_its_request() {
    in_virtual_time(async {
        let pieces = Pieces::default();
        let kept = pieces.clone();
        let mut peer = Peer::of(Config::default(), 1 << 16, move |id| keeps(&kept, id));
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, GET).await;
        peer.frame(kind::DATA, 0, 1, b"panic").await;
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("a response").0.stream, 1);
        assert!(peer.heads().remove(0).iter().any(|(name, value)| name == b":status" && value == b"500"));
        peer.frame(kind::HEADERS, END_HEADERS, 3, GET).await;
        peer.frame(kind::DATA, END_STREAM, 3, b"last").await;
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("a response").0.stream, 3);
    });
}
