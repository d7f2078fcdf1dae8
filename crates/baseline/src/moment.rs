//! A point in time as the tables need it.

use serde::{Deserialize, Serialize};

/// Nanoseconds of a day.
pub(crate) const DAY_NS: i64 = 86_400_000_000_000;
/// Nanoseconds of an hour.
pub(crate) const HOUR_NS: i64 = 3_600_000_000_000;
/// Nanoseconds of a minute.
pub(crate) const MINUTE_NS: i64 = 60_000_000_000;

/// Days after which a count is worth half.
const HALF_LIFE_DAYS: f64 = 14.0;
/// New counts weigh more instead of old ones less; from this weight on everything is
/// brought back to 1, lest digits be lost.
const WEIGHT_MAX: f32 = 65_536.0;

/// When something happened, in parts, with what a count is worth at that time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    pub(crate) time_ns: i64,
    /// Days since the Unix epoch.
    pub(crate) day: u16,
    /// Of the day in UTC, 0 to 23.
    pub(crate) hour: usize,
    /// Monday to Friday.
    pub(crate) workday: bool,
    /// What one count weighs, at least 1.
    pub(crate) weight: f32,
    /// Distinct days after which new behaviour counts as known.
    pub(crate) admit_days: u8,
}

/// Makes moments; remembers from when on weights are counted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Calendar {
    epoch_ns: Option<i64>,
}

impl Calendar {
    pub(crate) fn moment(&mut self, time_ns: i64, admit_days: u8) -> Moment {
        let epoch_ns = *self.epoch_ns.get_or_insert(time_ns);
        let days = (time_ns - epoch_ns).max(0) as f64 / DAY_NS as f64;
        let day = time_ns.div_euclid(DAY_NS);
        Moment {
            time_ns,
            day: day.clamp(0, i64::from(u16::MAX)) as u16,
            hour: (time_ns.rem_euclid(DAY_NS) / HOUR_NS) as usize,
            // The epoch was a Thursday.
            workday: (day + 3).rem_euclid(7) < 5,
            weight: (days / HALF_LIFE_DAYS).exp2() as f32,
            admit_days,
        }
    }

    /// The factor by which all counts have to shrink now, when that is due.
    pub(crate) fn renew(&mut self, at: &Moment) -> Option<f32> {
        (at.weight >= WEIGHT_MAX).then(|| {
            self.epoch_ns = Some(at.time_ns);
            1.0 / at.weight
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_worth_half_after_two_weeks() {
        let mut calendar = Calendar::default();
        // A Monday at 13:20 UTC.
        let begin = 1_772_457_600_000_000_000;
        let first = calendar.moment(begin, 1);
        assert_eq!((first.weight, first.hour, first.workday), (1.0, 13, true));
        let later = calendar.moment(begin + 14 * DAY_NS, 1);
        assert!((later.weight - 2.0).abs() < 1e-6, "{later:?}");
        assert!(!calendar.moment(begin + 5 * DAY_NS, 1).workday);
        assert_eq!(calendar.renew(&later), None);
        let far = calendar.moment(begin + 224 * DAY_NS, 1);
        assert_eq!(calendar.renew(&far), Some(1.0 / 65_536.0));
        assert_eq!(calendar.moment(begin + 224 * DAY_NS, 1).weight, 1.0);
    }
}
