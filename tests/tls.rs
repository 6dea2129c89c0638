//! TLS as its clients see it: curl, nghttp, h2load, openssl and Chromium call
//! `bindings/c/examples/tls.c`. Faulty files and the choice of certificates are tested
//! beside the code, and the end of sessions by the close kit with `GOAWAY_KIT_TLS`.

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
