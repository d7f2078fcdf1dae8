//! What can be seen without the daemon. Each check takes what it looks at as an argument,
//! so that its judgement is tested on every host.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::utsname::uname;

use super::{Finding, State};

/// The oldest kernel on which the programs are tested.
const OLDEST: (u32, u32) = (5, 10);

/// Every check of this host.
pub fn host() -> Vec<Finding> {
    let release = uname().map(|name| name.release().to_string_lossy().into_owned());
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    vec![
        kernel(&release.unwrap_or_default()),
        type_information(Path::new("/sys/kernel/btf/vmlinux")),
        locked_down(&lockdown),
        tracing(&fs::read_to_string("/proc/self/mounts").unwrap_or_default()),
        clock(&ask(
            "timedatectl",
            &["show", "--property=NTPSynchronized", "--value"],
        )),
        unit(&ask("systemctl", &["show", "sentinel.service", PROPERTIES])),
        leftovers(&left_behind(Path::new(KEPT))),
    ]
}

/// Where daemons in the foreground leave their kernel programs to the next.
const KEPT: &str = "/sys/fs/bpf/sentinel";

/// The data folders of daemons that left their kernel programs there and are gone; `None`
/// where that cannot be read.
fn left_behind(kept: &Path) -> Option<Vec<PathBuf>> {
    let folders = match fs::read_dir(kept) {
        Ok(folders) => folders,
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(Vec::new()),
        Err(_) => return None,
    };
    let data = folders.flatten().map(|folder| {
        let link = folder.path().join("data_dir");
        fs::read_link(link).unwrap_or_else(|_| folder.path())
    });
    let mut gone: Vec<_> = data
        .filter(|data| !sentinel_store::is_in_use(data))
        .collect();
    gone.sort();
    Some(gone)
}

fn leftovers(gone: &Option<Vec<PathBuf>>) -> Finding {
    let check = "leftovers";
    match gone.as_deref() {
        None => Finding::new(check, State::Unknown, "only root can look for them", ""),
        Some([]) => Finding::good(check, "no daemon left kernel programs behind"),
        Some(gone) => {
            let names: Vec<_> = gone.iter().map(|data| data.display().to_string()).collect();
            Finding::new(
                check,
                State::Warn,
                format!(
                    "a daemon that is gone left kernel programs behind: {}",
                    names.join(", ")
                ),
                "start it again, or run 'sentinel cleanup'",
            )
        }
    }
}

const PROPERTIES: &str =
    "--property=LoadState,ActiveState,SubState,Result,UnitFileState,NRestarts,ExecMainStatus";

/// What a program prints; nothing when it is not there.
fn ask(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or(String::new(), |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}

fn kernel(release: &str) -> Finding {
    let mut numbers = release
        .split(['.', '-', '+'])
        .map(|number| number.parse::<u32>().ok());
    let found = format!("Linux {release}");
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Finding::good("kernel", found),
        (Some(_), Some(_)) => {
            let advice = "Linux 5.10 or later is needed; boot a newer kernel";
            Finding::new("kernel", State::Bad, found, advice)
        }
        _ => Finding::new("kernel", State::Unknown, found, ""),
    }
}

fn type_information(path: &Path) -> Finding {
    if path.exists() {
        return Finding::good("btf", format!("{} is there", path.display()));
    }
    Finding::new(
        "btf",
        State::Bad,
        format!("there is no {}", path.display()),
        "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y; Debian's and Ubuntu's have it",
    )
}

/// The file names all levels, with the present one in brackets.
fn locked_down(text: &str) -> Finding {
    let level = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    match level {
        None | Some("none") => Finding::good("lockdown", "the kernel is not locked down"),
        Some("integrity") => Finding::good("lockdown", "integrity, which lets programs read"),
        Some(level) => Finding::new(
            "lockdown",
            State::Bad,
            format!("{level}, which forbids programs to read kernel memory"),
            "boot with lockdown=integrity, or without lockdown",
        ),
    }
}

fn tracing(mounts: &str) -> Finding {
    let mounted = mounts.lines().any(|line| {
        let mut words = line.split(' ');
        words.nth(2) == Some("tracefs")
    });
    match mounted {
        true => Finding::good("tracefs", "is mounted"),
        false => Finding::new(
            "tracefs",
            State::Warn,
            "is not mounted, so hooks on system calls cannot be found",
            "systemctl start sys-kernel-tracing.mount",
        ),
    }
}

fn clock(synchronised: &str) -> Finding {
    match synchronised {
        "yes" => Finding::good("clock", "is synchronised"),
        "no" => Finding::new(
            "clock",
            State::Warn,
            "is not synchronised, so times may not match those of other hosts",
            "timedatectl set-ntp true",
        ),
        _ => Finding::new(
            "clock",
            State::Unknown,
            "nobody here knows whether it is right",
            "",
        ),
    }
}

