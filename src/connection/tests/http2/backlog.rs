//! What waits because the peer takes no responses, or because memory is short.

use super::*;
use crate::error::Error;

/// SETTINGS_INITIAL_WINDOW_SIZE of 0: nothing is taken without a WINDOW_UPDATE.
const SHUT: [u8; 6] = [0, 4, 0, 0, 0, 0];

/// A limit that one response of this many bytes reaches.
const MANY: usize = 1000;

fn config() -> Config {
    Config { session_response_bytes: MANY, high_water_bytes: MANY, ..Config::default() }
}

async fn turn() {
    sleep(Duration::from_millis(1)).await;
}

fn respond(id: u64) {
    request::response(id, |response| response.respond(200, &[b'x'; MANY])).unwrap();
}

#[test]
fn requests_wait_while_the_peer_takes_no_responses() {
    in_virtual_time(async {
        let (kept, keep) = keeps();
        let mut peer = Peer::of(config(), 1 << 16, keep);
        peer.settle(&SHUT).await;
        for stream in [1, 3, 5, 7] {
            peer.frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, GET).await;
        }
        turn().await;
        assert_eq!(lock(&kept).len(), 2, "each of those without a response may soon have as much as is allowed");
        let ids = lock(&kept).clone();
        ids.into_iter().for_each(respond);
        turn().await;
        assert_eq!(lock(&kept).len(), 2, "both responses wait");
        // The stream that the peer wants something on goes first.
        peer.frame(kind::WINDOW_UPDATE, 0, 7, &60_000_u32.to_be_bytes()).await;
        turn().await;
        assert_eq!(lock(&kept).len(), 3);
        let stream = request::read(lock(&kept)[2], |request| Ok(request.stream)).unwrap();
        assert_eq!(stream, 7);
        respond(lock(&kept)[2]);
        // What is taken makes room for another.
        for stream in [1, 3] {
            peer.frame(kind::WINDOW_UPDATE, 0, stream, &60_000_u32.to_be_bytes()).await;
        }
        turn().await;
        assert_eq!(lock(&kept).len(), 4);
        respond(lock(&kept)[3]);
        peer.frame(kind::WINDOW_UPDATE, 0, 5, &60_000_u32.to_be_bytes()).await;
        turn().await;
        peer.stream.shutdown().await.unwrap();
        peer.closed().await;
        assert_eq!(peer.session.memory.in_use(), 0);
    });
}

#[test]
fn a_request_that_ends_while_it_waits_never_reaches_the_host() {
    in_virtual_time(async {
        for way in ["reset", "abort", "the peer leaves"] {
            let (kept, keep) = keeps();
            let mut peer = Peer::of(config(), 1 << 16, keep);
            peer.settle(&SHUT).await;
            for stream in [1, 3, 5] {
                // With content that the host does not get either.
                peer.frame(kind::HEADERS, END_HEADERS, stream, GET).await;
                peer.frame(kind::DATA, 0, stream, &[b'x'; 100]).await;
            }
            turn().await;
            match way {
                "reset" => peer.frame(kind::RST_STREAM, 0, 5, &CANCEL.to_be_bytes()).await,
                "abort" => peer.session.order(Order::Abort(0, 0, Vec::new())),
                _ => {}
            }
            turn().await;
            let ids = std::mem::take(&mut *lock(&kept));
            assert_eq!(ids.len(), 2, "{way}");
            if way != "abort" {
                ids.iter().for_each(|id| respond(*id));
                peer.stream.shutdown().await.unwrap();
            }
            peer.closed().await;
            for id in ids {
                let _ = request::change(id, |_| Ok(()));
            }
            assert!(lock(&kept).is_empty(), "{way}");
            assert_eq!(peer.session.memory.in_use(), 0, "{way}");
        }
    });
}

#[test]
fn a_peer_that_takes_its_responses_never_waits() {
    in_virtual_time(async {
        let (kept, keep) = keeps();
        let mut peer = Peer::of(config(), 1 << 16, keep);
        peer.settle(&[]).await;
        for stream in 0..50 {
            peer.frame(kind::HEADERS, END_HEADERS | END_STREAM, 2 * stream + 1, GET).await;
        }
        turn().await;
        assert_eq!(lock(&kept).len(), 50);
    });
}

#[test]
fn a_session_that_waits_for_memory_neither_reads_nor_lets_the_host_write() {
    in_virtual_time(async {
        let (kept, keep) = keeps();
        let mut peer = Peer::of(Config::default(), 1 << 16, keep);
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, GET).await;
        turn().await;
        let id = lock(&kept)[0];
        request::response(id, |response| response.write_head(200)).unwrap();
        let told = Arc::<Mutex<u32>>::default();
        let tell = told.clone();
        let on_writable = Box::new(move |_| *lock(&tell) += 1);
        request::response(id, |response| {
            response.set_on_writable(on_writable);
            Ok(())
        })
        .unwrap();
        peer.session.hold();
        assert!(matches!(request::write(id, b"x"), Err(Error::WouldBlock("the memory limit is reached"))));
        peer.frame(kind::DATA, 0, 1, &[b'x'; 1000]).await;
        peer.frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, GET).await;
        turn().await;
        assert_eq!((*lock(&told), lock(&kept).len()), (0, 1));
        assert_eq!(request::read(id, |request| Ok(request.body().held())).unwrap(), 0, "nothing is read");
        peer.session.resume();
        turn().await;
        assert_eq!((*lock(&told), lock(&kept).len()), (1, 2));
        assert_eq!(request::read(id, |request| Ok(request.body().held())).unwrap(), 1000);
        request::write(id, b"x").unwrap();
    });
}

#[test]
fn a_session_that_is_closed_for_memory_says_so() {
    in_virtual_time(async {
        let (kept, keep) = keeps();
        let mut peer = Peer::of(Config::default(), 1 << 16, keep);
        peer.settle(&[]).await;
        peer.frame(kind::HEADERS, END_HEADERS, 1, GET).await;
        turn().await;
        peer.session.order(Order::Relieve);
        assert_eq!(peer.goaway(true).await, (1, 11), "ENHANCE_YOUR_CALM");
        peer.end(true).await;
        assert_eq!(peer.closed().await, Cause::Memory);
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::Memory);
        let ended = request::change(lock(&kept)[0], |_| Ok(()));
        assert!(matches!(ended, Err(Error::Cancelled("memory"))));
    });
}
