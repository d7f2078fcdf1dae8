//! The one list of everything that can be simulated.

use sentinel_event::{Kind, Severity, Technique};

use crate::program::Width;
use crate::traces::Trace;
use crate::{
    Failure, Place, Proof, Stage, abuse, credentials, escape, fileless, impairment, injection,
    kernel, logs, persistence, privilege, reflective, service, shells,
};

/// Attacks with one aim.
#[derive(Debug)]
pub struct Family {
    /// Its name on the command line, such as `fileless`.
    pub name: &'static str,
    /// What they have in common, in one line.
    pub summary: &'static str,
    /// The ways in which it is done.
    pub variants: &'static [Variant],
}

/// One way to carry out an attack.
#[derive(Debug)]
pub struct Variant {
    /// Its full name, such as `fileless/memfd`.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// What it does technically: the system calls in their order.
    pub steps: &'static str,
    /// The ATT&CK techniques that it shows.
    pub techniques: &'static [Technique],
    /// What a working sensor makes of it.
    pub expected: Expected,
    /// Where it needs a place for files.
    pub place: Place,
    /// What /proc shows while it is happening.
    pub proof: Proof,
    /// Files in places that the sensor watches, which are gone when it is over.
    pub traces: &'static [Trace],
    /// How it is carried out.
    pub act: Act,
    /// What may keep it out of sight on some kernels: an observation, and the way to act
    /// that not all of its hooks see, in the words of the daemon's status.
    pub hidden: Option<(&'static str, &'static str)>,
}

/// How a variant is carried out.
#[derive(Debug)]
pub enum Act {
    /// By the process itself; does not return where the attack replaces the program.
    Here(fn(&Stage) -> Result<(), Failure>),
    /// By the attack program, with these words; see `program::spell` for what is filled in.
    Program(Width, &'static [&'static str]),
}

impl Variant {
    /// A variant that the attack program carries out, in its wide build.
    pub(crate) const fn of(
        name: &'static str,
        expected: Expected,
        techniques: &'static [Technique],
        summary: &'static str,
        steps: &'static str,
        words: &'static [&'static str],
    ) -> Variant {
        Variant {
            name,
            summary,
            steps,
            techniques,
            expected,
            place: Place::Disk,
            proof: Proof::Carried,
            traces: &[],
            act: Act::Program(Width::Wide, words),
            hidden: None,
        }
    }

    /// The same by the 32-bit build, whose system calls have other numbers.
    pub(crate) const fn narrow(mut self) -> Variant {
        if let Act::Program(_, words) = self.act {
            self.act = Act::Program(Width::Narrow, words);
        }
        self
    }

    /// The same in a way that not every hook of the observation sees.
    pub(crate) const fn hiding(mut self, observation: &'static str, way: &'static str) -> Variant {
        self.hidden = Some((observation, way));
        self
    }

    /// The same with another proof.
    pub(crate) const fn proven(mut self, proof: Proof) -> Variant {
        self.proof = proof;
        self
    }

    /// The same in another place.
    pub(crate) const fn within(mut self, place: Place) -> Variant {
        self.place = place;
        self
    }

    /// The same with files in watched places.
    pub(crate) const fn leaving(mut self, traces: &'static [Trace]) -> Variant {
        self.traces = traces;
        self
    }
}

/// What a working sensor makes of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// An alert by this detection, of this severity or worse.
    Alert(&'static str, Severity),
    /// An event of this kind and no more: by itself the act is too common for an alert.
    Event(Kind),
}

/// Every family, in the order in which they are listed and run.
pub const FAMILIES: &[Family] = &[
    fileless::FAMILY,
    reflective::FAMILY,
    shells::FAMILY,
    persistence::FAMILY,
    credentials::FAMILY,
    service::FAMILY,
    injection::FAMILY,
    logs::FAMILY,
    impairment::FAMILY,
    privilege::FAMILY,
    escape::FAMILY,
    kernel::FAMILY,
    abuse::MINER,
    abuse::FLOOD,
];

/// The variants that `name` stands for: `all`, a family or a single variant.
/// `None` when nothing has that name.
pub fn select(name: &str) -> Option<Vec<&'static Variant>> {
    let all = FAMILIES.iter().flat_map(|family| family.variants);
    if name == "all" {
        return Some(all.collect());
    }
    if let Some(family) = FAMILIES.iter().find(|family| family.name == name) {
        return Some(family.variants.iter().collect());
    }
    variant(name).map(|variant| vec![variant])
}

/// The variant with this full name.
pub fn variant(name: &str) -> Option<&'static Variant> {
    FAMILIES
        .iter()
        .flat_map(|family| family.variants)
        .find(|variant| variant.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_is_named_after_its_family_once() {
        let mut names = Vec::new();
        for family in FAMILIES {
            assert!(!family.variants.is_empty(), "{} is empty", family.name);
            for variant in family.variants {
                let short = variant.name.strip_prefix(family.name);
                assert!(
                    short.is_some_and(|s| s.len() > 1 && s.starts_with('/')),
                    "{} is in family {}",
                    variant.name,
                    family.name
                );
                assert!(!names.contains(&variant.name), "{} twice", variant.name);
                names.push(variant.name);
            }
        }
    }

    #[test]
    fn every_variant_says_what_it_does_and_shows_a_technique() {
        for variant in select("all").expect("all is a name") {
            assert!(!variant.summary.is_empty() && !variant.steps.is_empty());
            assert!(!variant.techniques.is_empty(), "{}", variant.name);
        }
    }

    #[test]
    fn names_select_one_family_or_everything() {
        let count = |name| select(name).map(|variants| variants.len());
        assert_eq!(count("fileless/memfd"), Some(1));
        assert_eq!(count("fileless"), Some(fileless::FAMILY.variants.len()));
        assert_eq!(
            count("all"),
            Some(FAMILIES.iter().map(|f| f.variants.len()).sum())
        );
        assert_eq!(count("fileless/"), None);
        assert_eq!(count("memfd"), None);
    }
}
