//! What is known of a program, for people to read and to decide about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::hash::{pair, text};
use crate::measure::Keys;
use crate::tables::{HOST, Tables};

/// Behaviours in quarantine that are listed.
const BEHAVIOURS_MAX: usize = 1_000;
/// Entries of each list of a portrait.
const LISTED: usize = 8;

/// A program as the baseline knows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Portrait {
    /// The name under which it is known.
    pub program: String,
    /// How often it ran.
    pub runs: u32,
    /// On how many days.
    pub days: u16,
    /// When it was first and last seen, in nanoseconds since the Unix epoch.
    pub seen_ns: (i64, i64),
    /// For each hour of the day in UTC, how often against the most frequent one, 0 to 1.
    pub hours: [f32; 24],
    /// Of its runs, those on workdays, 0 to 1.
    pub workdays: f32,
    /// Who starts it, most frequent first.
    pub parents: Vec<(String, u32)>,
    /// As whom.
    pub users: Vec<(String, u32)>,
    /// In which unit.
    pub units: Vec<(String, u32)>,
    /// Networks it connected to.
    pub networks: Vec<(String, u32)>,
    /// Ports it connected to.
    pub ports: Vec<(String, u32)>,
    /// Connections in all.
    pub connections: u32,
}

/// Something new that does not count as normal yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Behaviour {
    /// Eight hexadecimal digits.
    pub id: String,
    /// What it is, in words.
    pub words: String,
    /// When it was first seen, in nanoseconds since the Unix epoch.
    pub first_ns: i64,
    pairs: Vec<(u8, u64, u64)>,
}

const PARENTS: u8 = 0;
const PROGRAMS: u8 = 1;
const UNITS: u8 = 2;
const USERS: u8 = 3;
const GRANDPARENTS: u8 = 4;
const NETWORKS: u8 = 5;
const PORTS: u8 = 6;

fn behaviour(words: String, first_ns: i64, pairs: Vec<(u8, u64, u64)>) -> Behaviour {
    let id = pairs
        .first()
        .map_or(0, |(kind, a, b)| pair(u64::from(*kind) + 1, pair(*a, *b)));
    Behaviour {
        id: format!("{:08x}", id >> 32),
        words,
        first_ns,
        pairs,
    }
}

/// A program that was started by one that never did.
pub(crate) fn new_child(keys: &Keys, tables: &Tables, time_ns: i64) -> Behaviour {
    let name = |key| tables.named(key).unwrap_or("?");
    let words = format!("{} starts {}", name(keys.parent), name(keys.program));
    let pairs = vec![
        (PARENTS, keys.parent, keys.program),
        (PROGRAMS, HOST, keys.program),
        (UNITS, keys.unit, keys.program),
        (USERS, keys.user, keys.program),
        (
            GRANDPARENTS,
            pair(keys.grandparent, keys.parent),
            keys.program,
        ),
    ];
    behaviour(words, time_ns, pairs)
}

/// A network that a program never connected to.
pub(crate) fn new_network(
    program: u64,
    network: u64,
    port: u64,
    tables: &Tables,
    time_ns: i64,
) -> Behaviour {
    let name = |key| tables.named(key).unwrap_or("?");
    let words = format!(
        "{} connects to {}, port {}",
        name(program),
        name(network),
        port - 1
    );
    let pairs = vec![
        (NETWORKS, program, network),
        (NETWORKS, HOST, network),
        (PORTS, program, port),
        (PORTS, HOST, port),
    ];
    behaviour(words, time_ns, pairs)
}

impl Tables {
    fn relation(&mut self, kind: u8) -> &mut crate::relation::Relation {
        match kind {
            PARENTS => &mut self.parents,
            PROGRAMS => &mut self.programs,
            UNITS => &mut self.units,
            USERS => &mut self.users,
            GRANDPARENTS => &mut self.grandparents,
            NETWORKS => &mut self.networks,
            _ => &mut self.ports,
        }
    }

    fn in_quarantine(&mut self, behaviour: &Behaviour) -> bool {
        let first = behaviour.pairs.first();
        first.is_some_and(|(kind, a, b)| self.relation(*kind).counts(*a, *b).quarantined)
    }
}

