//! TLS: certificates, who may come, and what a session has agreed on.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;

use super::server::{borrow, goaway_request, goaway_server};
use super::session::{goaway_session, terminated};
use super::view::{self, Object, goaway_bytes};
use super::{goaway_status, guard, guard_or};
use crate::error::{Error, Result};
use crate::registry::SESSIONS;
use crate::request;
use crate::session::SessionHandle;
use crate::tls::{ClientAuth, Facts, MinVersion, Tls};

/// What listeners speak TLS with: certificates and settings. Made by
/// `goaway_tls_new`, ended by `goaway_tls_free`. One may serve several listeners
/// and servers. What is said to it before its first `goaway_server_listen_tls`
/// holds from then on; what is said later, from the next `goaway_tls_reload` on.
///
/// Spoken are TLS 1.3 and 1.2 (RFC 9113, section 9.2), of 1.2 only what HTTP/2
/// allows. By ALPN (RFC 7301) "h2" is offered, and "http/1.1" and "http/1.0"
/// unless GOAWAY_FEATURE_HTTP1 is off; a client that does not ask speaks HTTP/1.1.
pub struct goaway_tls(Arc<Tls>);

/// For `goaway_tls_set_client_certificates`: whether clients are asked for a
/// certificate.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_tls_clients {
    /// They are not; the default.
    GOAWAY_TLS_CLIENTS_OFF = 0,
    /// Who has one shows it, and one that the authorities do not vouch for ends
    /// the handshake.
    GOAWAY_TLS_CLIENTS_OPTIONAL = 1,
    /// The same, and who has none is refused.
    GOAWAY_TLS_CLIENTS_REQUIRED = 2,
    /// Who has one shows it and is let in with any, so that you judge: what is
    /// proven is only that the client has the key. `goaway_tls_info` says what
    /// the authorities think of it.
    GOAWAY_TLS_CLIENTS_UNVERIFIED = 3,
}

/// For `goaway_tls_set_min_version`: versions of TLS, by their numbers on the wire.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_tls_version {
    GOAWAY_TLS_1_2 = 0x0303,
    GOAWAY_TLS_1_3 = 0x0304,
}

use goaway_tls_clients::*;
use goaway_tls_version::*;

/// What a session's TLS handshake has come to. Texts are NUL-terminated, and
/// empty if there is nothing. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_tls_info {
    /// "TLSv1.3" or "TLSv1.2".
    pub version: [c_char; 16],
    /// The cipher suite as IANA names it, such as "TLS_AES_128_GCM_SHA256".
    pub cipher: [c_char; 64],
    /// What ALPN has chosen: "h2", "http/1.1", "http/1.0", or nothing if the client did not ask.
    pub alpn: [c_char; 16],
    /// The name that the client asked for (SNI, RFC 6066, section 3), in lower case.
    pub server_name: [c_char; 256],
    /// Why the authorities do not vouch for the client's certificate; only with
    /// GOAWAY_TLS_CLIENTS_UNVERIFIED, and empty if they do.
    pub client_error: [c_char; 128],
    /// Certificates that the client has shown; see `goaway_session_peer_certificate`.
    pub client_certificates: u32,
    /// The version and the cipher suite by their numbers on the wire: 0x0304 and
    /// 0x1301 are TLS 1.3 and TLS_AES_128_GCM_SHA256.
    pub version_number: u32,
    pub cipher_number: u32,
    /// Whether a session of before was resumed.
    pub is_resumed: bool,
}

impl From<&Facts> for goaway_tls_info {
    fn from(facts: &Facts) -> Self {
        Self {
            version: terminated(facts.version),
            cipher: terminated(&facts.cipher),
            alpn: terminated(&facts.protocol),
            server_name: terminated(&facts.server_name),
            client_error: terminated(&facts.objection),
            client_certificates: facts.chain.len() as u32,
            version_number: facts.version_number.into(),
            cipher_number: facts.cipher_number.into(),
            is_resumed: facts.is_resumed,
        }
    }
}

/// New TLS settings without a certificate, to be ended with `goaway_tls_free`.
/// NULL if it fails, with the text in `goaway_last_error`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_new() -> Option<Box<goaway_tls>> {
    guard_or(None, || Ok(Some(Box::new(goaway_tls(Arc::default())))))
}

