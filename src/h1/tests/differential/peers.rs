//! What others make of messages.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::Received;
use super::reasons::Difference;

/// The requests that are whole, and why the connection was refused behind them.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub messages: Vec<Message>,
    pub refused: Option<String>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Message {
    pub method: String,
    pub target: Vec<u8>,
    /// Names in lower case.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub content: Vec<u8>,
}

impl Message {
    pub fn of(request: Received) -> Self {
        let head = &request.head;
        let target = match (&head.scheme, &head.authority) {
            (Some(scheme), Some(authority)) => [scheme.as_bytes(), b"://", authority.as_bytes(), &head.path].concat(),
            (None, Some(authority)) => authority.as_bytes().to_vec(),
            _ => head.path.clone(),
        };
        let fields = head.fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect();
        Self { method: head.method.to_string(), target, fields, content: request.content }
    }
}

/// A target as the engine hands it on: an absolute-form has a scheme in lower case and a path.
pub fn normal(target: &[u8]) -> Vec<u8> {
    let Some(colon) = target.windows(3).position(|text| text == b"://").filter(|_| target[0] != b'/') else {
        return target.to_vec();
    };
    let (scheme, rest) = target.split_at(colon + 3);
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let slash: &[u8] = if rest.get(end) == Some(&b'/') { b"" } else { b"/" };
    [&scheme.to_ascii_lowercase(), &rest[..end], slash, &rest[end..]].concat()
}

impl Seen {
    /// How another sees it differently.
    pub fn difference(&self, other: &Seen) -> Option<Difference> {
        for (ours, theirs) in self.messages.iter().zip(&other.messages) {
            if ours != theirs {
                return Some(Difference::read(ours, theirs));
            }
        }
        // Whoever has refused one has not seen what is behind it.
        let is_fewer = self.messages.len() < other.messages.len();
        let is_more = self.messages.len() > other.messages.len();
        match (&self.refused, &other.refused) {
            (Some(why), _) if is_fewer => Some(Difference::RefusedHere(why.clone())),
            (_, Some(why)) if is_more => Some(Difference::RefusedThere(why.clone())),
            _ if is_fewer || is_more => Some(Difference::Read("number".into())),
            (Some(why), None) => Some(Difference::RefusedHere(why.clone())),
            (None, Some(why)) => Some(Difference::RefusedThere(why.clone())),
            _ => None,
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn node(messages: &[Vec<u8>]) -> Vec<Seen> {
    ask(Command::new("node").arg(root().join("tests/parsers/by_node.js")), messages)
}

pub fn h11(messages: &[Vec<u8>]) -> Vec<Seen> {
    let python = root().join("build/venv/bin/python");
    assert!(python.exists(), "{} is not there; run `make venv`", python.display());
    ask(Command::new(python).arg(root().join("tests/parsers/by_h11.py")), messages)
}

/// Gives all messages to a program, and reads what it says of each.
fn ask(command: &mut Command, messages: &[Vec<u8>]) -> Vec<Seen> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a program that starts");
    let mut input = child.stdin.take().expect("its input");
    let output = std::thread::scope(|scope| {
        // One that ends early says why on standard error.
        scope.spawn(move || {
            messages.iter().try_for_each(|message| {
                input.write_all(&(message.len() as u32).to_be_bytes())?;
                input.write_all(message)
            })
        });
        child.wait_with_output().expect("its output")
    });
    assert!(output.status.success(), "{command:?}: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("text");
    let seen: Vec<_> = text.split_terminator(".\n").map(parse).collect();
    assert_eq!(seen.len(), messages.len());
    seen
}

fn parse(lines: &str) -> Seen {
    let mut seen = Seen { messages: Vec::new(), refused: None };
    for line in lines.lines() {
        let mut words = line.split(' ').map(bytes);
        let (kind, one, two) =
            (&line[..1], words.by_ref().nth(1).unwrap_or_default(), words.next().unwrap_or_default());
        match kind {
            "X" => seen.refused = Some(text(one)),
            "M" => seen.messages.push(Message { method: text(one), target: normal(&two), ..Message::default() }),
            "F" => last(&mut seen).fields.push((one.to_ascii_lowercase(), two)),
            "B" => last(&mut seen).content = one,
            _ => panic!("{line:?}"),
        }
    }
    seen
}

fn last(seen: &mut Seen) -> &mut Message {
    seen.messages.last_mut().expect("a message")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
    hexadecimal
        .as_bytes()
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | pair.get(1).map_or(0, |low| digit(*low)))
        .collect()
}
