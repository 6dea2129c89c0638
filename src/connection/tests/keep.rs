//! Responses that are complete before the body, which the host still reads.

use super::*;

#[test]
fn a_kept_body_continues_after_the_response() {
    in_virtual_time(async {
        for chunked in [false, true] {
            let told = Arc::<Mutex<Vec<String>>>::default();
            let noted = told.clone();
            let keeps = move |id| {
                let noted = noted.clone();
                let reader = Reader::Pushed(Box::new(move |_, data: &[u8], last| {
                    lock(&noted).push(format!("{} {last}", String::from_utf8_lossy(data)));
                }));
                let kept = request::change(id, |request| {
                    request.wanted_body().set_reader(reader)?;
                    request.keeps_body = true;
                    request.response.respond(200, b"ok")
                });
                kept.unwrap();
            };
            let mut peer = Peer::of(Config::default(), 1 << 16, keeps);
            let (field, first, second) = match chunked {
                true => ("transfer-encoding: chunked", "3\r\none\r\n", "3\r\ntwo\r\n0\r\n\r\n"),
                false => ("content-length: 6", "one", "two"),
            };
            peer.send(&format!("POST / HTTP/1.1\r\nhost: a\r\n{field}\r\n\r\n")).await;
            peer.until("ok").await;
            sleep(Duration::from_secs(5)).await;
            peer.send(first).await;
            sleep(Duration::from_secs(5)).await;
            assert_eq!(*lock(&told), ["one false"]);
            peer.send(second).await;
            sleep(Duration::from_secs(1)).await;
            let text: String = lock(&told).join("|");
            assert!(["one false|two true", "one false|two false| true"].contains(&text.as_str()), "{text}");
            // The connection continues.
            peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
            peer.until("ok").await;
        }
    });
}
