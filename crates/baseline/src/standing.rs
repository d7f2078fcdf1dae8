//! What is known, in numbers, for whoever asks how learning fares.

use crate::baseline::Baseline;
use crate::networks::NETWORKS;
use crate::tail::TailDay;

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
    /// Events judged yesterday and today.
    pub judged: u64,
    /// How many of them had a p-value of at most one in a thousand.
    pub tail: u64,
    /// What was said of the models of the last night; empty before.
    pub verdict: String,
    /// It learns anew, and had learned enough before.
    pub learned_before: bool,
    /// When each network was last trained and taken, in nanoseconds since the Unix epoch; 0
    /// for never.
    pub trained_ns: [i64; NETWORKS],
}

impl Baseline {
    /// What is known, in numbers.
    pub fn standing(&self) -> Standing {
        let learned = &self.learned;
        let (programs, evicted_total) = learned.tables.sizes();
        let last = || learned.tails.days().rev().take(2);
        Standing {
            generation: learned.generation,
            fitted_ns: learned.fitted_ns,
            programs,
            rows: [learned.rows[0].len(), learned.rows[1].len()],
            evicted_total,
            judged: last().map(|day| day.judged).sum(),
            tail: last().map(|day| day.tail).sum(),
            verdict: learned.verdict.clone(),
            learned_before: learned.covered_before.is_some(),
            trained_ns: learned.training.trained_ns,
        }
    }

    /// What was judged on each of the last days, oldest first.
    pub fn tail_days(&self) -> impl Iterator<Item = &TailDay> {
        self.learned.tails.days()
    }
}
