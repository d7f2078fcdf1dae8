//! What was lost around an event, so that a conclusion drawn beside a gap says so.

use std::collections::VecDeque;

use sentinel_event::{Kind, Lost};

use crate::KindSet;

/// How far back a gap still matters, in nanoseconds: one minute.
const WINDOW_NS: i64 = 60 * 1_000_000_000;

/// Gaps that are remembered at most; more than that within a minute are merged
/// into the youngest one.
const GAPS_MAX: usize = 256;

/// Kinds whose loss can make any ancestry wrong.
const LIFE: KindSet = KindSet::of(&[Kind::Exec, Kind::Fork, Kind::Exit]);

/// The gaps of the last minute.
#[derive(Debug, Default)]
pub struct LossWindow {
    gaps: VecDeque<Gap>,
}

#[derive(Debug, Clone, Copy)]
struct Gap {
    begin_ns: i64,
    until_ns: i64,
    kind: Option<Kind>,
    count: u64,
}

/// What was lost in the minute before an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nearby {
    /// Lost events of any kind; a gap of unknown size counts as one.
    pub total: u64,
    /// Of these, events that the conclusion could have rested on.
    pub relevant: u64,
}

impl LossWindow {
    /// Takes note of a gap that begins at `begin_ns`.
    pub fn note(&mut self, begin_ns: i64, lost: &Lost) {
        let until_ns = lost.until_ns.max(begin_ns);
        self.forget_before(until_ns - WINDOW_NS);
        let count = lost.count.max(1);
        if self.gaps.len() == GAPS_MAX
            && let Some(last) = self.gaps.back_mut()
        {
            last.until_ns = last.until_ns.max(until_ns);
            last.begin_ns = last.begin_ns.min(begin_ns);
            last.count = last.count.saturating_add(count);
            if last.kind != lost.kind {
                last.kind = None;
            }
            return;
        }
        self.gaps.push_back(Gap {
            begin_ns,
            until_ns,
            kind: lost.kind,
            count,
        });
    }

    /// What was lost in the minute before `time_ns`, for a conclusion that rests
    /// on events of the kinds in `rests_on`.
    pub fn before(&self, time_ns: i64, rests_on: KindSet) -> Nearby {
        let mut nearby = Nearby::default();
        let from_ns = time_ns - WINDOW_NS;
        for gap in &self.gaps {
            if gap.until_ns < from_ns || gap.begin_ns > time_ns {
                continue;
            }
            nearby.total = nearby.total.saturating_add(gap.count);
            let relevant = gap
                .kind
                .is_none_or(|kind| rests_on.union(LIFE).contains(kind));
            if relevant {
                nearby.relevant = nearby.relevant.saturating_add(gap.count);
            }
        }
        nearby
    }

    fn forget_before(&mut self, from_ns: i64) {
        self.gaps.retain(|gap| gap.until_ns >= from_ns);
    }
}

impl Nearby {
    /// `percent` lowered by what was lost: a tenth for any relevant loss, a quarter
    /// from a hundred events on, a half from ten thousand on. Never below 1.
    pub fn lower(self, percent: u8) -> u8 {
        let kept = match self.relevant {
            0 => 100,
            1..=99 => 90,
            100..=9_999 => 75,
            _ => 50,
        };
        let lowered = u32::from(percent.min(100)) * kept / 100;
        // At most 100, so it fits.
        (lowered as u8).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn lost(kind: Option<Kind>, count: u64, until_ns: i64) -> Lost {
        Lost {
            ring: None,
            kind,
            count,
            until_ns,
        }
    }

    #[test]
    fn only_the_minute_before_counts() {
        let mut window = LossWindow::default();
        window.note(0, &lost(None, 5, SECOND));
        let exec = KindSet::of(&[Kind::Exec]);
        assert_eq!(window.before(30 * SECOND, exec).total, 5);
        assert_eq!(window.before(61 * SECOND, exec).total, 5);
        assert_eq!(window.before(62 * SECOND, exec).total, 0);
    }

    #[test]
    fn loss_of_other_kinds_is_told_but_lowers_nothing() {
        let mut window = LossWindow::default();
        window.note(0, &lost(Some(Kind::Open), 1_000, SECOND));
        let nearby = window.before(2 * SECOND, KindSet::of(&[Kind::Exec]));
        assert_eq!(nearby.total, 1_000);
        assert_eq!(nearby.lower(90), 90);
        let nearby = window.before(2 * SECOND, KindSet::of(&[Kind::Open]));
        assert_eq!(nearby.lower(90), 67);
    }

    #[test]
    fn many_gaps_are_merged_not_dropped() {
        let mut window = LossWindow::default();
        for i in 0..1_000 {
            window.note(i, &lost(Some(Kind::Exec), 2, i));
        }
        assert_eq!(window.gaps.len(), GAPS_MAX);
        assert_eq!(window.before(1_000, KindSet::default()).total, 2_000);
    }
}
