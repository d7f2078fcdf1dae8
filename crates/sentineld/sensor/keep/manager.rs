//! systemd's descriptor store (sd_pid_notify_with_fds(3), sd_listen_fds(3)).

use std::env;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

use super::Kept;

/// Where the manager listens.
const SOCKET: &str = "NOTIFY_SOCKET";
/// How many descriptors it keeps, told since systemd 254.
const STORE: &str = "FDSTORE";

/// Whether a manager that keeps descriptors started this process. Managers before 254 do
/// not tell; there a service that is not root, such as ours, is believed to be told to.
pub fn is_there() -> bool {
    let told = env::var(STORE).is_ok_and(|most| most != "0");
    env::var_os(SOCKET).is_some() && (told || !nix::unistd::geteuid().is_root())
}

/// What the manager gave back. To be asked once.
pub fn take() -> Kept {
    let fds = match sd_notify::listen_fds_with_names() {
        Ok(fds) => fds,
        Err(error) => {
            tracing::warn!("cannot read what the service manager kept: {error}");
            return Kept::new();
        }
    };
    // SAFETY: the manager opened these descriptors for this process before it began, and
    // nothing else in it knows of them.
    fds.map(|(fd, name)| (name, unsafe { OwnedFd::from_raw_fd(fd) }))
        .collect()
}

/// Gives it the objects, one by one, because a name is given to all of one message.
pub fn put(objects: &[(String, BorrowedFd<'_>)]) -> Result<(), String> {
    for (name, fd) in objects {
        // Descriptors of performance events look as if they had hung up.
        let message = format!("FDSTORE=1\nFDPOLL=0\nFDNAME={name}");
        send(&message, &[*fd])
            .map_err(|error| format!("the service manager does not take {name}: {error}"))?;
    }
    Ok(())
}

/// Lets it close the objects of these names.
pub fn forget<'a>(names: impl Iterator<Item = &'a str>) {
    for name in names {
        if let Err(error) = send(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), &[]) {
            tracing::warn!("the service manager does not forget {name}: {error}");
        }
    }
}

fn send(message: &str, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let path = env::var(SOCKET).map_err(io::Error::other)?;
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    let fds: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let rights = if fds.is_empty() { &[][..] } else { &rights[..] };
    let bytes = [IoSlice::new(message.as_bytes())];
    sendmsg::<UnixAddr>(
        socket.as_raw_fd(),
        &bytes,
        rights,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )?;
    Ok(())
}
