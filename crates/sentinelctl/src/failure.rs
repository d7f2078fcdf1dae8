//! What can go wrong, as one sentence for the user and one exit code for scripts.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use sentinel_event::text::escape;
use sentinel_query::Fault;
use serde::Serialize;
use tonic::{Code, Status};

/// What helps when the kernel said no.
const ADVICE: &str = "use sudo, or become a member of the group 'sentinel' with \
                      'usermod -aG sentinel $USER' and log in again";

/// Why a command did not do what it was asked to. Shown as one sentence, with what to do
/// about it behind a semicolon.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    problem: String,
    hint: String,
}

/// What scripts tell failures apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing of the below.
    Failed,
    /// What was asked for makes no sense.
    Usage,
    /// There is no daemon, it went away, or it is not the one that it should be.
    Away,
    /// The kernel or the daemon said no.
    Refused,
    /// The reader of our output is gone.
    ClosedPipe,
}

impl Failure {
    fn new(kind: Kind, problem: impl Into<String>) -> Failure {
        Failure {
            kind,
            problem: problem.into(),
            hint: String::new(),
        }
    }

    /// It was tried, and did not work.
    pub fn failed(problem: impl Into<String>) -> Failure {
        Failure::new(Kind::Failed, problem)
    }

    /// What was asked for makes no sense.
    pub fn usage(problem: impl Into<String>) -> Failure {
        Failure::new(Kind::Usage, problem)
    }

    /// The kernel or the daemon said no.
    pub fn refused(problem: impl Into<String>) -> Failure {
        Failure::new(Kind::Refused, problem)
    }

    /// The daemon of another host cannot be reached, or is not who it should be.
    pub fn unreachable(problem: impl Into<String>) -> Failure {
        Failure::new(Kind::Away, problem)
    }

    /// There is no daemon at the socket.
    pub fn not_running(why: impl fmt::Display) -> Failure {
        Failure::new(Kind::Away, format!("the daemon is not running: {why}")).hint(
            "start it with 'systemctl start sentinel' or 'make run', or name another socket \
             with --socket",
        )
    }

    /// There was a daemon, or something that looked like one.
    pub fn gone(problem: impl Into<String>) -> Failure {
        Failure::new(Kind::Away, problem).hint("'systemctl status sentinel' says more")
    }

    /// The same, with what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = hint.into();
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do about it; empty where nobody knows.
    pub fn advice(&self) -> &str {
        &self.hint
    }

    /// What is wrong, without what to do about it.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// The exit code that `--help` promises.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::ClosedPipe => 0,
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Away => 3,
            Kind::Refused => 4,
        }
    }

    /// The same for programs: one JSON object.
    pub fn json(&self) -> String {
        Report {
            error: &self.problem,
            hint: &self.hint,
            code: self.exit_code(),
        }
        .to_string()
    }

    /// Why the socket could not be connected to.
    pub fn connecting(socket: &Path, error: &io::Error) -> Failure {
        let path = socket.to_string_lossy();
        let path = escape(&path);
        match error.kind() {
            io::ErrorKind::NotFound => Failure::not_running(format!("no socket at {path}")),
            io::ErrorKind::ConnectionRefused => {
                Failure::not_running(format!("nothing listens at {path}"))
            }
            io::ErrorKind::PermissionDenied => Failure::denied(path),
            _ => Failure::failed(format!("connecting to {path}: {error}")),
        }
    }

    /// The kernel lets us neither read nor open this.
    pub fn denied(path: impl fmt::Display) -> Failure {
        Failure::refused(format!("permission denied on {path}")).hint(ADVICE)
    }

    /// The history could not be read where it was looked for.
    pub fn no_history(problem: impl fmt::Display) -> Failure {
        Failure::failed(problem.to_string())
            .hint("the history is where the daemon's data_dir is, name it with --data-dir")
    }

    /// The daemon's word about our certificate, where that is what broke a connection. It
    /// comes after the handshake is over on our side, with whatever is read first.
    pub fn of_certificate(error: &dyn Error) -> Option<Failure> {
        const ALERT: &str = "received fatal alert: ";
        let mut source = Some(error);
        while let Some(error) = source {
            let text = error.to_string();
            if let Some((_, alert)) = text.split_once(ALERT) {
                let refused =
                    Failure::refused(format!("the daemon refused the certificate: {alert}"));
                return Some(refused.hint("see --cert, and service.tcp.client_ca of that sensor"));
            }
            source = error.source();
        }
        None
    }

    /// The daemon did not answer within the limit.
    pub fn silent(seconds: u64) -> Failure {
        Failure::gone(format!(
            "the daemon did not answer within {seconds} seconds"
        ))
    }

    /// The reader of our output is gone.
    pub fn closed_pipe() -> Failure {
        Failure::new(Kind::ClosedPipe, "nobody reads the output")
    }

    /// What our own output could not take.
    pub fn writing(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::closed_pipe(),
            _ => Failure::failed(format!("writing to standard output: {error}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        match self.hint.is_empty() {
            true => Ok(()),
            false => write!(f, "; {}", self.hint),
        }
    }
}

