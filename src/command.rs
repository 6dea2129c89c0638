//! Commands, which a host submits in batches. Each has the effect of the call with the
//! same name.

use std::mem::offset_of;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::request::{self, Request, Response, section, trailers};

/// Kinds of commands. Later versions may append codes.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Sends a complete response: status, fields and data, like
    /// `goaway_request_respond_with`.
    Respond = 1,
    /// Begins a streamed response: status and fields, like
    /// `goaway_request_write_head_with`.
    Head = 2,
    /// Writes the next data of a streamed response, like `goaway_request_write`.
    Write = 3,
    /// Ends a streamed response with its last data, which may be empty, and trailer
    /// fields, like `goaway_request_end_with`. The data is accepted even if the
    /// high-water mark is reached.
    End = 4,
    /// Resets the stream with the error code `number`, like `goaway_request_reset`.
    Reset = 5,
    /// Reports that `number` bytes of BODY records were consumed, like
    /// `goaway_request_consume`.
    Consume = 6,
    /// Sends an informational response: status and fields, like
    /// `goaway_request_inform`.
    Inform = 7,
    /// Sets the idle time to `number` milliseconds, like
    /// `goaway_request_set_idle_ms`.
    SetIdle = 8,
    /// Sets the high-water mark to `number` bytes, like
    /// `goaway_request_set_high_water_bytes`.
    SetHighWater = 9,
    /// Attaches `number` to the request, like `goaway_request_set_context`.
    SetContext = 10,
}

/// Flag of a WRITE command: a WRITABLE record follows, unless the response ends
/// first, when half of the high-water mark is free, perhaps at once; also if the
/// command fails with GOAWAY_ERR_WOULD_BLOCK.
pub const GOAWAY_COMMAND_FLAG_NOTIFY: u32 = 1;

/// Flag of a WRITE command: like GOAWAY_COMMAND_FLAG_NOTIFY, but the WRITABLE record
/// follows only after all written bytes have been sent: over HTTP/2 to the kernel,
/// over HTTP/1.1 to the output buffer of the connection. A reset that is submitted
/// after the record does not discard them.
pub const GOAWAY_COMMAND_FLAG_NOTIFY_SENT: u32 = 16;

/// Flag of a RESPOND or HEAD command: no `date` field is added.
pub const GOAWAY_COMMAND_FLAG_NO_DATE: u32 = 2;

/// Flag of a RESPOND or HEAD command: no `content-length` field is added if the
/// length is known.
pub const GOAWAY_COMMAND_FLAG_NO_LENGTH: u32 = 4;

/// Flag of a RESPOND or END command: the response is sent, and BODY records of the
/// request continue until GOAWAY_RECORD_FLAG_END, as after
/// `goaway_request_keep_body`.
pub const GOAWAY_COMMAND_FLAG_KEEP_BODY: u32 = 8;

/// An instruction for a request, in 40 bytes without padding and in the byte order of
/// the machine. Each member's comment begins with its offset. Members that do not
/// apply to the kind are ignored.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Command {
    /// 0: a `goaway_command_kind`.
    pub kind: u16,
    /// 2: RESPOND, HEAD, INFORM: the status.
    pub status: u16,
    /// 4: flags, or 0. WRITE: GOAWAY_COMMAND_FLAG_NOTIFY and
    /// GOAWAY_COMMAND_FLAG_NOTIFY_SENT. RESPOND, HEAD: GOAWAY_COMMAND_FLAG_NO_DATE
    /// and GOAWAY_COMMAND_FLAG_NO_LENGTH. RESPOND, END:
    /// GOAWAY_COMMAND_FLAG_KEEP_BODY.
    pub flags: u32,
    /// 8: the request.
    pub request: u64,
    /// 16, 20: RESPOND, HEAD, INFORM: header fields. END: trailer fields. Name and
    /// value of each, each followed by a NUL. A name may begin with
    /// GOAWAY_FIELD_SENSITIVE.
    pub fields_offset: u32,
    pub fields_len: u32,
    /// 24, 28: RESPOND, WRITE, END: bytes of the body.
    pub data_offset: u32,
    pub data_len: u32,
    /// 32: RESET: the error code. CONSUME, SET_HIGH_WATER: bytes. SET_IDLE: milliseconds.
    /// SET_CONTEXT: any number.
    pub number: u64,
}

