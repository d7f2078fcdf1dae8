//! Callers of other hosts who are connected now: what they showed, and a way to end their
//! connections. What they showed is looked at again when files or settings have changed,
//! so that a certificate that was revoked does not live on in a connection.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use super::Role;

/// The certificates that a peer has shown, its own first.
pub type Chain = Vec<CertificateDer<'static>>;

/// Everybody of other hosts who is connected.
#[derive(Default)]
pub struct Guests(Mutex<Vec<Guest>>);

struct Guest {
    chain: Chain,
    role: Role,
    /// Cancelled when the connection must end, or has ended.
    over: CancellationToken,
}

/// What a connection holds: ends when the guest must go, and takes the guest off the list
/// when it is dropped.
pub struct Stay {
    pub(super) over: Pin<Box<WaitForCancellationFutureOwned>>,
    _gone: DropGuard,
}

impl Guests {
    /// Adds one, for as long as the answer is held.
    pub fn enter(&self, chain: Chain, role: Role) -> Stay {
        let over = CancellationToken::new();
        let stay = Stay {
            over: Box::pin(over.clone().cancelled_owned()),
            _gone: over.clone().drop_guard(),
        };
        let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|guest| !guest.over.is_cancelled());
        guests.push(Guest { chain, role, over });
        stay
    }

    /// Ends the connections of those who have another role by now, or none; how many.
    pub fn review(&self, role: impl Fn(&Chain) -> Option<Role>) -> usize {
        let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|guest| !guest.over.is_cancelled());
        let before = guests.len();
        guests.retain(|guest| {
            let stays = role(&guest.chain) == Some(guest.role);
            if !stays {
                guest.over.cancel();
            }
            stays
        });
        before - guests.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_lost_their_role_is_told_to_go() {
        let guests = Guests::default();
        let chain = |byte| vec![CertificateDer::from(vec![byte])];
        let stays: Vec<Stay> = (0..4)
            .map(|byte| guests.enter(chain(byte), Role::Reader))
            .collect();
        let ended = guests.review(|chain| match chain[0][0] {
            0 => Some(Role::Reader),
            1 => Some(Role::Admin),
            2 => Some(Role::Stranger),
            _ => None,
        });
        assert_eq!(ended, 3);
        drop(stays);
        assert_eq!(guests.review(|_| None), 0, "somebody who has left is kept");
    }
}
