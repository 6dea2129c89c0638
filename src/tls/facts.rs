//! What a handshake has come to.

use rustls::{CommonState, HandshakeKind, ProtocolVersion};

use super::{Choice, HandshakeConfig};

/// What is known of a session's TLS.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Such as "TLSv1.3".
    pub version: &'static str,
    /// Its number on the wire.
    pub version_number: u16,
    /// The cipher suite as IANA names it.
    pub cipher: String,
    /// And as it numbers it.
    pub cipher_number: u16,
    /// What ALPN has chosen; empty if the client did not ask.
    pub protocol: String,
    /// The name that the client asked for (SNI); empty if it named none.
    pub server_name: String,
    /// A session of before was resumed.
    pub is_resumed: bool,
    /// The certificate of the client and those that lead to its authority, in DER.
    pub chain: Vec<Vec<u8>>,
    /// Why the authorities do not vouch for it, where that did not end the
    /// handshake; empty if they do or there is none.
    pub objection: String,
}

impl Facts {
    pub fn new(live: &HandshakeConfig, common: &CommonState, choice: &Choice) -> Self {
        let cipher = common.negotiated_cipher_suite().map(|suite| suite.suite());
        let chain = common.peer_certificates().unwrap_or_default();
        Self {
            version: match common.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "",
            },
            version_number: common.protocol_version().map_or(0, u16::from),
            cipher_number: cipher.map_or(0, u16::from),
            // rustls tells those of TLS 1.3 apart by their prefix.
            cipher: cipher.and_then(|suite| suite.as_str()).unwrap_or_default().replace("TLS13_", "TLS_"),
            protocol: String::from_utf8_lossy(common.alpn_protocol().unwrap_or_default()).into_owned(),
            server_name: choice.name().to_owned(),
            is_resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
            chain: chain.iter().map(|certificate| certificate.to_vec()).collect(),
            objection: live.objection(chain),
        }
    }
}
