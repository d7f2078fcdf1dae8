//! What an operator has declared harmless. The engine asks before it groups and rations, so
//! that what is allowed neither spends what a process tree may raise nor counts as held back.
//! The rules themselves, and their counts, are the daemon's.

use std::sync::Arc;

use sentinel_event::Event;

use crate::bounded::Bounded;

/// Findings that are not to be raised on this host.
pub trait Allowance: Send + Sync {
    /// Whether what `detection` concluded from `event` is allowed. `is_new` says whether it
    /// would have been raised for the first time: a repeat is not counted once more.
    fn allows(&self, detection: &str, event: &Event, is_new: bool) -> bool;
}

/// Asks an [`Allowance`], and knows about which findings it was asked already.
#[derive(Default)]
pub struct Waivers {
    allowance: Option<Arc<dyn Allowance>>,
    waived: Option<Bounded<u64, ()>>,
}

impl Waivers {
    /// Asks `allowance` from now on; at most `limit` waived findings are remembered.
    pub fn of(allowance: Arc<dyn Allowance>, limit: usize) -> Waivers {
        Waivers {
            allowance: Some(allowance),
            waived: Some(Bounded::new(limit)),
        }
    }

    /// Whether the finding with identity `id` is allowed.
    pub fn waive(&mut self, id: u64, detection: &str, event: &Event) -> bool {
        let (Some(allowance), Some(waived)) = (&self.allowance, &mut self.waived) else {
            return false;
        };
        let is_new = waived.peek(&id).is_none();
        let is_allowed = allowance.allows(detection, event, is_new);
        if is_allowed {
            waived.entry(id, || ());
        }
        is_allowed
    }

    /// Findings that were forgotten to make room, which count once more when they repeat.
    pub fn evicted_total(&self) -> u64 {
        self.waived.as_ref().map_or(0, Bounded::evicted_total)
    }
}
