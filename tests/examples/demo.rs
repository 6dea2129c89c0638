//! The demo: every route, what makes it leave, what it complains of.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::program::{Program, compile, curl, examples, root, run, scratch};

/// The demo, compiled once for all tests.
fn demo() -> Command {
    static DEMO: OnceLock<PathBuf> = OnceLock::new();
    let program = DEMO.get_or_init(|| {
        let parts = fs::read_dir(examples().join("demo")).expect("the demo's parts");
        let parts = parts.map(|entry| entry.expect("a folder entry").path());
        let mut sources: Vec<PathBuf> = parts.filter(|path| path.extension().is_some_and(|kind| kind == "c")).collect();
        sources.push(examples().join("demo.c"));
        compile("demo", &sources)
    });
    let mut command = Command::new(program);
    command.env_remove("DRAIN_MS").env_remove("GOAWAY_WORKERS");
    command
}

fn start() -> Program {
    Program::listen(demo().arg("0"))
}

/// SIGTERM; gives the report's line.
#[track_caller]
fn leave(mut program: Program) -> String {
    program.signal(libc::SIGTERM);
    let output = program.expect_success();
    let report = output.lines().last().expect("a report").to_string();
    assert!(report.starts_with('{') && report.ends_with('}'), "no report: {output}");
    report
}

#[track_caller]
fn expect_in_report(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "no {part} in {report}");
    }
}

#[test]
fn pages() {
    let program = start();
    let hello = program.curl(&["--include"], "/");
    let has = |field: &str| hello.contains(&format!("\r\n{field}\r\n"));
    assert!(hello.starts_with("HTTP/2 200 ") && hello.ends_with("\r\n\r\nHello, World!"), "{hello}");
    assert!(has("content-type: text/plain") && has("content-length: 13"), "{hello}");
    assert_eq!(program.curl(&["--include"], "/trailers").split("\r\n\r\n").nth(1), Some("okx-checksum: 1\r\n"));
    let fields = ["--user-agent", "me", "--header", "b: 1", "--header", "a: 2"];
    assert_eq!(program.curl(&fields, "/headers"), "user-agent: me\naccept: */*\nb: 1\na: 2\n");
    let early = program.curl(&["--include"], "/early");
    assert!(early.starts_with("HTTP/2 103 \r\nlink: <") && early.ends_with("\r\n\r\nearly"), "{early}");
    assert_eq!(program.get("/users/42"), "42");
    assert_eq!(program.get("/users/a%2Fb"), "a/b");
    assert_eq!(program.status(&[], "/panic"), "500");
    assert_eq!(program.status(&[], "/nowhere"), "404");
    assert_eq!(program.get("/"), "Hello, World!", "it lives");
    leave(program);
}

#[test]
fn answers_that_come_later() {
    let program = start();
    let start = Instant::now();
    assert_eq!(program.get("/slow"), "slow");
    assert!(start.elapsed() >= Duration::from_secs(1));
    let start = Instant::now();
    assert_eq!(program.get("/stream"), "x".repeat(20 * 1024));
    assert!(start.elapsed() >= Duration::from_millis(1900));
    let start = Instant::now();
    assert_eq!(program.get("/count/3"), "x".repeat(3 * 1024));
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(program.get("/count/0"), "");
    assert_eq!(program.status(&[], "/count/-1"), "400");
    assert_eq!(program.get("/stuck?ms=10"), "stuck");
    assert_eq!(program.status(&[], "/stuck?ms=60001"), "400");
    leave(program);
}

#[test]
fn answers_that_flow() {
    let program = start();
    let big = program.get("/big");
    assert!(big.len() == 8 * 1024 * 1024 && big.bytes().all(|byte| byte == b'x'), "{} bytes", big.len());
    let file = scratch("demo-upload").join("file");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 253) as u8).collect();
    fs::write(&file, &bytes).expect("a scratch file");
    for options in [["--upload-file"].as_slice(), &["--limit-rate", "4M", "--upload-file"]] {
        let output = run(curl().args(options).arg(&file).arg(program.url("/echo")));
        assert!(output.stdout == bytes, "not what was sent: {} bytes", output.stdout.len());
    }
    let empty = program.curl(&["--include", "--request", "POST"], "/echo");
    assert!(empty.starts_with("HTTP/2 200 ") && empty.ends_with("\r\n\r\n"), "{empty}");
    let expecting = ["--request", "PUT", "--header", "expect: 100-continue", "--data", "abc"];
    assert_eq!(program.curl(&expecting, "/echo"), "abc");
    leave(program);
}

#[test]
fn control() {
    let program = start();
    let sessions = program.get("/sessions");
    for key in ["id", "peer", "state", "age_ms", "open_streams", "bytes_in", "bytes_out", "requests", "protocol"] {
        assert!(sessions.contains(&format!("\"{key}\":")), "no {key} in {sessions}");
    }
    let events = program.get("/events");
    assert!(events.starts_with("[\"opened ") && events.contains(" by_peer\""), "{events}");
    let post = ["--request", "POST"];
    for (path, status) in [
        ("/sessions/12345/close?drain_ms=1", "404"),
        ("/sessions/12345/abort?code=11&debug=a%20b", "404"),
        ("/sessions/x/close?drain_ms=1", "400"),
        ("/sessions/12345/close?drain_ms=", "400"),
        ("/sessions/12345/close?drain_ms=1x", "400"),
        ("/sessions/12345/abort?code=4294967296", "400"),
        ("/sessions/12345/abort?debug=%2", "400"),
        ("/sessions/12345/abort?debug=%zz", "400"),
        ("/close?drain_ms=-1", "400"),
    ] {
        assert_eq!(program.status(&post, path), status, "{path}");
    }
    leave(program);
}

