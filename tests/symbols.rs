//! The shared library exports the functions of the header, those of
//! tests/symbols.txt, and nothing else.
//!
//! symbols.txt says for each function since which version it is there. A line
//! is added with a new function and never taken away: a program that was linked
//! with an older library would no longer start.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Names = BTreeSet<String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// GOAWAY_LIBRARY, or the library that Cargo built for this test and put beside it.
fn library() -> PathBuf {
    if let Some(given) = std::env::var_os("GOAWAY_LIBRARY") {
        return PathBuf::from(given);
    }
    let test = std::env::current_exe().expect("a test has a path");
    let folders = test.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("libgoaway.so")).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no libgoaway.so beside {}", test.display()))
}

fn exported() -> Names {
    let library = library();
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output().expect("nm runs");
    assert!(output.status.success(), "nm: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are ASCII");
    // Address, kind, name.
    text.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_string).collect()
}

/// Names that are followed by their arguments, outside of comments and before
/// what is inline.
fn declared() -> Names {
    let header = fs::read_to_string(root().join("include/goaway.h")).expect("the header");
    let (declarations, _) = header.split_once("#define GOAWAY_INLINE").expect("the definitions of what is inline");
    let code: String =
        declarations.lines().map(|line| line.split("//").next().unwrap_or("").to_string() + "\n").collect();
    let before_arguments = code.split('(').filter_map(|before| {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        before[start..].starts_with("goaway_").then(|| before[start..].to_string())
    });
    before_arguments.collect()
}

/// (name, the version that brought it)
fn listed() -> Vec<(String, String)> {
    let list = fs::read_to_string(root().join("tests/symbols.txt")).expect("the list");
    let pair = |line: &str| {
        let pair = line.split_once(' ').unwrap_or_else(|| panic!("not `name version`: {line}"));
        (pair.0.to_string(), pair.1.to_string())
    };
    list.lines().map(pair).collect()
}

fn expect_same(left: &Names, left_name: &str, right: &Names, right_name: &str) {
    let only_left: Vec<_> = left.difference(right).collect();
    let only_right: Vec<_> = right.difference(left).collect();
    let same = only_left.is_empty() && only_right.is_empty();
    assert!(same, "only in {left_name}: {only_left:?}\nonly in {right_name}: {only_right:?}");
}

#[test]
fn the_library_exports_what_the_header_declares() {
    expect_same(&exported(), "the library", &declared(), "include/goaway.h");
}

#[test]
fn the_library_exports_what_the_list_says() {
    let names = listed().into_iter().map(|(name, _)| name).collect();
    expect_same(&exported(), "the library", &names, "tests/symbols.txt");
}

#[test]
fn the_list_is_in_order_and_of_versions_that_there_were() {
    let list = listed();
    let number = |version: &str| -> Vec<u64> {
        version.split('.').map(|part| part.parse().unwrap_or_else(|_| panic!("no version: {version}"))).collect()
    };
    let newest = number(env!("CARGO_PKG_VERSION"));
    for (name, since) in &list {
        let since = number(since);
        assert!(since.len() == 3 && since <= newest, "{name} is from a version that is still to come");
    }
    assert!(list.is_sorted(), "the list is not sorted, or has a name twice");
    assert!(list.windows(2).all(|pair| pair[0].0 != pair[1].0), "the list has a name twice");
}