/// Ends it. Listeners that were given it go on with it as it is. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_free(tls: Option<Box<goaway_tls>>) {
    guard_or((), || {
        drop(tls);
        Ok(())
    });
}

/// Adds a certificate with its key, from two files, which may be one. The first
/// holds the certificate and behind it those that lead to its authority, the
/// second the key; both in PEM. `password` is what the key is encrypted with
/// (PKCS #8), or NULL. Both files are read now, and again by `goaway_tls_reload`.
///
/// May be called several times. For the name that it asks for (SNI) a client
/// gets, of the certificates whose signatures it understands, the one added last
/// that has the name itself, or else the one added last that has it by a
/// wildcard, or else the first of all. So add an RSA certificate before an ECDSA
/// one for the same name. One that has expired is taken, with a warning in the log.
///
/// A file is checked as a whole: a certificate in it that cannot be read, or a
/// BEGIN without its END, refuses all of it. It must be a regular file.
///
/// GOAWAY_ERR_TLS: what is in a file cannot be used. GOAWAY_ERR_IO,
/// GOAWAY_ERR_PERMISSION: a file cannot be read. The text names the file, the
/// line and what is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_tls_add_certificate(
    tls: Option<NonNull<goaway_tls>>,
    certificate_file: *const c_char,
    key_file: *const c_char,
    password: *const c_char,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for NUL-terminated texts.
        let (certificate, key) =
            unsafe { (view::text(certificate_file, "certificate_file")?, view::text(key_file, "key_file")?) };
        // SAFETY: as above.
        let password = unsafe { optional(password) };
        settings(tls)?.add_files(certificate, key, password)
    })
}

/// The same from memory, which a reload does not read again. What is passed is
/// copied.
///
/// GOAWAY_ERR_TLS: it cannot be used; the text says why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_tls_add_certificate_pem(
    tls: Option<NonNull<goaway_tls>>,
    certificate: *const c_char,
    certificate_len: usize,
    key: *const c_char,
    key_len: usize,
    password: *const c_char,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes, and for a NUL-terminated text.
        let (certificate, key, password) = unsafe {
            let certificate = view::bytes(certificate.cast(), certificate_len, "certificate")?;
            (certificate, view::bytes(key.cast(), key_len, "key")?, optional(password))
        };
        settings(tls)?.add_pem(certificate, key, password)
    })
}

/// Has the certificate that was added last chosen for clients that ask for `name`
/// (SNI) and for no other name, whatever names are in it: "example.org", or
/// "*.example.org" for one label in front. Such a certificate goes before those
/// that are chosen by the names in them; of several for a name the one added
/// last, and an exact name before a wildcard.
///
/// GOAWAY_ERR_INVALID: no certificate was added, or clients cannot ask for such a name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_tls_set_server_name(
    tls: Option<NonNull<goaway_tls>>,
    name: *const c_char,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for a NUL-terminated text.
        let name = unsafe { view::text(name, "name") }?;
        settings(tls)?.set_server_name(name)
    })
}

/// Whether clients are asked for a certificate, one of the numbers of
/// `goaway_tls_clients`, and the file of the authorities, in PEM, that vouch for
/// it. It is read now, and again by `goaway_tls_reload`. NULL, none, is allowed
/// with GOAWAY_TLS_CLIENTS_OFF and _UNVERIFIED. A self-signed certificate among
/// them is also taken as a client's own. Replaces what was set before.
///
/// GOAWAY_ERR_INVALID: there is no such number, or no authority.
/// GOAWAY_ERR_TLS, GOAWAY_ERR_IO, GOAWAY_ERR_PERMISSION: as for certificates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_tls_set_client_certificates(
    tls: Option<NonNull<goaway_tls>>,
    clients: u32,
    authorities_file: *const c_char,
) -> goaway_status {
    guard(|| {
        let authorities = match authorities_file.is_null() {
            true => None,
            // SAFETY: the header asks for a NUL-terminated text.
            false => Some(unsafe { view::text(authorities_file, "authorities_file") }?),
        };
        settings(tls)?.ask_files(client_auth(clients)?, authorities)
    })
}

