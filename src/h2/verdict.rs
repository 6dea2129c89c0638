//! The rules for a single field (RFC 9113, sections 8.2 and 8.3).
//!
//! HPACK's decoder stores the verdict on a field in the dynamic table. Most fields of a
//! connection are sent again by their index, and are then not checked again.

use super::name::Token;
use crate::grammar::authority::{has_host, is_authority, is_host, split_port};
use crate::grammar::path;
use crate::grammar::token::{is_lower_token, is_token, parse_length};
use crate::grammar::value::{has_blank_edge, has_control};

/// Whether a field is allowed in a request, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Good,
    Name,
    Control,
    Blank,
    ConnectionSpecific,
    Te,
    ContentLength,
    UnknownPseudo,
    Status,
    Method,
    Scheme,
    Path,
    Protocol,
    Authority,
    UserInformation,
    /// Everything in the authority is valid except the port. CONNECT gets a status for
    /// it.
    Port,
}

impl Verdict {
    /// The verdict on a field with this name.
    pub fn on(token: Token, name: &[u8], value: &[u8]) -> Self {
        match token == Token::NONE && !is_lower_token(name) {
            true => Self::Name,
            false => Self::on_value(token, value),
        }
    }

    /// The same for a name that was checked.
    pub fn on_value(token: Token, value: &[u8]) -> Self {
        let good_if = |is_good: bool, otherwise: Self| if is_good { Self::Good } else { otherwise };
        match token {
            Token::METHOD => good_if(is_token(value), Self::Method),
            Token::PATH => good_if(path::fault(value).is_none(), Self::Path),
            Token::SCHEME => good_if(is_scheme(value), Self::Scheme),
            Token::AUTHORITY if !has_host(value) => Self::Authority,
            Token::AUTHORITY | Token::HOST => Self::on_authority(value),
            Token::PROTOCOL => good_if(!value.is_empty() && value.iter().all(u8::is_ascii_graphic), Self::Protocol),
            Token::STATUS => Self::Status,
            Token::UNKNOWN_PSEUDO => Self::UnknownPseudo,
            // Section 8.2.2.
            Token::CONNECTION
            | Token::KEEP_ALIVE
            | Token::PROXY_CONNECTION
            | Token::TRANSFER_ENCODING
            | Token::UPGRADE => Self::ConnectionSpecific,
            Token::TE => good_if(value.eq_ignore_ascii_case(b"trailers"), Self::Te),
            Token::CONTENT_LENGTH => good_if(parse_length(value).is_some(), Self::ContentLength),
            // Section 8.2.1.
            _ if has_control(value) => Self::Control,
            _ => good_if(!has_blank_edge(value), Self::Blank),
        }
    }

    fn on_authority(value: &[u8]) -> Self {
        match value {
            _ if is_authority(value) => Self::Good,
            _ if value.contains(&b'@') => Self::UserInformation,
            _ if split_port(value).is_some_and(|(host, _)| is_host(host)) => Self::Port,
            _ => Self::Authority,
        }
    }

    /// The reason as text.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Good => "nothing is wrong",
            Self::Name => "a field name is not a token in lower case",
            Self::Control => "a field value contains a control character",
            Self::Blank => "a field value starts or ends with white space",
            Self::ConnectionSpecific => "a connection-specific field is not allowed in HTTP/2",
            Self::Te => "the value of te is not `trailers`",
            Self::ContentLength => "content-length is not a length",
            Self::UnknownPseudo => "a pseudo-header field is unknown",
            Self::Status => "a request has :status",
            Self::Method => "the method is not a token",
            Self::Scheme => "the scheme is not valid",
            Self::Path => "the path contains a control character, a space or a fragment",
            Self::Protocol => ":protocol is not the name of a protocol",
            Self::Authority => "the authority is not a host and a port",
            Self::UserInformation => "the authority contains user information",
            Self::Port => "the port is not a number",
        }
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(value: &[u8]) -> bool {
    let is_more = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    match value {
        b"https" | b"http" => true,
        [first, more @ ..] => first.is_ascii_alphabetic() && more.iter().all(is_more),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(name: &[u8], value: &[u8]) -> Verdict {
        Verdict::on(Token::of(name), name, value)
    }

    #[test]
    fn names_are_tokens_in_lower_case() {
        for byte in 0..=255 {
            let name = [b'a', byte, b'b'];
            let is_good = byte.to_ascii_lowercase() == byte && http::HeaderName::from_bytes(&name).is_ok();
            assert_eq!(on(&name, b"") == Verdict::Good, is_good, "{byte:#x}");
        }
        assert_eq!([on(b"", b""), on(b"Host", b"a")], [Verdict::Name; 2]);
    }

    #[test]
    fn values_are_those_of_the_http_crate_without_white_space_around() {
        for name in [&b"x"[..], b"accept", b"cookie"] {
            for byte in 0..=255 {
                let value = [b'a', byte, b'b'];
                assert_eq!(on(name, &value) == Verdict::Good, http::HeaderValue::from_bytes(&value).is_ok());
            }
            for bad in [&b" "[..], b"\ta", b"a ", b"a\t"] {
                assert_eq!(on(name, bad), Verdict::Blank);
            }
            assert_eq!(on(name, b""), Verdict::Good);
        }
    }

    #[test]
    fn each_kind_of_field_has_its_rule() {
        use Verdict::*;
        for (name, value, verdict) in [
            (":method", "GET", Good),
            (":method", "get-it", Good),
            (":method", "GE T", Method),
            (":method", "", Method),
            (":scheme", "https", Good),
            (":scheme", "a+1.-", Good),
            (":scheme", "", Scheme),
            (":scheme", "1a", Scheme),
            (":scheme", "ht tp", Scheme),
            (":path", "/\"<>`{|}\u{e4}?a=%", Good),
            (":path", "/a b", Path),
            (":path", "/a\tb", Path),
            (":path", "/a\x7f", Path),
            (":path", "/a#b", Path),
            (":authority", "example.com:80", Good),
            (":authority", "tmp%2Fg.sock", Good),
            (":authority", "", Authority),
            (":authority", ":80", Authority),
            (":authority", "a b", Authority),
            (":authority", "me@a", UserInformation),
            (":authority", "a:b", Port),
            ("host", "", Good),
            ("host", "a:1", Good),
            ("host", " a", Authority),
            ("host", "me@a", UserInformation),
            (":protocol", "websocket", Good),
            (":protocol", "a/b;c", Good),
            (":protocol", "", Protocol),
            (":protocol", "web socket", Protocol),
            (":protocol", "w\u{e9}b", Protocol),
            (":status", "200", Status),
            (":foo", "", UnknownPseudo),
            (":", "", UnknownPseudo),
            ("connection", "close", ConnectionSpecific),
            ("keep-alive", "", ConnectionSpecific),
            ("proxy-connection", "", ConnectionSpecific),
            ("transfer-encoding", "chunked", ConnectionSpecific),
            ("upgrade", "h2c", ConnectionSpecific),
            ("te", "trailers", Good),
            ("te", "Trailers", Good),
            ("te", "trailers, gzip", Te),
            ("te", "", Te),
            ("content-length", "0", Good),
            ("content-length", "9223372036854775807", Good),
            ("content-length", "9223372036854775808", ContentLength),
            ("content-length", "+1", ContentLength),
            ("content-length", "", ContentLength),
            ("content-length", "1, 1", ContentLength),
            ("content-length", "1 ", ContentLength),
        ] {
            assert_eq!(on(name.as_bytes(), value.as_bytes()), verdict, "{name}: {value}");
        }
    }
}
