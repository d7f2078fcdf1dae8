//! Who may do what, decided by the kernel's account of who connected; for other hosts, by
//! the certificate that was shown.
//!
//! Owns the roles, the admission of connections and the check of each call. What a
//! change does and how it is recorded is not decided here.

mod certificate;
mod connection;
mod door;
mod groups;
mod guard;
mod guests;
mod held;

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::sync::Arc;

pub use certificate::Name;
pub use connection::Connection;
pub use door::Door;
pub use guard::Guard;
pub use guests::Chain;

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

/// Who is at the other end of a connection, as of when it connected, and what that allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub peer: Peer,
    /// What that allows.
    pub role: Role,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A process of this host, of which the kernel tells.
    Process(Process),
    /// Whoever holds the key of a certificate, on some host.
    Certificate {
        /// Every name in the certificate, separated by commas.
        names: Arc<str>,
        /// Where the connection comes from.
        address: SocketAddr,
    },
}

/// A process at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Process id; 0 when the process is not in our namespace.
    pub pid: u32,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
}

impl Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.peer {
            Peer::Process(Process { uid, gid, pid, .. }) => {
                write!(f, "uid {uid}, gid {gid}, pid {pid}")
            }
            Peer::Certificate { names, address } => {
                write!(f, "the certificate of {names} from {address}")
            }
        }
    }
}

/// The names that the configuration gives roles to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subjects {
    /// Who may ask.
    pub readers: Vec<Name>,
    /// Who may change.
    pub admins: Vec<Name>,
}

impl Subjects {
    /// The role of a certificate with these names.
    pub fn role(&self, names: &[Name]) -> Role {
        let among = |wanted: &[Name]| names.iter().any(|name| wanted.contains(name));
        if among(&self.admins) {
            Role::Admin
        } else if among(&self.readers) {
            Role::Reader
        } else {
            Role::Stranger
        }
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

    #[test]
    fn any_name_of_a_certificate_gives_its_role_and_the_greatest_counts() {
        let name = |text: &str| text.parse::<Name>().expect("a name");
        let subjects = Subjects {
            readers: vec![name("DNS=a.example"), name("CN=ops")],
            admins: vec![name("URI=spiffe://x/ops")],
        };
        let check = |names: &[&str], expected| {
            let names: Vec<Name> = names.iter().map(|text| name(text)).collect();
            assert_eq!(subjects.role(&names), expected, "{names:?}");
        };
        check(&[], Role::Stranger);
        check(&["CN=a.example", "DNS=ops"], Role::Stranger);
        check(&["CN=x", "DNS=a.example"], Role::Reader);
        check(&["CN=ops", "URI=spiffe://x/ops"], Role::Admin);
        assert_eq!(Subjects::default().role(&[name("CN=ops")]), Role::Stranger);
    }
}
