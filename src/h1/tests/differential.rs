//! The same messages into the engine and into other parsers: what one takes and
//! another refuses, or divides differently, is in a list with its reason.
//!
//! `GOAWAY_MESSAGES` says how many mutated messages there are beside those of
//! the lists.

mod messages;
mod peers;
mod reasons;

use std::collections::BTreeMap;

use super::*;
use crate::testing::{Dice, mutated};
use peers::{Message, Seen};
use reasons::{Difference, REASONS};

/// What the engine makes of a message.
fn ours(bytes: &[u8]) -> Seen {
    let limits = Limits { header_list_bytes: 16 << 10, header_fields: 100 };
    let mut connection = Connection::new(limits);
    connection.feed(bytes);
    let whole = connection.requests.into_iter().filter(|request| request.is_whole);
    let refused = connection.fault.map(|fault| format!("{} {}", fault.code, fault.why));
    Seen { messages: whole.map(Message::of).collect(), refused }
}

/// The same of its first head by httparse, which knows nothing else.
fn first_head_differs(bytes: &[u8]) -> Option<Difference> {
    let mut engine = Http1::new(Limits { header_list_bytes: 16 << 10, header_fields: 100 });
    let mut taken = 0;
    let ours = loop {
        match engine.receive(&bytes[taken..], &mut Output::default()) {
            Ok((more, Some(Event::Request { head, .. }))) => break Ok(Some((taken + more, *head))),
            Ok((0, _)) => break Ok(None),
            Ok((more, _)) => taken += more,
            Err(fault) => break Err(format!("{} {}", fault.code, fault.why)),
        }
    };
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    let theirs = request.parse(bytes);
    match (ours, theirs) {
        (Err(_), Err(_)) | (Ok(None), Ok(httparse::Status::Partial)) => None,
        (Ok(Some((end, head))), Ok(httparse::Status::Complete(length))) => {
            let ours = Message::of(Received { head, content: Vec::new(), trailers: HeaderList::new(), is_whole: true });
            let named =
                |field: &httparse::Header<'_>| (field.name.as_bytes().to_ascii_lowercase(), field.value.to_vec());
            let theirs = Message {
                method: request.method.unwrap_or_default().into(),
                target: peers::normal(request.path.unwrap_or_default().as_bytes()),
                fields: request.headers.iter().map(named).collect(),
                content: Vec::new(),
            };
            (end != length || ours != theirs).then(|| Difference::read(&ours, &theirs))
        }
        (Err(why), _) => Some(Difference::RefusedHere(why)),
        (_, Err(why)) => Some(Difference::RefusedThere(why.to_string())),
        (Ok(Some(_)), _) => Some(Difference::Read("they wait for more".into())),
        (Ok(None), _) => Some(Difference::Read("we wait for more".into())),
    }
}

fn messages() -> Vec<Vec<u8>> {
    let listed = messages::systematic();
    let count = std::env::var("GOAWAY_MESSAGES").map_or(500, |count| count.parse().expect("a number"));
    let mut dice = Dice::new(count as u64);
    let mutated: Vec<_> = (0..count).map(|_| mutated(&listed, &mut dice)).collect();
    [listed, mutated].concat()
}

#[test]
fn other_parsers_agree_or_the_difference_is_listed() {
    let messages = messages();
    let ours: Vec<_> = messages.iter().map(|bytes| ours(bytes)).collect();
    let (node, h11) = std::thread::scope(|scope| {
        let node = scope.spawn(|| peers::node(&messages));
        let h11 = scope.spawn(|| peers::h11(&messages));
        (node.join().expect("Node.js"), h11.join().expect("h11"))
    });
    let mut found = BTreeMap::<(&str, Difference), Vec<usize>>::new();
    for (at, ours) in ours.iter().enumerate() {
        let differs = [
            ("httparse", first_head_differs(&messages[at])),
            ("node", ours.difference(&node[at])),
            ("h11", ours.difference(&h11[at])),
        ];
        for (peer, difference) in differs {
            difference.into_iter().for_each(|difference| found.entry((peer, difference)).or_default().push(at));
        }
    }
    let is_known = |peer: &str, difference: &Difference| REASONS.iter().any(|reason| reason.covers(peer, difference));
    let mut unknown = String::new();
    for ((peer, difference), at) in &found {
        if !is_known(peer, difference) {
            let example = String::from_utf8_lossy(&messages[at[0]]);
            unknown += &format!("{peer} {difference:?}: {} times, as of\n  {example:?}\n", at.len());
        }
    }
    assert!(unknown.is_empty(), "without a reason:\n{unknown}");
    for reason in REASONS {
        assert!(found.keys().any(|(peer, difference)| reason.covers(peer, difference)), "no longer so: {reason:?}");
    }
}
