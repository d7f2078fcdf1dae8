//! `service_shell`: a web server, a database or another program that serves the
//! network starts a shell.
//!
//! A server is one by its file name among the known ones, or because it was seen to
//! accept a connection. Servers that do start shells as part of
//! their work do so with the same few commands: each is news once.

mod command;
mod servers;

use sentinel_event::{Detail, Event, Exec, Kind, Process, Severity, Technique};
use serde::{Deserialize, Serialize};

use crate::connections::{Connections, Direction, is_local};
use crate::facts::{Image, is_installed};
use crate::firsts::Firsts;
use crate::grade::milder;
use crate::registry::Start;
use crate::stable_hash::StableHash;
use crate::techniques::{EXPLOIT_PUBLIC_APPLICATION, UNIX_SHELL, WEB_SHELL};
use crate::{Detection, Finding, Findings, KindSet, programs, words};
use command::Command;
use servers::Server;

const WEB: &[Technique] = &[WEB_SHELL, EXPLOIT_PUBLIC_APPLICATION, UNIX_SHELL];
const OTHER: &[Technique] = &[EXPLOIT_PUBLIC_APPLICATION, UNIX_SHELL];

/// Settings of `service_shell`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Programs whose business is to start shells for those who connect.
    pub shell_servers: Vec<String>,
    /// Connections, and commands of servers, that are remembered, each.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        let reverse = crate::reverse::Config::default();
        Config {
            enabled: true,
            shell_servers: [reverse.login_servers, reverse.service_starters].concat(),
            remembered: 16_384,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if let Some(path) = config.shell_servers.iter().find(|p| !p.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    let limit = config.remembered as usize;
    Start::Running(Box::new(ServiceShell {
        connections: Connections::new(limit),
        commands: Firsts::new(limit),
        config: config.clone(),
    }))
}

struct ServiceShell {
    config: Config,
    connections: Connections,
    commands: Firsts,
}

impl Detection for ServiceShell {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Exec, Kind::Fork, Kind::Accept])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        match &event.detail {
            Detail::Exec(exec) => findings.extend(self.judge(event, exec)),
            _ => self.connections.note(event),
        }
    }

    fn evicted_total(&self) -> u64 {
        self.connections.evicted_total() + self.commands.evicted_total()
    }
}

impl ServiceShell {
    fn judge(&mut self, event: &Event, exec: &Exec) -> Option<Finding> {
        let shell = &event.process;
        if !programs::is_shell(&shell.exe) {
            return None;
        }
        let parent = shell.parent.as_ref()?;
        let server = self.server(parent)?;
        let command = Command::of(shell, exec);
        let before = self.commands.note(context(parent, &command));
        let (mut severity, mut what) = weigh(server, &command);
        if before > 0 {
            (severity, what) = (Severity::Info, "it has done so before");
        }
        let mut reason = format!("{}; {what}", server.reason());
        let spoken = self.connections.of(parent);
        if server == Server::Other && spoken.is_some_and(|spoken| is_local(spoken.peer)) {
            severity = milder(severity);
            reason.push_str("; so far only this host connected to it");
        }
        Some(Finding {
            variant: server.name(),
            subject: command.shape().into(),
            severity,
            confidence: if command.is_intrusive() { 80 } else { 60 },
            summary: format!(
                "{} started a shell{}{}",
                words::actor(&parent.exe, parent),
                command.sentence(),
                words::origin(parent)
            ),
            reason,
            techniques: techniques(server).into(),
            earlier: spoken
                .map(|spoken| spoken.evidence(event.time_ns))
                .into_iter()
                .collect(),
            shows: format!("exec of {}", words::shown(&shell.command_line())),
        })
    }

    /// What kind of server `process` is, if it is one.
    fn server(&self, process: &Process) -> Option<Server> {
        let image = Image::of(process);
        let installed = is_installed(&image.exe, &image.file, image.backing);
        let starts_shells = self
            .config
            .shell_servers
            .iter()
            .any(|p| **p == *process.exe);
        if starts_shells && installed {
            return None;
        }
        if let Some(server) = servers::named(&process.exe) {
            return Some(server);
        }
        // The shells and tools that a login or service started have its connection too.
        let spoken = self.connections.of(process)?;
        // A forked worker is a copy of the server; another program of the same
        // interpreter is not.
        let opener = &spoken.opener;
        let own = opener.exe == process.exe && opener.argv == process.argv;
        let serves = spoken.direction == Direction::In;
        (own && serves && !programs::is_shell(&process.exe)).then_some(Server::Other)
    }
}

fn weigh(server: Server, command: &Command<'_>) -> (Severity, &'static str) {
    match (command, server) {
        (Command::Input, _) => (
            Severity::High,
            "the shell has neither script nor command line, so it does what it is sent",
        ),
        _ if command.is_intrusive() => (
            Severity::High,
            "the command is one that intruders begin with",
        ),
        (Command::Line(_), Server::Database) => (
            Severity::High,
            "databases seldom need a shell, and this command is new",
        ),
        (Command::Line(_), _) => (Severity::Medium, "this command is new"),
        (Command::Script(_), Server::Database) => (Severity::Medium, "this script is new"),
        (Command::Script(_), _) => (Severity::Low, "this script is new"),
    }
}

/// A server, by its file, and the shape of a command.
fn context(server: &Process, command: &Command<'_>) -> u64 {
    StableHash::new()
        .text(&server.exe)
        .number(server.file.inode)
        .text(server.unit().unwrap_or(&server.cgroup))
        .text(&command.shape())
        .finish()
}

fn techniques(server: Server) -> &'static [Technique] {
    match server {
        Server::Web => WEB,
        _ => OTHER,
    }
}
