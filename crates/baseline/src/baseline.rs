//! The baseline of a host: measures, judges, learns; day by day it fits its models anew.

use sentinel_event::{Connection, Detail, Event, Process};
use serde::{Deserialize, Serialize};

use crate::Config;
use crate::anomaly::Anomaly;
use crate::behaviour::{Behaviours, Decision, Thing};
use crate::budget::Budget;
use crate::case::Case;
use crate::coverage::{Coverage, Progress};
use crate::explain::Who;
use crate::hash::pair;
use crate::incident::{Incidents, Line, Peaks};
use crate::judge::{self, DETECTOR_COUNT, Ledger, Model, Scale, Subject};
use crate::live::{Accepted, Live};
use crate::measure;
use crate::moment::{DAY_NS, Moment};
use crate::networks;
use crate::order::Order;
use crate::recent::Recent;
use crate::relation::Seen;
use crate::rows::Rows;
use crate::schema::SEQ;
use crate::tables::Tables;
use crate::tail::Tails;

/// Days that only fill the tables: what they measure is mostly their own emptiness.
pub(crate) const COLD_DAYS: u16 = 1;
/// From this day on, sums of incidents say what a normal day has.
pub(crate) const PEAK_DAYS: u16 = 3;
/// Rows kept of program starts and of connections.
const ROWS: [usize; 2] = [12_000, 8_000];

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
    /// What had been watched when it was let learn again, if that was enough.
    pub(crate) covered_before: Option<Coverage>,
    pub(crate) budget: Budget,
    pub(crate) first_day: u16,
    pub(crate) today: u16,
    pub(crate) generation: u32,
    pub(crate) fitted_ns: i64,
    pub(crate) tails: Tails,
    /// What the models at the end of learning told synthetic attacks by.
    pub(crate) anchor: Option<f64>,
    /// The day on which it last went over to detecting.
    pub(crate) detecting_since: u16,
    pub(crate) behaviours: Behaviours,
    /// What the gate said of the last models.
    pub(crate) verdict: String,
    /// Learning ended before enough was seen: anomalies have to be twice as clear.
    pub(crate) thin: bool,
    pub(crate) training: networks::Record,
}

