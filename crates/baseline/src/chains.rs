//! The orders in which programs start within process trees, as a sample of bounded size
//! that the recurrent network is trained on.
//!
//! A job that runs each minute or a build must not become the model: of equal orders a day
//! keeps a few, of one tree as well. Owns no model; reading orders is the business of
//! [`crate::order`].

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::hash;

/// Programs of one order; what is longer is cut.
pub(crate) const LENGTH: usize = 32;
/// Programs of an order that was cut with which the next part begins.
pub(crate) const CARRIED: usize = 4;
/// Orders of a day that are equal, and orders of a day from one tree.
const ALIKE_MAX: u8 = 8;
/// Programs kept of one day.
const DAY_MAX: usize = 16_384;
/// Programs kept in all.
const TOKENS_MAX: usize = 131_072;
/// Fewer are not worth a training.
pub(crate) const TOKENS_MIN: usize = 1_000;

/// The part of a tree's order that is not complete yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    /// At most [`LENGTH`] programs, by the lower half of their hashes.
    pub(crate) programs: Vec<u32>,
    /// How many of them stood in the part before.
    carried: usize,
}

impl Chain {
    /// Appends a program. What was complete already is given back, and a new part begins.
    pub(crate) fn push(&mut self, program: u32) -> Option<Vec<u32>> {
        let full = (self.programs.len() >= LENGTH).then(|| {
            let rest = self.programs.split_off(LENGTH - CARRIED);
            let mut whole = std::mem::replace(&mut self.programs, rest);
            whole.extend_from_slice(&self.programs);
            self.carried = CARRIED;
            whole
        });
        self.programs.push(program);
        full
    }

    /// The last part, where it says more than the one before; for a tree that is over.
    pub(crate) fn rest(self) -> Option<Vec<u32>> {
        (self.programs.len() > self.carried.max(1)).then_some(self.programs)
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Day {
    day: u16,
    programs: Vec<u32>,
    lengths: Vec<u8>,
}

/// The sample.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Chains {
    days: VecDeque<Day>,
    /// How often the last day had an order, or orders of a tree.
    seen: BTreeMap<u64, u8>,
}

impl Chains {
    /// Keeps an order of the tree where there is room for it.
    pub(crate) fn offer(&mut self, day: u16, tree: u64, programs: &[u32]) {
        if self.days.back().is_none_or(|last| last.day != day) {
            self.seen.clear();
            self.days.push_back(Day {
                day,
                ..Day::default()
            });
        }
        let Some(today) = self.days.back_mut() else {
            return;
        };
        if today.programs.len() + programs.len() > DAY_MAX || programs.len() > LENGTH {
            return;
        }
        let order = programs
            .iter()
            .fold(1, |all, program| hash::pair(all, u64::from(*program)));
        for key in [order, hash::pair(tree, 0)] {
            let seen = self.seen.entry(key).or_default();
            if *seen >= ALIKE_MAX {
                return;
            }
            *seen += 1;
        }
        today.programs.extend_from_slice(programs);
        today.lengths.push(programs.len() as u8);
        while self.len() > TOKENS_MAX {
            self.days.pop_front();
        }
    }

    /// Forgets days before `day`.
    pub(crate) fn forget_before(&mut self, day: u16) {
        self.days.retain(|known| known.day >= day);
    }

    /// Programs in all orders.
    pub(crate) fn len(&self) -> usize {
        self.days.iter().map(|day| day.programs.len()).sum()
    }

    /// All orders, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.days.iter().flat_map(|day| {
            let mut rest = &day.programs[..];
            day.lengths.iter().map(move |length| {
                let (order, later) = rest.split_at((*length as usize).min(rest.len()));
                rest = later;
                order
            })
        })
    }

    /// Whether what was read back hangs together.
    pub(crate) fn sound(&self) -> bool {
        self.days.iter().all(|day| {
            let lengths = day.lengths.iter().map(|length| *length as usize);
            lengths.sum::<usize>() == day.programs.len()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_tree_is_cut_and_its_parts_overlap() {
        let mut chain = Chain::default();
        let parts: Vec<Vec<u32>> = (0..100).filter_map(|n| chain.push(n)).collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], (0..32).collect::<Vec<u32>>());
        assert_eq!(parts[1], (28..60).collect::<Vec<u32>>());
        assert_eq!(chain.rest(), Some((84..100).collect()));
        let mut short = Chain::default();
        short.push(1);
        assert_eq!(short.rest(), None, "one program has no order");
    }

    #[test]
    fn neither_a_job_nor_a_build_becomes_the_sample() {
        let mut chains = Chains::default();
        for day in 0..40_u16 {
            for n in 0..2_000_u32 {
                chains.offer(day, u64::from(n) + 10, &[1, 2, 3]);
                chains.offer(day, 5, &[n, n + 1, n + 2, n + 3]);
                if n % 20 == 0 {
                    chains.offer(day, u64::from(n) + 9_000, &[7, n, 8]);
                }
            }
        }
        let orders: Vec<&[u32]> = chains.iter().collect();
        let of_day = orders.len() / 40;
        assert_eq!(of_day, 8 + 8 + 100, "the job, the build, everything else");
        assert!(chains.sound() && chains.len() <= TOKENS_MAX);
        chains.forget_before(30);
        assert_eq!(chains.iter().count(), 10 * of_day);
        let mut many = Chains::default();
        for n in 0..1_000_000_u32 {
            many.offer((n / 20_000) as u16, u64::from(n), &[n, n + 1]);
        }
        assert!(many.sound() && many.len() <= TOKENS_MAX);
        assert!(many.len() > TOKENS_MAX - 2 * DAY_MAX, "{}", many.len());
    }
}
