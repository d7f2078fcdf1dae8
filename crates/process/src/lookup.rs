//! What the table asks of others: it does no IO itself.

use std::sync::Arc;

use sentinel_event::Sha256;

use crate::observed::{Actor, Image};

/// A process that was found in /proc.
#[derive(Debug, Clone, PartialEq)]
pub struct Seed {
    /// Who it is.
    pub actor: Actor,
    /// Whether the exec counter in `actor` is the kernel's: /proc alone does not know it.
    pub is_counted: bool,
    /// What it runs.
    pub image: Image,
}

/// Answers for processes that the table does not know.
pub trait Lookup {
    /// What /proc says about `pid` now.
    fn find(&mut self, pid: u32) -> Option<Seed>;
    /// The name of a user.
    fn user(&mut self, uid: u32) -> Option<Arc<str>>;
    /// What is known of the executable of an image that begins to run.
    fn executable(&mut self, image: &Image) -> Executable {
        let _ = image;
        Executable::default()
    }
}

/// What is known of an executable beyond what the kernel says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Executable {
    /// The package that owns it.
    pub package: Option<Arc<str>>,
    /// Its digest, if it was computed already.
    pub sha256: Option<Sha256>,
}

/// Knows nothing: for replays and tests.
pub struct NoLookup;

impl Lookup for NoLookup {
    fn find(&mut self, _: u32) -> Option<Seed> {
        None
    }

    fn user(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }
}
