//! Who may do what, decided by the kernel's account of who connected.
//!
//! Owns the roles, the admission of connections and the check of each call. What a
//! change does and how it is recorded is not decided here.

mod connection;
mod door;
mod groups;
mod guard;
mod held;

use std::sync::Arc;

pub use connection::Connection;
pub use door::Door;
pub use guard::Guard;

/// What a caller may do; each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Nothing but be told so.
    Stranger,
    /// Ask.
    Reader,
    /// Change.
    Admin,
}

/// Who is at the other end of a connection, as of when it connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Process id; 0 when the process is not in our namespace.
    pub pid: u32,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
    /// What that allows.
    pub role: Role,
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "uid {}, gid {}, pid {}", self.uid, self.gid, self.pid)
    }
}

/// The numbers of the two groups; `None` for one that this host does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gids {
    /// Whose members may ask.
    pub read: Option<u32>,
    /// Whose members may change.
    pub admin: Option<u32>,
}

impl Gids {
    /// The role of a caller with these ids.
    pub fn role(&self, uid: u32, gid: u32, groups: &[u32]) -> Role {
        let member = |wanted: Option<u32>| {
            wanted.is_some_and(|wanted| wanted == gid || groups.contains(&wanted))
        };
        if uid == 0 || member(self.admin) {
            Role::Admin
        } else if member(self.read) {
            Role::Reader
        } else {
            Role::Stranger
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_groups_decide() {
        let gids = Gids {
            read: Some(900),
            admin: Some(901),
        };
        let check = |uid, gid, groups: &[u32], expected| {
            assert_eq!(
                gids.role(uid, gid, groups),
                expected,
                "{uid} {gid} {groups:?}"
            );
        };
        check(0, 0, &[], Role::Admin);
        check(1000, 1000, &[], Role::Stranger);
        check(1000, 900, &[], Role::Reader);
        check(1000, 1000, &[27, 900], Role::Reader);
        check(1000, 1000, &[900, 901], Role::Admin);
        check(1000, 901, &[], Role::Admin);
        // A host without the groups knows only root.
        let none = Gids::default();
        assert_eq!(none.role(1000, 0, &[0]), Role::Stranger);
        assert_eq!(none.role(0, 1000, &[]), Role::Admin);
    }
}
