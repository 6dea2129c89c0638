//! Copies of the bytes that the host writes.
//!
//! A copy is made on a thread of the host and freed on the session's thread. For large
//! copies the C library's allocator then returns pages to the system and requests them
//! again, which took a third of the time of a large response. So copies of about a
//! frame's size are made in blocks that are reused.

use std::mem;
use std::sync::Mutex;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::table::lock;

/// SETTINGS_MAX_FRAME_SIZE as nearly all peers leave it (RFC 9113, section 6.5.2).
const BLOCK: usize = 16 * 1024;
/// The number of blocks kept for all servers together: 4 MiB of memory.
const KEPT: usize = 256;
/// Less than this is copied without a check that there is memory for the whole.
const HUGE: usize = 1 << 30;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A block in use.
struct Block(Vec<u8>);

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut block = mem::take(&mut self.0);
        block.clear();
        let mut spare = lock(&SPARE);
        if spare.len() < KEPT {
            spare.push(block);
        }
    }
}

/// Copies the bytes. Fails if there is no memory.
pub fn copy(bytes: &[u8]) -> Result<Bytes> {
    if is_block(bytes.len()) {
        let mut block = lock(&SPARE).pop().unwrap_or_default();
        fill(&mut block, bytes, BLOCK)?;
        return Ok(Bytes::from_owner(Block(block)));
    }
    let mut copied = Vec::new();
    fill(&mut copied, bytes, bytes.len())?;
    Ok(copied.into())
}

/// The bytes of memory that a copy of so many bytes takes.
pub fn memory_of(len: usize) -> usize {
    if is_block(len) { BLOCK } else { len }
}

/// Whether so many bytes are copied into a block.
fn is_block(len: usize) -> bool {
    (BLOCK / 4..=BLOCK).contains(&len)
}

/// The same in pieces, the first by itself: of a frame's size at most.
pub fn copy_in_pieces(bytes: &[u8]) -> Result<(Bytes, Vec<Bytes>)> {
    if bytes.len() > HUGE {
        // For a length that cannot be, nothing is read.
        reserve(&mut Vec::new(), bytes.len())?;
    }
    let (first, rest) = bytes.split_at(bytes.len().min(BLOCK));
    Ok((copy(first)?, rest.chunks(BLOCK).map(copy).collect::<Result<_>>()?))
}

/// Adds a copy of the bytes to `memory`, with room for `capacity` more if it has less.
pub fn fill(memory: &mut Vec<u8>, bytes: &[u8], capacity: usize) -> Result<()> {
    reserve(memory, capacity)?;
    memory.extend_from_slice(bytes);
    Ok(())
}

fn reserve(memory: &mut Vec<u8>, bytes: usize) -> Result<()> {
    let fits = memory.try_reserve_exact(bytes);
    fits.map_err(|_| Error::TooLarge(format!("there is no memory for {bytes} bytes")))
}

/// Frees the blocks that are not in use.
pub fn trim() {
    let spare = mem::take(&mut *lock(&SPARE));
    drop(spare);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_the_whole() {
        for length in [0, 1, BLOCK / 4, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let (first, rest) = copy_in_pieces(&bytes).unwrap();
            assert!(rest.iter().chain([&first]).all(|piece| piece.len() <= BLOCK));
            let whole: Vec<u8> = [first].into_iter().chain(rest).flatten().collect();
            assert_eq!(whole, bytes);
            assert_eq!(copy(&bytes).unwrap(), bytes);
        }
    }

    #[test]
    fn a_block_is_used_again_and_trimmed() {
        // Other tests may take it from between: one of many tries will do.
        let is_same = |_| {
            let first = copy(&[1; BLOCK]).unwrap();
            let at = first.as_ptr();
            drop(first);
            copy(&[2; BLOCK / 2]).unwrap().as_ptr() == at
        };
        assert!((0..1000).any(is_same));
        assert!(lock(&SPARE).len() <= KEPT);
        trim();
    }
}