impl Baseline {
    pub(crate) fn note_new(&mut self, behaviour: Behaviour) {
        let list = &mut self.learned.behaviours;
        if list.len() >= BEHAVIOURS_MAX {
            list.remove(0);
        }
        list.push(behaviour);
    }

    /// What was seen and does not count as normal yet, oldest first.
    pub fn quarantine(&mut self) -> Vec<Behaviour> {
        let learned = &mut self.learned;
        let mut list = std::mem::take(&mut learned.behaviours);
        list.retain(|behaviour| learned.tables.in_quarantine(behaviour));
        learned.behaviours = list;
        learned.behaviours.clone()
    }

    /// Lets a behaviour count as normal from now on; its words, or `None` where there is
    /// none with this id.
    pub fn approve(&mut self, id: &str) -> Option<String> {
        self.decide(id, |tables, (kind, a, b)| {
            tables.relation(kind).approve(a, b);
        })
    }

    /// Forgets a behaviour, so that it is as new as ever when it comes again.
    pub fn deny(&mut self, id: &str) -> Option<String> {
        self.decide(id, |tables, (kind, a, b)| {
            let relation = tables.relation(kind);
            if relation.counts(a, b).quarantined {
                relation.deny(a, b);
            }
        })
    }

    fn decide(&mut self, id: &str, act: impl Fn(&mut Tables, (u8, u64, u64))) -> Option<String> {
        let learned = &mut self.learned;
        let place = learned.behaviours.iter().position(|known| known.id == id)?;
        let behaviour = learned.behaviours.remove(place);
        for pair in behaviour.pairs {
            act(&mut learned.tables, pair);
        }
        Some(behaviour.words)
    }

    /// The names of all known programs with how often each ran.
    pub fn programs(&self) -> BTreeMap<String, u32> {
        let tables = &self.learned.tables;
        let known = tables.profiles.iter().map(|(key, profile)| {
            let name = tables.named(key).unwrap_or("?");
            (name.to_owned(), profile.runs)
        });
        known.collect()
    }

    /// Every program with this path, with whatever scripts it runs.
    pub fn portraits(&self, exe: &str) -> Vec<Portrait> {
        let tables = &self.learned.tables;
        let mut plain = String::new();
        crate::identity::push_plain(&mut plain, exe);
        let fits = |name: &str| {
            let rest = name.strip_prefix(&plain);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let mut found: Vec<Portrait> = tables
            .names()
            .filter(|(_, name)| fits(name))
            .filter_map(|(key, name)| self.portrait(key, name))
            .collect();
        found.sort_by(|a, b| b.runs.cmp(&a.runs).then(a.program.cmp(&b.program)));
        found
    }

    fn portrait(&self, key: u64, name: &str) -> Option<Portrait> {
        debug_assert_eq!(key, text(name));
        let tables = &self.learned.tables;
        let profile = tables.profiles.get(key)?;
        let mut lists: [Vec<(String, u32)>; 4] = Default::default();
        for (other, name) in tables.names() {
            let counts = [
                tables.parents.counts(other, key),
                tables.users.counts(other, key),
                tables.units.counts(other, key),
                tables.networks.counts(key, other),
            ];
            for (list, counts) in lists.iter_mut().zip(counts) {
                if counts.pair > 0 {
                    list.push((name.to_owned(), counts.pair));
                }
            }
        }
        let ports =
            (0..=u16::MAX).map(|port| (port, tables.ports.counts(key, u64::from(port) + 1).pair));
        let ports: Vec<(String, u32)> = ports
            .filter(|(_, count)| *count > 0)
            .map(|(port, count)| (port.to_string(), count))
            .collect();
        let top = |mut list: Vec<(String, u32)>| {
            list.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            list.truncate(LISTED);
            list
        };
        let [parents, users, units, networks] = lists.map(top);
        let [weekend, work] = profile.workdays;
        Some(Portrait {
            program: name.to_owned(),
            runs: profile.runs,
            days: profile.days,
            seen_ns: (profile.first_ns, profile.last_ns),
            hours: profile.hours.shares(),
            workdays: work / (weekend + work).max(f32::MIN_POSITIVE),
            parents,
            users,
            units,
            networks,
            ports: top(ports),
            connections: profile.connections,
        })
    }
}
