//! What was unusual, in words built from counts.

use std::sync::Arc;

use sentinel_event::{Connection, Event, Process};

use crate::identity;
use crate::judge::{DETECTOR_COUNT, Model};
use crate::moment::Moment;
use crate::schema::*;
use crate::tables::{HOST, Tables};

/// Features that an explanation names.
const NOTES_MAX: usize = 5;
/// Clauses of a sentence.
const CLAUSES_MAX: usize = 4;

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
    /// The p-value of each of [`DETECTORS`](crate::DETECTORS); 1 where it said nothing.
    pub p_values: [f64; DETECTOR_COUNT],
    /// All of them as one.
    pub p: f64,
    /// What made it so, the most telling first.
    pub notes: Vec<Note>,
    /// Equal for events that tell the same.
    pub(crate) thing: u64,
    /// What it adds to its incident.
    pub(crate) evidence: f32,
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
            format!("ran {}", &line[..cut])
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
        (of(&model.low), of(&model.high))
    };
    // What is rare by itself comes before what the forest found odd in its company.
    let rare = [PC, EXE, ORIGIN, DEST, PORT, NET, GPC, UNIT, USER];
    let connects = who.contact.is_some();
    let rare = rare.into_iter().filter(|at| {
        let of_connection = matches!(*at, DEST | PORT | NET);
        row[*at] >= 12.0 && row[*at] > usual(*at).1.min(20.0) && (connects || !of_connection)
    });
    let mut found: Vec<usize> = rare.take(3).collect();
    for (column, blame) in model.blame(row) {
        if blame > 0.0 && !found.contains(&column) {
            found.push(column);
        }
    }
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

/// One sentence of the first notes that say something.
pub(crate) fn sentence(notes: &[Note]) -> String {
    let mut clauses: Vec<&str> = Vec::new();
    for note in notes {
        if !note.words.is_empty() && !clauses.contains(&&*note.words) && clauses.len() < CLAUSES_MAX
        {
            clauses.push(&note.words);
        }
    }
    clauses.join("; ")
}

fn short(tables: &Tables, key: u64) -> String {
    let name = tables.named(key).unwrap_or("an unknown program");
    let mut words = name.split(' ');
    let first = identity::base(words.next().unwrap_or(name)).to_owned();
    words.fold(first, |all, word| all + " " + identity::base(word))
}

/// `48112` as `48,112`.
pub(crate) fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn words(
    column: usize,
    row: &Row,
    who: &Who,
    process: &Process,
    tables: &Tables,
    at: &Moment,
) -> String {
    let program = short(tables, who.program);
    let of = |relation: &crate::relation::Relation, context: u64, item: u64| {
        let counts = relation.counts(context, item);
        let suffix = if counts.quarantined {
            ", too few days"
        } else {
            ""
        };
        (
            format!(
                "{} of {}",
                thousands(counts.pair),
                thousands(counts.context)
            ),
            suffix,
        )
    };
    let profile = tables.profiles.get(who.program);
    let runs = thousands(profile.map_or(0, |profile| profile.runs));
    let clock = format!(
        "{:02}:{:02}",
        at.hour,
        at.time_ns.rem_euclid(crate::moment::HOUR_NS) / crate::moment::MINUTE_NS
    );
    match column {
        PC | GPC => {
            let (counts, suffix) = of(&tables.parents, who.parent, who.program);
            format!(
                "{program} under {}: {counts} children so far{suffix}",
                short(tables, who.parent)
            )
        }
        EXE | AGE if runs == "0" => format!("{program} never ran here before"),
        // Nothing is usual for what never ran.
        HOUR | TTY | GAP | DOW | RATE_MINUTE | RATE_HOUR | ARG_LENGTH | ARG_ENTROPY
        | ARG_SYMBOLS | ARG_LONGEST | ARG_TOP3
            if runs == "0" =>
        {
            String::new()
        }
        UNIT if who.contact.is_some() => String::new(),
        EXE | AGE => {
            let (counts, suffix) = of(&tables.programs, HOST, who.program);
            format!("{program} is {counts} programs started{suffix}")
        }
        UNIT => {
            let (counts, _) = of(&tables.units, who.unit, who.program);
            format!(
                "{program} in {}: {counts} starts",
                tables.named(who.unit).unwrap_or("its unit")
            )
        }
        USER => {
            let (counts, _) = of(&tables.users, who.user, who.program);
            let name = process.user.as_deref().map_or_else(
                || format!("user {}", process.auid.unwrap_or(process.uid)),
                str::to_owned,
            );
            format!("{program} for {name}: {counts} starts")
        }
        DIR => format!("few programs lie in {}", identity::directory(&process.exe)),
        PATH if row[PATH] > 0.0 => format!("{} is an odd place for a program", process.exe),
        PRIV if row[PRIV] > 0.0 => "it runs with other rights than what started it".to_owned(),
        TTY if process.tty.is_some() => format!("{program} seldom runs on a terminal"),
        TTY => format!("{program} usually runs on a terminal"),
        ORIGIN => "the login came from a network that this user never came from".to_owned(),
        HOUR => format!("{clock} UTC is unusual among its {runs} earlier runs"),
        USER_HOUR => format!("{clock} UTC is an unusual time for this user"),
        DOW if at.workday => format!("{program} seldom runs on workdays"),
        DOW => format!("{program} seldom runs at the weekend"),
        GAP if row[GAP] < 0.0 => format!("{program} ran a moment ago, sooner than usual"),
        GAP => format!("{program} has not run for longer than usual"),
        RATE_MINUTE | RATE_HOUR => format!("{program} runs more often than usual"),
        HOST_RATE => "more programs than usual start on this host".to_owned(),
        FANOUT => format!(
            "{} starts another number of programs than usual",
            short(tables, who.parent)
        ),
        SEQ | SEQ_TOP3 => "the order of programs is new".to_owned(),
        ARG_LENGTH | ARG_ENTROPY | ARG_SYMBOLS | ARG_LONGEST | ARG_TOP3 => {
            format!("its arguments are unlike those that {program} usually gets")
        }
        SERVED if row[SERVED] > 0.0 => {
            "a process above it had just accepted a connection".to_owned()
        }
        NET | PORT | DEST | NEW_DESTS => contact_words(column, who, &program, tables),
        _ => String::new(),
    }
}

fn contact_words(column: usize, who: &Who, program: &str, tables: &Tables) -> String {
    let Some((connection, port, network)) = who.contact else {
        return String::new();
    };
    let profile = tables.profiles.get(who.program);
    let total = profile.map_or(0, |profile| profile.connections);
    if total == 0 {
        return format!(
            "first connection ever by {program}, to port {}",
            connection.peer.port()
        );
    }
    match column {
        PORT => {
            let counts = tables.ports.counts(who.program, port);
            let (n, of) = (thousands(counts.pair), thousands(counts.context));
            format!(
                "{program} to port {}: {n} of {of} connections",
                connection.peer.port()
            )
        }
        NEW_DESTS => format!("{program} talks to more new networks than usual"),
        NET => format!("{program} seldom connects to anything"),
        _ => {
            let counts = tables.networks.counts(who.program, network);
            let (n, of) = (thousands(counts.pair), thousands(counts.context));
            let place = identity::network_name(connection.peer.ip());
            format!("{program} to {place}: {n} of {of} connections")
        }
    }
}
