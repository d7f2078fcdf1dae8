//! One digest: opens what was executed, makes sure that it is that, reads it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::thread;
use std::time::Duration;

use nix::libc::{O_CLOEXEC, O_NOCTTY, O_NONBLOCK};
use sentinel_event::{Backing, Digest, Outcome, Process, Sha256};
use sha2::Digest as _;

use super::Job;
use super::mounts::{Found, Mounts};
use crate::clock;

/// Longer than any kernel's tick. Two writes within one tick may leave the same change
/// time, so a time that is younger than this identifies nothing yet.
const TICK_NS: i64 = 20_000_000;
const CHUNK_BYTES: usize = 128 << 10;

/// A digest, and what it took.
pub struct Computed {
    /// The answer.
    pub digest: Digest,
    /// Bytes that were read.
    pub read_bytes: u64,
}

/// The digest of the executable of a job.
pub fn compute(job: &Job, bytes_max: u64, mounts: &mut Mounts) -> Computed {
    let process = &*job.process;
    let mut answer = Digest {
        path: process.exe.clone(),
        file: process.file,
        backing: process.backing,
        outcome: Outcome::Unreadable,
        sha256: None,
        length: 0,
    };
    let mut read_bytes = 0;
    match open(job, mounts) {
        Err(outcome) => answer.outcome = outcome,
        Ok((file, found)) => {
            answer.length = found.length;
            if found.length > bytes_max {
                answer.outcome = Outcome::TooLarge;
            } else {
                (answer.outcome, answer.sha256, read_bytes) = hash(file, &found, mounts);
            }
        }
    }
    Computed {
        digest: answer,
        read_bytes,
    }
}

/// The file that was executed, by its name or else by the process that still runs it.
fn open(job: &Job, mounts: &mut Mounts) -> Result<(File, Found), Outcome> {
    let process = &*job.process;
    let by_name = match process.backing {
        // A memfd's name leads nowhere, an unlinked file's to something else at best.
        Backing::File | Backing::Tmpfs => by_name(job, mounts),
        _ => Err(Outcome::Unreadable),
    };
    by_name.or_else(|outcome| match by_process(process, mounts) {
        Err(Outcome::Unreadable) => Err(outcome),
        other => other,
    })
}

fn by_name(job: &Job, mounts: &mut Mounts) -> Result<(File, Found), Outcome> {
    let process = &*job.process;
    if mounts.may_hang(process.file.dev) {
        return Err(Outcome::Unreadable);
    }
    let file = read_only(&process.exe)?;
    let found = mounts.identity_of(&file).map_err(|_| Outcome::Unreadable)?;
    // A file that was younger than a tick when it was executed may have been written once
    // more since without a trace. Then only the process itself, which keeps others from
    // writing, can tell what it runs.
    let is_settled = job
        .began_ns
        .is_none_or(|began_ns| began_ns - found.ctime_ns > TICK_NS);
    match found.is_regular && found.is_of(&process.file) && is_settled {
        true => Ok((file, found)),
        false => Err(Outcome::Changed),
    }
}

/// Through /proc/PID/exe, which is the inode itself whatever became of its name.
fn by_process(process: &Process, mounts: &mut Mounts) -> Result<(File, Found), Outcome> {
    let file = read_only(&format!("/proc/{}/exe", process.pid))?;
    let found = mounts.identity_of(&file).map_err(|_| Outcome::Unreadable)?;
    // The process may have ended and its id may be another's, or it may run something
    // else by now: then there is nothing to be read any more.
    if !found.is_regular || found.inode != process.file.inode || !is_same_process(process) {
        return Err(Outcome::Unreadable);
    }
    match found.is_unchanged(&process.file) || was_only_unlinked(process, &found) {
        true => Ok((file, found)),
        false => Err(Outcome::Changed),
    }
}

/// Whether a name of the file was removed since and nothing else happened to it. The
/// kernel lets nobody write to what is being executed.
fn was_only_unlinked(process: &Process, found: &Found) -> bool {
    found.nlink < process.file.nlink && found.mtime_ns <= process.file.ctime_ns
}

/// Whether the process with this id is still the one of the record, by its start.
fn is_same_process(process: &Process) -> bool {
    const TICK_NS: i64 = 1_000_000_000 / sentinel_process::TICKS_PER_SECOND as i64;
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    // Field 22 of proc_pid_stat(5); the first after the name is number 3.
    let ticks: Option<i64> = fields
        .split_whitespace()
        .nth(19)
        .and_then(|ticks| ticks.parse().ok());
    let start_ns = ticks.map(|ticks| clock::wall_of_boot_ns() + ticks * TICK_NS);
    // The clock may have been set a little in between.
    const SLACK_NS: i64 = 1_000_000_000;
    start_ns.is_some_and(|start_ns| (start_ns - process.start_ns).abs() < SLACK_NS)
}

fn read_only(path: &str) -> Result<File, Outcome> {
    let options = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(options)
        .open(path);
    file.map_err(|_| Outcome::Unreadable)
}

/// Reads the file to its end; it must be the same before and after.
fn hash(mut file: File, found: &Found, mounts: &mut Mounts) -> (Outcome, Option<Sha256>, u64) {
    let age_ns = clock::unix_ns() - found.ctime_ns;
    if (0..TICK_NS).contains(&age_ns) {
        // What is written from now on shows in the change time.
        thread::sleep(Duration::from_nanos((TICK_NS - age_ns) as u64));
    }
    let mut state = sha2::Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut read_bytes = 0;
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => {
                state.update(&chunk[..count]);
                read_bytes += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return (Outcome::Unreadable, None, read_bytes),
        }
        // A file that grows while it is read would never end.
        if read_bytes > found.length {
            return (Outcome::Changed, None, read_bytes);
        }
    }
    let after = mounts.identity_of(&file);
    let unchanged = after.is_ok_and(|after| {
        (after.ctime_ns, after.length) == (found.ctime_ns, found.length)
            || (after.nlink < found.nlink
                && (after.mtime_ns, after.length) == (found.mtime_ns, found.length))
    });
    if !unchanged || read_bytes != found.length {
        return (Outcome::Changed, None, read_bytes);
    }
    let sha256 = Sha256(state.finalize().into());
    (Outcome::Hashed, Some(sha256), read_bytes)
}
