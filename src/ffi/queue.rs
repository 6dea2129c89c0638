//! Event queues: records and commands in batches, for hosts with one thread.

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

/// A queue that collects events of a server until you take them. `goaway_queue_new`
/// makes it, `goaway_queue_free` ends it. It is for programs that do all their work
/// on one thread, such as an event loop: the thread is woken once for many events,
/// takes them in one call and submits its responses in another.
///
/// A request of a queue lives until you have responded (GOAWAY_COMMAND_KIND_RESPOND,
/// _END or _RESET) or until its CANCELLED record was written. The `goaway_request_`
/// functions work on it too, but its body arrives in records only.
///
/// The records of a request are one REQUEST, then BODY records until
/// GOAWAY_RECORD_FLAG_END. No record follows CANCELLED or the end of its response. A
/// request that is cancelled before its REQUEST record was written has no records.
///
/// The last record of a queue is CLOSED, when the server's close is complete. Exit
/// your loop only on CLOSED. A session may have no closing event before it, if its
/// thread has not ended it 0.9 s after the deadline: a callback holds the thread
/// (`sessions_stuck`), or the machine has not run it.
pub struct goaway_queue {
    queue: Arc<Queue>,
    /// The fork of the process that made it.
    fork: usize,
}

/// The result of `goaway_queue_take`: `count` records, and the arena to which their
/// offsets refer. Neither pointer is NULL, even if there are no records.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_batch {
    pub records: *const Record,
    pub count: usize,
    pub arena: *const u8,
    pub arena_len: usize,
}

/// Called when a batch is waiting, on a thread of the library. It should only wake
/// the thread that takes the batch.
pub type goaway_queue_cb = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Creates a queue of the server. End it with `goaway_queue_free`. Allowed before the
/// start only. A server may have several queues.
///
/// Returns NULL if it fails; `goaway_last_error` returns the text.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_new(server: Option<NonNull<goaway_server>>) -> Option<Box<goaway_queue>> {
    guard_or(None, || {
        let queue = borrow(server)?.add_queue()?;
        Ok(Some(Box::new(goaway_queue { queue, fork: table::fork() })))
    })
}

/// Ends a queue. After it has returned, the library no longer uses the queue's
/// memory, its descriptor and its callback. From inside a callback it does not wait:
/// a call of `on_ready` on another thread may still run to its end. Allowed at any
/// time, also after `goaway_server_free`; NULL is allowed. No other call on the queue
/// may run at the same time.
///
/// If the server is running, the queue's requests without a response are reset with
/// INTERNAL_ERROR, and new ones get the response 503. In a child process after fork()
/// it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_free(queue: Option<Box<goaway_queue>>) {
    guard_or((), || {
        let Some(handle) = queue else { return Ok(()) };
        if handle.fork != table::fork() {
            // The locks of the queue are those of another process.
            std::mem::forget(handle);
            return Ok(());
        }
        handle.queue.free(!is_our_thread());
        Ok(())
    });
}

/// Registers `queue` for all requests that match `pattern`; their records have the
/// tag `tag`. Allowed before the start only. Patterns are those of
/// `goaway_server_register_handler`, and each has one queue or one handler. A request
/// whose path parameter contains a NUL gets the response 400.
///
/// GOAWAY_ERR_INVALID: `pattern` is not a valid pattern, or it is registered already,
/// or the queue belongs to another server.
/// GOAWAY_ERR_STATE: the server was started.
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

/// Adds records of sessions or of a close to a queue: `what` is
/// GOAWAY_WATCH_SESSIONS, GOAWAY_WATCH_PROGRESS or both. Allowed before the start
/// only.
///
/// GOAWAY_ERR_INVALID: `what` is neither.
/// GOAWAY_ERR_STATE: the server was started.
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

