//! Groups: those of a peer, and the number behind a name.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;
use nix::unistd::Group;

/// The supplementary groups that the peer had when it connected (SO_PEERGROUPS). /proc
/// would tell those of whoever has the process id by now.
///
/// # Errors
/// When the kernel does not say; it does since 4.13.
#[allow(unsafe_code)] // No safe library offers this option; the tidy test names this file.
pub fn of_peer(socket: &impl AsFd) -> io::Result<Vec<u32>> {
    let fd = socket.as_fd();
    let mut groups = vec![0u32; 64];
    loop {
        let room = groups.len() * size_of::<u32>();
        let mut bytes = room as libc::socklen_t;
        // SAFETY: the pointer leads to `bytes` bytes that are ours for the call, any bit
        // pattern is a valid u32, and the descriptor is borrowed for as long.
        let status = unsafe {
            libc::getsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &mut bytes,
            )
        };
        let needed = bytes as usize / size_of::<u32>();
        if status == 0 {
            groups.truncate(needed);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        // The kernel says how much room it takes.
        if error.raw_os_error() != Some(libc::ERANGE) || needed <= groups.len() {
            return Err(error);
        }
        groups.resize(needed, 0);
    }
}

/// The number of the group with this name, when this host has it.
pub fn number(name: &str) -> Option<u32> {
    match Group::from_name(name) {
        Ok(group) => group.map(|group| group.gid.as_raw()),
        Err(error) => {
            tracing::warn!("cannot look up the group {name:?}: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_a_peer_are_ours_when_we_are_the_peer() {
        let (socket, _peer) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let mut own: Vec<u32> = nix::unistd::getgroups()
            .expect("our groups")
            .into_iter()
            .map(|group| group.as_raw())
            .collect();
        let mut found = of_peer(&socket).expect("the kernel says");
        own.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, own);
    }

    #[test]
    fn names_have_numbers() {
        assert_eq!(number("root"), Some(0));
        assert_eq!(number("no-such-group-here"), None);
    }
}
