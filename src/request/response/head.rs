//! The head of a response: what the host sets, and what is sent.

use http::{Method, StatusCode};

use super::super::connection::{self, ConnectionDirective, TunnelCondition};
use super::super::field;
use crate::error::{Error, Result};
use crate::header_list::HeaderList;

/// The fields that a host passes in one call, each with name and value.
pub trait Fields<'a>: Iterator<Item = Result<(&'a [u8], &'a [u8])>> {}

impl<'a, T: Iterator<Item = Result<(&'a [u8], &'a [u8])>>> Fields<'a> for T {}

/// A final head to send.
pub struct Head<'a> {
    pub status: StatusCode,
    /// The fields to send, with those that `complete` adds.
    pub fields: &'a mut HeaderList,
    /// The length to announce in `content-length`.
    length: Option<usize>,
    /// Whether a `date` is added if the host has not set one.
    is_dated: bool,
    /// Whether nothing follows the head.
    pub is_alone: bool,
    /// Whether tunnel data follows the head.
    pub is_tunnel: bool,
    /// In HTTP/1.1: whether the connection is closed after this response.
    pub closes: bool,
}

impl Head<'_> {
    /// Adds `date` and `content-length` if they are to be sent and the host has not set
    /// them.
    pub fn complete(&mut self, date: &[u8]) {
        if self.is_dated && !self.fields.contains(b"date") {
            self.fields.push_lower(b"date", date, false);
        }
        if let Some(length) = self.length {
            self.fields.push_lower(b"content-length", digits(length, &mut [0; 20]), false);
        }
    }
}

/// The decimal digits of a number, written into `buffer`.
fn digits(mut number: usize, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &buffer[at..];
        }
    }
}

/// An informational head (RFC 9110, section 15.2) to send.
pub struct Informational {
    pub status: StatusCode,
    pub fields: HeaderList,
}

/// The final head as the host sets it.
#[derive(Default)]
pub struct Draft {
    fields: HeaderList,
    /// Present while a head is written and not sent.
    status: Option<StatusCode>,
    /// The length of a response given in one call.
    length: Option<usize>,
    /// The host wants no `date` that it has not set itself.
    is_undated: bool,
    /// The host wants the connection closed after the response.
    closes: bool,
    tunnel_condition: TunnelCondition,
    /// The request came in HTTP/1.1, whose responses may close the connection.
    is_http1: bool,
    /// Tunnel data follows the head.
    is_tunnel: bool,
    /// The status forbids content (RFC 9110, section 6.4.1).
    is_bodyless: bool,
}

impl Draft {
    /// Begins the head of a response to a request of this method.
    pub fn begin(&mut self, method: &Method) {
        self.tunnel_condition =
            if *method == Method::CONNECT { TunnelCondition::Success } else { TunnelCondition::None };
        self.is_http1 = false;
    }

    /// The request came in HTTP/1.1 and may ask for an upgrade.
    pub fn begin_http1(&mut self, asks_upgrade: bool) {
        self.is_http1 = true;
        if asks_upgrade {
            self.tunnel_condition = TunnelCondition::Switch;
        }
    }

    /// The bytes of memory that its fields hold.
    pub fn memory(&self) -> usize {
        self.fields.memory()
    }

    /// Drops all that the host has set, except for buffers of up to `kept` bytes.
    pub fn clear(&mut self, kept: usize) {
        self.fields.clear();
        if self.fields.memory() > kept {
            self.fields = HeaderList::new();
        }
        (self.status, self.length) = (None, None);
        (self.is_undated, self.closes, self.is_tunnel, self.is_bodyless) = (false, false, false, false);
    }

