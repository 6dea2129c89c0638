//! The memory that peers make the library hold.

use super::{goaway_status, guard};
use crate::error::Error;
use crate::memory::{Part, Snapshot};

/// The memory that the library holds for its peers, in bytes: of all servers of the
/// process, as of the last turn of each session. `total` is the sum of the others.
/// Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct goaway_memory {
    /// All of it.
    pub total: u64,
    /// What each connection takes, idle or not.
    pub sessions: u64,
    /// What each open request takes, beside the fields below.
    pub streams: u64,
    /// Header and trailer sections of requests and responses, complete or not.
    pub fields: u64,
    /// Header compression tables.
    pub compression: u64,
    /// Request bodies that the host has not consumed.
    pub bodies: u64,
    /// Response bodies that wait for the peer.
    pub responses: u64,
    /// Bytes that were read and not processed: partial frames, further requests over
    /// HTTP/1.1.
    pub input: u64,
    /// Bytes that the kernel has not accepted.
    pub output: u64,
    /// The state and the records of TLS.
    pub tls: u64,
    /// The batches of event queues.
    pub records: u64,
}

/// Writes the memory that the library holds for its peers to `out_memory`. Pass
/// `sizeof(goaway_memory)` as `memory_size`; the fields that both your program and
/// the library know are written. Memory that the library keeps for reuse, some MiB
/// for each worker, is not part of it, and neither are the buffers of the kernel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn goaway_memory_usage(out_memory: *mut goaway_memory, memory_size: usize) -> goaway_status {
    guard(|| {
        if out_memory.is_null() {
            return Err(Error::Null("out_memory"));
        }
        let memory = goaway_memory::from(Snapshot::take());
        let known = memory_size.min(size_of::<goaway_memory>());
        // SAFETY: the host says that its structure has at least that many bytes.
        unsafe { std::ptr::copy_nonoverlapping((&raw const memory).cast::<u8>(), out_memory.cast(), known) };
        Ok(())
    })
}

impl From<Snapshot> for goaway_memory {
    fn from(snapshot: Snapshot) -> Self {
        let of = |part| snapshot.of(part) as u64;
        Self {
            total: snapshot.sum() as u64,
            sessions: of(Part::Sessions),
            streams: of(Part::Streams),
            fields: of(Part::Fields),
            compression: of(Part::Compression),
            bodies: of(Part::Bodies),
            responses: of(Part::Responses),
            input: of(Part::Input),
            output: of(Part::Output),
            tls: of(Part::Tls),
            records: of(Part::Records),
        }
    }
}
