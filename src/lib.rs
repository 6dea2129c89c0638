//! An embeddable HTTP server that knows how to leave.
//!
//! The modules, from the host to the wire. Each module uses only those below it, which
//! `tests/layers.rs` checks:
//!
//! - [`ffi`]: the C ABI, one file per noun; the only place of `unsafe`
//! - [`log`]: log lines that are kept for the host
//! - [`server`]: a server: its configuration, start and close
//! - [`control`]: the thread that accepts connections and carries out a close
//! - [`worker_thread`]: the threads that run the tasks of connections
//! - [`arrival`]: a connection until its protocol is known
//! - [`plaintext`]: the response to plain HTTP on a listener with TLS
//! - [`h1`]: the engine of HTTP/1.1 and 1.0
//! - [`h2`]: the engine of HTTP/2
//! - [`connection`]: the task of a connection, for both protocols
//! - [`worker`]: the state that the sessions of one worker thread share
//! - [`registration`]: a session's entry in the registry, owned by its task
//! - [`shared`]: the state that all threads of a server share
//! - [`registry`]: all live sessions, and the stage of a close
//! - [`health`]: the paths of health checks, and whether the host makes progress
//! - [`route`]: the routes to the handlers
//! - [`check`]: what a health check asks
//! - [`refusal`]: requests that the library responds to itself
//! - [`command`]: the commands that a host submits in batches
//! - [`request`]: a request with its response, shared by the host and the session
//! - [`forwarded`]: what proxies say of the client of a request
//! - [`session`]: the handle of a session for other threads: its counters and mailbox
//! - [`transport`]: a socket, with or without TLS
//! - [`extension`]: ALTSVC and ORIGIN frames
//! - [`listener`]: listening sockets
//! - [`activation`], [`socket_file`], [`address`], [`proxy`]: where listening sockets come
//!   from, and the PROXY protocol
//! - [`tls`]: TLS settings and certificates
//! - [`queue`], [`record`]: events in batches, for hosts with one thread
//! - [`engine`]: the interface between a connection's task and its protocol
//! - [`priority`]: the priorities of responses
//! - [`output`]: the output of an engine
//! - [`grammar`]: the grammar that both protocols share
//! - [`header_list`]: a header or trailer section
//! - [`setting`]: a setting that the server sends
//! - [`config`], [`cgroup`]: the limits; how much memory the process may use
//! - [`padding`]: the padding of frames
//! - [`close`]: the steps of a drain, and the report of a close
//! - [`event`], [`endpoint`]: the events of sessions, and the ends of connections
//! - [`eviction`]: the choice of a connection that makes room for another
//! - [`throttle`]: log lines that peers can cause
//! - [`memory`], [`relief`]: how much memory is held for peers; what is done at the limit
//! - [`table`], [`error`], [`code`]: ids, errors, and the error codes of HTTP/2
//! - [`callback`]: which threads are inside a callback of the host
//! - [`system`]: the operating system functions that need `unsafe`
//! - [`testing`]: utilities for tests
#![deny(unsafe_op_in_unsafe_fn)]

mod activation;
mod address;
mod arrival;
mod callback;
mod cgroup;
mod check;
mod close;
mod code;
mod command;
mod config;
mod connection;
mod control;
mod endpoint;
mod engine;
mod error;
mod event;
mod eviction;
mod extension;
pub mod ffi;
mod forwarded;
mod grammar;
mod h1;
mod h2;
mod header_list;
mod health;
mod listener;
mod log;
mod memory;
mod output;
mod padding;
mod plaintext;
mod priority;
mod proxy;
mod queue;
mod record;
mod refusal;
mod registration;
mod registry;
mod relief;
mod request;
mod route;
mod server;
mod session;
mod setting;
mod shared;
mod socket_file;
mod system;
mod table;
#[cfg(test)]
mod testing;
mod throttle;
mod tls;
mod transport;
mod worker;
mod worker_thread;

/// The table of limits, for the description of the interface.
#[doc(hidden)]
pub use config::{LIMITS, Limit};