/// Returns a descriptor for poll(2), epoll, kqueue or select, which is readable while
/// a batch is waiting: an eventfd on Linux, a pipe elsewhere, non-blocking and
/// close-on-exec. Do not read from it: `goaway_queue_take` does. `goaway_queue_free`
/// closes it. Returns -1 if it fails; `goaway_last_error` returns the text.
///
/// Edge-triggered polling (EPOLLET, EV_CLEAR) works without a loop: one take empties
/// the descriptor and returns all records, and later records cause a new edge. So
/// take once for each wake-up. A batch that waited before the descriptor was added is
/// reported by the first poll.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_fd(queue: Option<NonNull<goaway_queue>>) -> c_int {
    guard_or(-1, || own(queue)?.notifier(notifier::new, AsRawFd::as_raw_fd))
}

/// Sets `on_ready`, which is called once when a batch is waiting, and again only
/// after a take. Allowed before the start only; a later call replaces an earlier one.
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

/// Sets how many records may wait in the queue. Default 4096. 1 to 1048576.
///
/// When so many records wait, or 16 MiB of texts and data, the sessions hold back
/// requests, bodies and WRITABLE records until you take. Watched events are dropped,
/// except that a session opened or closed. Those two, CANCELLED, DRAIN and CLOSED are
/// always written. While the queue is full and sessions are watched, no connection is
/// accepted.
///
/// GOAWAY_ERR_INVALID: `records` is outside the range.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_queue_set_limit(queue: Option<NonNull<goaway_queue>>, records: u32) -> goaway_status {
    guard(|| own(queue)?.set_limit(records))
}

/// Writes the records that have collected to `out_batch`, in the order in which the
/// events happened. The batch is valid until the next take from this queue. It never
/// blocks; `count` is 0 if there are none. Only one thread may call it at a time.
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

/// Blocks until a batch is waiting, for at most `timeout_ms` milliseconds, or without
/// a limit with GOAWAY_FOREVER. For programs without an event loop.
///
/// GOAWAY_ERR_TIMEOUT: `timeout_ms` has passed.
/// GOAWAY_ERR_DEADLOCK: it was called from inside a callback.
/// GOAWAY_ERR_GONE: the last record was taken.
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

/// Carries out the `count` commands at `commands` in order, each like the
/// `goaway_request_` function of its name. Offsets of the commands refer to the
/// `arena_len` bytes at `arena`. Neither needs to be aligned. The `goaway_status` of
/// each command is written to `out_statuses`, which has room for `count` or is NULL.
/// Several threads may call it at the same time.
///
/// A command that fails does not affect other requests. If RESPOND, HEAD, WRITE, END,
/// INFORM, RESET or an unknown kind fails, each later RESPOND, HEAD, WRITE, END and
/// INFORM of the same request in the batch is GOAWAY_ERR_SKIPPED and changes nothing.
/// So a response never goes on without one of its parts. RESET, CONSUME, SET_IDLE,
/// SET_HIGH_WATER and SET_CONTEXT are never skipped, and a failure of one of the last
/// four skips nothing. The next batch starts afresh: submit again what failed and
/// what was skipped, respond in another way, or RESET. No WRITABLE record follows a
/// WRITE that was skipped.
///
/// Returns GOAWAY_OK or the status of the first command that failed. A command can
/// fail with:
///
/// GOAWAY_ERR_INVALID: its kind or flags are unknown, an offset is outside the arena,
/// the fields are not pairs, or `number` is out of range.
/// GOAWAY_ERR_GONE: the request has ended.
/// GOAWAY_ERR_WOULD_BLOCK: the high-water mark was reached before a WRITE. The WRITE
/// that crosses the mark is accepted completely.
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
        // SAFETY: the caller's promise. Commands consist of numbers, for which every
        // value is valid.
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
        // SAFETY: the structure consists of numbers, and has this many bytes.
        let shown = unsafe { data.as_ptr().cast::<goaway_report>().read_unaligned() };
        assert_eq!((shown.sessions_graceful, shown.streams_reset, shown.elapsed_ms), (1, 7, 10));
        assert_eq!((shown.sessions_by_peer, shown.bytes_unsent), (0, 0));
    }
}
