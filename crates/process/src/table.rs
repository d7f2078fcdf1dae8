//! The bounded table of processes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;
use sentinel_event::{ExecId, MAX_ANCESTORS, Process};

use crate::lookup::{Lookup, NoLookup, Seed};
use crate::observed::{Actor, Image};
use crate::ticks;

/// What the table counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Processes known now.
    pub size: u64,
    /// The most that it holds.
    pub capacity: u64,
    /// Processes forgotten because it was full.
    pub evicted_total: u64,
    /// Events whose process had to be made up.
    pub unknown_total: u64,
}

/// The processes that live, and those that ended a moment ago.
///
/// An entry is found by pid and start time, so a reused pid is another entry. Each
/// entry holds the images that the process ran lately: records of the two rings reach
/// the table slightly out of order, and the kernel's exec counter in every record says
/// which image acted.
pub struct Table {
    boot_id: u128,
    /// Unix time of boot, in nanoseconds.
    boot_ns: i64,
    capacity: usize,
    pub(super) entries: IndexMap<Key, Entry>,
    /// The start of the youngest process with a pid, for looking up parents by pid.
    pub(super) newest: HashMap<u32, u64>,
    ended: VecDeque<(u64, Key)>,
    evicted_total: u64,
    unknown_total: u64,
    random: u64,
}

/// Pid and start in clock ticks: what both the kernel's records and /proc can tell.
pub(super) type Key = (u32, u64);

pub(super) struct Entry {
    /// The exec counter of `image`; `None` until the first record of a seeded process.
    exec_seq: Option<u32>,
    pub(super) image: Arc<Process>,
    /// The images before this one, latest last, at most [`IMAGES_KEPT`].
    previous: Vec<(u32, Arc<Process>)>,
    active_ns: u64,
    /// When `image` was last seen to change its ids without an exec.
    ids_ns: u64,
}

/// How long an ended process is still found, for records that come out of order.
const ENDED_GRACE_NS: u64 = 5_000_000_000;
/// Of more than so many ended processes each is found for this long only: a storm of short
/// ones would fill the table, and the bulk ring is read several times a second.
const ENDED_KEPT: usize = 4_096;
const ENDED_GRACE_MANY_NS: u64 = 1_000_000_000;
/// Images of one process that are kept for records that come late: under a flood of the
/// bulk ring a record may be older than several execs of its process.
const IMAGES_KEPT: usize = 4;
/// How many entries are compared for the one that was longest inactive.
const EVICTION_SAMPLE: usize = 8;

