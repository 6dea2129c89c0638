//! Each example, called as its first lines say.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{PATIENCE, Program, compile, curl, examples, run, scratch};
use crate::readme;

/// A file of `len` bytes for curl to send.
fn upload(name: &str, len: usize) -> String {
    let path = scratch(&format!("{name}-upload")).join("file");
    let bytes: Vec<u8> = (0..len).map(|index| (index * 7 % 251) as u8).collect();
    std::fs::write(&path, bytes).expect("a scratch file");
    path.display().to_string()
}

#[test]
fn hello() {
    let program = Program::start("hello");
    program.expect_complaint(&format!("listening on 127.0.0.1:{}; Enter closes\n", program.port()));
    assert_eq!(program.get("/"), "hello\n");
    let head = program.curl(&["--head"], "/");
    assert!(head.contains("content-type: text/plain\r\n") && head.contains("content-length: 6\r\n"), "{head}");
    let address = format!("127.0.0.1:{}", program.port());
    let output = Command::new(compile("hello-again", &[examples().join("hello.c")])).arg(&address).output();
    let output = output.expect("hello runs");
    assert_eq!(output.status.code(), Some(1), "two on one port");
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use"), "{output:?}");
    program.leave();
}

#[test]
fn request() {
    let program = Program::start("request");
    let text = program.curl(&["--user-agent", "me"], "/users/a%20b?full=1");
    assert_eq!(text, "user a b, query \"full=1\", asked by me\n");
    assert_eq!(program.curl(&["--header", "user-agent:"], "/users/7"), "user 7, query \"\", asked by nobody\n");
    let head = program.curl(&["--head"], "/users/7");
    assert_eq!(head.matches("set-cookie: ").count(), 2, "{head}");
    assert_eq!(program.status(&[], &format!("/users/{}", "x".repeat(300))), "414");
    program.leave();
}

#[test]
fn late() {
    let program = Program::start("late");
    let start = Instant::now();
    assert_eq!(program.get("/"), "late\n");
    assert!(start.elapsed() >= Duration::from_secs(1));
    let given_up = curl().args(["--max-time", "0.7"]).arg(program.url("/")).output().expect("curl runs");
    assert_eq!(given_up.status.code(), Some(28), "curl gives up");
    program.expect_complaint("no response was sent: GOAWAY_ERR_CANCELLED");
    program.leave();
}

#[test]
fn stream() {
    let program = Program::start("stream");
    let text = program.get("/");
    let mut lines = text.lines();
    assert_eq!((lines.next(), lines.next_back()), (Some("1000000"), Some("1")));
    assert_eq!(text.lines().count(), 1_000_000);
    // One that goes in the middle, so that its memory is given back by on_cancel.
    let given_up = curl().args(["--limit-rate", "100k", "--max-time", "0.3"]).arg(program.url("/")).output();
    assert_eq!(given_up.expect("curl runs").status.code(), Some(28), "curl gives up");
    program.leave();
}

#[test]
fn collect() {
    let program = Program::start("collect");
    assert_eq!(program.curl(&["--data-binary", "a\nb\n"], "/"), "4 bytes, 2 lines\n");
    assert_eq!(program.curl(&["--request", "POST"], "/"), "0 bytes, 0 lines\n");
    let large = upload("collect", 65537);
    assert_eq!(program.status(&["--data-binary", &format!("@{large}")], "/"), "413");
    program.leave();
}

#[test]
fn body() {
    let program = Program::start("body");
    let sent = upload("body", 5_000_000);
    let output = run(curl().args(["--upload-file", &sent]).arg(program.url("/echo")));
    assert!(output.stdout == std::fs::read(&sent).expect("the upload"), "not what was sent");
    // A client that reads slowly is not overrun.
    let slowly = ["--limit-rate", "4M", "--upload-file", &sent];
    let output = run(curl().args(slowly).arg(program.url("/echo")));
    assert_eq!(output.stdout.len(), 5_000_000);
    assert_eq!(program.curl(&["--request", "POST"], "/echo"), "");
    program.leave();
}

#[test]
fn read() {
    let program = Program::start("read");
    let sent = upload("read", 3_000_000);
    let sum: u64 = std::fs::read(&sent).expect("the upload").iter().map(|byte| u64::from(*byte)).sum();
    let text = program.curl(&["--data-binary", &format!("@{sent}")], "/");
    assert_eq!(text, format!("3000000 bytes, sum {sum}\n"));
    assert_eq!(program.curl(&["--request", "POST"], "/"), "0 bytes, sum 0\n");
    program.leave();
}

