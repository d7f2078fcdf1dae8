//! The process tree, as the pipeline's table has it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use sentinel_api::v1;
use sentinel_event::Process;
use tonic::Status;

use super::convert;
use super::status::Facts;

/// Characters of arguments that a process shows here.
const ARGV_CHARS: usize = 256;

/// All living processes, or the asked one with its ancestors and descendants.
pub async fn tree(
    facts: &Facts,
    request: v1::GetTreeRequest,
) -> Result<v1::GetTreeResponse, Status> {
    let living = facts.hub.processes().await;
    let living = living.ok_or_else(|| Status::unavailable("the pipeline does not answer"))?;
    let there = |p: &Arc<Process>| is_there(p.pid, &p.exe, &p.comm);
    let living: Vec<_> = living.into_iter().filter(there).collect();
    let mut processes = linked(&living);
    if let Some(pid) = request.pid {
        let wanted = family(&processes, pid)
            .ok_or_else(|| Status::not_found(format!("no process {pid} is known to live")))?;
        processes.retain(|process| wanted.contains(&process.pid));
    }
    Ok(v1::GetTreeResponse { processes })
}

/// A process of which nothing was ever seen but its number, because what told of it was lost,
/// may be gone without that having been seen either. Then /proc knows.
fn is_there(pid: u32, exe: &str, comm: &str) -> bool {
    !(exe.is_empty() && comm.is_empty()) || Path::new(&format!("/proc/{pid}")).exists()
}

/// Each process with the nearest of its ancestors that lives. A pid may have been reused
/// since an ancestor had it, so the start decides.
fn linked(living: &[Arc<Process>]) -> Vec<v1::TreeProcess> {
    let starts: HashMap<u32, i64> = living.iter().map(|p| (p.pid, p.start_ns)).collect();
    // Of a pid that was reused within the table's memory only the youngest lives.
    let living = living.iter().filter(|p| starts[&p.pid] == p.start_ns);
    let lives = |p: &&Arc<Process>| starts.get(&p.pid) == Some(&p.start_ns);
    living
        .map(|process| {
            message(
                process,
                process.ancestors().find(lives).map_or(0, |p| p.pid),
            )
        })
        .collect()
}

fn message(process: &Process, parent: u32) -> v1::TreeProcess {
    let mut room = ARGV_CHARS;
    let mut argv = Vec::new();
    for arg in process.argv.iter() {
        if room == 0 {
            break;
        }
        let shown: String = arg.chars().take(room).collect();
        room -= shown.chars().count().max(1).min(room);
        argv.push(shown);
    }
    v1::TreeProcess {
        pid: process.pid,
        parent,
        exec_id: process.exec_id.to_string(),
        exe: process.exe.to_string(),
        comm: process.comm.to_string(),
        argv,
        uid: process.uid,
        user: process.user.as_deref().map(str::to_owned),
        start: Some(convert::timestamp(process.start_ns)),
        unit: process.unit().map(str::to_owned),
        container: process
            .container()
            .map(|container| container.id.into_owned()),
    }
}

/// The pids of a process, its ancestors and its descendants; `None` if it is not there.
fn family(processes: &[v1::TreeProcess], pid: u32) -> Option<HashSet<u32>> {
    let parents: HashMap<u32, u32> = processes.iter().map(|p| (p.pid, p.parent)).collect();
    parents.get(&pid)?;
    let up = |from: u32| {
        std::iter::successors(Some(from), |pid| parents.get(pid).copied())
            .take(parents.len())
            .take_while(|pid| *pid != 0)
    };
    let mut wanted: HashSet<u32> = up(pid).collect();
    wanted.extend(parents.keys().filter(|other| up(**other).any(|p| p == pid)));
    Some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32) -> v1::TreeProcess {
        v1::TreeProcess {
            pid,
            parent,
            ..v1::TreeProcess::default()
        }
    }

    #[test]
    fn what_nothing_is_known_of_is_looked_for() {
        // No process has this number: it is beyond what the kernel gives out.
        let gone = 1 << 23;
        assert!(!is_there(gone, "", ""));
        assert!(is_there(gone, "", "seen") && is_there(gone, "/bin/seen", ""));
        assert!(is_there(std::process::id(), "", ""));
    }

    #[test]
    fn a_family_is_ancestors_and_descendants() {
        let all = [
            (1, 0),
            (2, 0),
            (10, 1),
            (11, 1),
            (20, 10),
            (30, 20),
            (40, 2),
        ]
        .map(|(pid, parent)| process(pid, parent));
        let check = |pid, expected: Option<&[u32]>| {
            let found = family(&all, pid).map(|found| {
                let mut found: Vec<u32> = found.into_iter().collect();
                found.sort_unstable();
                found
            });
            assert_eq!(found.as_deref(), expected, "{pid}");
        };
        check(20, Some(&[1, 10, 20, 30]));
        check(1, Some(&[1, 10, 11, 20, 30]));
        check(40, Some(&[2, 40]));
        check(99, None);
    }
}
