//! The demo's memory and descriptors, as the kernel counts them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// How much more memory the last third of the run may have than the second, in
/// KiB, and as a share: whichever is more.
const GROWTH_KIB: u64 = 4096;
const GROWTH_PERCENT: u64 = 5;

/// Below this a third is no more than one look.
const SAMPLES: usize = 6;

pub struct Process {
    folder: PathBuf,
}

impl Process {
    /// The one program that this one has started: the demo, since `run-demo`
    /// becomes it.
    pub fn child_of_ours() -> Process {
        let ours = std::process::id().to_string();
        let entries = fs::read_dir("/proc").expect("Linux has /proc").flatten();
        let mut children = entries.map(|entry| entry.path()).filter(|path| parent_of(path).as_deref() == Some(&*ours));
        let folder = children.next().expect("the demo runs");
        assert_eq!(children.next(), None, "a child besides the demo");
        Process { folder }
    }

    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(self.folder.join("status")).expect("the demo runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let digits = line.and_then(|line| line.trim().strip_suffix(" kB"));
        digits.and_then(|digits| digits.parse().ok()).expect("a number of kB")
    }

    pub fn descriptors(&self) -> usize {
        fs::read_dir(self.folder.join("fd")).expect("the demo runs").count()
    }
}

fn parent_of(folder: &Path) -> Option<String> {
    let status = fs::read_to_string(folder.join("status")).ok()?;
    status.lines().find_map(|line| Some(line.strip_prefix("PPid:")?.trim().to_string()))
}

/// The resident memory at the end of each round, in KiB.
#[derive(Default)]
pub struct Memory {
    samples: Vec<u64>,
}

impl Memory {
    pub fn add(&mut self, kib: u64) {
        self.samples.push(kib);
    }

    /// The medians of the second third and of the last. The first third is the
    /// warm-up: allocators and tables find their size.
    fn medians(&self) -> (u64, u64) {
        let third = self.samples.len() / 3;
        let last = self.samples.len() - third;
        (median(&self.samples[last - third..last]), median(&self.samples[last..]))
    }

    pub fn check_flat(&self) {
        if self.samples.len() < SAMPLES {
            println!("too few rounds to judge the memory");
            return;
        }
        let (second, last) = self.medians();
        let allowed = GROWTH_KIB.max(second * GROWTH_PERCENT / 100);
        assert!(last <= second + allowed, "the memory grows: {self}; all, in KiB: {:?}", self.samples);
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        if self.samples.len() < SAMPLES {
            return write!(out, "resident memory in KiB: {:?}", self.samples);
        }
        let (second, last) = self.medians();
        let first = self.samples[0];
        let growth = i128::from(last) - i128::from(second);
        write!(
            out,
            "resident memory: {first} KiB after the first round, {second} KiB in the second third, {last} KiB in the \
             last: {growth:+} KiB"
        )
    }
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(samples: impl Iterator<Item = u64>) -> Memory {
        Memory { samples: samples.collect() }
    }

    #[test]
    fn a_warm_up_is_no_leak() {
        memory([100, 9_000, 20_000, 20_000, 20_100, 20_000, 20_000, 20_050, 19_000].into_iter()).check_flat();
    }

    #[test]
    #[should_panic(expected = "the memory grows")]
    fn a_leak_is_found() {
        memory((1..=30).map(|round| round * 1000)).check_flat();
    }
}
