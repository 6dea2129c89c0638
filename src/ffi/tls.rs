//! TLS: settings, certificates, and the result of a handshake.

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

/// TLS settings and certificates for listeners. `goaway_tls_new` makes it,
/// `goaway_tls_free` ends it. One goaway_tls may serve several listeners and servers.
/// Settings made before its first `goaway_server_listen_tls` take effect with that
/// call. Later settings take effect with the next `goaway_tls_reload`.
///
/// The server speaks TLS 1.3 and TLS 1.2, and of TLS 1.2 only what HTTP/2 allows (RFC
/// 9113, section 9.2). By ALPN (RFC 7301) it offers "h2", and also "http/1.1" and
/// "http/1.0" unless GOAWAY_FEATURE_HTTP1 is off. A client without ALPN is served
/// HTTP/1.1.
pub struct goaway_tls(Arc<Tls>);

/// Whether the server requests a certificate from clients; see
/// `goaway_tls_set_client_certificates`.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_tls_clients {
    /// No certificate is requested. The default.
    GOAWAY_TLS_CLIENTS_OFF = 0,
    /// A certificate is requested. A client without one is accepted. A certificate
    /// that the authorities do not verify fails the handshake.
    GOAWAY_TLS_CLIENTS_OPTIONAL = 1,
    /// A certificate is required. A client without one, or with one that the
    /// authorities do not verify, fails the handshake.
    GOAWAY_TLS_CLIENTS_REQUIRED = 2,
    /// A certificate is requested, and any certificate is accepted. The handshake
    /// proves only that the client has its key; the host must decide whether to trust
    /// it. `client_error` of `goaway_tls_info` has the result of the verification.
    GOAWAY_TLS_CLIENTS_UNVERIFIED = 3,
}

/// Versions of TLS, by their numbers in the protocol; see
/// `goaway_tls_set_min_version`.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_tls_version {
    GOAWAY_TLS_1_2 = 0x0303,
    GOAWAY_TLS_1_3 = 0x0304,
}

use goaway_tls_clients::*;
use goaway_tls_version::*;

/// The result of a session's TLS handshake. Texts are NUL-terminated; a text that
/// does not apply is empty. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_tls_info {
    /// "TLSv1.3" or "TLSv1.2".
    pub version: [c_char; 16],
    /// The cipher suite as IANA names it, such as "TLS_AES_128_GCM_SHA256".
    pub cipher: [c_char; 64],
    /// The protocol that ALPN selected: "h2", "http/1.1" or "http/1.0". Empty if the
    /// client did not use ALPN.
    pub alpn: [c_char; 16],
    /// The server name that the client sent (SNI, RFC 6066, section 3), in lower
    /// case.
    pub server_name: [c_char; 256],
    /// Why the authorities do not verify the client's certificate. Only with
    /// GOAWAY_TLS_CLIENTS_UNVERIFIED; empty if they verify it.
    pub client_error: [c_char; 128],
    /// The number of certificates that the client sent; see
    /// `goaway_session_peer_certificate`.
    pub client_certificates: u32,
    /// The version and the cipher suite by their numbers in the protocol, such as
    /// 0x0304 for TLS 1.3 and 0x1301 for TLS_AES_128_GCM_SHA256.
    pub version_number: u32,
    pub cipher_number: u32,
    /// Whether the client resumed an earlier TLS session.
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

/// Creates TLS settings without a certificate. End them with `goaway_tls_free`.
///
/// Returns NULL if it fails; `goaway_last_error` returns the text.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_new() -> Option<Box<goaway_tls>> {
    guard_or(None, || Ok(Some(Box::new(goaway_tls(Arc::default())))))
}

/// Ends TLS settings. Listeners that use them keep them as they are. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_free(tls: Option<Box<goaway_tls>>) {
    guard_or((), || {
        drop(tls);
        Ok(())
    });
}

/// Adds a certificate and its key from two PEM files, which may be the same file.
/// `certificate_file` has the certificate, followed by the intermediate certificates
/// up to its authority. `key_file` has the key. `password` decrypts an encrypted key
/// (PKCS #8); NULL if it is not encrypted. Both files are read now, and again by
/// `goaway_tls_reload`. They must be regular files.
///
/// You may call it several times. The server chooses among the certificates whose
/// signature algorithm the client supports: the last added one that contains the
/// requested server name (SNI) itself; otherwise the last added one that matches it
/// by a wildcard; otherwise the first one. So add an RSA certificate before an ECDSA
/// certificate of the same name. An expired certificate is accepted, with a warning
/// in the log.
///
/// If a part of a file is invalid, such as one certificate or a BEGIN line without
/// its END line, the file is refused. The text of an error names the file, the line
/// and the reason.
///
/// GOAWAY_ERR_TLS: the content of a file is invalid.
/// GOAWAY_ERR_IO, GOAWAY_ERR_PERMISSION: a file cannot be read.
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

/// Adds a certificate and its key from memory, in PEM, like
/// `goaway_tls_add_certificate`. `goaway_tls_reload` uses them unchanged.
///
/// GOAWAY_ERR_TLS: the certificate or the key is invalid; the text has the reason.
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

