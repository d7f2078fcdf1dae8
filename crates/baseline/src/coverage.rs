//! How much of the host's life was watched while learning: days, hours of the day, events;
//! and what was missed, which lengthens learning.

use serde::{Deserialize, Serialize};

use crate::Config;
use crate::moment::{DAY_NS, HOUR_NS, MINUTE_NS};

/// A longer silence is a gap: nobody watched.
const SILENCE_NS: i64 = 15 * MINUTE_NS;
/// An hour counts as watched from so many minutes on.
const HOUR_MINUTES: u8 = 30;
/// After so many days learning ends with what there is.
const PATIENCE: u32 = 2;

/// What was watched since learning began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// When learning began, in nanoseconds since the Unix epoch; 0 before the first event.
    pub begin_ns: i64,
    last_ns: i64,
    watched_ns: i64,
    missed_ns: i64,
    minutes_now: u8,
    hour_now: i64,
    minute_now: i64,
    hours: [u8; 24],
    /// Program starts seen.
    pub execs_total: u64,
    /// Connections seen.
    pub contacts_total: u64,
    /// Gaps, as when the daemon did not run or events were lost.
    pub gaps_total: u64,
}

/// What still lacks before learning may end.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// From 0 to 1: the least of all shares.
    pub share: f32,
    /// Nanoseconds watched.
    pub watched_ns: i64,
    /// Nanoseconds missed.
    pub missed_ns: i64,
    /// What lacks, one sentence each; none where nothing does.
    pub missing: Vec<String>,
    /// How long it will take at least, in nanoseconds.
    pub remaining_ns: i64,
    /// Twice the time has passed and something lacks all the same: learning ends with
    /// what there is, and alerts need to be twice as sure.
    pub thin: bool,
}

impl Coverage {
    /// Notes that something was seen at this time. Silence of more than a quarter of an
    /// hour is a gap; a host that is quite so silent does not exist.
    pub(crate) fn see(&mut self, time_ns: i64) {
        if self.begin_ns == 0 {
            (self.begin_ns, self.last_ns) = (time_ns, time_ns);
        }
        let passed = time_ns - self.last_ns;
        if passed > SILENCE_NS {
            self.missed_ns += passed;
            self.gaps_total += 1;
        } else if passed > 0 {
            self.watched_ns += passed;
        }
        self.last_ns = self.last_ns.max(time_ns);
        let minute = time_ns / MINUTE_NS;
        if minute == self.minute_now {
            return;
        }
        let hour = time_ns / HOUR_NS;
        if hour != self.hour_now {
            (self.hour_now, self.minutes_now) = (hour, 0);
        }
        // Quiet minutes between two events of one hour were watched too.
        let more = (minute - self.minute_now)
            .clamp(1, 15)
            .min(minute - hour * 60 + 1);
        let before = self.minutes_now;
        self.minutes_now = before.saturating_add(more as u8);
        self.minute_now = minute;
        if before < HOUR_MINUTES && self.minutes_now >= HOUR_MINUTES {
            let of_day = hour.rem_euclid(24) as usize;
            self.hours[of_day] = self.hours[of_day].saturating_add(1);
        }
    }

    /// Notes that events between two times were lost.
    pub(crate) fn lose(&mut self, from_ns: i64, until_ns: i64) {
        let lost = (until_ns - from_ns).max(0);
        // A long silence is seen by itself and counted then.
        if lost > SILENCE_NS {
            return;
        }
        self.gaps_total += 1;
        self.missed_ns += lost;
        self.watched_ns = (self.watched_ns - lost).max(0);
    }

    /// The least time until an hour of the day was watched on days enough.
    fn until_hour(&self, hour: usize, config: &Config) -> i64 {
        let days = config
            .hour_days_min
            .saturating_sub(u32::from(self.hours[hour]));
        let now = self.hour_now.rem_euclid(24) as usize;
        let done = hour == now && self.minutes_now >= HOUR_MINUTES;
        let hours = match (hour + 24 - now) % 24 {
            0 if done => 24,
            hours => hours as i64,
        };
        hours * HOUR_NS + (i64::from(days) - 1).max(0) * DAY_NS
    }

