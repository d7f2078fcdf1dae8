//! One event or alert as one aligned line for people: time, kind, pid, user,
//! process -> target.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sentinel_event::{
    Alert, Connection, Detail, Event, FileAction, Group, Kind, Memory, NetworkAction, Process,
    Severity, text,
};

const RESET: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";

/// Appends the event's line, with its line feed.
pub fn write_event(out: &mut String, event: &Event, colour: bool) {
    let kind = event.kind();
    let paint = if colour { kind_colour(kind) } else { "" };
    let (dim, reset) = if colour { (DIM, RESET) } else { ("", "") };
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "{dim}{}{reset} {paint}{kind:<11}{reset} {:>7} {:<10} {} {dim}->{reset} {}",
        clock_time(event.time_ns),
        event.process.pid,
        text::escape(user(&event.process)),
        program(&event.process),
        target(event),
    );
}

/// Appends the alert's line.
pub fn write_alert(out: &mut String, alert: &Alert, colour: bool) {
    let paint = match alert.severity {
        _ if !colour => "",
        Severity::Critical | Severity::High => "\x1b[1;31m",
        Severity::Medium => "\x1b[1;33m",
        Severity::Low | Severity::Info => "\x1b[1m",
    };
    let reset = if colour { RESET } else { "" };
    let names = std::iter::once(&*alert.detection);
    let names: Vec<&str> = names
        .chain(alert.techniques.iter().map(|t| &*t.id))
        .collect();
    let _ = writeln!(
        out,
        "{} {paint}ALERT {}{reset} {} [{}]",
        clock_time(alert.time_ns),
        alert.severity,
        text::escape(&alert.summary),
        names.join(" "),
    );
}

/// A duration in the two largest units that matter.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

fn kind_colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Exec => "\x1b[32m",
        Kind::Fork | Kind::Exit | Kind::Process | Kind::Digest => "\x1b[2m",
        Kind::Connect | Kind::Accept => "\x1b[36m",
        Kind::Open => "\x1b[34m",
        Kind::Memfd | Kind::Mmap | Kind::Mprotect | Kind::Shmat => "\x1b[35m",
        Kind::Lost => "\x1b[31m",
        _ => match kind.group() {
            Some(Group::Network) => "\x1b[36m",
            Some(Group::File) => "\x1b[34m",
            _ => "\x1b[33m",
        },
    }
}

/// The local time of day; the whole instant where the time zone is not known.
fn clock_time(time_ns: i64) -> String {
    let Ok(time) = Timestamp::from_nanosecond(time_ns.into()) else {
        return time_ns.to_string();
    };
    let local = time.to_zoned(TimeZone::system());
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        local.hour(),
        local.minute(),
        local.second(),
        local.millisecond()
    )
}

fn user(process: &Process) -> &str {
    process.user.as_deref().unwrap_or("?")
}

/// The program's file name; a memfd's whole name.
fn program(process: &Process) -> String {
    let exe = &process.exe;
    let name = match exe.starts_with("memfd:") {
        true => exe,
        false => exe.rsplit('/').next().unwrap_or(exe),
    };
    text::escape(if name.is_empty() { "?" } else { name }).into_owned()
}

fn target(event: &Event) -> String {
    match &event.detail {
        Detail::Process => text::escape(&event.process.exe).into_owned(),
        Detail::Exec(_) => text::escape(&event.process.command_line()).into_owned(),
        Detail::Fork(fork) => format!("pid {}", fork.child.pid),
        Detail::Exit(exit) => {
            let ran = duration(Duration::from_nanos(exit.run_ns));
            match exit.signal {
                0 => format!("code {} after {ran}", exit.code),
                signal => format!("signal {signal} after {ran}"),
            }
        }
        Detail::Connect(connection) => ends(connection),
        Detail::Accept(connection) => ends(connection),
        Detail::Open(file) => format!("{} {}", file.access.name(), text::escape(&file.path)),
        Detail::Memfd(file) => text::escape(&file.path).into_owned(),
        Detail::Mmap(memory) | Detail::Shmat(memory) => area(memory),
        Detail::File(action) => file_action(action),
        Detail::Target(action) => format!(
            "{} pid {} {}",
            action.operation,
            action.target.pid,
            text::escape(&action.target.exe)
        ),
        Detail::Descriptor(action) => format!(
            "{} {} => {} {}",
            action.operation,
            action.old_fd,
            action.fd,
            action.object.kind.name()
        ),
        Detail::Network(action) => format!(
            "{} {}{}",
            network_end(action),
            action.operation,
            text::escape(&action.name)
        ),
        Detail::Credentials(change) => format!(
            "{} uid {} => {} euid {} => {}",
            change.operation, change.old.uid, change.new.uid, change.old.euid, change.new.euid
        ),
        Detail::System(action) => format!("{} {}", action.operation, text::escape(&action.name)),
        Detail::Mprotect(memory) => match memory.old_prot {
            Some(old) => format!("{} => {}", old.name(), area(memory)),
            None => area(memory),
        },
        Detail::Digest(digest) => match digest.sha256 {
            Some(sha256) => format!("{} sha256:{sha256}", text::escape(&digest.path)),
            None => format!("{} {}", text::escape(&digest.path), digest.outcome.name()),
        },
        Detail::Lost(lost) => {
            let kind = lost.kind.map_or("event", Kind::name);
            let ring = lost.ring.map_or("no", |ring| ring.name());
            format!("{} x {kind} ({ring} ring)", lost.count)
        }
    }
}

fn ends(connection: &Connection) -> String {
    format!("{} {}", connection.protocol.name(), connection.peer)
}

fn network_end(action: &NetworkAction) -> String {
    let address = match action.kind {
        Kind::Bind | Kind::Listen => action.connection.local,
        _ => action.connection.peer,
    };
    format!("{} {address}", action.connection.protocol.name())
}

fn file_action(action: &FileAction) -> String {
    let path = text::escape(&action.path);
    match action.kind {
        Kind::Chmod => format!("{path} {:04o}", action.argument),
        _ if action.to.is_empty() => path.into_owned(),
        _ => format!("{path} => {}", text::escape(&action.to)),
    }
}

fn area(memory: &Memory) -> String {
    let what = match memory.path.is_empty() {
        true => memory.backing.name().to_owned(),
        false => text::escape(&memory.path).into_owned(),
    };
    format!(
        "{} {what} {} KiB",
        memory.prot.name(),
        memory.length.div_ceil(1024)
    )
}
