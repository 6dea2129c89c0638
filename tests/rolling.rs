//! A rolling restart under load: every server is replaced ten times, and no request
//! fails.
//!
//! - behind HAProxy, which uses HTTP/2 to two servers
//! - behind HAProxy and nginx, which pass connections on to two servers, with the PROXY
//!   protocol, version 2 and 1
//! - under a service manager that keeps the socket
//! - by handing the socket over, without a proxy
//! - over HTTP/1.1, with and without TLS, where that makes a difference
//!
//! A request that was not processed (REFUSED_STREAM, or above the last stream of the
//! GOAWAY) is sent again on another connection, as in RFC 9113, section 8.7. In HTTP/1.1
//! a request is sent again if its connection was used before and ended without a byte of
//! the response (RFC 9112, section 9.3.1). Everything else is a failure.
//!
//! GOAWAY_KIT_HOST names the demo; default c. A proxy that is not installed is skipped
//! with a message; with CI set it must be installed.
#![cfg(target_os = "linux")]

#[path = "rolling/client.rs"]
mod client;
#[path = "rolling/http1.rs"]
mod http1;
#[path = "rolling/process.rs"]
mod process;
#[path = "rolling/proxies.rs"]
mod proxies;
#[path = "kit/stream.rs"]
#[allow(dead_code, reason = "the kit uses the rest")]
mod stream;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use client::Load;
use process::Process;
use stream::Identity;

/// How often each server is replaced.
const ROUNDS: usize = 10;

/// How long to wait for events that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn demo(port: u16) -> Command {
    let host = std::env::var("GOAWAY_KIT_HOST").unwrap_or_else(|_| "c".to_string());
    let mut command = Command::new(root().join("bindings/run-demo"));
    command.args([host, port.to_string()]).current_dir(root()).env("DRAIN_MS", "10000");
    command
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Two servers behind a proxy, each replaced in turn. The successor starts on the same
/// port when the old server has ended.
fn behind(options: &str, start: impl FnOnce([u16; 2]) -> Option<(Process, u16)>) {
    let start_server = |port: u16| Process::start(demo(0).env("GOAWAY_ADDRESS", format!("127.0.0.1:{port}{options}")));
    let mut servers = [start_server(0), start_server(0)];
    let ports = servers.each_ref().map(Process::port);
    let Some((_proxy, port)) = start(ports) else { return };
    let load = Load::start(local(port), true);
    load.wait_for(100);
    for _ in 0..ROUNDS {
        for (server, port) in servers.iter_mut().zip(ports) {
            server.leave();
            *server = start_server(port);
            load.wait_for(50);
        }
    }
    load.end();
}

#[test]
fn behind_haproxy() {
    behind("", proxies::haproxy);
}

#[test]
fn behind_haproxy_that_passes_connections_on() {
    behind("?proxy=127.0.0.0/8,::1", proxies::haproxy_of_connections);
}

#[test]
fn behind_nginx() {
    behind("?proxy=127.0.0.1", proxies::nginx);
}

/// The service manager owns the socket, and starts a server when the last one has ended.
/// Connections that arrive meanwhile wait.
fn under_a_service_manager_with(tls: bool, start_load: impl FnOnce(SocketAddr) -> Load) {
    let socket = TcpListener::bind(local(0)).expect("a free port");
    let address = socket.local_addr().expect("an address");
    let start = || {
        let demo = demo(0);
        let mut command = Command::new("sh");
        command
            .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=demo exec \"$@\"", "sh"])
            .arg(demo.get_program())
            .args(demo.get_args())
            .env("GOAWAY_ADDRESS", "systemd:demo")
            .env("DRAIN_MS", "10000");
        if tls {
            let identity = Identity::get();
            command.env("TLS_CERT", &identity.certificate).env("TLS_KEY", &identity.key);
        }
        process::inherit(&mut command, socket.as_raw_fd(), 3);
        Process::start(&mut command)
    };
    let mut server = start();
    assert_eq!(server.port(), address.port());
    let load = start_load(address);
    for _ in 0..ROUNDS {
        load.wait_for(50);
        server.leave();
        server = start();
    }
    load.wait_for(50);
    load.end();
}

#[test]
fn under_a_service_manager() {
    under_a_service_manager_with(false, |address| Load::start(address, true));
}

#[test]
fn under_a_service_manager_in_http1() {
    under_a_service_manager_with(false, |address| Load::start_http1(address, false));
}

#[test]
fn under_a_service_manager_in_http1_over_tls() {
    under_a_service_manager_with(true, |address| Load::start_http1(address, true));
}

/// Each server starts its successor, passes the socket to it, and closes when the
/// successor serves: `bindings/c/examples/handover.c`, as built by `make build`.
#[test]
fn by_handover() {
    let built = std::env::var_os("GOAWAY_C_PROGRAMS").map_or_else(|| root().join("build/c"), PathBuf::from);
    let program = built.join("handover");
    assert!(program.exists(), "{} is not there; run `make build`", program.display());
    let mut first = Process::start(Command::new(program).arg("127.0.0.1:0"));
    let load = Load::start(local(first.port()), false);
    let mut family = process::Family::of(&first);
    for _ in 0..ROUNDS {
        load.wait_for(50);
        family.hand_over(&first);
    }
    load.wait_for(50);
    load.end();
    first.expect_success();
}

/// The command replaces its workers, one after the other, on sockets that it keeps.
fn by_the_python_commands_supervisor_with(tls: bool, rounds: usize, start_load: impl FnOnce(SocketAddr) -> Load) {
    let python = root().join("build/venv/bin/python");
    assert!(python.exists(), "{} is not there; run `make venv`", python.display());
    let mut command = Command::new(python);
    command
        .args(["-m", "goaway", "demo_asgi:app", "--workers", "2", "--report", "--bind", "127.0.0.1:0"])
        .args(["--drain", "10", "--app-dir", "bindings/python/examples"])
        .current_dir(root())
        .env("PYTHONPATH", root().join("bindings/python"));
    if tls {
        let identity = Identity::get();
        command.arg("--certfile").arg(&identity.certificate).arg("--keyfile").arg(&identity.key);
    }
    let mut server = Process::start(&mut command);
    let load = start_load(local(server.port()));
    for round in 0..rounds {
        load.wait_for(50);
        server.signal(libc::SIGHUP);
        // Both old workers have closed.
        server.wait_for("has closed", 2 * (round + 1));
    }
    load.wait_for(50);
    load.end();
    server.leave();
}

#[test]
fn by_the_python_commands_supervisor() {
    by_the_python_commands_supervisor_with(false, ROUNDS, |address| Load::start(address, true));
}

#[test]
fn by_the_python_commands_supervisor_in_http1() {
    by_the_python_commands_supervisor_with(false, 3, |address| Load::start_http1(address, false));
}

#[test]
fn by_the_python_commands_supervisor_in_http1_over_tls() {
    by_the_python_commands_supervisor_with(true, 3, |address| Load::start_http1(address, true));
}