#[test]
fn trailers() {
    let program = Program::start("trailers");
    let text = program.curl(&["--include"], "/");
    assert!(text.contains("\r\n\r\nok\nx-status: empty\r\n"), "{text}");
    let file = upload("trailers", 10);
    run(Command::new("nghttp").args(["--trailer", "x-sum: 7", "--data", &file]).arg(program.url("/")));
    program.expect_output("trailer x-sum: 7\n");
    program.leave();
}

#[test]
fn hints() {
    let program = Program::start("hints");
    let text = program.curl(&["--include"], "/");
    let hints = "HTTP/2 103 \r\nlink: </style.css>; rel=preload; as=style\r\nlink: </page.js>; rel=preload; as=script\r\n\r\nHTTP/2 200 \r\n";
    assert!(text.starts_with(hints) && text.ends_with("\r\n\r\n<p>page\n"), "{text}");
    program.leave();
}

#[test]
fn queue() {
    let program = Program::start("queue");
    assert_eq!(program.get("/hello/you%21"), "you!");
    // Head and body together, or one after the other, as it happens.
    (0..10).for_each(|_| assert_eq!(program.curl(&["--data-binary", "a\nb\n"], "/echo"), "a\nb\n"));
    assert_eq!(program.curl(&["--include", "--request", "POST"], "/echo").matches("content-length: 0").count(), 1);
    assert_eq!(program.status(&[], "/nowhere"), "404");
    program.leave();
}

#[test]
fn large() {
    let program = Program::start("large");
    let whole = |text: &str| text.len() == 160 * 65536 && text.bytes().all(|byte| byte == 0);
    assert!(whole(&program.get("/")));
    assert!(program.curl(&["--head"], "/").starts_with("HTTP/2 200"));
    // Downloads that are given up make room for others.
    for _ in 0..9 {
        let given_up = curl().args(["--max-time", "0.05", "--limit-rate", "1k"]).arg(program.url("/")).output();
        assert_eq!(given_up.expect("curl runs").status.code(), Some(28), "curl gives up");
    }
    assert!(whole(&program.get("/")));
    program.leave();
}

#[test]
fn cancel() {
    let program = Program::start("cancel");
    let mut given_up = curl().arg(program.url("/")).spawn().expect("curl runs");
    program.expect_output("a request waits\n");
    given_up.kill().and_then(|()| given_up.wait()).expect("curl ends");
    // Lost instead of closed, if curl left something unread.
    program.expect_output("cancelled: ");
    program.expect_output(", code 0\n");
    let mut told = curl();
    let mut told = told.arg(program.url("/")).stdout(Stdio::piped()).spawn().expect("curl runs");
    program.expect_output("code 0\na request waits\n");
    let output = program.leave();
    assert!(output.contains("peer_closed") || output.contains("connection_lost"), "{output}");
    let mut text = String::new();
    told.stdout.take().expect("piped").read_to_string(&mut text).expect("text");
    assert!(told.wait().expect("curl ends").success());
    assert!(text.starts_with("the server leaves; "), "{text}");
    assert_eq!(output.matches("cancelled").count(), 1, "an answered request is not cancelled: {output}");
}

#[test]
fn sessions() {
    let program = Program::start("sessions");
    let idle = Idle::open(program.port());
    let list = program.get("/sessions");
    let line = list.lines().find(|line| line.contains(&idle.address));
    let line = line.unwrap_or_else(|| panic!("{} is not in the list: {list}", idle.address));
    assert!(line.ends_with(" open"), "{line}");
    let id = line.split(' ').next().expect("an id");
    assert_eq!(program.status(&["--request", "DELETE"], &format!("/sessions/{id}")), "204");
    let address = idle.address.clone();
    idle.expect_goaway();
    for what in ["opened ", "draining ", "closed graceful"] {
        program.expect_output(&format!("{address} {what}\n"));
    }
    assert_eq!(program.status(&["--request", "DELETE"], &format!("/sessions/{id}")), "404");
    program.leave();
}

#[test]
fn close() {
    let mut program = Program::start("close");
    assert_eq!(program.get("/"), "served\n");
    let idle = Idle::open(program.port());
    let client = std::thread::spawn(|| idle.expect_goaway());
    program.signal(libc::SIGTERM);
    let report = program.expect_success();
    client.join().expect("the client saw its GOAWAY");
    // curl's own session may have been on its way out still.
    let graceful = report.starts_with("graceful 1, ") || report.starts_with("graceful 2, ");
    assert!(graceful && report.contains(", forced 0, in ") && report.ends_with(" ms\n"), "{report}");
}

/// Ends a process that is not our child.
struct Successor(libc::pid_t);

