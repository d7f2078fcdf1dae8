//! Counts of what is too rare for a place of its own: a count-min sketch with conservative
//! update (Estan and Varghese, "New directions in traffic measurement and accounting",
//! SIGCOMM 2002, <https://doi.org/10.1145/633025.633056>). It never counts too little; too
//! much means that a thing looks more known than it is, which the exact set of first
//! sightings makes up for.

use serde::{Deserialize, Serialize};

use crate::hash::mix;

const ROWS: usize = 4;
const WIDTH: usize = 16_384;

/// 256 KiB, taken only when the first entry comes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sketch {
    cells: Vec<f32>,
}

impl Sketch {
    fn places(key: u64) -> [usize; ROWS] {
        std::array::from_fn(|row| {
            let hash = mix(key ^ (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            row * WIDTH + (hash as usize & (WIDTH - 1))
        })
    }

    /// At least as much as was added under `key`.
    pub(crate) fn estimate(&self, key: u64) -> f32 {
        if self.cells.len() != ROWS * WIDTH {
            return 0.0;
        }
        let cells = Self::places(key).map(|place| self.cells[place]);
        cells.into_iter().fold(f32::INFINITY, f32::min)
    }

    pub(crate) fn add(&mut self, key: u64, count: f32) {
        self.cells.resize(ROWS * WIDTH, 0.0);
        let raised = self.estimate(key) + count;
        for place in Self::places(key) {
            self.cells[place] = self.cells[place].max(raised);
        }
    }

    pub(crate) fn scale(&mut self, factor: f32) {
        self.cells.iter_mut().for_each(|cell| *cell *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentinel_model::random::SplitMix64;
    use std::collections::HashMap;

    #[test]
    fn never_counts_too_little_and_seldom_much_too_much() {
        let (mut sketch, mut truth) = (Sketch::default(), HashMap::new());
        assert_eq!(sketch.estimate(7), 0.0);
        let mut random = SplitMix64::stream(3, 1);
        for _ in 0..30_000 {
            // Few keys are common, many are rare.
            let key = mix((random.unit().powi(3) * 20_000.0) as u64);
            sketch.add(key, 1.0);
            *truth.entry(key).or_insert(0.0_f32) += 1.0;
        }
        let mut over = 0;
        for (key, count) in &truth {
            let found = sketch.estimate(*key);
            assert!(found >= *count, "{found} for {count}");
            over += usize::from(found > count + 2.0);
        }
        assert!(over * 50 < truth.len(), "{over} of {}", truth.len());
    }
}
