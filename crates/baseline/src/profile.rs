//! What is known of one program: when it runs, how often, with what pauses, what it begets.

use serde::{Deserialize, Serialize};

use crate::head::Worth;
use crate::moment::{HOUR_NS, MINUTE_NS, Moment};
use crate::rates::Rate;
use crate::relation::bits;

/// Runs that the hours of the whole host are worth in a program's own hours.
const HOST_HOURS_WEIGHT: f32 = 5.0;
const Z_MAX: f32 = 8.0;

/// A mean and a mean deviation that follow what they see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    mean: f32,
    deviation: f32,
    seen: u32,
}

impl Spread {
    /// How many deviations away, from -8 to 8; 0 while little is known.
    pub(crate) fn z(&self, value: f32) -> f32 {
        if self.seen < 4 {
            return 0.0;
        }
        // 1.25 mean deviations of a normal distribution are a standard deviation.
        let z = (value - self.mean) / (1.25 * self.deviation + 0.1);
        z.clamp(-Z_MAX, Z_MAX)
    }

    /// The mean; `None` while little is known.
    pub(crate) fn usual(&self) -> Option<f32> {
        (self.seen >= 4).then_some(self.mean)
    }

    pub(crate) fn learn(&mut self, value: f32) {
        self.seen = self.seen.saturating_add(1);
        let step = 1.0 / self.seen.min(200) as f32;
        let away = (value - self.mean).abs();
        self.mean += step * (value - self.mean);
        self.deviation += step * (away - self.deviation);
    }
}

/// How often each hour of the day was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hours([f32; 24]);

impl Hours {
    /// P(hour), with the neighbouring hours counted in part.
    fn share(&self, hour: usize, prior: f32) -> f32 {
        let near = 0.5 * self.0[hour] + 0.25 * (self.0[(hour + 1) % 24] + self.0[(hour + 23) % 24]);
        let total: f32 = self.0.iter().sum();
        (near + HOST_HOURS_WEIGHT * prior) / (total + HOST_HOURS_WEIGHT)
    }

    /// Surprise about the hour, where `host` says what to expect of a program that has
    /// hardly run.
    pub(crate) fn surprise(&self, hour: usize, host: &Hours) -> f32 {
        bits(f64::from(self.share(hour, host.share(hour, 1.0 / 24.0))))
    }

    pub(crate) fn learn(&mut self, at: &Moment) {
        self.0[at.hour] += at.weight;
    }

    pub(crate) fn scale(&mut self, factor: f32) {
        self.0.iter_mut().for_each(|hour| *hour *= factor);
    }

    /// How much of everything was in this hour, 0 to 1; 0 only for never.
    pub(crate) fn part(&self, hour: usize) -> f32 {
        self.0[hour] / self.0.iter().sum::<f32>().max(f32::MIN_POSITIVE)
    }

    /// The hours, as shares of the most frequent one.
    pub(crate) fn shares(&self) -> [f32; 24] {
        let most = self.0.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        self.0.map(|hour| hour / most)
    }
}

impl Worth for Hours {
    fn worth(&self) -> f32 {
        self.0.iter().sum()
    }
}

/// One program.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) first_ns: i64,
    pub(crate) last_ns: i64,
    pub(crate) runs: u32,
    count: f32,
    pub(crate) days: u16,
    last_day: u16,
    pub(crate) hours: Hours,
    /// At the weekend and on workdays.
    pub(crate) workdays: [f32; 2],
    /// On a terminal and not.
    pub(crate) ttys: [f32; 2],
    /// ln(1 + seconds since the run before).
    pub(crate) pause: Spread,
    /// ln(1 + children within a minute).
    pub(crate) children: Spread,
    pub(crate) minute: Rate,
    pub(crate) hour: Rate,
    pub(crate) connects: f32,
    pub(crate) connections: u32,
}

impl Worth for Profile {
    fn worth(&self) -> f32 {
        self.count
    }
}

impl Profile {
    /// ln(1 + seconds since it last ran); `None` for the first time, and where it may have run
    /// unseen in between, in a gap that ended at `gap_ns`.
    pub(crate) fn pause_now(&self, at: &Moment, gap_ns: i64) -> Option<f32> {
        let seconds = (at.time_ns - self.last_ns).max(0) as f32 / 1e9;
        (self.runs > 0 && self.last_ns >= gap_ns).then(|| seconds.ln_1p())
    }

    /// Surprise about a yes or no, by how often it was so far.
    pub(crate) fn either(counts: &[f32; 2], which: bool, at: &Moment) -> f32 {
        let half = 0.5 * at.weight;
        let share = (counts[usize::from(which)] + half) / (counts[0] + counts[1] + 2.0 * half);
        bits(f64::from(share))
    }

