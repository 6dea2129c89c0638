//! The protocol errors that end a connection.

use crate::engine::Fault;

pub const TOO_LONG: Fault = Fault { code: 414, why: "the request line is too long" };
pub const TOO_LARGE: Fault = Fault { code: 431, why: "the header section is too large" };
pub const UNKNOWN_CODING: Fault = Fault { code: 501, why: "the transfer coding is unknown" };
pub const UNKNOWN_VERSION: Fault = Fault { code: 505, why: "the version is neither 1.1 nor 1.0" };

/// The input does not match the grammar.
pub const fn bad(why: &'static str) -> Fault {
    Fault { code: 400, why }
}
