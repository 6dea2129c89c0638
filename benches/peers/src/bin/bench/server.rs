//! The servers: what each can answer and how it is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::files::Files;
use crate::process::{self, SERVER_CORE};
use crate::route::Route::{self, Big, Big1, Echo, Echo1, Hello, Hello1};

/// An entry of the list of servers.
pub struct Server {
    pub name: &'static str,
    /// What to install or build to have it.
    pub needs: &'static str,
    pub routes: &'static [Route],
    /// Whether it speaks TLS.
    pub has_tls: bool,
    /// The command that runs it in the foreground. None: it is not installed.
    pub command: fn(&Server, &Site) -> Result<Option<Command>>,
}

/// Where a server is to run.
pub struct Site<'a> {
    pub port: u16,
    pub files: &'a Files,
}

const NEEDS_BUILD: &str = "`cargo build --release` in benches/peers";

pub const SERVERS: &[Server] = &[
    Server {
        name: "goaway",
        needs: "bindings/run-demo, built with `make build`",
        routes: &[Hello, Big, Echo, Hello1, Big1, Echo1],
        has_tls: true,
        command: goaway,
    },
    Server { name: "h2-batched", needs: NEEDS_BUILD, routes: &[Hello, Big, Echo], has_tls: false, command: peer },
    Server { name: "h2-unbatched", needs: NEEDS_BUILD, routes: &[Hello, Big, Echo], has_tls: false, command: peer },
    Server { name: "hyper", needs: NEEDS_BUILD, routes: &[Hello, Big, Echo], has_tls: true, command: peer },
    Server { name: "hyper-http1", needs: NEEDS_BUILD, routes: &[Hello1, Big1, Echo1], has_tls: false, command: peer },
    Server {
        name: "nghttpd",
        needs: "nghttpd (Debian: nghttp2-server)",
        // It can echo too, but by way of a temporary file for each request.
        routes: &[Hello, Big],
        has_tls: true,
        command: nghttpd,
    },
    Server {
        name: "nginx",
        needs: "nginx (Debian: nginx-light)",
        routes: &[Hello, Big],
        has_tls: true,
        command: nginx,
    },
    Server {
        name: "nginx-http1",
        needs: "nginx (Debian: nginx-light)",
        routes: &[Hello1, Big1],
        has_tls: false,
        command: nginx,
    },
    Server { name: "haproxy", needs: "haproxy (Debian: haproxy)", routes: &[Hello], has_tls: true, command: haproxy },
    Server { name: "h2o", needs: "h2o (Debian: h2o)", routes: &[Hello, Big], has_tls: true, command: h2o },
    // It speaks both on one port; here it is asked in HTTP/1.1.
    Server { name: "h2o-http1", needs: "h2o (Debian: h2o)", routes: &[Hello1, Big1], has_tls: false, command: h2o },
];

fn goaway(_: &Server, site: &Site) -> Result<Option<Command>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let demo = root.join("bindings/run-demo");
    Ok(demo.exists().then(|| {
        let mut command = pinned(demo);
        command.args(["c", &site.port.to_string()]).env("GOAWAY_WORKERS", "1").current_dir(root);
        if let Some(tls) = site.files.tls() {
            command.env("TLS_CERT", tls.certificate).env("TLS_KEY", tls.key);
        }
        command
    }))
}

/// The peers are built beside the runner.
fn peer(server: &Server, site: &Site) -> Result<Option<Command>> {
    let program = std::env::current_exe()?.with_file_name(server.name);
    Ok(program.exists().then(|| {
        let mut command = pinned(program);
        command.arg(site.port.to_string());
        if let Some(tls) = site.files.tls() {
            command.arg(tls.certificate).arg(tls.key);
        }
        command
    }))
}

