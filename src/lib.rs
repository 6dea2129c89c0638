//! An embeddable HTTP/2 server that knows how to leave.
//!
//! From the host to the wire. Each module uses only those below it, which
//! `tests/layers.rs` checks:
//!
//! - [`ffi`]: the C ABI, one file per noun; the only place of `unsafe`
//! - [`log`]: lines of the log that are kept for the host
//! - [`server`]: a server, made, told what to do, started, closed
//! - [`control`]: the thread that accepts and that sees a close through
//! - [`worker_thread`]: the threads that run the tasks of connections
//! - [`arrival`]: a connection until it is known what its peer speaks
//! - [`plaintext`]: what who speaks plain HTTP gets where TLS is spoken
//! - [`h1`]: the engine of HTTP/1.1 and 1.0
//! - [`h2`]: the engine of HTTP/2
//! - [`connection`]: the task of a connection, whatever protocol it speaks
//! - [`worker`]: what the sessions of one worker thread have in common
//! - [`registration`]: a session's place on the registry, held by its task
//! - [`shared`]: what all threads of a server have in common
//! - [`registry`]: every live session, and the level that closes them
//! - [`route`]: the handlers
//! - [`refusal`]: requests that the library answers itself
//! - [`command`]: what a host orders in batches
//! - [`request`]: one request: head, body, response, as host and session share it
//! - [`session`]: a session as other threads reach it: figures and mailbox
//! - [`transport`]: a socket, with or without TLS
//! - [`extension`]: ALTSVC and ORIGIN frames
//! - [`listener`]: listening sockets
//! - [`activation`], [`socket_file`], [`address`], [`proxy`]: what a listening
//!   socket is made of, and what proxies say in front of its connections
//! - [`tls`]: certificates, and what TLS is spoken with
//! - [`queue`], [`record`]: events in batches, for hosts with one thread
//! - [`engine`]: what the task of a connection needs of a protocol
//! - [`priority`]: which response is sent first
//! - [`output`]: what an engine writes for the socket
//! - [`grammar`]: words of the grammar that both versions share
//! - [`header_list`]: a header or trailer section
//! - [`setting`]: a setting of HTTP/2 that we send, and which values it may have
//! - [`config`]: the limits
//! - [`padding`]: how frames are padded
//! - [`close`]: the drain engine and the report
//! - [`event`], [`endpoint`]: what hosts are told of sessions, and who is at their ends
//! - [`eviction`]: which connection makes room for another
//! - [`throttle`]: lines of the log that peers cause
//! - [`memory`]: how much is held for peers
//! - [`table`], [`error`], [`code`]: ids, and what can go wrong
//! - [`callback`]: which threads are inside a callback of the host
//! - [`system`]: what only [`ffi`] can ask of the operating system
//! - [`testing`]: what tests of several modules need
#![deny(unsafe_op_in_unsafe_fn)]

mod activation;
mod address;
mod arrival;
mod callback;
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
mod grammar;
mod h1;
mod h2;
mod header_list;
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

/// The table of limits, for those who describe the interface.
#[doc(hidden)]
pub use config::{LIMITS, Limit};
