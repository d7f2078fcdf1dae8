//! What is known, in numbers, for whoever asks how learning fares.

use crate::baseline::Baseline;

/// What is known, in numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// The generation of the models; 0 before the first.
    pub generation: u32,
    /// When they were fitted, in nanoseconds since the Unix epoch; 0 for never.
    pub fitted_ns: i64,
    /// Programs that are known.
    pub programs: usize,
    /// Rows that models are fitted on: program starts and connections.
    pub rows: [usize; 2],
    /// Entries that had to leave the exact tables.
    pub evicted_total: u64,
    /// Events judged since the last generation but one was made.
    pub judged: u64,
    /// How many of them had a p-value of at most one in a thousand.
    pub tail: u64,
    /// What was said of the models of the last night; empty before.
    pub verdict: String,
}

impl Baseline {
    /// What is known, in numbers.
    pub fn standing(&self) -> Standing {
        let learned = &self.learned;
        let (programs, evicted_total) = learned.tables.sizes();
        let [before, now] = learned.judged;
        Standing {
            generation: learned.generation,
            fitted_ns: learned.fitted_ns,
            programs,
            rows: [learned.rows[0].len(), learned.rows[1].len()],
            evicted_total,
            judged: before.0 + now.0,
            tail: before.1 + now.1,
            verdict: learned.verdict.clone(),
        }
    }
}
