//! Nothing that a C program does to the library crashes it, hangs it, or loses
//! something.
//!
//! Each program of tests/misuse is about one topic. It is compiled as a user
//! would, run, and run again under valgrind. It prints what is wrong, so that a
//! good run is a silent one: a panic that the library contains is no good run.
//!
//! GOAWAY_MISUSE_CFLAGS: flags for the compiler, such as `-fsanitize=address`
//! (then without valgrind, which does not go with it).
//! GOAWAY_LIBRARY: the library in place of the one that Cargo has built for this
//! test. `make sanitize` sets both.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(60);
const BOUND_UNDER_VALGRIND: Duration = Duration::from_secs(600);
/// What the programs multiply their own bounds by, and divide repetitions by, under valgrind.
const PATIENCE_UNDER_VALGRIND: &str = "10";
const PATIENCE_SANITIZED: &str = "3";

/// A program's two tests.
macro_rules! programs {
    ($($name:ident)*) => {
        const PROGRAMS: &[&str] = &[$(stringify!($name)),*];
        $(mod $name {
            #[test]
            fn runs() {
                super::run(stringify!($name));
            }

            #[test]
            fn runs_under_valgrind() {
                super::run_under_valgrind(stringify!($name));
            }
        })*
    };
}

programs! {
    aborts answers batches callbacks claims commands contexts delays drips effects exit fields fork forwarded health http1 ids inherited limits losses many
    messages
    null pairs places proxy pushes queue records sessions signals sockets state stuck threads tunnels unload uploads
}

fn run(name: &str) {
    if extra_flags().iter().any(|flag| flag == "-fsanitize=thread") && matches!(name, "fork" | "unload") {
        // It knows no threads in a forked child, and must be loaded before they start.
        return;
    }
    let program = compile(name, "");
    let mut command = Command::new(&program);
    let bound = match is_sanitized() {
        true => BOUND_UNDER_VALGRIND,
        false => BOUND,
    };
    if is_sanitized() {
        command.env("CHECK_PATIENCE", PATIENCE_SANITIZED);
    }
    let (status, output) = outcome(&mut command, &program, bound);
    assert_good(status, &output);
}

fn run_under_valgrind(name: &str) {
    if is_sanitized() || !has_valgrind() {
        // Not by a macro, whose text nobody would see: the test passes.
        let _ = writeln!(io::stderr(), "SKIPPED: {name} under valgrind, which is not there or not wanted");
        return;
    }
    let program = compile(name, "-valgrind");
    let mut valgrind = Command::new("valgrind");
    // In a forked child the memory of the parent's threads belongs to nobody.
    let leaks = if name == "fork" { "--leak-check=no" } else { "--leak-check=full" };
    valgrind
        .args(["-q", "--error-exitcode=9", leaks])
        .args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"])
        .env("CHECK_PATIENCE", PATIENCE_UNDER_VALGRIND)
        .arg(&program);
    let (status, output) = outcome(&mut valgrind, &program, BOUND_UNDER_VALGRIND);
    assert_good(status, &output);
}

/// Where tests are meant to be complete, a missing valgrind is a failure.
fn has_valgrind() -> bool {
    let found = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "valgrind is not installed");
    found
}

#[track_caller]
fn assert_good(status: Option<ExitStatus>, output: &str) {
    let status = status.map_or("it hung and was killed".to_string(), |status| status.to_string());
    assert!(status == "exit status: 0" && output.is_empty(), "{status}\n{output}");
}

/// Runs it to its end, or to its bound and with all that it has started. Gives
/// everything that it said.
fn outcome(command: &mut Command, program: &Path, bound: Duration) -> (Option<ExitStatus>, String) {
    let said = program.with_extension("txt");
    let file = File::create(&said).expect("a scratch file");
    let mut child = command
        .env("GOAWAY_LIBRARY", library_folder().join(soname()))
        // A backtrace of each contained panic would bury what was checked.
        .env("RUST_BACKTRACE", "0")
        // Leaks are valgrind's part: it tells those of a fork and of a library apart.
        .env("ASAN_OPTIONS", "detect_leaks=0:allocator_may_return_null=1")
        // A thread that exit() overtakes is none that leaks.
        .env("TSAN_OPTIONS", "die_after_fork=0:report_thread_leaks=0:allocator_may_return_null=1")
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a second handle"))
        .stderr(file)
        .process_group(0)
        .spawn()
        .expect("it can be run");
    let status = wait(&mut child, bound);
    let text = fs::read(&said).expect("what it said");
    // A sanitizer says it whenever malloc does not give what no system has.
    let is_meant = |line: &&str| !line.contains("Sanitizer failed to allocate");
    let text =
        String::from_utf8_lossy(&text).lines().filter(is_meant).fold(String::new(), |all, line| all + line + "\n");
    (status, text)
}

fn wait(child: &mut Child, bound: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + bound;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let group = libc::pid_t::try_from(child.id()).expect("a process id fits");
    // SAFETY: the group is the child's own, which is ours and not waited for yet.
    unsafe { libc::kill(-group, libc::SIGKILL) };
    let _ = child.wait();
    None
}

fn compile(name: &str, suffix: &str) -> PathBuf {
    compile_with(name, suffix, &[])
}