impl Table {
    /// An empty table. `boot_ns` is the Unix time of boot in nanoseconds, `capacity`
    /// the most processes that it holds.
    pub fn new(boot_id: u128, boot_ns: i64, capacity: usize) -> Table {
        Table {
            boot_id,
            boot_ns,
            capacity: capacity.max(2),
            entries: IndexMap::new(),
            newest: HashMap::new(),
            ended: VecDeque::new(),
            evicted_total: 0,
            unknown_total: 0,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// What the table counts.
    pub fn counters(&self) -> Counters {
        Counters {
            size: self.entries.len() as u64,
            capacity: self.capacity as u64,
            evicted_total: self.evicted_total,
            unknown_total: self.unknown_total,
        }
    }

    /// The latest images of the processes that have not ended, by process id.
    pub fn living(&self) -> Vec<Arc<Process>> {
        let ended: HashSet<Key> = self.ended.iter().map(|(_, key)| *key).collect();
        let living = self.entries.iter().filter(|(key, _)| !ended.contains(*key));
        let mut images: Vec<_> = living.map(|(_, entry)| Arc::clone(&entry.image)).collect();
        images.sort_by_key(|image| (image.pid, image.start_ns));
        images
    }

    /// Adds processes found in /proc, parents before children, and returns their images.
    /// A process that is known already is left as it is and not returned.
    pub fn seed(&mut self, mut seeds: Vec<Seed>, lookup: &mut dyn Lookup) -> Vec<Arc<Process>> {
        seeds.sort_by_key(|seed| (seed.actor.start_ns, seed.actor.pid));
        let mut images = Vec::with_capacity(seeds.len());
        for seed in seeds {
            let key = key_of(&seed.actor);
            if !self.entries.contains_key(&key) {
                images.push(self.insert_seed(key, seed, lookup));
            }
        }
        images
    }

    fn insert_seed(&mut self, key: Key, seed: Seed, lookup: &mut dyn Lookup) -> Arc<Process> {
        let parent = self.newest_with_pid(seed.actor.ppid, seed.actor.start_ns);
        let exec_seq = seed.is_counted.then_some(seed.actor.exec_seq);
        let image = self.build(
            &seed.actor,
            exec_seq.unwrap_or(0),
            seed.image,
            parent,
            lookup,
        );
        self.insert(key, exec_seq, Arc::clone(&image), seed.actor.start_ns);
        image
    }

    /// The living process with this pid that is not younger than its child.
    fn newest_with_pid(&self, pid: u32, not_after_ns: u64) -> Option<Arc<Process>> {
        let start = *self.newest.get(&pid)?;
        let entry = self.entries.get(&(pid, start))?;
        (start <= ticks(not_after_ns)).then(|| Arc::clone(&entry.image))
    }

    /// The image that acted, and whether it was known.
    pub fn resolve(
        &mut self,
        actor: &Actor,
        time_ns: u64,
        lookup: &mut dyn Lookup,
    ) -> (Arc<Process>, bool) {
        let key = key_of(actor);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.active_ns = time_ns;
            if let Some(image) = entry.image_for(actor, time_ns, lookup) {
                return (image, true);
            }
        }
        self.unknown_total += 1;
        if let Some(entry) = self.entries.get(&key).filter(|e| e.is_newer_than(actor)) {
            // That image is gone: /proc would tell of its successor, which keeps its place.
            let parent = entry.image.parent.clone();
            let image = self.build(actor, actor.exec_seq, Image::default(), parent, lookup);
            return (image, false);
        }
        (self.make_up(key, actor, time_ns, lookup), false)
    }

    /// Builds an image for a process whose fork or exec was lost: from /proc while it
    /// still runs, else from what the record itself says.
    fn make_up(
        &mut self,
        key: Key,
        actor: &Actor,
        time_ns: u64,
        lookup: &mut dyn Lookup,
    ) -> Arc<Process> {
        let image = match lookup.find(actor.pid) {
            Some(seed) if ticks(seed.actor.start_ns) == key.1 => seed.image,
            _ => Image::default(),
        };
        let parent = match self.entries.get(&key) {
            Some(entry) => entry.image.parent.clone(),
            None => self.newest_with_pid(actor.ppid, actor.start_ns),
        };
        let image = self.build(actor, actor.exec_seq, image, parent, lookup);
        self.insert(key, Some(actor.exec_seq), Arc::clone(&image), time_ns);
        image
    }

    /// Replaces the actor's image. Returns the new one and the executable it replaced.
    pub fn exec(
        &mut self,
        actor: &Actor,
        time_ns: u64,
        image: Image,
        lookup: &mut dyn Lookup,
    ) -> (Arc<Process>, Arc<str>) {
        let key = key_of(actor);
        let mut previous = Vec::new();
        let (parent, previous_exe) = match self.entries.get_mut(&key) {
            Some(entry) => {
                // The kernel counts up by one per exec, so the image before had one less.
                let seq = entry.exec_seq.unwrap_or(actor.exec_seq.wrapping_sub(1));
                previous = std::mem::take(&mut entry.previous);
                let parent = entry.image.parent.clone();
                if seq == actor.exec_seq {
                    // /proc told of this image before the record of its beginning came.
                    let before = previous.last().map(|(_, image)| Arc::clone(&image.exe));
                    (parent, before.unwrap_or_default())
                } else {
                    previous.push((seq, Arc::clone(&entry.image)));
                    previous.drain(..previous.len().saturating_sub(IMAGES_KEPT));
                    (parent, Arc::clone(&entry.image.exe))
                }
            }
            None => {
                let parent = self.newest_with_pid(actor.ppid, actor.start_ns);
                (parent, Arc::default())
            }
        };
        let image = self.build(actor, actor.exec_seq, image, parent, lookup);
        self.insert(key, Some(actor.exec_seq), Arc::clone(&image), time_ns);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.previous = previous;
        }
        (image, previous_exe)
    }

    /// Adds a child of `parent`, which begins as a copy of it.
    pub fn fork(
        &mut self,
        parent: &Arc<Process>,
        exec_seq: u32,
        child: (u32, u32, u64),
        time_ns: u64,
    ) -> Arc<Process> {
        let (pid, ppid, start_ns) = child;
        let key = (pid, ticks(start_ns));
        let image = Arc::new(Process {
            exec_id: ExecId::new(self.boot_id, pid, key.1, exec_seq),
            pid,
            ppid,
            parent: Some(bounded(parent)),
            start_ns: self.boot_ns + start_ns as i64,
            ..(**parent).clone()
        });
        self.insert(key, Some(exec_seq), Arc::clone(&image), time_ns);
        image
    }

    /// Marks the actor as ended; it is forgotten a little later.
    pub fn exit(&mut self, actor: &Actor, time_ns: u64) {
        self.ended.push_back((time_ns, key_of(actor)));
        while let Some((ended_ns, key)) = self.ended.front().copied() {
            let grace_ns = match self.ended.len() {
                0..=ENDED_KEPT => ENDED_GRACE_NS,
                _ => ENDED_GRACE_MANY_NS,
            };
            if ended_ns.saturating_add(grace_ns) > time_ns && self.ended.len() < self.capacity {
                break;
            }
            self.ended.pop_front();
            if let Some(index) = self.entries.get_index_of(&key) {
                self.remove(index);
            }
        }
    }

