//! Follows the processes of one host through fork, exec and exit, so that every
//! event has its process with ancestry. Processes that were never introduced are
//! made up from what their lines say.

use std::collections::HashMap;
use std::sync::Arc;

use sentinel_event::{ExecId, MAX_ANCESTORS, Namespaces, Process, Stdio};

use crate::line::{Actor, Image};

/// The user id of a process of which nobody told it: the kernel's invalid uid.
const UNKNOWN_UID: u32 = u32::MAX;

/// Processes that are followed at once. Lines may come from where nobody tells of exits; of
/// more, those of which nothing was heard for the longest are forgotten.
const LIVING_MAX: usize = 1 << 16;
/// An exec under another parent than the one known, so long after the process began, is that
/// of another process with the same pid, whose predecessor's exit nobody told. Sooner, its
/// parent may just have ended.
const OTHER_PARENT_NS: i64 = 60 * 1_000_000_000;
/// The same where no parent is told, and nothing was heard of the pid for so long.
const SILENT_NS: i64 = 3_600 * 1_000_000_000;

/// The living processes of one host.
pub struct Table {
    /// Stands for the boot in every [`ExecId`]: made of the host's name.
    boot_id: u128,
    living: HashMap<u32, Entry>,
}

struct Entry {
    process: Arc<Process>,
    /// Execs so far, which with pid and start makes the image's identity.
    exec_seq: u32,
    /// Length of the ancestry, kept here because counting it means walking it.
    depth: usize,
    made_up: bool,
    /// When its image began.
    since_ns: i64,
    /// When a line last named it, as actor or parent.
    heard_ns: i64,
}

impl Entry {
    /// Whether an exec of its pid is that of another process.
    fn is_followed_by(&self, time_ns: i64, actor: &Actor) -> bool {
        match actor.ppid {
            Some(ppid) if ppid == self.process.ppid => false,
            Some(_) => time_ns - self.since_ns > OTHER_PARENT_NS,
            None => time_ns - self.heard_ns > SILENT_NS,
        }
    }
}

/// A process, and whether it had to be made up for this line.
pub struct Known {
    pub process: Arc<Process>,
    pub made_up: bool,
}

impl Table {
    pub fn new(host: &str) -> Table {
        // FNV-1a: the same file must always give the same ids.
        let boot_id = host.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Table {
            boot_id: u128::from(boot_id),
            living: HashMap::new(),
        }
    }

    /// The process `pid` as the actor of a line. When the line names another
    /// executable than the one known, its exec was not told and is made up.
    pub fn actor(&mut self, pid: u32, time_ns: i64, actor: &Actor) -> Known {
        let Some(entry) = self.living.get_mut(&pid) else {
            let process = self.make_up(pid, time_ns, actor);
            return Known {
                process,
                made_up: true,
            };
        };
        entry.heard_ns = time_ns;
        let missed_exec = match &actor.exe {
            Some(exe) => **exe != *entry.process.exe,
            None => false,
        };
        if !missed_exec {
            return Known {
                process: entry.process.clone(),
                made_up: entry.made_up,
            };
        }
        let (_, known) = self.exec(pid, time_ns, actor, &Image::default());
        if let Some(entry) = self.living.get_mut(&pid) {
            entry.made_up = true;
        }
        Known {
            made_up: true,
            ..known
        }
    }

    /// `pid` creates `child`, which starts as a copy of its image.
    pub fn fork(
        &mut self,
        pid: u32,
        child: u32,
        time_ns: i64,
        actor: &Actor,
    ) -> (Known, Arc<Process>) {
        let parent = self.actor(pid, time_ns, actor);
        let process = Process {
            exec_id: self.exec_id(child, time_ns, 0),
            pid: child,
            ppid: pid,
            start_ns: time_ns,
            ..(*parent.process).clone()
        };
        let process = self.enter(process, Some(parent.process.clone()), 0, time_ns, false);
        (parent, process)
    }

