//! The response to clients that speak HTTP without TLS on a listener with TLS. It says
//! so in the client's own protocol.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::close::LINGER;
use crate::transport::{Protocol, Socket};

/// Bytes of the client that are discarded after the response.
const DISCARD: usize = 1 << 20;

const TEXT: &str = "This port speaks TLS, and the request came without it: use https.\n";

/// Detects a protocol other than TLS by its first byte: a method of HTTP/1.1 (RFC
/// 9110, section 9.1) or the preface of HTTP/2. A TLS record begins with a small
/// number (RFC 8446, section 5.1).
pub async fn first(socket: &Socket) -> io::Result<(bool, Option<Protocol>)> {
    let mut first = [0];
    let is_there = socket.peek(&mut first).await? > 0;
    Ok(match is_there && first[0].is_ascii_uppercase() {
        true => (true, Some(socket.spoken().await?)),
        false => (is_there, None),
    })
}

/// Sends the response and discards input for a moment, so that no TCP reset overtakes
/// the response.
pub async fn dismiss(mut socket: Socket, protocol: Protocol) {
    let send = async {
        socket.write_all(&response(protocol)).await?;
        socket.shutdown().await?;
        let mut bytes = [0; 4096];
        let mut discarded = 0;
        while discarded < DISCARD {
            match socket.read(&mut bytes).await? {
                0 => break,
                read => discarded += read,
            }
        }
        io::Result::Ok(())
    };
    // Best effort: the client may have left.
    let _ = timeout(LINGER, send).await;
}

fn response(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Http1 => format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{TEXT}",
            TEXT.len()
        )
        .into_bytes(),
        Protocol::Http2 => [settings(), goaway()].concat(),
    }
}

/// An empty SETTINGS frame, with which a server's side begins (RFC 9113, section 3.4).
fn settings() -> Vec<u8> {
    vec![0, 0, 0, 4, 0, 0, 0, 0, 0]
}

/// GOAWAY (section 6.8): no stream was processed, INADEQUATE_SECURITY, and the text.
fn goaway() -> Vec<u8> {
    let text = TEXT.trim_end().as_bytes();
    let length = (8 + text.len()) as u32;
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[7, 0, 0, 0, 0, 0]);
    frame.extend_from_slice(&0_u32.to_be_bytes());
    frame.extend_from_slice(&0xc_u32.to_be_bytes());
    frame.extend_from_slice(text);
    frame
}
