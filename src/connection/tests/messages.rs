//! Requests, responses and bodies on the wire (RFC 9112).

use super::*;

#[test]
fn requests_on_one_connection_get_responses_in_order() {
    in_virtual_time(async {
        let ordinals = |id| {
            let ordinal = request::read(id, |request| Ok((request.stream, request.head().version()))).unwrap();
            request::response(id, |response| response.respond(200, format!("{ordinal:?}").as_bytes())).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, ordinals);
        peer.send(&GET.repeat(3)).await;
        for ordinal in 1..=3 {
            let response = peer.until(&format!("({ordinal}, \"1.1\")")).await;
            let expected = format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n({ordinal}, \"1.1\")");
            assert_eq!(without_date(&response), expected);
        }
        peer.send("GET / HTTP/1.0\r\n\r\n").await;
        assert!(peer.rest().await.ends_with("\r\n\r\n(4, \"1.0\")"));
        assert_eq!(peer.closed().await, Cause::PeerClosed);
        assert_eq!(peer.seconds(), 3, "which is what closed() waits");
    });
}

#[test]
fn an_http_1_0_client_may_keep_the_connection() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        for _ in 0..2 {
            peer.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
            let response = peer.until("ok").await;
            assert!(
                response.starts_with("HTTP/1.0 200 OK\r\n") && response.contains("connection: keep-alive\r\n"),
                "{response}"
            );
        }
    });
}

#[test]
fn a_long_response_arrives_completely() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 12, responds_much);
        for _ in 0..2 {
            peer.send(GET).await;
            assert!(peer.until("\r\n\r\n").await.contains("content-length: 4194304\r\n"));
            let mut body = vec![0; 4 << 20];
            peer.stream.read_exact(&mut body).await.unwrap();
            assert!(body.iter().all(|byte| *byte == b'x'));
        }
        assert_eq!(peer.seconds(), 0, "a timer had to wake it");
    });
}

#[test]
fn a_half_closed_peer_gets_an_immediate_response() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.send(&GET.repeat(3)).await;
        peer.stream.shutdown().await.unwrap();
        assert_eq!(peer.rest().await.matches("\r\n\r\nok").count(), 3);
        assert_eq!(peer.closed().await, Cause::PeerClosed);
    });
}

#[test]
fn a_100_is_sent_when_the_host_reads_the_body() {
    in_virtual_time(async {
        let head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
        let mut peer = Peer::of(Config::default(), 1 << 16, echoes);
        peer.send(head).await;
        assert_eq!(peer.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        peer.send("hello").await;
        assert!(peer.until("hello").await.starts_with("HTTP/1.1 200 OK"));

        // Without a 100, the response is the last one, because the body may arrive or
        // not.
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.send(head).await;
        let response = peer.rest().await;
        assert!(response.starts_with("HTTP/1.1 200 OK") && response.contains("connection: close\r\n"), "{response}");
    });
}

#[test]
fn an_informational_head_precedes_the_response() {
    in_virtual_time(async {
        let hints = |id| {
            let mut fields = HeaderList::new();
            fields.push(b"link", b"</style.css>", false);
            request::response(id, |response| response.inform(103, fields)).unwrap();
            responds(id);
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, hints);
        peer.send(GET).await;
        assert_eq!(peer.until("\r\n\r\n").await, "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n");
        assert!(peer.until("ok").await.starts_with("HTTP/1.1 200 OK"));
        peer.send("GET / HTTP/1.0\r\n\r\n").await;
        assert!(peer.rest().await.starts_with("HTTP/1.0 200 OK"), "which 1.0 does not know");
    });
}

#[test]
fn trailers_are_carried_in_both_directions() {
    in_virtual_time(async {
        let returns = |id| {
            let set = request::change(id, |request| {
                request.body().set_reader(Reader::Pushed(Box::new(|of, _, last| {
                    let id = of.id;
                    if last {
                        let value = request::read(id, |request| {
                            let trailers = request.body().trailers.as_ref().expect("trailers");
                            Ok(trailers.get(b"x-checksum").unwrap_or_default().to_vec())
                        });
                        let value = value.unwrap();
                        let end = request::response(id, |response| {
                            response.write(b"ok")?;
                            response.add_trailer(b"x-returned", &value)?;
                            response.end()
                        });
                        end.unwrap();
                    }
                })))?;
                request.response.write_head(200)
            });
            set.unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, returns);
        for _ in 0..2 {
            peer.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
            peer.send("3\r\nabc\r\n0\r\nx-checksum: 7\r\n\r\n").await;
            peer.until("2\r\nok\r\n0\r\nx-returned: 7\r\n\r\n").await;
        }
    });
}

#[test]
fn an_upload_may_end_after_the_response() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 21, responds);
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 60000\r\n\r\n").await;
        peer.until("ok").await;
        peer.send(&"x".repeat(60_000)).await;
        peer.send(GET).await;
        peer.until("ok").await;
        // Content that arrives with the head arrives before the response.
        peer.send(&format!(
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n{GET}"
        ))
        .await;
        peer.until("ok").await;
        peer.until("ok").await;
        assert_eq!(peer.seconds(), 0);

        // The server stops waiting for an endless upload.
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n").await;
        peer.until("ok").await;
        assert_eq!(peer.rest().await, "");
        assert_eq!(peer.seconds(), 1);
    });
}

