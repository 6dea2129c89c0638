//! A C program: compiled, run on a free port, called, ended.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for what must come. Generous: a loaded machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const STANDARD: [&str; 6] = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// The name that a program linked to the library looks for.
pub const SONAME: &str =
    concat!("libgoaway.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn examples() -> PathBuf {
    root().join("bindings/c/examples")
}

/// A folder of this test's own, empty.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// Runs a command to its end, which must be a success.
#[track_caller]
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{shown}", output.status);
    output
}

/// A folder with the library that cargo built for this test, or GOAWAY_LIBRARY,
/// under the names that the linker and the loader look for.
fn library_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("a test has a path");
        let folders = test.ancestors().skip(1).take(2);
        let built = || folders.map(|folder| folder.join("libgoaway.so")).find(|path| path.exists());
        let library = std::env::var_os("GOAWAY_LIBRARY").map(PathBuf::from).or_else(built);
        let library = library.unwrap_or_else(|| panic!("no libgoaway.so beside {}", test.display()));
        let folder = scratch("lib");
        for name in ["libgoaway.so", SONAME] {
            symlink(&library, folder.join(name)).expect("a link");
        }
        folder
    })
}

/// Compiles an example, strictly.
pub fn compile(name: &str, sources: &[PathBuf]) -> PathBuf {
    let program = scratch(name).join(name);
    let library = library_folder();
    let mut command = Command::new("cc");
    command.args(STANDARD).arg("-g").arg("-I").arg(root().join("include")).args(sources);
    command.args(["-pthread", "-lgoaway", "-L"]).arg(library);
    command.arg(format!("-Wl,-rpath,{}", library.display())).arg("-o").arg(&program);
    run(&mut command);
    program
}

/// A program that serves.
pub struct Program {
    child: Child,
    stdout: Arc<Text>,
    stderr: Arc<Text>,
    port: u16,
}

impl Program {
    /// Compiles and starts `bindings/c/examples/NAME.c` and waits until it listens.
    #[track_caller]
    pub fn start(name: &str) -> Program {
        let program = compile(name, &[examples().join(name).with_extension("c")]);
        Program::listen(Command::new(program).arg("127.0.0.1:0"))
    }

    /// Starts a command that says "listening on" and, at the end of the line or
    /// before a semicolon, its port.
    #[track_caller]
    pub fn listen(command: &mut Command) -> Program {
        let mut program = Program::spawn(command);
        let deadline = Instant::now() + PATIENCE;
        program.port = loop {
            let said = program.stdout.read() + &program.stderr.read();
            if let Some(port) = said.lines().find_map(port_of) {
                break port;
            }
            let ended = program.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "{command:?} ended: {said}");
            assert!(Instant::now() < deadline, "{command:?} does not listen: {said}");
            thread::sleep(Duration::from_millis(5));
        };
        program
    }

    #[track_caller]
    pub fn spawn(command: &mut Command) -> Program {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        die_with_us(command);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = Text::gather(child.stdout.take().expect("piped"));
        let stderr = Text::gather(child.stderr.take().expect("piped"));
        Program { child, stdout, stderr, port: 0 }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What curl prints of `path`, called with these options too.
    #[track_caller]
    pub fn curl<S: AsRef<OsStr>>(&self, options: &[S], path: &str) -> String {
        let output = run(curl().args(options).arg(self.url(path)));
        String::from_utf8(output.stdout).expect("the answer is text")
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> String {
        self.curl(&[] as &[&str], path)
    }

    /// The status of an answer whose body does not matter.
    #[track_caller]
    pub fn status(&self, options: &[&str], path: &str) -> String {
        let wanted = [options, &["-o", "/dev/null", "-w", "%{http_code}"]].concat();
        self.curl(&wanted, path)
    }

    pub fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("a process id fits");
        // SAFETY: the child is ours and not yet waited for, so the id is its own.
        unsafe { libc::kill(pid, signal) };
    }

    /// Waits until the program has written `text` to standard output.
    #[track_caller]
    pub fn expect_output(&self, text: &str) {
        let found = self.stdout.wait_for(text);
        assert!(found, "no {text:?} in {:?}", self.stdout.read());
    }

    /// What it has written to standard output by now.
    pub fn said(&self) -> String {
        self.stdout.read()
    }

    #[track_caller]
    pub fn expect_complaint(&self, text: &str) {
        let found = self.stderr.wait_for(text);
        assert!(found, "no {text:?} in {:?}", self.stderr.read());
    }

    /// Types something.
    #[track_caller]
    #[allow(dead_code, reason = "not every test that uses this file types")]
    pub fn say(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("it listens still");
        stdin.write_all(text.as_bytes()).expect("it reads");
    }

    /// Enter: the example closes, and must end well. Gives what it wrote to
    /// standard output.
    #[track_caller]
    pub fn leave(mut self) -> String {
        drop(self.child.stdin.take());
        self.expect_success()
    }

    #[track_caller]
    pub fn expect_success(&mut self) -> String {
        let status = self.wait();
        assert!(status.success(), "it left with {status}: {}", self.stderr.read());
        self.stdout.whole()
    }

    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.stderr.read());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// curl as these tests need it: HTTP/2 at once, quiet, bounded.
pub fn curl() -> Command {
    let mut command = Command::new("curl");
    command.args(["--http2-prior-knowledge", "--silent", "--show-error", "--max-time", "60"]);
    command
}

fn port_of(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("listening on ")?;
    let rest = rest.split(';').next().unwrap_or(rest);
    rest.rsplit([' ', ':']).next()?.parse().ok()
}

/// What a process writes to one of its pipes.
struct Text {
    state: Mutex<(String, bool)>,
    changed: Condvar,
}

impl Text {
    /// Reads on a thread of its own, which ends with the pipe.
    fn gather(pipe: impl Read + Send + 'static) -> Arc<Text> {
        let text = Arc::new(Text { state: Mutex::default(), changed: Condvar::new() });
        let shared = Arc::clone(&text);
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
                shared.state.lock().unwrap().0.push_str(&String::from_utf8_lossy(&line));
                shared.changed.notify_all();
                line.clear();
            }
            shared.state.lock().unwrap().1 = true;
            shared.changed.notify_all();
        });
        text
    }

    fn read(&self) -> String {
        self.state.lock().unwrap().0.clone()
    }

    fn wait_for(&self, wanted: &str) -> bool {
        let state = self.state.lock().unwrap();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, PATIENCE, |(text, ended)| !text.contains(wanted) && !*ended)
            .unwrap();
        state.0.contains(wanted)
    }

    /// All of it, once the process has closed its end.
    fn whole(&self) -> String {
        let state = self.state.lock().unwrap();
        let (state, _) = self.changed.wait_timeout_while(state, PATIENCE, |(_, ended)| !*ended).unwrap();
        state.0.clone()
    }
}

/// Makes the kernel kill the program if the test's thread dies without a chance
/// to do it.
fn die_with_us(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl is a bare system call, safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}
