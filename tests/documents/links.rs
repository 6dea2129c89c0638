//! Links from one document to another, and to a heading; paths of files and folders.

use std::fs;
use std::path::Path;

use crate::{documents, root};

/// `[text](target)`, outside of blocks of code.
fn targets(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        let ends = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.extend(ends.map(str::to_string));
    }
    targets
}

/// As code hosts make it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn has_anchor(path: &Path, wanted: &str) -> bool {
    let text = fs::read_to_string(path).expect("a document");
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).any(|anchor| anchor == wanted)
}

#[test]
fn each_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for target in targets(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = match file {
                "" => document.clone(),
                _ => document.parent().expect("a folder").join(file),
            };
            if !file.exists() || (!heading.is_empty() && !has_anchor(&file, heading)) {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(count > 50, "only {count} links were found");
    assert!(broken.is_empty(), "links to nowhere:\n{}", broken.join("\n"));
}

/// Folders that a path in a document may begin in, beside the document's own.
const ROOTS: [&str; 5] =
    ["", "bindings/python", "bindings/python/goaway", "bindings/node", "benches/peers/src/bin/bench"];

/// The texts between backticks that are not the text of a link.
fn unlinked(line: &str) -> impl Iterator<Item = &str> {
    let parts: Vec<&str> = line.split('`').collect();
    let pairs: Vec<_> = parts.windows(2).map(|pair| (pair[0], pair[1])).skip(1).step_by(2).collect();
    pairs.into_iter().filter(|(_, after)| !after.starts_with("](")).map(|(text, _)| text)
}

/// `src/close.rs`, `tests/kit` or `lib/http2/`: a path that names a source, and no pattern.
fn is_path(text: &str) -> bool {
    const SOURCES: [&str; 10] = [".rs", ".c", ".h", ".py", ".js", ".mjs", ".ts", ".md", ".toml", ".txt"];
    const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "benches/", "bindings/", "lib/", "fuzz/"];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let is_known = SOURCES.iter().any(|end| text.ends_with(end)) || FOLDERS.iter().any(|start| text.starts_with(start));
    text.contains('/')
        && !text.contains("NAME")
        && !text.starts_with(['/', '.'])
        && text.chars().all(is_plain)
        && is_known
}

#[test]
fn each_path_exists() {
    let mut unknown = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        let own = document.parent().expect("a folder").to_path_buf();
        let folders: Vec<_> = ROOTS.iter().map(|folder| root().join(folder)).chain([own]).collect();
        for path in text.lines().flat_map(unlinked).filter(|text| is_path(text)) {
            count += 1;
            if !folders.iter().any(|folder| folder.join(path).exists()) {
                unknown.push(format!("{}: {path}", document.display()));
            }
        }
    }
    assert!(count > 100, "only {count} paths were found");
    assert!(unknown.is_empty(), "documents name files that there are not:\n{}", unknown.join("\n"));
}
