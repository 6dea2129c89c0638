//! `make install` gives what a C project needs: pkg-config finds it, and
//! programs link to it either way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{Program, SONAME, examples, root, run, scratch};
use crate::readme;

/// Installs below a folder of its own, as a packager does.
fn install(name: &str) -> PathBuf {
    let folder = scratch(name);
    run(&mut make("install", &folder));
    folder
}

fn make(target: &str, folder: &Path) -> Command {
    let mut command = Command::new("make");
    command.arg("--no-print-directory").arg(target).arg("PREFIX=/usr").arg(format!("DESTDIR={}", folder.display()));
    command.current_dir(root());
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
fn files_stand_where_they_belong_and_go_again() {
    let installed = install("layout");
    let version = env!("CARGO_PKG_VERSION");
    let library = installed.join("usr/lib");
    let target = |name: &str| fs::read_link(library.join(name)).expect("a link");
    assert_eq!(target("libgoaway.so"), Path::new(SONAME));
    assert_eq!(target(SONAME), PathBuf::from(format!("libgoaway.so.{version}")));
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&library.join("libgoaway.so")), 0o755);
    assert_eq!(mode(&library.join("libgoaway.a")), 0o644);
    assert_eq!(mode(&installed.join("usr/include/goaway.h")), 0o644);
    let description = fs::read_to_string(library.join("pkgconfig/goaway.pc")).expect("goaway.pc");
    assert!(description.contains(&format!("Version: {version}\n")), "{description}");
    assert!(!description.contains('@'), "something was not filled in: {description}");

    run(&mut make("uninstall", &installed));
    let left = run(Command::new("find").arg(&installed).args(["!", "-type", "d"])).stdout;
    assert!(left.is_empty(), "left behind: {}", String::from_utf8_lossy(&left));
}