    /// Whether learning may end, and what lacks.
    pub fn progress(&self, config: &Config) -> Progress {
        let wanted_ns = i64::from(config.days) * DAY_NS;
        let mut missing = Vec::new();
        let mut share = (self.watched_ns as f32 / wanted_ns.max(1) as f32).min(1.0);
        let mut remaining_ns = (wanted_ns - self.watched_ns).max(0);
        if remaining_ns > 0 {
            missing.push(format!(
                "{} of {} days watched",
                tenths(self.watched_ns),
                config.days
            ));
        }
        if self.execs_total < config.execs_min {
            share = share.min(self.execs_total as f32 / config.execs_min as f32);
            missing.push(format!(
                "{} of {} program starts seen",
                self.execs_total, config.execs_min
            ));
            // What a host does in its first hours says little about its days.
            if self.watched_ns >= DAY_NS {
                let each = self.watched_ns / self.execs_total.max(1) as i64;
                let lacking = (config.execs_min - self.execs_total).min(1 << 20) as i64;
                remaining_ns = remaining_ns.max(each.saturating_mul(lacking));
            }
        }
        let rare: Vec<usize> = (0..24)
            .filter(|hour| u32::from(self.hours[*hour]) < config.hour_days_min)
            .collect();
        if !rare.is_empty() {
            let visited: u32 = self
                .hours
                .iter()
                .map(|days| u32::from(*days).min(config.hour_days_min))
                .sum();
            share = share.min(visited as f32 / (24 * config.hour_days_min).max(1) as f32);
            missing.push(format!(
                "{} of 24 hours of the day watched on {} days",
                24 - rare.len(),
                config.hour_days_min
            ));
            let hours = rare.iter().map(|hour| self.until_hour(*hour, config));
            remaining_ns = remaining_ns.max(hours.max().unwrap_or(0));
        }
        let passed = self.last_ns - self.begin_ns;
        // It ends then with what there is.
        remaining_ns = remaining_ns.min((i64::from(PATIENCE) * wanted_ns - passed).max(0));
        let thin = !missing.is_empty() && passed >= i64::from(PATIENCE) * wanted_ns;
        Progress {
            share,
            watched_ns: self.watched_ns,
            missed_ns: self.missed_ns,
            missing,
            remaining_ns,
            thin,
        }
    }
}

fn tenths(ns: i64) -> String {
    format!("{:.1}", ns as f64 / DAY_NS as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(minutes: impl Iterator<Item = i64>) -> Coverage {
        let mut coverage = Coverage::default();
        for minute in minutes {
            coverage.see((1 + minute) * MINUTE_NS);
            coverage.execs_total += 1;
        }
        coverage
    }

    #[test]
    fn a_week_watched_is_enough_and_less_says_what_lacks() {
        let config = Config::default();
        let whole = watched(0..7 * 1_440 + 2).progress(&config);
        assert_eq!(
            (whole.missing, whole.share, whole.thin),
            (vec![], 1.0, false)
        );
        let half = watched(0..3 * 1_440).progress(&config);
        assert!((half.share - 3.0 / 7.0).abs() < 0.01, "{half:?}");
        assert_eq!(half.missing[0], "3.0 of 7 days watched");
        assert!((half.remaining_ns - 4 * DAY_NS).abs() < DAY_NS / 10);
    }

    #[test]
    fn the_estimate_is_what_full_days_from_now_on_would_take() {
        // Minutes watched, program starts in each, days that lack at least.
        let day = 1_440;
        let night = |minute: &i64| (480..1_200).contains(&(minute % 1_440));
        let five = |from: i64| from..from + 5;
        type Minutes = Vec<i64>;
        let cases: [(&str, Minutes, u64, std::ops::Range<f64>); 8] = [
            ("five minutes", five(0).collect(), 1, 6.99..7.0),
            ("a quiet hour", (0..60).collect(), 0, 6.9..7.0),
            (
                "five minutes, a gap, five more",
                five(0).chain(five(120)).collect(),
                1,
                6.99..7.0,
            ),
            (
                "an hour, a night off, an hour",
                (0..60).chain(700..760).collect(),
                1,
                6.9..7.0,
            ),
            ("three days", (0..3 * day).collect(), 1, 3.99..4.01),
            (
                "three days of few programs",
                (0..3 * day).step_by(10).collect(),
                1,
                10.9..11.1,
            ),
            (
                "six days at work",
                (0..6 * day).filter(night).collect(),
                1,
                3.9..4.1,
            ),
            (
                "twelve nights off",
                (0..12 * day).filter(night).collect(),
                1,
                2.4..2.5,
            ),
        ];
        for (name, minutes, execs, wanted) in cases {
            let mut coverage = Coverage::default();
            for minute in minutes {
                coverage.see((1 + minute) * MINUTE_NS);
                coverage.execs_total += execs;
            }
            let progress = coverage.progress(&Config::default());
            let days = progress.remaining_ns as f64 / DAY_NS as f64;
            assert!(wanted.contains(&days), "{name}: {days} days, {progress:?}");
        }
    }

    #[test]
    fn nights_that_nobody_watched_lengthen_it() {
        let by_day = (0..7 * 1_440).filter(|minute| (8 * 60..20 * 60).contains(&(minute % 1_440)));
        let coverage = watched(by_day);
        let progress = coverage.progress(&Config::default());
        assert_eq!(coverage.gaps_total, 6);
        assert!((progress.watched_ns - 7 * DAY_NS / 2).abs() < HOUR_NS);
        assert!(
            progress
                .missing
                .iter()
                .any(|m| m.starts_with("12 of 24 hours")),
            "{progress:?}"
        );
        assert!(progress.share < 0.51 && !progress.thin);
    }

    #[test]
    fn losses_are_taken_off_and_patience_ends() {
        let mut coverage = watched((0..14 * 1_440 + 20).step_by(10));
        let before = coverage.progress(&Config::default()).watched_ns;
        coverage.lose(0, 5 * MINUTE_NS);
        let progress = coverage.progress(&Config::default());
        assert_eq!(before - progress.watched_ns, 5 * MINUTE_NS);
        assert!(
            progress.thin,
            "too few program starts after two weeks: {progress:?}"
        );
    }
}
