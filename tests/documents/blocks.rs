//! Blocks of code that no example or test of a binding has: C and shell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{documents, read, root};

struct Block {
    language: String,
    /// Whether a comment above it names the file or test that it is taken from.
    is_taken: bool,
    text: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut above, mut is_open) = ("", false);
    for line in text.lines() {
        match (line.strip_prefix("```"), is_open) {
            (Some(language), false) => {
                let (language, is_taken) = (language.to_string(), above.starts_with("<!--"));
                blocks.push(Block { language, is_taken, text: String::new() });
                is_open = true;
            }
            (Some(_), true) => is_open = false,
            (None, true) => blocks.last_mut().expect("an open block").text += &format!("{line}\n"),
            (None, false) => {}
        }
        above = line;
    }
    blocks
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// In a function that has a server.
#[test]
fn each_block_of_c_compiles() {
    let folder = scratch("c");
    let texts = documents().into_iter().map(|path| fs::read_to_string(path).expect("a document"));
    let own = texts.flat_map(|text| blocks(&text)).filter(|block| block.language == "c" && !block.is_taken);
    let own: Vec<Block> = own.collect();
    assert!(!own.is_empty(), "docs/tls.md has one");
    for (number, block) in own.iter().enumerate() {
        let file = folder.join(format!("{number}.c"));
        let program = format!("#include <goaway.h>\nvoid block(goaway_server *server) {{\n{}}}\n", block.text);
        fs::write(&file, program).expect("a scratch file");
        let mut compiler = Command::new("cc");
        compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"]);
        run(compiler.arg(root().join("include")).arg(file));
    }
}

#[test]
fn each_block_for_the_shell_is_a_script() {
    let folder = scratch("sh");
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for block in blocks(&text).into_iter().filter(|block| block.language == "sh") {
            let file = folder.join("script");
            fs::write(&file, &block.text).expect("a scratch file");
            run(Command::new("sh").arg("-n").arg(file));
        }
    }
}

/// The commands of a block, each on one line with single spaces and no comment.
fn commands(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.split(" #").next().unwrap_or_default());
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty()).collect()
}

/// The project's README links a program as the binding's does, whose blocks are
/// run by tests/examples/install.rs.
#[test]
fn programs_are_linked_as_the_tests_link_them() {
    let taken = |text: &str| -> Vec<String> {
        let blocks = blocks(text).into_iter().filter(|block| block.language == "sh");
        blocks.flat_map(|block| commands(&block.text)).filter(|command| command.starts_with("cc ")).collect()
    };
    let (project, binding) = (taken(&read("README.md")), taken(&read("bindings/c/README.md")));
    assert!(project.len() == 2 && binding.len() == 3, "{project:?} {binding:?}");
    for command in project {
        assert!(binding.contains(&command), "README.md: {command}");
    }
}

/// docs/tls.md: a certificate to try it with.
#[test]
fn the_certificate_to_try_tls_with_is_made() {
    let folder = scratch("tls");
    let block = blocks(&read("docs/tls.md")).into_iter().find(|block| block.text.starts_with("openssl req "));
    let commands = commands(&block.expect("the block").text);
    assert!(commands.len() == 2 && commands[1].starts_with("curl --cacert certificate.pem "), "{commands:?}");
    run(Command::new("sh").args(["-euc", &commands[0]]).current_dir(&folder));
    assert!(folder.join("certificate.pem").exists() && folder.join("key.pem").exists());
}
