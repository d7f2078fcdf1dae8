//! The daemon under test: started with the default configuration, asked for its counters,
//! stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A daemon on a folder of its own.
pub struct Monitor {
    child: Child,
    dir: tempfile::TempDir,
}

/// Its counters at one moment.
#[derive(Clone, Default)]
pub struct Counters {
    status: Value,
    /// Processor seconds, user and system, by thread name.
    pub threads: Vec<(String, f64)>,
}

impl Monitor {
    /// Starts one and waits until it answers and has nothing left to do.
    pub fn start() -> Result<Monitor> {
        let dir = tempfile::tempdir_in("target").context("cannot make a folder in target")?;
        let config = dir.path().join("default.toml");
        fs::write(&config, "").context("cannot write a configuration")?;
        let child = Command::new(binary("sentinel"))
            .arg("run")
            .arg("--config")
            .arg(&config)
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .arg("--socket")
            .arg(dir.path().join("socket"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).context("cannot write a log")?)
            .spawn()
            .context("cannot start target/release/sentinel; `make sensor` builds it")?;
        let mut monitor = Monitor { child, dir };
        let begun = Instant::now();
        while monitor.status().is_none() {
            if monitor.child.try_wait()?.is_some() || begun.elapsed() > Duration::from_secs(60) {
                let log = fs::read_to_string(monitor.dir.path().join("log")).unwrap_or_default();
                bail!("the daemon did not start: {}", log.trim());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(monitor)
    }

    /// Waits until it has taken and written what is on its way, then counts.
    pub fn settled(&self) -> Result<Counters> {
        let mut before = self.counters()?;
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(250));
            let now = self.counters()?;
            // Its own thirst for status is some thousandths of a second each time.
            if now.seconds() - before.seconds() < 0.012 {
                return Ok(now);
            }
            before = now;
        }
        Ok(before)
    }

    /// How often a program did something, by the history that was written: repeats are
    /// rows that stand for many.
    pub fn recorded(&self, kind: &str, program: &str) -> Result<u64> {
        // Rows are written once a second.
        thread::sleep(Duration::from_millis(1_300));
        let sql = format!(
            "select sum(count) as n from events where kind = '{kind}' and exe like '%/{program}'"
        );
        let output = Command::new(binary("sentinelctl"))
            .args(["--json", "query", &sql, "--data-dir"])
            .arg(self.dir.path().join("data"))
            .output()
            .context("cannot run sentinelctl")?;
        let row: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
        Ok(number(&row["n"]))
    }

    fn counters(&self) -> Result<Counters> {
        let status = self.status().context("the daemon does not answer")?;
        Ok(Counters {
            status,
            threads: self.threads(),
        })
    }

    fn status(&self) -> Option<Value> {
        let output = Command::new(binary("sentinelctl"))
            .arg("--socket")
            .arg(self.dir.path().join("socket"))
            .args(["--json", "status"])
            .output()
            .ok()?;
        serde_json::from_slice(&output.stdout).ok()
    }

    fn threads(&self) -> Vec<(String, f64)> {
        const TICKS_PER_SECOND: f64 = 100.0;
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let mut threads: Vec<(String, f64)> = Vec::new();
        for task in tasks.into_iter().flatten().flatten() {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let Some((head, rest)) = stat.rsplit_once(')') else {
                continue;
            };
            let name = head.split_once('(').map_or("", |(_, name)| name);
            // utime and stime, numbers 14 and 15; the first after the name is number 3.
            let ticks = rest.split_whitespace().skip(11).take(2);
            let ticks: f64 = ticks.filter_map(|t| t.parse::<f64>().ok()).sum();
            match threads.iter_mut().find(|(known, _)| known == name) {
                Some((_, seconds)) => *seconds += ticks / TICKS_PER_SECOND,
                None => threads.push((name.to_owned(), ticks / TICKS_PER_SECOND)),
            }
        }
        threads
    }

    /// The most memory that it held, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Counters {
    /// Processor seconds of the whole daemon.
    pub fn seconds(&self) -> f64 {
        self.threads.iter().map(|(_, seconds)| seconds).sum()
    }

    /// A counter of a ring, such as `lost`; both rings together.
    pub fn ring(&self, counter: &str) -> u64 {
        ["priority", "bulk"]
            .iter()
            .map(|ring| number(&self.status["rings"][ring][counter]))
            .sum()
    }
}

/// Protobuf's JSON writes 64-bit numbers as text.
fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or(0)
}

fn binary(name: &str) -> PathBuf {
    Path::new("target/release").join(name)
}
