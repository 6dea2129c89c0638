//! Queues: events taken and responses given in batches, for hosts with one thread.

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use super::server::{GOAWAY_FOREVER, borrow, goaway_server};
use super::{UserData, goaway_status, guard, guard_or, notifier, view};
use crate::command::{Command, Execution};
use crate::error::{Error, Result};
use crate::queue::Queue;
use crate::record::{GOAWAY_WATCH_PROGRESS, GOAWAY_WATCH_SESSIONS, Record};
use crate::session::woken_once;
use crate::shared::is_our_thread;
use crate::table;

/// Events of a server that gather until you take them. Made by
/// `goaway_queue_new`, ended by `goaway_queue_free`. For a program that has one
/// thread for all of its work, such as an event loop: it is woken once for many
/// events, takes them in one call and submits its responses in another.
///
/// A request of a queue lives until you have responded (GOAWAY_COMMAND_KIND_RESPOND,
/// _END or _RESET) or a CANCELLED record of it was written. The
/// `goaway_request_` functions work on it too, but its body comes in records only.
///
/// For one request there is first a REQUEST record, then BODY records until
/// GOAWAY_RECORD_FLAG_END, and nothing after CANCELLED or after its response has been
/// given whole; one that is cancelled before its REQUEST could be written is
/// not told at all. The last record of all is CLOSED: it comes when the server's
/// close is complete, and no other ends a loop rightly. Of a session that its
/// thread has not ended 0.9 s after the deadline, because a callback holds the
/// thread (`sessions_stuck`) or the machine has not run it, there may be no end before it.
pub struct goaway_queue {
    queue: Arc<Queue>,
    /// The fork of the process that made it.
    fork: usize,
}

/// What `goaway_queue_take` gives: `count` records, and the arena that their
/// offsets go into. Neither is NULL, even when there is nothing.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_batch {
    pub records: *const Record,
    pub count: usize,
    pub arena: *const u8,
    pub arena_len: usize,
}

/// Called when a batch waits to be taken, on a thread of the library. It should
/// do no more than wake the thread that takes.
pub type goaway_queue_cb = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// A new queue of that server, to be ended with `goaway_queue_free`. NULL if it
/// fails, with the text in `goaway_last_error`. Before the start only. A server
/// may have several.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_new(server: Option<NonNull<goaway_server>>) -> Option<Box<goaway_queue>> {
    guard_or(None, || {
        let queue = borrow(server)?.add_queue()?;
        Ok(Some(Box::new(goaway_queue { queue, fork: table::fork() })))
    })
}

/// Ends a queue: its memory, its descriptor and its callback are not used any
/// more, as soon as this has returned; from inside a callback, as soon as a call
/// of `on_ready` that runs on another thread has. Allowed at any time, also after
/// `goaway_server_free`; NULL is allowed. If the server runs, the queue's
/// requests without a response are reset with INTERNAL_ERROR, and new ones are
/// refused with 503. No other call on the queue may run meanwhile. In a
/// child process after fork() it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_free(queue: Option<Box<goaway_queue>>) {
    guard_or((), || {
        let Some(handle) = queue else { return Ok(()) };
        if handle.fork != table::fork() {
            // Its locks mean nothing in this process.
            std::mem::forget(handle);
            return Ok(());
        }
        handle.queue.free(!is_our_thread());
        Ok(())
    });
}

/// Has each request that `pattern` matches told to the queue, with `tag` in its
/// record. Before the start only. Patterns are those of
/// `goaway_server_register_handler`, and each has one queue or one handler. A
/// request with a path parameter that contains a NUL gets the response 400.
///
/// GOAWAY_ERR_INVALID: the pattern is none, or is taken, or the queue is another
/// server's. GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_server_register_queue(
    server: Option<NonNull<goaway_server>>,
    pattern: *const c_char,
    queue: Option<NonNull<goaway_queue>>,
    tag: u32,
) -> goaway_status {
    guard(|| {
        let server = borrow(server)?;
        // SAFETY: the header asks for a NUL-terminated text.
        let pattern = unsafe { view::text(pattern, "pattern") }?;
        server.register_queue(pattern, own(queue)?, tag)
    })
}

