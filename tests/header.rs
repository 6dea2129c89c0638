//! include/goaway.h is what cbindgen makes of src/ffi, and a C compiler likes it.

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

/// With GOAWAY_WRITE_HEADER set it writes the header instead (`make header`).
#[test]
fn the_header_is_fresh() {
    let path = root().join("include/goaway.h");
    let generated = generate();
    if std::env::var_os("GOAWAY_WRITE_HEADER").is_some() {
        std::fs::write(&path, generated).expect("the header can be written");
        return;
    }
    let committed = std::fs::read_to_string(&path).expect("include/goaway.h");
    assert!(committed == generated, "include/goaway.h is stale: run `make header` and look at what it changes");
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
