//! What an event happened to, in a few words, by kind.

use std::net::IpAddr;

use sentinel_api::v1::Event;
use sentinel_event::text::escape;
use sentinel_event::{Group, Kind};

use super::unit;

/// The target of an event, escaped.
pub fn target(event: &Event) -> String {
    let text = match Kind::from_name(&event.kind) {
        Some(Kind::Exec | Kind::Process) => command_line(&event.argv),
        Some(Kind::Fork) => format!("child {}", event.child()),
        Some(Kind::Exit) => exit(event),
        Some(Kind::Connect) => address(event.addr(), event.port()),
        Some(Kind::Accept) => format!(
            "{} from {}",
            address(event.local_addr(), event.port()),
            address(event.addr(), event.peer_port())
        ),
        Some(Kind::Open) => format!("{} {}", escape(event.access()), escape(event.path())),
        Some(Kind::Memfd) => escape(event.path()).into_owned(),
        Some(Kind::Mmap | Kind::Mprotect | Kind::Shmat) => memory(event),
        Some(kind) if kind.group().is_some() => action(kind, event),
        Some(Kind::Digest) => match &event.exe_sha256 {
            Some(sha256) => format!("{} sha256:{}", escape(event.path()), escape(sha256)),
            None => format!("{} {}", escape(event.path()), escape(event.operation())),
        },
        Some(Kind::Lost) => lost(event),
        // A kind that is younger than this program: the rest of the line still helps.
        Some(_) | None => escape(event.path()).into_owned(),
    };
    text + &remarks(event)
}

/// Arguments as one line in which each can be told from its neighbours.
pub fn command_line(argv: &[String]) -> String {
    let quoted = argv.iter().map(|arg| {
        let plain = !arg.is_empty() && !arg.contains([' ', '\'', '"', '\\', '\n', '\t']);
        match plain {
            true => escape(arg).into_owned(),
            false => format!("'{}'", escape(arg).replace('\'', "'\\''")),
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn exit(event: &Event) -> String {
    let end = match event.signal() {
        0 => format!("code {}", event.code()),
        signal => format!("signal {signal}"),
    };
    format!("{end} after {}", unit::nanoseconds(event.run_ns()))
}

fn address(addr: &str, port: u64) -> String {
    match addr.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => format!("[{addr}]:{port}"),
        _ => format!("{}:{port}", escape(addr)),
    }
}

fn memory(event: &Event) -> String {
    let mut words = Vec::new();
    if let Some(old) = &event.old_prot {
        words.push(format!("{} to", escape(old)));
    }
    words.push(escape(event.prot()).into_owned());
    words.push(escape(event.backing()).into_owned());
    if !event.path().is_empty() {
        words.push(escape(event.path()).into_owned());
    }
    words.push(unit::bytes(event.length()));
    words.join(" ")
}

/// What was done to a file, another process, a descriptor, a socket or the kernel.
fn action(kind: Kind, event: &Event) -> String {
    let group = kind.group();
    let mut words = Vec::new();
    if !event.operation().is_empty() {
        words.push(escape(event.operation()).into_owned());
    }
    match group {
        Some(Group::File) => {
            words.push(escape(event.path()).into_owned());
            if !event.to().is_empty() {
                words.push(format!("=> {}", escape(event.to())));
            }
            if kind == Kind::Chmod {
                words.push(format!("{:04o}", event.argument()));
            }
        }
        Some(Group::Process) => {
            let exe = escape(event.target_exe());
            words.push(format!("pid {} {exe}", event.target_pid()));
        }
        Some(Group::Descriptor) => words.push(format!(
            "{} => {} {} {}",
            event.old_fd(),
            event.fd(),
            escape(event.object()),
            escape(event.object_peer())
        )),
        Some(Group::Network) => {
            let addr = match kind {
                Kind::Bind | Kind::Listen => event.local_addr(),
                _ => event.addr(),
            };
            words.push(address(addr, event.port()));
        }
        Some(Group::Credentials) => words.push(format!(
            "uid {} => {} euid {} => {}",
            event.old_uid(),
            event.new_uid(),
            event.old_euid(),
            event.new_euid()
        )),
        Some(Group::System) | None => {}
    }
    if !event.name().is_empty() {
        words.push(escape(event.name()).into_owned());
    }
    words.join(" ")
}

fn lost(event: &Event) -> String {
    let count = match event.count {
        0 => "an unknown number of events".to_owned(),
        count => unit::counted(count, "event"),
    };
    let kind = event
        .lost_kind
        .as_ref()
        .map(|kind| format!(" ({})", escape(kind)));
    let place = match &event.ring {
        Some(ring) => format!(", {} ring", escape(ring)),
        None => ", sensor not running".to_owned(),
    };
    format!("{count}{}{place}", kind.unwrap_or_default())
}

/// What is unusual about the record: repeats, failure, flags.
fn remarks(event: &Event) -> String {
    let mut out = String::new();
    let is_lost = event.kind == Kind::Lost.name();
    if event.count > 1 && !is_lost {
        out.push_str(&format!(" ({} times)", event.count));
    }
    // A connection that is being set up without waiting is no failure.
    const EINPROGRESS: i64 = 115;
    if event.result < 0 && event.result != -EINPROGRESS {
        let code = i32::try_from(-event.result).unwrap_or(i32::MAX);
        out.push_str(&format!(" ({})", std::io::Error::from_raw_os_error(code)));
    }
    if !event.flags.is_empty() {
        out.push_str(&format!(" [{}]", escape(&event.flags.join(", "))));
    }
    out
}
