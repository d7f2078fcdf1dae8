//! The baseline of a host: measures, judges, learns; day by day it fits its models anew.

use std::sync::Arc;

use sentinel_event::{Connection, Detail, Event};
use sentinel_model::{Autoencoder, ModelError};
use serde::{Deserialize, Serialize};

use crate::Config;
use crate::anomaly::{Anomaly, Delivery, severity};
use crate::budget::{ALERT_PER_DAY, Budget};
use crate::coverage::{Coverage, Progress};
use crate::explain::{self, Unusual, Who};
use crate::hash::pair;
use crate::incident::{self, Incidents, Line, Peaks};
use crate::judge::{self, DETECTOR_COUNT, Ledger, Model, Scale, Scores, Subject};
use crate::live::{Accepted, Live};
use crate::measure::{self, Contact};
use crate::moment::{DAY_NS, Moment};
use crate::portrait::{self, Behaviour};
use crate::recent::Recent;
use crate::relation::Seen;
use crate::rows::Rows;
use crate::schema::{COLUMNS, Row};
use crate::tables::Tables;

/// Days that only fill the tables: what they measure is mostly their own emptiness.
pub(crate) const COLD_DAYS: u16 = 1;
/// From this day on, sums of incidents say what a normal day has.
pub(crate) const PEAK_DAYS: u16 = 3;
/// Rows kept of program starts and of connections.
const ROWS: [usize; 2] = [12_000, 8_000];
/// Incidents whose sum is below this are not put into words.
const WORDS_MIN: f32 = 0.5;
/// What was told stays quiet for so long.
const QUIET_NS: i64 = DAY_NS;

/// What is done with anomalies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// They are shown as previews.
    Learn,
    /// They are alerted, within the budget.
    Detect,
}

/// What is kept over a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Learned {
    pub(crate) tables: Tables,
    pub(crate) rows: [Rows; 2],
    pub(crate) ledgers: [[Ledger; DETECTOR_COUNT]; 2],
    pub(crate) peaks: Peaks,
    pub(crate) line: Option<Line>,
    pub(crate) coverage: Coverage,
    pub(crate) budget: Budget,
    pub(crate) first_day: u16,
    pub(crate) today: u16,
    pub(crate) generation: u32,
    pub(crate) fitted_ns: i64,
    /// Events judged, and those at most one in a thousand likely: yesterday and today.
    pub(crate) judged: [(u64, u64); 2],
    pub(crate) behaviours: Vec<Behaviour>,
    /// What the gate said of the last models.
    pub(crate) verdict: String,
    /// Learning ended before enough was seen: anomalies have to be twice as clear.
    pub(crate) thin: bool,
}

/// The baseline of a host.
pub struct Baseline {
    pub(crate) config: Config,
    phase: Phase,
    pub(crate) learned: Learned,
    live: Live,
    pub(crate) incidents: Incidents,
    quiet: Recent<u64, i64>,
    pub(crate) models: [Model; 2],
    pub(crate) scales: [Scale; 2],
}

impl Baseline {
    /// Knows nothing yet.
    pub fn new(config: Config) -> Baseline {
        let learned = Learned {
            tables: Tables::new(),
            rows: ROWS.map(Rows::new),
            ledgers: Default::default(),
            peaks: Peaks::default(),
            line: None,
            coverage: Coverage::default(),
            budget: Budget::default(),
            first_day: 0,
            today: 0,
            generation: 0,
            fitted_ns: 0,
            judged: [(0, 0); 2],
            behaviours: Vec::new(),
            verdict: String::new(),
            thin: false,
        };
        Baseline {
            config,
            phase: Phase::Learn,
            learned,
            live: Live::new(),
            incidents: Incidents::new(),
            quiet: Recent::new(8_192),
            models: Default::default(),
            scales: Default::default(),
        }
    }

    /// Goes over to another phase.
    pub fn set_phase(&mut self, phase: Phase) {
        match (self.phase, phase) {
            // Who lets it learn again wants as much as the first time.
            (Phase::Detect, Phase::Learn) => self.learned.coverage = Coverage::default(),
            (Phase::Learn, Phase::Detect) => {
                self.learned.thin = !self.progress().missing.is_empty();
            }
            _ => {}
        }
        self.phase = phase;
    }

