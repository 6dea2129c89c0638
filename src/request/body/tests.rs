use super::*;
use crate::endpoint::Endpoint;

fn piece(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn share(limit: usize) -> Share {
    Share::new(&Arc::new(SessionHandle::new(1, Endpoint::default(), Arc::default(), Arc::default())), limit)
}

fn pushed() -> Reader {
    Reader::Pushed(Box::new(|_, _, _| {}))
}

#[test]
fn small_pieces_are_joined_and_large_ones_kept() {
    let mut body = Body::new(false);
    (0..500).for_each(|_| body.arrived(piece("ab")));
    assert_eq!(body.pieces.len(), 1);
    let large = Bytes::from(vec![b'x'; 5000]);
    body.arrived(large.clone());
    assert_eq!(body.pieces.len(), 2);
    assert_eq!(body.pieces[1].as_ptr(), large.as_ptr(), "not copied");
}

#[test]
fn reading_consumes_and_tells_the_end() {
    let mut body = Body::new(false);
    let mut out = [0; 4];
    assert!(matches!(body.read(&mut out), Err(Error::WouldBlock(_))));
    body.arrived(piece("abcdef"));
    assert_eq!(body.read(&mut out).unwrap(), 4);
    assert_eq!(&out, b"abcd");
    assert_eq!(body.take_consumed(), 4);
    body.arrived_whole(None);
    assert_eq!(body.read(&mut out).unwrap(), 2);
    assert_eq!(body.read(&mut out).unwrap(), 0, "the end");
}

#[test]
fn a_pushed_body_is_told_its_end_once() {
    let mut body = Body::new(false);
    body.set_reader(pushed()).unwrap();
    assert!(body.next_delivery().is_none());
    body.arrived(piece("a"));
    body.arrived_whole(None);
    let Some(Delivery::Piece(_, data, true)) = body.next_delivery() else { panic!() };
    assert_eq!(data, "a");
    body.restore(pushed());
    assert!(body.next_delivery().is_none());
    assert!(body.set_reader(pushed()).is_err());
}

#[test]
fn a_paused_body_waits() {
    let mut body = Body::new(false);
    body.set_reader(pushed()).unwrap();
    body.arrived(piece("a"));
    body.pause(true);
    assert!(body.next_delivery().is_none());
    body.pause(false);
    assert!(matches!(body.next_delivery(), Some(Delivery::Piece(_, _, false))));
}

#[test]
fn a_collected_body_opens_the_window_and_has_a_limit() {
    let mut body = Body::new(false);
    body.arrived(piece("abc"));
    body.collect(5, share(100), Box::new(|_, _| {})).unwrap();
    assert_eq!(body.take_consumed(), 3);
    body.arrived(piece("de"));
    assert_eq!(body.take_consumed(), 2);
    assert!(body.next_delivery().is_none());
    body.arrived_whole(None);
    let Some(Delivery::Whole(_, whole)) = body.next_delivery() else { panic!() };
    assert_eq!(whole, "abcde");

    let mut body = Body::new(false);
    body.collect(2, share(100), Box::new(|_, _| {})).unwrap();
    body.arrived(piece("abc"));
    assert!(matches!(body.next_delivery(), Some(Delivery::TooLarge)));
}
#[test]
fn a_queued_body_is_lent_in_pieces_and_given_back() {
    let mut body = Body::new(false);
    body.restore(Reader::Queued);
    assert!(!body.has_to_lend());
    (0..4).for_each(|_| body.arrived(Bytes::from(vec![b'x'; 2000])));
    let mut out = Vec::new();
    assert!(!body.lend(&mut out, 3000), "whole pieces");
    assert_eq!((out.len(), body.held()), (4000, 4000));
    body.arrived_whole(None);
    assert!(!body.is_whole(3999) && body.is_whole(4000));
    assert!(body.lend(&mut out, 9000) && !body.has_to_lend());
    assert!(body.give_back(8001).is_err() && body.give_back(u64::MAX).is_err());
    body.give_back(8000).unwrap();
    assert!(body.give_back(1).is_err());
    assert_eq!(body.take_consumed(), 8000);
    assert_eq!(body.held(), 0);
}

#[test]
fn a_body_that_rides_is_consumed() {
    let mut body = Body::new(false);
    body.restore(Reader::Queued);
    body.arrived(piece("abc"));
    body.arrived_whole(None);
    let mut out = Vec::new();
    body.give(&mut out);
    assert_eq!((out.as_slice(), body.take_consumed(), body.has_to_lend()), (&b"abc"[..], 3, false));
    assert!(body.read(&mut [0; 4]).is_err(), "it comes in records only");
}

#[test]
fn collected_bodies_share_what_their_session_may_collect() {
    let session = Arc::new(SessionHandle::new(1, Endpoint::default(), Arc::default(), Arc::default()));
    let collected = || session.counters.collected.load(Relaxed);
    let mut bodies = [(); 3].map(|()| Body::new(false));
    for body in &mut bodies {
        body.arrived(piece("abcd"));
        body.collect(100, Share::new(&session, 10), Box::new(|_, _| {})).unwrap();
    }
    assert_eq!(collected(), 12);
    let [first, second, third] = &mut bodies;
    third.arrived_whole(None);
    assert!(matches!(third.next_delivery(), Some(Delivery::Whole(..))), "what is whole is delivered");
    assert!(second.next_delivery().is_none());
    assert_eq!(collected(), 8);
    second.arrived(piece("efg"));
    assert!(matches!(second.next_delivery(), Some(Delivery::TooLargeTogether)));
    assert_eq!(collected(), 4);
    second.arrived(piece("hij"));
    assert!(first.next_delivery().is_none());
    drop(bodies);
    assert_eq!(collected(), 0);
}

#[test]
fn a_piece_passes_if_it_is_the_next() {
    let mut body = Body::new(false);
    assert!(body.pass(3, false).is_none(), "nobody takes it");
    body.set_reader(pushed()).unwrap();
    body.pause(true);
    assert!(body.pass(3, false).is_none(), "it is paused");
    body.pause(false);
    let on_body = body.pass(3, false).unwrap();
    assert_eq!((body.received(), body.take_consumed(), body.held()), (3, 3, 0));
    assert!(body.pass(1, false).is_none(), "the hook is out");
    body.restore(Reader::Pushed(on_body));
    assert!(body.pass(0, false).is_none(), "there is nothing to tell");
    body.arrived(piece("a"));
    assert!(body.pass(1, false).is_none(), "another one is before it");
    let Some(Delivery::Piece(on_body, _, false)) = body.next_delivery() else { panic!() };
    body.restore(Reader::Pushed(on_body));
    let on_body = body.pass(0, true).unwrap();
    body.restore(Reader::Pushed(on_body));
    assert!(body.is_over() && body.pass(1, true).is_none() && body.next_delivery().is_none());
}