impl Drop for Successor {
    fn drop(&mut self) {
        // SAFETY: a bare system call; the process is one that this test has caused.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
    }
}

#[test]
fn handover() {
    let mut program = Program::start("handover");
    let first = program.get("/");
    // Who leaves while another one serves is not waited for, and refuses nobody.
    program.signal(libc::SIGHUP);
    program.expect_output("handed over to ");
    let pid = program.said().trim().rsplit(' ').next().and_then(|pid| pid.parse().ok()).expect("a process id");
    let successor = Successor(pid);
    assert_ne!(first, format!("served by {pid}\n"));
    assert!(program.wait().success());
    assert_eq!(program.get("/"), format!("served by {pid}\n"));
    drop(successor);
}

#[test]
fn notify() {
    let folder = scratch("notify-socket");
    let file = folder.join("notify.sock");
    let name = format!("goaway-notify-{}", std::process::id());
    let abstract_name = SocketAddr::from_abstract_name(&name).expect("a name");
    let managers = [
        (UnixDatagram::bind(&file).expect("a socket"), file.display().to_string()),
        (UnixDatagram::bind_addr(&abstract_name).expect("a socket"), format!("@{name}")),
    ];
    let program = compile("notify", &[examples().join("notify.c")]);
    for (manager, address) in managers {
        manager.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let hear = || {
            let mut bytes = [0; 256];
            let len = manager.recv(&mut bytes).expect("it says something");
            String::from_utf8_lossy(&bytes[..len]).into_owned()
        };
        let mut service = Program::listen(Command::new(&program).arg("127.0.0.1:0").env("NOTIFY_SOCKET", address));
        assert_eq!(hear(), "READY=1");
        assert_eq!(service.get("/"), "served\n");
        service.signal(libc::SIGTERM);
        assert_eq!(hear(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=2000000");
        service.expect_success();
    }
    // Nobody wants to know, or there is nobody.
    for address in ["", "/nowhere/notify.sock"] {
        let mut service = Program::listen(Command::new(&program).arg("127.0.0.1:0").env("NOTIFY_SOCKET", address));
        assert_eq!(service.get("/"), "served\n");
        service.signal(libc::SIGTERM);
        service.expect_success();
    }
}

#[test]
fn log() {
    let program = Program::start("log");
    assert_eq!(program.get("/"), "logged\n");
    program.expect_complaint(" goaway::");
    program.leave();
}

#[test]
fn errors() {
    let output = run(&mut Command::new(compile("errors", &[examples().join("errors.c")])));
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text, readme::block("what errors.c says"));
    let failed = |line: &str| line.starts_with("GOAWAY_ERR_") && !line.ends_with(": ");
    assert!(text.lines().count() == 6 && text.lines().all(failed), "{text}");
}

#[test]
fn fork() {
    let program = Program::start("fork");
    assert_eq!(program.get("/"), "served\n");
    let output = program.leave();
    let lines: Vec<&str> = output.lines().collect();
    let expected = ["the parent's server in the child: GOAWAY_ERR_FORKED", "a server of the child's own: GOAWAY_OK"];
    assert_eq!(lines, expected);
}

/// A client with a settled session that waits for the server to leave.
struct Idle {
    socket: TcpStream,
    /// As the server sees it.
    address: String,
}

/// Frame types and the flag ACK (RFC 9113, section 6).
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;

impl Idle {
    fn open(port: u16) -> Idle {
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let address = socket.local_addr().expect("an address").to_string();
        let mut idle = Idle { socket, address };
        // The preface and an empty SETTINGS frame (section 3.4).
        idle.socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("the preface");
        while idle.read_frame().expect("SETTINGS") != (SETTINGS, ACK) {}
        idle
    }

    /// Reads to the end of the connection; a GOAWAY must come before it.
    fn expect_goaway(mut self) {
        let mut goaway = false;
        while let Some((kind, _)) = self.read_frame() {
            goaway |= kind == GOAWAY;
        }
        assert!(goaway, "the connection ended without GOAWAY");
    }

    /// The next frame's type and flags; None at the end. Answers a PING.
    fn read_frame(&mut self) -> Option<(u8, u8)> {
        let mut head = [0; 9];
        self.socket.read_exact(&mut head).ok()?;
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; len];
        self.socket.read_exact(&mut payload).expect("a whole frame");
        let (kind, flags) = (head[3], head[4]);
        if kind == PING && flags & ACK == 0 {
            head[4] = ACK;
            // The server may have gone before it reads this.
            let _ = self.socket.write_all(&[&head[..], &payload].concat());
        }
        Some((kind, flags))
    }
}
