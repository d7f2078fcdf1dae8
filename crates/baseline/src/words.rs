//! What a column says, in words built from the counts in the tables.
//!
//! Owns the clauses of explanations; which columns are spoken of is `explain`'s to say. The
//! event that is spoken of is not in the tables yet.

use sentinel_event::{Connection, Process};

use crate::explain::Who;
use crate::identity;
use crate::moment::{HOUR_NS, MINUTE_NS, Moment};
use crate::profile::Profile;
use crate::relation::{Counts, Relation};
use crate::schema::*;
use crate::tables::{HOST, Tables};

/// A surprise of so many bits about an order of programs is one that was never seen.
const NEVER_BITS: f32 = 20.0;

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

/// `2 of 1,204`, and on how few days, where that is too few to be normal.
fn share(counts: Counts, what: &str) -> String {
    let (n, of) = (thousands(counts.pair), thousands(counts.context));
    let days = match (counts.quarantined, counts.days) {
        (false, _) | (_, 0) => String::new(),
        (true, 1) => ", all on one day".to_owned(),
        (true, days) => format!(", on {days} days only"),
    };
    format!("{n} of {of} {what}{days}")
}

/// Who and what an event is about, by the names that people know.
struct Words<'a> {
    who: &'a Who,
    process: &'a Process,
    tables: &'a Tables,
    at: &'a Moment,
    program: String,
    /// `None` where it is not known who started it.
    parent: Option<String>,
    profile: Option<&'a Profile>,
}

/// What a column says of the event; empty where it says nothing to people.
pub(crate) fn words(
    column: usize,
    row: &Row,
    who: &Who,
    process: &Process,
    tables: &Tables,
    at: &Moment,
) -> String {
    let words = Words {
        who,
        process,
        tables,
        at,
        program: identity::short_name(process),
        parent: process.parent.as_deref().map(identity::short_name),
        profile: tables.profiles.get(who.program),
    };
    match column {
        PC | GPC => words.child(),
        EXE | AGE if words.runs() == 0 => format!("{} never ran here before", words.program),
        EXE | AGE => {
            let counts = tables.programs.counts(HOST, who.program);
            format!(
                "{}: {}",
                words.program,
                share(counts, "program starts on this host")
            )
        }
        UNIT => words.unit(),
        USER => words.user(),
        DIR if identity::directory(&process.exe).is_empty() => String::new(),
        DIR => format!(
            "few programs that run here lie in {}",
            identity::directory(&process.exe)
        ),
        PATH if row[PATH] > 0.0 => format!("{} is an odd place for a program", process.exe),
        PRIV if row[PRIV] > 0.0 => "it runs with other rights than what started it".to_owned(),
        ORIGIN => "the login came from a network that is new for this user".to_owned(),
        USER_HOUR => words.user_hour(),
        HOST_RATE => "more programs than usual start on this host".to_owned(),
        FANOUT => words.parent.as_ref().map_or(String::new(), |parent| {
            let more = if row[FANOUT] > 0.0 { "more" } else { "fewer" };
            format!("{parent} starts {more} programs within a minute than usual")
        }),
        SEQ if row[SEQ] >= NEVER_BITS => "the order of programs is new".to_owned(),
        SEQ | SEQ_TOP3 => "the order of programs is unusual".to_owned(),
        SERVED if row[SERVED] > 0.0 => {
            "a process above it had just accepted a connection".to_owned()
        }
        NET | PORT | DEST | NEW_DESTS => match who.contact {
            Some(contact) => words.contact(column, contact),
            None => String::new(),
        },
        // Nothing is usual for what never ran.
        _ if words.runs() == 0 => String::new(),
        HOUR => words.hour(),
        TTY => words.terminal(),
        DOW => words.weekday(),
        GAP if row[GAP] < 0.0 => format!("{} ran a moment ago, sooner than usual", words.program),
        GAP => format!("{} has not run for longer than usual", words.program),
        RATE_MINUTE | RATE_HOUR => format!("{} runs more often than usual", words.program),
        ARG_LENGTH | ARG_ENTROPY | ARG_SYMBOLS | ARG_LONGEST | ARG_TOP3 => {
            format!(
                "its arguments are unlike those that {} usually gets",
                words.program
            )
        }
        _ => String::new(),
    }
}

