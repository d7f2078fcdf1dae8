//! Everything that is counted about this host, in bounded memory.
//!
//! Owns the counts and how they are kept; what a number means is `measure`'s to say.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use sentinel_model::{Ngram, NgramParams};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::chains::Chains;
use crate::hash::Hashed;
use crate::head::{Head, Worth};
use crate::moment::{Calendar, MINUTE_NS, Moment};
use crate::profile::{Hours, Profile};
use crate::rates::{CLASSES, Rate, class};
use crate::relation::Relation;

/// The context of what is counted by itself.
pub(crate) const HOST: u64 = 1;
/// Names that are remembered for people to read.
const NAMES_MAX: usize = 16_384;
/// A longer silence means that nobody watched.
const SILENCE_NS: i64 = 10 * MINUTE_NS;
/// Half of what is two weeks old, taken off once a day.
const FADE: f32 = 0.951_7;

/// The hours at which somebody is at work, each counted once a day.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct UserHours {
    pub(crate) hours: Hours,
    last: u32,
}

impl Worth for UserHours {
    fn worth(&self) -> f32 {
        self.hours.worth()
    }
}

/// The n-gram model in its own saved form.
#[derive(Debug, Clone)]
pub(crate) struct Sequences(pub(crate) Ngram);

impl Serialize for Sequences {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Sequences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        let ngram = Ngram::from_bytes(&bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(ngram))
    }
}

/// All counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tables {
    pub(crate) calendar: Calendar,
    /// Programs, by themselves.
    pub(crate) programs: Relation,
    pub(crate) parents: Relation,
    pub(crate) grandparents: Relation,
    pub(crate) units: Relation,
    pub(crate) folders: Relation,
    pub(crate) users: Relation,
    pub(crate) origins: Relation,
    pub(crate) words: Relation,
    pub(crate) ports: Relation,
    pub(crate) networks: Relation,
    pub(crate) scopes: Relation,
    pub(crate) profiles: Head<Profile>,
    pub(crate) user_hours: Head<UserHours>,
    pub(crate) host_hours: Hours,
    pub(crate) host_minute: Rate,
    /// Program starts of whole days, at the weekend and on workdays.
    pub(crate) host_workdays: [f32; 2],
    /// Those of today, and which day that is.
    today: ([f32; 2], u16),
    /// Minutes watched, by kind of hour, weighed by age.
    pub(crate) minutes: [f32; CLASSES],
    last_ns: i64,
    /// The end of the last time that nobody watched, or in which events were lost.
    pub(crate) gap_ns: i64,
    pub(crate) sequences: Sequences,
    /// Orders of programs in trees.
    pub(crate) chains: Chains,
    names: HashMap<u64, Box<str>, BuildHasherDefault<Hashed>>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        let params = NgramParams {
            order: 4,
            vocabulary: 4_096,
            pairs_max: 1 << 16,
            seed: 0,
        };
        let relation = Relation::new;
        Self {
            calendar: Calendar::default(),
            programs: relation(),
            parents: relation(),
            grandparents: relation(),
            units: relation(),
            folders: relation(),
            users: relation(),
            origins: relation(),
            words: relation(),
            ports: relation(),
            networks: relation(),
            scopes: relation(),
            profiles: Head::new(4_096),
            user_hours: Head::new(256),
            host_hours: Hours::default(),
            host_minute: Rate::default(),
            host_workdays: [0.0; 2],
            today: ([0.0; 2], 0),
            minutes: [0.0; CLASSES],
            last_ns: 0,
            gap_ns: 0,
            // The parameters are constants within their ranges.
            sequences: Sequences(Ngram::new(params).unwrap_or_else(|_| unreachable!())),
            chains: Chains::default(),
            names: HashMap::default(),
        }
    }

    /// Lets time go on: counts watched minutes, and renews weights when they are large.
    pub(crate) fn tick(&mut self, at: &Moment) {
        let minutes = (at.time_ns / MINUTE_NS - self.last_ns / MINUTE_NS).max(0);
        if minutes > 0 {
            let watched = at.time_ns - self.last_ns <= SILENCE_NS;
            if !watched {
                self.gap_ns = at.time_ns;
            }
            self.minutes[class(at)] += if watched { minutes as f32 } else { 1.0 } * at.weight;
            self.last_ns = at.time_ns;
        }
        if let Some(factor) = self.calendar.renew(at) {
            self.scale(factor);
        }
    }

    /// Remembers what a key stands for.
    pub(crate) fn name(&mut self, key: u64, name: &str) {
        if self.names.len() < NAMES_MAX && !self.names.contains_key(&key) {
            self.names.insert(key, name.into());
        }
    }

    /// What a key stands for.
    pub(crate) fn named(&self, key: u64) -> Option<&str> {
        self.names.get(&key).map(|name| &**name)
    }

    /// All names, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = (u64, &str)> {
        self.names.iter().map(|(key, name)| (*key, &**name))
    }

    /// Counts the user's hour, once a day.
    pub(crate) fn learn_user_hour(&mut self, user: u64, at: &Moment) {
        let (known, _) = self.user_hours.entry(user, UserHours::default);
        let now = u32::from(at.day) * 24 + at.hour as u32;
        if known.last != now {
            known.last = now;
            known.hours.learn(at);
        }
    }

    /// Counts a program start; it tells what a day of its kind has once the day is over.
    pub(crate) fn learn_day(&mut self, at: &Moment) {
        let (counts, day) = &mut self.today;
        if *day != at.day {
            for (whole, count) in self.host_workdays.iter_mut().zip(std::mem::take(counts)) {
                *whole += count;
            }
            *day = at.day;
        }
        counts[usize::from(at.workday)] += at.weight;
    }

    /// Once a day: sequences fade by themselves, other counts by their weights.
    pub(crate) fn fade(&mut self) {
        // Fails only for a factor outside 0 to 1.
        let _ = self.sequences.0.fade(FADE);
    }

    fn relations_mut(&mut self) -> [&mut Relation; 11] {
        [
            &mut self.programs,
            &mut self.parents,
            &mut self.grandparents,
            &mut self.units,
            &mut self.folders,
            &mut self.users,
            &mut self.origins,
            &mut self.words,
            &mut self.ports,
            &mut self.networks,
            &mut self.scopes,
        ]
    }

    fn scale(&mut self, factor: f32) {
        for relation in self.relations_mut() {
            relation.scale(factor);
        }
        self.profiles.values_mut().for_each(|p| p.scale(factor));
        self.user_hours
            .values_mut()
            .for_each(|u| u.hours.scale(factor));
        self.host_hours.scale(factor);
        self.host_minute.scale(factor);
        let days = self.host_workdays.iter_mut().chain(&mut self.today.0);
        days.for_each(|count| *count *= factor);
        self.minutes.iter_mut().for_each(|m| *m *= factor);
    }

    /// Programs that are known, and entries that had to leave the exact tables.
    pub(crate) fn sizes(&self) -> (usize, u64) {
        let relations = [
            &self.programs,
            &self.parents,
            &self.grandparents,
            &self.units,
            &self.users,
            &self.words,
            &self.networks,
        ];
        let evicted = relations
            .iter()
            .map(|relation| relation.evicted_total())
            .sum();
        (self.profiles.len(), evicted)
    }
}
