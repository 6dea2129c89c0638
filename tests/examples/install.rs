//! `make install` gives what a C project needs: pkg-config finds it, and
//! programs link to it either way. It installs what `make build` made, without
//! cargo, debug information or the folders of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{Program, SONAME, examples, root, run, scratch};
use crate::readme;

const PREFIX: &str = "/usr";

/// Installs below a folder of its own, as a packager does.
fn install(name: &str) -> PathBuf {
    let folder = scratch(name);
    run(&mut make("install", &folder, PREFIX));
    folder
}

/// As root has it: without cargo.
fn make(target: &str, folder: &Path, prefix: &str) -> Command {
    let mut command = Command::new("make");
    command.arg("--no-print-directory").arg(target).arg(format!("PREFIX={prefix}"));
    command.arg(format!("DESTDIR={}", folder.display())).arg("CARGO=/nowhere/cargo").current_dir(root());
    // A `make` around this test passes on its own flags.
    command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    command
}

/// Runs the README's commands of that name as they stand there, in a folder
/// with hello.c.
fn build_hello(installed: &Path, commands: &str) -> PathBuf {
    let folder = scratch(&format!("{}-hello", commands.replace(' ', "-")));
    fs::copy(examples().join("hello.c"), folder.join("hello.c")).expect("hello.c");
    let mut shell = Command::new("sh");
    shell.args(["-euc", &readme::block(commands)]).current_dir(&folder);
    // What is below a folder is found there; a real install needs none of this.
    shell.env("PKG_CONFIG_PATH", installed.join("usr/lib/pkgconfig")).env("PKG_CONFIG_SYSROOT_DIR", installed);
    shell.env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1").env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1");
    run(&mut shell);
    folder.join("hello")
}

#[track_caller]
fn expect_hello(command: &mut Command) {
    let program = Program::listen(command.arg("127.0.0.1:0"));
    assert_eq!(program.get("/"), "hello\n");
    program.leave();
}

/// What the loader has to find for a program.
fn needed(program: &Path) -> String {
    let output = run(Command::new("readelf").arg("-d").arg(program));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn hello_links_dynamically_and_statically() {
    let installed = install("installed");
    let libraries = installed.join("usr/lib");

    let dynamic = build_hello(&installed, "dynamic");
    assert!(needed(&dynamic).contains(&format!("[{SONAME}]")), "not linked to {SONAME}: {}", needed(&dynamic));
    expect_hello(Command::new(&dynamic).env("LD_LIBRARY_PATH", &libraries));

    for way in ["static", "all static"] {
        let program = build_hello(&installed, way);
        assert!(!needed(&program).contains("goaway"), "{way}: linked dynamically");
        expect_hello(&mut Command::new(&program));
    }
}

#[test]
fn files_are_where_they_belong_and_are_removed_again() {
    let installed = install("layout");
    expect_files(&installed, PREFIX);
    let library = installed.join("usr/lib");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&library.join("libgoaway.so")), 0o755);
    assert_eq!(mode(&library.join("libgoaway.a")), 0o644);
    assert_eq!(mode(&installed.join("usr/include/goaway.h")), 0o644);
    assert_eq!(mode(&installed.join("usr/share/goaway/goaway.json")), 0o644);
    expect_uninstalled(&installed, PREFIX);
}

/// And with characters that a shell, sed or pkg-config could take for something else.
#[test]
fn folders_may_have_any_name() {
    let folder = scratch("a folder's \"name\"");
    let prefix = "/opt/with space/a&b|c";
    run(&mut make("install", &folder, prefix));
    expect_files(&folder, prefix);
    let mut command = Command::new("pkg-config");
    command.args(["--cflags", "--libs", "goaway"]);
    command.env("PKG_CONFIG_PATH", folder.join(&prefix[1..]).join("lib/pkgconfig"));
    // The flags as a shell reads them.
    let flags = run(&mut command).stdout;
    let script = format!("printf '%s\\n' {}", String::from_utf8_lossy(&flags));
    let words = run(Command::new("sh").args(["-euc", &script])).stdout;
    let expected = format!("-I{prefix}/include\n-L{prefix}/lib\n-lgoaway\n");
    assert_eq!(String::from_utf8_lossy(&words), expected);
    expect_uninstalled(&folder, prefix);
}