    /// The phase it is in.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The rows that a network is to be trained on, one after the other; `None` where
    /// there are too few.
    pub fn training_rows(&self, network: usize) -> Option<Vec<f32>> {
        let rows = self.learned.rows.get(network)?;
        (rows.len() >= judge::ROWS_MIN).then(|| rows.values().to_vec())
    }

    /// Takes a trained network into use. Its scores mean something after the next night,
    /// when they can be compared.
    ///
    /// # Errors
    /// Where the bytes are no network over these columns.
    pub fn take_network(&mut self, network: usize, bytes: &[u8]) -> Result<(), ModelError> {
        let trained = Autoencoder::from_bytes(bytes)?;
        let fits = trained.columns() == COLUMNS;
        match self.models.get_mut(network).filter(|_| fits) {
            Some(model) => {
                model.autoencoder = Some(trained);
                Ok(())
            }
            None => Err(ModelError::Input(
                "the network has other columns".to_owned(),
            )),
        }
    }

    /// How far learning is.
    pub fn progress(&self) -> Progress {
        self.learned.coverage.progress(&self.config)
    }

    /// Looks at one event, in the order of time. Anomalies are appended to `out`.
    pub fn observe(&mut self, event: &Event, out: &mut Vec<Anomaly>) {
        self.learned.coverage.see(event.time_ns);
        match &event.detail {
            Detail::Exec(_) => self.start(event, out),
            Detail::Connect(connection) => self.contact(event, connection, out),
            Detail::Accept(connection) => {
                self.pass(event.time_ns);
                let accepted = Accepted {
                    time_ns: event.time_ns,
                    peer: connection.peer.ip(),
                    counted: false,
                };
                self.live.accepted.insert(event.process.exec_id, accepted);
            }
            Detail::Exit(_) => self.live.exit(&event.process),
            Detail::Lost(lost) => self.learned.coverage.lose(event.time_ns, lost.until_ns),
            _ => {}
        }
    }

    /// Lets time go on to that of an event.
    fn pass(&mut self, time_ns: i64) -> Moment {
        let learned = &mut self.learned;
        let day = (time_ns / DAY_NS).clamp(0, i64::from(u16::MAX)) as u16;
        if learned.first_day == 0 {
            (learned.first_day, learned.today) = (day, day);
            learned.peaks.begin(day);
        }
        if day > learned.today {
            self.end_day(day, time_ns);
        }
        let learned = &mut self.learned;
        let age = learned.today - learned.first_day;
        let admit_days = match self.phase {
            _ if age < 2 => 1,
            Phase::Learn => 2,
            Phase::Detect => 3,
        };
        let at = learned.tables.calendar.moment(time_ns, admit_days);
        learned.tables.tick(&at);
        at
    }

    fn is_warm(&self) -> bool {
        self.learned.today - self.learned.first_day >= COLD_DAYS
    }

    fn start(&mut self, event: &Event, out: &mut Vec<Anomaly>) {
        let at = self.pass(event.time_ns);
        self.learned.coverage.execs_total += 1;
        let process = &event.process;
        let start = measure::start(process, &mut self.live, &mut self.learned.tables, &at);
        let model = &self.models[Subject::Start as usize];
        let scores = judge::scores(Subject::Start, &start.row, model, f32::NAN);
        let who = Who {
            program: start.keys.program,
            parent: start.keys.parent,
            unit: start.keys.unit,
            user: start.keys.user,
            contact: None,
        };
        let thing = pair(start.keys.parent, start.keys.program);
        let case = Case {
            subject: Subject::Start,
            row: &start.row,
            scores,
            tree: start.keys.tree,
            thing,
        };
        let learn = self.judge(event, &at, &case, &who, out);
        let (live, tables) = (&mut self.live, &mut self.learned.tables);
        let seen = measure::learn_start(&start, process, live, tables, &at, learn);
        if seen == Seen::New && at.admit_days > 1 && !start.keys.trusted {
            let behaviour = portrait::new_child(&start.keys, tables, at.time_ns);
            self.note_new(behaviour);
        }
        self.keep(&at, &case, who.program, learn);
    }

