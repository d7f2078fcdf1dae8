//! Puts lines in time order, which may be wrong by up to ten minutes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::line::Line;

/// How far a line may lag behind the newest one: ten minutes, in nanoseconds.
pub const LAG_NS: i64 = 600 * 1_000_000_000;

/// Lines that wait for earlier ones.
#[derive(Default)]
pub struct Order {
    waiting: BinaryHeap<Reverse<Waiting>>,
    newest_ns: Option<i64>,
}

struct Waiting {
    /// Time, then position in the input: equal times keep their order.
    key: (i64, u64),
    line: Line,
}

impl Order {
    /// Takes a line in; false when it comes too late to be sorted.
    pub fn push(&mut self, number: u64, line: Line) -> bool {
        let newest_ns = self.newest_ns.unwrap_or(line.time_ns);
        if line.time_ns < newest_ns.saturating_sub(LAG_NS) {
            return false;
        }
        self.newest_ns = Some(newest_ns.max(line.time_ns));
        let key = (line.time_ns, number);
        self.waiting.push(Reverse(Waiting { key, line }));
        true
    }

    /// The next line that no later input can precede.
    pub fn pop_settled(&mut self) -> Option<Line> {
        let settled_ns = self.newest_ns?.saturating_sub(LAG_NS);
        let first = self.waiting.peek()?;
        (first.0.key.0 < settled_ns).then(|| self.pop())?
    }

    /// The next line, when there is no more input.
    pub fn pop(&mut self) -> Option<Line> {
        self.waiting.pop().map(|waiting| waiting.0.line)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.key == other.key
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}
