//! include/goaway.h is what cbindgen makes of src/ffi, and a C compiler likes it.
//! include/goaway.json says the same for programs that make bindings.
//!
//! - `interface`: what the description holds
//! - `source`: reads the sources and src/ffi/interface.toml
//! - `values`: types, and what they say of ownership and NULL
//! - `proof`: a C program that is compiled only if the description agrees with the header

#[path = "header/interface.rs"]
mod interface;
#[path = "header/proof.rs"]
mod proof;
#[path = "header/source.rs"]
mod source;
#[path = "header/values.rs"]
mod values;

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn generate() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml");
    let bindings = cbindgen::Builder::new().with_crate(root()).with_config(config).generate().expect("bindings");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let inline = std::fs::read_to_string(root().join("src/ffi/inline.h")).expect("src/ffi/inline.h");
    String::from_utf8(text).expect("the header is UTF-8") + &inline
}

/// With GOAWAY_WRITE_HEADER set it writes the file instead (`make header`).
fn expect_fresh(path: &str, generated: &str) {
    let file = root().join(path);
    if std::env::var_os("GOAWAY_WRITE_HEADER").is_some() {
        std::fs::write(&file, generated).expect("the file can be written");
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == generated, "{path} is stale: run `make header` and look at what it changes");
}

#[test]
fn the_header_is_fresh() {
    expect_fresh("include/goaway.h", &generate());
}

fn description() -> String {
    serde_json::to_string_pretty(&source::interface(root())).expect("it is JSON") + "\n"
}

#[test]
fn the_description_is_fresh() {
    expect_fresh("include/goaway.json", &description());
}

#[test]
fn the_description_agrees_with_the_header() {
    let interface = source::interface(root());
    assert!(interface.functions.len() > 100 && interface.structs.len() > 10 && interface.rules.len() > 8);
    let file = scratch("header").join("proof.c");
    std::fs::write(&file, proof::program(&interface)).expect("a scratch file");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-DGOAWAY_NO_INLINE", "-fsyntax-only", "-I"]);
    let output = compiler.arg(root().join("include")).arg(&file).output().expect("a compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A host can mix commands and calls: the comment of each command names its call.
#[test]
fn each_command_has_a_call() {
    let interface = source::interface(root());
    let kinds = interface.enums.iter().find(|item| item.name == "goaway_command_kind").expect("the kinds of commands");
    for kind in &kinds.members {
        let call = kind.doc.split('`').find(|name| name.starts_with("goaway_request_"));
        let call = call.unwrap_or_else(|| panic!("the comment of {} names no call", kind.name));
        assert!(interface.functions.iter().any(|function| function.name == call), "{}: no function {call}", kind.name);
    }
}

/// The number of a limit is its place in the table.
#[test]
fn the_table_of_limits_agrees_with_the_header() {
    let interface = source::interface(root());
    let number = interface.enums.iter().find(|item| item.name == "goaway_limit").expect("the numbers of limits");
    let numbers: Vec<_> = number.members.iter().map(|member| (&member.name, member.value)).collect();
    let table: Vec<_> = interface.limits.iter().map(|limit| (&limit.name, limit.value as u64)).collect();
    assert_eq!(numbers, table, "goaway_limit of src/ffi/limit.rs beside LIMITS of src/config.rs");
}

#[test]
fn every_standard_of_c_and_cpp_takes_the_header_twice() {
    let folder = scratch("header");
    let source = "#include \"goaway.h\"\n#include \"goaway.h\"\nint main(void) { return goaway_version() == 0; }\n";
    for (compiler, extension, standards, more) in [
        ("cc", "c", ["c99", "c11", "c17"].as_slice(), ["-Wstrict-prototypes"].as_slice()),
        ("c++", "cpp", ["c++11", "c++17"].as_slice(), ["-Wold-style-cast"].as_slice()),
    ] {
        let file = folder.join(format!("twice.{extension}"));
        std::fs::write(&file, source).expect("a scratch file");
        for (standard, inline) in
            standards.iter().flat_map(|standard| [(standard, ""), (standard, "-DGOAWAY_NO_INLINE")])
        {
            let output = Command::new(compiler)
                .arg(format!("-std={standard}"))
                .args(["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wcast-qual", "-Werror"])
                .args(more)
                .args((!inline.is_empty()).then_some(inline))
                .args(["-fsyntax-only", "-I"])
                .arg(root().join("include"))
                .arg(&file)
                .output()
                .expect("a compiler");
            assert!(output.status.success(), "{standard} {inline}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}