/// The same with authorities from memory. None are passed with a length of 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_tls_set_client_certificates_pem(
    tls: Option<NonNull<goaway_tls>>,
    clients: u32,
    authorities: *const c_char,
    authorities_len: usize,
) -> goaway_status {
    guard(|| {
        // SAFETY: the header asks for that many bytes.
        let authorities = unsafe { view::bytes(authorities.cast(), authorities_len, "authorities") }?;
        settings(tls)?.ask_pem(client_auth(clients)?, Some(authorities).filter(|text| !text.is_empty()))
    })
}

/// The oldest version that is spoken, one of the numbers of
/// `goaway_tls_version`. Default GOAWAY_TLS_1_2.
///
/// GOAWAY_ERR_INVALID: there is no such number.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_set_min_version(tls: Option<NonNull<goaway_tls>>, version: u32) -> goaway_status {
    guard(|| {
        let version = match version {
            _ if version == GOAWAY_TLS_1_2 as u32 => MinVersion::Tls12,
            _ if version == GOAWAY_TLS_1_3 as u32 => MinVersion::Tls13,
            _ => return Err(Error::invalid(format_args!("{version} is no version of TLS that HTTP/2 allows"))),
        };
        settings(tls)?.set_min_version(version)
    })
}

/// Whether there must be a certificate before `tls` is used. Default true. With
/// false a listener may have none: then every handshake fails, until
/// `goaway_tls_replace` or `goaway_tls_reload` brings one.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_set_certificate_required(
    tls: Option<NonNull<goaway_tls>>,
    required: bool,
) -> goaway_status {
    guard(|| settings(tls)?.set_certificate_required(required))
}

/// Whether clients may resume a session, which saves them the certificate and
/// the server its signature. Default true: with tickets (RFC 8446, section
/// 2.2), whose keys the process makes, changes every six hours and with each
/// reload, and never stores.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_set_resumption(tls: Option<NonNull<goaway_tls>>, resumption: bool) -> goaway_status {
    guard(|| settings(tls)?.set_resumption(resumption))
}

/// Has the secrets of every session written to a file, at whose end it goes on,
/// in the format of SSLKEYLOGFILE: whoever reads it can read the sessions. For
/// debugging. NULL, the default, writes none; an environment variable is never
/// looked at.
///
/// GOAWAY_ERR_IO, GOAWAY_ERR_PERMISSION: the file cannot be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_tls_set_key_log(
    tls: Option<NonNull<goaway_tls>>,
    file: *const c_char,
) -> goaway_status {
    guard(|| {
        let file = match file.is_null() {
            true => None,
            // SAFETY: the header asks for a NUL-terminated text.
            false => Some(unsafe { view::text(file, "file") }?),
        };
        settings(tls)?.set_key_log(file)
    })
}

/// Has handshakes from now on use the files as they are now, and what was said
/// since. Sessions go on as they are. If a file cannot be used nothing changes.
/// From any thread, at any time, as often as you like.
///
/// GOAWAY_ERR_TLS, GOAWAY_ERR_IO, GOAWAY_ERR_PERMISSION: as for certificates.
/// GOAWAY_ERR_INVALID: there is no certificate.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_reload(tls: Option<NonNull<goaway_tls>>) -> goaway_status {
    guard(|| settings(tls)?.reload())
}

/// The same with all that was said to `with` instead of what was said to `tls`:
/// for certificates that come from memory. `with` stays yours.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_replace(tls: Option<NonNull<goaway_tls>>, with: Option<&goaway_tls>) -> goaway_status {
    guard(|| {
        let with = with.map(|with| &*with.0).ok_or(Error::Null("with"))?;
        settings(tls)?.replace(with)
    })
}

/// Listens on `address` as `goaway_server_listen` does, and speaks TLS there.
///
/// GOAWAY_ERR_INVALID: `tls` has no certificate. GOAWAY_ERR_TLS and others: as
/// for certificates and for `goaway_server_listen`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_server_listen_tls(
    server: Option<NonNull<goaway_server>>,
    address: *const c_char,
    tls: Option<NonNull<goaway_tls>>,
) -> goaway_status {
    guard(|| {
        let server = borrow(server)?;
        // SAFETY: the header asks for a NUL-terminated text.
        let address = unsafe { view::text(address, "address") }?;
        let tls = tls.get().ok_or(Error::Null("tls"))?;
        server.listen(address, Some(tls.0.clone()))
    })
}

