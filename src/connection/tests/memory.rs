//! The memory that is counted for a peer. Nothing stays counted.

use tokio::io::duplex;

use super::*;

const UPLOAD: &str = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3000\r\n\r\n";

#[test]
fn no_memory_stays_counted_after_a_connection() {
    in_virtual_time(async {
        for way in ["the response ends", "the peer leaves", "abort", "drain"] {
            let ids = Arc::<Mutex<Vec<u64>>>::default();
            let keep = ids.clone();
            let keeps = move |id| lock(&keep).push(id);
            let mut peer = Peer::of(Config::default(), 1000, keeps);
            let memory = peer.session.memory.clone();
            peer.send(UPLOAD).await;
            peer.send(&"x".repeat(2000)).await;
            sleep(Duration::from_millis(1)).await;
            let with_upload = memory.in_use();
            assert!((2000..6000).contains(&with_upload), "{with_upload}");
            let id = lock(&ids)[0];
            request::response(id, |response| {
                response.write_head(200)?;
                response.write(&[b'y'; 10_000])
            })
            .unwrap();
            sleep(Duration::from_millis(1)).await;
            // What the peer has not taken, wherever it waits.
            let with_response = memory.in_use();
            assert!((8_000..24_000).contains(&(with_response - with_upload)), "{with_response}");
            assert_eq!(memory.published_in_use(), with_response);
            match way {
                "the response ends" => {
                    request::response(id, Response::end).unwrap();
                    peer.send(&"x".repeat(1000)).await;
                    assert!(peer.until("0\r\n\r\n").await.contains("yyy"));
                    sleep(Duration::from_secs(2)).await;
                    assert_eq!((memory.in_use(), memory.published_in_use()), (0, 0), "while the connection is open");
                }
                // It does not read what waits for it either.
                "the peer leaves" => drop(std::mem::replace(&mut peer.stream, duplex(1).0)),
                "abort" => peer.session.order(Order::Abort(0, 0, Vec::new())),
                _ => peer.drain(0),
            }
            if way == "abort" || way == "drain" {
                assert!(peer.rest().await.contains("yyy"));
            }
            peer.closed().await;
            // The host learns that it was cancelled, and the head is let go.
            assert!(request::change(id, |_| Ok(())).is_err());
            assert_eq!((memory.in_use(), memory.published_in_use()), (0, 0), "{way}");
        }
    });
}
