//! From unusual events to incidents: what is unusual in one process tree within some ten
//! minutes adds up, each thing once, and the sum is compared with the sums of normal days.
//!
//! One rare program is nothing, as people run some each day; six different ones within
//! minutes are something. How many such sums there are on a normal day is counted, so the
//! line is drawn where the host itself says that it is rarely reached.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::budget::ALERT_PER_DAY;
use crate::explain::Unusual;
use crate::moment::MINUTE_NS;
use crate::recent::Recent;

/// After so long a sum is worth half.
const HALF_LIFE_NS: i64 = 10 * MINUTE_NS;
/// What a thing adds is -log10 of its p-value beyond this: one of thirty says nothing.
const EVIDENCE_MIN: f64 = 1.5;
/// A sum below this is over.
const OVER: f32 = 0.25;
/// Things of one incident that are told apart.
const THINGS_MAX: usize = 96;
/// Unusual events that are kept to be told.
const TOLD_MAX: usize = 8;
/// The line moves by at most this factor in a night.
const LINE_MOVE_MAX: f32 = 1.1;
/// Days whose sums are kept.
const DAYS: usize = 7;
/// A day whose sums alone would draw the line so many times as high as the usual day's says
/// nothing about normal days: something went on, or a young model erred. Of fewer than so
/// many days none can be told to be odd.
const ODD_DAY: f32 = 2.0;
const DAYS_TRIMMED_FROM: usize = 4;
/// Sums of one day.
const PEAKS_MAX: usize = 4_096;
/// A raised incident goes on while something unusual happens within this.
const OPEN_NS: i64 = 30 * MINUTE_NS;

/// What a p-value adds to an incident.
pub(crate) fn evidence(p: f64) -> f32 {
    (-p.log10() - EVIDENCE_MIN).max(0.0) as f32
}

/// What is going on in one process tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incident {
    sum: f32,
    peak: f32,
    last_ns: i64,
    pub(crate) begin_ns: i64,
    /// Each thing with the most that it added.
    things: Vec<(u64, f32)>,
    /// The most unusual events, in the order of time.
    pub(crate) told: Vec<Unusual>,
    pub(crate) raised: bool,
    /// A detection told of its tree.
    distrusted: bool,
    /// It went over the line, and was not sent.
    pub(crate) counted: bool,
}

impl Incident {
    fn fade(&mut self, time_ns: i64) {
        let passed = (time_ns - self.last_ns).max(0) as f32 / HALF_LIFE_NS as f32;
        self.sum *= (-passed).exp2();
        self.last_ns = self.last_ns.max(time_ns);
    }

    fn is_over(&self, time_ns: i64) -> bool {
        let passed = time_ns - self.last_ns;
        if self.raised {
            return passed > OPEN_NS;
        }
        self.sum * (-(passed.max(0) as f32) / HALF_LIFE_NS as f32).exp2() < OVER
    }

    /// Adds what is new about it.
    fn add(&mut self, unusual: Unusual) {
        self.fade(unusual.time_ns);
        if self.begin_ns == 0 {
            self.begin_ns = unusual.time_ns;
        }
        let known = self
            .things
            .iter_mut()
            .find(|(thing, _)| *thing == unusual.thing.key);
        let added = match known {
            Some((_, before)) => {
                let more = (unusual.evidence - *before).max(0.0);
                *before = before.max(unusual.evidence);
                more
            }
            None => {
                if self.things.len() < THINGS_MAX {
                    self.things.push((unusual.thing.key, unusual.evidence));
                }
                unusual.evidence
            }
        };
        self.sum += added;
        self.peak = self.peak.max(self.sum);
        if added <= 0.0 {
            return;
        }
        self.told.push(unusual);
        if self.told.len() > TOLD_MAX {
            let least = |(_, a): &(usize, &Unusual), (_, b): &(usize, &Unusual)| {
                a.evidence.total_cmp(&b.evidence)
            };
            let place = self.told.iter().enumerate().min_by(least).map(|(at, _)| at);
            self.told.remove(place.unwrap_or(0));
        }
    }

    /// The sum now.
    pub(crate) fn sum(&self) -> f32 {
        self.sum
    }

    /// Its things, which stay quiet for a day once they were told.
    pub(crate) fn things(&self) -> impl Iterator<Item = u64> {
        self.things.iter().map(|(thing, _)| *thing)
    }
}

/// The highest sums of incidents, by day.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Peaks {
    days: VecDeque<(u16, Vec<f32>)>,
}

impl Peaks {
    /// Makes sure that a day counts, even if nothing happens on it.
    pub(crate) fn begin(&mut self, day: u16) {
        if self.days.back().is_none_or(|(last, _)| *last < day) {
            self.days.push_back((day, Vec::new()));
            if self.days.len() > DAYS {
                self.days.pop_front();
            }
        }
    }

    fn note(&mut self, peak: f32) {
        if let Some((_, peaks)) = self.days.back_mut()
            && peaks.len() < PEAKS_MAX
        {
            peaks.push(peak);
        }
    }

