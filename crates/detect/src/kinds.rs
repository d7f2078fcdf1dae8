//! A set of event kinds in one machine word, so that dispatch costs one test.

use sentinel_event::Kind;

/// A set of event kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindSet(u64);

// One bit per kind; a sixty-fifth kind would need a wider word.
const _: () = assert!(Kind::ALL.len() <= 64);

impl KindSet {
    /// The set of exactly these kinds.
    pub const fn of(kinds: &[Kind]) -> KindSet {
        let mut bits = 0u64;
        let mut i = 0;
        while i < kinds.len() {
            bits |= 1 << kinds[i] as u64;
            i += 1;
        }
        KindSet(bits)
    }

    /// Whether `kind` belongs to the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u64) != 0
    }

    /// This set with the kinds of `other` added.
    pub const fn union(self, other: KindSet) -> KindSet {
        KindSet(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_exactly_what_was_put_in() {
        let set = KindSet::of(&[Kind::Exec, Kind::Lost]);
        for &kind in Kind::ALL {
            let expected = kind == Kind::Exec || kind == Kind::Lost;
            assert_eq!(set.contains(kind), expected, "{kind}");
        }
    }
}
