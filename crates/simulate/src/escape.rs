//! Reaching from a container for the host: from namespaces of the attack's own, and for
//! settings that are written back as they were.

use sentinel_event::{Severity, Technique};

use crate::{Expected, Family, Variant};

const ESCAPE: &[Technique] = &[Technique::new("T1611", "T1611", "Escape to Host")];

macro_rules! escape {
    ($name:literal, $severity:ident, $what:literal, $steps:literal, $($word:literal),+) => {
        Variant::of(
            concat!("container-escape/", $name),
            Expected::Alert("container_escape", Severity::$severity),
            ESCAPE,
            $what,
            $steps,
            &[$($word),+],
        )
    };
}

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "container-escape",
    summary: "what is inside a container reaches for the host",
    variants: &[
        escape!(
            "core-pattern",
            Medium,
            "the command that the kernel runs for a crash, written back as it was",
            "open(/proc/sys/kernel/core_pattern, O_RDWR), read, write",
            "write-back",
            "/proc/sys/kernel/core_pattern"
        ),
        escape!(
            "core-pattern-inside",
            Critical,
            "the same from namespaces like those of a container",
            "unshare(CLONE_NEWNS|CLONE_NEWPID), fork, open, read, write",
            "inside",
            "write-back",
            "/proc/sys/kernel/core_pattern"
        ),
        escape!(
            "core-pattern-inside-i386",
            Critical,
            "the same by 32-bit system calls",
            "unshare(CLONE_NEWNS|CLONE_NEWPID), fork, open, read, write, by int 0x80",
            "inside",
            "write-back",
            "/proc/sys/kernel/core_pattern"
        )
        .narrow(),
        escape!(
            "modprobe",
            Medium,
            "the command that the kernel runs for a module, written back as it was",
            "open(/proc/sys/kernel/modprobe, O_RDWR), read, write",
            "write-back",
            "/proc/sys/kernel/modprobe"
        ),
        escape!(
            "enter-mounts",
            Critical,
            "a running program inside that enters the host's mounts",
            "unshare(CLONE_NEWNS|CLONE_NEWPID), fork, execve; setns(the mnt namespace of before)",
            "enter-host",
            "/proc/self/ns/mnt"
        ),
        escape!(
            "enter-mounts-i386",
            Critical,
            "the same by 32-bit system calls",
            "unshare(CLONE_NEWNS|CLONE_NEWPID), fork, execve; setns, by int 0x80",
            "enter-host",
            "/proc/self/ns/mnt"
        )
        .narrow(),
        escape!(
            "enter-network",
            High,
            "a running program inside that enters the host's network",
            "unshare(CLONE_NEWPID|CLONE_NEWNET), fork, execve; setns(the net namespace of before)",
            "enter-host",
            "/proc/self/ns/net"
        ),
        escape!(
            "runtime-socket",
            High,
            "orders to a container runtime, whose socket is the attack's own",
            "unshare(CLONE_NEWNS|CLONE_NEWPID), fork, bind(docker.sock), connect(docker.sock)",
            "inside",
            "order",
            "{folder}/docker.sock"
        ),
        escape!(
            "host-memory",
            Medium,
            "the memory of the kernel, of which one byte is read",
            "unshare(CLONE_NEWNS|CLONE_NEWPID), fork, open(/proc/kcore, O_RDONLY), read",
            "inside",
            "read",
            "/proc/kcore"
        ),
        escape!(
            "release-agent",
            Medium,
            "the release agent of a cgroup, opened for writing and not written",
            "open(/sys/fs/cgroup/memory/release_agent, O_WRONLY)",
            "visit",
            "/sys/fs/cgroup/memory/release_agent"
        ),
    ],
};
