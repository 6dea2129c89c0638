//! The memory that is counted for a peer. Nothing stays counted.

use super::*;
use crate::error::Error;

/// Both sides enter some of the fields into their compression tables.
const TABLES: usize = 600;

/// The counted memory after the task of the session has run.
async fn held(peer: &Peer) -> usize {
    sleep(Duration::from_millis(1)).await;
    peer.session.memory.in_use()
}

#[test]
fn the_memory_of_a_request_is_counted_until_it_ends() {
    in_virtual_time(async {
        let (kept, keep) = keeps();
        let mut peer = Peer::of(Config::default(), 1 << 20, keep);
        peer.settle(&[]).await;
        assert_eq!(held(&peer).await, 0, "a session without requests");
        let long = "x".repeat(3000);
        let head = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/"), ("long", &long)];
        peer.ask(1, 0, &head).await;
        let with_head = held(&peer).await;
        assert!((3000..8000).contains(&with_head), "{with_head}");
        peer.frame(kind::DATA, 0, 1, &[b'x'; 10_000]).await;
        assert!(held(&peer).await.abs_diff(with_head + 10_000) < TABLES);
        let id = lock(&kept)[0];
        request::change(id, |request| request.body().read(&mut [0; 4_000])).unwrap();
        assert!(held(&peer).await.abs_diff(with_head + 6_000) < TABLES);
        // More than the peer's window of 65,535.
        let write = |bytes| request::response(id, |response| response.write(&vec![b'y'; bytes]).map(drop));
        request::response(id, |response| response.write_head(200)).unwrap();
        write(100_000).unwrap();
        let with_content = held(&peer).await;
        assert!((40_000..110_000).contains(&(with_content - with_head)), "{with_content}");
        peer.frame(kind::RST_STREAM, 0, 1, &CANCEL.to_be_bytes()).await;
        assert!(held(&peer).await < 8_000, "only the head, until the host knows");
        assert!(matches!(write(1), Err(Error::Cancelled(_))));
        assert!(held(&peer).await < 4096 + TABLES, "the table of the peer's fields");
        peer.stream.shutdown().await.unwrap();
        peer.closed().await;
        assert_eq!(peer.session.memory.in_use(), 0);
    });
}

#[test]
fn no_memory_stays_counted_after_a_request() {
    in_virtual_time(async {
        let responds = |id| request::response(id, |response| response.respond(200, b"ok")).unwrap();
        let streams = |id| {
            request::response(id, |response| {
                response.write_head(200)?;
                response.write(&[b'x'; 1000])?;
                response.end()
            })
            .unwrap();
        };
        let resets = |id| request::change(id, |request| request.reset(CANCEL)).unwrap();
        let fails = |_| panic!("a handler of a test fails");
        let ends: [(u8, fn(u64)); 4] =
            [(kind::HEADERS, responds), (kind::HEADERS, streams), (kind::RST_STREAM, resets), (kind::HEADERS, fails)];
        for (told, end) in ends {
            let mut peer = Peer::of(Config::default(), 1 << 16, end);
            peer.settle(&[]).await;
            for stream in [1, 3, 5] {
                // Its upload continues.
                peer.frame(kind::HEADERS, END_HEADERS, stream, GET).await;
                peer.frame(kind::DATA, 0, stream, &[b'x'; 1000]).await;
            }
            peer.next(told, true).await.expect("a response");
            sleep(Duration::from_secs(2)).await;
            assert!(peer.session.memory.in_use() < TABLES, "{}", peer.session.memory.in_use());
            peer.stream.shutdown().await.unwrap();
            peer.closed().await;
            assert_eq!((peer.session.memory.in_use(), peer.session.memory.published_in_use()), (0, 0));
        }
    });
}

#[test]
fn no_memory_stays_counted_after_a_session() {
    in_virtual_time(async {
        for way in ["the peer leaves", "abort", "drain"] {
            let (kept, keep) = keeps();
            let mut peer = Peer::of(Config::default(), 1 << 16, keep);
            peer.settle(&[]).await;
            for stream in [1, 3] {
                peer.frame(kind::HEADERS, END_HEADERS, stream, GET).await;
                peer.frame(kind::DATA, 0, stream, &[b'x'; 1000]).await;
            }
            assert!(held(&peer).await > 2000);
            let ids = std::mem::take(&mut *lock(&kept));
            // The host gets a callback for one request, and asks about the other.
            request::change(ids[0], |request| {
                request.on_cancel = Some(Box::new(|_, _, _| {}));
                Ok(())
            })
            .unwrap();
            match way {
                "the peer leaves" => peer.stream.shutdown().await.unwrap(),
                "abort" => peer.session.order(Order::Abort(0, 0, Vec::new())),
                _ => peer.session.order(Order::Drain(Instant::now().into_std())),
            }
            peer.closed().await;
            let memory = &peer.session.memory;
            assert_eq!(memory.in_use(), memory.published_in_use(), "{way}");
            assert!((1..2500).contains(&memory.in_use()), "{way}: the head that the host may look at");
            assert!(matches!(request::change(ids[1], |_| Ok(())), Err(Error::Cancelled(_))));
            assert_eq!((memory.in_use(), memory.published_in_use()), (0, 0), "{way}");
        }
    });
}
