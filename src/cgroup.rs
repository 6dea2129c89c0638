//! How much memory the process may use: the limit of its control group, and the memory of
//! the machine.

use std::fs;
use std::path::{Path, PathBuf};

/// The greatest default without a control group limit.
const MOST: u64 = 1 << 30;
/// The least default.
const LEAST: u64 = 16 << 20;
/// A value from here on is no limit: version 1 writes the largest number of pages.
const NONE: u64 = 1 << 60;

/// The default of the memory limit: half of the control group's limit. Without one it is
/// 1 GiB, or half of the machine's memory if that is less.
pub fn share() -> u64 {
    share_of(Path::new("/proc"), Path::new("/sys/fs/cgroup"))
}

fn share_of(proc: &Path, mount: &Path) -> u64 {
    let groups = fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
    let limit = groups.lines().filter_map(|line| limit_of(line, mount)).min();
    let machine = fs::read_to_string(proc.join("meminfo")).ok().and_then(|text| total(&text));
    let share = match (limit, machine) {
        (Some(limit), machine) => limit.min(machine.unwrap_or(limit)) / 2,
        (None, Some(machine)) => (machine / 2).min(MOST),
        (None, None) => MOST,
    };
    share.max(LEAST)
}

/// The limit of the group in a line of /proc/self/cgroup: "0::/path" in version 2,
/// "4:memory:/path" in version 1. The limits of parent groups apply, too. In a container
/// the path may be that of the host, and only the mounted root exists.
fn limit_of(line: &str, mount: &Path) -> Option<u64> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, path) = rest.split_once(':')?;
    let (root, file) = match controllers {
        "" => (mount.to_owned(), "memory.max"),
        list if list.split(',').any(|name| name == "memory") => (mount.join("memory"), "memory.limit_in_bytes"),
        _ => return None,
    };
    let group = root.join(path.trim_start_matches('/'));
    let limits = group.ancestors().take_while(|folder| folder.starts_with(&root)).filter_map(|group| read(group, file));
    limits.min()
}

fn read(group: &Path, file: &str) -> Option<u64> {
    let path: PathBuf = group.join(file);
    // "max" means no limit.
    fs::read_to_string(path).ok()?.trim().parse().ok().filter(|limit| *limit < NONE)
}

/// "MemTotal:       16384256 kB"
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A system with these files.
    fn system(name: &str, files: &[(&str, &str)]) -> u64 {
        let root = std::env::temp_dir().join(format!("goaway-cgroup-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let share = share_of(&root.join("proc"), &root.join("sys"));
        fs::remove_dir_all(root).unwrap();
        share
    }

    #[test]
    fn the_smallest_limit_of_the_group_and_those_above_counts() {
        let group = ("proc/self/cgroup", "0::/a/b\n");
        let machine = ("proc/meminfo", "MemFree: 1 kB\nMemTotal:       16777216 kB\n");
        let (a, b) = (("sys/a/memory.max", "536870912\n"), ("sys/a/b/memory.max", "max\n"));
        assert_eq!(system("above", &[group, machine, a, b]), 256 * MIB);
        let b = ("sys/a/b/memory.max", "67108864\n");
        assert_eq!(system("own", &[group, machine, a, b]), 32 * MIB);
        // In a container, with the path of the host.
        let root = ("sys/memory.max", "134217728\n");
        assert_eq!(system("container", &[group, machine, root]), 64 * MIB);
        let tiny = ("sys/memory.max", "4096\n");
        assert_eq!(system("tiny", &[group, machine, tiny]), LEAST);
    }

    #[test]
    fn version_1_is_read_too() {
        let groups = ("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/x\n");
        let machine = ("proc/meminfo", "MemTotal: 1048576 kB\n");
        let none = ("sys/memory/docker/x/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(system("none", &[groups, machine, none]), 512 * MIB, "half of the machine");
        let some = ("sys/memory/docker/x/memory.limit_in_bytes", "209715200\n");
        assert_eq!(system("some", &[groups, machine, some]), 100 * MIB);
    }

    #[test]
    fn without_a_limit_it_is_a_gibibyte_at_most() {
        let machine = ("proc/meminfo", "MemTotal: 268435456 kB\n");
        assert_eq!(system("large", &[machine, ("proc/self/cgroup", "0::/\n")]), MOST);
        assert_eq!(system("unknown", &[("proc/self/cgroup", "nonsense\n")]), MOST);
        assert!(share() >= LEAST);
    }
}
