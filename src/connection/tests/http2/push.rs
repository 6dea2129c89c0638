//! Server push (RFC 9113, section 8.4): which pushes are promised.

use super::*;
use crate::error::Error;
use crate::header_list::HeaderList;

const REFUSED: u32 = 7;
const FIELDS: [(&str, &str); 3] = [(":method", "GET"), (":path", "/style.css"), ("accept", "text/css")];

fn push(id: u64) -> crate::error::Result<u64> {
    request::push(id, FIELDS.iter().map(|(name, value)| Ok((name.as_bytes(), value.as_bytes()))))
}

fn respond(id: u64, body: &'static str) {
    request::response(id, |response| response.respond(200, body.as_ref())).unwrap();
}

async fn promised(peer: &mut Peer) -> (u32, u32) {
    let (frame, payload) = peer.next(kind::PUSH_PROMISE, true).await.expect("PUSH_PROMISE");
    (frame.stream, number(&payload, 0))
}

/// Stores the cause and code with which a request is cancelled.
fn watched(id: u64) -> Arc<Mutex<Option<(Cause, u32)>>> {
    let told = Arc::<Mutex<Option<(Cause, u32)>>>::default();
    let tell = told.clone();
    request::change(id, |request| {
        request.on_cancel = Some(Box::new(move |_, cause, code| *lock(&tell) = Some((cause, code))));
        Ok(())
    })
    .unwrap();
    told
}

/// The session of a peer with these settings, and its request, which the host holds.
async fn asked(settings: &[u8]) -> (Peer, u64) {
    let (kept, keep) = keeps();
    let mut peer = Peer::of(Config::default(), 1 << 16, keep);
    peer.settle(settings).await;
    peer.get(1).await;
    sleep(Duration::from_millis(1)).await;
    let id = lock(&kept)[0];
    (peer, id)
}

#[test]
fn a_push_is_promised_before_the_response_that_refers_to_it() {
    in_virtual_time(async {
        let pushes = |id| {
            let pushed = push(id).unwrap();
            respond(pushed, "style");
            respond(id, "page");
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, pushes);
        peer.settle(&[]).await;
        for (stream, pushed) in [(1, 2), (3, 4)] {
            peer.get(stream).await;
            assert_eq!(promised(&mut peer).await, (stream, pushed));
            let mut ended = Vec::new();
            while ended.len() < 2 {
                let (frame, _) = peer.next(kind::DATA, true).await.expect("DATA");
                assert!(frame.has(END_STREAM));
                ended.push((frame.stream, frame.length));
            }
            ended.sort_unstable();
            let mut expected = [(stream, 4), (pushed, 5)];
            expected.sort_unstable();
            assert_eq!(ended, expected);
        }
        let pair = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let mut asked = peer.heads()[0].clone();
        asked.sort();
        let mut expected: Vec<_> = FIELDS.iter().chain(&[(":scheme", "http"), (":authority", "a")]).map(pair).collect();
        expected.sort();
        assert_eq!(asked, expected);
        sleep(Duration::from_millis(1)).await;
        let info = crate::session::SessionInfo::from(&peer.session);
        assert_eq!((info.open_streams, info.requests), (0, 2));
    });
}

#[test]
fn a_streamed_response_may_push_after_its_head() {
    in_virtual_time(async {
        let (mut peer, id) = asked(&[]).await;
        request::response(id, |response| response.write_head(200)).unwrap();
        peer.next(kind::HEADERS, true).await.expect("the head");
        let pushed = push(id).unwrap();
        assert_eq!(request::read(pushed, |request| Ok(request.stream)).unwrap(), 0, "not promised yet");
        assert_eq!(promised(&mut peer).await, (1, 2));
        assert_eq!(request::read(pushed, |request| Ok(request.stream)).unwrap(), 2);
        assert!(matches!(push(pushed), Err(Error::State(_))), "on a stream of ours");
        assert!(matches!(
            request::response(pushed, |response| response.inform(103, HeaderList::new())),
            Err(Error::State(_))
        ));
        request::response(pushed, |response| response.write_head(200)).unwrap();
        request::response(pushed, |response| response.write(b"ab").map(drop)).unwrap();
        let (frame, _) = peer.next(kind::DATA, true).await.expect("DATA");
        assert_eq!((frame.stream, frame.length, frame.has(END_STREAM)), (2, 2, false));
        request::response(id, |response| response.end()).unwrap();
        assert!(matches!(push(id), Err(Error::Gone(_))), "the response has ended");
        request::response(pushed, |response| response.end()).unwrap();
        for _ in 0..2 {
            assert!(peer.next(kind::DATA, true).await.expect("DATA").0.has(END_STREAM));
        }
    });
}

