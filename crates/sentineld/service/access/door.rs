//! The door: says who has come, and lets in no more connections and calls than there are
//! places for. Those who may change have places of their own, so that no reader can lock
//! them out, and strangers have few.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;
use tonic::Status;

use super::connection::Stream;
use super::guests::{Chain, Guests};
use super::{Caller, Connection, Gids, Name, Peer, Process, Role, Subjects, certificate, groups};
use crate::service::Config;

/// Connections of those who may change; what readers do cannot lock them out.
const ADMIN_PLACES: usize = 64;
/// Calls of theirs that may be open at the same time, streams among them.
const ADMIN_CALLS: usize = 128;
/// Calls with large answers that may be under way at the same time, of each of the two.
const HEAVY_CALLS: usize = 4;
/// Places for those who may do nothing, just long enough to be told so.
const STRANGER_PLACES: usize = 16;
const STRANGER_STAY: Duration = Duration::from_secs(5);
/// Refusals to one caller are logged no more often than this; the others are counted.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Callers about whom that is remembered.
const LOG_CALLERS: usize = 256;
/// What the names in a certificate may take in messages; the rest is cut off.
const NAMES_CHARS_MAX: usize = 300;

/// Decides about connections and calls.
pub struct Door {
    groups: Mutex<Groups>,
    subjects: Mutex<Subjects>,
    admins: Places,
    readers: Places,
    strangers: Places,
    turned_away_total: AtomicU64,
    refused_total: AtomicU64,
    refusals: Mutex<HashMap<Refused, Refusals>>,
    guests: Guests,
}

/// Whose refusals are counted together.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Refused {
    User(u32),
    Certificate(Arc<str>),
    Address(IpAddr),
}

/// What those of one role share.
struct Places {
    connections: Arc<Semaphore>,
    calls: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
}

impl Places {
    fn new(connections: usize, calls: usize) -> Places {
        let places = |count| Arc::new(Semaphore::new(count));
        Places {
            connections: places(connections),
            calls: places(calls),
            heavy: places(HEAVY_CALLS),
        }
    }
}

/// The two groups, by name and by number.
#[derive(Default)]
struct Groups {
    read: String,
    admin: String,
    gids: Gids,
}

/// Refusals to one caller since the last one that was logged.
struct Refusals {
    logged_at: Instant,
    unlogged: u64,
}

impl Door {
    /// A door for the groups and places of `config`.
    pub fn new(config: &Config) -> Door {
        let door = Door {
            groups: Mutex::default(),
            subjects: Mutex::default(),
            admins: Places::new(ADMIN_PLACES, ADMIN_CALLS),
            readers: Places::new(config.connections_max as usize, config.calls_max as usize),
            strangers: Places::new(STRANGER_PLACES, STRANGER_PLACES),
            turned_away_total: AtomicU64::new(0),
            refused_total: AtomicU64::new(0),
            refusals: Mutex::default(),
            guests: Guests::default(),
        };
        door.use_names(config);
        door
    }