    /// `pid` starts a program. Gives the executable that was replaced and the new
    /// image; what the line leaves out is inherited from the old one.
    pub fn exec(
        &mut self,
        pid: u32,
        time_ns: i64,
        actor: &Actor,
        image: &Image,
    ) -> (Arc<str>, Known) {
        let same = |entry: &&Entry| !entry.is_followed_by(time_ns, actor);
        let (old, exec_seq, made_up) = match self.living.get(&pid).filter(same) {
            Some(entry) => (entry.process.clone(), entry.exec_seq + 1, false),
            None => {
                // Before its exec it was a copy of its parent.
                let before = Actor {
                    ppid: actor.ppid,
                    ..Actor::default()
                };
                (self.make_up(pid, time_ns, &before), 1, true)
            }
        };
        let mut process = Process {
            exec_id: self.exec_id(pid, old.start_ns, exec_seq),
            ppid: actor.ppid.unwrap_or(old.ppid),
            ..(*old).clone()
        };
        describe(&mut process, actor, image);
        let parent = old.parent.clone();
        let process = self.enter(process, parent, exec_seq, time_ns, false);
        (old.exe.clone(), Known { process, made_up })
    }

    /// `pid` ended. Its image lives on as the ancestor of its children.
    pub fn exit(&mut self, pid: u32) {
        self.living.remove(&pid);
    }

    /// Enters a process that no line introduced: a copy of its parent where that is
    /// known, with what the line says about it.
    fn make_up(&mut self, pid: u32, time_ns: i64, actor: &Actor) -> Arc<Process> {
        let ppid = actor.ppid.unwrap_or(0);
        let parent = (ppid != 0 && ppid != pid).then(|| {
            let living = self.living.get_mut(&ppid).map(|entry| {
                entry.heard_ns = time_ns;
                entry.process.clone()
            });
            living.unwrap_or_else(|| self.make_up(ppid, time_ns, &Actor::default()))
        });
        let copied = parent.as_deref().cloned().unwrap_or_else(|| unknown(pid));
        let mut process = Process {
            exec_id: self.exec_id(pid, time_ns, 0),
            pid,
            ppid,
            start_ns: time_ns,
            ..copied
        };
        if let Some(exe) = &actor.exe {
            process.exe = exe.as_str().into();
            process.file = Default::default();
            process.backing = Default::default();
            process.argv = Arc::new([]);
        }
        describe_actor(&mut process, actor);
        self.enter(process, parent, 0, time_ns, true)
    }

    fn enter(
        &mut self,
        mut process: Process,
        parent: Option<Arc<Process>>,
        exec_seq: u32,
        time_ns: i64,
        made_up: bool,
    ) -> Arc<Process> {
        let depth = parent.as_ref().map_or(0, |parent| {
            let known = self.living.get(&parent.pid);
            match known.filter(|entry| Arc::ptr_eq(&entry.process, parent)) {
                Some(entry) => entry.depth + 1,
                None => parent.ancestors().count() + 1,
            }
        });
        // Chains may grow for ever when each process starts the next and ends. They
        // are cut only at twice the limit, so that the copying is rare.
        let (parent, depth) = match parent {
            Some(parent) if depth > 2 * MAX_ANCESTORS => {
                (Some(cut(&parent, MAX_ANCESTORS)), MAX_ANCESTORS)
            }
            parent => (parent, depth),
        };
        process.parent = parent;
        let process = Arc::new(process);
        let entry = Entry {
            process: process.clone(),
            exec_seq,
            depth,
            made_up,
            since_ns: time_ns,
            heard_ns: time_ns,
        };
        self.living.insert(process.pid, entry);
        if self.living.len() > LIVING_MAX {
            self.forget();
        }
        process
    }

    /// Forgets the quarter of which nothing was heard for the longest.
    fn forget(&mut self) {
        let mut heard: Vec<(i64, u32)> = self
            .living
            .iter()
            .map(|(pid, entry)| (entry.heard_ns, *pid))
            .collect();
        // By pid where times are equal, so that the same file always gives the same events.
        let (oldest, ..) = heard.select_nth_unstable(LIVING_MAX / 4);
        for (_, pid) in oldest {
            self.living.remove(pid);
        }
    }

