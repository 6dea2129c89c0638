use super::*;

fn response_to(method: Method) -> Response {
    let mut response = Response::default();
    response.begin(&method, 100, 1000);
    response
}

fn response() -> Response {
    response_to(Method::GET)
}

/// Of the head, whether it has a `date` and what it has as `content-length`.
fn added(response: &mut Response) -> (bool, Option<String>) {
    let mut head = response.take_head().unwrap();
    head.complete(b"now");
    let length = head.fields.get(b"content-length").map(|digits| String::from_utf8_lossy(digits).into_owned());
    (head.fields.contains(b"date"), length)
}

#[test]
fn a_whole_response_has_its_length() {
    let mut response = response();
    response.respond(200, b"hello").unwrap();
    assert_eq!(added(&mut response), (true, Some("5".into())));
    assert!(matches!(response.take_piece(100), Some(Piece::Data(data, true)) if data == Data::Borrowed(b"hello")));
    assert!(response.respond(200, &[]).is_err());
}

#[test]
fn what_the_library_adds_can_be_left_out() {
    let mut response = response();
    response.respond(200, b"hello").unwrap();
    response.leave_out_length();
    response.leave_out_date();
    assert_eq!(added(&mut response), (false, None));
    response.clear();
    response.respond(200, b"hello").unwrap();
    assert_eq!(added(&mut response), (true, Some("5".into())), "the next response of the box is another");
}

#[test]
fn head_announces_but_does_not_send() {
    let mut response = response_to(Method::HEAD);
    response.respond(200, b"hello").unwrap();
    let mut head = response.take_head().unwrap();
    head.complete(b"now");
    assert!(head.is_alone);
    assert_eq!(head.fields.get(b"content-length"), Some(&b"5"[..]));
}

#[test]
fn some_responses_have_no_body() {
    assert!(matches!(response().respond(204, b"x"), Err(Error::Invalid(_))));
    let mut not_modified = response();
    not_modified.set_field(b"content-length", b"5").unwrap();
    not_modified.respond(304, &[]).unwrap();
    assert!(not_modified.take_head().unwrap().is_alone);
    let mut streamed = response();
    streamed.write_head(204).unwrap();
    assert!(streamed.write(b"x").is_err());
    streamed.end().unwrap();
}

#[test]
fn a_tunnel_has_no_length_no_trailers_and_an_end_of_its_own() {
    for status in [200, 204] {
        let mut response = response_to(Method::CONNECT);
        response.set_field(b"content-length", b"0").unwrap();
        response.write_head(status).unwrap();
        response.write(b"through").unwrap();
        response.add_trailer(b"a", b"b").unwrap();
        response.end().unwrap();
        let head = response.take_head().unwrap();
        assert!(head.is_tunnel && !head.is_alone && head.fields.is_empty());
        assert!(
            matches!(response.take_piece(100), Some(Piece::Data(data, true)) if data == Data::Borrowed(b"through"))
        );
    }
    let mut whole = response_to(Method::CONNECT);
    whole.respond(200, &[]).unwrap();
    assert!(whole.take_head().is_some_and(|head| head.is_tunnel && !head.is_alone));
    assert!(matches!(whole.take_piece(100), Some(Piece::Data(data, true)) if data.is_empty()));
    let mut refused = response_to(Method::CONNECT);
    refused.respond(403, &[]).unwrap();
    assert_eq!(added(&mut refused), (true, Some("0".into())));
}

#[test]
fn the_announced_length_is_held_to() {
    let mut response = response();
    response.set_field(b"Content-Length", b"3").unwrap();
    response.write_head(200).unwrap();
    response.write(b"ab").unwrap();
    assert!(matches!(response.write(b"cd"), Err(Error::Length { announced: 3, written: 4 })));
    assert!(matches!(response.end(), Err(Error::Length { announced: 3, written: 2 })));
    response.write(b"c").unwrap();
    response.end().unwrap();
}

#[test]
fn trailers_come_last() {
    let mut response = response();
    response.write_head(200).unwrap();
    response.write(b"ok").unwrap();
    response.add_trailer(b"x-checksum", b"1").unwrap();
    response.end().unwrap();
    assert!(response.take_head().is_some_and(|head| !head.is_alone));
    assert!(matches!(response.take_piece(100), Some(Piece::Data(_, false))));
    assert!(matches!(response.take_piece(0), Some(Piece::Trailers(fields)) if fields.get(b"x-checksum") == Some(b"1")));
}

#[test]
fn an_end_at_once_rides_on_the_head() {
    let mut response = response();
    response.write_head(200).unwrap();
    response.end().unwrap();
    assert!(response.take_head().is_some_and(|head| head.is_alone));
}

#[test]
fn statuses_are_checked() {
    for status in [0, 99, 100, 103, 199, 1000] {
        assert!(response().respond(status, &[]).is_err(), "{status}");
    }
    for status in [600, 999] {
        response().respond(status, &[]).unwrap();
    }
    for status in [101, 200, 99] {
        assert!(response().inform(status, HeaderList::new()).is_err(), "{status}");
    }
    response().inform(103, HeaderList::new()).unwrap();
}

#[test]
fn calls_out_of_order_are_refused() {
    let mut response = response();
    assert!(matches!(response.write(b"x"), Err(Error::State(_))));
    assert!(matches!(response.end(), Err(Error::State(_))));
    response.write_head(200).unwrap();
    assert!(matches!(response.set_field(b"a", b"b"), Err(Error::State(_))));
    assert!(matches!(response.respond(200, &[]), Err(Error::State(_))));
    assert!(matches!(response.inform(103, HeaderList::new()), Err(Error::State(_))));
    response.end().unwrap();
    assert!(matches!(response.write(b"x"), Err(Error::State(_))));
    assert!(matches!(response.reset(0), Err(Error::State(_))));
}
