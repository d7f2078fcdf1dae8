//! What is one and the same program, place or network to the tables: names without the
//! parts that change from run to run. Pure functions of what an event says.

use std::net::IpAddr;

use sentinel_event::{Backing, Process};

/// Stands for the start of a tree whose root is not known.
const ORPHANS: u64 = u64::MAX;
/// Programs whose behaviour is that of the script they run.
const INTERPRETERS: [&str; 14] = [
    "python", "perl", "ruby", "node", "php", "lua", "tclsh", "bash", "dash", "sh", "zsh", "ksh",
    "java", "busybox",
];
/// Package managers: what runs below them comes with a package.
const PACKAGERS: [&str; 12] = [
    "/usr/bin/dpkg",
    "/usr/bin/rpm",
    "/usr/bin/dnf",
    "/usr/bin/dnf-3",
    "/usr/bin/dnf5",
    "/usr/bin/yum",
    "/usr/bin/zypper",
    "/usr/bin/pacman",
    "/usr/bin/apk",
    "/sbin/apk",
    "/usr/lib/snapd/snapd",
    "/usr/libexec/packagekitd",
];

/// How a name is written.
#[derive(Clone, Copy)]
enum Form {
    /// With each run of digits as one `#`.
    Plain,
    /// As it is.
    Exact,
}

impl Form {
    fn push(self, out: &mut String, text: &str) {
        match self {
            Form::Plain => push_plain(out, text),
            Form::Exact => out.push_str(text),
        }
    }
}

/// The name of a program for people: numbers as they are, folders left out.
pub(crate) fn short_name(process: &Process) -> String {
    let mut name = String::new();
    write_name(process, Form::Exact, &mut name);
    // Of a descriptor the number alone says nothing.
    let short = |word| match str::starts_with(word, "/dev/") {
        true => word,
        false => base(word),
    };
    let words: Vec<&str> = name.split(' ').map(short).collect();
    words.join(" ")
}

/// Appends `text` with each run of digits as one `#`.
pub(crate) fn push_plain(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte.is_ascii_digit()) {
        out.push_str(&rest[..at]);
        out.push('#');
        rest = rest[at..].trim_start_matches(|character: char| character.is_ascii_digit());
    }
    out.push_str(rest);
}

/// The last component of a path.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Writes the name under which a process is known: its executable, and for an interpreter
/// the script, module or first word of the command that it runs.
pub(crate) fn write_program(process: &Process, out: &mut String) {
    out.clear();
    write_name(process, Form::Plain, out);
}

fn write_name(process: &Process, form: Form, out: &mut String) {
    match process.backing {
        Backing::Memfd => {
            return out.push_str(match form {
                Form::Plain => "(memory)",
                Form::Exact => "a program in memory",
            });
        }
        Backing::Unlinked => out.push_str("(deleted) "),
        _ => {}
    }
    if process.exe.is_empty() {
        return out.push_str(&process.comm);
    }
    form.push(out, &process.exe);
    let name = base(&process.exe);
    let interpreter = INTERPRETERS.iter().any(|known| {
        name.strip_prefix(known)
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    });
    if interpreter {
        write_script(process, form, out);
    }
}

fn write_script(process: &Process, form: Form, out: &mut String) {
    let mut arguments = process.argv.iter().skip(1).map(|argument| &**argument);
    while let Some(argument) = arguments.next() {
        match argument {
            "-c" | "-e" | "-lc" | "-ic" => {
                out.push(' ');
                out.push_str(argument);
                let command = arguments.next().unwrap_or("");
                // Code of a language has no first word that would mean anything.
                let shell = base(&process.exe).ends_with("sh");
                if let Some(word) = command.split_whitespace().next().filter(|_| shell) {
                    out.push(' ');
                    push_script(out, form, word);
                }
                return;
            }
            "-m" => {
                out.push_str(" -m ");
                let module = arguments.next().unwrap_or("");
                return form.push(out, module.get(..40).unwrap_or(module));
            }
            _ if argument.starts_with('-') => {}
            script => {
                out.push(' ');
                return push_script(out, form, script);
            }
        }
    }
}

/// A script's name; those of packages are all alike.
fn push_script(out: &mut String, form: Form, script: &str) {
    let of_package = script.strip_prefix("/var/lib/dpkg/info/");
    if let (Some(name), Form::Plain) = (of_package, form) {
        out.push_str("/var/lib/dpkg/info/*.");
        return out.push_str(name.rsplit('.').next().unwrap_or(""));
    }
    let end = script
        .char_indices()
        .nth(96)
        .map_or(script.len(), |(at, _)| at);
    form.push(out, &script[..end]);
}

