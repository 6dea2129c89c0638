//! What the peers share, so that they differ only in how they drive HTTP/2:
//!
//! - [`answer`]: the bytes of every answer, and the settings
//! - [`listen`]: one thread, one runtime, one listener
//! - [`streams`]: the routes, for the two peers that use h2 directly

pub mod answer;
pub mod listen;
pub mod streams;
