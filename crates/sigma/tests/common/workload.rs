//! A thousand rules, and events as a busy host has them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use sentinel_event::{Access, Detail, Event};
use sentinel_sigma::{Hit, RuleSet, files_in, parse};

use super::events::{Random, connection, event, exec, open, process};

/// A set of `count` rules: those of `folders`, then the same with other letters, which
/// match nothing but are looked for all the same.
pub fn rules(folders: &[PathBuf], count: usize) -> RuleSet {
    let files = files_in(folders, &mut Vec::new());
    let mut all = Vec::new();
    let mut turn = 0u8;
    while all.len() < count {
        for file in &files {
            let text = std::fs::read_to_string(file).expect("reads");
            let text = turned(&text, turn);
            let name = file.with_extension(format!("{turn}.yml"));
            all.push((name, parse(file, &text).expect("is a rule")));
        }
        turn += 1;
        assert!(turn < 26 && !files.is_empty(), "too few rules");
    }
    all.truncate(count);
    RuleSet::new(all).expect("is a set")
}

/// The rule with every letter of the values that it looks for moved on in the alphabet.
fn turned(text: &str, by: u8) -> String {
    if by == 0 {
        return text.to_owned();
    }
    let mut inside = false;
    let mut out = String::new();
    for line in text.lines() {
        let top = !line.starts_with([' ', '#']) && !line.is_empty();
        inside = if top {
            line.starts_with("detection:")
        } else {
            inside
        };
        let value_at = match line.find(": ") {
            Some(colon) => Some(colon + 2),
            None => line.find("- ").map(|dash| dash + 2),
        };
        let keeps = [
            "condition",
            "type:",
            "|re",
            "|cidr",
            "Initiated",
            "nametype",
            "SYSCALL",
            "::",
        ];
        match value_at {
            Some(at)
                if inside
                    && !line.ends_with(':')
                    && !keeps.iter().any(|word| line.contains(word)) =>
            {
                out.push_str(&line[..at]);
                out.extend(line[at..].chars().map(|c| move_on(c, by)));
            }
            _ if line.starts_with("id: ") => out.push_str(&format!("{line}-{by}")),
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn move_on(c: char, by: u8) -> char {
    match c {
        'a'..='z' => ((c as u8 - b'a' + by) % 26 + b'a') as char,
        'A'..='Z' => ((c as u8 - b'A' + by) % 26 + b'A') as char,
        c => c,
    }
}

/// Command lines as they are on hosts that build, serve and are looked after.
const COMMANDS: &[&[&str]] = &[
    &[
        "/usr/bin/bash",
        "bash",
        "-c",
        "cd /srv/app && ./deploy --env production --wait",
    ],
    &["/usr/bin/ls", "ls", "-la", "/var/lib/app/data"],
    &[
        "/usr/bin/grep",
        "grep",
        "-rn",
        "--include=*.rs",
        "fn main",
        "src",
    ],
    &[
        "/usr/bin/x86_64-linux-gnu-gcc-12",
        "gcc",
        "-O2",
        "-g",
        "-Wall",
        "-I/usr/include/foo",
        "-c",
        "-o",
        "build/objects/module_17.o",
        "src/modules/module_17.c",
    ],
    &[
        "/usr/bin/python3.11",
        "/usr/bin/python3",
        "/usr/lib/app/worker.py",
        "--queue",
        "default",
        "--concurrency",
        "8",
    ],
    &[
        "/usr/bin/git",
        "git",
        "-C",
        "/srv/app",
        "fetch",
        "--prune",
        "origin",
    ],
    &["/usr/sbin/cron", "/usr/sbin/CRON", "-f"],
    &[
        "/usr/bin/sed",
        "sed",
        "-e",
        "s/a/b/g",
        "/etc/app/config.ini",
    ],
    &[
        "/usr/bin/dpkg-query",
        "dpkg-query",
        "--showformat",
        "${Version}",
        "--show",
        "libc6",
    ],
    &["/usr/sbin/sshd", "sshd: deploy [priv]"],
    &[
        "/usr/bin/node",
        "node",
        "--max-old-space-size=4096",
        "/srv/app/node_modules/.bin/webpack",
        "--mode",
        "production",
    ],
    &["/usr/bin/date", "date", "+%Y-%m-%dT%H:%M:%S"],
    &["/usr/lib/systemd/systemd", "/lib/systemd/systemd", "--user"],
    &["/usr/bin/cat", "cat", "/proc/loadavg"],
    &[
        "/usr/bin/find",
        "find",
        "/var/log/app",
        "-name",
        "*.gz",
        "-mtime",
        "+30",
    ],
    &[
        "/usr/bin/tar",
        "tar",
        "-xzf",
        "/tmp/release-2026-11.tar.gz",
        "-C",
        "/srv/app/releases",
    ],
];

const FILES: &[&str] = &[
    "/etc/ld.so.cache",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/usr/lib/locale/locale-archive",
    "/srv/app/node_modules/react-dom/cjs/react-dom.production.min.js",
    "/var/log/app/access.log",
    "/proc/self/status",
    "/home/deploy/.cache/pip/http/1/2/3/4/5/12345abcdef",
    "/var/lib/postgresql/15/main/base/16384/2619",
];

/// `count` events, of which one in `exec_every` starts a program.
pub fn events(count: usize, exec_every: usize) -> Vec<Event> {
    let mut random = Random(7);
    let image = |random: &mut Random, parent| {
        let command = COMMANDS[random.below(COMMANDS.len())];
        process(command[0], &command[1..], parent)
    };
    let mut made = Vec::with_capacity(count);
    for i in 0..count {
        let parent = Arc::new(image(&mut random, None));
        let process = image(&mut random, Some(parent));
        let detail = match i % exec_every {
            0 => exec(),
            1 => Detail::Connect(connection("10.1.2.3:5432")),
            n => {
                let access = [Access::Read, Access::Read, Access::Read, Access::Create][n % 4];
                open(random.one(FILES), access)
            }
        };
        made.push(event(process, detail));
    }
    made
}

/// Nanoseconds that an event costs, in the best of several rounds: other work on the
/// machine only ever adds to it.
pub fn cost_ns(set: &mut RuleSet, events: &[Event]) -> f64 {
    let mut hits: Vec<Hit> = Vec::new();
    let mut best = f64::MAX;
    for _ in 0..7 {
        let begun = Instant::now();
        for event in events {
            hits.clear();
            set.observe(event, &mut hits);
        }
        best = best.min(begun.elapsed().as_nanos() as f64 / events.len() as f64);
    }
    best
}
