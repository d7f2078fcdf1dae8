//! A program that runs what it is told over a connection, command by command, and sends
//! back what each one said: `while line := socket: send(check_output(line))`.
//!
//! Agents that administer hosts do the same for a living. They are installed; what is
//! reported here has its program in its arguments, on its standard input, or in a place
//! where anybody may write.

use sentinel_event::{Event, ExecId, Process, Severity};

use super::{ReverseShell, TECHNIQUES, is_holdable, named, towards};
use crate::bounded::Bounded;
use crate::connections::Direction;
use crate::programs::{self, Source};
use crate::{Finding, intrusive, paths, words};

/// Commands after which it does not matter any more what they are.
const COMMANDS_MAX: u32 = 3;
/// Commands of which one is such as intruders begin with.
const INTRUSIVE_MAX: u32 = 2;

/// What programs with a connection had others do.
pub struct Errands {
    seen: Bounded<ExecId, Errand>,
}

#[derive(Clone, Copy, Default)]
struct Errand {
    commands: u32,
    /// Whether one was such as intruders begin with.
    intrusive: bool,
    told: bool,
}

impl Errands {
    pub fn new(limit: usize) -> Errands {
        Errands {
            seen: Bounded::new(limit),
        }
    }

    pub fn evicted_total(&self) -> u64 {
        self.seen.evicted_total()
    }
}

/// What kind of command a child is.
#[derive(Clone, Copy)]
enum Command<'a> {
    /// A shell with a command line.
    Line(&'a str),
    /// A program of its own.
    Program,
}

/// Judges the start of a command by a program that has a connection.
pub fn judge(detection: &mut ReverseShell, event: &Event) -> Option<Finding> {
    let child = &event.process;
    let holder = child.parent.as_ref()?;
    // What costs least, and rules out most, comes first.
    if !listens(child, holder) {
        return None;
    }
    let spoken = detection.connections.of(holder)?;
    if !is_improvised(holder) {
        return None;
    }
    // Who is connected to and runs commands is a server; `service_shell` is about those.
    if spoken.direction != Direction::Out || spoken.resolves {
        return None;
    }
    let command = match programs::source(&child.exe, &child.argv) {
        Source::Arguments(line) if programs::is_shell(&child.exe) => Command::Line(line),
        _ => Command::Program,
    };
    let intrusive = match command {
        Command::Line(line) => intrusive::is_line(line),
        Command::Program => intrusive::is_program(&child.exe),
    };
    if matches!(command, Command::Program) && !intrusive {
        return None;
    }
    let errand = detection
        .errands
        .seen
        .entry(holder.exec_id, Errand::default);
    errand.commands += 1;
    errand.intrusive |= intrusive;
    // Libraries ask `uname` now and then, of their own accord and without a shell; installers
    // that were downloaded into such a place do with one.
    let improvised = programs::is_improvised(&holder.exe, &holder.argv);
    let enough = match (command, intrusive && improvised) {
        (Command::Line(_), true) => 1,
        _ if errand.intrusive => INTRUSIVE_MAX,
        _ => COMMANDS_MAX,
    };
    let sure = errand.commands >= enough;
    if !sure || std::mem::replace(&mut errand.told, true) {
        return None;
    }
    let (severity, confidence) = match errand.intrusive {
        true => (Severity::High, 70),
        false => (Severity::Medium, 50),
    };
    Some(Finding {
        variant: "errands",
        subject: "".into(),
        severity: towards(spoken.peer, severity),
        confidence,
        summary: format!(
            "{} (pid {}, {}), which has {}, ran \"{}\" and reads what it says{}",
            words::shown(words::program(&holder.exe)),
            holder.pid,
            words::user(holder),
            named(spoken),
            match command {
                Command::Line(line) => words::shown(line.trim_end()),
                Command::Program => words::shown(&child.command_line()),
            },
            words::origin(holder)
        ),
        reason: format!(
            "{} runs commands while it has an outward connection and keeps what they print for \
             itself: the {} of them is {}",
            match improvised {
                true => "an interpreter whose program is in no file",
                false => "a program in a place where anybody may write",
            },
            ["first", "second", "third"][errand.commands.clamp(1, 3) as usize - 1],
            match intrusive {
                true => "one that intruders begin with",
                false => "nothing special, but few programs of this kind need a shell",
            }
        ),
        techniques: TECHNIQUES.into(),
        earlier: vec![spoken.evidence(event.time_ns)],
        shows: format!("exec of {}", words::shown(&child.command_line())),
    })
}

/// Whether the program is in no file, or in one that anybody could have put there.
fn is_improvised(holder: &Process) -> bool {
    programs::is_improvised(&holder.exe, &holder.argv) || is_dropped(holder)
}

fn is_dropped(holder: &Process) -> bool {
    if programs::is_shell(&holder.exe) {
        return false;
    }
    let script = match programs::is_interpreter(&holder.exe) {
        true => match programs::source(&holder.exe, &holder.argv) {
            Source::Script(script) => script,
            _ => &*holder.exe,
        },
        false => &*holder.exe,
    };
    paths::is_shared_place(&paths::plain(script, &holder.cwd))
}

/// Whether the output of the child goes to its parent alone.
fn listens(child: &Process, holder: &Process) -> bool {
    let (output, its) = (&child.stdio[1], &holder.stdio[1]);
    is_holdable(output) && output.inode != 0 && output.inode != its.inode
}