const _: () = {
    assert!(size_of::<Command>() == 40);
    assert!(offset_of!(Command, flags) == 4 && offset_of!(Command, request) == 8);
    assert!(offset_of!(Command, fields_offset) == 16 && offset_of!(Command, data_offset) == 24);
    assert!(offset_of!(Command, number) == 32);
};

impl Command {
    /// Executes the command. Its texts and bytes are in `arena`.
    pub fn carry_out(&self, arena: &[u8]) -> Result<()> {
        let id = self.request;
        match self.kind()? {
            CommandKind::Respond => respond_with(id, self.status, self.fields(arena)?, self.data(arena)?, self.flags),
            CommandKind::Head => write_head_with(id, self.status, self.fields(arena)?, self.flags),
            CommandKind::Write => self.write(self.data(arena)?),
            CommandKind::End => end_with(id, self.data(arena)?, self.fields(arena)?, self.flags),
            CommandKind::Reset => {
                let code = self.narrow("an error code")?;
                request::change(id, |request| request.reset(code))
            }
            CommandKind::Consume => request::consume(id, self.number),
            CommandKind::Inform => {
                let fields = section(self.fields(arena)?)?;
                request::response(id, |response| response.inform(self.status, fields))
            }
            CommandKind::SetIdle => {
                let idle = Duration::from_millis(self.narrow::<u32>("a time")?.into());
                request::read(id, |request| {
                    request.set_idle(idle);
                    Ok(())
                })
            }
            CommandKind::SetContext => request::set_context(id, self.number),
            CommandKind::SetHighWater => {
                let bytes = self.narrow("a number of bytes")?;
                request::response(id, |response| response.set_high_water(bytes))
            }
        }
    }

    /// Whether the command writes a part of the response. `None` for an unknown kind.
    fn is_of_response(&self) -> bool {
        let is_of_request =
            [CommandKind::Consume, CommandKind::SetIdle, CommandKind::SetHighWater, CommandKind::SetContext];
        !self.kind().is_ok_and(|kind| is_of_request.contains(&kind))
    }

    fn is_reset(&self) -> bool {
        self.kind == CommandKind::Reset as u16
    }

    fn kind(&self) -> Result<CommandKind> {
        Ok(match self.kind {
            1 => CommandKind::Respond,
            2 => CommandKind::Head,
            3 => CommandKind::Write,
            4 => CommandKind::End,
            5 => CommandKind::Reset,
            6 => CommandKind::Consume,
            7 => CommandKind::Inform,
            8 => CommandKind::SetIdle,
            9 => CommandKind::SetHighWater,
            10 => CommandKind::SetContext,
            other => return Err(Error::invalid(format_args!("there is no command of kind {other}"))),
        })
    }

    fn write(&self, data: &[u8]) -> Result<()> {
        check_flags(self.flags, NOTIFY_FLAGS)?;
        request::change(self.request, |request| {
            let written = request.response.write(data).map(drop);
            // Also if there was no room: the host then waits for room.
            let may_wait = matches!(written, Ok(()) | Err(Error::WouldBlock(_)));
            if self.flags & NOTIFY_FLAGS != 0 && may_wait {
                request.want_room(self.flags & GOAWAY_COMMAND_FLAG_NOTIFY_SENT != 0)?;
            }
            written
        })
    }

    fn data<'a>(&self, arena: &'a [u8]) -> Result<&'a [u8]> {
        slice(arena, self.data_offset, self.data_len)
    }

    /// The fields of the command as pairs of name and value.
    fn fields<'a>(&self, arena: &'a [u8]) -> Result<impl Iterator<Item = Result<(&'a [u8], &'a [u8])>> + use<'a>> {
        let text = slice(arena, self.fields_offset, self.fields_len)?;
        let mut pieces = match text.split_last() {
            None => None,
            Some((0, pieces)) => Some(pieces.split(|byte| *byte == 0)),
            Some(_) => return Err(Error::invalid("there is no NUL behind the last field")),
        };
        let without_value = || Error::invalid("the last field has no value");
        Ok(std::iter::from_fn(move || {
            let pieces = pieces.as_mut()?;
            let name = pieces.next()?;
            Some(pieces.next().map(|value| (name, value)).ok_or_else(without_value))
        }))
    }

    fn narrow<T: TryFrom<u64>>(&self, what: &str) -> Result<T> {
        T::try_from(self.number).map_err(|_| Error::invalid(format_args!("{} is too large for {what}", self.number)))
    }
}

