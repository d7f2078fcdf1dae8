//! A running daemon, a stream of its events, and the trigger program.

pub mod authority;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Long enough for an emulated machine, on which the kernel's verifier alone takes
/// some twenty seconds; only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Tries until there is an answer, so that a busy machine has time and an idle one is not
/// waited for.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "still waiting for {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The daemon's binary.
pub fn sentinel() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sentinel"))
}

/// The command line's binary, which lies beside the daemon's.
pub fn sentinelctl(socket: &Path) -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_sentinel")).with_file_name("sentinelctl");
    assert!(
        path.exists(),
        "{} is not built; run cargo build --release first",
        path.display()
    );
    let mut command = Command::new(path);
    command.arg("--socket").arg(socket);
    command
}

/// Whether the kernel can be watched here; prints why a test skips when not.
pub fn can_watch(test: &str) -> bool {
    static PROBE: OnceLock<Output> = OnceLock::new();
    let probe = PROBE.get_or_init(|| sentinel().arg("probe").output().expect("probe runs"));
    if !probe.status.success() {
        let reason = String::from_utf8_lossy(&probe.stderr);
        println!("skipped: {test}: {}", reason.trim());
    }
    probe.status.success()
}

/// Only one daemon at a time watches: each sees the noise of all the others.
pub fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A daemon on a folder and a socket of its own.
pub struct Daemon {
    child: Child,
    pub dir: TempDir,
    /// Until it is handed on to the next daemon on the same folder.
    turn: Option<MutexGuard<'static, ()>>,
}

/// What a daemon leaves that is gone. No other daemon watches meanwhile: what the kernel
/// programs tell in its absence would be full of that one's noise.
pub struct Left {
    pub dir: TempDir,
    turn: MutexGuard<'static, ()>,
}

impl Left {
    /// Starts the next one on the same folder.
    pub fn start_again(self) -> Daemon {
        Daemon::start_in(self.dir, self.turn)
    }
}

impl Daemon {
    /// Starts one and waits until it answers. `None` where the kernel cannot be watched.
    pub fn start(test: &str) -> Option<Daemon> {
        Daemon::start_with(test, "")
    }

    /// Starts one with a configuration.
    pub fn start_with(test: &str, config: &str) -> Option<Daemon> {
        let turn = one_at_a_time();
        if !can_watch(test) {
            return None;
        }
        let dir = TempDir::new().expect("a folder");
        std::fs::write(dir.path().join("config"), config).expect("writes");
        Some(Daemon::start_in(dir, turn))
    }

    /// Starts one that shows what it sees, with its console and log in files of those
    /// names.
    pub fn start_shown(test: &str) -> Option<Daemon> {
        let turn = one_at_a_time();
        if !can_watch(test) {
            return None;
        }
        let dir = TempDir::new().expect("a folder");
        std::fs::write(dir.path().join("config"), "").expect("writes");
        let file = |name: &str| File::create(dir.path().join(name)).expect("makes a file");
        let (console, log) = (file("console"), file("log"));
        let mut command = sentinel();
        command.arg("run").arg("--console");
        Some(Daemon::spawn(command, dir, turn, console, log))
    }

    fn start_in(dir: TempDir, turn: MutexGuard<'static, ()>) -> Daemon {
        let mut command = sentinel();
        command.arg("run");
        // Into a file: a pipe that nobody reads fills up, and holds up whoever logs.
        let mut log = File::options();
        let log = log.create(true).append(true).open(dir.path().join("log"));
        let log = log.expect("makes a file");
        Daemon::spawn(command, dir, turn, Stdio::null(), log)
    }

    fn spawn(
        mut command: Command,
        dir: TempDir,
        turn: MutexGuard<'static, ()>,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> Daemon {
        let child = command
            .arg("--config")
            .arg(dir.path().join("config"))
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .arg("--socket")
            .arg(dir.path().join("sock"))
            .env_remove("JOURNAL_STREAM")
            .stderr(stderr)
            .stdout(stdout)
            .spawn()
            .expect("the daemon starts");
        let mut daemon = Daemon {
            child,
            dir,
            turn: Some(turn),
        };
        daemon.wait_until_it_answers();
        daemon
    }

    fn wait_until_it_answers(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                let text = std::fs::read_to_string(self.dir.path().join("log"));
                let text = text.unwrap_or_default();
                panic!("the daemon ended with {status}: {text}");
            }
            if self.ctl(&["mode"]).status.success() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the daemon does not answer");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("sock")
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs sentinelctl against this daemon.
    pub fn ctl(&self, args: &[&str]) -> Output {
        sentinelctl(&self.socket())
            .args(args)
            .output()
            .expect("sentinelctl runs")
    }

