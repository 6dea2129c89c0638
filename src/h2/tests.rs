//! The engine as a client sees it, by the sections of RFC 9113.

mod content;
mod peer;
mod requests;
mod responses;
mod sessions;
mod settings;
mod shutdowns;
mod streams;
mod windows;
mod wire;
