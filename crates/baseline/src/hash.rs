//! Hashes that mean the same in every run and on every machine, since learned tables are
//! kept under them. Not for defence: who can choose names can make them collide.

use std::hash::Hasher;

const K: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The hash of bytes; never 0, which marks an empty place.
pub(crate) fn bytes(data: &[u8]) -> u64 {
    let mut hash = (data.len() as u64 + 1).wrapping_mul(K);
    let (words, rest) = data.as_chunks::<8>();
    for word in words {
        hash = fold(hash ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(fold(hash ^ u64::from_le_bytes(last))).max(1)
}

/// The hash of text.
pub(crate) fn text(text: &str) -> u64 {
    bytes(text.as_bytes())
}

/// The hash of two hashes in this order; never 0.
pub(crate) fn pair(first: u64, second: u64) -> u64 {
    mix(first.rotate_left(23).wrapping_mul(K) ^ second).max(1)
}

fn fold(value: u64) -> u64 {
    let product = u128::from(value ^ K) * u128::from(0xd6e8_feb8_6659_fd93_u64);
    (product as u64) ^ (product >> 64) as u64
}

/// For tables under 64-bit keys: most are hashes already, and the rest needs mixing only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are 64-bit numbers");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = mix(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn small_changes_give_other_hashes() {
        let mut seen = HashSet::new();
        for n in 0..20_000_u32 {
            assert!(seen.insert(text(&format!("/usr/bin/tool{n}"))), "{n}");
            assert!(
                seen.insert(bytes(&vec![0; n as usize % 64 + 64 * (n as usize / 64)])) || n > 0
            );
        }
        assert_ne!(pair(1, 2), pair(2, 1));
        assert_ne!(text(""), 0);
    }
}
