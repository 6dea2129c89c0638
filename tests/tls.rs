//! TLS as its clients see it: `bindings/c/examples/tls.c` is served and called
//! with curl, nghttp, h2load, openssl and Chromium. What is wrong with files and
//! how certificates are chosen is tested beside the code; how sessions leave, by
//! the close kit with `GOAWAY_KIT_TLS` set.

#[path = "tls/authority.rs"]
mod authority;
#[path = "tls/browser.rs"]
mod browser;
#[path = "tls/clients.rs"]
mod clients;
#[path = "tls/handshake.rs"]
mod handshake;
#[path = "tls/plaintext.rs"]
mod plaintext;
#[path = "examples/program.rs"]
#[allow(dead_code, reason = "the examples' tests use the rest")]
mod program;
#[path = "tls/reload.rs"]
mod reload;
#[path = "tls/serving.rs"]
mod serving;
