//! Which findings become alerts and which are only counted.
//!
//! A process image is reported once per detection, variant and subject. Beyond
//! that, each process tree has a small budget per detection and variant, so that a
//! loop that starts ten thousand programs from memory gives a handful of alerts,
//! the later ones saying how many they stand for. Nothing is dropped uncounted: what no
//! later alert stands for, [`crate::tail`] tells.

use sentinel_event::{ExecId, Process, Technique};
use serde::{Deserialize, Serialize};

use crate::bounded::Bounded;
use crate::stable_hash::StableHash;

/// How alerts are grouped and rationed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Alerts of one kind that one process tree may raise at once.
    pub burst: u32,
    /// Seconds after which one more alert is allowed.
    pub refill_seconds: u32,
    /// Alert identities and process trees that are remembered, each.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            burst: 20,
            refill_seconds: 30,
            remembered: 16_384,
        }
    }
}

/// What to do with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Raise it; it also stands for this many earlier ones that were held back.
    Raise {
        /// Findings of the same group held back since the last alert.
        held_back: u64,
    },
    /// It was raised before: count it only.
    Repeat,
    /// The process tree has spent what it may raise: count it, and tell of it later.
    HoldBack,
}

/// What was raised, and how much each process tree may still raise.
#[derive(Debug)]
pub struct Grouping {
    burst: u32,
    refill_ns: i64,
    raised: Bounded<u64, ()>,
    budgets: Bounded<u64, Budget>,
}

#[derive(Debug)]
struct Budget {
    tokens: u32,
    refilled_ns: i64,
    held_back: u64,
}

impl Grouping {
    /// Nothing raised yet.
    pub fn new(config: &Config) -> Grouping {
        Grouping {
            burst: config.burst.max(1),
            refill_ns: i64::from(config.refill_seconds.max(1)) * 1_000_000_000,
            raised: Bounded::new(config.remembered as usize),
            budgets: Bounded::new(config.remembered as usize),
        }
    }

    /// Whether the finding with identity `id` was raised before.
    pub fn is_raised(&self, id: u64) -> bool {
        self.raised.peek(&id).is_some()
    }

    /// Alert identities and process trees that are remembered, each.
    pub fn remembered(&self) -> usize {
        self.raised.limit()
    }

    /// Decides about a finding with identity `id` of the group `group` at `time_ns`.
    pub fn decide(&mut self, id: u64, group: u64, time_ns: i64) -> Decision {
        if self.raised.peek(&id).is_some() {
            // Counts as a use, so what keeps repeating stays known.
            self.raised.entry(id, || ());
            return Decision::Repeat;
        }
        let burst = self.burst;
        let budget = self.budgets.entry(group, || Budget {
            tokens: burst,
            refilled_ns: time_ns,
            held_back: 0,
        });
        budget.refill(time_ns, self.refill_ns, burst);
        if budget.tokens == 0 {
            budget.held_back += 1;
            return Decision::HoldBack;
        }
        budget.tokens -= 1;
        let held_back = std::mem::take(&mut budget.held_back);
        self.raised.insert(id, ());
        Decision::Raise { held_back }
    }

    /// Forgets what was held back of a group: somebody else tells of it.
    pub fn settle(&mut self, group: u64) {
        if let Some(budget) = self.budgets.peek_mut(&group) {
            budget.held_back = 0;
        }
    }

    /// Identities and groups that had to be forgotten.
    pub fn evicted_total(&self) -> u64 {
        self.raised.evicted_total() + self.budgets.evicted_total()
    }
}

impl Budget {
    fn refill(&mut self, time_ns: i64, refill_ns: i64, burst: u32) {
        if self.tokens == burst {
            self.refilled_ns = time_ns;
            return;
        }
        // Events may come slightly out of order; time then stands still.
        let periods = (time_ns - self.refilled_ns).max(0) / refill_ns;
        let gained = u32::try_from(periods).unwrap_or(burst).min(burst);
        self.tokens = self.tokens.saturating_add(gained).min(burst);
        self.refilled_ns += periods * refill_ns;
    }
}

/// The identity of a finding: 16 hexadecimal digits when displayed as [`ExecId`]s are.
pub fn finding_id(detection: &str, variant: &str, process: ExecId, subject: &str) -> u64 {
    StableHash::new()
        .text(detection)
        .text(variant)
        .number(process.0)
        .text(subject)
        .finish()
}

/// The group that shares a budget: detection, variant and process tree.
pub fn group_id(detection: &str, variant: &str, process: &Process) -> u64 {
    StableHash::new()
        .text(detection)
        .text(variant)
        .number(tree_root(process).exec_id.0)
        .finish()
}

/// The incident that a conclusion belongs to: everything that points at one technique
/// within one process tree, whichever detection it comes from. What names no technique
/// has an incident per `detection`. The same in every replay.
pub fn incident(detection: &str, techniques: &[Technique], process: &Process) -> u64 {
    let technique = techniques
        .first()
        .map_or(detection, |technique| &technique.id);
    StableHash::new()
        .text(technique)
        .number(tree_root(process).exec_id.0)
        .finish()
}

/// The first process of the tree that `process` belongs to: the farthest ancestor
/// in the same cgroup. A cgroup holds one service, one login or one container, so
/// two logins through one sshd are two trees. pid 1 is everyone's ancestor and
/// never the root of another's tree.
fn tree_root(process: &Process) -> &Process {
    let mut root = process;
    for ancestor in process.ancestors() {
        if ancestor.pid == 1 || ancestor.cgroup != process.cgroup {
            break;
        }
        root = ancestor;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn an_identity_is_raised_once() {
        let mut grouping = Grouping::new(&Config::default());
        assert_eq!(grouping.decide(1, 9, 0), Decision::Raise { held_back: 0 });
        assert_eq!(grouping.decide(1, 9, 0), Decision::Repeat);
        assert_eq!(grouping.decide(2, 9, 0), Decision::Raise { held_back: 0 });
    }

    #[test]
    fn a_tree_that_spent_its_budget_is_counted_and_heard_again() {
        let mut grouping = Grouping::new(&Config {
            burst: 2,
            refill_seconds: 10,
            remembered: 100,
        });
        let raised = (0..100)
            .filter(|&id| grouping.decide(id, 9, 0) != Decision::HoldBack)
            .count();
        assert_eq!(raised, 2);
        assert_eq!(grouping.decide(200, 9, 9 * SECOND), Decision::HoldBack);
        assert_eq!(
            grouping.decide(201, 9, 10 * SECOND),
            Decision::Raise { held_back: 99 }
        );
        assert_eq!(grouping.decide(202, 9, 10 * SECOND), Decision::HoldBack);
        // Another tree is not held back by this one.
        assert_eq!(
            grouping.decide(203, 8, 10 * SECOND),
            Decision::Raise { held_back: 0 }
        );
    }
}
