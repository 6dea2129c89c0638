//! Names that documents mention.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{cells, documents, members, quoted, read, root};

/// Words of letters, digits and underscores.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Variables of the environment and macros that are not the header's.
fn others() -> BTreeSet<String> {
    let mut others = BTreeSet::new();
    let sources = [
        "Makefile",
        "bindings/run-demo",
        "tests/rolling.rs",
        "tests/header.rs",
        "tests/misuse.rs",
        "bindings/c/examples/demo.c",
        "bindings/node/register.js",
        "bindings/node/tests/differential.test.js",
        "src/h1/tests/differential.rs",
        "src/h2/hpack/tests/differential.rs",
    ];
    let texts = sources.iter().map(|path| read(path));
    let mut files = Vec::new();
    for package in ["bindings/python/goaway", "bindings/node/lib"] {
        files_below(&root().join(package), &mut files);
    }
    let code = files.iter().map(|path| fs::read_to_string(path).unwrap_or_default());
    for text in texts.chain(code) {
        let named = words(&text).filter(|word| word.starts_with("GOAWAY_") || word.starts_with("goaway_"));
        others.extend(named.map(str::to_string));
    }
    others
}

/// Every file below a folder.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// The text without what stands before the arrows of the changelog's section
/// "Renamed": names that there were once.
fn without_former_names(text: &str) -> String {
    let mut is_renamed = false;
    let lines = text.lines().map(|line| {
        is_renamed = if line.starts_with('#') { line == "#### Renamed" } else { is_renamed };
        match line.split_once(" → ") {
            Some((_, new)) if is_renamed => new,
            _ => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `goaway_server_listen` and `GOAWAY_ERR_GONE`; `goaway_server_` is the start of several.
#[test]
fn each_c_name_is_in_the_header() {
    let header = read("include/goaway.h");
    let known: BTreeSet<&str> = words(&header).collect();
    let others = others();
    let mut unknown = Vec::new();
    for path in documents() {
        let text = without_former_names(&fs::read_to_string(&path).expect("a document"));
        for word in words(&text).filter(|word| word.starts_with("goaway_") || word.starts_with("GOAWAY_")) {
            let is_start = word.ends_with('_') && known.iter().any(|name| name.starts_with(word));
            if !is_start && !known.contains(word) && !others.contains(word) {
                unknown.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "documents name what there is not:\n{}", unknown.join("\n"));
}

/// The table of docs/close.md has each cause once, and nothing else.
#[test]
fn each_cause_is_in_the_table() {
    let document = read("docs/close.md");
    let (_, table) = document.split_once("| `GOAWAY_CAUSE_` |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut named: Vec<&str> = rows.flat_map(|row| quoted(cells(row)[0]).collect::<Vec<_>>()).collect();
    named.sort_unstable();
    let causes = members("GOAWAY_CAUSE_").into_iter().map(|(name, _)| name);
    let mut causes: Vec<String> = causes.filter(|name| name != "NONE").collect();
    causes.sort();
    assert_eq!(named, causes, "docs/close.md beside include/goaway.h");
}

/// The document of the guarantees names each test of the close suite, and no other.
#[test]
fn each_guarantee_has_its_test() {
    let is_test = |name: &&str| name.starts_with("scenario_") || name.starts_with("invariant_");
    let document = read("docs/close.md");
    let named: BTreeSet<&str> = document.lines().flat_map(quoted).filter(is_test).collect();
    let folders = ["tests/close", "src/connection/tests/http2"].map(|folder| fs::read_dir(root().join(folder)));
    let files = folders.into_iter().flat_map(|folder| folder.expect("a folder of tests"));
    let sources: Vec<String> =
        files.map(|file| fs::read_to_string(file.expect("a folder entry").path()).expect("a source")).collect();
    let functions = sources.iter().flat_map(|source| source.lines());
    let names = functions.filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "));
    let tests: BTreeSet<&str> = names.filter_map(|line| line.split('(').next()).filter(is_test).collect();
    let missing: Vec<_> = named.symmetric_difference(&tests).collect();
    assert!(missing.is_empty(), "only in docs/close.md or only in the suite: {missing:?}");
}

/// The options of an address: as the library reads them, as the header and as
/// docs/sockets.md describe them.
#[test]
fn each_option_of_an_address_is_described() {
    let between = |text: &str, start: &str, end: &str| {
        let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start:?}"));
        rest.split_once(end).unwrap_or_else(|| panic!("no {end:?}")).0.to_string()
    };
    let options = |text: &str| -> BTreeSet<String> {
        let parts: Vec<&str> = text.split('=').collect();
        let ends = parts[..parts.len() - 1].iter().filter_map(|before| {
            let start = before.rfind(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_')? + 1;
            (!before[start..].is_empty()).then(|| before[start..].to_string())
        });
        ends.collect()
    };
    let code = between(&read("src/address.rs"), "fn concerns(", "\n}\n");
    let arms = code.lines().filter_map(|line| line.split_once("=>"));
    let known: BTreeSet<String> = arms
        .flat_map(|(names, _)| names.split('"').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>())
        .collect();
    let header = between(&read("include/goaway.h"), "Options follow a", "The options backlog, reuseport");
    assert_eq!(options(&header), known, "include/goaway.h beside src/address.rs");
    let document = between(&read("docs/sockets.md"), "| option | for |", "\n\n");
    let rows = document.lines().skip(2).map(|row| cells(row)[0].to_string() + " ");
    assert_eq!(options(&rows.collect::<String>()), known, "docs/sockets.md beside src/address.rs");
}

/// `make test` in a text and in a block for the shell.
#[test]
fn each_make_target_exists() {
    let makefile = read("Makefile");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.strip_prefix(".PHONY: ")).flat_map(str::split_whitespace).collect();
    let mut unknown = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).expect("a document");
        let in_text = text.lines().flat_map(quoted).filter_map(|code| code.strip_prefix("make "));
        let in_blocks = text.lines().filter_map(|line| line.strip_prefix("make "));
        for rest in in_text.chain(in_blocks) {
            let target = rest.split_whitespace().find(|word| !word.contains('=')).unwrap_or("");
            if !targets.contains(target) {
                unknown.push(format!("{}: make {rest}", path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "documents name targets that there are not:\n{}", unknown.join("\n"));
}

/// CONTRIBUTING.md describes each target that `make` lists, but the list itself.
#[test]
fn each_make_target_is_described() {
    let makefile = read("Makefile");
    let listed = makefile
        .lines()
        .filter(|line| line.contains(": ") && line.contains("## ") && !line.starts_with(['\t', '#', '@']));
    let targets = listed.filter_map(|line| line.split(':').next()).filter(|name| *name != "help");
    let document = read("CONTRIBUTING.md");
    let described: BTreeSet<&str> = document
        .lines()
        .filter(|line| line.starts_with("| `make "))
        .flat_map(|row| quoted(cells(row)[0]).collect::<Vec<_>>())
        .filter_map(|code| code.strip_prefix("make "))
        .collect();
    let missing: Vec<&str> = targets.filter(|name| !described.contains(name)).collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md lacks: {missing:?}");
}

/// docs/architecture.md names each module of the library among its layers.
#[test]
fn each_module_is_in_the_architecture() {
    let document = read("docs/architecture.md");
    let (_, layers) = document.split_once("## Layers\n").expect("the section");
    let (layers, _) = layers.split_once("\n## ").expect("a section after it");
    let named: BTreeSet<&str> =
        layers.lines().flat_map(quoted).map(|name| name.strip_prefix("src/").unwrap_or(name)).collect();
    let source = read("src/lib.rs");
    let declared =
        source.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let missing: Vec<&str> = declared.filter(|name| *name != "testing" && !named.contains(name)).collect();
    assert!(missing.is_empty(), "docs/architecture.md lacks the modules {missing:?}");
}
