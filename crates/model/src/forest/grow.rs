//! Growing one isolation tree: Liu, Ting and Zhou 2008, algorithm 2, with the choices of
//! scikit-learn where the paper leaves them open.
//!
//! Owns sampling and splitting. Where nodes lie in memory is the matter of `layout`.

use super::layout::Tree;
use super::path_length::average_path_length;
use super::rows::Rows;
use crate::random::SplitMix64;

/// The memory that growing one tree after another needs, kept between trees.
pub(super) struct Grower {
    columns: usize,
    depth_max: u32,
    /// The rows of the current sample, one after the other.
    sample: Vec<f32>,
    /// The sample's rows in the order of the leaves: each node owns a range of it.
    order: Vec<u32>,
    /// Columns, of which the front ones are constant in all ancestors of a node.
    candidates: Vec<u32>,
    /// One bit per training row: whether the current sample holds it.
    drawn: Vec<u64>,
}

/// A node that still waits for its split.
struct Open {
    node: usize,
    from: usize,
    to: usize,
    depth: u32,
}

impl Grower {
    pub(super) fn new(rows: usize, columns: usize, sample_rows: usize, depth_max: u32) -> Self {
        Self {
            columns,
            depth_max,
            sample: vec![0.0; sample_rows * columns],
            order: vec![0; sample_rows],
            candidates: (0..columns as u32).collect(),
            drawn: vec![0; rows.div_ceil(64)],
        }
    }

    /// One tree over a sample of `rows`.
    pub(super) fn tree(&mut self, rows: &impl Rows, random: &mut SplitMix64) -> Tree {
        self.draw(rows, random);
        let mut tree = Tree::with_root();
        let to = self.order.len();
        let mut open = vec![Open {
            node: 0,
            from: 0,
            to,
            depth: 0,
        }];
        while let Some(Open {
            node,
            from,
            to,
            depth,
        }) = open.pop()
        {
            let split = if depth < self.depth_max && to - from > 1 {
                self.split(from, to, random)
            } else {
                None
            };
            let Some((feature, threshold)) = split else {
                let length = f64::from(depth) + average_path_length(to - from);
                tree.leaf(node, length as f32);
                continue;
            };
            let middle = self.partition(from, to, feature, threshold);
            let left = tree.branch(node, feature, threshold);
            let depth = depth + 1;
            open.push(Open {
                node: left + 1,
                from: middle,
                to,
                depth,
            });
            open.push(Open {
                node: left,
                from,
                to: middle,
                depth,
            });
        }
        tree
    }

    /// Draws the sample without replacement, by Floyd's method: as many draws as rows in
    /// the sample, whatever the number of rows in all.
    fn draw(&mut self, rows: &impl Rows, random: &mut SplitMix64) {
        self.drawn.fill(0);
        let total = rows.shape().0;
        let wanted = self.order.len();
        for (at, last) in (total - wanted..total).enumerate() {
            let candidate = random.below(last + 1);
            let taken = self.drawn[candidate / 64] >> (candidate % 64) & 1 == 1;
            let row = if taken { last } else { candidate };
            self.drawn[row / 64] |= 1 << (row % 64);
            rows.copy_row(row, &mut self.sample[at * self.columns..][..self.columns]);
            self.order[at] = at as u32;
        }
    }

    /// A feature that is not constant over the range, each with equal chance, and a
    /// threshold evenly between its smallest and largest value. `None` where all rows
    /// are equal. Constant features are passed over as in scikit-learn; the paper would
    /// end the branch there.
    fn split(&mut self, from: usize, to: usize, random: &mut SplitMix64) -> Option<(u16, f32)> {
        let columns = self.columns;
        for tried in 0..columns {
            let pick = tried + random.below(columns - tried);
            self.candidates.swap(tried, pick);
            let feature = self.candidates[tried] as usize;
            let (low, high) = self.bounds(from, to, feature);
            if low < high {
                let share = random.unit();
                let threshold = f64::from(low) + share * (f64::from(high) - f64::from(low));
                // Rounding to 32 bits may reach the largest value, and then nothing
                // would lie above the threshold.
                let threshold = if threshold as f32 >= high {
                    low
                } else {
                    threshold as f32
                };
                return Some((feature as u16, threshold));
            }
        }
        None
    }

    fn bounds(&self, from: usize, to: usize, feature: usize) -> (f32, f32) {
        let mut bounds = (f32::INFINITY, f32::NEG_INFINITY);
        for &row in &self.order[from..to] {
            let value = self.sample[row as usize * self.columns + feature];
            bounds = (bounds.0.min(value), bounds.1.max(value));
        }
        bounds
    }

    /// Moves the rows that are not above the threshold to the front; returns where the
    /// others begin.
    fn partition(&mut self, from: usize, to: usize, feature: u16, threshold: f32) -> usize {
        let mut middle = from;
        for at in from..to {
            let row = self.order[at] as usize;
            if self.sample[row * self.columns + usize::from(feature)] <= threshold {
                self.order.swap(middle, at);
                middle += 1;
            }
        }
        middle
    }
}

/// The depth at which growing stops: the average depth of a full tree over the sample.
pub(super) fn depth_max(sample_rows: usize) -> u32 {
    sample_rows.max(2).next_power_of_two().ilog2()
}
