//! How a session ends: drains, resets by the host, and peers that leave.

use super::*;

/// An idle connection that was drained and has ended.
async fn drained() -> Peer {
    let mut peer = Peer::of(Config::default(), 1 << 16, responds);
    peer.send(GET).await;
    peer.until("ok").await;
    peer.drain(20);
    assert_eq!(peer.rest().await, "");
    peer
}

#[test]
fn a_drain_ends_an_idle_connection_at_once() {
    in_virtual_time(async {
        let mut peer = drained().await;
        assert_eq!(peer.seconds(), 0);
        assert_eq!(peer.closed().await, Cause::Drained);
        peer.event(EventKind::Draining);
    });
}

#[test]
fn a_drain_completes_a_response_and_announces_the_end() {
    in_virtual_time(async {
        let held = Arc::<Mutex<Vec<u64>>>::default();
        let holds = held.clone();
        let mut peer = Peer::of(Config::default(), 1 << 16, move |id| lock(&holds).push(id));
        // A request that follows is not dispatched.
        peer.send(&GET.repeat(2)).await;
        sleep(Duration::from_secs(1)).await;
        peer.drain(20);
        sleep(Duration::from_secs(5)).await;
        let id = lock(&held)[0];
        responds(id);
        let response = peer.rest().await;
        assert!(response.contains("connection: close\r\n") && response.ends_with("\r\n\r\nok"), "{response}");
        assert_eq!(lock(&held).len(), 1);
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn a_drain_waits_a_moment_for_an_incomplete_head() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        let (first, second) = GET.split_at(10);
        peer.send(first).await;
        sleep(Duration::from_millis(100)).await;
        peer.drain(20);
        sleep(Duration::from_millis(500)).await;
        peer.send(second).await;
        let response = peer.rest().await;
        assert!(response.contains("connection: close\r\n") && response.ends_with("ok"), "{response}");
        assert_eq!(peer.closed().await, Cause::Drained);

        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.send(first).await;
        sleep(Duration::from_millis(100)).await;
        peer.drain(20);
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 1);
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}

#[test]
fn at_the_deadline_a_response_is_visibly_truncated() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, begins);
        peer.send(GET).await;
        peer.until("4\r\nmore\r\n").await;
        peer.drain(5);
        assert_eq!(peer.rest().await, "", "the last chunk would make it whole");
        assert_eq!(peer.seconds(), 5);
        assert_eq!(peer.closed().await, Cause::Deadline);
        assert_eq!(peer.event(EventKind::Timeout).cause, Cause::Deadline);
    });
}

#[test]
fn a_reset_by_the_host_ends_the_connection() {
    in_virtual_time(async {
        let resets = |id| {
            begins(id);
            request::response(id, |response| response.reset(2)).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, resets);
        peer.send(GET).await;
        assert!(!peer.rest().await.contains("0\r\n\r\n"));
        assert_eq!(peer.closed().await, Cause::Aborted);
        assert_eq!(peer.event(EventKind::Closed).code, 2);
    });
}

#[test]
fn a_peer_that_leaves_cancels_its_request() {
    in_virtual_time(async {
        let cancelled = Arc::<Mutex<Vec<Cause>>>::default();
        let told = cancelled.clone();
        let waits = move |id| {
            let told = told.clone();
            let set = request::change(id, |request| {
                request.on_cancel = Some(Box::new(move |_, cause, _| lock(&told).push(cause)));
                Ok(())
            });
            set.unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, waits);
        peer.send(GET).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(peer.closed().await, Cause::PeerClosed);
        assert_eq!(*lock(&cancelled), [Cause::PeerClosed]);
    });
}

#[test]
fn a_peer_that_keeps_sending_is_read_up_to_a_limit() {
    in_virtual_time(async {
        let mut peer = drained().await;
        let mut taken = 0;
        while taken < 16 << 20
            && let Ok(count) = peer.stream.write(&[b'x'; 4096]).await
        {
            taken += count;
        }
        let limit = 4 << 20;
        assert!((limit..=limit + (1 << 17)).contains(&taken), "{taken} bytes were taken");
        assert_eq!(peer.seconds(), 0);
        assert_eq!(peer.closed().await, Cause::Drained);
    });
}