    fn exec_id(&self, pid: u32, start_ns: i64, exec_seq: u32) -> ExecId {
        // The start is not known in clock ticks; nanoseconds identify it as well.
        ExecId::new(self.boot_id, pid, start_ns as u64, exec_seq)
    }
}

/// The process with only its nearest `keep - 1` ancestors.
fn cut(process: &Arc<Process>, keep: usize) -> Arc<Process> {
    let mut kept: Vec<Process> = std::iter::once(process)
        .chain(process.ancestors())
        .take(keep)
        .map(|ancestor| Process {
            parent: None,
            ..(**ancestor).clone()
        })
        .collect();
    let mut parent = None;
    while let Some(mut ancestor) = kept.pop() {
        ancestor.parent = parent;
        parent = Some(Arc::new(ancestor));
    }
    parent.unwrap_or_else(|| process.clone())
}

fn describe_actor(process: &mut Process, actor: &Actor) {
    if let Some(uid) = actor.uid {
        process.uid = uid;
        process.euid = uid;
        process.user = None;
    }
    if let Some(user) = &actor.user {
        process.user = Some(user.as_str().into());
    }
    if let Some(comm) = &actor.comm {
        process.comm = comm.as_str().into();
    }
}

fn describe(process: &mut Process, actor: &Actor, image: &Image) {
    if let Some(exe) = &actor.exe {
        process.exe = exe.as_str().into();
    }
    // The kernel names a task after the file that it runs.
    let name = process.exe.rsplit('/').next().unwrap_or("");
    process.comm = name.chars().take(15).collect::<String>().into();
    describe_actor(process, actor);
    process.argv = image.argv.iter().map(|a| a.as_str().into()).collect();
    process.file = image.file;
    process.backing = image.backing;
    let set = |field: &mut u32, value: Option<u32>| *field = value.unwrap_or(*field);
    set(&mut process.euid, image.euid);
    set(&mut process.gid, image.gid);
    set(&mut process.egid, image.egid.or(image.gid));
    let ns = &mut process.namespaces;
    let own = [
        &mut ns.mnt,
        &mut ns.pid,
        &mut ns.net,
        &mut ns.user,
        &mut ns.uts,
        &mut ns.ipc,
        &mut ns.cgroup,
    ];
    own.into_iter()
        .zip(image.namespaces)
        .for_each(|(field, value)| set(field, value));
    process.auid = image.auid.or(process.auid);
    process.session = image.session.or(process.session);
    process.cap_effective = image.cap_effective.unwrap_or(process.cap_effective);
    match (&image.tty_name, image.tty) {
        (Some(name), _) => process.tty = Some(name.as_str().into()),
        (None, Some(true)) => process.tty = process.tty.take().or(Some("tty".into())),
        (None, Some(false)) => process.tty = None,
        (None, None) => {}
    }
    if let Some(cwd) = &image.cwd {
        process.cwd = cwd.as_str().into();
    }
    if let Some(cgroup) = &image.cgroup {
        process.cgroup = cgroup.as_str().into();
    }
    if let Some(stdio) = &image.stdio {
        process.stdio = Arc::new(stdio.clone());
    }
}

/// A process of which only the pid is known.
pub fn unknown(pid: u32) -> Process {
    Process {
        exec_id: ExecId::default(),
        pid,
        parent: None,
        ppid: 0,
        start_ns: 0,
        exe: "".into(),
        file: Default::default(),
        backing: Default::default(),
        comm: "".into(),
        argv: Arc::new([]),
        cwd: "".into(),
        uid: UNKNOWN_UID,
        euid: UNKNOWN_UID,
        gid: UNKNOWN_UID,
        egid: UNKNOWN_UID,
        auid: None,
        session: None,
        user: None,
        cap_effective: 0,
        tty: None,
        cgroup: "".into(),
        cgroup_id: 0,
        namespaces: Namespaces::default(),
        stdio: Arc::new([Stdio::default(), Stdio::default(), Stdio::default()]),
        package: None,
        sha256: None,
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
