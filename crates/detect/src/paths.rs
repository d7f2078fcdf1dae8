//! What a path says by itself: pure functions of text, no file system.

use std::borrow::Cow;

/// The path made absolute and plain: joined to `cwd` when relative, without empty,
/// `.` and `..` components. Symbolic links are not known here.
pub fn plain<'a>(path: &'a str, cwd: &str) -> Cow<'a, str> {
    let is_plain = path.starts_with('/')
        && !path[1..]
            .split('/')
            .any(|part| matches!(part, "" | "." | ".."));
    if is_plain {
        return Cow::Borrowed(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    let base = if path.starts_with('/') { "" } else { cwd };
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Cow::Owned(format!("/{}", parts.join("/")))
}

/// The descriptor that a plain path names, when it names one: `/proc/self/fd/3`,
/// `/proc/4711/fd/3`, `/proc/self/task/4712/fd/3`, `/proc/thread-self/fd/3`,
/// `/dev/fd/3`, `/dev/stdin`. Whose descriptor it is follows from the path only for
/// a number in /proc; see [`Descriptor::pid`].
pub fn descriptor(path: &str) -> Option<Descriptor> {
    let number = |text: &str| text.parse::<u32>().ok();
    if let Some(rest) = path.strip_prefix("/dev/") {
        let fd = match rest {
            "stdin" => 0,
            "stdout" => 1,
            "stderr" => 2,
            _ => number(rest.strip_prefix("fd/")?)?,
        };
        return Some(Descriptor { pid: None, fd });
    }
    let mut parts = path.strip_prefix("/proc/")?.split('/');
    let owner = parts.next()?;
    let pid = match owner {
        "self" | "thread-self" => None,
        _ => Some(number(owner)?),
    };
    let mut part = parts.next()?;
    if part == "task" {
        number(parts.next()?)?;
        part = parts.next()?;
    }
    let fd = number(parts.next()?)?;
    (part == "fd" && parts.next().is_none()).then_some(Descriptor { pid, fd })
}

/// A descriptor named by a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// The process whose descriptor it is; `None` for the one that uses the path.
    pub pid: Option<u32>,
    /// The number.
    pub fd: u32,
}

/// The process whose memory the path is: `/proc/4711/mem`, `/proc/4711/task/4712/mem`.
pub fn memory_of(path: &str) -> Option<u32> {
    let rest = path.strip_prefix("/proc/")?.strip_suffix("/mem")?;
    let pid = rest.split_once("/task/").map_or(rest, |(pid, _)| pid);
    pid.parse().ok()
}

/// The name given to memfd_create, from a path such as `memfd:x` or
/// `/memfd:x (deleted)`.
pub fn memfd_name(path: &str) -> Option<&str> {
    let name = path.trim_start_matches('/').strip_prefix("memfd:")?;
    Some(name.strip_suffix(" (deleted)").unwrap_or(name))
}

/// Whether the kernel marked the path as one that no longer leads to the file.
pub fn is_deleted(path: &str) -> bool {
    path.ends_with(" (deleted)")
}

/// Whether the file was made with O_TMPFILE, so that it never had a name: the
/// kernel then calls it `#` and its inode number.
pub fn is_nameless(path: &str) -> bool {
    let name = path.strip_suffix(" (deleted)").unwrap_or(path);
    name.rsplit('/')
        .next()
        .and_then(|name| name.strip_prefix('#'))
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether `path` is `directory` or lies below it.
pub fn within(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Directories in which package managers and administrators install programs.
const INSTALLED: [&str; 10] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/snap",
    "/nix/store",
    "/gnu/store",
];

/// Whether `path` lies where programs are installed.
pub fn is_installed_place(path: &str) -> bool {
    INSTALLED.iter().any(|directory| within(path, directory))
}

/// Directories in which any user can leave a file.
const SHARED: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run/lock"];

/// Whether `path` lies where any user can leave a file.
pub fn is_shared_place(path: &str) -> bool {
    SHARED.iter().any(|directory| within(path, directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_and_winding_paths_are_straightened() {
        let cases = [
            ("/a/b", "/a/b"),
            ("x.sh", "/dev/shm/x.sh"),
            ("./x.sh", "/dev/shm/x.sh"),
            ("../shm/./x", "/dev/shm/x"),
            ("//proc//self/fd/3", "/proc/self/fd/3"),
            ("/dev/../proc/self/fd/3", "/proc/self/fd/3"),
            ("../../../../x", "/x"),
        ];
        for (path, expected) in cases {
            assert_eq!(plain(path, "/dev/shm"), expected, "{path}");
        }
    }

    #[test]
    fn descriptors_are_recognised_and_lookalikes_are_not() {
        let own = |fd| Some(Descriptor { pid: None, fd });
        let cases = [
            ("/proc/self/fd/3", own(3)),
            ("/proc/thread-self/fd/3", own(3)),
            ("/proc/self/task/77/fd/3", own(3)),
            (
                "/proc/12/fd/3",
                Some(Descriptor {
                    pid: Some(12),
                    fd: 3,
                }),
            ),
            ("/dev/fd/63", own(63)),
            ("/dev/stdin", own(0)),
            // execveat of a name below a directory descriptor.
            ("/dev/fd/3/script.sh", None),
            ("/proc/self/exe", None),
            ("/proc/self/fd", None),
            ("/proc/self/fdinfo/3", None),
            ("/home/a/proc/self/fd/3", None),
        ];
        for (path, expected) in cases {
            assert_eq!(descriptor(path), expected, "{path}");
        }
    }

    #[test]
    fn anonymous_files_are_known_by_the_kernels_names() {
        assert_eq!(memfd_name("/memfd:x (deleted)"), Some("x"));
        assert_eq!(memfd_name("memfd:"), Some(""));
        assert_eq!(memfd_name("/tmp/memfd:x"), None);
        assert!(is_nameless("/tmp/#1234 (deleted)"));
        assert!(!is_nameless("/tmp/#1234x"));
        assert!(!is_nameless("/tmp/#"));
        assert!(within("/dev/shm/x", "/dev/shm") && !within("/dev/shmx", "/dev/shm"));
    }
}
