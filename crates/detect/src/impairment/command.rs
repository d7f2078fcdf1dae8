//! Commands that have an honest tool switch a guard off: the tool talks to the kernel or
//! to systemd by itself, in ways that are not observed.

use sentinel_event::{Event, Process, Severity, Technique};

use super::guards;
use crate::grade::milder;
use crate::techniques::{DISABLE_AUDIT, DISABLE_FIREWALL, DISABLE_TOOLS};
use crate::who::{self, Who};
use crate::{Finding, words};

/// What a command does.
struct Command {
    variant: &'static str,
    severity: Severity,
    what: String,
    technique: Technique,
}

/// Judges what the arguments of a program that was started ask for.
pub fn judge(event: &Event) -> Option<Finding> {
    let process = &event.process;
    let command = of(process)?;
    let severity = match who::of(process, &[], &[]) {
        Who::Package => return None,
        _ if process.ancestors().any(|ancestor| is_manager(ancestor)) => Severity::Info,
        Who::Stranger => Severity::High.max(command.severity),
        _ if is_own_start(process) => milder(milder(command.severity)),
        _ => command.severity,
    };
    Some(Finding {
        variant: command.variant,
        subject: command.what.as_str().into(),
        severity,
        confidence: 75,
        summary: format!(
            "{} was told to {}{}",
            words::actor(&process.exe, process),
            command.what,
            words::origin(process)
        ),
        reason: "the command switches off, for now or for good, what guards or records the host; \
                 no package is being installed"
            .to_owned(),
        techniques: vec![command.technique].into(),
        earlier: Vec::new(),
        shows: format!("exec of {}", words::shown(&process.command_line())),
    })
}

/// Programs that change the firewall as their work.
fn is_manager(process: &Process) -> bool {
    const MANAGERS: [&str; 8] = [
        "firewalld",
        "dockerd",
        "containerd",
        "kube-proxy",
        "kubelet",
        "libvirtd",
        "fail2ban-server",
        "tailscaled",
    ];
    let known = MANAGERS.contains(&words::program(&process.exe));
    known && crate::facts::is_installed(&process.exe, &process.file, process.backing)
}

/// Whether a unit of that very tool is being started: nftables.service flushes what it is
/// about to set.
fn is_own_start(process: &Process) -> bool {
    let unit = process.unit().unwrap_or("");
    guards::unit(unit).is_some()
}

fn of(process: &Process) -> Option<Command> {
    // One executable serves all names of iptables: that by which it is called, or, called by
    // its own, the first argument.
    let argument = |i: usize| process.argv.get(i).map_or("", |argument| &**argument);
    let called = words::program(argument(0));
    let exe = words::program(&process.exe);
    let is_many = |name: &str| name.starts_with("xtables-");
    let (name, skipped) = match (is_many(exe), is_many(called)) {
        (true, true) => (words::program(argument(1)), 2),
        (true, false) => (called, 1),
        (false, _) => (exe, 1),
    };
    let arguments: Vec<&str> = process.argv.iter().skip(skipped).map(|a| &**a).collect();
    let command = |variant, severity, what: &str, technique| {
        Some(Command {
            variant,
            severity,
            what: what.to_owned(),
            technique,
        })
    };
    match name {
        "auditctl" if arguments.contains(&"-D") => command(
            "audit_rules",
            Severity::High,
            "delete all audit rules",
            DISABLE_AUDIT,
        ),
        "auditctl" if arguments.windows(2).any(|pair| pair == ["-e", "0"]) => command(
            "audit_rules",
            Severity::High,
            "switch auditing off",
            DISABLE_AUDIT,
        ),
        "auditctl" if arguments.contains(&"-d") || arguments.contains(&"-W") => command(
            "audit_rules",
            Severity::Medium,
            "delete an audit rule",
            DISABLE_AUDIT,
        ),
        "setenforce"
            if matches!(
                arguments.first(),
                Some(&"0" | &"Permissive" | &"permissive")
            ) =>
        {
            command(
                "protection",
                Severity::High,
                "let SELinux only warn",
                DISABLE_TOOLS,
            )
        }
        "aa-teardown" | "aa-disable" | "aa-complain" => command(
            "protection",
            Severity::Medium,
            "take AppArmor profiles away",
            DISABLE_TOOLS,
        ),
        "apparmor_parser" if arguments.contains(&"-R") || arguments.contains(&"--remove") => {
            command(
                "protection",
                Severity::Medium,
                "take an AppArmor profile away",
                DISABLE_TOOLS,
            )
        }
        "iptables" | "ip6tables" | "iptables-nft" | "iptables-legacy" | "ip6tables-nft"
        | "ip6tables-legacy" | "ebtables" | "arptables" => tables(&arguments),
        "nft" if flushes(&arguments) => command(
            "firewall",
            Severity::Medium,
            "flush the firewall's rules",
            DISABLE_FIREWALL,
        ),
        // A script of Python, named by its first argument.
        _ if words::program(argument(0)) == "ufw"
            || arguments.first() == Some(&"/usr/sbin/ufw") =>
        {
            let off = arguments
                .iter()
                .any(|word| matches!(*word, "disable" | "reset"));
            off.then(|| {
                command(
                    "firewall",
                    Severity::Medium,
                    "switch the firewall off",
                    DISABLE_FIREWALL,
                )
            })?
        }
        "systemctl" | "service" | "invoke-rc.d" | "rc-service" => service(&arguments),
        _ => None,
    }
}

/// A flush of a whole table, not of somebody's own chain; or a policy that lets all in.
fn tables(arguments: &[&str]) -> Option<Command> {
    let flush = arguments
        .iter()
        .position(|word| matches!(*word, "-F" | "--flush"))
        .map(|at| arguments.get(at + 1));
    let all = match flush {
        Some(None) => true,
        Some(Some(next)) => {
            next.starts_with('-') || matches!(*next, "INPUT" | "FORWARD" | "OUTPUT")
        }
        None => false,
    };
    let accepts = arguments
        .windows(3)
        .any(|words| matches!(words, ["-P" | "--policy", "INPUT" | "FORWARD", "ACCEPT"]));
    (all || accepts).then(|| Command {
        variant: "firewall",
        severity: Severity::Medium,
        what: match all {
            true => "flush the firewall's rules".to_owned(),
            false => "let the firewall pass everything".to_owned(),
        },
        technique: DISABLE_FIREWALL,
    })
}

fn flushes(arguments: &[&str]) -> bool {
    let words: Vec<&str> = arguments
        .iter()
        .flat_map(|a| a.split_whitespace())
        .collect();
    words
        .windows(2)
        .any(|pair| matches!(pair, ["flush", "ruleset" | "table"] | ["delete", "table"]))
}

/// A guard that systemd or its predecessors are told to stop, for now or for good.
fn service(arguments: &[&str]) -> Option<Command> {
    const VERBS: [&str; 5] = ["stop", "disable", "mask", "kill", "freeze"];
    let verb = arguments.iter().find(|word| VERBS.contains(word))?;
    let unit = arguments.iter().find_map(|word| guards::unit(word))?;
    let severity = match unit {
        "sentinel" | "auditd" => Severity::High,
        _ => Severity::Medium,
    };
    Some(Command {
        variant: "service_stopped",
        severity,
        what: format!("{verb} {unit}"),
        technique: guards::technique(unit),
    })
}
