//! Where the nodes lie in memory, and the walk over them.
//!
//! All trees are one flat array. The children of a node are neighbours, so that the next
//! node is `node + step + (x > threshold)` without a branch that could be mispredicted;
//! a leaf has step 0 and threshold infinity and so leads to itself, which lets each walk
//! take the same number of steps. Eight trees are walked together, since one walk spends
//! its time waiting for memory.

use crate::ModelError;

/// Trees that are walked at the same time: enough to hide the latency of the second-level
/// cache, few enough for the positions to stay in registers.
pub(super) const LANES: usize = 8;

/// Rows that go through one group of trees before the next group: such a group's nodes
/// stay in the first-level cache meanwhile.
const BLOCK: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    pub(super) threshold: f32,
    pub(super) feature: u16,
    /// The distance to the left child, 0 in a leaf.
    pub(super) step: u16,
}

impl Node {
    const LEAF: Node = Node {
        threshold: f32::INFINITY,
        feature: 0,
        step: 0,
    };
}

/// One tree while it is grown.
pub(super) struct Tree {
    nodes: Vec<Node>,
    lengths: Vec<f32>,
}

impl Tree {
    pub(super) fn with_root() -> Self {
        let nodes = vec![Node::LEAF];
        let lengths = vec![0.0];
        Self { nodes, lengths }
    }

    /// Makes a node a leaf that `length` edges lead to, those not grown included.
    pub(super) fn leaf(&mut self, node: usize, length: f32) {
        self.lengths[node] = length;
    }

    /// Splits a node; returns the place of its left child, which the right one follows.
    pub(super) fn branch(&mut self, node: usize, feature: u16, threshold: f32) -> usize {
        let left = self.nodes.len();
        let step = (left - node) as u16;
        self.nodes[node] = Node {
            threshold,
            feature,
            step,
        };
        self.nodes.extend([Node::LEAF; 2]);
        self.lengths.extend([0.0; 2]);
        left
    }
}

/// All trees of a forest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) nodes: Vec<Node>,
    /// Path length at each node, in edges; 0 where the node is not a leaf.
    pub(super) lengths: Vec<f32>,
    /// Where each tree begins.
    pub(super) roots: Vec<u32>,
    /// Steps from any root to any leaf.
    pub(super) depth: u32,
}

impl Layout {
    pub(super) fn new(trees: &[Tree], depth: u32) -> Self {
        let mut layout = Self {
            nodes: Vec::new(),
            lengths: Vec::new(),
            roots: Vec::new(),
            depth,
        };
        for tree in trees {
            layout.roots.push(layout.nodes.len() as u32);
            layout.nodes.extend(&tree.nodes);
            layout.lengths.extend(&tree.lengths);
        }
        layout
    }

    /// The sum of the path lengths of `row` over all trees, in edges.
    pub(super) fn length(&self, row: &[f32]) -> f32 {
        let (groups, rest) = self.roots.as_chunks::<LANES>();
        let mut sum = 0.0;
        for group in groups {
            sum = self.walk(group, row, sum);
        }
        for root in rest {
            sum = self.walk(&[*root], row, sum);
        }
        sum
    }

    /// The same for many rows of `columns` values: the sums are added to `sums`.
    pub(super) fn lengths(&self, rows: &[f32], columns: usize, sums: &mut [f32]) {
        let (groups, rest) = self.roots.as_chunks::<LANES>();
        let blocks = rows.chunks(BLOCK * columns).zip(sums.chunks_mut(BLOCK));
        for (rows, sums) in blocks {
            for group in groups {
                for (row, sum) in rows.chunks_exact(columns).zip(sums.iter_mut()) {
                    *sum = self.walk(group, row, *sum);
                }
            }
            for root in rest {
                for (row, sum) in rows.chunks_exact(columns).zip(sums.iter_mut()) {
                    *sum = self.walk(&[*root], row, *sum);
                }
            }
        }
    }

    /// Walks some trees together. The sum goes through the trees in their order, so that
    /// it does not depend on how they were grouped, to the bit.
    #[inline(always)]
    fn walk<const N: usize>(&self, roots: &[u32; N], row: &[f32], sum: f32) -> f32 {
        let mut at = roots.map(|root| root as usize);
        for _ in 0..self.depth {
            for place in &mut at {
                let node = self.nodes[*place];
                let above = row[usize::from(node.feature)] > node.threshold;
                *place += usize::from(node.step) + usize::from(above);
            }
        }
        at.iter().fold(sum, |sum, place| sum + self.lengths[*place])
    }

    /// Checks, once, what the walk relies on: each step stays inside its tree and each
    /// feature inside the row.
    pub(super) fn check(&self, columns: usize) -> Result<(), ModelError> {
        let refuse = |what: &str| Err(ModelError::inconsistent(what));
        if self.roots.is_empty() || self.roots[0] != 0 || self.depth > 64 {
            return refuse("its trees begin nowhere");
        }
        let mut ends = self.roots[1..].to_vec();
        ends.push(self.nodes.len() as u32);
        for (&root, &end) in self.roots.iter().zip(&ends) {
            if root >= end || end as usize > self.nodes.len() {
                return refuse("its trees overlap");
            }
            for place in root..end {
                let node = self.nodes[place as usize];
                if usize::from(node.feature) >= columns {
                    return refuse("a tree asks for a column that is not there");
                }
                if node.step == 0 && node.threshold != f32::INFINITY {
                    return refuse("a leaf leads away");
                }
                if node.step > 0 && place + u32::from(node.step) + 1 >= end {
                    return refuse("a branch leaves its tree");
                }
            }
        }
        Ok(())
    }
}
