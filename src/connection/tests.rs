//! HTTP/1.1 connections in virtual time: each limit takes effect in time, with the right
//! bytes for the peer and events for the host. The peer writes plain bytes.

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};

use crate::config::Config;
use crate::connection::testing::{Host, in_virtual_time, never_responds, responds, responds_much};
use crate::event::{Cause, EventKind};
use crate::h1;
use crate::header_list::HeaderList;
use crate::request::{self, Reader, Response, Share};
use crate::route::{Routes, Target};
use crate::session::Order;
use crate::shared::Setup;
use crate::table::lock;
use crate::transport::Transport;

mod holding;
mod http2;
mod keep;
mod leave;
mod limits;
mod memory;
mod messages;
mod tunnel;
mod unserved;
mod upgrade;

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// The peer of a session under test, and the events of its host.
struct Peer {
    stream: DuplexStream,
    host: Host,
}

/// The methods of the host are available on the peer.
impl Deref for Peer {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl Peer {
    /// Starts a session whose handler for all requests is `handler`.
    fn of(config: Config, buffer: usize, handler: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self::through(|socket| socket, config, buffer, handler)
    }

    /// The same, with a socket that `wrap` wraps.
    fn through<S: Transport>(
        wrap: impl FnOnce(DuplexStream) -> S,
        config: Config,
        buffer: usize,
        handler: impl Fn(u64) + Send + Sync + 'static,
    ) -> Self {
        let mut routes = Routes::default();
        let handler = Arc::new(handler);
        routes.register("* /", Target::Handler(handler.clone())).unwrap();
        routes.register("CONNECT /", Target::Handler(handler.clone())).unwrap();
        routes.register("CONNECT *", Target::Handler(handler)).unwrap();
        let engine = |setup: &Setup| {
            let header_fields = setup.config.max_header_fields as u32;
            h1::Http1::new(h1::Limits { header_list_bytes: setup.config.max_header_list_bytes, header_fields })
        };
        let (stream, host) = Host::serve((config, routes), buffer, wrap, engine);
        Self { stream, host }
    }

    async fn send(&mut self, text: &str) {
        // A session that has ended reads nothing. The test examines why it has.
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    /// Reads until the received text ends with `end`.
    async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = timeout(Duration::from_secs(3600), self.stream.read_u8()).await;
            let byte = byte.expect("the session goes on for ever");
            text.push(byte.unwrap_or_else(|_| panic!("it ends with {:?}", String::from_utf8_lossy(&text))));
        }
        String::from_utf8(text).unwrap()
    }

    /// Reads to the end of the connection.
    async fn rest(&mut self) -> String {
        let mut text = Vec::new();
        let read = timeout(Duration::from_secs(3600), self.stream.read_to_end(&mut text)).await;
        read.expect("the session goes on for ever").unwrap();
        String::from_utf8(text).unwrap()
    }

    fn drain(&self, seconds: u64) {
        self.session.order(Order::Drain((Instant::now() + Duration::from_secs(seconds)).into_std()));
    }

    /// Reads to the end of the connection, and asserts that the host got one event with
    /// the cause.
    async fn closed(&mut self) -> Cause {
        let _ = self.stream.shutdown().await;
        self.host.closed().await
    }
}

/// Begins a response that does not end.
fn begins(id: u64) {
    request::response(id, |response| response.write_head(200).and_then(|()| response.write(b"more").map(drop)))
        .unwrap();
}

/// Collects the body and responds with it.
fn echoes(id: u64) {
    let set = request::change(id, |request| {
        let (limit, together) = request.body_limits;
        let share = Share::new(&request.session, together);
        let on_collected = Box::new(|request::Subject { id, .. }, body: &[u8]| {
            request::response(id, |response| response.respond(200, body)).unwrap();
        });
        request.wanted_body().collect(limit, share, on_collected)
    });
    set.unwrap();
}

fn without_date(response: &str) -> String {
    response.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
}