fn nghttpd(_: &Server, site: &Site) -> Result<Option<Command>> {
    let Some(program) = process::find("nghttpd") else {
        return Ok(None);
    };
    let mut command = pinned(program);
    command
        .args(["-n1", "-m256", "-w18", "-W20", "-a127.0.0.1", "-d"])
        .arg(site.files.www())
        .arg(site.port.to_string());
    match site.files.tls() {
        Some(tls) => command.arg(tls.key).arg(tls.certificate),
        None => command.arg("--no-tls"),
    };
    Ok(Some(command))
}

fn nginx(server: &Server, site: &Site) -> Result<Option<Command>> {
    let Some(program) = process::find("nginx") else {
        return Ok(None);
    };
    let folder = site.files.folder().join(server.name);
    let protocol = if server.routes.contains(&Hello) { " http2" } else { "" };
    fs::create_dir_all(&folder)?;
    let port = site.port;
    let www = site.files.www();
    let (how, certificate) = match site.files.tls() {
        Some(tls) => {
            let (certificate, key) = (tls.certificate.display(), tls.key.display());
            (" ssl http2", format!("ssl_certificate {certificate};\n        ssl_certificate_key {key};"))
        }
        None => (protocol, String::new()),
    };
    // Relative paths are below the prefix, -p. `user` keeps root's worker able to
    // read the temporary folder; for anyone else nginx ignores it.
    let config = format!(
        "daemon off;
user root;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000000;
    http2_max_concurrent_streams 256;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port}{how};
        {certificate}
        root {};
        default_type text/plain;
        location = / {{ return 200 'Hello, World!'; }}
        location = /big {{ }}
    }}
}}
",
        www.display()
    );
    fs::write(folder.join("nginx.conf"), config)?;
    let mut command = pinned(program);
    command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(folder);
    Ok(Some(command))
}

fn haproxy(_: &Server, site: &Site) -> Result<Option<Command>> {
    let Some(program) = process::find("haproxy") else {
        return Ok(None);
    };
    let port = site.port;
    let how = match site.files.tls() {
        Some(tls) => format!("ssl crt {} alpn h2", tls.both.display()),
        None => "proto h2".to_owned(),
    };
    let config = format!(
        "global
    nbthread 1
    maxconn 2048
    tune.h2.max-concurrent-streams 256
    tune.h2.initial-window-size 262144
defaults
    mode http
    timeout client 60s
frontend bench
    bind 127.0.0.1:{port} {how}
    http-request return status 200 content-type text/plain string \"Hello, World!\" if {{ path / }}
    http-request return status 404
"
    );
    let path = site.files.folder().join("haproxy.cfg");
    fs::write(&path, config)?;
    let mut command = pinned(program);
    command.args(["-db", "-f"]).arg(path);
    Ok(Some(command))
}

fn h2o(server: &Server, site: &Site) -> Result<Option<Command>> {
    let Some(program) = process::find("h2o") else {
        return Ok(None);
    };
    let (port, www) = (site.port, site.files.www());
    let certificate = match site.files.tls() {
        Some(tls) => {
            let (certificate, key) = (tls.certificate.display(), tls.key.display());
            format!("\n  ssl:\n    certificate-file: {certificate}\n    key-file: {key}")
        }
        None => String::new(),
    };
    // A user of its own, which it takes if it is root's, could not read the temporary folder.
    let user = if process::is_root() { "user: root\n" } else { "" };
    let config = format!(
        "{user}num-threads: 1
max-connections: 4096
http2-max-concurrent-requests-per-connection: 256
listen:
  host: 127.0.0.1
  port: {port}{certificate}
hosts:
  default:
    paths:
      /:
        file.dir: {}
",
        www.display()
    );
    let path = site.files.folder().join(format!("{}.yaml", server.name));
    fs::write(&path, config)?;
    let mut command = pinned(program);
    command.arg("--conf").arg(path);
    Ok(Some(command))
}

fn pinned(program: PathBuf) -> Command {
    process::pinned(SERVER_CORE, program)
}