impl Error for Failure {}

/// What programs read on standard error when a command fails that was asked for JSON.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// What is wrong.
    pub error: &'a str,
    /// What to do about it; empty where nobody knows.
    pub hint: &'a str,
    /// The exit code.
    pub code: u8,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Report<'_> {
    /// What clap says of wrong arguments, in one sentence and one hint: its first paragraph,
    /// and its tip or how to get help.
    pub fn of_usage(text: &str, code: u8) -> String {
        let text = text.strip_prefix("error: ").unwrap_or(text);
        let (first, rest) = text.split_once("\n\n").unwrap_or((text, ""));
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let tips = rest
            .lines()
            .filter_map(|line| line.trim().strip_prefix("tip: "));
        let hint = match words(&tips.collect::<Vec<_>>().join("; ")) {
            tip if tip.is_empty() => "'--help' shows what can be given".to_owned(),
            tip => tip,
        };
        Report {
            error: &words(first),
            hint: &hint,
            code,
        }
        .to_string()
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        // A status that the daemon sent has no source; one that was made here because
        // the connection broke has the error that broke it.
        if let Some(source) = status.source() {
            if let Some(refused) = Failure::of_certificate(source) {
                return refused;
            }
            return Failure::gone(format!("the connection to the daemon broke: {source}"));
        }
        let message = escape(status.message());
        match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => {
                Failure::refused(format!("the daemon refused: {message}"))
            }
            Code::Unavailable => Failure::gone(format!("the daemon cannot do that now: {message}")),
            Code::Cancelled => Failure::gone(format!("the daemon is going down: {message}")),
            Code::Unimplemented => Failure::failed(
                "the daemon is older than this sentinelctl and does not know this request"
                    .to_owned(),
            ),
            _ => Failure::failed(message.into_owned()),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        let message = fault.to_string();
        let message = escape(&message).into_owned();
        match fault {
            Fault::Sql(_) | Fault::ReadOnly(_) => Failure::usage(message),
            Fault::Store(error) if error.is_denied() => Failure::refused(message).hint(ADVICE),
            Fault::Store(error) if error.is_not_found() => Failure::no_history(message),
            _ => Failure::failed(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_daemon_says_cannot_steer_the_terminal() {
        let failure = Failure::from(Status::not_found("no alert \x1b]0;x\x07"));
        assert_eq!(failure.to_string(), "no alert \\x1b]0;x\\x07");
        assert_eq!(failure.exit_code(), 1);
    }

    #[test]
    fn every_way_to_be_refused_has_the_same_exit_code() {
        for status in [
            Status::permission_denied("no"),
            Status::unauthenticated("no"),
        ] {
            assert_eq!(Failure::from(status).exit_code(), 4);
        }
        let kernel = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(Failure::connecting(Path::new("/x"), &kernel).exit_code(), 4);
    }
}