/// Whether the process is, or runs below, a package manager.
pub(crate) fn from_package(process: &Process) -> bool {
    std::iter::once(process)
        .chain(process.ancestors().take(12).map(|ancestor| &**ancestor))
        .any(|process| PACKAGERS.contains(&&*process.exe))
}

/// The first three parts of the folder, which say what kind of place it is.
pub(crate) fn directory(path: &str) -> &str {
    let end = path.rfind('/').unwrap_or(0);
    let folder = &path[..end];
    match folder.match_indices('/').nth(3) {
        Some((at, _)) => &folder[..at],
        None => folder,
    }
}

/// How many of these hold: anybody may write there, it is memory, it has no name, it is
/// hidden, it lies in a home.
pub(crate) fn path_flags(process: &Process) -> u8 {
    let path = &*process.exe;
    let within = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    let open = within(&[
        "/tmp/",
        "/var/tmp/",
        "/dev/shm/",
        "/run/user/",
        "/dev/mqueue/",
    ]);
    let memory = process.backing == Backing::Memfd;
    let nameless = process.backing == Backing::Unlinked;
    let hidden = path.contains("/.");
    let home = within(&["/home/", "/root/"]);
    [open, memory, nameless, hidden, home]
        .into_iter()
        .map(u8::from)
        .sum()
}

/// The unit that it belongs to, with numbers left out.
pub(crate) fn write_unit(process: &Process, out: &mut String) {
    out.clear();
    push_plain(out, process.unit().unwrap_or(&process.cgroup));
}

/// The network of an address: /24 or /48.
pub(crate) fn network(addr: IpAddr) -> u64 {
    match addr.to_canonical() {
        IpAddr::V4(addr) => u64::from(addr.to_bits() >> 8) | 1 << 40,
        IpAddr::V6(addr) => (addr.to_bits() >> 80) as u64 | 1 << 56,
    }
}

/// A network as people write it.
pub(crate) fn network_name(addr: IpAddr) -> String {
    match addr.to_canonical() {
        IpAddr::V4(addr) => {
            let [a, b, c, _] = addr.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(addr) => {
            let [a, b, c, ..] = addr.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// This host, a private network, or elsewhere.
pub(crate) fn scope(addr: IpAddr) -> u64 {
    match addr.to_canonical() {
        addr if addr.is_loopback() || addr.is_unspecified() => 1,
        IpAddr::V4(addr) if addr.is_private() || addr.is_link_local() => 2,
        IpAddr::V6(addr) if addr.is_unique_local() || addr.is_unicast_link_local() => 2,
        addr if addr.is_multicast() => 3,
        _ => 4,
    }
}

/// Ports that are chosen by the kernel are all alike; others are themselves.
pub(crate) fn port(port: u16) -> u64 {
    u64::from(if port >= 32_768 { u16::MAX } else { port }) + 1
}

/// The user on whose behalf it runs: who logged in, or else the user id.
pub(crate) fn user(process: &Process) -> u64 {
    match process.auid {
        Some(auid) => u64::from(auid) | 1 << 40,
        None => u64::from(process.uid) | 1 << 41,
    }
}

/// The user as people write it.
pub(crate) fn user_name(process: &Process) -> String {
    let name = process.user.as_deref();
    match (process.auid, name) {
        (Some(auid), Some(name)) if auid == process.uid => format!("{name}, logged in"),
        (Some(auid), _) => format!("uid {auid}, logged in"),
        (None, Some(name)) => name.to_owned(),
        (None, None) => format!("uid {}", process.uid),
    }
}

/// The tree that it belongs to: a login or a job, the child of a service's main process;
/// or that process itself.
pub(crate) fn tree(process: &Process) -> &Process {
    let (mut below, mut now) = (process, process);
    while let Some(parent) = &now.parent {
        if parent.pid <= 1 {
            break;
        }
        below = now;
        now = parent;
    }
    below
}

/// Begins afresh in each process tree, whatever images its root ran. Where nobody knows who
/// started a process, what one user does is one tree.
pub(crate) fn tree_key(process: &Process) -> u64 {
    let root = tree(process);
    if root.parent.is_none() && root.pid > 1 {
        return crate::hash::pair(u64::from(root.uid), ORPHANS);
    }
    crate::hash::pair(u64::from(root.pid), root.start_ns as u64)
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
