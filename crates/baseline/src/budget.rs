//! How many alerts about anomalies are sent.
//!
//! Within any 24 hours no more than the budget; one of them is kept for what is more
//! severe than usual, so that a morning of oddities cannot hide an attack in the evening,
//! and what no normal day would have in years is sent whatever the budget says. All others
//! are counted and go into the digest.

use serde::{Deserialize, Serialize};

use crate::moment::DAY_NS;

/// Incidents of this kind that a day may be expected to have, to be worth an alert.
pub(crate) const ALERT_PER_DAY: f64 = 0.25;
/// As severe as this, the last alert of the budget may be used.
const SEVERE_PER_DAY: f64 = 0.02;
/// As severe as this, the budget does not matter.
const EXTREME_PER_DAY: f64 = 1e-4;

/// What was sent lately.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Budget {
    sent_ns: Vec<i64>,
}

impl Budget {
    /// Whether an incident that a normal day is expected to have `per_day` times may be
    /// sent now; if so it is counted.
    pub(crate) fn take(&mut self, time_ns: i64, per_day: f64, alerts_per_day: u32) -> bool {
        self.sent_ns.retain(|sent| time_ns - sent < DAY_NS);
        let sent = self.sent_ns.len();
        let all = alerts_per_day as usize;
        let allowed = match per_day {
            p if p <= EXTREME_PER_DAY => usize::MAX,
            p if p <= SEVERE_PER_DAY => all,
            // With a budget of one, there is nothing to keep back.
            _ => all.saturating_sub(1).max(all.min(1)),
        };
        let sends = sent < allowed;
        if sends {
            self.sent_ns.push(time_ns);
        }
        sends
    }

    /// Takes back what was sent at this time: it did not reach anybody.
    pub(crate) fn give_back(&mut self, time_ns: i64) {
        if let Some(at) = self.sent_ns.iter().rposition(|sent| *sent == time_ns) {
            self.sent_ns.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_cannot_hide_the_severe() {
        let mut budget = Budget::default();
        let usual = |budget: &mut Budget, at| budget.take(at, 0.2, 3);
        assert!(usual(&mut budget, 1) && usual(&mut budget, 2));
        assert!(!usual(&mut budget, 3), "the last is kept back");
        assert!(budget.take(4, 0.01, 3));
        assert!(!budget.take(5, 0.01, 3), "the budget holds");
        assert!(budget.take(6, 1e-5, 3), "what never happens is always sent");
        assert!(!usual(&mut budget, DAY_NS));
        assert!(
            usual(&mut budget, DAY_NS + 5),
            "a day later there is room again"
        );
    }

    #[test]
    fn what_reached_nobody_costs_nothing() {
        let mut budget = Budget::default();
        assert!(budget.take(1, 0.01, 1) && !budget.take(2, 0.01, 1));
        budget.give_back(2);
        assert!(!budget.take(3, 0.01, 1), "nothing was sent then");
        budget.give_back(1);
        assert!(budget.take(4, 0.01, 1) && !budget.take(5, 0.01, 1));
    }

    #[test]
    fn a_budget_of_one_or_none() {
        assert!(Budget::default().take(1, 0.2, 1));
        assert!(!Budget::default().take(1, 0.01, 0));
        assert!(Budget::default().take(1, 1e-6, 0));
    }
}
