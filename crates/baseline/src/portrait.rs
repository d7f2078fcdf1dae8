//! What is known of a program, for people to read.

use std::collections::BTreeMap;

use crate::baseline::Baseline;
use crate::hash::text;

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
    /// How many seconds pass between two runs as a rule; 0 where it hardly ran.
    pub pause_s: f32,
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

impl Baseline {
    /// The names of all known programs with how often each ran.
    pub fn programs(&self) -> BTreeMap<String, u32> {
        let tables = &self.learned.tables;
        let known = tables.profiles.iter().map(|(key, profile)| {
            let name = tables.named(key).unwrap_or("?");
            (name.to_owned(), profile.runs)
        });
        known.collect()
    }

    /// Every program with this path, or with this name where it has no folder, with whatever
    /// scripts it runs.
    pub fn portraits(&self, exe: &str) -> Vec<Portrait> {
        let tables = &self.learned.tables;
        let mut plain = String::new();
        crate::identity::push_plain(&mut plain, exe);
        let fits = |name: &str| {
            let path = name.split(' ').next().unwrap_or(name);
            let folders = if exe.contains('/') {
                0
            } else {
                path.rfind('/').map_or(0, |at| at + 1)
            };
            let rest = name[folders..].strip_prefix(&plain);
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
            pause_s: profile.pause.usual().map_or(0.0, f32::exp_m1),
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
