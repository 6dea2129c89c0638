//! Invariants that hold for any input, for tests and fuzzing.

use http::Method;

use super::{Limits, RequestFacts, Wrong, read_request, read_trailers, skip};
use crate::engine::RequestHead;
use crate::h2::hpack::Decoder;
use crate::header_list::{Field, HeaderList};

const LIMITS: Limits = Limits { header_list_bytes: 2000, header_fields: 10, has_connect_protocol: true };

/// Reads any bytes as the blocks of a connection, each with its length in front, as
/// requests, as trailers and skipped. The tables stay equal.
pub fn sections(mut bytes: &[u8]) {
    let [mut reads, mut trails, mut skips, mut plain] = [(); 4].map(|()| Decoder::new(4096));
    let mut head = RequestHead::default();
    while let [length, rest @ ..] = bytes {
        let (block, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        bytes = rest;
        let mut all = HeaderList::new();
        let decoded = plain.decode(block, &mut all, |_, _, _| true);
        let request = read_request(&mut reads, block, &LIMITS, &mut head);
        let mut fields = HeaderList::new();
        let trailers = read_trailers(&mut trails, block, &LIMITS, &mut fields);
        assert_eq!(skip(&mut skips, block), decoded.map(drop));
        let memory = plain.memory();
        assert!([reads.memory(), trails.memory(), skips.memory()] == [memory; 3]);
        let (Ok(request), Ok(trailers), Ok(has_sensitive)) = (request, trailers, decoded) else {
            assert!(request.is_err() && trailers.is_err() && decoded.is_err());
            return;
        };
        assert!(head.fields.len() <= 200 && head.fields.text_len() <= LIMITS.header_list_bytes as usize);
        assert!(has_sensitive == all.iter().any(|field| field.is_sensitive) && head.has_sensitive == has_sensitive);
        check_request(&all, &head, request);
        let may_trail = all.iter().all(|field| may_stand(field) && !matches!(field.name, b"host" | b"content-length"));
        let has_pseudo = all.iter().any(|field| field.name.starts_with(b":"));
        match trailers {
            Ok(()) => assert!(may_trail && !has_pseudo && fields == all),
            Err(Wrong::Malformed(_)) => assert!(!may_trail || has_pseudo),
            Err(Wrong::Status(_)) => assert!(may_trail && !has_pseudo && is_large(&all)),
        }
    }
}

/// An accepted request is complete and equals the decoded fields.
fn check_request(all: &HeaderList, head: &RequestHead, read: Result<RequestFacts, Wrong>) {
    let is_pseudo = |field: &Field<'_>| field.name.starts_with(b":");
    match read {
        Ok(facts) => assert_eq!(facts.has_priority, all.contains(b"priority")),
        Err(Wrong::Malformed(why)) => return assert!(!why.is_empty()),
        Err(Wrong::Status(status)) => return assert!(status == 400 || status == 431 && is_large(all)),
    }
    assert!(!is_large(all) && all.iter().filter(|field| !is_pseudo(field)).eq(head.fields.iter()));
    assert!(all.iter().skip_while(is_pseudo).all(|field| !is_pseudo(&field)), "one comes late");
    assert!(head.fields.iter().all(may_stand));
    for field in all.iter().filter(is_pseudo) {
        assert_eq!(all.get_all(field.name).count(), 1);
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().as_bytes().to_vec();
        let kept = match field.name {
            b":method" => head.method.as_str().as_bytes().to_vec(),
            b":scheme" => text(&head.scheme),
            b":authority" => text(&head.authority),
            b":path" => head.path.clone(),
            b":protocol" => text(&head.protocol),
            name => panic!("{name:?}"),
        };
        assert_eq!(kept, field.value);
    }
    let is_tunnel = head.method == Method::CONNECT && head.protocol.is_none();
    assert_eq!(is_tunnel, head.scheme.is_none());
    assert_eq!(is_tunnel, head.path.is_empty());
    assert!(head.path.iter().all(|byte| *byte > b' ' && *byte != 0x7f));
    assert!(head.authority.is_some() || head.fields.contains(b"host"));
    assert!(!head.authority.as_ref().is_some_and(|authority| authority.contains('@')));
    assert!(head.fields.get_all(b"host").count() <= 1 && head.fields.get_all(b"content-length").count() <= 1);
}

fn is_large(all: &HeaderList) -> bool {
    let size: usize = all.iter().map(|field| field.name.len() + field.value.len() + 32).sum();
    let cookies = all.get_all(b"cookie").count();
    let regular = all.iter().filter(|field| !field.name.starts_with(b":")).count();
    let fields = regular - cookies.saturating_sub(1);
    size > LIMITS.header_list_bytes as usize || fields > LIMITS.header_fields
}

/// The rules for a regular field, implemented independently.
fn may_stand(field: Field<'_>) -> bool {
    let is_name = http::HeaderName::from_bytes(field.name).is_ok() && !field.name.iter().any(u8::is_ascii_uppercase);
    let is_value = http::HeaderValue::from_bytes(field.value).is_ok();
    let is_trimmed = |byte: Option<&u8>| !matches!(byte, Some(b' ' | b'\t'));
    let has_rule = match field.name {
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => false,
        b"te" => field.value.eq_ignore_ascii_case(b"trailers"),
        b"content-length" => {
            let is_number = field.value.iter().all(u8::is_ascii_digit);
            is_number && std::str::from_utf8(field.value).is_ok_and(|text| text.parse::<i64>().is_ok())
        }
        b"host" => crate::grammar::authority::is_authority(field.value),
        _ => true,
    };
    is_name && is_value && is_trimmed(field.value.first()) && is_trimmed(field.value.last()) && has_rule
}
