//! New behaviour, and what people decided about it.
//!
//! Owns the list of what was seen and does not count as normal, and the decisions: what is
//! approved adds nothing to an incident, what is denied is told each time that it comes
//! again and is never learned. What makes a thing known by itself is the tables' to say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::relation::Relation;
use crate::tables::Tables;

/// Behaviours that wait, and decisions of each kind; the oldest leave first.
const NOTED_MAX: usize = 1_000;
/// Days on which new behaviour has to be seen to be normal.
pub const ADMIT_DAYS: u8 = 3;

/// What people said of a behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// It is normal.
    Approved,
    /// It is never normal.
    Denied,
}

/// Something that does not count as normal, or about which somebody decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// Eight hexadecimal digits.
    pub id: String,
    /// What it is, in words.
    pub words: String,
    /// When it was first seen, in nanoseconds since the Unix epoch.
    pub first_ns: i64,
    /// On how many days it was learned; what goes on in an incident is not.
    pub days: u8,
    /// How often it was learned.
    pub times: u32,
    /// What was decided about it.
    pub decision: Option<Decision>,
}

/// What one event is an instance of: one program starts another, or a program connects to a
/// network and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thing {
    /// Equal for events that tell the same.
    pub(crate) key: u64,
    /// Who, and what: keys of the parents' relation or of the networks'.
    pub(crate) pair: (u64, u64),
    /// One more than the port; 0 for a program start.
    pub(crate) port: u64,
}

impl Thing {
    /// The id by which people decide about it.
    pub(crate) fn id(&self) -> String {
        format!("{:08x}", self.key >> 32)
    }

    fn relation<'a>(&self, tables: &'a Tables) -> &'a Relation {
        match self.port {
            0 => &tables.parents,
            _ => &tables.networks,
        }
    }

    fn words(&self, tables: &Tables) -> String {
        let name = |key| tables.named(key).unwrap_or("?");
        let (who, what) = (name(self.pair.0), name(self.pair.1));
        match self.port {
            0 => format!("{who} starts {what}"),
            port => format!("{who} connects to {what}, port {}", port - 1),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noted {
    thing: Thing,
    words: String,
    first_ns: i64,
    /// An alert told of it: it waits for a decision even where it is known.
    told: bool,
}

/// What waits, and what was decided.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Behaviours {
    noted: Vec<Noted>,
    decided: BTreeMap<u64, (Noted, Decision)>,
}

impl Behaviours {
    /// What was decided about a thing.
    pub(crate) fn decision(&self, thing: &Thing) -> Option<Decision> {
        self.decided.get(&thing.key).map(|(_, decision)| *decision)
    }

    /// Lets a thing wait for a decision.
    pub(crate) fn note(&mut self, thing: Thing, tables: &Tables, time_ns: i64, told: bool) {
        if self.decided.contains_key(&thing.key) {
            return;
        }
        if let Some(known) = self.noted.iter_mut().find(|n| n.thing.key == thing.key) {
            known.told |= told;
            return;
        }
        if self.noted.len() >= NOTED_MAX {
            self.noted.remove(0);
        }
        self.noted.push(Noted {
            thing,
            words: thing.words(tables),
            first_ns: time_ns,
            told,
        });
    }

    /// Keeps the decisions of others, beside its own list.
    pub(crate) fn keep_decisions(&mut self, others: Behaviours) {
        self.decided = others.decided;
        let decided = &self.decided;
        self.noted.retain(|n| !decided.contains_key(&n.thing.key));
    }
}

impl Baseline {
    /// What was seen and does not count as normal yet, and what was decided about, the oldest
    /// of each first.
    pub fn behaviours(&mut self) -> Vec<Behaviour> {
        let learned = &mut self.learned;
        let tables = &learned.tables;
        let waits = |noted: &Noted| {
            let (context, item) = noted.thing.pair;
            noted.told || !noted.thing.relation(tables).is_known(context, item)
        };
        learned.behaviours.noted.retain(waits);
        let shown = |noted: &Noted, decision| {
            let (context, item) = noted.thing.pair;
            let counts = noted.thing.relation(tables).counts(context, item);
            Behaviour {
                id: noted.thing.id(),
                words: noted.words.clone(),
                first_ns: noted.first_ns,
                days: counts.days,
                times: counts.pair,
                decision,
            }
        };
        let noted = learned.behaviours.noted.iter();
        let mut list: Vec<Behaviour> = noted.map(|noted| shown(noted, None)).collect();
        for wanted in [Decision::Approved, Decision::Denied] {
            let decided = learned.behaviours.decided.values();
            let of = decided.filter(|(_, decision)| *decision == wanted);
            let from = list.len();
            list.extend(of.map(|(noted, decision)| shown(noted, Some(*decision))));
            list[from..].sort_by_key(|behaviour| behaviour.first_ns);
        }
        list
    }

    /// Lets a behaviour count as normal, or never; its words, or `None` where none has this
    /// id. A later decision takes the place of an earlier one.
    pub fn decide(&mut self, id: &str, decision: Decision) -> Option<String> {
        let Behaviours { noted, decided } = &mut self.learned.behaviours;
        let taken = match noted.iter().position(|noted| noted.thing.id() == id) {
            Some(at) => noted.remove(at),
            None => {
                let mut known = decided.iter();
                let key = known.find(|(_, (noted, _))| noted.thing.id() == id)?;
                let key = *key.0;
                decided.remove(&key)?.0
            }
        };
        let (words, thing) = (taken.words.clone(), taken.thing);
        let same = decided.values().filter(|(_, known)| *known == decision);
        if same.count() >= NOTED_MAX {
            let of = decided.iter().filter(|(_, (_, known))| *known == decision);
            let oldest = of.min_by_key(|(_, (noted, _))| noted.first_ns);
            if let Some(key) = oldest.map(|(key, _)| *key) {
                decided.remove(&key);
            }
        }
        decided.insert(thing.key, (taken, decision));
        let tables = &mut self.learned.tables;
        let relation = match thing.port {
            0 => &mut tables.parents,
            _ => &mut tables.networks,
        };
        let (context, item) = thing.pair;
        match decision {
            Decision::Approved => relation.approve(context, item),
            Decision::Denied => relation.deny(context, item),
        };
        // What was told already is told again once somebody said that it must be.
        self.quiet.remove(&thing.key);
        Some(words)
    }
}
