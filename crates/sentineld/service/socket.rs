//! The Unix socket: its file, and that only one daemon listens.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the socket cannot be opened; each is one sentence.
#[derive(Debug, Error)]
pub enum SocketError {
    /// A daemon answers there already.
    #[error(
        "another sentinel already listens on {0}; stop it first, or name another socket with --socket"
    )]
    Taken(PathBuf),
    /// Something else is in the way.
    #[error("{0} exists and is not a socket; remove it, or name another socket with --socket")]
    NotASocket(PathBuf),
    /// The system refused.
    #[error("cannot listen on {path}: {source}")]
    Refused {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A bound socket; its file is removed when it is dropped.
pub struct Socket {
    path: PathBuf,
    listener: UnixListener,
}

/// Everybody may knock: the door decides who may speak, tells the others why not, and
/// logs that they came.
const MODE: u32 = 0o666;

impl Socket {
    /// Listens on `path`. A file left by a daemon that died is replaced.
    pub fn bind(path: &Path) -> Result<Socket, SocketError> {
        Socket::bind_with_mode(path, MODE)
    }

    /// The same, with a file of this mode.
    pub fn bind_with_mode(path: &Path, mode: u32) -> Result<Socket, SocketError> {
        let refused = |source| SocketError::Refused {
            path: path.to_owned(),
            source,
        };
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(refused)?;
        }
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(refused)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        Ok(Socket {
            path: path.to_owned(),
            listener,
        })
    }

    /// The listener for the runtime that this is called in.
    pub fn listener(&self) -> std::io::Result<tokio::net::UnixListener> {
        tokio::net::UnixListener::from_std(self.listener.try_clone()?)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = fs::remove_file(&self.path);
    }
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let refused = |source| SocketError::Refused {
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Taken(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(refused)
        }
        Err(error) => Err(refused(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("s.sock");
        let stale = UnixListener::bind(&path).expect("binds");
        drop(stale);
        let socket = Socket::bind(&path).expect("replaces");
        assert!(matches!(Socket::bind(&path), Err(SocketError::Taken(_))));
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_in_the_way_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("s.sock");
        fs::write(&path, "precious").expect("writes");
        assert!(matches!(
            Socket::bind(&path),
            Err(SocketError::NotASocket(_))
        ));
        assert!(path.exists());
    }
}