/// The baseline of a host.
pub struct Baseline {
    pub(crate) config: Config,
    phase: Phase,
    pub(crate) learned: Learned,
    pub(crate) live: Live,
    pub(crate) incidents: Incidents,
    pub(crate) quiet: Recent<u64, i64>,
    pub(crate) models: [Model; 2],
    pub(crate) scales: [Scale; 2],
    /// The recurrent network, once one was trained.
    pub(crate) order: Option<Order>,
    /// Counts the networks of this run.
    pub(crate) epoch: u32,
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
            covered_before: None,
            budget: Budget::default(),
            first_day: 0,
            today: 0,
            generation: 0,
            fitted_ns: 0,
            tails: Tails::default(),
            anchor: None,
            detecting_since: 0,
            behaviours: Behaviours::default(),
            verdict: String::new(),
            thin: false,
            training: networks::Record::default(),
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
            order: None,
            epoch: 0,
        }
    }

    /// Goes over to another phase.
    pub fn set_phase(&mut self, phase: Phase) {
        match (self.phase, phase) {
            // Who lets it learn again wants as much as the first time.
            (Phase::Detect, Phase::Learn) => {
                let before = std::mem::take(&mut self.learned.coverage);
                let enough = before.progress(&self.config).missing.is_empty();
                let before = enough.then_some(before);
                self.learned.covered_before = before.or(self.learned.covered_before.take());
            }
            (Phase::Learn, Phase::Detect) => {
                // Who breaks it off goes back to what was learned before.
                if let Some(before) = self.learned.covered_before.take()
                    && !self.progress().missing.is_empty()
                {
                    self.learned.coverage = before;
                }
                self.learned.thin = !self.progress().missing.is_empty();
                self.learned.detecting_since = self.learned.today;
            }
            _ => {}
        }
        self.phase = phase;
    }

    /// The phase it is in.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How far learning is.
    pub fn progress(&self) -> Progress {
        self.learned.coverage.progress(&self.config)
    }

    /// A detection told of this process: what its tree does within half an hour must not
    /// become normal, or whoever attacks often enough while learning goes on is at home.
    pub fn distrust(&mut self, process: &Process, time_ns: i64) {
        self.incidents
            .distrust(crate::identity::tree_key(process), time_ns);
    }

    /// An alert of this time was suppressed: its place in the budget is free again.
    pub fn give_back(&mut self, time_ns: i64) {
        self.learned.budget.give_back(time_ns);
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
            Detail::Lost(lost) => {
                self.learned.coverage.lose(event.time_ns, lost.until_ns);
                // What is missing must not make pauses long and orders of programs new.
                self.learned.tables.gap_ns = lost.until_ns.max(event.time_ns);
                self.live.doubt_orders();
            }
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
        // The same in both phases: p-values of the first days of detecting come from the last
        // ones of learning, and would not fit them otherwise.
        let admit_days = match age {
            0..2 => 1,
            2 => 2,
            _ => 3,
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
        let mut start = measure::start(process, &mut self.live, &mut self.learned.tables, &at);
        let model = &self.models[Subject::Start as usize];
        let lstm = self.order.as_ref().map_or(f32::NAN, |order| {
            let (tree, program) = (start.keys.tree, start.keys.program as u32);
            let live = &mut self.live;
            live.order_score(order, tree, program, start.row[SEQ])
        });
        let scores = judge::scores(Subject::Start, &start.row, model, lstm);
        let who = Who {
            program: start.keys.program,
            parent: start.keys.parent,
            unit: start.keys.unit,
            user: start.keys.user,
            contact: None,
        };
        let thing = Thing {
            key: pair(start.keys.parent, start.keys.program),
            pair: (start.keys.parent, start.keys.program),
            port: 0,
        };
        let case = Case {
            subject: Subject::Start,
            row: &start.row,
            scores,
            tree: start.keys.tree,
            thing,
        };
        let learn = self.judge(event, &at, &case, &who, out);
        start.keys.trusted |= self.is_approved(&thing);
        let (live, tables) = (&mut self.live, &mut self.learned.tables);
        let seen = measure::learn_start(&start, process, live, tables, &at, learn);
        self.note_new(thing, seen, start.keys.trusted, &at);
        self.keep(&at, &case, who.program, learn);
    }

    fn contact(&mut self, event: &Event, connection: &Connection, out: &mut Vec<Anomaly>) {
        let at = self.pass(event.time_ns);
        self.learned.coverage.contacts_total += 1;
        let process = &event.process;
        let (live, tables) = (&mut self.live, &mut self.learned.tables);
        let mut contact = measure::contact(process, connection, live, tables, &at);
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
        let thing = Thing {
            key: pair(contact.program, pair(contact.network, contact.port)),
            pair: (contact.program, contact.network),
            port: contact.port,
        };
        let case = Case {
            subject: Subject::Contact,
            row: &contact.row,
            scores,
            tree: contact.tree,
            thing,
        };
        let name = crate::identity::network_name(connection.peer.ip());
        self.learned.tables.name(contact.network, &name);
        let learn = self.judge(event, &at, &case, &who, out);
        contact.trusted |= self.is_approved(&thing);
        let (live, tables) = (&mut self.live, &mut self.learned.tables);
        let seen = measure::learn_contact(&contact, process, live, tables, &at, learn);
        self.note_new(thing, seen, contact.trusted, &at);
        self.keep(&at, &case, who.program, learn);
    }

    fn is_approved(&self, thing: &Thing) -> bool {
        self.learned.behaviours.decision(thing) == Some(Decision::Approved)
    }

    /// Lets what is new wait for somebody to decide about it.
    fn note_new(&mut self, thing: Thing, seen: Seen, trusted: bool, at: &Moment) {
        if seen == Seen::New && at.admit_days > 1 && !trusted {
            let learned = &mut self.learned;
            let tables = &learned.tables;
            learned.behaviours.note(thing, tables, at.time_ns, false);
        }
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
}
