//! How many is many: counts per minute and hour against those of the same kind of hour.

use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// Kinds of hours: by day on workdays, and the rest.
pub(crate) const CLASSES: usize = 2;

/// The kind of hour.
pub(crate) fn class(at: &Moment) -> usize {
    usize::from(at.workday && (7..19).contains(&at.hour))
}

/// Sums over the periods that had any events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    count: f32,
    squares: f32,
}

/// Counts of one kind of thing in one length of period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rate {
    period: i64,
    now: u32,
    class: u8,
    sums: [Sums; CLASSES],
}

impl Rate {
    /// -log10 of the probability that a period has as many events as this one with one
    /// more, at most 12. `periods` is how many of this kind of hour were watched.
    pub(crate) fn tail(&self, period: i64, at: &Moment, periods: f32) -> f32 {
        let now = if self.period == period { self.now } else { 0 };
        let sums = &self.sums[class(at)];
        // One event is nothing; a period and an event more than there were keep the
        // estimates of what was hardly watched away from the ends.
        let n = periods.max(1.0) + 1.0;
        let mean = (sums.count + 1.0) / n;
        let variance = ((sums.squares + 1.0) / n - mean * mean).max(mean);
        negative_binomial_tail((now + 1) as f32, mean, variance)
    }

    /// Counts one event; what the period before had is summed up when the next begins.
    pub(crate) fn count(&mut self, period: i64, at: &Moment) {
        if self.period != period {
            let sums = &mut self.sums[usize::from(self.class)];
            let count = self.now as f32;
            sums.count += count * at.weight;
            sums.squares += count * count * at.weight;
            (self.period, self.now) = (period, 0);
            self.class = class(at) as u8;
        }
        self.now += 1;
    }

    pub(crate) fn scale(&mut self, factor: f32) {
        for sums in &mut self.sums {
            sums.count *= factor;
            sums.squares *= factor;
        }
    }
}

/// Chernoff's bound on the upper tail of a negative binomial distribution, as -log10.
fn negative_binomial_tail(count: f32, mean: f32, variance: f32) -> f32 {
    if count <= mean {
        return 0.0;
    }
    let (k, m) = (f64::from(count), f64::from(mean));
    let excess = f64::from(variance) - m;
    let exponent = if excess > m * 1e-3 {
        let r = m * m / excess;
        k * (k / m).ln() - (k + r) * ((k + r) / (m + r)).ln()
    } else {
        k * (k / m).ln() - (k - m)
    };
    ((exponent / std::f64::consts::LN_10) as f32).clamp(0.0, 12.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Calendar;

    #[test]
    fn the_bound_holds_and_grows() {
        // Poisson with mean 2: P(X >= 8) is 0.0011.
        let poisson = negative_binomial_tail(8.0, 2.0, 2.0);
        assert!((1.9..2.97).contains(&poisson), "{poisson}");
        // The more a count varies, the less a large one says.
        assert!(negative_binomial_tail(8.0, 2.0, 8.0) < poisson);
        let mut before = 0.0;
        for count in 1..200 {
            let now = negative_binomial_tail(count as f32, 3.0, 5.0);
            assert!(now >= before, "{count}");
            before = now;
        }
        assert_eq!(before, 12.0);
    }

    #[test]
    fn a_burst_stands_out_from_steady_counts() {
        let mut calendar = Calendar::default();
        let (mut rate, mut at) = (Rate::default(), calendar.moment(0, 1));
        for minute in 1..2_000 {
            at = calendar.moment(minute * 60_000_000_000, 1);
            for _ in 0..3 {
                rate.count(minute, &at);
            }
        }
        // The hours of the night only, so as not to mix two kinds.
        let watched = 2_000.0;
        assert!(rate.tail(2_000, &at, watched) < 1.0);
        for _ in 0..60 {
            rate.count(2_000, &at);
        }
        assert!(rate.tail(2_000, &at, watched) > 8.0);
    }
}
