//! One p-value from those of several models.

/// No p-value is smaller: the data of a week cannot tell one event in a billion from one
/// in ten billion.
pub const SMALLEST_P: f64 = 1e-9;

/// The p-value of the most surprised of some models, times their number: Bonferroni's
/// bound, which holds however they depend on each other. Fisher's sum is sharper only for
/// independent models, and on measured ones it was worse than the best of them alone.
///
/// Between [`SMALLEST_P`] and 1; 1 for no value, and one that is not a number counts as a
/// model that has nothing to say.
pub fn bonferroni(p_values: &[f64]) -> f64 {
    let least = p_values.iter().fold(1.0, |least: f64, p| least.min(*p));
    let models = p_values.len().max(1) as f64;
    (least * models).clamp(SMALLEST_P, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_least_times_the_number() {
        assert_eq!(bonferroni(&[0.5, 0.125, 0.75, 1.0]), 0.5);
        assert_eq!(bonferroni(&[0.5, 0.4, 0.9]), 1.0);
        assert_eq!(bonferroni(&[0.03]), 0.03);
        assert_eq!(bonferroni(&[f64::NAN, 0.25]), 0.5);
        assert_eq!(bonferroni(&[]), 1.0);
        assert_eq!(bonferroni(&[0.0, 1.0]), SMALLEST_P);
    }
}
