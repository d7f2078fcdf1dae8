//! A server that starts a shell for whoever calls it: this host calls itself.

use sentinel_event::{Severity, Technique};

use crate::{Expected, Family, Variant};

const EXPLOIT: Technique = Technique::new("T1190", "T1190", "Exploit Public-Facing Application");
const SHELL: Technique = Technique::new(
    "T1059.004",
    "T1059.004",
    "Command and Scripting Interpreter: Unix Shell",
);

const TECHNIQUES: &[Technique] = &[EXPLOIT, SHELL];

// Callers from within the host are taken for milder.
const EXPECTED: Expected = Expected::Alert("service_shell", Severity::Low);

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "service-shell",
    summary: "a program that serves the network starts a shell",
    variants: &[
        Variant::of(
            "service-shell/command",
            EXPECTED,
            TECHNIQUES,
            "a server on 127.0.0.1 runs a command that intruders begin with",
            "bind, listen, accept, fork, execve(sh -c id)",
            &["serve", "/bin/sh", "-c", "id >/dev/null"],
        ),
        Variant::of(
            "service-shell/command-i386",
            EXPECTED,
            TECHNIQUES,
            "the same by a 32-bit server",
            "bind, listen, accept4, fork, execve(sh -c id) by int 0x80",
            &["serve", "/bin/sh", "-c", "id >/dev/null"],
        )
        .narrow(),
        Variant::of(
            "service-shell/compound",
            EXPECTED,
            TECHNIQUES,
            "a server on 127.0.0.1 runs a compound command",
            "bind, listen, accept, fork, execve(sh -c \"uname -a; whoami\")",
            &["serve", "/bin/sh", "-c", "uname -a; whoami"],
        ),
    ],
};