#[test]
fn nothing_is_pushed_if_the_peer_disables_push() {
    in_virtual_time(async {
        let (mut peer, id) = asked(&[0, 2, 0, 0, 0, 0]).await;
        assert!(matches!(push(id), Err(Error::State(_))));
        peer.frame(kind::SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 1]).await;
        sleep(Duration::from_millis(1)).await;
        respond(push(id).unwrap(), "style");
        assert_eq!(promised(&mut peer).await, (1, 2));
        // The SETTINGS frame arrives before the task has run. The cancellation reports
        // it.
        let (pushed, neighbour) = (push(id).unwrap(), watched(id));
        let told = watched(pushed);
        peer.frame(kind::SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 0]).await;
        sleep(Duration::from_millis(1)).await;
        let told = *lock(&told);
        match told {
            None => assert_eq!(promised(&mut peer).await, (1, 4)),
            told => assert_eq!(told, Some((Cause::PushRefused, 0))),
        }
        peer.frame(kind::GOAWAY, 0, 0, &goaway(0, 0, b"")).await;
        sleep(Duration::from_millis(1)).await;
        assert!(matches!(push(id), Err(Error::State(_))));
        assert!(lock(&neighbour).is_none());
        respond(id, "page");
    });
}

#[test]
fn a_draining_session_begins_no_pushes() {
    in_virtual_time(async {
        let (mut peer, id) = asked(&[]).await;
        let (begun, never) = (push(id).unwrap(), push(id).unwrap());
        promised(&mut peer).await;
        promised(&mut peer).await;
        let told = watched(never);
        request::response(begun, |response| response.write_head(200)).unwrap();
        peer.session.order(Order::Drain(Instant::now().into_std() + Duration::from_secs(60)));
        peer.goaway(true).await;
        assert!(matches!(push(id), Err(Error::State(_))));
        respond(id, "page");
        sleep(Duration::from_secs(5)).await;
        assert!(lock(&told).is_none(), "the one that was begun keeps the session open");
        request::response(begun, |response| response.end()).unwrap();
        peer.end(true).await;
        assert_eq!(*lock(&told), Some((Cause::Drained, 0)));
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn the_peer_may_reset_a_push() {
    in_virtual_time(async {
        let (mut peer, id) = asked(&[]).await;
        let pushed = push(id).unwrap();
        let told = watched(pushed);
        assert_eq!(promised(&mut peer).await, (1, 2));
        peer.frame(kind::RST_STREAM, 0, 2, &REFUSED.to_be_bytes()).await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(*lock(&told), Some((Cause::PeerReset, REFUSED)));
        // The server may reset a push, too.
        let pushed = push(id).unwrap();
        request::response(pushed, |response| response.reset(CANCEL)).unwrap();
        assert_eq!(promised(&mut peer).await, (1, 4));
        let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("RST_STREAM");
        assert_eq!((frame.stream, number(&payload, 0)), (4, CANCEL));
        respond(id, "page");
        assert_eq!(peer.next(kind::DATA, true).await.expect("DATA").0.stream, 1);
    });
}

#[test]
fn a_push_is_cancelled_with_its_request_before_the_promise() {
    in_virtual_time(async {
        let (kept, keep) = keeps();
        let mut peer = Peer::of(Config::default(), 1 << 16, keep);
        peer.settle(&[]).await;
        for (stream, by_peer) in [(1, false), (3, true)] {
            peer.get(stream).await;
            sleep(Duration::from_millis(1)).await;
            let id = lock(&kept).pop().unwrap();
            let told = watched(push(id).unwrap());
            match by_peer {
                true => peer.frame(kind::RST_STREAM, 0, stream, &CANCEL.to_be_bytes()).await,
                false => request::response(id, |response| response.reset(CANCEL)).unwrap(),
            }
            sleep(Duration::from_millis(1)).await;
            let told = *lock(&told);
            match by_peer {
                // It may have been promised before the reset arrived.
                true => assert!(matches!(told, None | Some((Cause::PeerReset, CANCEL))), "{told:?}"),
                false => assert_eq!(told, Some((Cause::Aborted, CANCEL))),
            }
        }
        peer.get(5).await;
        sleep(Duration::from_millis(1)).await;
        let id = lock(&kept).pop().unwrap();
        respond(push(id).unwrap(), "style");
        respond(id, "page");
        for _ in 0..2 {
            peer.next(kind::DATA, true).await.expect("DATA");
        }
    });
}

#[test]
fn a_promised_push_outlives_its_request() {
    in_virtual_time(async {
        let (kept, keep) = keeps();
        // The pipe is so small that the promise waits in it.
        let mut peer = Peer::of(Config::default(), 64, keep);
        peer.settle(&[]).await;
        peer.next(kind::SETTINGS, true).await.expect("SETTINGS");
        peer.get(1).await;
        peer.get(3).await;
        sleep(Duration::from_millis(1)).await;
        let [first, id] = lock(&kept)[..] else { panic!("two requests") };
        request::response(first, |response| response.respond(200, &vec![b'x'; 600 << 10])).unwrap();
        sleep(Duration::from_millis(1)).await;
        let pushed = push(id).unwrap();
        let told = watched(pushed);
        sleep(Duration::from_millis(1)).await;
        for stream in [3, 1] {
            peer.frame(kind::RST_STREAM, 0, stream, &CANCEL.to_be_bytes()).await;
        }
        sleep(Duration::from_millis(1)).await;
        respond(pushed, "style");
        assert_eq!(promised(&mut peer).await, (3, 2));
        while peer.next(kind::HEADERS, true).await.expect("a head").0.stream != 2 {}
        assert_eq!(*lock(&told), None);
    });
}

#[test]
fn pushes_respect_the_peers_stream_limit_and_are_bounded() {
    in_virtual_time(async {
        let (kept, keep) = keeps();
        let mut peer = Peer::of(Config { max_concurrent_streams: 3, ..Config::default() }, 1 << 16, keep);
        // SETTINGS_MAX_CONCURRENT_STREAMS of 1.
        peer.settle(&[0, 3, 0, 0, 0, 1]).await;
        peer.get(1).await;
        sleep(Duration::from_millis(1)).await;
        let id = lock(&kept)[0];
        let pushed: Vec<u64> = (0..100).map(|_| push(id).unwrap()).collect();
        assert!(matches!(push(id), Err(Error::WouldBlock(_))));
        for stream in 1..=100 {
            assert_eq!(promised(&mut peer).await, (1, 2 * stream));
        }
        // Pushed streams do not count against the peer's limit.
        peer.get(3).await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(lock(&kept).len(), 2);
        request::response(pushed[0], |response| response.write_head(200)).unwrap();
        pushed[1..].iter().for_each(|id| respond(*id, "style"));
        assert_eq!(peer.next(kind::HEADERS, true).await.expect("a head").0.stream, 2);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(crate::session::SessionInfo::from(&peer.session).open_streams, 102);
        assert!(peer.frames.iter().all(|(frame, _)| frame.kind != kind::HEADERS));
        request::response(pushed[0], |response| response.end()).unwrap();
        for _ in 0..100 {
            assert!(peer.next(kind::DATA, true).await.expect("DATA").0.has(END_STREAM));
        }
        sleep(Duration::from_millis(1)).await;
        respond(push(id).unwrap(), "again");
        peer.next(kind::DATA, true).await.expect("DATA");
    });
}