/// Flags of a response head.
const HEAD_FLAGS: u32 = GOAWAY_COMMAND_FLAG_NO_DATE | GOAWAY_COMMAND_FLAG_NO_LENGTH;
/// Flags that ask for a WRITABLE record.
const NOTIFY_FLAGS: u32 = GOAWAY_COMMAND_FLAG_NOTIFY | GOAWAY_COMMAND_FLAG_NOTIFY_SENT;

/// Sends a complete response, as the command RESPOND.
pub fn respond_with<'a>(
    id: u64,
    status: u16,
    fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>,
    body: &[u8],
    flags: u32,
) -> Result<()> {
    check_flags(flags, HEAD_FLAGS | GOAWAY_COMMAND_FLAG_KEEP_BODY)?;
    request::change(id, |request| {
        request.response.respond_with(status, fields, body)?;
        leave_out(&mut request.response, flags);
        keep_body(request, flags);
        Ok(())
    })
}

/// Begins a streamed response, as the command HEAD.
pub fn write_head_with<'a>(
    id: u64,
    status: u16,
    fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>,
    flags: u32,
) -> Result<()> {
    check_flags(flags, HEAD_FLAGS)?;
    request::response(id, |response| {
        response.write_head_with(status, fields)?;
        leave_out(response, flags);
        Ok(())
    })
}

/// Ends a streamed response, as the command END.
pub fn end_with<'a>(
    id: u64,
    data: &[u8],
    fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>,
    flags: u32,
) -> Result<()> {
    check_flags(flags, GOAWAY_COMMAND_FLAG_KEEP_BODY)?;
    let trailers = trailers(fields)?;
    request::change(id, |request| {
        request.response.end_with(data, trailers)?;
        keep_body(request, flags);
        Ok(())
    })
}

/// Asks for a WRITABLE record, as the flags of the command WRITE.
pub fn notify(id: u64, flags: u32) -> Result<()> {
    check_flags(flags, NOTIFY_FLAGS)?;
    if flags == 0 {
        return Err(Error::invalid("no flag says what to wait for"));
    }
    request::change(id, |request| request.want_room(flags & GOAWAY_COMMAND_FLAG_NOTIFY_SENT != 0))
}

fn check_flags(flags: u32, known: u32) -> Result<()> {
    match flags & !known {
        0 => Ok(()),
        other => Err(Error::invalid(format_args!("the flags {other:#x} do not apply here"))),
    }
}

/// Applies the flags to the head that was just written.
fn leave_out(response: &mut Response, flags: u32) {
    if flags & GOAWAY_COMMAND_FLAG_NO_DATE != 0 {
        response.leave_out_date();
    }
    if flags & GOAWAY_COMMAND_FLAG_NO_LENGTH != 0 {
        response.leave_out_length();
    }
}

/// Applies the flags to the response that has just ended.
fn keep_body(request: &mut Request, flags: u32) {
    if flags & GOAWAY_COMMAND_FLAG_KEEP_BODY != 0 {
        request.keep_body();
    }
}

/// A batch of commands during its execution. After a command of a response has failed,
/// the other commands of that response are skipped, except a reset. Otherwise an
/// incomplete response could look complete.
#[derive(Default)]
pub struct Execution {
    /// The requests with a failed command.
    failed: Vec<u64>,
}