    /// Sets a field and replaces those of its name.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        match self.takes_connection(name, value)? {
            true => Ok(()),
            false => field::set(&mut self.fields, name, value),
        }
    }

    /// Adds a field.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        match self.takes_connection(name, value)? {
            true => Ok(()),
            false => field::append(&mut self.fields, name, value),
        }
    }

    /// Takes a field about the connection that a host may set. Returns false for any
    /// other field.
    fn takes_connection(&mut self, name: &[u8], value: &[u8]) -> Result<bool> {
        match connection::read(name, value, self.is_http1, self.tunnel_condition)? {
            None => return Ok(false),
            Some(ConnectionDirective::Close) => self.closes = true,
            Some(ConnectionDirective::Upgrade) => self.fields.set(b"upgrade", value, false),
            Some(ConnectionDirective::Nothing) => {}
        }
        Ok(true)
    }

    /// Sets these fields, each of which replaces those of its name set before. Fields
    /// of one name that are passed together are all set. On failure some may be set.
    pub fn set_all<'a>(&mut self, mut fields: impl Fields<'a>) -> Result<()> {
        if self.fields.is_empty() {
            return fields.try_for_each(|given| given.and_then(|(name, value)| self.add(name, value)));
        }
        let mut others = HeaderList::new();
        for given in fields {
            let (name, value) = given?;
            if !self.takes_connection(name, value)? {
                field::append(&mut others, name, value)?;
            }
        }
        self.fields.set_all(&others);
        Ok(())
    }

    /// The state that `restore` needs to undo later changes.
    pub fn mark(&self) -> Mark {
        Mark { fields: self.fields.clone(), closes: self.closes }
    }

    /// Undoes the changes since the mark.
    pub fn restore(&mut self, mark: Mark) {
        (self.fields, self.closes) = (mark.fields, mark.closes);
    }

    /// What this status makes of the response, if it is allowed with the fields set so
    /// far.
    pub fn check(&self, status: u16) -> Result<Checked> {
        let status = status_code(status)?;
        let is_tunnel = self.tunnel_condition.with(status);
        if status.is_informational() && !is_tunnel {
            return Err(Error::invalid(format_args!("{} is informational, no response", status.as_u16())));
        }
        if !is_tunnel && self.tunnel_condition == TunnelCondition::Switch && self.fields.contains(b"upgrade") {
            return Err(Error::invalid(format_args!("upgrade goes with 101, not with {}", status.as_u16())));
        }
        let announced = self.content_length()?.filter(|_| !is_tunnel);
        Ok(Checked { status, announced, is_tunnel, is_bodyless: forbids_content(status) && !is_tunnel })
    }

    /// Sets the head as it was checked. `length` is announced as `content-length`.
    pub fn write(&mut self, checked: Checked, length: Option<usize>) {
        let Checked { status, is_tunnel, is_bodyless, .. } = checked;
        // RFC 9110, sections 8.6, 9.3.6 and 15.3.6: whatever the host sets, a 204
        // response and a tunnel have no content-length, and a 205 response announces no
        // body.
        if is_tunnel || matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
            self.fields.remove(b"content-length");
        }
        self.status = Some(status);
        (self.length, self.is_tunnel, self.is_bodyless) = (length, is_tunnel, is_bodyless);
    }

    /// Adds no `date`.
    pub fn leave_out_date(&mut self) {
        self.is_undated = true;
    }

    /// Adds no `content-length`.
    pub fn leave_out_length(&mut self) {
        self.length = None;
    }

    /// Whether tunnel data follows the head.
    pub fn is_tunnel(&self) -> bool {
        self.is_tunnel
    }

    /// Whether the status forbids content.
    pub fn is_bodyless(&self) -> bool {
        self.is_bodyless
    }

    /// The head, returned once after it is written. `is_alone`: nothing follows it.
    pub fn take(&mut self, is_alone: bool) -> Option<Head<'_>> {
        Some(Head {
            status: self.status.take()?,
            fields: &mut self.fields,
            length: self.length,
            is_dated: !self.is_undated,
            is_alone,
            is_tunnel: self.is_tunnel,
            closes: self.closes,
        })
    }

    fn content_length(&self) -> Result<Option<u64>> {
        let mut values = self.fields.get_all(b"content-length");
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Error::invalid("there are two content-length fields"));
        }
        let text = str::from_utf8(value).ok();
        let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let wrong = || {
            let value = String::from_utf8_lossy(value);
            Error::invalid(format_args!("content-length is {value:?}, which is no length"))
        };
        digits.and_then(|digits| digits.parse().ok()).map(Some).ok_or_else(wrong)
    }
}

/// The fields and the connection option at one moment.
pub struct Mark {
    fields: HeaderList,
    closes: bool,
}

/// What a status makes of a response.
pub struct Checked {
    status: StatusCode,
    /// The content-length that the host has set.
    pub announced: Option<u64>,
    pub is_tunnel: bool,
    pub is_bodyless: bool,
}

impl Informational {
    /// Makes a head of this status and these fields, which are checked.
    pub fn new(status: u16, fields: HeaderList) -> Result<Self> {
        let status = status_code(status)?;
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::invalid(format_args!("{status} is no informational status of HTTP/2")));
        }
        Ok(Self { status, fields })
    }
}

/// A status of three digits. RFC 9110, section 15, defines none from 600 on, but some
/// programs send them, and clients treat them as 5xx.
fn status_code(status: u16) -> Result<StatusCode> {
    StatusCode::from_u16(status).map_err(|_| Error::invalid(format_args!("{status} is no HTTP status")))
}

fn forbids_content(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 7, 10, 999, 1_000_000, usize::MAX] {
            assert_eq!(digits(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn what_the_library_adds_stands_last_and_once() {
        let completed = |host: &[(&str, &str)], length| {
            let mut draft = Draft::default();
            host.iter().for_each(|(name, value)| draft.add(name.as_bytes(), value.as_bytes()).unwrap());
            let checked = draft.check(200).unwrap();
            draft.write(checked, length);
            let mut head = draft.take(false).unwrap();
            head.complete(b"now");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            head.fields.iter().map(|field| (text(field.name), text(field.value))).collect::<Vec<_>>()
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        assert_eq!(completed(&[("A", "b")], Some(5)), pairs(&[("a", "b"), ("date", "now"), ("content-length", "5")]));
        assert_eq!(completed(&[("Date", "then")], None), pairs(&[("date", "then")]));
    }

    #[test]
    fn fields_keep_their_order_and_are_replaced_in_their_place() {
        let mut draft = Draft::default();
        for (name, value) in [("a", "1"), ("set-cookie", "x"), ("b", "2"), ("set-cookie", "y"), ("a", "3")] {
            draft.add(name.as_bytes(), value.as_bytes()).unwrap();
        }
        draft.set(b"A", b"4").unwrap();
        let mark = draft.mark();
        let given = [("c", "5"), ("b", "6"), ("c", "7")];
        draft.set_all(given.iter().map(|(name, value)| Ok((name.as_bytes(), value.as_bytes())))).unwrap();
        let order = |draft: &Draft| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let fields: Vec<_> = draft.fields.iter().map(|field| text(field.name) + "=" + &text(field.value)).collect();
            fields.join(" ")
        };
        assert_eq!(order(&draft), "a=4 set-cookie=x b=6 set-cookie=y c=5 c=7");
        draft.restore(mark);
        assert_eq!(order(&draft), "a=4 set-cookie=x b=2 set-cookie=y");
    }
}
