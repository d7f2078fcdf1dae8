//! An incident that normal days do not have, and its words.

use std::sync::Arc;

use sentinel_event::{Process, Severity};

use crate::explain::Unusual;

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

/// Why an incident is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    /// Normal days do not have its like.
    Rare {
        /// How many incidents like it a normal day is expected to have.
        per_day: f64,
    },
    /// Somebody said that this is never normal.
    Denied,
}

/// An incident that normal days do not have, or that was denied.
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
    /// Why it is told.
    pub cause: Cause,
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
        let more = match self.unusual.len() {
            1 => String::new(),
            2 => ", and one more unusual thing happened in its process tree".to_owned(),
            n => format!(
                ", and {} more unusual things happened in its process tree",
                n - 1
            ),
        };
        match worst.about() {
            about if about.is_empty() => worst.deed() + &more,
            about => format!("{}{more}: {about}", worst.deed()),
        }
    }

    /// How rare it is, and by which models.
    pub fn reason(&self) -> String {
        let Cause::Rare { per_day } = self.cause else {
            return format!(
                "this behaviour was denied, as {}, and is told each time it comes again, once a day \
                 at most",
                self.worst().behaviour()
            );
        };
        let number = match per_day {
            p if p >= 0.01 => format!("{p:.2}"),
            p => format!("{p:.0e}"),
        };
        format!(
            "a normal day of this host has {number} incidents as unusual as this one, which is \
             one in {}; model generation {}",
            rarity(per_day),
            self.generation
        )
    }

    /// How many incidents like it a normal day is expected to have; 0 for what was denied.
    pub fn per_day(&self) -> f64 {
        match self.cause {
            Cause::Rare { per_day } => per_day,
            Cause::Denied => 0.0,
        }
    }

    /// The most unusual event.
    pub fn worst(&self) -> &Unusual {
        &self.unusual[self.worst]
    }
}

/// `20 days` for what a day has 0.05 of.
fn rarity(per_day: f64) -> String {
    let days = 1.0 / per_day.max(1e-9);
    match days {
        d if d < 1.5 => "a day".to_owned(),
        d if d < 730.0 => format!("{d:.0} days"),
        d if d < 365_250.0 => format!("{:.0} years", d / 365.25),
        _ => "more than a thousand years".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_rare_something_is_in_days_and_years() {
        let cases = [
            (1.0, "a day"),
            (0.25, "4 days"),
            (0.047, "21 days"),
            (5e-4, "5 years"),
            (1e-7, "more than a thousand years"),
            (0.0, "more than a thousand years"),
        ];
        for (per_day, words) in cases {
            assert_eq!(rarity(per_day), words, "{per_day}");
        }
    }
}