#[test]
fn a_handler_closes_the_server() {
    let mut program = start();
    assert_eq!(program.status(&["--request", "POST"], "/close?drain_ms=2000"), "202");
    let output = program.expect_success();
    expect_in_report(&output, &["\"sessions_forced\":0,", "\"streams_reset\":0,"]);
}

/// Waits until the demo has `count` requests open, beside the one that asks.
fn wait_for_streams(program: &Program, count: usize) {
    let deadline = Instant::now() + crate::program::PATIENCE;
    while program.get("/sessions").matches("\"open_streams\":1").count() < count + 1 {
        assert!(Instant::now() < deadline, "the requests do not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn sigterm_lets_a_request_finish_and_sigint_forces() {
    let mut program = start();
    let mut slow = curl();
    let slow = slow.arg(program.url("/count/10")).stdout(Stdio::piped()).spawn().expect("curl runs");
    let mut told = curl();
    let told = told.arg(program.url("/drain")).stdout(Stdio::piped()).spawn().expect("curl runs");
    let hanging = curl().arg(program.url("/hang")).stderr(Stdio::null()).spawn().expect("curl runs");
    wait_for_streams(&program, 3);
    program.signal(libc::SIGTERM);
    let slow = slow.wait_with_output().expect("curl ends");
    assert!(slow.status.success() && slow.stdout.len() == 10 * 1024, "{} bytes", slow.stdout.len());
    let told = told.wait_with_output().expect("curl ends");
    let left_ms: u64 = String::from_utf8_lossy(&told.stdout).parse().expect("a number");
    assert!((4000..=5000).contains(&left_ms), "{left_ms} ms left");
    let start = Instant::now();
    program.signal(libc::SIGINT);
    let report = program.expect_success();
    assert!(start.elapsed() < Duration::from_secs(3), "forcing took {:?}", start.elapsed());
    let hanging = hanging.wait_with_output().expect("curl ends");
    assert!(!hanging.status.success(), "a cut answer looks whole");
    expect_in_report(&report, &["\"sessions_forced\":1,", "\"sessions_stuck\":0,"]);
}

#[test]
fn the_report_has_its_keys_in_order() {
    let report = leave(start());
    let keys: Vec<&str> = report.split('"').skip(1).step_by(2).collect();
    let expected = [
        "sessions_graceful",
        "sessions_by_peer",
        "sessions_in_handshake",
        "sessions_forced",
        "sessions_stuck",
        "streams_completed",
        "streams_reset",
        "streams_refused",
        "bytes_unsent",
        "elapsed_ms",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn complaints() {
    let program = start();
    let port = program.port().to_string();
    let complain = |command: &mut Command, text: &str| {
        let output = command.output().expect("the demo runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {complaint}");
        assert!(complaint.contains(text), "{command:?} does not say {text:?}: {complaint}");
    };
    for bad in ["x", "-1", "65536", "", "80 "] {
        complain(demo().arg(bad), "the port");
    }
    complain(demo().arg("0").env("DRAIN_MS", "soon"), "DRAIN_MS");
    complain(demo().arg("0").env("GOAWAY_WORKERS", "many"), "GOAWAY_WORKERS");
    complain(demo().arg(port), "in use");
    leave(program);
}

/// Every kind of end under valgrind: no leak, no wrong access.
#[test]
fn nothing_leaks() {
    let program = demo();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    valgrind.arg(program.get_program()).arg("0").env("DRAIN_MS", "500");
    let program = Program::listen(&mut valgrind);
    let given_up = |path: &str| {
        let output = curl().args(["--limit-rate", "100k", "--max-time", "1"]).arg(program.url(path)).output();
        assert_eq!(output.expect("curl runs").status.code(), Some(28), "curl gives up on {path}");
    };
    for path in ["/big", "/hang", "/stream"] {
        given_up(path);
    }
    for path in ["/", "/trailers", "/headers", "/early", "/users/1", "/panic", "/slow", "/count/2"] {
        program.get(path);
    }
    assert_eq!(program.get("/big").len(), 8 * 1024 * 1024);
    assert_eq!(program.curl(&["--data", "abc"], "/echo"), "abc");
    program.get("/sessions");
    program.get("/events");
    let mut cut = curl().arg(program.url("/hang")).stderr(Stdio::null()).spawn().expect("curl runs");
    wait_for_streams(&program, 1);
    leave(program);
    assert!(!cut.wait().expect("curl ends").success());
}

#[test]
fn run_demo_becomes_the_demo() {
    let run_demo = || Command::new(root().join("bindings/run-demo"));
    let unknown = run_demo().args(["cobol", "0"]).output().expect("run-demo runs");
    assert!(!unknown.status.success());
    let complaint = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(complaint.contains("\"cobol\"") && complaint.contains("there are: c, python"), "{complaint}");
    let programs = std::env::var_os("GOAWAY_C_PROGRAMS").map_or_else(|| root().join("build/c"), PathBuf::from);
    let built = programs.join("demo").exists();
    let mut command = run_demo();
    command.args(["c", "0"]).current_dir("/");
    if built {
        // The process that was started is the demo: a signal to it is one to the demo.
        leave(Program::listen(&mut command));
    } else {
        let output = command.output().expect("run-demo runs");
        assert!(String::from_utf8_lossy(&output.stderr).contains("make build"), "{output:?}");
    }
}
