//! `sensor_flooding`: a process makes so many events that others may go unseen.
//!
//! Events are counted per process image and second in a small table; a collision only
//! makes the count of the rarer one start anew. Repeats of the same file are told from a
//! walk through many, as honest programs read much, but not the same file over and over.

use sentinel_event::{Detail, Event, ExecId, Kind, Ring, Severity};
use serde::{Deserialize, Serialize};

use crate::registry::Start;
use crate::techniques::DISABLE_TOOLS;
use crate::who::{self, Who};
use crate::{Detection, Finding, Findings, KindSet, words};

const SECOND_NS: i64 = 1_000_000_000;

/// Places in the table of busy processes.
const SLOTS: usize = 256;
/// How much later than others an event may be told of that its ring held back.
const LATE_SECONDS: i64 = 5;

/// How long a loss is laid to who was loud just before, in nanoseconds.
const BLAME_NS: i64 = 3 * SECOND_NS;

/// Settings of `sensor_flooding`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Events of one process within a second that count as a flood.
    pub flood_events: u32,
    /// Seconds in a row that it must last.
    pub flood_seconds: u32,
    /// Events that must be lost at once for a flood to count as blinding.
    pub lost_events: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            flood_events: 20_000,
            flood_seconds: 2,
            lost_events: 1_000,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if config.flood_events == 0 || config.flood_seconds == 0 {
        return Start::Failed("flood_events and flood_seconds must be at least 1".to_owned());
    }
    Start::Running(Box::new(SensorFlooding {
        config: config.clone(),
        slots: std::iter::repeat_with(Slot::default).take(SLOTS).collect(),
        loudest: None,
    }))
}

struct SensorFlooding {
    config: Config,
    slots: Vec<Slot>,
    /// Who made the most events in the second that ended last, or goes on.
    loudest: Option<Loud>,
}

/// One process image that is being counted.
#[derive(Default)]
struct Slot {
    owner: ExecId,
    second: i64,
    events: u64,
    /// Of these, events about the file that was the last one before.
    repeats: u64,
    last_file: u64,
    /// Seconds in a row in which it was a flood.
    seconds: u32,
}

struct Loud {
    owner: ExecId,
    events: u64,
    time_ns: i64,
    /// Events that were lost since, and whether some were lost where processes are told of.
    blinded: Option<(bool, u64)>,
}

impl Detection for SensorFlooding {
    fn kinds(&self) -> KindSet {
        KindSet::of(Kind::ALL)
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        match &event.detail {
            Detail::Lost(lost) => self.lost(event, lost.ring, lost.count),
            Detail::Process => {}
            _ => {
                findings.extend(self.blinded(event));
                findings.extend(self.count(event));
            }
        }
    }
}

impl SensorFlooding {
    fn count(&mut self, event: &Event) -> Option<Finding> {
        let owner = event.process.exec_id;
        let second = event.time_ns.div_euclid(SECOND_NS);
        let limit = u64::from(self.config.flood_events);
        let at = place(&self.slots, owner, second, limit)?;
        let slot = &mut self.slots[at];
        if slot.owner != owner {
            *slot = Slot {
                owner,
                second,
                ..Slot::default()
            };
        }
        // What is told late belongs to a second that was counted already.
        let late = slot.second - second;
        let second = if (1..=LATE_SECONDS).contains(&late) {
            slot.second
        } else {
            second
        };
        if slot.second != second {
            let lasted = slot.events >= limit && slot.second + 1 == second;
            slot.seconds = if lasted { slot.seconds } else { 0 };
            (slot.second, slot.events, slot.repeats) = (second, 0, 0);
        }
        let before = slot.events;
        slot.events += event.count.max(1);
        let file = file_of(&event.detail);
        // What the kernel counted into one record were repeats.
        slot.repeats += event.count.max(1) - u64::from(file != slot.last_file);
        slot.last_file = file;
        if slot.events < limit || before >= limit {
            return None;
        }
        slot.seconds += 1;
        let (events, repeats, seconds) = (slot.events, slot.repeats, slot.seconds);
        self.loudest = Some(Loud {
            owner,
            events,
            time_ns: event.time_ns,
            blinded: self
                .loudest
                .take()
                .filter(|l| l.owner == owner)
                .and_then(|l| l.blinded),
        });
        let same = repeats * 2 > events;
        (seconds >= self.config.flood_seconds).then(|| flood(event, events, same))
    }

    /// Events were lost: keeps the gravest such loss for the next event of whoever was
    /// loud, since an alert is about the process of its event.
    fn lost(&mut self, event: &Event, ring: Option<Ring>, count: u64) {
        let Some(loud) = &mut self.loudest else {
            return;
        };
        let recent = event.time_ns - loud.time_ns <= BLAME_NS;
        if recent && count >= self.config.lost_events.into() {
            let grave = ring == Some(Ring::Priority);
            let known = loud.blinded.unwrap_or((false, 0));
            loud.blinded = Some((known.0 || grave, known.1 + count));
        }
    }