impl Words<'_> {
    fn runs(&self) -> u32 {
        self.profile.map_or(0, |profile| profile.runs)
    }

    /// The program among all of a context.
    fn counts(&self, relation: &Relation, context: u64) -> Counts {
        relation.counts(context, self.who.program)
    }

    fn child(&self) -> String {
        let Words {
            program,
            parent: Some(parent),
            ..
        } = self
        else {
            return String::new();
        };
        let counts = self.counts(&self.tables.parents, self.who.parent);
        match counts.context {
            0 => format!("{program} is the first program ever that {parent} started"),
            _ => format!(
                "{program} under {parent}: {}",
                share(counts, "children so far")
            ),
        }
    }

    fn unit(&self) -> String {
        let counts = self.counts(&self.tables.units, self.who.unit);
        // Of a connection the unit is not known any more.
        let name = self.tables.named(self.who.unit);
        match (name.filter(|name| !name.is_empty()), counts.context) {
            _ if self.who.contact.is_some() => String::new(),
            (Some(unit), 0) => format!("{} is the first program ever in {unit}", self.program),
            (Some(unit), _) => format!("{} in {unit}: {}", self.program, share(counts, "starts")),
            (None, _) => String::new(),
        }
    }

    fn user_name(&self) -> String {
        let uid = self.process.auid.unwrap_or(self.process.uid);
        match self.process.user.as_deref() {
            Some(name) if uid == self.process.uid => name.to_owned(),
            _ => format!("user {uid}"),
        }
    }

    fn user(&self) -> String {
        let (counts, name) = (
            self.counts(&self.tables.users, self.who.user),
            self.user_name(),
        );
        match counts.context {
            0 => format!("{} is the first program ever by {name}", self.program),
            _ => format!("{} by {name}: {}", self.program, share(counts, "starts")),
        }
    }

    /// The hour that it is, `01:00 and 02:00 UTC`.
    fn hours(&self) -> String {
        format!(
            "{:02}:00 and {:02}:00 UTC",
            self.at.hour,
            (self.at.hour + 1) % 24
        )
    }

    fn hour(&self) -> String {
        let Some(profile) = self.profile else {
            return String::new();
        };
        let (program, runs) = (&self.program, thousands(profile.runs));
        let minute = self.at.time_ns.rem_euclid(HOUR_NS) / MINUTE_NS;
        let clock = format!("{:02}:{minute:02} UTC", self.at.hour);
        let percent = 100.0 * profile.hours.part(self.at.hour);
        let share = match percent {
            p if p <= 0.0 => "none was".to_owned(),
            p if p < 0.5 => "less than 1 % were".to_owned(),
            p => format!("{p:.0} % were"),
        };
        match profile.runs {
            1 if percent <= 0.0 => format!("{program} ran once before, and not near {clock}"),
            _ => format!(
                "{clock} is unusual: of {runs} earlier runs of {program}, {share} between {}",
                self.hours()
            ),
        }
    }

    fn user_hour(&self) -> String {
        let known = self.tables.user_hours.get(self.who.user);
        let often = match known.map_or(0.0, |user| user.hours.part(self.at.hour)) {
            part if part <= 0.0 => "was never",
            _ => "is seldom",
        };
        format!("{} {often} seen between {}", self.user_name(), self.hours())
    }

    fn terminal(&self) -> String {
        let on = self.process.tty.is_some();
        let counts = self.profile.map_or([0.0; 2], |profile| profile.ttys);
        let often = match (on, counts[usize::from(on)] <= 0.0) {
            (true, true) => "never ran on a terminal before",
            (true, false) => "seldom runs on a terminal",
            (false, true) => "always ran on a terminal so far",
            (false, false) => "usually runs on a terminal",
        };
        format!("{} {often}", self.program)
    }

    fn weekday(&self) -> String {
        let kind = usize::from(self.at.workday);
        let counts = self.profile.map_or([0.0; 2], |profile| profile.workdays);
        let often = if counts[kind] <= 0.0 {
            "never ran"
        } else {
            "seldom runs"
        };
        let when = ["at the weekend", "on workdays"][kind];
        format!("{} {often} {when}", self.program)
    }

    fn contact(&self, column: usize, contact: (Connection, u64, u64)) -> String {
        let (connection, port, network) = contact;
        let (program, number) = (&self.program, connection.peer.port());
        let relation = match column {
            NEW_DESTS => return format!("{program} talks to more new networks than usual"),
            _ if self.profile.is_none_or(|profile| profile.connections == 0) => {
                return format!("first connection ever by {program}, to port {number}");
            }
            NET => return format!("{program} seldom connects to anything"),
            PORT => &self.tables.ports,
            _ => &self.tables.networks,
        };
        let (item, place) = match column {
            PORT => (port, format!("port {number}")),
            _ => (network, identity::network_name(connection.peer.ip())),
        };
        let counts = relation.counts(self.who.program, item);
        format!("{program} to {place}: {}", share(counts, "connections"))
    }
}