/// Has the queue told more than its requests: `what` is GOAWAY_WATCH_SESSIONS,
/// GOAWAY_WATCH_PROGRESS or both. Before the start only.
///
/// GOAWAY_ERR_INVALID: it is neither. GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_watch(queue: Option<NonNull<goaway_queue>>, what: u32) -> goaway_status {
    guard(|| {
        let queue = own(queue)?;
        if what == 0 || what & !(GOAWAY_WATCH_SESSIONS | GOAWAY_WATCH_PROGRESS) != 0 {
            return Err(Error::invalid(format_args!("{what:#x} is nothing that can be watched")));
        }
        queue.watch(what)
    })
}

/// A descriptor for poll(2) and its kin, which is readable while a batch waits:
/// an eventfd on Linux, a pipe elsewhere, non-blocking and close-on-exec. Do not
/// read from it: `goaway_queue_take` does. `goaway_queue_free` closes it. -1 if
/// it fails, with the text in `goaway_last_error`.
///
/// Edge-triggered polling (EPOLLET, EV_CLEAR) works without a loop: one take
/// empties the descriptor and gives all that waits, and what comes after it is a
/// new edge. So take once for each event, and do nothing else to be woken again. A
/// batch that waited before the descriptor was added is reported by the first poll.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_fd(queue: Option<NonNull<goaway_queue>>) -> c_int {
    guard_or(-1, || own(queue)?.notifier(notifier::new, AsRawFd::as_raw_fd))
}

/// Has `on_ready` called when a batch waits, once for each batch: again only
/// after a take. Before the start only; the last call counts.
///
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_set_on_ready(
    queue: Option<NonNull<goaway_queue>>,
    on_ready: goaway_queue_cb,
    user_data: *mut c_void,
) -> goaway_status {
    guard(|| {
        let queue = own(queue)?;
        let on_ready = on_ready.ok_or(Error::Null("on_ready"))?;
        let user_data = UserData(user_data);
        // SAFETY: the host gave the callback for this argument.
        queue.set_on_batch(Box::new(move || unsafe { on_ready(user_data.get()) }))
    })
}

/// Sets how many records may wait untaken, 1 to 1048576; 4096 if it is not set.
/// When so many wait, or 16 MiB of texts and data, requests, bodies and WRITABLE
/// records are held back at their sessions until you take, and of what is
/// watched all is dropped but opened and closed sessions. CANCELLED, DRAIN,
/// CLOSED and those two are always written; while there is no room and sessions
/// are watched, no connection is accepted.
///
/// GOAWAY_ERR_INVALID: it is outside that range.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_set_limit(queue: Option<NonNull<goaway_queue>>, records: u32) -> goaway_status {
    guard(|| own(queue)?.set_limit(records))
}

/// Writes what has gathered to `out_batch`. It stays valid until the next take
/// from this queue. Never blocks; `count` is 0 if there is nothing. The order of
/// the records is that in which things happened. For one thread at a time.
///
/// GOAWAY_ERR_STATE: another thread is in this call.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_take(
    queue: Option<NonNull<goaway_queue>>,
    out_batch: Option<&mut MaybeUninit<goaway_batch>>,
) -> goaway_status {
    guard(|| {
        let (queue, out_batch) = (own(queue)?, view::out(out_batch, "out_batch")?);
        out_batch.write(queue.take(|batch| goaway_batch {
            records: batch.records.as_ptr(),
            count: batch.records.len(),
            arena: batch.arena.as_ptr(),
            arena_len: batch.arena.len(),
        })?);
        Ok(())
    })
}

/// Blocks until a batch waits, or for `timeout_ms`, or GOAWAY_FOREVER: for a
/// program without a loop.
///
/// GOAWAY_ERR_TIMEOUT: the time was up. GOAWAY_ERR_DEADLOCK: called from inside
/// a callback. GOAWAY_ERR_GONE: the last record was taken.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_wait(queue: Option<&goaway_queue>, timeout_ms: u32) -> goaway_status {
    guard(|| {
        let queue = own(queue)?;
        if is_our_thread() {
            return Err(Error::Deadlock("waiting for a batch"));
        }
        queue.wait((timeout_ms != GOAWAY_FOREVER).then(|| Duration::from_millis(timeout_ms.into())))
    })
}

