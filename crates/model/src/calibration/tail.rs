//! A generalised Pareto distribution over what exceeds a threshold, fitted by
//! probability-weighted moments: Hosking and Wallis, Technometrics 29(3), 1987,
//! <https://doi.org/10.1080/00401706.1987.10488243>. For the few hundred excesses there
//! are, that is better than maximum likelihood and cannot fail to converge.

/// At -1 the excesses are uniform, and no density rises towards its end; above 0.5 a tail has
/// no variance, and the moments are no longer good estimates.
const SHAPES: (f64, f64) = (-1.0, 0.45);

/// P(score > x) = share * (1 + shape * (x - threshold) / scale)^(-1 / shape).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    threshold: f64,
    /// Of the calibration scores, those above the threshold.
    share: f64,
    shape: f64,
    scale: f64,
    /// The largest excess seen. Where the shape is negative the fitted distribution ends
    /// a little later, and to call anything further impossible would be a conclusion from
    /// nothing: there an exponential with the mean excess goes on instead.
    known: f64,
    mean: f64,
}

impl Tail {
    /// Fits the tail to positive `excesses` over the `threshold`, in ascending order.
    pub(super) fn fit(threshold: f64, share: f64, excesses: &[f64]) -> Self {
        let n = excesses.len() as f64;
        let mean = excesses.iter().sum::<f64>() / n;
        let weighted = |(at, excess): (usize, &f64)| (1.0 - (at as f64 + 0.65) / n) * excess;
        let moment = excesses.iter().enumerate().map(weighted).sum::<f64>() / n;
        let known = excesses[excesses.len() - 1];
        // The mean lies above twice the moment, with equality only for shape infinite.
        let shape = 2.0 - mean / (mean - 2.0 * moment).max(mean * 1e-9);
        let shape = shape.clamp(SHAPES.0, SHAPES.1);
        // The scale follows from the mean, so that a clamped shape still fits it; and what
        // has been seen must be possible.
        let scale = (mean * (1.0 - shape)).max(-shape * known * (1.0 + 1.0 / n));
        Self {
            threshold,
            share,
            shape,
            scale,
            known,
            mean,
        }
    }

    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }

    pub(super) fn p_value(&self, score: f64) -> f64 {
        let excess = score - self.threshold;
        let inside = if self.shape < 0.0 {
            excess.min(self.known)
        } else {
            excess
        };
        let beyond = excess - inside;
        // Between -1e-6 and 1e-6 the power is the exponential to nine digits.
        let logarithm = if self.shape.abs() < 1e-6 {
            -inside / self.scale
        } else {
            -(self.shape * inside / self.scale).ln_1p() / self.shape
        };
        let further = if beyond > 0.0 {
            -beyond / self.mean
        } else {
            0.0
        };
        self.share * (logarithm + further).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    fn excesses(shape: f64, n: usize) -> Vec<f64> {
        let mut random = SplitMix64::stream(11, n as u64);
        let draw = |u: f64| ((1.0 - u).powf(-shape) - 1.0) / shape;
        let mut values: Vec<_> = (0..n).map(|_| draw(random.unit())).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    #[test]
    fn finds_the_shape_and_the_scale_again() {
        for shape in [-0.4, -0.2, 0.1, 0.3] {
            let tail = Tail::fit(0.0, 1.0, &excesses(shape, 20_000));
            assert!((tail.shape - shape).abs() < 0.04, "{shape}: {tail:?}");
            assert!((tail.scale - 1.0).abs() < 0.05, "{shape}: {tail:?}");
        }
    }

    #[test]
    fn equal_and_extreme_excesses_leave_a_usable_tail() {
        for values in [
            vec![2.0; 30],
            vec![1e-30; 30],
            [vec![1.0; 29], vec![1e30]].concat(),
        ] {
            let tail = Tail::fit(1.0, 0.02, &values);
            let last = values[29];
            let p = |excess: f64| tail.p_value(1.0 + excess);
            assert!(p(last / 2.0) <= 0.02 && p(last) > 0.0, "{tail:?}");
            assert!(p(last * 4.0) < p(last) || last < 1e-16, "{tail:?}");
        }
    }
}
