//! Protocol features that can be enabled and disabled.

use std::ptr::NonNull;

use super::server::{borrow, goaway_server};
use super::{goaway_status, guard};
use crate::config::Feature;
use crate::error::{Error, Result};

/// Features of a server that can be on or off; see `goaway_server_set_feature`.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_feature {
    /// Clients that do not choose HTTP/2 are served HTTP/1.1 and HTTP/1.0. Without
    /// it, they get GOAWAY(PROTOCOL_ERROR). On by default.
    GOAWAY_FEATURE_HTTP1 = 0,
    /// A request over HTTP/1.1 that asks for another protocol (Upgrade, RFC 9110,
    /// section 7.8) and has no body is delivered unchanged, with its `upgrade` field.
    /// `goaway_request_write_head` with 101 opens a tunnel: both bodies then carry
    /// its bytes. The library adds `connection`, and `upgrade` if you do not set it.
    /// With any other status it is a request without a body, and reading the body
    /// never reports an end. A WebSocket handshake is then not converted to a CONNECT
    /// request, and you compute the response to its key. Off by default.
    GOAWAY_FEATURE_UPGRADE = 1,
    /// Peers may use extended CONNECT (RFC 8441), such as for WebSockets
    /// (SETTINGS_ENABLE_CONNECT_PROTOCOL), and a WebSocket handshake over HTTP/1.1 is
    /// converted to such a request. The setting is sent only if a pattern names
    /// CONNECT. Without the feature, an extended CONNECT gets
    /// RST_STREAM(PROTOCOL_ERROR). On by default.
    GOAWAY_FEATURE_CONNECT_PROTOCOL = 2,
}

use goaway_feature::*;

const FEATURES: [(goaway_feature, Feature); 3] = [
    (GOAWAY_FEATURE_HTTP1, Feature::Http1),
    (GOAWAY_FEATURE_UPGRADE, Feature::Upgrade),
    (GOAWAY_FEATURE_CONNECT_PROTOCOL, Feature::ConnectProtocol),
];

/// Turns a feature, one of `goaway_feature`, on or off. Allowed before the start
/// only.
///
/// GOAWAY_ERR_INVALID: `feature` is none of these numbers.
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_feature(
    server: Option<NonNull<goaway_server>>,
    feature: u32,
    enabled: bool,
) -> goaway_status {
    guard(|| borrow(server)?.set_feature(named(feature)?, enabled))
}

fn named(number: u32) -> Result<Feature> {
    let found = FEATURES.iter().find(|(name, _)| *name as u32 == number);
    found.map(|(_, feature)| *feature).ok_or_else(|| Error::invalid(format_args!("there is no feature {number}")))
}
