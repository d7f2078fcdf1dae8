//! Rows to fit models on: a sample in which no program has more than its share, so that a
//! build or a storm of jobs does not become the model.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::hash::mix;
use crate::schema::{COLUMNS, Row};

/// Rows of one program.
const PROGRAM_MAX: usize = 128;

/// A bounded sample of rows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Rows {
    capacity: usize,
    values: Vec<f32>,
    days: Vec<u16>,
    programs: Vec<u64>,
    /// Rows offered, which also drives the choice of what is kept.
    pub(crate) offered_total: u64,
    seen: HashMap<u64, (u32, Vec<u32>)>,
}

impl Rows {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.days.len()
    }

    fn below(&self, bound: usize) -> usize {
        let random = mix(self.offered_total.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        ((u128::from(random) * bound as u128) >> 64) as usize
    }

    /// Offers a row; it may take the place of another.
    pub(crate) fn offer(&mut self, program: u64, day: u16, row: &Row) {
        self.offered_total += 1;
        let (seen, places) = self.seen.entry(program).or_default();
        *seen += 1;
        let (seen, count) = (*seen as usize, places.len());
        if count >= PROGRAM_MAX {
            // Each of its rows is kept with the same probability.
            let choice = self.below(seen);
            if let Some(place) = self.seen[&program].1.get(choice).copied() {
                self.put(place as usize, day, row);
            }
            return;
        }
        let place = if self.len() < self.capacity {
            self.values.extend_from_slice(row);
            self.days.push(day);
            self.programs.push(program);
            self.len() - 1
        } else {
            let place = self.below(self.capacity);
            self.forget(place);
            self.programs[place] = program;
            self.put(place, day, row);
            place
        };
        let (_, places) = self.seen.entry(program).or_default();
        places.push(place as u32);
    }

    fn put(&mut self, place: usize, day: u16, row: &Row) {
        self.values[place * COLUMNS..][..COLUMNS].copy_from_slice(row);
        self.days[place] = day;
    }

    fn forget(&mut self, place: usize) {
        let program = self.programs[place];
        if let Some((_, places)) = self.seen.get_mut(&program) {
            places.retain(|known| *known as usize != place);
            if places.is_empty() {
                self.seen.remove(&program);
            }
        }
    }

    /// Forgets the rows of days before `day`.
    pub(crate) fn forget_before(&mut self, day: u16) {
        if self.days.iter().all(|known| *known >= day) {
            return;
        }
        let old = std::mem::replace(self, Self::new(self.capacity));
        self.offered_total = old.offered_total;
        for (place, row) in old.values.chunks_exact(COLUMNS).enumerate() {
            if old.days[place] >= day {
                let program = old.programs[place];
                let place_now = self.len() as u32;
                self.values.extend_from_slice(row);
                self.days.push(old.days[place]);
                self.programs.push(program);
                let (seen, places) = self.seen.entry(program).or_default();
                *seen += 1;
                places.push(place_now);
            }
        }
    }

    /// All rows, one after the other.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// One row.
    pub(crate) fn row(&self, at: usize) -> Row {
        let mut row = [0.0; COLUMNS];
        row.copy_from_slice(&self.values[at * COLUMNS..][..COLUMNS]);
        row
    }

    /// Only the columns for which `wanted` holds.
    pub(crate) fn columns(&self, wanted: &[usize]) -> Vec<f32> {
        let rows = self.values.chunks_exact(COLUMNS);
        rows.flat_map(|row| wanted.iter().map(|column| row[*column]))
            .collect()
    }

    /// The value of each column below which a share of the rows lies.
    pub(crate) fn percentile(&self, share: f64) -> Vec<f32> {
        let mut column = Vec::new();
        (0..COLUMNS)
            .map(|at| {
                column.clear();
                column.extend(self.values.iter().skip(at).step_by(COLUMNS));
                column.sort_unstable_by(f32::total_cmp);
                let place = (share * column.len().saturating_sub(1) as f64).round() as usize;
                column.get(place).copied().unwrap_or(0.0)
            })
            .collect()
    }

    /// Whether what was read back hangs together.
    pub(crate) fn sound(&self) -> bool {
        let n = self.days.len();
        let places = self.seen.values().flat_map(|(_, places)| places);
        self.values.len() == n * COLUMNS
            && self.programs.len() == n
            && n <= self.capacity
            && places.clone().all(|place| (*place as usize) < n)
            && self.values.iter().all(|value| value.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_does_not_become_the_sample() {
        let mut rows = Rows::new(600);
        for n in 0..20_000_u64 {
            let program = if n % 10 > 0 { 1 } else { 2 + n % 700 };
            rows.offer(program, (n / 5_000) as u16, &[n as f32; COLUMNS]);
            assert!(rows.len() <= 600);
        }
        assert!(rows.sound());
        let storm = rows
            .programs
            .iter()
            .filter(|program| **program == 1)
            .count();
        assert!((20..=PROGRAM_MAX).contains(&storm), "{storm}");
        rows.forget_before(3);
        assert!(rows.sound() && rows.len() > 50 && rows.days.iter().all(|day| *day >= 3));
        assert_eq!(rows.columns(&[0, 5]).len(), 2 * rows.len());
        assert!(rows.percentile(1.0)[0] <= 19_999.0);
    }
}
