//! What a proxy says of a session in its PROXY header.

use std::mem::MaybeUninit;

use super::session::goaway_session;
use super::{goaway_status, guard, view};
use crate::error::{Error, Result};
use crate::proxy;
use crate::registry::SESSIONS;

/// Copies the value of the first TLV of type `kind` in the PROXY header of a session
/// (version 2, a listener with `proxy`) to the `place_len` bytes at `place`. Writes its
/// length to `out_len`, also if it is longer than `place_len`. At most 4096 bytes.
///
/// The types are those of the PROXY protocol, section 2.2: 0x01 ALPN, 0x02 authority
/// (the name that the client asked for by SNI), 0x05 unique id, 0x20 TLS (one byte of
/// flags, four bytes that are 0 if the client's certificate was verified, and more TLVs),
/// 0x30 network namespace, 0xE0 to 0xEF of the proxy's own. The types 0x21 to 0x2F are
/// looked up inside 0x20: 0x21 version, 0x22 common name of the client's certificate,
/// 0x23 cipher, 0x24 signature algorithm, 0x25 key algorithm. The library does not
/// interpret the values, and does not compare the checksum (0x03).
///
/// GOAWAY_ERR_NOT_FOUND: there is no such TLV.
/// GOAWAY_ERR_INVALID: `kind` is above 255.
/// GOAWAY_ERR_TOO_LARGE: the value is longer than `place_len`.
/// GOAWAY_ERR_GONE: the session has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_proxy_tlv(
    session: goaway_session,
    kind: u32,
    place: *mut u8,
    place_len: usize,
    out_len: Option<&mut MaybeUninit<usize>>,
) -> goaway_status {
    guard(|| {
        let out_len = view::out(out_len, "out_len")?;
        // SAFETY: the header asks for a buffer of this many bytes.
        let place = unsafe { view::bytes_mut(place, place_len, "place") }?;
        let kind = kind_of(kind)?;
        let found = SESSIONS.here()?.find(session)?;
        let value = proxy::tlv(found.proxy_tlvs(), kind);
        let value = value.ok_or_else(|| Error::NotFound(format!("TLV of type {kind:#04x}")))?;
        out_len.write(value.len());
        let Some(place) = place.get_mut(..value.len()) else {
            return Err(Error::TooLarge(format!("the value has {} bytes", value.len())));
        };
        place.copy_from_slice(value);
        Ok(())
    })
}

fn kind_of(kind: u32) -> Result<u8> {
    u8::try_from(kind).map_err(|_| Error::invalid(format_args!("{kind} is no type of a TLV: at most 255")))
}
