//! What the table knows of ids and capabilities, and of processes that are named by their
//! pid alone.

use std::sync::Arc;

use sentinel_event::{Ids, Process};

use crate::lookup::Lookup;
use crate::observed::Actor;
use crate::table::{Table, key_of};

impl Table {
    /// The ids under which the actor was last seen; `None` when it is not known.
    pub fn ids(&self, actor: &Actor) -> Option<Ids> {
        let entry = self.entries.get(&key_of(actor))?;
        Some(Ids {
            uid: entry.image.uid,
            euid: entry.image.euid,
            gid: entry.image.gid,
            egid: entry.image.egid,
            cap_effective: entry.image.cap_effective,
        })
    }

    /// Takes note of new effective capabilities. Returns the image that has them.
    pub fn set_capabilities(&mut self, actor: &Actor, cap_effective: u64) -> Option<Arc<Process>> {
        let entry = self.entries.get_mut(&key_of(actor))?;
        if entry.image.cap_effective != cap_effective {
            entry.image = Arc::new(Process {
                cap_effective,
                ..(*entry.image).clone()
            });
        }
        Some(Arc::clone(&entry.image))
    }

    /// The process that is another's target. When only its pid is known, it is the
    /// youngest one that had this pid.
    pub fn target(
        &mut self,
        target: &Actor,
        time_ns: u64,
        lookup: &mut dyn Lookup,
    ) -> Arc<Process> {
        if target.start_ns != 0 {
            let known = self.entries.get(&key_of(target));
            return match known.map(|entry| Arc::clone(&entry.image)) {
                Some(image) => image,
                None => self.resolve(target, time_ns, lookup).0,
            };
        }
        let known = self
            .newest
            .get(&target.pid)
            .map(|start| (target.pid, *start));
        if let Some(entry) = known.and_then(|key| self.entries.get(&key)) {
            return Arc::clone(&entry.image);
        }
        let actor = match lookup.find(target.pid) {
            Some(seed) => seed.actor,
            None => *target,
        };
        self.resolve(&actor, time_ns, lookup).0
    }
}