    /// What sentinelctl prints as JSON.
    pub fn ctl_json(&self, args: &[&str]) -> Value {
        let output = self.ctl(args);
        assert!(
            output.status.success(),
            "sentinelctl {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("one JSON object")
    }

    /// Stops it as Ctrl-C would and expects a clean end.
    pub fn stop(mut self) -> TempDir {
        self.signal(nix::sys::signal::Signal::SIGINT);
        let status = self.wait();
        assert!(status.success(), "the daemon ended with {status}");
        std::mem::replace(&mut self.dir, TempDir::new().expect("a folder"))
    }

    /// Stops it and starts another on the same folder.
    pub fn restart(mut self) -> Daemon {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(self.wait().success());
        self.leave().start_again()
    }

    /// Starts another on the folder of one that was stopped.
    pub fn start_again(dir: TempDir) -> Daemon {
        Daemon::start_in(dir, one_at_a_time())
    }

    /// Kills it, which it cannot prepare for, and starts another on the same folder.
    pub fn kill_and_restart(self) -> Daemon {
        self.kill().start_again()
    }

    /// Kills it, which it cannot prepare for.
    pub fn kill(mut self) -> Left {
        self.signal(nix::sys::signal::Signal::SIGKILL);
        assert!(!self.wait().success());
        self.leave()
    }

    fn leave(mut self) -> Left {
        Left {
            dir: std::mem::replace(&mut self.dir, TempDir::new().expect("a folder")),
            turn: self.turn.take().expect("is handed on once"),
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, signal).expect("the daemon runs");
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("is ours") {
                return status;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the daemon does not end");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// JSON lines as `sentinelctl ... --follow --json` prints them.
pub struct Follow {
    child: Child,
    lines: Receiver<Value>,
}

impl Follow {
    /// Follows with `args`; returns once the stream has had time to open.
    pub fn start(daemon: &Daemon, args: &[&str]) -> Follow {
        let mut child = sentinelctl(&daemon.socket())
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("sentinelctl runs");
        let stdout = child.stdout.take().expect("is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("each line is a JSON object");
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        // The stream gives no sign of life before its first message, so it gets several
        // times as long as another call takes on this machine now.
        let began = Instant::now();
        daemon.ctl(&["mode"]);
        thread::sleep(Duration::from_millis(700) + began.elapsed() * 4);
        Follow { child, lines }
    }

    /// The first line for which `wanted` holds; panics with what came instead.
    pub fn find(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.lines.recv_timeout(left) {
                Ok(value) if wanted(&value) => return value,
                Ok(value) => others.push(value.to_string()),
                Err(_) => break,
            }
        }
        others.truncate(20);
        panic!("no {what} came, but:\n{}", others.join("\n"));
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The trigger program, compiled once; on a machine without a compiler, such as a
/// guest, the environment names it.
pub fn trigger_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(binary) = std::env::var_os("SENTINEL_TRIGGER") {
            return binary.into();
        }
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trigger");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/triggers/trigger.c");
        let status = Command::new("cc")
            .args(["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
            .args([&binary, &source])
            .status()
            .expect("cc runs");
        assert!(status.success(), "{} does not compile", source.display());
        binary
    })
}

/// A copy of the trigger program under a path of its own, so that its events can be
/// told from everything else that happens.
pub struct Trigger {
    pub dir: TempDir,
}

impl Trigger {
    pub fn new() -> Trigger {
        let dir = TempDir::new().expect("a folder");
        std::fs::copy(trigger_binary(), dir.path().join("trigger")).expect("copies");
        Trigger { dir }
    }

    pub fn path(&self) -> String {
        self.dir.path().join("trigger").display().to_string()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path());
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Runs it; returns pid and output. `None` when this kernel cannot do it.
    pub fn run(&self, args: &[&str]) -> Option<(u32, Output)> {
        const NOT_HERE: i32 = 77;
        let child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the trigger starts");
        let pid = child.id();
        let output = child.wait_with_output().expect("the trigger ends");
        if output.status.code() == Some(NOT_HERE) {
            println!("skipped: trigger {args:?}: this kernel cannot do it");
            return None;
        }
        assert!(
            output.status.code().is_some() || output.status.signal().is_some(),
            "{args:?}"
        );
        Some((pid, output))
    }
}
