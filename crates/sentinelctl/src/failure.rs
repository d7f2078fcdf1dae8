//! What can go wrong, as one sentence for the user and one exit code for scripts.

use std::error::Error;
use std::io;
use std::path::Path;

use sentinel_event::text::escape;
use sentinel_query::Fault;
use tonic::{Code, Status};

/// What helps when the kernel said no.
const ADVICE: &str = "use sudo, or become a member of the group 'sentinel' with \
                      'usermod -aG sentinel $USER' and log in again";

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no daemon at the socket.
    #[error(
        "the daemon is not running: {0}; start it with 'systemctl start sentinel' or \
         'make run', or name another socket with --socket"
    )]
    NotRunning(String),
    /// There was a daemon, or something that looked like one.
    #[error("{0}; 'systemctl status sentinel' says more")]
    Gone(String),
    /// The daemon of another host cannot be reached, or is not who it should be.
    #[error("{0}")]
    Unreachable(String),
    /// The kernel or the daemon said no.
    #[error("{0}")]
    Refused(String),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
    /// The reader of our output is gone.
    #[error("nobody reads the output")]
    ClosedPipe,
}

impl Failure {
    /// The exit code that `--help` promises.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::ClosedPipe => 0,
            Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::NotRunning(_) | Failure::Gone(_) | Failure::Unreachable(_) => 3,
            Failure::Refused(_) => 4,
        }
    }

    /// Why the socket could not be connected to.
    pub fn connecting(socket: &Path, error: &io::Error) -> Failure {
        let path = socket.to_string_lossy();
        let path = escape(&path);
        match error.kind() {
            io::ErrorKind::NotFound => Failure::NotRunning(format!("no socket at {path}")),
            io::ErrorKind::ConnectionRefused => {
                Failure::NotRunning(format!("nothing listens at {path}"))
            }
            io::ErrorKind::PermissionDenied => {
                Failure::Refused(format!("permission denied on {path}: {ADVICE}"))
            }
            _ => Failure::Failed(format!("connecting to {path}: {error}")),
        }
    }

    /// The daemon's word about our certificate, where that is what broke a connection. It
    /// comes after the handshake is over on our side, with whatever is read first.
    pub fn of_certificate(error: &dyn Error) -> Option<Failure> {
        const ALERT: &str = "received fatal alert: ";
        let mut source = Some(error);
        while let Some(error) = source {
            let text = error.to_string();
            if let Some((_, alert)) = text.split_once(ALERT) {
                return Some(Failure::Refused(format!(
                    "the daemon refused the certificate: {alert}; see --cert, and \
                     service.tcp.client_ca of that sensor"
                )));
            }
            source = error.source();
        }
        None
    }

    /// The daemon did not answer within the limit.
    pub fn silent(seconds: u64) -> Failure {
        Failure::Gone(format!(
            "the daemon did not answer within {seconds} seconds"
        ))
    }

    /// What our own output could not take.
    pub fn writing(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Failed(format!("writing to standard output: {error}")),
        }
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
            return Failure::Gone(format!("the connection to the daemon broke: {source}"));
        }
        let message = escape(status.message());
        match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => {
                Failure::Refused(format!("the daemon refused: {message}"))
            }
            Code::Unavailable => Failure::Gone(format!("the daemon cannot do that now: {message}")),
            Code::Cancelled => Failure::Gone(format!("the daemon is going down: {message}")),
            Code::Unimplemented => Failure::Failed(
                "the daemon is older than this sentinelctl and does not know this request"
                    .to_owned(),
            ),
            _ => Failure::Failed(message.into_owned()),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        let message = fault.to_string();
        let message = escape(&message).into_owned();
        match fault {
            Fault::Sql(_) | Fault::ReadOnly(_) => Failure::Usage(message),
            Fault::Store(error) if error.is_denied() => {
                Failure::Refused(format!("{message}: {ADVICE}"))
            }
            Fault::Store(error) if error.is_not_found() => Failure::Failed(format!(
                "{message}; the history is where the daemon's data_dir is, name it with --data-dir"
            )),
            _ => Failure::Failed(message),
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
