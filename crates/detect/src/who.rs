//! Who touches a file: a package manager at work, a tool made for it, a person, or
//! someone else. Facts are the executable's file and the ancestry.

use sentinel_event::Process;

use crate::facts::{Image, is_installed};
use crate::{paths, programs};

/// Programs that unpack packages, or scripts that do.
const UNPACKERS: [&str; 21] = [
    "/usr/bin/dpkg",
    "/usr/bin/dpkg-deb",
    "/usr/bin/dpkg-divert",
    "/usr/bin/update-alternatives",
    "/usr/bin/rpm",
    "/usr/bin/rpm-ostree",
    "/usr/bin/dnf",
    "/usr/bin/dnf-3",
    "/usr/bin/dnf5",
    "/usr/bin/yum",
    "/usr/bin/microdnf",
    "/usr/bin/zypper",
    "/usr/bin/pacman",
    "/usr/bin/apk",
    "/sbin/apk",
    "/usr/lib/snapd/snapd",
    "/usr/libexec/packagekitd",
    "/usr/lib/packagekit/packagekitd",
    "/usr/bin/flatpak",
    "/usr/bin/nix",
    "/usr/bin/nix-daemon",
];

/// Where package managers keep the scripts of packages while they run them.
const SCRIPT_PLACES: [&str; 3] = [
    "/var/lib/dpkg/info/",
    "/var/lib/dpkg/tmp.ci/",
    "/var/tmp/rpm-tmp.",
];

/// Who touches a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A package manager, or a script of a package that it runs.
    Package,
    /// A program that the configuration trusts.
    Trusted,
    /// A program that is made for such files, run by a person on a terminal.
    ToolOfPerson,
    /// A program that is made for such files.
    Tool,
    /// An installed program that a person runs on a terminal.
    Person,
    /// An installed program.
    Installed,
    /// A program that is not installed.
    Stranger,
}

/// Who `process` is for files that `tools` are made for. `trusted` are programs that the
/// configuration trusts.
pub fn of(process: &Process, tools: &[&str], trusted: &[String]) -> Who {
    let image = Image::of(process);
    let installed = is_installed(&image.exe, &image.file, image.backing);
    if !installed {
        return Who::Stranger;
    }
    let does = |path: &str| runs(process, path);
    let person = process.auid.is_some() && process.tty.is_some();
    if (UNPACKERS.into_iter().any(does) && is_of_manager(process)) || is_package_script(process) {
        Who::Package
    } else if trusted.iter().any(|path| does(path)) {
        Who::Trusted
    } else if tools.iter().any(|path| does(path)) {
        if person { Who::ToolOfPerson } else { Who::Tool }
    } else if person {
        Who::Person
    } else {
        Who::Installed
    }
}

/// Whether the process is, or descends from, a script of a package that a package
/// manager runs. Being below a package manager alone says nothing: `apt -o
/// Pre-Invoke=sh` and a pager's `!sh` give anyone a shell there.
fn is_package_script(process: &Process) -> bool {
    std::iter::once(process)
        .chain(process.ancestors().map(|ancestor| &**ancestor))
        .any(|process| {
            let program = script(process).unwrap_or(&process.exe);
            let from_package = SCRIPT_PLACES.iter().any(|place| program.starts_with(place));
            from_package && process.parent.as_ref().is_some_and(|p| is_unpacker(p))
        })
}

/// Packages that package managers themselves come from.
const MANAGER_PACKAGES: [&str; 14] = [
    "dpkg",
    "rpm",
    "rpm-ostree",
    "dnf",
    "dnf5",
    "yum",
    "microdnf",
    "zypper",
    "pacman",
    "apk-tools",
    "snapd",
    "packagekit",
    "flatpak",
    "nix",
];

/// Whether the owning package, where it is known, is that of a package manager. Of scripts
/// it is the interpreter's, which says nothing.
fn is_of_manager(process: &Process) -> bool {
    let package = process.package.as_deref().unwrap_or("");
    package.is_empty()
        || programs::is_interpreter(&process.exe)
        || MANAGER_PACKAGES
            .iter()
            .any(|name| package.eq_ignore_ascii_case(name))
}

/// Whether the process is the service manager, or what it prepares a service with.
pub fn is_systemd(process: &Process) -> bool {
    const PATHS: [&str; 4] = [
        "/usr/lib/systemd/systemd",
        "/lib/systemd/systemd",
        "/usr/lib/systemd/systemd-executor",
        "/lib/systemd/systemd-executor",
    ];
    PATHS.contains(&&*process.exe) && is_installed(&process.exe, &process.file, process.backing)
}

fn is_unpacker(process: &Process) -> bool {
    is_of_manager(process)
        && is_installed(&process.exe, &process.file, process.backing)
        && UNPACKERS.into_iter().any(|path| runs(process, path))
}

/// Whether the process runs the program `path`: as its executable, as the script of an
/// interpreter, or from the snap that carries the package manager of snaps.
fn runs(process: &Process, path: &str) -> bool {
    let from_snap = process
        .exe
        .strip_prefix("/snap/snapd/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, rest)| path.strip_prefix('/') == Some(rest));
    *process.exe == *path || script(process) == Some(path) || from_snap
}

/// The script that an installed interpreter runs, by its absolute path.
fn script(process: &Process) -> Option<&str> {
    if !programs::is_interpreter(&process.exe) {
        return None;
    }
    match programs::source(&process.exe, &process.argv) {
        programs::Source::Script(path) if paths::plain(path, "/") == path => Some(path),
        _ => None,
    }
}
