//! What each process image did so far: whom it spoke to, and whether it already made
//! memory executable.

use std::net::SocketAddr;

use sentinel_event::{Connection, Event, Evidence, ExecId, Process, StdioKind};

use crate::bounded::Bounded;
use crate::words;

pub struct Trails {
    table: Bounded<ExecId, Trail>,
}

#[derive(Clone, Default)]
struct Trail {
    spoke_to: Option<Spoken>,
    made_code: bool,
}

/// The first connection of an image with another host.
#[derive(Clone)]
struct Spoken {
    peer: SocketAddr,
    seq: u64,
    time_ns: i64,
}

impl Trails {
    pub fn new(limit: usize) -> Trails {
        Trails {
            table: Bounded::new(limit),
        }
    }

    /// Remembers the first connection with another host; talk within the host says
    /// little about where code comes from.
    pub fn note_connection(&mut self, event: &Event, connection: &Connection) {
        if connection.peer.ip().to_canonical().is_loopback() {
            return;
        }
        let trail = self.table.entry(event.process.exec_id, Trail::default);
        trail.spoke_to.get_or_insert(Spoken {
            peer: connection.peer,
            seq: event.seq,
            time_ns: event.time_ns,
        });
    }

    /// A child is a copy of its parent's image, with all that it did.
    pub fn note_fork(&mut self, event: &Event, child: &Process) {
        if let Some(trail) = self.table.peek(&event.process.exec_id).cloned() {
            self.table.insert(child.exec_id, trail);
        }
    }

    pub fn note_exit(&mut self, process: &Process) {
        self.table.remove(&process.exec_id);
    }

    /// Notes that the image makes memory executable; true the first time.
    pub fn note_first_code(&mut self, process: &Process) -> bool {
        let trail = self.table.entry(process.exec_id, Trail::default);
        !std::mem::replace(&mut trail.made_code, true)
    }

    /// What the network says against the image: that it spoke to another host, or that
    /// its standard streams are a connection.
    pub fn network(&self, process: &Process) -> Option<String> {
        if let Some(spoken) = self.spoken(process) {
            return Some(format!("it had a connection with {} before", spoken.peer));
        }
        let stream = process.stdio.iter().find(|s| s.kind == StdioKind::Socket)?;
        let peer = stream
            .peer
            .filter(|p| !p.ip().to_canonical().is_loopback())?;
        Some(format!("its standard streams are a connection with {peer}"))
    }

    /// The connection, as evidence.
    pub fn evidence(&self, event: &Event) -> Vec<Evidence> {
        let evidence = self.spoken(&event.process).map(|spoken| Evidence {
            seq: spoken.seq,
            time_ns: spoken.time_ns,
            text: format!(
                "connection with {} {} before",
                spoken.peer,
                words::span(event.time_ns - spoken.time_ns)
            )
            .into(),
        });
        evidence.into_iter().collect()
    }

    fn spoken(&self, process: &Process) -> Option<&Spoken> {
        self.table.peek(&process.exec_id)?.spoke_to.as_ref()
    }

    pub fn evicted_total(&self) -> u64 {
        self.table.evicted_total()
    }
}