/// Selects the certificate that was added last for the server name `name` (SNI), and
/// for no other name, whatever names it contains. `name` is a name such as
/// "example.org", or "*.example.org" for exactly one label in place of the `*`. Such
/// a certificate takes precedence over those that are chosen by the names that they
/// contain. Among several, an exact name takes precedence over a wildcard, and the
/// last added one over earlier ones.
///
/// GOAWAY_ERR_INVALID: no certificate was added, or `name` cannot be a server name.
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

/// Sets whether the server requests a certificate from clients, and which authorities
/// verify it. `clients` is one of `goaway_tls_clients`. `authorities_file` is a PEM
/// file with the certificates of the authorities, which is read now, and again by
/// `goaway_tls_reload`. It may be NULL with GOAWAY_TLS_CLIENTS_OFF and _UNVERIFIED. A
/// self-signed certificate in it is also accepted as a client's own certificate. A
/// later call replaces an earlier one.
///
/// GOAWAY_ERR_INVALID: `clients` is none of these numbers, or an authority is
/// required and there is none.
/// GOAWAY_ERR_TLS: the content of the file is invalid.
/// GOAWAY_ERR_IO, GOAWAY_ERR_PERMISSION: the file cannot be read.
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

/// Sets the same as `goaway_tls_set_client_certificates`, with the authorities from
/// memory, in PEM. With a length of 0 there are none.
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

/// Sets the lowest version of TLS that the server accepts, one of
/// `goaway_tls_version`. Default GOAWAY_TLS_1_2.
///
/// GOAWAY_ERR_INVALID: `version` is none of these numbers.
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

/// Sets whether `tls` must have a certificate before it is used. Default true. With
/// false, a listener may start without one: every handshake fails until
/// `goaway_tls_replace` or `goaway_tls_reload` adds one.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_set_certificate_required(
    tls: Option<NonNull<goaway_tls>>,
    required: bool,
) -> goaway_status {
    guard(|| settings(tls)?.set_certificate_required(required))
}

/// Sets whether clients may resume TLS sessions by tickets (RFC 8446, section 2.2).
/// Resumption saves the client the certificate and the server a signature. Default
/// true. The process generates the keys of the tickets, replaces them every six hours
/// and at each reload, and never stores them.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_set_resumption(tls: Option<NonNull<goaway_tls>>, resumption: bool) -> goaway_status {
    guard(|| settings(tls)?.set_resumption(resumption))
}

/// Appends the secrets of every TLS session to a file, in the format of
/// SSLKEYLOGFILE, for debugging. With the file, anyone can decrypt the sessions.
/// NULL, the default, writes none. The library never reads the environment variable
/// SSLKEYLOGFILE.
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

/// Reads the files again, and uses their content and all settings made since the last
/// reload for new handshakes. Existing sessions are not changed. If a file is
/// invalid, nothing changes.
///
/// GOAWAY_ERR_TLS: the content of a file is invalid.
/// GOAWAY_ERR_IO, GOAWAY_ERR_PERMISSION: a file cannot be read.
/// GOAWAY_ERR_INVALID: there is no certificate.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_reload(tls: Option<NonNull<goaway_tls>>) -> goaway_status {
    guard(|| settings(tls)?.reload())
}

/// Replaces all settings and certificates of `tls` by those of `with`, for new
/// handshakes, as `goaway_tls_reload` does: for certificates that come from memory.
/// You still own `with`.
///
/// Errors are those of `goaway_tls_reload`.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_tls_replace(tls: Option<NonNull<goaway_tls>>, with: Option<&goaway_tls>) -> goaway_status {
    guard(|| {
        let with = with.map(|with| &*with.0).ok_or(Error::Null("with"))?;
        settings(tls)?.replace(with)
    })
}

/// Adds a listener on `address`, as `goaway_server_listen` does, that speaks TLS with
/// the settings of `tls`.
///
/// GOAWAY_ERR_INVALID: `tls` has no certificate.
///
/// Other errors are those of `goaway_tls_reload` and `goaway_server_listen`.
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

/// Writes the result of a session's TLS handshake to `out_info`. Pass
/// `sizeof(goaway_tls_info)` as `info_size`; the fields that both your program and
/// the library know are written.
///
/// GOAWAY_ERR_NOT_FOUND: the session does not use TLS, or its handshake is not
/// complete.
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

/// Copies the certificate at `index`, in DER, of those that the client of a session
/// sent, to the `place_len` bytes at `place`. Writes its length to `out_len`, also if
/// it is longer than `place_len`. Index 0 is the client's own certificate; the
/// intermediate certificates follow.
///
/// GOAWAY_ERR_NOT_FOUND: there is no certificate at `index`.
/// GOAWAY_ERR_TOO_LARGE: the certificate is longer than `place_len`.
/// GOAWAY_ERR_GONE: the session has ended.
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
        // SAFETY: the header asks for a buffer of this many bytes.
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

/// Writes a view of the certificate at `index`, in DER, of those that the client of
/// the request sent, to `out_certificate`. Index 0 is the client's own certificate.
///
/// GOAWAY_ERR_NOT_FOUND: there is no certificate at `index`.
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
    // SAFETY: the caller's promise.
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
