//! Texts and bytes in arguments.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::error::{Error, Result};
use crate::setting::Setting;

/// A view of bytes of the library. They are not NUL-terminated. `data` is not NULL
/// even if `len` is 0. The function that returns the view documents how long it is
/// valid.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_bytes {
    pub data: *const u8,
    pub len: usize,
}

impl From<&[u8]> for goaway_bytes {
    fn from(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), len: bytes.len() }
    }
}

impl From<&str> for goaway_bytes {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

/// A pointer to an object of the host: `Option<&T>` in a call that changes nothing,
/// which the header shows as `const T *`, and `Option<NonNull<T>>` in one that does.
/// Either way the object is shared, since every call may come from any thread.
pub trait Object<'a, T> {
    /// The object, or `None` for NULL.
    fn get(self) -> Option<&'a T>;
}

impl<'a, T> Object<'a, T> for Option<&'a T> {
    fn get(self) -> Option<&'a T> {
        self
    }
}

impl<'a, T> Object<'a, T> for Option<NonNull<T>> {
    fn get(self) -> Option<&'a T> {
        // SAFETY: the header asks for an object that was created and not freed.
        self.map(|object| unsafe { object.as_ref() })
    }
}

/// A field of a header or trailer section. Both texts are NUL-terminated. A name that
/// begins with the byte GOAWAY_FIELD_SENSITIVE, here and in every call that takes a
/// field, marks the value as secret: the field is sent as never indexed (RFC 7541,
/// section 7.1.3). In C: "\x01" "cookie".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_field {
    pub name: *const c_char,
    pub value: *const c_char,
}

/// A setting of HTTP/2 (RFC 9113, section 6.5.1).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_setting {
    /// Its identifier, up to 65535 (RFC 9113, section 6.5.2).
    pub id: u32,
    pub value: u32,
}

/// `count` settings at `settings`, which is not looked at when `count` is 0.
pub unsafe fn settings(settings: *const goaway_setting, count: usize) -> Result<Vec<Setting>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if settings.is_null() {
        return Err(Error::Null("settings"));
    }
    // No array can be that long, so it is not read.
    let most = usize::from(u16::MAX);
    if count > most {
        return Err(Error::TooLarge(format!("{count} settings; there are no more than {most}")));
    }
    // SAFETY: not NULL, of a possible length, and the header asks for this many elements.
    let settings = unsafe { std::slice::from_raw_parts(settings, count) };
    settings.iter().map(|setting| Setting::new(setting.id, setting.value)).collect()
}

/// The bytes of a NUL-terminated text.
pub unsafe fn raw_text<'a>(text: *const c_char, name: &'static str) -> Result<&'a [u8]> {
    if text.is_null() {
        return Err(Error::Null(name));
    }
    // SAFETY: not NULL, and the header asks for a terminating NUL.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// A NUL-terminated UTF-8 text.
pub unsafe fn text<'a>(text: *const c_char, name: &'static str) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { raw_text(text, name) }?;
    std::str::from_utf8(bytes).map_err(|_| Error::Utf8(name))
}

/// `count` NUL-terminated UTF-8 texts.
pub unsafe fn texts<'a>(texts: *const *const c_char, count: usize, name: &'static str) -> Result<Vec<&'a str>> {
    if count > 0 && texts.is_null() {
        return Err(Error::Null(name));
    }
    if count > isize::MAX as usize / size_of::<*const c_char>() {
        return Err(Error::invalid(format_args!("{count} is no number of {name}")));
    }
    // SAFETY: the caller's promise: this many pointers, each to a NUL-terminated text.
    (0..count).map(|index| unsafe { text(*texts.add(index), name) }).collect()
}

/// `len` bytes at `data`, which is not looked at when `len` is 0.
pub unsafe fn bytes<'a>(data: *const u8, len: usize, name: &'static str) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Error::Null(name));
    }
    check_length(len, name)?;
    // SAFETY: not NULL, of a possible length, and the header asks for this many bytes.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// The same for bytes that the library writes.
pub unsafe fn bytes_mut<'a>(data: *mut u8, len: usize, name: &'static str) -> Result<&'a mut [u8]> {
    if len == 0 {
        return Ok(&mut []);
    }
    if data.is_null() {
        return Err(Error::Null(name));
    }
    check_length(len, name)?;
    // SAFETY: as above; the header says that nobody else uses the memory during the call.
    Ok(unsafe { std::slice::from_raw_parts_mut(data, len) })
}

/// No object is larger than half the address space.
fn check_length(len: usize, name: &'static str) -> Result<()> {
    match isize::try_from(len) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::invalid(format_args!("{len} is no length of {name}"))),
    }
}

/// Where a result goes.
pub fn out<'a, T>(place: Option<&'a mut MaybeUninit<T>>, name: &'static str) -> Result<&'a mut MaybeUninit<T>> {
    place.ok_or(Error::Null(name))
}