    /// Whether the process was so loud that events of others were lost.
    fn blinded(&mut self, event: &Event) -> Option<Finding> {
        let process = &event.process;
        let loud = self.loudest.as_mut()?;
        if loud.owner != process.exec_id {
            return None;
        }
        let (grave, lost) = loud.blinded.take()?;
        let severity = match (grave, who::of(process, &[], &[])) {
            (true, _) => Severity::High,
            (false, Who::Stranger) => Severity::Medium,
            (false, _) => Severity::Low,
        };
        Some(Finding {
            variant: "blinding",
            subject: "".into(),
            severity,
            confidence: 60,
            summary: format!(
                "{lost} events were lost while {} made {} and more within a second{}",
                words::actor(&process.exe, process),
                loud.events,
                words::origin(process)
            ),
            reason: "so many events at once that the sensor could not keep up: what else happened \
                     then may not have been seen"
                .to_owned(),
            techniques: vec![DISABLE_TOOLS].into(),
            earlier: Vec::new(),
            shows: format!("{} after a loss of {lost} events", event.kind()),
        })
    }
}

/// Where a process image is counted: one of two places, of which whoever is louder keeps his
/// for the second. `None` when both are taken.
fn place(slots: &[Slot], owner: ExecId, second: i64, limit: u64) -> Option<usize> {
    let places = [owner.0, owner.0 >> 32].map(|number| number as usize % SLOTS);
    let is_taken = |slot: &Slot| slot.second >= second && slot.events > limit / 2;
    let own = places.iter().find(|&&at| slots[at].owner == owner);
    own.or_else(|| places.iter().find(|&&at| !is_taken(&slots[at])))
        .copied()
}

fn flood(event: &Event, events: u64, same: bool) -> Finding {
    let process = &event.process;
    let severity = match (same, who::of(process, &[], &[])) {
        (true, Who::Package) => Severity::Info,
        (true, _) => Severity::Medium,
        (false, Who::Stranger) => Severity::Low,
        (false, _) => Severity::Info,
    };
    Finding {
        variant: "flood",
        subject: "".into(),
        severity,
        confidence: 60,
        summary: format!(
            "{} made {events} events and more within a second{}",
            words::actor(&process.exe, process),
            words::origin(process)
        ),
        reason: match same {
            true => {
                "most of them were about the same file or of the same kind, over and over, \
                     which serves no purpose but to keep the sensor busy"
            }
            false => "they were about many different files, as a search through a disk makes them",
        }
        .to_owned(),
        techniques: vec![DISABLE_TOOLS].into(),
        earlier: Vec::new(),
        shows: format!("{} number {events} of its second", event.kind()),
    }
}

/// What tells one file or kind from another; equal for repeats.
fn file_of(detail: &Detail) -> u64 {
    match detail {
        Detail::Open(file) => file.file.inode ^ (u64::from(file.file.dev) << 32),
        Detail::File(action) => action.file.inode ^ (action.kind as u64) << 56,
        Detail::Fork(_) => u64::MAX,
        detail => u64::MAX - 1 - detail.kind() as u64,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sentinel_event::{Exec, Process};

    use super::*;
    use crate::testing;

    /// `count` events of the process image with this number in the second.
    fn loud(image: u64, second: i64, count: u64) -> Event {
        let process = Process {
            exec_id: ExecId(image),
            ..testing::process("/tmp/x", 10)
        };
        let detail = Detail::Exec(Exec::default());
        Event {
            count,
            ..testing::event(Arc::new(process), second * SECOND_NS, detail)
        }
    }

    fn told(events: &[Event]) -> Vec<u64> {
        let Start::Running(mut detection) = start(&Config::default()) else {
            panic!("it runs by default");
        };
        let mut told = Vec::new();
        for event in events {
            let mut findings = Findings::new();
            detection.observe(event, &mut findings);
            told.extend(findings.iter().map(|_| event.process.exec_id.0));
        }
        told
    }

    #[test]
    fn a_flood_lasts_whatever_is_told_late() {
        let all = 30_000;
        let cases: [(&[Event], &[u64]); 5] = [
            (&[loud(1, 7, all), loud(1, 8, all)], &[1]),
            (&[loud(1, 7, all), loud(1, 9, all)], &[]),
            (
                &[
                    loud(1, 7, all),
                    loud(1, 8, 5),
                    loud(1, 7, 5),
                    loud(1, 8, all),
                ],
                &[1],
            ),
            // Another that has the same place and is louder leaves the second place.
            (
                &[
                    loud(3 + SLOTS as u64, 7, all),
                    loud(3, 7, all),
                    loud(3, 8, all),
                ],
                &[3],
            ),
            // The clock was set back.
            (
                &[loud(1, 7000, all), loud(1, 8, all), loud(1, 9, all)],
                &[1],
            ),
        ];
        for (at, (events, expected)) in cases.iter().enumerate() {
            assert_eq!(told(events), *expected, "case {at}");
        }
    }
}