#[track_caller]
fn expect_files(folder: &Path, prefix: &str) {
    let version = env!("CARGO_PKG_VERSION");
    let installed = folder.join(&prefix[1..]);
    let library = installed.join("lib");
    let target = |name: &str| fs::read_link(library.join(name)).expect("a link");
    assert_eq!(target("libgoaway.so"), Path::new(SONAME));
    assert_eq!(target(SONAME), PathBuf::from(format!("libgoaway.so.{version}")));
    for name in ["lib/libgoaway.so", "lib/libgoaway.a", "include/goaway.h", "share/goaway/goaway.json"] {
        assert!(installed.join(name).is_file(), "no {name}");
    }
    let description = fs::read_to_string(library.join("pkgconfig/goaway.pc")).expect("goaway.pc");
    let interface = format!("interface={prefix}/share/goaway/goaway.json\n");
    for line in
        [format!("prefix={prefix}\n"), format!("libdir={prefix}/lib\n"), format!("Version: {version}\n"), interface]
    {
        assert!(description.contains(&line), "no {line}in {description}");
    }
    assert!(!description.contains('@'), "something was not filled in: {description}");
}

#[track_caller]
fn expect_uninstalled(folder: &Path, prefix: &str) {
    run(&mut make("uninstall", folder, prefix));
    let left = run(Command::new("find").arg(folder).args(["!", "-type", "d"])).stdout;
    assert!(left.is_empty(), "left behind: {}", String::from_utf8_lossy(&left));
}

#[test]
fn without_a_build_it_says_what_to_do() {
    let folder = scratch("not-built");
    for name in ["Makefile", "Cargo.toml", "goaway.pc.in"] {
        fs::copy(root().join(name), folder.join(name)).expect("a copy");
    }
    let output = make("install", &folder.join("installed"), PREFIX).current_dir(&folder).output().expect("make runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("libgoaway.so is not there; run `make build` first"), "{said}");
    assert!(!folder.join("installed").exists(), "something was installed");
}

#[test]
fn libraries_have_no_debug_information_and_no_folders_of_this_machine() {
    let installed = install("stripped").join("usr/lib");
    for name in ["libgoaway.so", "libgoaway.a"] {
        let file = installed.join(name);
        let sections = run(Command::new("readelf").args(["--wide", "--section-headers"]).arg(&file)).stdout;
        let sections = String::from_utf8_lossy(&sections);
        assert!(!sections.contains(" .debug_"), "{name} has debug information");
        assert!(name.ends_with(".a") || !sections.contains(" .symtab"), "{name} has local symbols");
        let bytes = fs::read(&file).expect("a library");
        for folder in folders_of_this_machine() {
            let found = bytes.windows(folder.len()).position(|window| window == folder.as_bytes());
            let context = found.map(|at| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 120)]).into_owned());
            assert_eq!(context, None, "{name} names {folder}");
        }
    }
}

/// A developer's build, whose profile the environment changes, keeps the folders
/// of the crates (the Makefile says why).
fn folders_of_this_machine() -> Vec<String> {
    let mut folders = vec![format!("{}/", root().display())];
    if std::env::var_os("CARGO_PROFILE_RELEASE_LTO").is_some() {
        return folders;
    }
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
    let cargo = std::env::var("CARGO_HOME").ok().or_else(|| Some(format!("{}/.cargo", home.as_ref()?)));
    folders.extend([home, cargo].into_iter().flatten().map(|folder| format!("{folder}/")));
    folders
}

/// Functions that are only newer by name: packaging/glibc-stubs links to their
/// old versions. Others may be newer on a newer system; wheels say what they need.
#[test]
fn the_library_asks_for_the_old_versions_of_what_glibc_moved() {
    let library = install("versions").join("usr/lib/libgoaway.so");
    let output = run(Command::new("nm").args(["-D", "--undefined-only"]).arg(&library)).stdout;
    let text = String::from_utf8_lossy(&output);
    let needed: Vec<(&str, Vec<u32>)> = text.lines().filter_map(versioned).collect();
    assert!(needed.iter().any(|(name, _)| *name == "pthread_create"), "it starts threads: {text}");
    let moved = ["pthread_", "sem_", "dl", "stat", "fstat", "lstat", "gettid"];
    for (name, version) in &needed {
        let is_moved = moved.iter().any(|start| name.starts_with(start)) && *name != "statx";
        assert!(!is_moved || *version <= vec![2, 28], "{name} of glibc {version:?}");
    }
}

/// The name and the version of glibc in a line of nm: `U pthread_create@GLIBC_2.2.5`.
fn versioned(line: &str) -> Option<(&str, Vec<u32>)> {
    let (name, version) = line.split_whitespace().last()?.split_once("@GLIBC_")?;
    Some((name, version.split('.').map(|part| part.parse().expect("a number")).collect()))
}