    fn contact(&mut self, event: &Event, connection: &Connection, out: &mut Vec<Anomaly>) {
        let at = self.pass(event.time_ns);
        self.learned.coverage.contacts_total += 1;
        let process = &event.process;
        let (live, tables) = (&mut self.live, &mut self.learned.tables);
        let contact = measure::contact(process, connection, live, tables, &at);
        let parent = process
            .parent
            .as_ref()
            .map_or(0, |parent| live.program(parent));
        let who = Who {
            program: contact.program,
            parent,
            unit: 0,
            user: crate::identity::user(process),
            contact: Some((*connection, contact.port, contact.network)),
        };
        let model = &self.models[Subject::Contact as usize];
        let scores = judge::scores(Subject::Contact, &contact.row, model, f32::NAN);
        let thing = pair(contact.program, pair(contact.network, contact.port));
        let case = Case {
            subject: Subject::Contact,
            row: &contact.row,
            scores,
            tree: contact.tree,
            thing,
        };
        let learn = self.judge(event, &at, &case, &who, out);
        let (live, tables) = (&mut self.live, &mut self.learned.tables);
        let seen = measure::learn_contact(&contact, process, live, tables, &at, learn);
        if learn {
            let name = crate::identity::network_name(connection.peer.ip());
            tables.name(contact.network, &name);
        }
        if seen == Seen::New && at.admit_days > 1 {
            let Contact {
                program,
                network,
                port,
                ..
            } = contact;
            let behaviour = portrait::new_network(program, network, port, tables, at.time_ns);
            self.note_new(behaviour);
        }
        self.keep(&at, &case, who.program, learn);
    }

    /// Keeps the row and the scores of what may become normal.
    fn keep(&mut self, at: &Moment, case: &Case<'_>, program: u64, learn: bool) {
        if !learn || !self.is_warm() {
            return;
        }
        let learned = &mut self.learned;
        learned.rows[case.subject as usize].offer(program, at.day, case.row);
        let ledgers = &mut learned.ledgers[case.subject as usize];
        for (ledger, score) in ledgers.iter_mut().zip(case.scores) {
            ledger.note(at.day, score);
        }
    }

    /// Judges an event; false where it must not be learned from.
    fn judge(
        &mut self,
        event: &Event,
        at: &Moment,
        case: &Case<'_>,
        who: &Who,
        out: &mut Vec<Anomaly>,
    ) -> bool {
        let scale = &self.scales[case.subject as usize];
        if !scale.is_ready() {
            return true;
        }
        let (p_values, p) = scale.p_values(&case.scores);
        let judged = &mut self.learned.judged[1];
        *judged = (judged.0 + 1, judged.1 + u64::from(p <= 1e-3));
        let evidence = incident::evidence(p);
        let told = self.quiet.get(&case.thing);
        if evidence > 0.0 && told.is_none_or(|told| at.time_ns - told > QUIET_NS) {
            let model = &self.models[case.subject as usize];
            let tables = &self.learned.tables;
            // Words cost more than everything else, and most incidents come to nothing.
            let worth = self.incidents.sum_with(case.tree, at.time_ns, evidence) >= WORDS_MIN;
            let notes = match worth {
                true => explain::notes(case.row, who, &event.process, model, tables, at),
                false => Vec::new(),
            };
            let unusual = Unusual {
                time_ns: event.time_ns,
                seq: event.seq,
                process: Arc::clone(&event.process),
                what: explain::what(event, who.contact.as_ref().map(|(c, ..)| c)),
                p_values,
                p,
                notes,
                thing: case.thing,
                evidence,
            };
            self.add(case.tree, unusual, out);
        }
        !self.incidents.is_raised(case.tree, at.time_ns)
    }

    fn add(&mut self, tree: u64, unusual: Unusual, out: &mut Vec<Anomaly>) {
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
        let delivery = match self.phase {
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
        out.push(Anomaly {
            id: pair(tree, incident.begin_ns as u64),
            time_ns,
            delivery,
            severity: severity(per_day),
            per_day,
            process: Arc::clone(&incident.told[worst].process),
            unusual: incident.told.clone(),
            worst,
            generation: learned.generation,
        });
    }
}

/// An event that is judged.
struct Case<'a> {
    subject: Subject,
    row: &'a Row,
    scores: Scores,
    tree: u64,
    thing: u64,
}
