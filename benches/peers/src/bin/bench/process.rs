//! Children: pinned to a core, each in a process group of its own, so that all of
//! it can be counted and all of it is gone at the end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

pub const SERVER_CORE: u32 = 0;
pub const LOAD_CORE: u32 = 1;

/// How long a child may take to obey SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// Rare enough to disturb no measurement.
const POLL: Duration = Duration::from_millis(20);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C (and SIGTERM, SIGHUP) makes every wait in this module end
/// with an error, so that the children are stopped by their owners' drop. A second
/// one kills the runner at once; its children then get a SIGTERM from the kernel.
pub fn catch_interrupts() {
    extern "C" fn interrupt(_signal: libc::c_int) {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }
    // SAFETY: all zeros is a valid sigaction, and the handler only stores a flag.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = interrupt as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESETHAND;
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

pub fn stop_if_interrupted() -> Result<()> {
    match INTERRUPTED.load(Ordering::Relaxed) {
        true => Err("interrupted".into()),
        false => Ok(()),
    }
}

/// Sleeps for as long as one waits between two looks at something.
pub fn pause() -> Result<()> {
    thread::sleep(POLL);
    stop_if_interrupted()
}

/// Where `program` is. Servers live in sbin, which is not on everyone's PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

pub fn is_root() -> bool {
    // SAFETY: it has no arguments and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// `program`, confined to `core`.
pub fn pinned(core: u32, program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program.as_ref());
    command
}

/// A running child and all its descendants. They are stopped when it is dropped.
pub struct Group {
    leader: Child,
}

impl Group {
    pub fn spawn(command: &mut Command, stdout: File, stderr: File) -> Result<Group> {
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
        // SAFETY: prctl is all that runs between fork and exec, and is safe there.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let leader = command.spawn().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        Ok(Group { leader })
    }

    /// None while it runs.
    pub fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.leader.try_wait()
    }

    fn id(&self) -> libc::pid_t {
        self.leader.id().cast_signed()
    }

    /// The time that each process of the group has had a processor, in user and in
    /// kernel mode, by process id.
    ///
    /// Read from the process clocks: they count nanoseconds, where the fields of
    /// /proc/PID/stat count ticks of 10 ms, too coarse for a run of a second.
    pub fn cpu_times(&self) -> io::Result<BTreeMap<libc::pid_t, Duration>> {
        self.members()?.into_iter().map(|pid| Ok((pid, cpu_time(pid)?))).collect()
    }

    /// The ids of the processes of the group.
    pub fn members(&self) -> io::Result<Vec<libc::pid_t>> {
        let mut members = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let pid = name.to_str().and_then(|name| name.parse().ok());
            members.extend(pid.filter(|pid| process_group(*pid) == Some(self.id())));
        }
        Ok(members)
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: no memory is involved. That the group is gone already is no error.
        unsafe { libc::kill(-self.id(), signal) };
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(libc::SIGTERM);
        let deadline = Instant::now() + STOP_LIMIT;
        while matches!(self.leader.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        self.signal(libc::SIGKILL);
        let _ = self.leader.wait();
    }
}

/// None: there is no such process any more.
fn process_group(pid: libc::pid_t) -> Option<libc::pid_t> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // pid (name) state parent group ...: the name may hold anything, brackets too.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(2)?.parse().ok()
}

fn cpu_time(pid: libc::pid_t) -> io::Result<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both pointers are to live variables of the right type.
    unsafe {
        match libc::clock_getcpuclockid(pid, &mut clock) {
            0 => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
        if libc::clock_gettime(clock, &mut time) == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32))
}

/// Runs `command` to its end, within `limit`, and returns what it wrote to stdout.
/// `folder` is where its output is kept on the way: a file, unlike a pipe, is never
/// full.
pub fn output(command: &mut Command, limit: Duration, folder: &Path) -> Result<Vec<u8>> {
    let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
    let mut group = Group::spawn(command, File::create(&stdout)?, File::create(&stderr)?)?;
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = group.exit_status()? {
            break status;
        }
        if Instant::now() > deadline {
            return Err(format!("no end within {} s", limit.as_secs()).into());
        }
        pause()?;
    };
    if !status.success() {
        let text = fs::read_to_string(&stderr)?;
        return Err(format!("{status}: {}", text.trim()).into());
    }
    Ok(fs::read(&stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let id = std::process::id();
        let folder = std::env::temp_dir().join(format!("goaway-bench-test-{name}-{id}"));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_reports_what_happened() {
        let folder = folder("output");
        let run = |script, limit| output(&mut shell(script), limit, &folder);
        let long = Duration::from_secs(60);
        assert_eq!(run("printf hello", long).unwrap(), b"hello");
        assert!(run("echo why >&2; exit 3", long).unwrap_err().to_string().contains("why"));
        let begin = Instant::now();
        assert!(run("sleep 50", Duration::from_millis(50)).is_err());
        assert!(begin.elapsed() < STOP_LIMIT);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_group_is_counted_and_ended_with_its_children() {
        let folder = folder("group");
        let file = || File::create(folder.join("out")).unwrap();
        let mut command = shell("sleep 50 & while :; do :; done");
        let group = Group::spawn(&mut command, file(), file()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let times = loop {
            let times = group.cpu_times().unwrap();
            if times.len() == 2 && times[&group.id()] > Duration::from_millis(50) {
                break times;
            }
            assert!(Instant::now() < deadline, "{times:?}");
            thread::sleep(POLL);
        };
        drop(group);
        for pid in times.into_keys() {
            // An orphan that nobody has waited for yet has no processor time to come.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
