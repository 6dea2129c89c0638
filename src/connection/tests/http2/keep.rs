//! Responses that are complete before the body, which the host still reads.

use super::*;
use crate::request::Reader;

const POST: [(&str, &str); 4] = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")];

type Told = Arc<Mutex<Vec<String>>>;

/// Responds at once, keeps the body, and records the result.
fn keeps(told: Told) -> impl Fn(u64) + Send + Sync {
    move |id| {
        let (pieces, cancels) = (told.clone(), told.clone());
        let reader = Reader::Pushed(Box::new(move |_, data, last| {
            lock(&pieces).push(format!("{} {last}", String::from_utf8_lossy(data)));
        }));
        let kept = request::change(id, |request| {
            request.wanted_body().set_reader(reader)?;
            request.on_cancel = Some(Box::new(move |_, cause, _| lock(&cancels).push(cause.name().to_owned())));
            request.keeps_body = true;
            request.response.respond(200, b"ok")
        });
        kept.unwrap();
    }
}

/// A peer that has begun to send a body and has received the whole response.
async fn answered(handler: impl Fn(u64) + Send + Sync + 'static) -> Peer {
    let mut peer = Peer::at("POST /", Config::default(), 1 << 16, handler);
    peer.settle(&[]).await;
    peer.ask(1, 0, &POST).await;
    let (frame, _) = peer.next(kind::DATA, true).await.expect("the response");
    assert!(frame.has(END_STREAM), "it does not wait for the body");
    // Longer than a body that is discarded.
    sleep(Duration::from_secs(5)).await;
    peer
}

#[test]
fn a_kept_body_continues_after_the_response() {
    in_virtual_time(async {
        let told = Told::default();
        let mut peer = answered(keeps(told.clone())).await;
        peer.frame(kind::DATA, 0, 1, b"one").await;
        sleep(Duration::from_secs(5)).await;
        assert_eq!(peer.session.counters.open_streams.load(std::sync::atomic::Ordering::Relaxed), 1);
        peer.frame(kind::DATA, END_STREAM, 1, b"two").await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(*lock(&told), ["one false", "two true"]);
        assert_eq!(peer.session.counters.open_streams.load(std::sync::atomic::Ordering::Relaxed), 0);
        // The session continues.
        peer.ask(3, END_STREAM, &POST).await;
        assert!(peer.next(kind::DATA, true).await.is_some_and(|(frame, _)| frame.stream == 3));
        assert!(peer.frames.iter().all(|(frame, _)| frame.kind != kind::RST_STREAM));
    });
}

#[test]
fn the_end_of_a_session_is_reported_to_a_kept_body() {
    in_virtual_time(async {
        let told = Told::default();
        let mut peer = answered(keeps(told.clone())).await;
        peer.frame(kind::DATA, 0, 1, b"one").await;
        sleep(Duration::from_secs(1)).await;
        peer.frame(kind::RST_STREAM, 0, 1, &CANCEL.to_be_bytes()).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(*lock(&told), ["one false", "peer_reset"]);
    });
}

#[test]
fn a_kept_body_without_progress_is_ended() {
    in_virtual_time(async {
        let told = Told::default();
        let mut peer = answered(keeps(told.clone())).await;
        let (frame, code) = peer.next(kind::RST_STREAM, true).await.expect("a reset");
        assert_eq!((frame.stream, number(&code, 0)), (1, CANCEL));
        assert_eq!(*lock(&told), ["stream_idle"]);
    });
}

#[test]
fn a_drain_waits_for_a_kept_body_until_its_deadline() {
    in_virtual_time(async {
        for ends in [true, false] {
            let told = Told::default();
            let mut peer = answered(keeps(told.clone())).await;
            peer.session.order(Order::Drain((Instant::now() + Duration::from_secs(20)).into_std()));
            peer.goaway(true).await;
            sleep(Duration::from_secs(10)).await;
            if ends {
                peer.frame(kind::DATA, END_STREAM, 1, b"one").await;
            }
            peer.end(true).await;
            assert_eq!(*lock(&told), if ends { ["one true"] } else { ["deadline"] });
            assert_eq!(peer.closed().await, if ends { Cause::Drained } else { Cause::Deadline });
        }
    });
}

#[test]
fn a_kept_body_can_be_reset_by_the_host() {
    in_virtual_time(async {
        for (code, reset) in [(0, 0), (CANCEL, CANCEL)] {
            let asked = Arc::new(Mutex::new(0));
            let noted = asked.clone();
            let mut peer = answered(move |id| {
                *lock(&noted) = id;
                let kept = request::change(id, |request| {
                    request.keeps_body = true;
                    request.response.respond(200, b"ok")
                });
                kept.unwrap();
            })
            .await;
            let id = *lock(&asked);
            request::change(id, |request| request.reset(code)).unwrap();
            assert!(request::read(id, |_| Ok(())).is_err(), "the id is stale");
            let (frame, payload) = peer.next(kind::RST_STREAM, true).await.expect("a reset");
            assert_eq!((frame.stream, number(&payload, 0)), (1, reset));
            peer.get(3).await;
            sleep(Duration::from_secs(1)).await;
            assert_eq!(peer.session.counters.open_streams.load(std::sync::atomic::Ordering::Relaxed), 0);
        }
    });
}

#[test]
fn a_kept_body_is_read_to_its_end() {
    in_virtual_time(async {
        let asked = Arc::new(Mutex::new(0));
        let noted = asked.clone();
        let mut peer = answered(move |id| {
            *lock(&noted) = id;
            request::read(id, |request| {
                request.keeps_body = true;
                Ok(())
            })
            .unwrap();
            request::response(id, |response| response.respond(200, b"ok")).unwrap();
        })
        .await;
        let id = *lock(&asked);
        let read = |bytes: &mut [u8]| request::change(id, |request| request.wanted_body().read(bytes));
        let mut bytes = [0; 8];
        assert!(read(&mut bytes).is_err(), "nothing is there yet");
        assert!(request::response(id, |response| response.end()).is_err(), "it has ended");
        peer.frame(kind::DATA, END_STREAM, 1, b"one").await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(read(&mut bytes).unwrap(), 3);
        assert_eq!(read(&mut bytes).unwrap(), 0);
        assert!(read(&mut bytes).is_err(), "the id is stale");
    });
}