/// Writes what a session's handshake has come to to `out_info`: as many bytes
/// as both sides know of, `info_size` being `sizeof(goaway_tls_info)` in your
/// program.
///
/// GOAWAY_ERR_NOT_FOUND: the session speaks no TLS, or its handshake goes on.
/// GOAWAY_ERR_GONE: the session has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_tls(
    session: goaway_session,
    out_info: *mut goaway_tls_info,
    info_size: usize,
) -> goaway_status {
    guard(|| {
        if out_info.is_null() {
            return Err(Error::Null("out_info"));
        }
        let info = goaway_tls_info::from(facts(&*SESSIONS.here()?.find(session)?)?);
        let known = info_size.min(size_of::<goaway_tls_info>());
        // SAFETY: the host says that its structure has at least that many bytes.
        unsafe { std::ptr::copy_nonoverlapping((&raw const info).cast::<u8>(), out_info.cast(), known) };
        Ok(())
    })
}

/// Copies the certificate at `index` of those that a session's client has
/// shown, in DER, to `place`, which has `place_len` bytes, and writes its
/// length to `out_len`, also if it is too long for the place. The first is the
/// client's own, those behind it lead to its authority.
///
/// GOAWAY_ERR_NOT_FOUND: there are not so many. GOAWAY_ERR_TOO_LARGE: it is
/// longer than the place. GOAWAY_ERR_GONE: the session has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_session_peer_certificate(
    session: goaway_session,
    index: usize,
    place: *mut u8,
    place_len: usize,
    out_len: Option<&mut MaybeUninit<usize>>,
) -> goaway_status {
    guard(|| {
        let out_len = view::out(out_len, "out_len")?;
        // SAFETY: the header asks for a place of that many bytes.
        let place = unsafe { view::bytes_mut(place, place_len, "place") }?;
        let found = SESSIONS.here()?.find(session)?;
        let certificate = certificate(&found, index)?;
        out_len.write(certificate.len());
        let Some(place) = place.get_mut(..certificate.len()) else {
            return Err(Error::TooLarge(format!("the certificate has {} bytes", certificate.len())));
        };
        place.copy_from_slice(certificate);
        Ok(())
    })
}

/// Shows the certificate at `index` of those that the request's client has
/// shown, in DER. The first is the client's own.
///
/// GOAWAY_ERR_NOT_FOUND: there are not so many.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_request_peer_certificate(
    request: goaway_request,
    index: usize,
    out_certificate: Option<&mut MaybeUninit<goaway_bytes>>,
) -> goaway_status {
    guard(|| {
        let out = view::out(out_certificate, "out_certificate")?;
        request::read(request, |request| {
            out.write(certificate(&request.session, index)?.into());
            Ok(())
        })
    })
}

fn settings<'a>(tls: impl Object<'a, goaway_tls>) -> Result<&'a Tls> {
    tls.get().map(|tls| &*tls.0).ok_or(Error::Null("tls"))
}

/// The bytes of a NUL-terminated text, if there is one.
unsafe fn optional<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise is ours.
    unsafe { view::raw_text(text, "text") }.ok()
}

fn client_auth(number: u32) -> Result<ClientAuth> {
    Ok(match number {
        _ if number == GOAWAY_TLS_CLIENTS_OFF as u32 => ClientAuth::Off,
        _ if number == GOAWAY_TLS_CLIENTS_OPTIONAL as u32 => ClientAuth::Optional,
        _ if number == GOAWAY_TLS_CLIENTS_REQUIRED as u32 => ClientAuth::Required,
        _ if number == GOAWAY_TLS_CLIENTS_UNVERIFIED as u32 => ClientAuth::Unverified,
        _ => return Err(Error::invalid(format_args!("{number} is no way to ask for certificates"))),
    })
}

fn facts(session: &SessionHandle) -> Result<&Facts> {
    session.tls().ok_or_else(|| Error::NotFound("TLS in the session".into()))
}

fn certificate(session: &SessionHandle, index: usize) -> Result<&[u8]> {
    let chain = session.tls().map_or(&[][..], |facts| &facts.chain);
    chain.get(index).map(Vec::as_slice).ok_or_else(|| Error::NotFound(format!("certificate {index} of the client")))
}
