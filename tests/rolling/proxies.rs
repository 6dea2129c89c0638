//! Proxies in front of two servers. Each must notice itself that one of them has closed,
//! and send its requests, or connections, to the other.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{Process, find};

/// An empty folder for this test.
fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rolling").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

fn wait_until_it_listens(port: u16, proxy: Process) -> (Process, u16) {
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "the proxy does not listen");
        thread::sleep(Duration::from_millis(10));
    }
    (proxy, port)
}

/// HAProxy with HTTP/2 on both sides. If a server does not listen, or has not processed a
/// request, it uses the other one. There are no health checks, whose results could be
/// outdated. No PROXY header: the version of Debian 12 then stalls when several requests
/// begin on a new connection to a server.
pub fn haproxy(servers: [u16; 2]) -> Option<(Process, u16)> {
    start_haproxy("haproxy", servers, "http", "proto h2", "proto h2")
}

/// HAProxy that passes connections on, with the PROXY protocol, version 2.
pub fn haproxy_of_connections(servers: [u16; 2]) -> Option<(Process, u16)> {
    start_haproxy("haproxy-tcp", servers, "tcp", "", "send-proxy-v2")
}

fn start_haproxy(name: &str, [one, two]: [u16; 2], mode: &str, bind: &str, server: &str) -> Option<(Process, u16)> {
    let program = find(&["haproxy", "/usr/sbin/haproxy"])?;
    let (folder, port) = (scratch(name), free_port());
    let retry = if mode == "http" { "retry-on conn-failure\n  http-reuse always" } else { "" };
    let text = format!(
        "global\n  maxconn 500\n\
         defaults\n  mode {mode}\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  \
         retries 5\n  option redispatch 1\n  {retry}\n\
         frontend in\n  bind 127.0.0.1:{port} {bind}\n  default_backend out\n\
         backend out\n  balance roundrobin\n  \
         server one 127.0.0.1:{one} {server}\n  server two 127.0.0.1:{two} {server}\n"
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, text).expect("a scratch file");
    let proxy = Process::spawn(Command::new(program).arg("-db").arg("-f").arg(file));
    Some(wait_until_it_listens(port, proxy))
}

/// nginx. The version of Debian 12 does not use HTTP/2 to servers, so it passes
/// connections on, with the PROXY protocol, version 1.
pub fn nginx(servers: [u16; 2]) -> Option<(Process, u16)> {
    let program = find(&["nginx", "/usr/sbin/nginx"])?;
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    if !fs::exists(module).unwrap_or(false) {
        assert!(std::env::var_os("CI").is_none(), "{module} is not installed");
        eprintln!("SKIPPED: {module} is not there");
        return None;
    }
    let (folder, port) = (scratch("nginx"), free_port());
    let [one, two] = servers;
    let text = format!(
        "load_module {module};\ndaemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 500; }}\n\
         stream {{\n  upstream out {{ server 127.0.0.1:{one} max_fails=0; server 127.0.0.1:{two} max_fails=0; }}\n  \
         server {{ listen 127.0.0.1:{port}; proxy_pass out; proxy_connect_timeout 5s; proxy_protocol on; }}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).expect("a scratch file");
    let proxy = Process::spawn(Command::new(program).arg("-p").arg(&folder).arg("-c").arg(&file));
    Some(wait_until_it_listens(port, proxy))
}