    fn insert(&mut self, key: Key, exec_seq: Option<u32>, image: Arc<Process>, active_ns: u64) {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            self.evict();
        }
        let newest = self.newest.entry(key.0).or_default();
        *newest = key.1.max(*newest);
        self.entries.insert(
            key,
            Entry {
                exec_seq,
                image,
                previous: Vec::new(),
                active_ns,
                ids_ns: active_ns,
            },
        );
    }

    /// Forgets the process that was longest inactive among a few drawn by lot, as
    /// Redis approximates LRU; pid 1 always stays.
    fn evict(&mut self) {
        let mut victim: Option<(usize, u64)> = None;
        for _ in 0..EVICTION_SAMPLE {
            // Knuth's MMIX generator: the lot needs to be fair, not secret.
            self.random = self
                .random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let index = (self.random >> 33) as usize % self.entries.len();
            let (key, entry) = match self.entries.get_index(index) {
                Some(pair) if pair.0.0 != 1 => pair,
                _ => continue,
            };
            debug_assert_ne!(key.0, 1);
            if victim.is_none_or(|(_, active_ns)| entry.active_ns < active_ns) {
                victim = Some((index, entry.active_ns));
            }
        }
        if let Some((index, _)) = victim {
            self.remove(index);
            self.evicted_total += 1;
        }
    }

    fn remove(&mut self, index: usize) {
        if let Some(((pid, start), _)) = self.entries.swap_remove_index(index)
            && self.newest.get(&pid) == Some(&start)
        {
            self.newest.remove(&pid);
        }
    }

    /// A process with id 0 and nothing else: whom events concern that no process caused.
    pub fn nobody(&self) -> Arc<Process> {
        let actor = Actor::default();
        self.build(&actor, 0, Image::default(), None, &mut NoLookup)
    }

    fn build(
        &self,
        actor: &Actor,
        exec_seq: u32,
        image: Image,
        parent: Option<Arc<Process>>,
        lookup: &mut dyn Lookup,
    ) -> Arc<Process> {
        let known = lookup.executable(&image);
        Arc::new(Process {
            exec_id: ExecId::new(self.boot_id, actor.pid, ticks(actor.start_ns), exec_seq),
            pid: actor.pid,
            parent: parent.as_ref().map(bounded),
            ppid: actor.ppid,
            start_ns: self.boot_ns + actor.start_ns as i64,
            exe: image.exe,
            file: image.file,
            backing: image.backing,
            comm: image.comm,
            argv: image.argv.into(),
            cwd: image.cwd,
            uid: actor.uid,
            euid: actor.euid,
            gid: actor.gid,
            egid: actor.egid,
            auid: image.auid,
            session: image.session,
            user: lookup.user(actor.uid),
            cap_effective: image.cap_effective,
            tty: image.tty,
            cgroup: image.cgroup,
            cgroup_id: image.cgroup_id,
            namespaces: image.namespaces,
            stdio: Arc::new(image.stdio),
            package: known.package,
            sha256: known.sha256,
        })
    }
}

impl Entry {
    /// The image with this exec counter; `None` when an exec must have been lost.
    fn image_for(
        &mut self,
        actor: &Actor,
        time_ns: u64,
        lookup: &mut dyn Lookup,
    ) -> Option<Arc<Process>> {
        let current = *self.exec_seq.get_or_insert(actor.exec_seq);
        if current == actor.exec_seq {
            self.follow_credentials(actor, time_ns, lookup);
            return Some(Arc::clone(&self.image));
        }
        let found = self.previous.iter().find(|(seq, _)| *seq == actor.exec_seq);
        found.map(|(_, image)| Arc::clone(image))
    }

    /// Whether the actor's image came before the present one. The kernel's counter may
    /// wrap, so the difference decides.
    fn is_newer_than(&self, actor: &Actor) -> bool {
        self.exec_seq
            .is_some_and(|seq| (actor.exec_seq.wrapping_sub(seq) as i32) < 0)
    }

    /// A process may change its user without an exec; later events then carry the new
    /// one, while those before keep the image that they were given. A record that comes
    /// late, from the other ring, does not give the old ids back.
    fn follow_credentials(&mut self, actor: &Actor, time_ns: u64, lookup: &mut dyn Lookup) {
        let image = &self.image;
        let known = (image.uid, image.euid, image.gid, image.egid);
        if known != (actor.uid, actor.euid, actor.gid, actor.egid) && time_ns >= self.ids_ns {
            self.ids_ns = time_ns;
            self.image = Arc::new(Process {
                uid: actor.uid,
                euid: actor.euid,
                gid: actor.gid,
                egid: actor.egid,
                user: lookup.user(actor.uid),
                ..(*self.image).clone()
            });
        }
    }
}

pub(super) fn key_of(actor: &Actor) -> Key {
    (actor.pid, ticks(actor.start_ns))
}

/// The parent itself, or, where its ancestry has reached the bound, a copy that is cut
/// off from it: a relay of forks must not keep a chain of dead processes alive.
fn bounded(parent: &Arc<Process>) -> Arc<Process> {
    if parent.ancestors().count() + 1 < MAX_ANCESTORS {
        return Arc::clone(parent);
    }
    Arc::new(Process {
        parent: None,
        ..(**parent).clone()
    })
}
