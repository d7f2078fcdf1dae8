//! What the kernel knows of the processes that run already and /proc does not tell: how
//! often each has executed a program. With it their images get the very identity under
//! which an earlier run of the daemon saw them begin.

use std::collections::HashMap;
use std::io::Read;

use libbpf_rs::{Iter, ObjectBuilder};

use super::Host;
use super::host;

/// The compiled program, an object of its own.
const OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tasks.bpf.o"));
const ENTRY_BYTES: usize = 16;

/// A process as the kernel numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// Start of the thread group in nanoseconds since boot.
    pub start_ns: u64,
    /// The kernel's exec counter.
    pub exec_seq: u32,
}

/// The processes by id. Empty where the kernel does not let itself be asked; their images
/// are then told apart as if each had executed nothing before.
pub fn tasks(host: &Host) -> HashMap<u32, Task> {
    if host.pidns_inum != 0 {
        // The kernel's own ids are not those of this namespace.
        return HashMap::new();
    }
    list().unwrap_or_else(|error| {
        tracing::warn!(
            "identities of processes that ran before are not those of an earlier run: {error}"
        );
        HashMap::new()
    })
}

fn list() -> libbpf_rs::Result<HashMap<u32, Task>> {
    let mut builder = ObjectBuilder::default();
    if host::btf_path() != "/sys/kernel/btf/vmlinux" {
        builder.btf_custom_path(host::btf_path())?;
    }
    let object = builder.open_memory(OBJECT)?.load()?;
    let mut tasks = HashMap::new();
    for program in object.progs_mut() {
        let link = program.attach()?;
        let mut bytes = Vec::new();
        Iter::new(&link)?.read_to_end(&mut bytes)?;
        tasks.extend(bytes.chunks_exact(ENTRY_BYTES).filter_map(entry));
    }
    Ok(tasks)
}

/// `struct entry` of tasks.bpf.c.
fn entry(bytes: &[u8]) -> Option<(u32, Task)> {
    let start_ns = u64::from_ne_bytes(bytes.get(..8)?.try_into().ok()?);
    let pid = u32::from_ne_bytes(bytes.get(8..12)?.try_into().ok()?);
    let exec_seq = u32::from_ne_bytes(bytes.get(12..16)?.try_into().ok()?);
    Some((pid, Task { start_ns, exec_seq }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_is_listed_with_its_start() {
        if host::prepare().is_err() {
            println!("skipped: the_own_process_is_listed_with_its_start: needs root");
            return;
        }
        let host = Host::read().expect("reads");
        if host.pidns_inum != 0 {
            println!("skipped: the_own_process_is_listed_with_its_start: in a pid namespace");
            return;
        }
        let stat = std::fs::read_to_string("/proc/self/stat").expect("reads");
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields.split_whitespace().nth(19).expect("is there");
        let tasks = list().expect("the kernel lists its tasks");
        let own = tasks[&std::process::id()];
        assert_eq!(sentinel_process::ticks(own.start_ns).to_string(), ticks);
        assert!(own.exec_seq > 0, "a test is executed");
    }
}
