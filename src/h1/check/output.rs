//! Reads what an engine has written, as a client does.

use super::{Connection, Received};

/// What is written are the responses to the requests in their order, each
/// framed as it says, and nothing behind one that says it is the last.
pub fn check(connection: &Connection) {
    let out = connection.out.to_vec();
    let mut rest = &out[..];
    let mut is_last = false;
    for request in &connection.requests {
        if rest.is_empty() {
            return;
        }
        assert!(!is_last, "a response behind the last");
        let Some(response) = final_response(&mut rest) else { return };
        is_last = response.closes;
        if skip_content(&mut rest, &response, request).is_none() {
            // It is cut short, or goes on.
            return;
        }
    }
    if !rest.is_empty() {
        assert!(!is_last, "a response behind the last");
        let refusal = final_response(&mut rest).expect("a response");
        assert!(refusal.closes && refusal.length == Some(0) && rest.is_empty());
    }
}

struct Response {
    status: u16,
    length: Option<u64>,
    is_chunked: bool,
    closes: bool,
}

/// The next final head; None if there are only informational ones.
fn final_response(rest: &mut &[u8]) -> Option<Response> {
    while !rest.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 10];
        let mut response = httparse::Response::new(&mut fields);
        let length = response.parse(rest).expect("a response");
        *rest = &rest[length.unwrap()..];
        let status = response.code.expect("a status");
        if status >= 200 || status == 101 {
            let field = |name: &str| {
                let mut named = response.headers.iter().filter(|field| field.name == name);
                let value = named.next().map(|field| std::str::from_utf8(field.value).expect("text"));
                assert!(named.next().is_none(), "{name} twice");
                value
            };
            return Some(Response {
                status,
                length: field("content-length").map(|length| length.parse().expect("a length")),
                is_chunked: field("transfer-encoding").is_some_and(|coding| coding == "chunked"),
                closes: field("connection").is_some_and(|options| options.contains("close")),
            });
        }
    }
    None
}

/// None if the content does not end.
fn skip_content(rest: &mut &[u8], response: &Response, request: &Received) -> Option<()> {
    let opens = response.status == 101 || request.head.method == "CONNECT" && response.status == 200;
    assert!(response.length.is_none() || !response.is_chunked);
    let length = match response {
        _ if opens && response.length.is_none() && !response.is_chunked => return None,
        _ if request.head.method == "HEAD" || matches!(response.status, 204 | 304) => 0,
        Response { is_chunked: true, .. } => dechunk(rest)?.1,
        Response { length: Some(length), .. } => *length as usize,
        // Up to the end of the connection.
        _ => {
            assert!(response.closes);
            return None;
        }
    };
    *rest = rest.get(length..)?;
    Some(())
}

/// The content that is in chunks at the front of `bytes`, and where it ends; None if it does not.
pub fn dechunk(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut content, mut at) = (Vec::new(), 0);
    let line = |at: &mut usize| {
        let length = bytes.get(*at..)?.windows(2).position(|pair| pair == b"\r\n")?;
        *at += length + 2;
        std::str::from_utf8(&bytes[*at - length - 2..*at - 2]).ok().or(Some("\u{fffd}"))
    };
    loop {
        let begin = at;
        line(&mut at)?;
        let digits = bytes[begin..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let digits = std::str::from_utf8(&bytes[begin..begin + digits]).ok()?;
        let size = usize::try_from(u64::from_str_radix(digits, 16).ok()?).ok()?;
        if size == 0 {
            while !line(&mut at)?.is_empty() {}
            return Some((content, at));
        }
        content.extend_from_slice(bytes.get(at..at.checked_add(size)?)?);
        at += size;
        let end = bytes.get(at..at + 2)?;
        assert_eq!(end, b"\r\n", "a chunk that is longer than its size");
        at += 2;
    }
}
