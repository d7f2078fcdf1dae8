//! The processes of the history, rebuilt from the rows that introduce them.
//!
//! It follows the daemon's process table: an exec replaces the image of its process
//! and keeps the parent, a fork's child begins as a copy. Rows of a process that no
//! row introduced describe it as far as they can.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use sentinel_event::{Backing, ExecId, FileIdentity, MAX_ANCESTORS, Namespaces, Process, Stdio};

/// Images kept; beyond it the longest unused half is forgotten.
const IMAGES_MAX: usize = 1 << 18;
/// How many ended images are still found, for rows that come out of order.
const ENDED_MAX: usize = 4_096;

#[derive(Default)]
pub(super) struct Lineage {
    images: HashMap<ExecId, Entry>,
    /// The image that a process runs now.
    current: HashMap<u32, ExecId>,
    ended: VecDeque<ExecId>,
    /// Counts look-ups, to tell which image was used last.
    clock: u64,
}

struct Entry {
    image: Arc<Process>,
    used: u64,
}

impl Lineage {
    /// The image with this identity.
    pub fn find(&mut self, exec_id: ExecId) -> Option<&Arc<Process>> {
        self.clock += 1;
        let entry = self.images.get_mut(&exec_id)?;
        entry.used = self.clock;
        Some(&entry.image)
    }

    /// The parent of a new image. The row's list of ancestors decides who they are;
    /// what else is known of them comes from the rows that introduced them, or from
    /// the ancestry of the image that is replaced.
    pub fn parent(
        &mut self,
        pid: u32,
        parent: Option<ExecId>,
        ancestors: &[Box<str>],
    ) -> Option<Arc<Process>> {
        let exec_id = parent?;
        let replaced = self.current.get(&pid).copied();
        let replaced = replaced.and_then(|id| self.find(id)).cloned();
        let mut chain: Option<Arc<Process>> = None;
        // Whether the chain so far is the one that the next image already has.
        let mut is_known = true;
        for text in ancestors.iter().rev() {
            let Some((pid, exec_id, exe)) = parse_ancestor(text) else {
                continue;
            };
            let known = self.find(exec_id).cloned();
            let known = known.or_else(|| {
                let mut old = replaced.iter().flat_map(|image| image.ancestors());
                old.find(|image| image.exec_id == exec_id).cloned()
            });
            let parent_id = chain.as_ref().map(|parent| parent.exec_id);
            match known {
                Some(image) if is_known && &*image.exe == exe && parent_of(&image) == parent_id => {
                    chain = Some(image);
                }
                known => {
                    is_known = false;
                    let base = known.map(|image| (*image).clone());
                    let base = base.unwrap_or_else(|| stub(exec_id, pid));
                    let image = Arc::new(Process {
                        exe: exe.into(),
                        ppid: chain.as_ref().map_or(base.ppid, |parent| parent.pid),
                        parent: chain.take(),
                        ..base
                    });
                    self.learn(&image);
                    chain = Some(image);
                }
            }
        }
        chain
            .filter(|parent| parent.exec_id == exec_id)
            .or_else(|| self.find(exec_id).cloned())
            .or_else(|| Some(Arc::new(stub(exec_id, 0))))
    }

    /// Takes what a list of ancestors told about an image that was not known at all.
    fn learn(&mut self, image: &Arc<Process>) {
        let used = self.clock;
        let entry = self.images.entry(image.exec_id);
        let entry = entry.or_insert_with(|| Entry {
            image: Arc::clone(image),
            used,
        });
        if entry.image.exe.is_empty() {
            entry.image = Arc::clone(image);
        }
    }

    /// Takes an image that a row introduced.
    pub fn insert(&mut self, image: Arc<Process>) {
        if self.images.len() >= IMAGES_MAX {
            self.forget_half();
        }
        let replaced = self.current.insert(image.pid, image.exec_id);
        if let Some(replaced) = replaced.filter(|id| *id != image.exec_id) {
            self.end(replaced);
        }
        self.clock += 1;
        let used = self.clock;
        self.images.insert(image.exec_id, Entry { image, used });
    }

    /// Takes what a row told about an image that acted, introduced or not.
    pub fn update(&mut self, image: Arc<Process>) {
        if self.images.len() >= IMAGES_MAX {
            self.forget_half();
        }
        self.current.entry(image.pid).or_insert(image.exec_id);
        let used = self.clock;
        self.images.insert(image.exec_id, Entry { image, used });
    }

    /// Adds a child of `parent`, which begins as a copy of it.
    pub fn fork(
        &mut self,
        parent: &Arc<Process>,
        pid: u32,
        exec_id: ExecId,
        start_ns: i64,
    ) -> Arc<Process> {
        let child = Arc::new(Process {
            exec_id,
            pid,
            ppid: parent.pid,
            parent: Some(bounded(parent)),
            start_ns,
            ..(**parent).clone()
        });
        self.insert(Arc::clone(&child));
        child
    }

    /// Marks an image as ended; it is forgotten a little later.
    pub fn end(&mut self, exec_id: ExecId) {
        self.ended.push_back(exec_id);
        if self.ended.len() > ENDED_MAX
            && let Some(gone) = self.ended.pop_front()
        {
            self.forget(gone);
        }
    }

    fn forget(&mut self, exec_id: ExecId) {
        if let Some(entry) = self.images.remove(&exec_id)
            && self.current.get(&entry.image.pid) == Some(&exec_id)
        {
            self.current.remove(&entry.image.pid);
        }
    }

    fn forget_half(&mut self) {
        let mut used: Vec<u64> = self.images.values().map(|entry| entry.used).collect();
        let middle = used.len() / 2;
        let (_, median, _) = used.select_nth_unstable(middle);
        let median = *median;
        self.images.retain(|_, entry| entry.used >= median);
        let images = &self.images;
        self.current
            .retain(|_, exec_id| images.contains_key(exec_id));
    }
}

fn parent_of(image: &Process) -> Option<ExecId> {
    image.parent.as_ref().map(|parent| parent.exec_id)
}

/// Reads the form `pid:exec_id:path`.
fn parse_ancestor(text: &str) -> Option<(u32, ExecId, &str)> {
    let mut parts = text.splitn(3, ':');
    let pid = parts.next()?.parse().ok()?;
    let exec_id = ExecId::parse(parts.next()?)?;
    Some((pid, exec_id, parts.next()?))
}

/// The parent itself, or, where its ancestry has reached the bound, a copy that is cut
/// off from it, as in the daemon's table.
pub(super) fn bounded(parent: &Arc<Process>) -> Arc<Process> {
    if parent.ancestors().count() + 1 < MAX_ANCESTORS {
        return Arc::clone(parent);
    }
    Arc::new(Process {
        parent: None,
        ..(**parent).clone()
    })
}

/// A process of which only the identity is known.
pub(super) fn stub(exec_id: ExecId, pid: u32) -> Process {
    Process {
        exec_id,
        pid,
        parent: None,
        ppid: 0,
        start_ns: 0,
        exe: Arc::default(),
        file: FileIdentity::default(),
        backing: Backing::default(),
        comm: Arc::default(),
        argv: Arc::default(),
        cwd: Arc::default(),
        uid: 0,
        euid: 0,
        gid: 0,
        egid: 0,
        auid: None,
        session: None,
        user: None,
        cap_effective: 0,
        tty: None,
        cgroup: Arc::default(),
        cgroup_id: 0,
        namespaces: Namespaces::default(),
        stdio: Arc::new(std::array::from_fn(|_| Stdio::default())),
        package: None,
        sha256: None,
    }
}