fn compile_with(name: &str, suffix: &str, flags: &[&str]) -> PathBuf {
    let program = scratch().join(format!("{name}{suffix}"));
    let library = library_folder();
    let output = Command::new("cc")
        .args(["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(flags)
        .args(extra_flags())
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join(format!("tests/misuse/{name}.c")))
        .arg("-o")
        .arg(&program)
        // Only who uses it is linked with it.
        .args(["-pthread", "-Wl,--as-needed", "-lgoaway", "-ldl", "-L"])
        .arg(library)
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .output()
        .expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

fn is_sanitized() -> bool {
    extra_flags().iter().any(|flag| flag.starts_with("-fsanitize"))
}

fn extra_flags() -> Vec<String> {
    let flags = std::env::var("GOAWAY_MISUSE_CFLAGS").unwrap_or_default();
    flags.split_whitespace().map(str::to_string).collect()
}

/// A folder that shows the library that Cargo built for this test, beside it,
/// under the names by which it is linked and loaded.
fn library_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("a test has a path");
        let given = std::env::var_os("GOAWAY_LIBRARY").map(PathBuf::from);
        let built = given.unwrap_or_else(|| test.with_file_name("libgoaway.so"));
        assert!(built.exists(), "there is no {}", built.display());
        let folder = scratch().join("lib");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a scratch folder");
        for name in ["libgoaway.so", &soname()] {
            std::os::unix::fs::symlink(&built, folder.join(name)).expect("a link");
        }
        folder
    })
}

fn soname() -> String {
    format!("libgoaway.so.{}.{}", env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"))
}

fn scratch() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("misuse");
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The header's functions: name and parameters.
fn functions() -> Vec<(String, String)> {
    let header = read("include/goaway.h");
    let (declared, _) = header.split_once("#define GOAWAY_INLINE").expect("the definitions of what is inline");
    let code: String = declared.lines().map(|line| line.split("//").next().unwrap_or("").to_string() + " ").collect();
    let declarations = code.split(';').filter_map(|declaration| {
        let (before, parameters) = declaration.split_once('(')?;
        let name = before.rsplit([' ', '*']).next()?;
        name.starts_with("goaway_").then(|| (name.to_string(), parameters.to_string()))
    });
    declarations.collect()
}

/// As a program calls them that is compiled without their definitions.
#[test]
fn records_are_read_by_what_the_library_exports() {
    let program = compile_with("records", "-linked", &["-DGOAWAY_NO_INLINE"]);
    let (status, output) = outcome(&mut Command::new(&program), &program, BOUND);
    assert_good(status, &output);
}

/// Every function whose parameters say so is called in that program.
fn assert_covered(program: &str, is_meant: impl Fn(&str) -> bool) {
    let source = read(&format!("tests/misuse/{program}.c"));
    let meant: Vec<_> = functions().into_iter().filter(|(_, parameters)| is_meant(parameters)).collect();
    assert!(!meant.is_empty(), "the header was not understood");
    let missing: Vec<_> = meant.iter().filter(|(name, _)| !source.contains(&format!("{name}("))).collect();
    assert!(missing.is_empty(), "not in {program}.c: {missing:?}");
}

#[test]
fn every_pointer_is_tried_with_null() {
    assert_covered("null", |parameters| parameters.contains('*') || parameters.contains("_cb "));
}

#[test]
fn every_limit_and_feature_is_seen_to_act() {
    let (header, program) = (read("include/goaway.h"), read("tests/misuse/effects.c"));
    let defined = header.lines().filter_map(|line| line.trim().split_once(" = "));
    let is_meant = |name: &&str| name.starts_with("GOAWAY_LIMIT_") || name.starts_with("GOAWAY_FEATURE_");
    let names: Vec<_> = defined.map(|(name, _)| name).filter(is_meant).collect();
    assert!(names.len() > 30, "the header was not understood");
    let missing: Vec<_> = names.iter().filter(|name| !program.contains(&format!("{name}] = CASE("))).collect();
    assert!(missing.is_empty(), "not in effects.c: {missing:?}");
}

#[test]
fn every_id_is_tried_with_a_wrong_one() {
    assert_covered("ids", |parameters| {
        parameters.contains("goaway_request request") || parameters.contains("goaway_session session")
    });
}

#[test]
fn everything_of_the_parents_is_tried_in_the_child() {
    assert_covered("fork", |parameters| {
        parameters.contains("goaway_server *")
            || parameters.contains("goaway_queue *")
            || parameters.contains("goaway_request request")
            || parameters.contains("goaway_session session")
    });
}

#[test]
fn every_program_is_run() {
    let folder = fs::read_dir(root().join("tests/misuse")).expect("the folder");
    let files = folder.map(|entry| entry.expect("an entry").path());
    let sources = files.filter(|path| path.extension().is_some_and(|extension| extension == "c"));
    let mut names: Vec<_> =
        sources.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, PROGRAMS);
}

/// A program may use any name that does not begin with the library's.
#[test]
fn the_header_takes_no_name_but_its_own() {
    let header = read("include/goaway.h");
    let defined = header.lines().filter_map(|line| line.strip_prefix("#define "));
    let foreign: Vec<_> = defined.filter(|name| !name.starts_with("GOAWAY_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    // `typedef struct name name;` and `} name;`
    let types = header.lines().filter_map(|line| {
        let name = line.strip_prefix("typedef struct ").or(line.strip_prefix("} "))?;
        name.strip_suffix(';')?.split(' ').next_back()
    });
    let types: Vec<_> = types.collect();
    assert!(types.len() > 20, "the header was not understood");
    let foreign: Vec<_> = types.iter().filter(|name| !name.starts_with("goaway_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}
