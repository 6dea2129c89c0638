//! Every host's demo says on the wire what the demo in C says; where one does
//! not, the difference stands here with its reason. What depends on time is left
//! out: how a body is cut into frames, and in which frame END_STREAM comes.

use std::time::Duration;

use crate::kit::demo::host;
use crate::kit::frame::kind_name;
use crate::kit::{Client, Demo, Response, kind};

/// What is asked, and with which body.
const ASKED: [(&str, &str, &[u8]); 12] = [
    ("GET", "/", b""),
    ("HEAD", "/", b""),
    ("POST", "/echo", b""),
    ("POST", "/echo", b"hello"),
    ("GET", "/big", b""),
    ("HEAD", "/big", b""),
    ("GET", "/trailers", b""),
    ("GET", "/early", b""),
    ("GET", "/headers", b""),
    ("GET", "/users/42", b""),
    ("GET", "/nowhere", b""),
    ("DELETE", "/", b""),
];

/// What a host says and C does not (`+`), or the reverse (`-`), where, and why.
struct Difference {
    host: &'static str,
    at: &'static str,
    says: &'static [&'static str],
    // Why: for who reads this.
    _why: &'static str,
}

const fn differs(host: &'static str, at: &'static str, says: &'static [&'static str], why: &'static str) -> Difference {
    Difference { host, at, says, _why: why }
}

const TUNNELS: &str = "an application may take WebSockets, so that extended CONNECT is on offer (RFC 8441, section 3)";
const WHOLE: &str = "an answer of one piece has a length: the package sees its end with it";
const NAMED: &str = "the application answers it itself, and names the type of every text";
const GET_ALONE: &str = "the application answers 405 itself, and names the method it serves";

const DIFFERENCES: &[Difference] = &[
    differs("asgi", "beginning", &["+SETTINGS 8=1"], TUNNELS),
    differs("asgi", "POST /echo, 0", &["+content-length: 0"], WHOLE),
    differs("asgi", "POST /echo, 5", &["+content-length: 5"], WHOLE),
    differs("asgi", "GET /nowhere", &["+content-type: text/plain"], NAMED),
    differs("asgi", "DELETE /", &["-allow: GET, HEAD", "+allow: GET"], GET_ALONE),
    differs("node-http2", "GET /nowhere", &["+content-type: text/plain"], NAMED),
    differs("node-http2", "DELETE /", &["-allow: GET, HEAD", "+allow: GET", "+content-type: text/plain"], GET_ALONE),
    differs("fastify", "GET /trailers", &["+trailer: x-checksum"], "Fastify announces its trailers"),
];

#[test]
fn every_host_says_the_same() {
    let (in_c, in_host) = (said_by("c"), said_by(&host()));
    assert_eq!(in_c.len(), in_host.len());
    for ((at, ours), (_, theirs)) in in_c.iter().zip(&in_host) {
        let expected = DIFFERENCES.iter().find(|known| known.host == host() && known.at == at);
        let mut expected: Vec<String> =
            expected.map_or(vec![], |known| known.says.iter().map(ToString::to_string).collect());
        let mut found: Vec<String> =
            ours.iter().filter(|line| !theirs.contains(line)).map(|line| format!("-{line}")).collect();
        found.extend(theirs.iter().filter(|line| !ours.contains(line)).map(|line| format!("+{line}")));
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{at}: C says {ours:?}, {} {theirs:?}", host());
    }
}

/// Under a name, what that demo says of the session, of each answer, and at its end.
fn said_by(host: &str) -> Vec<(String, Vec<String>)> {
    let mut demo = Demo::start_host(host, Duration::from_secs(1));
    let mut client = demo.open();
    let mut said = vec![("beginning".to_owned(), session_frames(&client, 0))];
    for (method, path, body) in ASKED {
        let at = if method == "POST" { format!("{method} {path}, {}", body.len()) } else { format!("{method} {path}") };
        let head = client.request_frame(method, path, &[], body.is_empty());
        let stream = head.stream;
        client.send(head);
        if !body.is_empty() {
            client.data(stream, body, true);
        }
        said.push((at, of_answer(&client.response(stream))));
    }
    let before = client.transcript.entries.len();
    demo.terminate();
    client.read_until_end();
    said.push(("end".to_owned(), session_frames(&client, before)));
    said
}

/// The frames on stream 0, of what came behind `from`.
fn session_frames(client: &Client, from: usize) -> Vec<String> {
    let come = client.transcript.entries.iter().skip(from).filter(|entry| !entry.sent && entry.frame.stream == 0);
    let frames = come.map(|entry| &entry.frame);
    frames
        .flat_map(|frame| match frame.as_settings() {
            Some(values) if !frame.is_ack() => {
                values.iter().map(|(name, value)| format!("SETTINGS {name}={value}")).collect()
            }
            // Random.
            _ if frame.kind == kind::PING && !frame.is_ack() => vec!["PING".to_owned()],
            _ => vec![format!("{} {:02x?}", kind_name(frame.kind), frame.payload)],
        })
        .collect()
}

fn of_answer(response: &Response) -> Vec<String> {
    let line = |(name, value): &(String, String)| match name.as_str() {
        "date" => "date".to_owned(),
        _ => format!("{name}: {value}"),
    };
    let mut said: Vec<String> =
        response.informational.iter().flatten().map(|field| format!("1xx {}", line(field))).collect();
    said.extend(response.headers.iter().map(line));
    said.extend(response.trailers.iter().flatten().map(|field| format!("trailer {}", line(field))));
    said.push(format!("{} bytes, {:?}", response.body.len(), response.ended));
    said
}
