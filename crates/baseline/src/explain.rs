//! What was unusual, in words built from counts.

use std::sync::Arc;

use sentinel_event::{Connection, Event, Process};

use crate::behaviour::Thing;
use crate::identity;
use crate::judge::{DETECTOR_COUNT, LSTM, Model, SEQUENCE};
use crate::moment::Moment;
use crate::schema::*;
use crate::tables::Tables;
use crate::words::words;

/// Features that an explanation names.
const NOTES_MAX: usize = 5;
/// Clauses of a sentence.
const CLAUSES_MAX: usize = 4;
/// Columns in which less than usual is unusual too.
const TWO_SIDED: [usize; 8] = [
    GAP,
    FANOUT,
    ARG_LENGTH,
    ARG_ENTROPY,
    ARG_SYMBOLS,
    ARG_LONGEST,
    DEPTH,
    AGE,
];

/// A feature that made an event unusual.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// Its name, one of [`FEATURES`].
    pub feature: &'static str,
    /// Its value.
    pub value: f32,
    /// The range in which nine of ten learned values lie.
    pub usual: (f32, f32),
    /// What it means, from counts.
    pub words: String,
}

/// An event that was unusual.
#[derive(Debug, Clone)]
pub struct Unusual {
    /// When.
    pub time_ns: i64,
    /// The event's position in the history.
    pub seq: u64,
    /// Who.
    pub process: Arc<Process>,
    /// What it did, in a few words.
    pub what: String,
    /// Whether it did so by being started.
    pub(crate) started: bool,
    /// The p-value of each of [`DETECTORS`](crate::DETECTORS); NaN where it said nothing.
    pub p_values: [f64; DETECTOR_COUNT],
    /// All of them as one.
    pub p: f64,
    /// What made it so, the most telling first; `None` where it came to too little to be
    /// put into words.
    pub notes: Option<Vec<Note>>,
    /// What it is an instance of.
    pub(crate) thing: Thing,
    /// What it adds to its incident.
    pub(crate) evidence: f32,
}

impl Unusual {
    /// The id of the behaviour that it is an instance of, to decide about.
    pub fn behaviour(&self) -> String {
        self.thing.id()
    }

    /// Who did what, for a sentence: `bash ran id (pid 7, root)`.
    pub fn deed(&self) -> String {
        let process = &*self.process;
        let user = match (&process.user, process.uid) {
            (Some(user), _) => (**user).to_owned(),
            (None, 0) => "root".to_owned(),
            (None, uid) => format!("uid {uid}"),
        };
        let who = format!("(pid {}, {user})", process.pid);
        match process.parent.as_deref().filter(|_| self.started) {
            Some(parent) => format!("{} {} {who}", identity::short_name(parent), self.what),
            None => format!("{} {who} {}", identity::short_name(process), self.what),
        }
    }

    /// What made it unusual, in a few clauses; empty where it was not put into words.
    pub fn about(&self) -> String {
        let Some(notes) = &self.notes else {
            return String::new();
        };
        let mut clauses: Vec<&str> = Vec::new();
        for note in notes {
            if !note.words.is_empty()
                && !clauses.contains(&&*note.words)
                && clauses.len() < CLAUSES_MAX
            {
                clauses.push(&note.words);
            }
        }
        if clauses.is_empty() {
            let least = self.p_values.iter().copied().fold(f64::NAN, f64::min);
            let order = [SEQUENCE, LSTM]
                .into_iter()
                .any(|at| self.p_values[at] <= least);
            clauses.push(match order {
                true => "the order of programs is unusual",
                false => "nothing in it is unusual by itself, all of it together is",
            });
        }
        clauses.join("; ")
    }
}

/// Who is spoken of, as the tables know him.
pub(crate) struct Who {
    pub(crate) program: u64,
    pub(crate) parent: u64,
    pub(crate) unit: u64,
    pub(crate) user: u64,
    /// For a connection: its ends, and the keys of port and network.
    pub(crate) contact: Option<(Connection, u64, u64)>,
}

/// What an event did.
pub(crate) fn what(event: &Event, contact: Option<&Connection>) -> String {
    match contact {
        Some(connection) => format!("connected to {}", connection.peer),
        None => {
            let line = event.process.command_line();
            let cut = line
                .char_indices()
                .nth(120)
                .map_or(line.len(), |(at, _)| at);
            let more = if cut < line.len() { "..." } else { "" };
            format!("ran {}{more}", &line[..cut])
        }
    }
}

/// The features to blame, with words; the row is not in the tables yet.
pub(crate) fn notes(
    row: &Row,
    who: &Who,
    process: &Process,
    model: &Model,
    tables: &Tables,
    at: &Moment,
) -> Vec<Note> {
    let usual = |at: usize| {
        let of = |values: &[f32]| values.get(at).copied().unwrap_or(0.0);
        // Adding nothing makes a zero of the one with a sign.
        (of(&model.low) + 0.0, of(&model.high) + 0.0)
    };
    let beyond = |at: usize| {
        let (low, high) = usual(at);
        row[at] > high || (TWO_SIDED.contains(&at) && row[at] < low)
    };
    // What is rare by itself comes before what the forest found odd in its company.
    let rare = [PC, EXE, ORIGIN, DEST, PORT, NET, GPC, UNIT, USER, SEQ];
    let connects = who.contact.is_some();
    let rare = rare.into_iter().filter(|at| {
        let of_connection = matches!(*at, DEST | PORT | NET);
        row[*at] >= 12.0 && row[*at] > usual(*at).1.min(20.0) && (connects || !of_connection)
    });
    let mut found: Vec<usize> = rare.take(3).collect();
    // What nine of ten have is not what makes it unusual, whatever company it keeps.
    let blamed = model.blame(row, |column| beyond(column) && !found.contains(&column));
    let blamed = blamed.into_iter().filter(|(_, blame)| *blame > 0.0);
    found.extend(blamed.map(|(column, _)| column));
    found
        .into_iter()
        .take(NOTES_MAX)
        .map(|column| Note {
            feature: FEATURES[column].name,
            value: row[column],
            usual: usual(column),
            words: words(column, row, who, process, tables, at),
        })
        .collect()
}