/// Carries out the `count` commands at `commands`, in order, each as the
/// `goaway_request_` function would that it is named after. One that fails does
/// not stop those of other requests. For its own request the rest of the batch
/// is not carried out as far as it is of the response: if RESPOND, HEAD, WRITE,
/// END, INFORM, RESET or an unknown kind fails, each RESPOND, HEAD, WRITE, END
/// and INFORM behind it is GOAWAY_ERR_SKIPPED and changes nothing, so that no
/// response goes on without a part of it, or looks whole. RESET, CONSUME,
/// SET_IDLE, HIGH_WATER and SET_CONTEXT are carried out all the same, and the
/// failure of one of the last four skips nothing. A later batch begins anew: order again what
/// failed and what was skipped, respond in another way, or RESET. No WRITABLE
/// record follows a WRITE that was skipped.
///
/// Their offsets go into the `arena_len` bytes at `arena`. All is copied, and
/// neither needs to be aligned. Each one's `goaway_status` is written to
/// `out_statuses`, which has room for `count` or is NULL. From any thread, also
/// from several at once.
///
/// The result is GOAWAY_OK or the first failure's status. Of a command,
/// GOAWAY_ERR_INVALID: its kind or flags are unknown, an offset lies outside the
/// arena, the fields are no pairs, or `number` is out of range.
/// GOAWAY_ERR_GONE: the request has ended. GOAWAY_ERR_WOULD_BLOCK: a WRITE when the high-water mark was
/// reached; one that passes it is taken whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_queue_submit(
    queue: Option<NonNull<goaway_queue>>,
    commands: *const Command,
    count: usize,
    arena: *const c_void,
    arena_len: usize,
    out_statuses: *mut u32,
) -> goaway_status {
    guard(|| {
        own(queue)?;
        if count > isize::MAX as usize / size_of::<Command>() {
            return Err(Error::invalid(format_args!("{count} is no number of commands")));
        }
        if count > 0 && commands.is_null() {
            return Err(Error::Null("commands"));
        }
        // SAFETY: the header asks for that many bytes.
        let arena = unsafe { view::bytes(arena.cast(), arena_len, "arena") }?;
        // SAFETY: the header asks for that many commands and room for as many numbers.
        woken_once(|| unsafe { carry_out(commands, count, arena, out_statuses) })
    })
}

unsafe fn carry_out(commands: *const Command, count: usize, arena: &[u8], out_statuses: *mut u32) -> Result<()> {
    let (mut first, mut execution) = (Ok(()), Execution::default());
    for index in 0..count {
        // SAFETY: the caller's promise. Plain numbers, of which every value is one.
        let command = unsafe { commands.add(index).read_unaligned() };
        let done = execution.carry_out(&command, arena);
        if !out_statuses.is_null() {
            let status = done.as_ref().err().map_or(goaway_status::GOAWAY_OK, goaway_status::from);
            // SAFETY: the caller's promise.
            unsafe { out_statuses.add(index).write_unaligned(status as u32) };
        }
        first = first.and(done);
    }
    first
}

/// The queue, if this process made it: a fork copies locks that may be held.
fn own<'a>(queue: impl view::Object<'a, goaway_queue>) -> Result<&'a Arc<Queue>> {
    let handle = queue.get().ok_or(Error::Null("queue"))?;
    match handle.fork == table::fork() {
        true => Ok(&handle.queue),
        false => Err(Error::Forked),
    }
}

#[cfg(test)]
mod tests {
    use crate::close::Report;
    use crate::ffi::server::goaway_report;
    use crate::record::Batch;

    /// What a CLOSED record carries is the structure of the header.
    #[test]
    fn the_last_record_has_the_report() {
        let report = Report { sessions_graceful: 1, streams_reset: 7, elapsed_ms: 10, ..Report::default() };
        let mut batch = Batch { arena: vec![0; 3], ..Batch::default() };
        batch.closed(&report);
        let record = batch.records[0];
        assert_eq!((record.data_offset, record.data_len as usize), (8, size_of::<goaway_report>()));
        let data = &batch.arena[8..];
        // SAFETY: as many bytes as the structure has, which is made of plain numbers.
        let shown = unsafe { data.as_ptr().cast::<goaway_report>().read_unaligned() };
        assert_eq!((shown.sessions_graceful, shown.streams_reset, shown.elapsed_ms), (1, 7, 10));
        assert_eq!((shown.sessions_by_peer, shown.bytes_unsent), (0, 0));
    }
}
