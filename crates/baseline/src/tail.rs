//! How often events were held for at most one in a thousand likely, day by day: whether
//! p-values mean what they say is seen on days that came after those they were made from.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::judge::DETECTOR_COUNT;

/// The share that is looked at.
pub const TAIL: f64 = 1e-3;
/// Days that are kept.
const DAYS: usize = 28;

/// The events of one day that were judged, without those of incidents that were raised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailDay {
    /// Days since the Unix epoch.
    pub day: u16,
    /// Events that were judged.
    pub judged: u64,
    /// How many of them had a p-value of at most [`TAIL`].
    pub tail: u64,
    /// The same for each of [`DETECTORS`](crate::DETECTORS): events that it said something
    /// about, and how many it held for that unlikely.
    pub detectors: [(u64, u64); DETECTOR_COUNT],
}

/// The last days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tails {
    days: VecDeque<TailDay>,
}

impl Tails {
    /// Counts an event; NaN stands for a detector that said nothing.
    pub(crate) fn note(&mut self, day: u16, p: f64, p_values: &[f64; DETECTOR_COUNT]) {
        if self.days.back().is_none_or(|last| last.day != day) {
            self.days.push_back(TailDay {
                day,
                ..TailDay::default()
            });
            if self.days.len() > DAYS {
                self.days.pop_front();
            }
        }
        let Some(today) = self.days.back_mut() else {
            return;
        };
        today.judged += 1;
        today.tail += u64::from(p <= TAIL);
        for (detector, p) in today.detectors.iter_mut().zip(p_values) {
            detector.0 += u64::from(!p.is_nan());
            detector.1 += u64::from(*p <= TAIL);
        }
    }

    pub(crate) fn days(&self) -> impl DoubleEndedIterator<Item = &TailDay> {
        self.days.iter()
    }
}
