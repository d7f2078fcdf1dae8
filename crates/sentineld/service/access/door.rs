//! The door: says who has come, and lets in no more connections and calls than there are
//! places for. Those who may change have places of their own, so that no reader can lock
//! them out, and strangers have few.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::{Caller, Connection, Gids, Role, groups};
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
/// Refusals to one user are logged no more often than this; the others are counted.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Users about whom that is remembered.
const LOG_USERS: usize = 256;

/// Decides about connections and calls.
pub struct Door {
    groups: Mutex<Groups>,
    admins: Places,
    readers: Places,
    strangers: Places,
    turned_away_total: AtomicU64,
    refused_total: AtomicU64,
    refusals: Mutex<HashMap<u32, Refusals>>,
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

/// Refusals to one user since the last one that was logged.
struct Refusals {
    logged_at: Instant,
    unlogged: u64,
}

impl Door {
    /// A door for the groups and places of `config`.
    pub fn new(config: &Config) -> Door {
        let door = Door {
            groups: Mutex::default(),
            admins: Places::new(ADMIN_PLACES, ADMIN_CALLS),
            readers: Places::new(config.connections_max as usize, config.calls_max as usize),
            strangers: Places::new(STRANGER_PLACES, STRANGER_PLACES),
            turned_away_total: AtomicU64::new(0),
            refused_total: AtomicU64::new(0),
            refusals: Mutex::default(),
        };
        door.use_groups(config);
        door
    }

    /// Decides by the groups of `config` from now on. Connections that are open keep the
    /// role that they were let in with.
    pub fn use_groups(&self, config: &Config) {
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
        let role = caller.as_ref().map_or(Role::Stranger, |caller| caller.role);
        let stay = (role == Role::Stranger).then_some(STRANGER_STAY);
        let place = Arc::clone(&self.places(role).connections)
            .try_acquire_owned()
            .ok();
        let admitted = caller.zip(place);
        if admitted.is_none() {
            self.turned_away_total.fetch_add(1, Relaxed);
        }
        let (caller, _place) = admitted?;
        Some(Connection {
            stream,
            caller,
            deadline: stay.map(|stay| Box::pin(tokio::time::sleep(stay))),
            _place,
        })
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
            self.turned_away_total.fetch_add(1, Relaxed);
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
        Some(Caller {
            uid,
            gid,
            pid: peer.pid().and_then(|pid| pid.try_into().ok()).unwrap_or(0),
            role: gids.role(uid, gid, &groups),
            groups: groups.into(),
        })
    }

    /// Whether the caller may; if not, why, in a sentence with the next step. The
    /// refusal is logged.
    pub fn check(&self, caller: &Caller, needed: Role, call: &str) -> Result<(), String> {
        if caller.role >= needed {
            return Ok(());
        }
        self.refused_total.fetch_add(1, Relaxed);
        self.log_refusal(caller, call);
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
        Err(format!(
            "user {} may not {deed}, only root and the group '{group}' may: {step}",
            caller.uid
        ))
    }

    fn log_refusal(&self, caller: &Caller, call: &str) {
        let mut users = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let unlogged = match users.get_mut(&caller.uid) {
            Some(user) if user.logged_at.elapsed() < LOG_INTERVAL => {
                user.unlogged += 1;
                return;
            }
            Some(user) => user.unlogged,
            None => 0,
        };
        if users.len() >= LOG_USERS {
            users.retain(|_, user| user.logged_at.elapsed() < LOG_INTERVAL);
        }
        // Were there still too many, they would be logged more often, not forgotten.
        if users.len() < LOG_USERS || users.contains_key(&caller.uid) {
            let logged_at = Instant::now();
            let user = Refusals {
                logged_at,
                unlogged: 0,
            };
            users.insert(caller.uid, user);
        }
        drop(users);
        tracing::warn!(
            target: "access",
            caller_uid = caller.uid,
            caller_gid = caller.gid,
            caller_pid = caller.pid,
            call,
            unlogged,
            "refused {call} to {caller} ({unlogged} refusals before it were not logged)",
        );
    }
}
