//! Rows to fit models on: a sample in which no program has more than its share, so that a
//! build or a storm of jobs does not become the model.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::hash::mix;
use crate::schema::{COLUMNS, Row};

/// Rows of one program, where there are many programs.
const PROGRAM_MAX: usize = 128;
/// Where there are few programs, each may have its part of so many: a host on which three
/// programs connect has a model of connections, too.
const FEW_MAX: usize = 1_024;

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

    /// Rows that one program may have.
    fn share(&self) -> usize {
        PROGRAM_MAX.max(FEW_MAX / self.seen.len().max(1))
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
        if count >= self.share() {
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

    /// Forgets the rows of days before `day`, and what programs have beyond their share since
    /// there are more of them.
    pub(crate) fn settle(&mut self, day: u16) {
        let share = self.share();
        let within = |(_, places): &(u32, Vec<u32>)| places.len() <= share;
        if self.days.iter().all(|known| *known >= day) && self.seen.values().all(within) {
            return;
        }
        let mut kept = vec![true; self.len()];
        for (_, places) in self.seen.values_mut() {
            places.retain(|place| {
                let recent = self.days[*place as usize] >= day;
                kept[*place as usize] = recent;
                recent
            });
            // Any of them are as good as any others; a replay must choose the same.
            places.sort_unstable_by_key(|place| mix(u64::from(*place)));
            for place in places.drain(share.min(places.len())..) {
                kept[place as usize] = false;
            }
        }
        let old = std::mem::replace(self, Self::new(self.capacity));
        self.offered_total = old.offered_total;
        for (place, row) in old.values.chunks_exact(COLUMNS).enumerate() {
            if kept[place] {
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
        rows.settle(3);
        assert!(rows.sound() && rows.len() > 50 && rows.days.iter().all(|day| *day >= 3));
        assert_eq!(rows.columns(&[0, 5]).len(), 2 * rows.len());
        assert!(rows.percentile(1.0)[0] <= 19_999.0);
    }

    #[test]
    fn few_programs_have_more_rows_each_until_there_are_many() {
        let count = |rows: &Rows, program: u64| {
            rows.programs
                .iter()
                .filter(|known| **known == program)
                .count()
        };
        for (programs, each) in [(1, 1_024), (3, 341), (7, 146), (20, 128)] {
            let mut rows = Rows::new(8_000);
            for n in 0..programs * 3_000 {
                rows.offer(n % programs, (n / 9_000) as u16, &[n as f32; COLUMNS]);
            }
            // The first ones may have taken what is now another's.
            rows.settle(0);
            for program in 0..programs {
                assert_eq!(count(&rows, program), each, "of {programs}");
            }
            assert!(rows.sound());
        }
        let mut rows = Rows::new(8_000);
        for n in 0..5_000 {
            rows.offer(1, 1, &[n as f32; COLUMNS]);
        }
        for n in 0..5_000 {
            rows.offer(2 + n % 50, 2, &[n as f32; COLUMNS]);
        }
        assert_eq!(count(&rows, 1), FEW_MAX);
        rows.settle(1);
        assert!(rows.sound());
        assert_eq!((count(&rows, 1), count(&rows, 2)), (PROGRAM_MAX, 100));
        // What is left is of all that there was, and not of its begin or end.
        let mean = |rows: &Rows| {
            let own = (0..rows.len()).filter(|at| rows.programs[*at] == 1);
            let own: Vec<f32> = own.map(|at| rows.row(at)[0]).collect();
            own.iter().sum::<f32>() / own.len() as f32
        };
        assert!((1_900.0..3_100.0).contains(&mean(&rows)), "{}", mean(&rows));
        rows.settle(2);
        assert_eq!((count(&rows, 1), rows.len()), (0, 5_000));
    }
}
