//! Runs libnghttp2 in a process of its own: `tests/parsers/by_nghttp2.c`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{Decoded, Error, Field, Step};

/// Its results for each block of each conversation.
pub fn decode(conversations: &[Vec<Step>]) -> Vec<Vec<Decoded>> {
    let mut input = Vec::new();
    for steps in conversations {
        input.push(b'N');
        for step in steps {
            match step {
                Step::Limit(limit) => put(b'L', *limit, &mut input),
                Step::Block(block) => {
                    input.push(b'B');
                    put_text(block, &mut input);
                }
            }
        }
    }
    let output = ask(&input);
    let mut output = Reader(&output);
    let mut decoded = |step: &Step| matches!(step, Step::Block(_)).then(|| output.decoded());
    conversations.iter().map(|steps| steps.iter().filter_map(&mut decoded).collect()).collect()
}

/// The blocks that its encoder writes. The limit may change before each of them.
pub fn encode(conversations: &[Vec<(Option<u32>, Vec<Field>)>]) -> Vec<Vec<Vec<u8>>> {
    let mut input = Vec::new();
    for sections in conversations {
        input.push(b'N');
        for (limit, fields) in sections {
            limit.iter().for_each(|limit| put(b'l', *limit, &mut input));
            put(b'F', fields.len() as u32, &mut input);
            for (name, value, is_sensitive) in fields {
                input.push(u8::from(*is_sensitive));
                put_text(name, &mut input);
                put_text(value, &mut input);
            }
        }
    }
    let output = ask(&input);
    let mut output = Reader(&output);
    conversations.iter().map(|sections| sections.iter().map(|_| output.text().to_vec()).collect()).collect()
}

fn put(command: u8, number: u32, input: &mut Vec<u8>) {
    input.push(command);
    input.extend_from_slice(&number.to_ne_bytes());
}

fn put_text(text: &[u8], input: &mut Vec<u8>) {
    input.extend_from_slice(&(text.len() as u32).to_ne_bytes());
    input.extend_from_slice(text);
}

/// Sends all commands to the program, and returns all of its output.
fn ask(input: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a program that starts");
    let mut pipe = child.stdin.take().expect("its input");
    let output = std::thread::scope(|scope| {
        // If it ends early, the reason is on standard error.
        scope.spawn(move || pipe.write_all(input));
        child.wait_with_output().expect("its output")
    });
    assert!(output.status.success(), "by_nghttp2: {}", output.status);
    output.stdout
}

/// The program. It is compiled once per run. Another run may compile it at the same time.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (folder, source) = (root.join("build"), root.join("tests/parsers/by_nghttp2.c"));
        let (program, new) = (folder.join("by_nghttp2"), folder.join(format!("by_nghttp2.{}", std::process::id())));
        std::fs::create_dir_all(&folder).expect("a folder for what is built");
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"]).args([&new, &source]).arg("-l:libnghttp2.so.14");
        assert!(cc.status().expect("cc").success(), "it needs libnghttp2, which nghttp needs too");
        std::fs::rename(new, &program).expect("the program takes its place");
        program
    })
}

/// The rest of the program's output.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn number(&mut self) -> u32 {
        u32::from_ne_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn text(&mut self) -> &'a [u8] {
        let length = self.number();
        self.take(length as usize)
    }

    fn decoded(&mut self) -> Decoded {
        if self.take(1) == [0] {
            return Err(Error);
        }
        let count = self.number();
        let field = |output: &mut Self| {
            let is_sensitive = output.take(1) == [1];
            (output.text().to_vec(), output.text().to_vec(), is_sensitive)
        };
        Ok((0..count).map(|_| field(self)).collect())
    }
}
