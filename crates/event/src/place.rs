//! Where a process lives, read from its cgroup path: systemd unit, container, runtime.
//!
//! The path is the kernel's own and comes with the exec itself, so this holds for a
//! process that is gone by the time anybody looks. Nothing is asked of any runtime.

use std::borrow::Cow;

use crate::Process;

/// A container as a cgroup path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container<'a> {
    /// Its id: 64 hexadecimal digits for OCI runtimes, the name for LXC and nspawn.
    pub id: Cow<'a, str>,
    /// Who runs it; `None` where the path does not tell, as in Kubernetes with the
    /// cgroupfs driver.
    pub runtime: Option<&'static str>,
}

/// What stands before the id in the name of a cgroup, and whose it is.
const PREFIXES: [(&str, &str); 7] = [
    ("cri-containerd", "containerd"),
    ("nerdctl", "containerd"),
    ("docker", "docker"),
    ("crio", "cri-o"),
    ("libpod-payload", "podman"),
    ("libpod", "podman"),
    ("buildkit", "buildkit"),
];

impl Process {
    /// The systemd unit that the cgroup path names, such as `ssh.service`.
    pub fn unit(&self) -> Option<&str> {
        const SUFFIXES: [&str; 3] = [".service", ".scope", ".socket"];
        self.cgroup
            .rsplit('/')
            .find(|part| SUFFIXES.iter().any(|suffix| part.ends_with(suffix)))
    }

    /// The container that the cgroup path names, the innermost where they are nested.
    pub fn container(&self) -> Option<Container<'_>> {
        container(&self.cgroup)
    }
}

fn container(cgroup: &str) -> Option<Container<'_>> {
    let mut parts = cgroup.rsplit('/').peekable();
    let mut below = None;
    while let Some(part) = parts.next() {
        let above = parts.peek().copied().unwrap_or_default();
        if let Some(found) = oci(part, above)
            .or_else(|| lxc(part, above))
            .or_else(|| nspawn(part, below))
        {
            return Some(found);
        }
        below = Some(part);
    }
    None
}

/// `docker-ID.scope`, `docker/ID`, `...:cri-containerd:ID`, and an id alone. What watches
/// a container beside it (`libpod-conmon-ID.scope`) is not in it.
fn oci<'a>(part: &'a str, above: &str) -> Option<Container<'a>> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    let (before, id) = match name.rfind(['-', ':']) {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => ("", name),
    };
    let is_id = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_id || before.ends_with("conmon") {
        return None;
    }
    let owner = match before {
        "" => above,
        _ => before.rsplit(':').next().unwrap_or(before),
    };
    let known = PREFIXES.iter().find(|(prefix, _)| *prefix == owner);
    Some(Container {
        id: id.into(),
        runtime: known.map(|(_, runtime)| *runtime),
    })
}

/// `lxc.payload.NAME` since LXC 4, `lxc.payload/NAME` and `lxc/NAME` before.
fn lxc<'a>(part: &'a str, above: &str) -> Option<Container<'a>> {
    let name = match part.strip_prefix("lxc.payload.") {
        Some(name) => name,
        None if matches!(above, "lxc" | "lxc.payload") => part,
        None => return None,
    };
    (!name.is_empty()).then(|| Container {
        id: name.into(),
        runtime: Some("lxc"),
    })
}

/// `systemd-nspawn@NAME.service/payload` and `machine-NAME.scope/payload`. The other
/// part, `supervisor`, is nspawn itself; a virtual machine has no payload.
fn nspawn<'a>(part: &'a str, below: Option<&str>) -> Option<Container<'a>> {
    if below != Some("payload") {
        return None;
    }
    let service = part.strip_prefix("systemd-nspawn@");
    let name = match service.and_then(|name| name.strip_suffix(".service")) {
        Some(name) => name,
        None => part.strip_prefix("machine-")?.strip_suffix(".scope")?,
    };
    Some(Container {
        id: unescaped(name),
        runtime: Some("systemd-nspawn"),
    })
}

/// The name behind systemd's `\xNN`; as it is where that gives no text.
fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains("\\x") {
        return name.into();
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.strip_prefix(b"x").and_then(|tail| tail.get(..2));
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if first == b'\\' => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_or(name.into(), Cow::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn check(cgroup: &str, expected: Option<(&str, Option<&str>)>) {
        let cgroup = cgroup.replace("ID", ID);
        let found = container(&cgroup);
        let found = found.as_ref().map(|found| (&*found.id, found.runtime));
        assert_eq!(found, expected, "{cgroup}");
    }

    #[test]
    fn containers_are_told_by_their_cgroups() {
        let own = |runtime| Some((ID, Some(runtime)));
        for (cgroup, runtime) in [
            ("/docker/ID", "docker"),
            ("/system.slice/docker-ID.scope", "docker"),
            ("/system.slice/docker-ID.scope/init.scope", "docker"),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
                "docker",
            ),
            ("/system.slice/nerdctl-ID.scope", "containerd"),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-ID.scope",
                "containerd",
            ),
            (
                "/system.slice/containerd.service/kubepods-besteffort-pod1_2.slice:cri-containerd:ID",
                "containerd",
            ),
            (
                "/kubepods.slice/kubepods-pod1_2.slice/crio-ID.scope",
                "cri-o",
            ),
            ("/kubepods/besteffort/pod1-2/crio-ID", "cri-o"),
            ("/machine.slice/libpod-ID.scope/container", "podman"),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope",
                "podman",
            ),
            ("/system.slice/web.service/libpod-payload-ID", "podman"),
            ("/libpod_parent/libpod-ID", "podman"),
            // One within another.
            (
                "/machine.slice/systemd-nspawn@a.service/payload/docker/ID",
                "docker",
            ),
        ] {
            check(cgroup, own(runtime));
        }
        check("/kubepods/burstable/pod1-2/ID", Some((ID, None)));
        check(
            "/lxc.payload.web/system.slice/nginx.service",
            Some(("web", Some("lxc"))),
        );
        check("/lxc.payload/web", Some(("web", Some("lxc"))));
        check("/lxc/web/init.scope", Some(("web", Some("lxc"))));
        let nspawn = |name| Some((name, Some("systemd-nspawn")));
        check(
            "/machine.slice/systemd-nspawn@debian\\x2d12.service/payload",
            nspawn("debian-12"),
        );
        check(
            "/machine.slice/machine-deb.scope/payload/init.scope",
            nspawn("deb"),
        );
        check(
            "/machine.slice/machine-a\\xff.scope/payload",
            nspawn("a\\xff"),
        );
    }

    #[test]
    fn what_is_beside_a_container_is_not_in_it() {
        for cgroup in [
            "",
            "/",
            "/system.slice/docker.service",
            "/machine.slice/libpod-conmon-ID.scope",
            "/kubepods.slice/crio-conmon-ID.scope",
            "/lxc.monitor.web",
            "/lxc.payload.",
            "/machine.slice/systemd-nspawn@a.service/supervisor",
            "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
            "/user.slice/user-1000.slice/session-3.scope",
            // Neither 64 digits nor hexadecimal.
            "/docker/0123456789abcdef",
            "/docker/zzzz456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            check(cgroup, None);
        }
    }

    #[test]
    fn escapes_that_make_no_sense_are_kept() {
        for (text, expected) in [
            ("a\\x2db", "a-b"),
            ("\\x", "\\x"),
            ("\\x2", "\\x2"),
            ("\\xzz", "\\xzz"),
            ("x2d\\x5c", "x2d\\"),
        ] {
            assert_eq!(unescaped(text), expected, "{text}");
        }
    }
}
