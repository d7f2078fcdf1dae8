//! From the scores of one event to what is told of it: evidence for its incident, and the
//! anomaly that the incident becomes when it goes over the line.

use std::sync::Arc;

use sentinel_event::{Event, Severity};

use crate::anomaly::{Anomaly, Cause, Delivery, severity};
use crate::baseline::{Baseline, Phase};
use crate::behaviour::{Decision, Thing};
use crate::budget::ALERT_PER_DAY;
use crate::explain::{self, Unusual, Who};
use crate::hash::pair;
use crate::incident;
use crate::judge::{Scores, Subject};
use crate::moment::{DAY_NS, Moment};
use crate::schema::Row;

/// Incidents whose sum is below this are not put into words.
const WORDS_MIN: f32 = 0.5;
/// What was told stays quiet for so long.
const QUIET_NS: i64 = DAY_NS;

/// An event that is judged.
pub(crate) struct Case<'a> {
    pub(crate) subject: Subject,
    pub(crate) row: &'a Row,
    pub(crate) scores: Scores,
    pub(crate) tree: u64,
    pub(crate) thing: Thing,
}

impl Baseline {
    /// Judges an event; false where it must not be learned from.
    pub(crate) fn judge(
        &mut self,
        event: &Event,
        at: &Moment,
        case: &Case<'_>,
        who: &Who,
        out: &mut Vec<Anomaly>,
    ) -> bool {
        let decision = self.learned.behaviours.decision(&case.thing);
        let denied = decision == Some(Decision::Denied);
        let scale = &self.scales[case.subject as usize];
        if !scale.is_ready() && !denied {
            return !self.incidents.is_distrusted(case.tree, at.time_ns);
        }
        let (p_values, p) = scale.p_values(&case.scores);
        let silent = |at: usize| scale.calibrations[at].is_none() || case.scores[at].is_nan();
        let said = std::array::from_fn(|at| if silent(at) { f64::NAN } else { p_values[at] });
        let evidence = match decision {
            Some(Decision::Approved) => 0.0,
            _ => incident::evidence(p),
        };
        let told = self.quiet.get(&case.thing.key);
        let quiet = told.is_some_and(|told| at.time_ns - told <= QUIET_NS);
        if (evidence > 0.0 || denied) && !quiet {
            let model = &self.models[case.subject as usize];
            let tables = &self.learned.tables;
            // Words cost more than everything else, and most incidents come to nothing.
            let worth =
                denied || self.incidents.sum_with(case.tree, at.time_ns, evidence) >= WORDS_MIN;
            let notes =
                worth.then(|| explain::notes(case.row, who, &event.process, model, tables, at));
            let unusual = Unusual {
                time_ns: event.time_ns,
                seq: event.seq,
                process: Arc::clone(&event.process),
                what: explain::what(event, who.contact.as_ref().map(|(c, ..)| c)),
                started: who.contact.is_none(),
                p_values: said,
                p,
                notes,
                thing: case.thing,
                evidence,
            };
            match denied {
                true => self.tell_denied(case.tree, unusual, out),
                false => self.add(case.tree, unusual, out),
            }
        }
        let learn = !denied && !self.incidents.is_distrusted(case.tree, at.time_ns);
        if learn {
            self.learned.tails.note(at.day, p, &said);
        }
        learn
    }

    fn add(&mut self, tree: u64, unusual: Unusual, out: &mut Vec<Anomaly>) {
        let phase = self.phase();
        let learned = &mut self.learned;
        let time_ns = unusual.time_ns;
        let incident = self.incidents.add(tree, unusual, &mut learned.peaks);
        if incident.raised {
            // Part of what was told already; it need not be told again tomorrow.
            for thing in incident.things() {
                self.quiet.insert(thing, time_ns);
            }
            return;
        }
        let Some(line) = &learned.line else {
            return;
        };
        let per_day = line.per_day(incident.sum());
        let limit = ALERT_PER_DAY * if learned.thin { 0.5 } else { 1.0 };
        if per_day > limit || incident.told.is_empty() {
            return;
        }
        let delivery = match phase {
            Phase::Learn => Delivery::Preview,
            Phase::Detect
                if learned
                    .budget
                    .take(time_ns, per_day, self.config.alerts_per_day) =>
            {
                Delivery::Alert
            }
            Phase::Detect => Delivery::Digest,
        };
        // While learning goes on, what is unusual is learned all the same.
        incident.raised = delivery == Delivery::Alert;
        if delivery != Delivery::Alert && std::mem::replace(&mut incident.counted, true) {
            return;
        }
        if delivery == Delivery::Alert {
            for thing in incident.things() {
                self.quiet.insert(thing, time_ns);
            }
        }
        let worst = incident
            .told
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| a.evidence.total_cmp(&b.evidence))
            .map_or(0, |(at, _)| at);
        let anomaly = Anomaly {
            id: pair(tree, incident.begin_ns as u64),
            time_ns,
            delivery,
            severity: severity(per_day),
            cause: Cause::Rare { per_day },
            process: Arc::clone(&incident.told[worst].process),
            unusual: incident.told.clone(),
            worst,
            generation: learned.generation,
        };
        if delivery == Delivery::Alert {
            let thing = anomaly.worst().thing;
            let tables = &learned.tables;
            learned.behaviours.note(thing, tables, time_ns, true);
        }
        out.push(anomaly);
    }

    /// Somebody said that this is never normal: it is told in whichever phase, and beside
    /// the budget.
    fn tell_denied(&mut self, tree: u64, unusual: Unusual, out: &mut Vec<Anomaly>) {
        let time_ns = unusual.time_ns;
        self.quiet.insert(unusual.thing.key, time_ns);
        out.push(Anomaly {
            id: pair(tree, pair(unusual.thing.key, time_ns as u64)),
            time_ns,
            delivery: Delivery::Alert,
            severity: Severity::High,
            cause: Cause::Denied,
            process: Arc::clone(&unusual.process),
            unusual: vec![unusual],
            worst: 0,
            generation: self.learned.generation,
        });
    }
}
