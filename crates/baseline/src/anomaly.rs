//! An incident that normal days do not have, and its words.

use std::sync::Arc;

use sentinel_event::{Process, Severity};

use crate::explain::{self, Unusual};

/// What becomes of an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is an alert.
    Alert,
    /// The budget of the day is spent: it goes into the digest.
    Digest,
    /// It would have been an alert, had learning been over.
    Preview,
}

/// An incident that normal days do not have.
#[derive(Debug, Clone)]
pub struct Anomaly {
    /// Equal in every replay of the same events.
    pub id: u64,
    /// When it went over the line, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// What becomes of it.
    pub delivery: Delivery,
    /// How bad it is if it is true.
    pub severity: Severity,
    /// How many incidents like it a normal day is expected to have.
    pub per_day: f64,
    /// The process of the most unusual event.
    pub process: Arc<Process>,
    /// The unusual events, at most eight, in the order of time.
    pub unusual: Vec<Unusual>,
    /// The place of the most unusual one among them.
    pub worst: usize,
    /// The generation of the models.
    pub generation: u32,
}

impl Anomaly {
    /// What happened, in one sentence without a full stop.
    pub fn summary(&self) -> String {
        let worst = self.worst();
        let who = crate::identity::base(&worst.process.exe);
        let more = match self.unusual.len() {
            1 => String::new(),
            2 => ", and one more unusual thing in its process tree".to_owned(),
            n => format!(", and {} more unusual things in its process tree", n - 1),
        };
        let about = explain::sentence(&worst.notes);
        format!(
            "{who} (pid {}) {}{more}: {about}",
            worst.process.pid, worst.what
        )
    }

    /// Why it was concluded, with the other unusual events.
    pub fn reason(&self) -> String {
        let per_day = match self.per_day {
            p if p >= 0.01 => format!("{p:.2}"),
            p => format!("{p:.0e}"),
        };
        let mut text = format!(
            "a normal day of this host has {per_day} incidents that are as unusual; model generation {}",
            self.generation
        );
        for (at, unusual) in self.unusual.iter().enumerate() {
            if at != self.worst {
                let about = explain::sentence(&unusual.notes);
                let colon = if about.is_empty() { "" } else { ": " };
                text += &format!("; {} (p {:.0e}){colon}{about}", unusual.what, unusual.p);
            }
        }
        text
    }

    /// The most unusual event.
    pub fn worst(&self) -> &Unusual {
        &self.unusual[self.worst]
    }
}

/// How bad an incident is, by how often a normal day has its like.
pub(crate) fn severity(per_day: f64) -> Severity {
    match per_day {
        p if p <= 1e-4 => Severity::High,
        p if p <= 1e-2 => Severity::Medium,
        _ => Severity::Low,
    }
}
