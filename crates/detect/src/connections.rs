//! Who opened which connection, and in which direction: so that a socket seen as a
//! standard stream, or a program beside it, can be traced to its origin.

use std::net::SocketAddr;
use std::sync::Arc;

use sentinel_event::{Connection, Detail, Event, Evidence, Process, Protocol, Stdio};

use crate::bounded::Bounded;
use crate::facts::Image;
use crate::words;

/// How many ancestors are asked for a connection.
const LINEAGE_MAX: usize = 8;

const DNS_PORT: u16 = 53;

/// A connection that a process opened.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// Which end began it.
    pub direction: Direction,
    /// The other side.
    pub peer: SocketAddr,
    /// Whether it only asks for a name, as resolvers do.
    pub resolves: bool,
    /// The image that opened it.
    pub opener: Arc<Process>,
    /// The event's position in the history.
    pub seq: u64,
    /// When, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
}

/// Which end began a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// This host did (connect).
    Out,
    /// The other side did (accept).
    In,
}

/// The connections of the recent past.
pub struct Connections {
    by_process: Bounded<(u32, i64), Arc<Spoken>>,
    by_inode: Bounded<u64, Arc<Spoken>>,
    by_ends: Bounded<(SocketAddr, SocketAddr), Arc<Spoken>>,
}

impl Connections {
    /// None seen yet; at most `limit` are remembered.
    pub fn new(limit: usize) -> Connections {
        Connections {
            by_process: Bounded::new(limit),
            by_inode: Bounded::new(limit),
            by_ends: Bounded::new(limit),
        }
    }

    /// Takes note of connects, accepts and forks; other events are of no interest.
    pub fn note(&mut self, event: &Event) {
        match &event.detail {
            Detail::Connect(connection) => self.opened(event, connection, Direction::Out),
            Detail::Accept(connection) => self.opened(event, connection, Direction::In),
            // A child has its parent's connections.
            Detail::Fork(fork) => {
                if let Some(spoken) = self.by_process.peek(&key(&event.process)).cloned() {
                    self.by_process.insert(key(&fork.child), spoken);
                }
            }
            _ => {}
        }
    }

    fn opened(&mut self, event: &Event, connection: &Connection, direction: Direction) {
        let spoken = Arc::new(Spoken {
            direction,
            peer: connection.peer,
            resolves: connection.protocol == Protocol::Udp && connection.peer.port() == DNS_PORT,
            opener: event.process.clone(),
            seq: event.seq,
            time_ns: event.time_ns,
        });
        if connection.inode != 0 {
            self.by_inode.insert(connection.inode, spoken.clone());
        }
        if connection.local.port() != 0 {
            let ends = (connection.local, connection.peer);
            self.by_ends.insert(ends, spoken.clone());
        }
        // Talk within the host may hide one that leaves it, but never the other way round.
        let key = key(&event.process);
        let known = self.by_process.peek(&key).map(|known| known.peer);
        if !is_local(connection.peer) || known.is_none_or(is_local) {
            self.by_process.insert(key, spoken);
        }
    }

    /// The last connection of `process` itself, with another host if it had one. It
    /// outlives an exec.
    pub fn of(&self, process: &Process) -> Option<&Arc<Spoken>> {
        self.by_process.peek(&key(process))
    }

    /// Where the socket on a standard stream of `process` comes from.
    pub fn behind(&self, process: &Process, stdio: &Stdio) -> Option<&Arc<Spoken>> {
        let by_inode = self
            .by_inode
            .peek(&stdio.inode)
            .filter(|_| stdio.inode != 0);
        let ends = stdio.local.zip(stdio.peer);
        by_inode
            .filter(|spoken| Some(spoken.peer) == stdio.peer)
            .or_else(|| self.by_ends.peek(&ends?))
            .or_else(|| {
                std::iter::once(process)
                    .chain(process.ancestors().take(LINEAGE_MAX).map(|p| &**p))
                    .filter_map(|p| self.of(p))
                    .find(|spoken| Some(spoken.peer) == stdio.peer)
            })
    }

    /// Entries that were forgotten to make room.
    pub fn evicted_total(&self) -> u64 {
        self.by_process.evicted_total()
            + self.by_inode.evicted_total()
            + self.by_ends.evicted_total()
    }
}

impl Spoken {
    /// The connection as evidence for what happened at `time_ns`.
    pub fn evidence(&self, time_ns: i64) -> Evidence {
        let deed = match self.direction {
            Direction::Out => "connect to",
            Direction::In => "accept from",
        };
        let who = words::shown(words::program(&self.opener.exe));
        let before = words::span(time_ns - self.time_ns);
        Evidence {
            seq: self.seq,
            time_ns: self.time_ns,
            text: format!("{deed} {} by {who} {before} before", self.peer).into(),
        }
    }

    /// The image that opened it.
    pub fn opener_image(&self) -> Image {
        Image::of(&self.opener)
    }
}

/// Whether the address is on this host.
pub fn is_local(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn key(process: &Process) -> (u32, i64) {
    (process.pid, process.start_ns)
}
