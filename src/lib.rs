//! An embeddable HTTP/2 server that knows how to leave.
//!
//! From the host to the wire, each module using only those below it:
//!
//! - [`ffi`]: the C ABI, one file per noun; the only place of `unsafe`
//! - [`server`]: a server, made, told what to do, started, closed
//! - [`control`]: the thread that accepts and that sees a close through
//! - [`worker`]: the threads on which sessions live
//! - [`command`]: what a host orders in batches
//! - [`arrival`]: a connection until it is known what its peer speaks
//! - [`plaintext`]: what who speaks plain HTTP gets where TLS is spoken
//! - [`session`]: one connection: its task, driving h2 or hyper, the taps
//! - [`request`]: one request: head, body, answer, as host and session share it
//! - [`registry`]: every live session, and the level that closes them
//! - [`shared`]: what all threads of a server have in common
//! - [`route`], [`listener`], [`config`]: handlers, sockets, limits
//! - [`address`], [`socket_file`], [`activation`], [`proxy`]: what a listening
//!   socket is made of, and what proxies say in front of its connections
//! - [`tls`]: certificates, and what TLS is spoken with
//! - [`queue`], [`record`]: events in batches, for hosts with one thread
//! - [`close`]: the drain engine and the report
//! - [`event`], [`endpoint`], [`table`], [`error`]: the vocabulary, ids, what can go wrong
//! - [`log`], [`throttle`]: lines of the log that are kept, and those that peers cause
//! - [`system`]: what only [`ffi`] can ask of the operating system
#![deny(unsafe_op_in_unsafe_fn)]

mod activation;
mod address;
mod arrival;
mod close;
mod command;
mod config;
mod control;
mod endpoint;
#[expect(dead_code, reason = "its first engine follows")]
mod engine;
mod error;
mod event;
pub mod ffi;
#[allow(dead_code, reason = "its first user follows")]
mod header_list;
mod listener;
mod log;
mod plaintext;
mod proxy;
mod queue;
mod record;
mod registry;
mod request;
mod route;
mod server;
mod session;
mod shared;
mod socket_file;
mod system;
mod table;
mod throttle;
mod tls;
mod worker;
