//! `reverse_shell`: a shell whose commands come from another host, in whichever way
//! its standard streams are joined with a connection.
//!
//! Seven ways are known: the streams are the connection ([`direct`]), pipes lead in a
//! circle through a program that has one ([`circle`]), the parent has one and holds the
//! other end of the shell's terminal or pipes ([`held`]), the streams are one socket
//! of which no internet address is known ([`local`]), they become a socket while the
//! shell runs ([`redirect`]), a program runs command after command for the other side
//! ([`errands`]), or only what a shell runs answers there ([`answers`]). What a shell is
//! stands in [`crate::programs`]; logins and inetd-like services are told apart by who
//! opened the connection, in which direction.

mod answers;
mod circle;
mod direct;
mod errands;
mod held;
mod local;
mod pipes;
mod redirect;

use std::net::SocketAddr;

use sentinel_event::{Detail, Event, Kind, Process, Severity, Stdio, StdioKind, Technique};
use serde::{Deserialize, Serialize};

use crate::connections::{Connections, Direction, Spoken, is_local};
use crate::facts::{self, Image};
use crate::firsts::Firsts;
use crate::grade::milder;
use crate::registry::Start;
use crate::techniques::{NON_APPLICATION_PROTOCOL, NON_STANDARD_PORT, UNIX_SHELL};
use crate::{Detection, Findings, KindSet};
use errands::Errands;
use held::Waiting;
use pipes::Pipes;
use redirect::Redirects;

const TECHNIQUES: &[Technique] = &[UNIX_SHELL, NON_APPLICATION_PROTOCOL, NON_STANDARD_PORT];

/// Settings of `reverse_shell`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Servers whose business is to give a shell to whoever logs in.
    pub login_servers: Vec<String>,
    /// Programs that accept connections and start a service on each.
    pub service_starters: Vec<String>,
    /// Seconds within which a shell that follows its parent's connection counts as
    /// its consequence.
    pub recent_seconds: u32,
    /// Connections, processes and pipes that are remembered, each.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        let own = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
        Config {
            enabled: true,
            login_servers: own(&[
                "/usr/sbin/sshd",
                "/usr/lib/openssh/sshd-session",
                "/usr/libexec/openssh/sshd-session",
                "/usr/lib/ssh/sshd-session",
                "/usr/libexec/sshd-session",
                "/usr/sbin/dropbear",
                "/usr/bin/mosh-server",
                "/usr/sbin/in.telnetd",
                "/usr/bin/tailscaled",
                "/usr/sbin/tailscaled",
            ]),
            service_starters: own(&[
                "/usr/lib/systemd/systemd",
                "/lib/systemd/systemd",
                "/usr/sbin/inetd",
                "/usr/sbin/inetutils-inetd",
                "/usr/sbin/xinetd",
                "/usr/bin/tcpserver",
                "/usr/bin/s6-tcpserver",
            ]),
            recent_seconds: 10,
            remembered: 16_384,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    let paths = config.login_servers.iter().chain(&config.service_starters);
    if let Some(path) = paths.into_iter().find(|path| !path.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    let limit = config.remembered as usize;
    Start::Running(Box::new(ReverseShell {
        connections: Connections::new(limit),
        pipes: Pipes::new(limit),
        circles: Firsts::new(limit),
        redirects: Redirects::new(limit),
        errands: Errands::new(limit),
        answers: Firsts::new(limit),
        waiting: Waiting::new(limit),
        config: config.clone(),
    }))
}

struct ReverseShell {
    config: Config,
    connections: Connections,
    pipes: Pipes,
    /// Shells in a circle that were told of.
    circles: Firsts,
    redirects: Redirects,
    errands: Errands,
    /// Shells into whose connections something was seen to answer.
    answers: Firsts,
    /// Shells whose parents have no connection yet.
    waiting: Waiting,
}

impl Detection for ReverseShell {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[
            Kind::Exec,
            Kind::Fork,
            Kind::Connect,
            Kind::Accept,
            Kind::Open,
            Kind::Process,
            Kind::Redirect,
            Kind::Exit,
        ])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        match &event.detail {
            Detail::Exec(exec) => {
                self.pipes.note_start(&event.process, event.time_ns);
                let finding = direct::judge(self, event, exec)
                    .or_else(|| circle::judge(self, event, &event.process))
                    .or_else(|| held::judge(self, event))
                    .or_else(|| local::judge(self, event))
                    .or_else(|| answers::judge(self, event))
                    .or_else(|| errands::judge(self, event));
                findings.extend(finding);
                self.redirects.note_start(&event.process);
            }
            Detail::Exit(_) => self.pipes.note_end(&event.process, event.time_ns),
            Detail::Process => self.redirects.note_start(&event.process),
            Detail::Connect(_) | Detail::Accept(_) => {
                self.connections.note(event);
                findings.extend(circle::judge(self, event, &event.process));
                findings.extend(held::judge_late(self, event));
            }
            Detail::Fork(fork) => {
                self.connections.note(event);
                findings.extend(redirect::judge_fork(self, event, &fork.child));
            }
            Detail::Descriptor(action) => {
                findings.extend(redirect::judge(self, event, action));
            }
            Detail::Open(file) => {
                let holder = self.pipes.note_open(&event.process, file);
                findings.extend(holder.and_then(|holder| circle::judge(self, event, &holder)));
            }
            _ => {}
        }
    }

    fn evicted_total(&self) -> u64 {
        self.connections.evicted_total()
            + self.pipes.evicted_total()
            + self.circles.evicted_total()
            + self.redirects.evicted_total()
            + self.errands.evicted_total()
            + self.answers.evicted_total()
            + self.waiting.evicted_total()
    }
}

impl ReverseShell {
    /// Whether the image is one of `paths`, as root installed it.
    fn is_one_of(&self, image: &Image, paths: &[String]) -> bool {
        paths.iter().any(|path| **path == *image.exe)
            && facts::is_installed(&image.exe, &image.file, image.backing)
    }

    fn is_login_server(&self, image: &Image) -> bool {
        self.is_one_of(image, &self.config.login_servers)
    }

    fn is_service_starter(&self, image: &Image) -> bool {
        self.is_one_of(image, &self.config.service_starters)
    }
}

/// What a connection is called in a sentence: `a connection to 203.0.113.5:4444`.
fn named(spoken: &Spoken) -> String {
    match spoken.direction {
        Direction::Out => format!("a connection to {}", spoken.peer),
        Direction::In => format!("a connection from {}", spoken.peer),
    }
}

/// How bad it is with this peer: a tunnel may lead out of the host, but that was not seen.
fn towards(peer: SocketAddr, severity: Severity) -> Severity {
    match is_local(peer) {
        true => milder(severity),
        false => severity,
    }
}

/// Whether a stream is one that a parent can hold the other end of: a pipe, or a socket of
/// this host.
fn is_holdable(stdio: &Stdio) -> bool {
    let local = stdio.kind == StdioKind::Socket && stdio.peer.is_none();
    stdio.kind == StdioKind::Pipe || local
}

/// Whether the process is a shell or interpreter that takes its commands from its
/// standard input.
fn is_commanded(process: &Process) -> bool {
    use crate::programs::{Source, is_interpreter, source};
    is_interpreter(&process.exe) && matches!(source(&process.exe, &process.argv), Source::Input)
}