    /// The line from days before `until_day` on.
    pub(crate) fn line(&self, from_day: u16, until_day: u16) -> Option<Line> {
        let days = || {
            self.days
                .iter()
                .filter(|(day, _)| (from_day..until_day).contains(day))
        };
        let mut lines: Vec<f32> = days()
            .map(|(_, peaks)| Line::fit(peaks.clone(), 1).alerted_from())
            .collect();
        lines.sort_unstable_by(f32::total_cmp);
        let usual = lines.get(lines.len() / 2).copied().unwrap_or(0.0);
        let kept = || {
            let odd = |peaks: &[f32]| {
                let own = Line::fit(peaks.to_vec(), 1).alerted_from();
                lines.len() >= DAYS_TRIMMED_FROM && own > ODD_DAY * usual
            };
            days().filter(move |(_, peaks)| !odd(peaks))
        };
        let count = kept().count();
        let peaks: Vec<f32> = kept().flat_map(|(_, peaks)| peaks).copied().collect();
        (count > 0).then(|| Line::fit(peaks, count))
    }

    /// Sums of the last day.
    pub(crate) fn last(&self) -> &[f32] {
        self.days.back().map_or(&[], |(_, peaks)| peaks)
    }
}

/// How many incidents of at least some sum a normal day has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Ascending.
    peaks: Vec<f32>,
    days: f32,
    threshold: f32,
    above: f32,
    mean_excess: f32,
    /// Sums count by so much less; 1 unless the line would move too far in a night.
    stretch: f32,
}

impl Line {
    fn fit(mut peaks: Vec<f32>, days: usize) -> Line {
        peaks.sort_unstable_by(f32::total_cmp);
        // The upper third, or the ten largest.
        let above = (peaks.len() / 3).max(10).min(peaks.len());
        let tail = &peaks[peaks.len() - above..];
        let threshold = tail.first().copied().unwrap_or(0.0);
        let n = tail.len() as f32;
        let mean = tail.iter().map(|peak| peak - threshold).sum::<f32>() / n.max(1.0);
        // A mean of few values is not known well: one deviation is added.
        let mean_excess = (mean * (1.0 + 1.0 / n.max(1.0).sqrt())).max(0.5);
        Line {
            days: days as f32,
            threshold,
            above: n.max(1.0),
            mean_excess,
            stretch: 1.0,
            peaks,
        }
    }

    /// The sum from which on incidents are alerted, as far as the tail tells.
    fn alerted_from(&self) -> f32 {
        let usual = f64::from(self.above / self.days) / ALERT_PER_DAY;
        let sum = self.threshold + self.mean_excess * usual.ln().max(0.0) as f32;
        sum * self.stretch
    }

    /// The same line, moved at most a tenth away from where last night's was: whoever makes
    /// days noisier bit by bit takes weeks to hide in the noise.
    pub(crate) fn near(mut self, before: &Line) -> Line {
        let (wanted, last) = (self.alerted_from(), before.alerted_from());
        if wanted > 0.0 && last > 0.0 {
            self.stretch = wanted.clamp(last / LINE_MOVE_MAX, last * LINE_MOVE_MAX) / wanted;
        }
        self
    }

    /// Incidents of at least this sum that a day is expected to have.
    pub(crate) fn per_day(&self, sum: f32) -> f64 {
        let sum = sum / self.stretch;
        if sum > self.threshold {
            let further = f64::from((sum - self.threshold) / self.mean_excess);
            return f64::from(self.above / self.days) * (-further).exp();
        }
        let below = self.peaks.partition_point(|peak| *peak < sum);
        (self.peaks.len() - below) as f64 / f64::from(self.days)
    }
}

/// All incidents that go on.
#[derive(Debug, Clone)]
pub(crate) struct Incidents {
    open: Recent<u64, Incident>,
    /// Trees of which a detection told, and when it did last.
    distrusted: Recent<u64, i64>,
}

impl Incidents {
    pub(crate) fn new() -> Self {
        Self {
            open: Recent::new(1_024),
            distrusted: Recent::new(1_024),
        }
    }

    /// Adds an unusual event to the incident of its tree.
    pub(crate) fn add(&mut self, tree: u64, unusual: Unusual, peaks: &mut Peaks) -> &mut Incident {
        let time_ns = unusual.time_ns;
        let over = self
            .open
            .get(&tree)
            .is_some_and(|known| known.is_over(time_ns));
        if over && let Some(incident) = self.open.remove(&tree) {
            settle(&incident, peaks);
        }
        let told = self.distrusted.get(&tree);
        let distrusted = told.is_some_and(|told| time_ns - told <= OPEN_NS);
        let (incident, gone) = self.open.entry(tree, Incident::default);
        if let Some((_, gone)) = gone {
            settle(&gone, peaks);
        }
        incident.distrusted |= distrusted;
        incident.add(unusual);
        incident
    }

