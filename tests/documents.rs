//! What the documents say is what there is.
//!
//! - `limits`: docs/limits.md has each limit and feature of the header, with its default and range
//! - `names`: every C name, cause, test and make target that a document names exists
//! - `links`: every link between documents leads somewhere, and every path that one names
//! - `changelog`: CHANGELOG.md has the sections of Keep a Changelog, and no entry twice
//! - `figures`: figures that stand in two documents are the same
//! - `blocks`: blocks of C compile, those for the shell are scripts
//!
//! The bindings compare their own lists with the header in their own tests.

#[path = "documents/blocks.rs"]
mod blocks;
#[path = "documents/changelog.rs"]
mod changelog;
#[path = "documents/figures.rs"]
mod figures;
#[path = "documents/limits.rs"]
mod limits;
#[path = "documents/links.rs"]
mod links;
#[path = "documents/names.rs"]
mod names;

use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document, by its path below the root.
pub fn documents() -> Vec<PathBuf> {
    let beside_code =
        ["benches", "benches/node", "bindings/c", "bindings/python", "bindings/node", "tests/applications"];
    let files = ["", "docs", "docs/contributing"]
        .iter()
        .chain(&beside_code)
        .flat_map(|folder| fs::read_dir(root().join(folder)).expect("a folder"));
    let paths = files.map(|entry| entry.expect("a folder entry").path());
    let mut documents: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
    documents.sort();
    assert!(documents.len() > 10, "only {documents:?}");
    documents
}

/// The names of a C enum, without their common start, and the comment above each.
pub fn members(start: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    let mut comment = String::new();
    for line in read("include/goaway.h").lines() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("//") {
            comment = comment + text.trim() + " ";
        } else {
            if let Some((name, _)) = line.strip_prefix(start).and_then(|rest| rest.split_once(" = ")) {
                members.push((name.to_string(), comment.clone()));
            }
            comment.clear();
        }
    }
    assert!(!members.is_empty(), "no names with {start}");
    members
}

/// The texts between backticks in a line.
pub fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The cells of a row of a table.
pub fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}