impl Execution {
    /// Executes the next command, or skips it.
    pub fn carry_out(&mut self, command: &Command, arena: &[u8]) -> Result<()> {
        if !self.failed.is_empty() && self.skips(command) {
            return Err(Error::Skipped);
        }
        command.carry_out(arena).inspect_err(|error| {
            // Further commands for an ended request fail by themselves.
            let is_over = matches!(error, Error::Gone(_) | Error::Cancelled(_) | Error::Forked);
            if command.is_of_response() && !is_over {
                self.failed.push(command.request);
            }
        })
    }

    fn skips(&self, command: &Command) -> bool {
        command.is_of_response() && !command.is_reset() && self.failed.contains(&command.request)
    }
}

fn slice(arena: &[u8], offset: u32, len: u32) -> Result<&[u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    let (offset, len) = (offset as usize, len as usize);
    let end = offset.checked_add(len);
    let found = end.and_then(|end| arena.get(offset..end));
    found.ok_or_else(|| {
        Error::invalid(format_args!("{len} bytes at {offset} are outside the arena, which has {}", arena.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Vec<(String, String)>> {
        let command = Command { fields_offset: 1, fields_len: text.len() as u32, ..Command::default() };
        let owned = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let arena = format!("x{text}x");
        let fields = command.fields(arena.as_bytes())?;
        fields.map(|given| given.map(|(name, value)| (owned(name), owned(value)))).collect()
    }

    #[test]
    fn fields_are_pairs() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(fields("").unwrap(), []);
        assert_eq!(fields("a\0b\0").unwrap(), [pair("a", "b")]);
        assert_eq!(fields("a\0\0c\0d\0").unwrap(), [pair("a", ""), pair("c", "d")]);
        for half in ["a", "a\0", "a\0b", "\0", "a\0b\0c\0", "a\0b\0c"] {
            assert!(matches!(fields(half), Err(Error::Invalid(_))), "{half:?}");
        }
    }

    #[test]
    fn nothing_is_read_outside_the_arena() {
        assert_eq!(slice(b"abc", 1, 2).unwrap(), b"bc");
        assert_eq!(slice(b"", u32::MAX, 0).unwrap(), b"");
        for (offset, len) in [(0, 4), (3, 1), (u32::MAX, 1), (1, u32::MAX), (u32::MAX, u32::MAX)] {
            assert!(slice(b"abc", offset, len).is_err(), "{len} at {offset}");
        }
    }

    #[test]
    fn flags_are_of_their_kinds() {
        let carried = |kind, flags| {
            let command = Command { kind: kind as u16, status: 200, flags, ..Command::default() };
            command.carry_out(&[])
        };
        let all = GOAWAY_COMMAND_FLAG_NO_DATE | GOAWAY_COMMAND_FLAG_NO_LENGTH;
        for (kind, good, bad) in [
            (CommandKind::Respond, all, GOAWAY_COMMAND_FLAG_NOTIFY),
            (CommandKind::Respond, GOAWAY_COMMAND_FLAG_KEEP_BODY, GOAWAY_COMMAND_FLAG_NOTIFY_SENT),
            (CommandKind::Head, all, GOAWAY_COMMAND_FLAG_KEEP_BODY),
            (CommandKind::End, GOAWAY_COMMAND_FLAG_KEEP_BODY, all),
            (
                CommandKind::Write,
                GOAWAY_COMMAND_FLAG_NOTIFY | GOAWAY_COMMAND_FLAG_NOTIFY_SENT,
                GOAWAY_COMMAND_FLAG_NO_DATE,
            ),
            (CommandKind::Write, GOAWAY_COMMAND_FLAG_NOTIFY_SENT, 32),
        ] {
            assert!(matches!(carried(kind, good), Err(Error::Gone(_))), "{kind:?}");
            assert!(matches!(carried(kind, bad), Err(Error::Invalid(_))), "{kind:?}");
        }
    }

    #[test]
    fn unknown_kinds_are_refused() {
        for kind in [0, 11, u16::MAX] {
            assert!(matches!(Command { kind, ..Command::default() }.carry_out(&[]), Err(Error::Invalid(_))));
        }
        for kind in 1..=10 {
            let done = Command { kind, status: 200, number: 1, ..Command::default() }.carry_out(&[]);
            assert!(matches!(done, Err(Error::Gone(_))), "{kind}");
        }
    }
}