    /// What the incident of the tree would come to with `evidence` added now.
    pub(crate) fn sum_with(&self, tree: u64, time_ns: i64, evidence: f32) -> f32 {
        let before = self.open.get(&tree).map_or(0.0, |incident| {
            let passed = (time_ns - incident.last_ns).max(0) as f32 / HALF_LIFE_NS as f32;
            incident.sum * (-passed).exp2()
        });
        before + evidence
    }

    /// Notes that a detection told of something in the tree.
    pub(crate) fn distrust(&mut self, tree: u64, time_ns: i64) {
        self.distrusted.insert(tree, time_ns);
        if let Some(incident) = self.open.get_mut(&tree) {
            incident.distrusted = true;
        }
    }

    /// Whether what the tree does must not be learned now: an incident was raised in it and
    /// goes on, or a detection told of it lately.
    pub(crate) fn is_distrusted(&self, tree: u64, time_ns: i64) -> bool {
        let told = self.distrusted.get(&tree);
        told.is_some_and(|told| time_ns - told <= OPEN_NS) || self.is_raised(tree, time_ns)
    }

    /// Whether an incident was raised in the tree and goes on.
    fn is_raised(&self, tree: u64, time_ns: i64) -> bool {
        let incident = self.open.get(&tree);
        incident.is_some_and(|incident| incident.raised && !incident.is_over(time_ns))
    }

    /// Notes the sums of what is over, as at the end of a day.
    pub(crate) fn settle(&mut self, time_ns: i64, peaks: &mut Peaks) {
        let over: Vec<u64> = self
            .open
            .iter_mut()
            .filter(|(_, incident)| incident.is_over(time_ns))
            .map(|(tree, _)| *tree)
            .collect();
        for tree in over {
            if let Some(incident) = self.open.remove(&tree) {
                settle(&incident, peaks);
            }
        }
    }
}

/// What was told is not normal, whatever its sum.
fn settle(incident: &Incident, peaks: &mut Peaks) {
    if !incident.raised && !incident.distrusted && incident.peak > 0.0 {
        peaks.note(incident.peak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentinel_model::random::SplitMix64;

    #[test]
    fn one_odd_day_does_not_move_the_line() {
        let mut random = SplitMix64::stream(4, 2);
        let mut days = |loud: Option<u16>, from: u16| {
            let mut peaks = Peaks::default();
            for day in from..17 {
                peaks.begin(day);
                let (count, mean) = if loud == Some(day) {
                    (900, 3.0)
                } else {
                    (40, 1.0)
                };
                for _ in 0..count {
                    peaks.note((-(1.0 - random.unit()).ln() * mean) as f32);
                }
            }
            let line = peaks.line(from, 17).expect("there were days");
            line.alerted_from()
        };
        let usual = days(None, 10);
        let with_one = days(Some(13), 10);
        assert!((with_one / usual - 1.0).abs() < 0.4, "{with_one}, {usual}");
        let of_three = days(Some(15), 14);
        assert!(of_three > 2.0 * usual, "one of three may be the usual");
    }

    #[test]
    fn the_line_says_how_often_a_day_reaches_it() {
        let mut random = SplitMix64::stream(2, 2);
        let mut peaks = Peaks::default();
        for day in 10..17 {
            peaks.begin(day);
            for _ in 0..40 {
                peaks.note((-(1.0 - random.unit()).ln() * 1.5) as f32);
            }
        }
        let line = peaks.line(10, 17).expect("there were days");
        // 40 a day, falling by e each 1.5: one a day at 5.5, one in a hundred at 12.4.
        let one = line.per_day(5.5);
        assert!((0.5..2.5).contains(&one), "{one}");
        let rare = line.per_day(12.4);
        assert!((0.003..0.1).contains(&rare), "{rare}");
        let mut before = f64::INFINITY;
        for sum in 0..200 {
            let now = line.per_day(sum as f32 / 10.0);
            assert!(now <= before + 1e-9);
            before = now;
        }
        assert_eq!(peaks.line(17, 20), None);
        // Days of ten times the noise move it by a tenth a night.
        let mut noisy = Peaks::default();
        for day in 20..27 {
            noisy.begin(day);
            for _ in 0..40 {
                noisy.note((-(1.0 - random.unit()).ln() * 15.0) as f32);
            }
        }
        let noisy = noisy.line(20, 27).expect("there were days");
        let (from, wanted) = (line.alerted_from(), noisy.alerted_from());
        assert!(wanted > 5.0 * from, "{wanted} and {from}");
        let mut now = line.clone();
        for night in 1..=3 {
            now = noisy.clone().near(&now);
            let expected = from * 1.1_f32.powi(night);
            assert!((now.alerted_from() - expected).abs() < 0.01 * expected);
            let per_day = now.per_day(expected);
            assert!((0.2..0.3).contains(&per_day), "{per_day}");
        }
        assert!(line.near(&noisy).alerted_from() > wanted / 1.11, "nor down");
    }
}
