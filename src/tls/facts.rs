//! The result of a TLS handshake.

use rustls::{CommonState, HandshakeKind, ProtocolVersion};

use super::{Choice, HandshakeConfig};

/// The result of a TLS handshake.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Such as "TLSv1.3".
    pub version: &'static str,
    /// The number of the version on the wire.
    pub version_number: u16,
    /// The cipher suite as IANA names it.
    pub cipher: String,
    /// The number of the cipher suite on the wire.
    pub cipher_number: u16,
    /// The protocol chosen by ALPN; empty if the client did not use ALPN.
    pub protocol: String,
    /// The name that the client asked for (SNI); empty if it sent none.
    pub server_name: String,
    /// Whether an earlier session was resumed.
    pub is_resumed: bool,
    /// The client's certificate, followed by those that lead to its authority, in DER.
    pub chain: Vec<Vec<u8>>,
    /// Why the certificate is not valid for the authorities, if that did not end the
    /// handshake; empty if it is valid or absent.
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
            // rustls marks the suites of TLS 1.3 with a prefix.
            cipher: cipher.and_then(|suite| suite.as_str()).unwrap_or_default().replace("TLS13_", "TLS_"),
            protocol: String::from_utf8_lossy(common.alpn_protocol().unwrap_or_default()).into_owned(),
            server_name: choice.name().to_owned(),
            is_resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
            chain: chain.iter().map(|certificate| certificate.to_vec()).collect(),
            objection: live.objection(chain),
        }
    }
}