    /// Decides by the groups and the certificates that `config` names from now on.
    /// Connections of this host that are open keep the role that they were let in with.
    pub fn use_names(&self, config: &Config) {
        // What is no name was refused when the configuration was read.
        let parsed = |names: &[String]| names.iter().filter_map(|n| n.parse().ok()).collect();
        *self.subjects() = Subjects {
            readers: parsed(&config.tcp.readers),
            admins: parsed(&config.tcp.admins),
        };
        let gids = Gids {
            read: groups::number(&config.read_group),
            admin: groups::number(&config.admin_group),
        };
        *self.groups() = Groups {
            read: config.read_group.clone(),
            admin: config.admin_group.clone(),
            gids,
        };
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subjects(&self) -> MutexGuard<'_, Subjects> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections and calls that found no place.
    pub fn turned_away_total(&self) -> u64 {
        self.turned_away_total.load(Relaxed)
    }

    /// Calls that were refused.
    pub fn refused_total(&self) -> u64 {
        self.refused_total.load(Relaxed)
    }

    /// Lets the peer of `stream` in; `None` when there is no place, or when the kernel
    /// does not say who it is.
    pub fn admit(&self, stream: UnixStream) -> Option<Connection> {
        let caller = self.who(&stream);
        self.admit_as(caller, stream)
    }

    /// The same for a peer whose certificate is valid; `None` also when that cannot be read.
    pub fn admit_certified(
        &self,
        stream: TlsStream<TcpStream>,
        address: SocketAddr,
    ) -> Option<Connection> {
        let shown = stream.get_ref().1.peer_certificates()?;
        let chain: Chain = shown.iter().map(|c| c.clone().into_owned()).collect();
        let valid = certificate::valid_until(chain.first()?)?;
        let names = certificate::names(chain.first()?)?;
        let role = self.subjects().role(&names);
        let names: Vec<String> = names.iter().map(Name::to_string).collect();
        let names: String = names.join(", ").chars().take(NAMES_CHARS_MAX).collect();
        let names: Arc<str> = names.into();
        let peer = Peer::Certificate { names, address };
        let mut connection = self.admit_as(Some(Caller { peer, role }), stream)?;
        // Nobody stays longer than they are vouched for.
        let left = valid.duration_since(SystemTime::now()).unwrap_or_default();
        let deadline = || Box::pin(tokio::time::sleep(left));
        connection.deadline.get_or_insert_with(deadline);
        connection.stay = Some(self.guests.enter(chain, role));
        Some(connection)
    }

    /// Looks again at what callers of other hosts have shown, and ends the connections of
    /// those whom `believes` no longer lets in, or whose names have another role by now.
    pub fn review(&self, believes: impl Fn(&Chain) -> bool) {
        let subjects = self.subjects().clone();
        let ended = self.guests.review(|chain| {
            let names = certificate::names(chain.first()?)?;
            believes(chain).then(|| subjects.role(&names))
        });
        if ended > 0 {
            tracing::info!("ended {ended} connections whose certificates lost their role");
        }
    }

    fn admit_as(
        &self,
        caller: Option<Caller>,
        stream: impl Stream + 'static,
    ) -> Option<Connection> {
        let role = caller.as_ref().map_or(Role::Stranger, |caller| caller.role);
        let stay = (role == Role::Stranger).then_some(STRANGER_STAY);
        let place = Arc::clone(&self.places(role).connections)
            .try_acquire_owned()
            .ok();
        let admitted = caller.zip(place);
        if admitted.is_none() {
            self.turn_away();
        }
        let (caller, _place) = admitted?;
        Some(Connection {
            stream: Box::new(stream),
            caller,
            deadline: stay.map(|stay| Box::pin(tokio::time::sleep(stay))),
            stay: None,
            _place,
        })
    }

    /// Counts a connection or call for which there was no place.
    pub fn turn_away(&self) {
        self.turned_away_total.fetch_add(1, Relaxed);
    }

    fn places(&self, role: Role) -> &Places {
        match role {
            Role::Admin => &self.admins,
            Role::Reader => &self.readers,
            Role::Stranger => &self.strangers,
        }
    }

    /// A place for a call, which it keeps until its answer is read.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there is none.
    pub fn call_place(&self, caller: &Caller, heavy: bool) -> Result<OwnedSemaphorePermit, Status> {
        let places = self.places(caller.role);
        let wanted = if heavy { &places.heavy } else { &places.calls };
        Arc::clone(wanted).try_acquire_owned().map_err(|_| {
            self.turn_away();
            Status::resource_exhausted(
                "too many calls are open at the same time; close some, or try again",
            )
        })
    }

    fn who(&self, stream: &UnixStream) -> Option<Caller> {
        let peer = stream.peer_cred().ok()?;
        let groups = groups::of_peer(stream).unwrap_or_else(|error| {
            tracing::warn!("the kernel does not name a caller's groups: {error}");
            Vec::new()
        });
        let (uid, gid) = (peer.uid(), peer.gid());
        let gids = self.groups().gids;
        let role = gids.role(uid, gid, &groups);
        let peer = Peer::Process(Process {
            uid,
            gid,
            pid: peer.pid().and_then(|pid| pid.try_into().ok()).unwrap_or(0),
            groups: groups.into(),
        });
        Some(Caller { peer, role })
    }

    /// Whether the caller may; if not, why, in a sentence with the next step. The
    /// refusal is logged.
    pub fn check(&self, caller: &Caller, needed: Role, call: &str) -> Result<(), String> {
        if caller.role >= needed {
            return Ok(());
        }
        self.refused_total.fetch_add(1, Relaxed);
        match &caller.peer {
            Peer::Process(process) => {
                if let Some(unlogged) = self.worth_logging(Refused::User(process.uid)) {
                    tracing::warn!(
                        target: "access",
                        caller_uid = process.uid,
                        caller_gid = process.gid,
                        caller_pid = process.pid,
                        call,
                        unlogged,
                        "refused {call} to {caller} ({unlogged} refusals before it were not logged)",
                    );
                }
                Err(self.may_not(process.uid, needed))
            }
            Peer::Certificate { names, address } => {
                let refused = Refused::Certificate(Arc::clone(names));
                if let Some(unlogged) = self.worth_logging(refused) {
                    tracing::warn!(
                        target: "access",
                        caller_certificate = &**names,
                        caller_address = %address,
                        call,
                        unlogged,
                        "refused {call} to {caller} ({unlogged} refusals before it were not logged)",
                    );
                }
                let (deed, key) = match needed {
                    Role::Admin => ("change anything", "admins"),
                    _ => ("look", "readers"),
                };
                Err(format!(
                    "the certificate of {names} may not {deed}: none of its names is among \
                     service.tcp.{key} of this sensor; add one there and reload"
                ))
            }
        }
    }

    fn may_not(&self, uid: u32, needed: Role) -> String {
        let names = self.groups();
        let (deed, group, gid) = match needed {
            Role::Admin => ("change anything", &names.admin, names.gids.admin),
            _ => ("look", &names.read, names.gids.read),
        };
        let step = match gid {
            Some(_) => format!(
                "become a member with 'usermod -aG {group} USER' and log in again, or use sudo"
            ),
            None => "this host has no such group, so use sudo".to_owned(),
        };
        format!("user {uid} may not {deed}, only root and the group '{group}' may: {step}")
    }

    /// Counts and logs a connection that never came to a call.
    pub fn refuse_address(&self, address: SocketAddr, reason: &str) {
        self.refused_total.fetch_add(1, Relaxed);
        if let Some(unlogged) = self.worth_logging(Refused::Address(address.ip())) {
            let reason: String = reason.chars().take(NAMES_CHARS_MAX).collect();
            tracing::warn!(
                target: "access",
                caller_address = %address,
                unlogged,
                "refused a connection from {address}: {reason} ({unlogged} refusals before it \
                 were not logged)",
            );
        }
    }

    /// How many refusals were not logged since the last one that was; `None` when this one
    /// need not be either.
    fn worth_logging(&self, refused: Refused) -> Option<u64> {
        let mut callers = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let unlogged = match callers.get_mut(&refused) {
            Some(caller) if caller.logged_at.elapsed() < LOG_INTERVAL => {
                caller.unlogged += 1;
                return None;
            }
            Some(caller) => caller.unlogged,
            None => 0,
        };
        if callers.len() >= LOG_CALLERS {
            callers.retain(|_, caller| caller.logged_at.elapsed() < LOG_INTERVAL);
        }
        // Users and certificates are few, but whoever has no certificate may have as many
        // addresses as they like.
        if callers.len() >= LOG_CALLERS && matches!(refused, Refused::Address(_)) {
            return None;
        }
        // Were there still too many, they would be logged more often, not forgotten.
        if callers.len() < LOG_CALLERS || callers.contains_key(&refused) {
            let logged_at = Instant::now();
            callers.insert(
                refused,
                Refusals {
                    logged_at,
                    unlogged: 0,
                },
            );
        }
        Some(unlogged)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Whoever has many addresses can neither fill the log nor hide a user of this host.
    #[test]
    fn refusals_to_many_addresses_are_counted_and_not_all_logged() {
        let door = Door::new(&Config::default());
        let logged = |refused| door.worth_logging(refused).is_some();
        let address = |n: u32| Refused::Address(Ipv4Addr::from(n).into());
        let lines = (0..10_000).filter(|n| logged(address(*n))).count();
        assert_eq!(lines, LOG_CALLERS);
        assert!(!logged(address(0)), "twice within the interval");
        assert!(logged(Refused::User(1000)));
        door.refuse_address("192.0.2.1:9".parse().expect("an address"), "it is a test");
        assert_eq!(door.refused_total(), 1);
    }
}