#[test]
fn a_malformed_request_is_refused_after_the_valid_ones() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.send(&format!("{GET}GET / HTTP/1.1\r\nhost : a\r\n\r\n{GET}")).await;
        peer.until("ok").await;
        let refusal = peer.rest().await;
        assert!(refusal.starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"), "{refusal}");
        assert_eq!(refusal.matches("HTTP/1.1").count(), 1);
        assert_eq!(peer.event(EventKind::FrameError).code, 400);
        assert_eq!(peer.closed().await, Cause::ProtocolError);
    });
}

#[test]
fn a_malformed_chunk_cancels_the_request() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, echoes);
        peer.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
        sleep(Duration::from_secs(1)).await;
        peer.send("x\r\n").await;
        assert!(peer.rest().await.starts_with("HTTP/1.1 400 "));
        assert_eq!(peer.closed().await, Cause::ProtocolError);
    });
}

#[test]
fn head_and_statuses_without_a_body() {
    in_virtual_time(async {
        let streams = |id| {
            begins(id);
            request::response(id, |response| response.end()).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, streams);
        peer.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let head = without_date(&peer.until("\r\n\r\n").await);
        assert_eq!(head, "HTTP/1.1 200 OK\r\n\r\n");
        peer.send(GET).await;
        assert!(peer.until("0\r\n\r\n").await.contains("transfer-encoding: chunked\r\n"));

        for status in [204, 304] {
            let empty = move |id| request::response(id, |response| response.respond(status, &[])).unwrap();
            let mut peer = Peer::of(Config::default(), 1 << 16, empty);
            peer.send(&GET.repeat(2)).await;
            for _ in 0..2 {
                let head = without_date(&peer.until("\r\n\r\n").await);
                assert!(!head.contains("content-length") && !head.contains("chunked"), "{head}");
            }
        }
    });
}

#[test]
fn fields_keep_their_order_in_both_directions() {
    in_virtual_time(async {
        let mirrors = |id| {
            let fields = request::read(id, |request| Ok(request.head().fields().clone())).unwrap();
            request::response(id, |response| {
                let set = fields.iter().filter(|field| field.name != b"host");
                response.respond_with(200, set.map(|field| Ok((field.name, field.value))), &[])
            })
            .unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, mirrors);
        let fields = "a: 1\r\ncookie: x\r\nb: 2\r\na: 3\r\nC: 4\r\ncookie: y\r\na: 5\r\n";
        peer.send(&format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n")).await;
        let response = peer.until("\r\n\r\n").await;
        assert!(response.to_ascii_lowercase().contains(&fields.to_ascii_lowercase()), "{response}");
    });
}

#[test]
fn a_path_is_any_bytes() {
    in_virtual_time(async {
        let shows = |id| {
            let seen = request::read(id, |request| {
                let head = request.head();
                Ok([head.path(), b" ", head.query()].concat())
            });
            request::response(id, |response| response.respond(200, &seen.unwrap())).unwrap();
        };
        let mut peer = Peer::of(Config::default(), 1 << 16, shows);
        peer.stream.write_all(b"GET /?\xff\"<{|}>`^\\\xc3\xa4?\x80 HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        peer.until("\r\n\r\n").await;
        let mut body = [0; 16];
        peer.stream.read_exact(&mut body).await.unwrap();
        assert_eq!(&body, b"/ \xff\"<{|}>`^\\\xc3\xa4?\x80");
        for bad in ["\x01", "\x7f", "\t"] {
            let mut peer = Peer::of(Config::default(), 1 << 16, never_responds);
            peer.send(&format!("GET /{bad} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
            assert!(peer.until("\r\n").await.starts_with("HTTP/1.1 400 "), "{bad:?}");
        }
    });
}