fn unit(properties: &str) -> Finding {
    let value = |name: &str| {
        let lines = properties.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        values.next().unwrap_or_default()
    };
    let finding = |state, found: String, advice: &str| Finding::new("unit", state, found, advice);
    let active = value("ActiveState");
    match (value("LoadState"), active) {
        ("", _) => finding(State::Unknown, "there is no systemd here".to_owned(), ""),
        ("loaded", "active") => match value("UnitFileState") {
            "enabled" => {
                let restarts = value("NRestarts");
                finding(
                    State::Good,
                    format!("active, enabled, {restarts} restarts"),
                    "",
                )
            }
            state => finding(
                State::Warn,
                format!("active, but {state}: it will not start at the next boot"),
                "systemctl enable sentinel",
            ),
        },
        ("loaded", "failed") if value("ExecMainStatus") == "78" => finding(
            State::Bad,
            "failed: the configuration is wrong".to_owned(),
            "sentinel check-config /etc/sentinel/sentinel.toml says where",
        ),
        ("loaded", "failed") => finding(
            State::Bad,
            format!("failed ({})", value("Result")),
            "journalctl -u sentinel -n 50 says why",
        ),
        ("loaded", _) => finding(
            State::Bad,
            format!("is {active}"),
            "systemctl start sentinel",
        ),
        (state, _) => finding(
            State::Warn,
            format!("systemd knows no sentinel.service ({state})"),
            "install the package, or 'make install'",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(finding: &Finding, state: State, word: &str) {
        assert_eq!(finding.state, state, "{finding:?}");
        let text = format!("{} {}", finding.found, finding.advice);
        assert!(text.contains(word), "{finding:?} lacks {word:?}");
        let acts = matches!(state, State::Warn | State::Bad);
        assert_eq!(acts, !finding.advice.is_empty(), "{finding:?}");
    }

    #[test]
    fn kernels_are_judged_by_their_numbers() {
        check(&kernel("6.1.0-18-amd64"), State::Good, "6.1.0-18");
        check(&kernel("5.10.0"), State::Good, "5.10");
        check(&kernel("5.4.0-150-generic"), State::Bad, "5.10 or later");
        check(&kernel("4.19.0"), State::Bad, "newer");
        check(&kernel("what"), State::Unknown, "what");
        check(
            &type_information(Path::new("/nonexistent")),
            State::Bad,
            "BTF",
        );
    }

    #[test]
    fn what_daemons_left_behind_is_named() {
        check(&leftovers(&None), State::Unknown, "root");
        let kept = tempfile::tempdir().expect("a folder");
        let found = || left_behind(kept.path());
        check(&leftovers(&found()), State::Good, "no daemon");
        let folder = kept.path().join("1-2");
        fs::create_dir(&folder).expect("makes");
        std::os::unix::fs::symlink("/gone/for/ever", folder.join("data_dir")).expect("links");
        check(&leftovers(&found()), State::Warn, "/gone/for/ever");
        check(
            &leftovers(&left_behind(Path::new("/nonexistent"))),
            State::Good,
            "no",
        );
    }

    #[test]
    fn lockdown_is_read_from_the_brackets() {
        check(&locked_down(""), State::Good, "not locked");
        check(
            &locked_down("[none] integrity confidentiality\n"),
            State::Good,
            "not locked",
        );
        check(
            &locked_down("none [integrity] confidentiality\n"),
            State::Good,
            "integrity",
        );
        check(
            &locked_down("none integrity [confidentiality]\n"),
            State::Bad,
            "lockdown=integrity",
        );
    }

    #[test]
    fn the_unit_and_its_surroundings_say_the_next_step() {
        let state = |text: &str| unit(&text.replace(' ', "\n"));
        check(&state(""), State::Unknown, "no systemd");
        check(
            &state("LoadState=not-found ActiveState=inactive"),
            State::Warn,
            "install",
        );
        check(
            &state("LoadState=loaded ActiveState=inactive"),
            State::Bad,
            "systemctl start",
        );
        check(
            &state("LoadState=loaded ActiveState=failed Result=exit-code ExecMainStatus=78"),
            State::Bad,
            "check-config",
        );
        check(
            &state("LoadState=loaded ActiveState=failed Result=watchdog ExecMainStatus=6"),
            State::Bad,
            "watchdog",
        );
        check(
            &state("LoadState=loaded ActiveState=active UnitFileState=disabled"),
            State::Warn,
            "enable",
        );
        check(
            &state("LoadState=loaded ActiveState=active UnitFileState=enabled NRestarts=2"),
            State::Good,
            "2 restarts",
        );
        check(
            &tracing("tracefs /sys/kernel/tracing tracefs rw 0 0\n"),
            State::Good,
            "mounted",
        );
        check(
            &tracing("proc /proc proc rw 0 0\n"),
            State::Warn,
            "tracing.mount",
        );
        check(&clock("yes"), State::Good, "synchronised");
        check(&clock("no"), State::Warn, "set-ntp");
        check(&clock(""), State::Unknown, "nobody");
    }
}
