//! The README of the C binding shows its examples and nothing else: the block
//! below `<!-- examples/late.c late -->` is the region `late` of that file, the
//! one below `<!-- examples/hello.c -->` all of it. A region stands between
//! lines `// [name]`; the parts of one name are put together.
//!
//! With GOAWAY_WRITE_README set the blocks are written from the files (`make readme`).

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use crate::program::{examples, root};

/// A fenced block: the comment above it, if any, and its text.
struct Block {
    language: String,
    source: Option<String>,
    text: String,
    /// The lines of the README that are its text.
    lines: Range<usize>,
}

fn path() -> PathBuf {
    root().join("bindings/c/README.md")
}

fn readme() -> String {
    fs::read_to_string(path()).expect("the binding's README")
}

fn blocks(readme: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    let mut above = "";
    for (number, line) in readme.lines().enumerate() {
        match (line.strip_prefix("```"), blocks.last_mut().filter(|_| open)) {
            (Some(_), Some(block)) => {
                block.lines.end = number;
                open = false;
            }
            (Some(language), None) => {
                let source = above.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                let (language, source) = (language.to_string(), source.map(str::to_string));
                blocks.push(Block { language, source, text: String::new(), lines: number + 1..number + 1 });
                open = true;
            }
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
        above = line;
    }
    blocks
}

/// The text of the block below this comment.
pub fn block(source: &str) -> String {
    let found = blocks(&readme()).into_iter().find(|block| block.source.as_deref() == Some(source));
    found.unwrap_or_else(|| panic!("no block of {source:?}")).text
}

/// What a block of C must show.
fn expected(block: &Block) -> String {
    let line = block.lines.start;
    let source = block.source.as_deref().unwrap_or_else(|| panic!("line {line}: a block without its source"));
    let (path, name) = source.split_once(' ').map_or((source, None), |(path, name)| (path, Some(name)));
    let file = fs::read_to_string(root().join("bindings/c").join(path));
    let file = file.unwrap_or_else(|error| panic!("line {line}: {path}: {error}"));
    let Some(name) = name else { return file };
    let marker = format!("// [{name}]\n");
    let parts = file.split(marker.as_str()).skip(1).step_by(2);
    let parts: Vec<&str> = parts.map(|part| part.trim_matches('\n')).collect();
    assert!(!parts.is_empty(), "line {line}: no {marker} in {path}");
    parts.join("\n\n") + "\n"
}

#[test]
fn every_block_of_c_is_in_an_example() {
    let readme = readme();
    let blocks: Vec<Block> = blocks(&readme).into_iter().filter(|block| block.language == "c").collect();
    if std::env::var_os("GOAWAY_WRITE_README").is_some() {
        let mut lines: Vec<String> = readme.lines().map(|line| line.to_string() + "\n").collect();
        for block in blocks.iter().rev() {
            lines.splice(block.lines.clone(), [expected(block)]);
        }
        fs::write(path(), lines.concat()).expect("the README can be written");
        return;
    }
    assert!(blocks.len() >= 10, "the README shows too little: {} blocks", blocks.len());
    for block in blocks {
        let expected = expected(&block);
        let is_fresh = block.text == expected;
        assert!(is_fresh, "line {}: run `make readme`; its source says\n{expected}", block.lines.start);
    }
}

#[test]
fn every_example_is_in_the_readme_and_small() {
    let shown: BTreeSet<String> = blocks(&readme())
        .into_iter()
        .filter_map(|block| Some(block.source?.split_whitespace().next()?.to_string()))
        .collect();
    for entry in fs::read_dir(examples()).expect("the examples") {
        let path = entry.expect("a folder entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_string();
        if !name.ends_with(".c") || name == "demo.c" {
            continue;
        }
        let lines = fs::read_to_string(&path).expect("an example").lines().count();
        let most = match name.as_str() {
            "hello.c" => 24,
            // They have a loop of their own.
            "queue.c" | "large.c" => 65,
            // It is what the tests of TLS talk to.
            "tls.c" => 85,
            _ => 59,
        };
        assert!(lines <= most, "{name} has {lines} lines, {most} are allowed");
        assert!(shown.contains(&format!("examples/{name}")), "{name} is not in the README");
    }
}

/// The project's README greets with the same file.
#[test]
fn the_hello_of_the_projects_readme_is_the_example() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let hello = blocks(&readme).into_iter().find(|block| block.language == "c").expect("a block of C");
    let source = hello.source.expect("the comment that names its file");
    let file = fs::read_to_string(root().join(&source)).unwrap_or_else(|error| panic!("{source}: {error}"));
    assert_eq!(hello.text, file, "README.md and {source} differ");
}
