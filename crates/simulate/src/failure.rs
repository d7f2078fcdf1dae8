//! Why a simulated attack did not happen, and how a child process says so.

use std::borrow::Cow;
use std::io;

use nix::errno::Errno;

/// Why a variant did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// This host cannot be attacked in this way: that is an answer, not an error.
    #[error("{0}")]
    NotPossible(String),
    /// The simulator itself went wrong.
    #[error("{0}")]
    Broken(String),
}

/// The exit status by which a child says that its variant is not possible here.
/// 77 is what test suites have long used for "skipped"; the payload never uses it.
const STATUS_NOT_POSSIBLE: u8 = 77;
const STATUS_BROKEN: u8 = 78;

impl Failure {
    /// Wraps what the kernel answered to `step`. An attack that the host's policy
    /// or version refuses is not possible; any other answer means that the
    /// simulator asked for nonsense.
    pub(crate) fn from_errno(step: &str, errno: Errno) -> Failure {
        let text = format!("{step}: {}", errno.desc());
        match errno {
            Errno::EACCES | Errno::EPERM | Errno::ENOSYS | Errno::EOPNOTSUPP => {
                Failure::NotPossible(text)
            }
            _ => Failure::Broken(text),
        }
    }

    /// As [`Failure::from_errno`], for an error of the standard library.
    pub(crate) fn from_io(step: &str, error: &io::Error) -> Failure {
        match error.raw_os_error() {
            Some(code) => Failure::from_errno(step, Errno::from_raw(code)),
            None => Failure::Broken(format!("{step}: {error}")),
        }
    }

    /// The exit status that tells the parent which kind of failure it was.
    pub fn status(&self) -> u8 {
        match self {
            Failure::NotPossible(_) => STATUS_NOT_POSSIBLE,
            Failure::Broken(_) => STATUS_BROKEN,
        }
    }

    /// The failure that a child ended with, from its exit status and its last words.
    pub(crate) fn from_child(status: std::process::ExitStatus, stderr: &str) -> Failure {
        let words = &*in_english(stderr.trim());
        match status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(STATUS_NOT_POSSIBLE) => Failure::NotPossible(words.to_owned()),
            Some(STATUS_BROKEN) => Failure::Broken(words.to_owned()),
            _ if words.is_empty() => Failure::Broken(format!("the payload ended early: {status}")),
            _ => Failure::Broken(format!("the payload ended early: {status}: {words}")),
        }
    }
}

/// What the attack program says, `open: errno 2`, in the kernel's own words.
fn in_english(words: &str) -> Cow<'_, str> {
    let error = words
        .rsplit_once(": errno ")
        .and_then(|(step, code)| Some((step, code.parse().ok()?)));
    match error {
        Some((step, code)) => format!("{step}: {}", Errno::from_raw(code).desc()).into(),
        None => words.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_errors_are_named() {
        assert_eq!(
            in_english("open: errno 2"),
            "open: No such file or directory"
        );
        for other in [
            "",
            "no shell answered in time",
            "open: errno",
            "open: errno x",
        ] {
            assert_eq!(in_english(other), other);
        }
    }

    #[test]
    fn a_refusal_is_told_from_a_mistake() {
        for errno in [Errno::EACCES, Errno::EPERM, Errno::ENOSYS] {
            assert!(matches!(
                Failure::from_errno("x", errno),
                Failure::NotPossible(_)
            ));
        }
        for errno in [Errno::EINVAL, Errno::ENOENT, Errno::ETXTBSY] {
            assert!(matches!(
                Failure::from_errno("x", errno),
                Failure::Broken(_)
            ));
        }
    }
}