    /// Surprise about a workday or a weekend, beyond that of the whole host, which had so
    /// many program starts `on_host` on earlier days of both kinds. On the first Saturday
    /// everything is new, which says nothing about anything, and on a quiet Sunday all are
    /// seldom; only what keeps away when others do not is surprising.
    pub(crate) fn day_surprise(&self, on_host: &[f32; 2], at: &Moment) -> f32 {
        let kind = usize::from(at.workday);
        let expected = on_host[kind] / (on_host[0] + on_host[1]).max(f32::MIN_POSITIVE);
        let found = (self.workdays[kind] + at.weight * expected)
            / (self.workdays[0] + self.workdays[1] + at.weight);
        if expected <= 0.0 {
            return 0.0;
        }
        bits(f64::from((found / expected).min(1.0)))
    }

    /// Surprise that a run of it connects to anything.
    pub(crate) fn net_surprise(&self, at: &Moment) -> f32 {
        let share = (self.connects + 0.5 * at.weight) / (self.count + at.weight);
        bits(f64::from(share.min(1.0)))
    }

    pub(crate) fn learn_run(&mut self, at: &Moment, tty: bool, gap_ns: i64) {
        if let Some(pause) = self.pause_now(at, gap_ns) {
            self.pause.learn(pause);
        }
        if self.runs == 0 {
            self.first_ns = at.time_ns;
        }
        self.last_ns = at.time_ns;
        self.runs = self.runs.saturating_add(1);
        self.count += at.weight;
        if self.days == 0 || self.last_day != at.day {
            self.days = self.days.saturating_add(1);
            self.last_day = at.day;
        }
        self.hours.learn(at);
        self.workdays[usize::from(at.workday)] += at.weight;
        self.ttys[usize::from(tty)] += at.weight;
        self.minute.count(at.time_ns / MINUTE_NS, at);
        self.hour.count(at.time_ns / HOUR_NS, at);
    }

    pub(crate) fn scale(&mut self, factor: f32) {
        self.count *= factor;
        self.connects *= factor;
        self.hours.scale(factor);
        self.workdays.iter_mut().for_each(|c| *c *= factor);
        self.ttys.iter_mut().for_each(|c| *c *= factor);
        self.minute.scale(factor);
        self.hour.scale(factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Calendar;

    #[test]
    fn a_weekend_is_surprising_only_for_what_keeps_away_from_it() {
        let mut calendar = Calendar::default();
        let on_host = [100.0, 500.0];
        let of = |weekend: f32, work: f32| Profile {
            workdays: [weekend, work],
            ..Profile::default()
        };
        // The third day since the epoch was a Saturday.
        let saturday = calendar.moment(2 * 24 * HOUR_NS, 1);
        let monday = calendar.moment(4 * 24 * HOUR_NS, 1);
        let cases = [
            ("never seen", of(0.0, 0.0), on_host, saturday, 0.0..0.01),
            (
                "like the host",
                of(20.0, 100.0),
                on_host,
                saturday,
                0.0..0.01,
            ),
            (
                "on workdays only",
                of(0.0, 100.0),
                on_host,
                saturday,
                6.0..7.0,
            ),
            (
                "on workdays only",
                of(0.0, 100.0),
                on_host,
                monday,
                0.0..0.01,
            ),
            (
                "at weekends only",
                of(100.0, 0.0),
                on_host,
                monday,
                6.0..7.0,
            ),
            (
                "the first Saturday",
                of(0.0, 100.0),
                [0.0, 500.0],
                saturday,
                0.0..0.01,
            ),
            ("the first day", of(0.0, 5.0), [0.0, 0.0], monday, 0.0..0.01),
        ];
        for (name, profile, on_host, at, wanted) in cases {
            let found = profile.day_surprise(&on_host, &at);
            assert!(wanted.contains(&found), "{name}: {found}");
        }
    }

    #[test]
    fn a_nightly_job_is_surprising_at_noon() {
        let mut calendar = Calendar::default();
        let (mut profile, mut host) = (Profile::default(), Hours::default());
        for day in 0..14 {
            for hour in 0..24 {
                let at = calendar.moment((day * 24 + hour) * HOUR_NS, 1);
                host.learn(&at);
                if hour == 2 {
                    profile.learn_run(&at, false, 0);
                }
            }
        }
        let night = profile.hours.surprise(2, &host);
        let noon = profile.hours.surprise(12, &host);
        assert!(night < 2.0 && noon > night + 3.0, "{night} {noon}");
        let at = calendar.moment((14 * 24 + 2) * HOUR_NS, 1);
        let usual = profile.pause_now(&at, 0).expect("it ran before");
        assert_eq!(profile.pause_now(&at, at.time_ns), None, "nobody watched");
        assert!(profile.pause.z(usual).abs() < 1.0);
        assert!(profile.pause.z(1.0) < -5.0, "twice in three seconds");
        assert_eq!((profile.runs, profile.days), (14, 14));
        assert!(Profile::either(&profile.ttys, true, &at) > 4.0);
    }
}
