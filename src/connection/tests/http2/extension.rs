//! The position of the host's ALTSVC and ORIGIN frames among other frames, byte for byte.

use super::*;
use crate::error::Error;
use crate::extension::Extension;

const ALTSVC: u8 = 0xa;
const ORIGIN: u8 = 0xc;

fn altsvc(stream: u32, value: &str) -> Extension {
    Extension::altsvc(stream, if stream == 0 { "https://a.b" } else { "" }, value).unwrap()
}

/// Sends a frame on the session of a request.
fn send(id: u64, extension: Extension) {
    request::change(id, |request| request.session.send(extension)).unwrap();
}

/// The complete frames that were received: kind, flags, stream, payload.
fn frames(peer: &Peer) -> Vec<(u8, u8, u32, &[u8])> {
    let (mut rest, mut frames) = (&peer.bytes[..], Vec::new());
    while rest.len() >= 9 {
        let (head, after) = rest.split_at(9);
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some((payload, next)) = after.split_at_checked(length) else { break };
        frames.push((head[3], head[4], number(&head[5..], 0), payload));
        rest = next;
    }
    frames
}

fn place(peer: &Peer, kind: u8, stream: u32) -> Option<usize> {
    frames(peer).iter().position(|frame| frame.0 == kind && frame.2 == stream)
}

#[test]
fn an_extension_frame_for_a_stream_precedes_its_response() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, |id| {
            send(id, altsvc(1, "h2=\":1\""));
            responds(id);
        });
        peer.settle(&[]).await;
        peer.get(1).await;
        assert!(peer.next(kind::DATA, true).await.is_some());
        let at = place(&peer, ALTSVC, 1).expect("an ALTSVC");
        assert_eq!(frames(&peer)[at].3, b"\0\0h2=\":1\"");
        assert!(at < place(&peer, kind::HEADERS, 1).unwrap());
        // A frame for a stream that has ended, or that never existed, is not sent.
        peer.get(3).await;
        peer.session.send(altsvc(99, "clear")).unwrap();
        peer.session.send(altsvc(0, "clear")).unwrap();
        peer.next(ALTSVC, true).await.expect("that of stream 1");
        let (frame, _) = peer.next(ALTSVC, true).await.expect("an ALTSVC");
        assert_eq!((frame.stream, frame.length), (0, 2 + 11 + 5));
        assert_eq!(frames(&peer).iter().filter(|frame| frame.0 == ALTSVC).count(), 2);
    });
}

#[test]
fn early_extension_frames_wait_for_the_first_settings() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 16, responds);
        peer.session.send(Extension::origin(["https://a", "https://b"]).unwrap()).unwrap();
        sleep(Duration::from_millis(1)).await;
        peer.settle(&[]).await;
        let (frame, _) = peer.next(ORIGIN, true).await.expect("an ORIGIN");
        assert_eq!((frame.flags, frame.stream), (0, 0));
        assert_eq!(frames(&peer)[0].0, kind::SETTINGS);
        assert_eq!(frames(&peer)[place(&peer, ORIGIN, 0).unwrap()].3, b"\0\x09https://a\0\x09https://b");
    });
}

/// With a long header section and a body, for all sizes of pieces that the peer reads.
#[test]
fn extension_frames_do_not_interrupt_frames_or_header_blocks() {
    let value = "v".repeat(40_000);
    let heads = move |id| {
        request::prepare(id, |response| response.set_field(b"x-long", value.as_bytes())).unwrap();
        request::response(id, |response| response.respond(200, &[b'x'; 100_000])).unwrap();
    };
    in_virtual_time(async move {
        for step in [1_000, 7_001, 16_400] {
            let mut peer = Peer::of(Config::default(), step, heads.clone());
            peer.settle(&[0, 4, 0, 0x7f, 0xff, 0xff]).await;
            peer.frame(kind::WINDOW_UPDATE, 0, 0, &(1u32 << 20).to_be_bytes()).await;
            peer.get(1).await;
            let mut said = 0;
            while !peer.frames.iter().any(|(frame, _)| frame.kind == kind::DATA && frame.has(END_STREAM)) {
                peer.session.send(altsvc(0, &format!("h2=\":{said}\""))).unwrap();
                said += 1;
                let mut bytes = vec![0; step / 2];
                let read = timeout(Duration::from_secs(60), peer.stream.read(&mut bytes)).await.unwrap().unwrap();
                assert!(read > 0);
                peer.bytes.extend_from_slice(&bytes[..read]);
                peer.partial.extend_from_slice(&bytes[..read]);
                while let Some(came) = frame::take(&mut peer.partial) {
                    peer.frames.push(came);
                }
            }
            let frames = frames(&peer);
            assert!(place(&peer, kind::CONTINUATION, 1).is_some());
            let mut told = 0;
            for (at, frame) in frames.iter().enumerate() {
                match frame.0 {
                    kind::HEADERS | kind::CONTINUATION if frame.1 & END_HEADERS == 0 => {
                        assert_eq!(frames[at + 1].0, kind::CONTINUATION);
                    }
                    kind::DATA => assert!(frame.3.iter().all(|byte| *byte == b'x')),
                    ALTSVC => {
                        let value = format!("h2=\":{told}\"");
                        assert_eq!(frame.3, [b"\0\x0bhttps://a.b", value.as_bytes()].concat());
                        told += 1;
                    }
                    kind => assert!([0, 1, 4, 6, 8, 9].contains(&kind), "{kind}"),
                }
            }
            assert!(told > 1, "{told} of {said}, in steps of {step}");
        }
    });
}

#[test]
fn extension_frames_for_a_peer_that_reads_nothing_are_bounded() {
    in_virtual_time(async {
        let mut peer = Peer::of(Config::default(), 1 << 10, responds);
        peer.settle(&[]).await;
        sleep(Duration::from_millis(1)).await;
        let long = altsvc(0, &"v".repeat(16_000));
        let mut taken = 0;
        while peer.session.send(long.clone()).is_ok() {
            taken += 1;
            assert!(taken < 100, "no end");
            sleep(Duration::from_millis(1)).await;
        }
        assert!(taken > 4, "{taken}");
        assert!(matches!(peer.session.send(long.clone()), Err(Error::WouldBlock(_))));
        for _ in 0..taken {
            assert!(peer.next(ALTSVC, true).await.is_some());
        }
        peer.session.send(long).unwrap();
        assert!(peer.next(ALTSVC, true).await.is_some());
    });
}
