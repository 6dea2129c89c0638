//! The modules of `src` stand in layers: each uses only those that the map in
//! `src/lib.rs` names below it. Tests beside the code may look anywhere.

#[path = "layers/fields.rs"]
mod fields;

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of the map.
fn layers(lib: &str) -> Vec<String> {
    let map = lib.lines().filter_map(|line| line.strip_prefix("//!   ").or(line.strip_prefix("//! - ")));
    // What stands behind the colon describes, and may name others.
    let named = map.filter_map(|line| if line.starts_with('[') { line.split_once(": ") } else { None });
    named.flat_map(|(names, _)| names.split(", ")).map(|name| name.trim_matches(['[', ']', '`']).to_owned()).collect()
}

/// The Rust sources below a folder that are not tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a folder entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        match (path.is_dir(), name.as_str()) {
            (_, "tests" | "testing") => {}
            (true, _) => found.extend(sources(&path)),
            (false, _) => found.push(path),
        }
    }
    found
}

/// A source without its tests and comments.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect()
}

/// What a source uses of the crate, by the names of the top-level modules.
fn used(source: &str) -> Vec<String> {
    let code = code(source);
    let uses = code.lines().flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    let end = |text: &str| text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    uses.map(|text| text[..end(&text)].to_owned()).filter(|name| !name.is_empty()).collect()
}

#[test]
fn each_module_uses_only_those_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).expect("src/lib.rs");
    let layers = layers(&lib);
    let place = |name: &str| layers.iter().position(|layer| layer == name);
    let mut wrong = Vec::new();
    let declared =
        lib.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    wrong.extend(declared.filter(|name| place(name).is_none()).map(|name| format!("{name} is not in the map")));
    let mut checked = 0;
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).expect("below src");
        let module = inside.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
        let Some(own) = place(&module) else { continue };
        let source = fs::read_to_string(&path).expect("a source");
        for name in used(&source) {
            match place(&name) {
                Some(other) if other >= own => checked += 1,
                Some(_) => wrong.push(format!("{} uses {name}, which is above it", inside.display())),
                None => wrong.push(format!("{} uses {name}, which is not in the map", inside.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 100, "only {checked} uses were found: the sources are not read rightly");
}

/// They are built by hand only, with another compiler.
#[test]
fn what_is_fuzzed_has_all_that_it_uses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("fuzz/src/lib.rs")).expect("the list of what is fuzzed");
    let named: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    assert!(named.len() > 5, "only {named:?} are fuzzed");
    for name in &named {
        let (file, folder) = (root.join(format!("src/{name}.rs")), root.join("src").join(name));
        let files = if file.exists() { vec![file] } else { sources(&folder) };
        for path in files {
            for other in used(&fs::read_to_string(&path).expect("a source")) {
                assert!(
                    named.contains(&other.as_str()),
                    "{} uses {other}, which fuzz/src/lib.rs lacks",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_check_sees_what_it_is_for() {
    let lib = "//! - [`a`]: uses [`z`]\n//! - [`b`], [`c`]: two\n//!   of a kind: [`no`]\n";
    assert_eq!(layers(lib), ["a", "b", "c"]);
    let source = "use crate::b::{X, Y};\n// crate::c\nlet x = crate::d::e(crate::f::G);\n#[cfg(test)]\nmod tests {\nuse crate::h;";
    assert_eq!(used(source), ["b", "d", "f"]);
}
