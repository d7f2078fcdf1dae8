//! The one source of randomness of fitting and training: SplitMix64 (Steele, Lea, Flood 2014),
//! <https://doi.org/10.1145/2660193.2660195>.
//!
//! Owns nothing but its state, so that equal seeds give equal models on every machine.
//! It is not for secrets.

/// A generator with 64 bits of state; passes BigCrush, costs about a nanosecond.
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The generator of one `stream` of a seed. Streams are hashed apart, so that tree 3
    /// of seed 7 is the same however many trees there are, and unlike tree 7 of seed 3.
    pub fn stream(seed: u64, stream: u64) -> Self {
        Self(mix(seed) ^ mix(stream.wrapping_add(0x5851_f42d_4c95_7f2d)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..bound`, by multiplication; the bias is below `bound / 2^64`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// A number in `0.0..1.0` with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
}

/// The finalizer of SplitMix64: a bijection in which every input bit moves half the output.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_published_sequence() {
        // First outputs for state 1234567, as published with the reference code.
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn units_fill_the_interval_evenly() {
        let mut random = SplitMix64::stream(1, 2);
        let mut bins = [0_u32; 16];
        for _ in 0..160_000 {
            bins[(random.unit() * 16.0) as usize] += 1;
        }
        assert!(bins.iter().all(|&n| n.abs_diff(10_000) < 500), "{bins:?}");
    }
}
