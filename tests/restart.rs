//! A daemon that is killed leaves its kernel programs to the next one: nothing that happens
//! in between is missed, nothing is told twice, every count goes on. One that is stopped
//! leaves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use sentinel_event::{Detail, Event, Kind, Ring};
use sentinel_store::replay::{Source, TimeRange};
use tempfile::TempDir;

use crate::loss::{ring, settled};
use crate::support::{Daemon, eventually, sentinel};

const FOLDERS: &str = "/sys/fs/bpf/sentinel";

/// Whether the BPF file system keeps the programs here; prints why a test skips when not.
fn can_keep(test: &str, daemon: &Daemon) -> bool {
    let kept = folder_of(daemon.data().as_path()).is_some();
    if !kept {
        println!("skipped: {test}: nothing keeps the kernel programs here");
    }
    kept
}

/// The folder in which the programs of a data folder's daemon are kept.
fn folder_of(data: &Path) -> Option<PathBuf> {
    let data = fs::canonicalize(data).ok()?;
    let folders = fs::read_dir(FOLDERS).ok()?.flatten();
    let mut paths = folders.map(|folder| folder.path());
    paths.find(|path| fs::read_link(path.join("data_dir")).is_ok_and(|link| link == data))
}

/// Runs a program again and again, each time with the next number.
struct Counting {
    shell: Child,
    program: PathBuf,
    ran: PathBuf,
    _dir: TempDir,
}

impl Counting {
    fn start() -> Counting {
        let dir = TempDir::new().expect("a folder");
        let (program, ran) = (dir.path().join("numbered"), dir.path().join("ran"));
        fs::copy("/bin/true", &program).expect("copies");
        // A file that is opened once for each number, by this one process.
        let script = "i=0; while [ ! -e \"$2.stop\" ]; do i=$((i+1)); \"$1\" $i; : <\"$2.opened\"; \
                      echo $i >\"$2.new\"; mv \"$2.new\" \"$2\"; done";
        let opened = ran.with_extension("opened");
        File::create(&opened).expect("makes a file");
        let shell = Command::new("/bin/sh")
            .args(["-c", script, "sh"])
            .args([&program, &ran])
            .stdin(Stdio::null())
            .spawn()
            .expect("sh runs");
        Counting {
            shell,
            program,
            ran,
            _dir: dir,
        }
    }

    fn so_far(&self) -> u64 {
        let text = fs::read_to_string(&self.ran).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Lets so many more run.
    fn wait_for_more(&self, more: u64) {
        let until = self.so_far() + more;
        eventually("programs to run", || (self.so_far() >= until).then_some(()));
    }

    /// Ends it, and says how many have run.
    fn stop(&mut self) -> u64 {
        File::create(self.ran.with_extension("stop")).expect("makes a file");
        assert!(self.shell.wait().expect("ends").success());
        self.so_far()
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// All events in a stopped daemon's folder.
fn stored(dir: &TempDir) -> Vec<Event> {
    let source = Source::open(&dir.path().join("data"), TimeRange::ALL).expect("opens");
    let batches: Vec<_> = source.map(|batch| batch.expect("reads")).collect();
    batches
        .iter()
        .flat_map(|batch| batch.iter().cloned())
        .collect()
}

/// How often each number ran, by the history.
fn numbers(events: &[Event], program: &Path) -> BTreeMap<u64, usize> {
    let mut found = BTreeMap::new();
    let execs = events.iter().filter(|event| event.kind() == Kind::Exec);
    for event in execs.filter(|event| Path::new(&*event.process.exe) == program) {
        let number = event.process.argv[1].parse().expect("a number");
        *found.entry(number).or_default() += 1;
    }
    found
}

/// How many of a kind were told to be lost.
fn lost_of(events: &[Event], kind: Kind) -> u64 {
    let lost = events.iter().filter_map(|event| match &event.detail {
        Detail::Lost(lost) if lost.kind == Some(kind) => Some(lost.count),
        _ => None,
    });
    lost.sum()
}

/// A daemon's own work is not told, not even by programs that another one loaded.
fn check_silence(events: &[Event], daemons: &[u32]) {
    let loads = events.iter().filter(|event| event.kind() == Kind::Bpf);
    let own: Vec<_> = loads
        .filter(|event| daemons.contains(&event.process.pid))
        .collect();
    assert!(own.is_empty(), "{own:#?}");
}

#[test]
fn nothing_is_missed_or_told_twice_when_the_daemon_is_killed() {
    const NAME: &str = "nothing_is_missed_or_told_twice_when_the_daemon_is_killed";
    let Some(mut daemon) = Daemon::start(NAME) else {
        return;
    };
    if !can_keep(NAME, &daemon) {
        return;
    }
    let mut counting = Counting::start();
    let mut sent = [0; 2];
    let mut pids = vec![daemon.pid()];
    for pause_ms in [1_300, 700] {
        counting.wait_for_more(150);
        thread::sleep(Duration::from_millis(pause_ms));
        let before = daemon.ctl_json(&["--json", "status"]);
        let left = daemon.kill();
        counting.wait_for_more(100);
        daemon = left.start_again();
        pids.push(daemon.pid());
        let status = daemon.ctl_json(&["--json", "status"]);
        for (index, of) in Ring::ALL.into_iter().enumerate() {
            let [now, ..] = ring(&status, of);
            assert!(
                now > ring(&before, of)[0] && now > sent[index],
                "the counters began anew: {before} {status}"
            );
            sent[index] = now;
        }
    }
    counting.wait_for_more(100);
    let ran = counting.stop();
    // Sums to the last record, over both kills.
    let status = settled(&daemon);
    // On a busy machine the bulk ring may be full before there is a daemon again.
    let [.., lost] = ring(&status, Ring::Priority);
    assert_eq!(lost, 0, "{}", status["rings"]);
    let dir = daemon.stop();
    let events = stored(&dir);
    let lost_opens = lost_of(&events, Kind::Open);
    let found = numbers(&events, &counting.program);
    let missed: Vec<_> = (1..=ran).filter(|n| !found.contains_key(n)).collect();
    let twice: Vec<_> = found.iter().filter(|(_, times)| **times > 1).collect();
    assert!(
        missed.is_empty() && twice.is_empty(),
        "of {ran} missed {missed:?}, twice {twice:?}"
    );
    // All of them have the same parent, which lived through it all.
    let of_program = |event: &&Event| Path::new(&*event.process.exe) == counting.program;
    let parents: BTreeSet<_> = events
        .iter()
        .filter(|event| event.kind() == Kind::Exec)
        .filter(of_program)
        .map(|event| {
            let parent = event.process.parent.as_ref().expect("has a parent");
            (
                parent.exec_id,
                parent.exe.to_string(),
                parent.argv[1].to_string(),
            )
        })
        .collect();
    assert_eq!(parents.len(), 1, "{parents:?}");
    // Repeats, which the kernel counts, are neither missed nor told twice.
    let opened = counting.ran.with_extension("opened");
    let opens: u64 = events
        .iter()
        .filter(|event| match &event.detail {
            Detail::Open(open) => Path::new(&*open.path) == opened,
            _ => false,
        })
        .filter(|event| event.process.pid == counting.shell.id())
        .map(|event| event.count)
        .sum();
    assert!(
        opens <= ran && ran <= opens + lost_opens,
        "{opens} opens of one file, {lost_opens} lost, of {ran}"
    );
    check_silence(&events, &pids);
    // Each ends once. The one that runs at a kill may end before the next daemon has looked
    // who lives: its end is told, but not whose it was.
    let exits = events
        .iter()
        .filter(|event| event.kind() == Kind::Exit)
        .filter(of_program)
        .count();
    let kills = pids.len() as u64 - 1;
    assert!(
        (ran - kills..=ran).contains(&(exits as u64)),
        "{exits} ends of {ran}"
    );
}

/// The numbers of the BPF programs that a process holds.
fn programs_of(pid: u32) -> BTreeSet<u32> {
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("reads");
    infos
        .flatten()
        .filter_map(|info| fs::read_to_string(info.path()).ok())
        .filter_map(|info| {
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix("prog_id:"))?;
            line.trim().parse().ok()
        })
        .collect()
}

/// Those of them that the kernel still has.
fn loaded_of(programs: &BTreeSet<u32>) -> BTreeSet<u32> {
    let is_loaded = |id: &&u32| libbpf_rs::Program::fd_from_id(**id).is_ok();
    programs.iter().filter(is_loaded).copied().collect()
}

fn are_loaded(programs: &BTreeSet<u32>) -> bool {
    !loaded_of(programs).is_empty()
}

#[test]
fn an_orderly_end_leaves_nothing() {
    const NAME: &str = "an_orderly_end_leaves_nothing";
    let Some(daemon) = Daemon::start(NAME) else {
        return;
    };
    let programs = programs_of(daemon.pid());
    assert!(
        !programs.is_empty() && are_loaded(&programs),
        "{programs:?}"
    );
    let kept = can_keep(NAME, &daemon);
    let left = daemon.kill();
    assert_eq!(are_loaded(&programs), kept, "after a kill");
    let daemon = left.start_again();
    if kept {
        // Those that others call are held by the table in which these find them.
        let held = programs_of(daemon.pid());
        assert!(!held.is_empty() && held.is_subset(&programs), "{held:?}");
        assert_eq!(loaded_of(&programs), programs, "they are not the same");
    }
    let data = daemon.data();
    let programs: BTreeSet<_> = &programs | &programs_of(daemon.pid());
    daemon.signal(Signal::SIGTERM);
    let dir = daemon.stop();
    eventually("the programs to be gone", || {
        (!are_loaded(&programs)).then_some(())
    });
    assert_eq!(folder_of(&data), None);
    drop(dir);
}

/// Runs a program under a name of its own.
fn mark(dir: &TempDir, name: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::copy("/bin/true", &path).expect("copies");
    assert!(Command::new(&path).status().expect("runs").success());
    path
}

fn was_seen(events: &[Event], program: &Path) -> usize {
    let execs = events.iter().filter(|event| event.kind() == Kind::Exec);
    execs
        .filter(|event| Path::new(&*event.process.exe) == program)
        .count()
}

/// The intervals in which nothing was seen.
fn gaps(events: &[Event]) -> Vec<(i64, i64)> {
    let gaps = events.iter().filter_map(|event| match &event.detail {
        Detail::Lost(lost) if lost.ring.is_none() => Some((event.time_ns, lost.until_ns)),
        _ => None,
    });
    gaps.collect()
}

#[test]
fn the_programs_do_nothing_when_nobody_comes_back() {
    const NAME: &str = "the_programs_do_nothing_when_nobody_comes_back";
    let short = "[sensor]\nlease_ms = 2000\n";
    let Some(daemon) = Daemon::start_with(NAME, short) else {
        return;
    };
    if !can_keep(NAME, &daemon) {
        return;
    }
    let marks = TempDir::new().expect("a folder");
    let left = daemon.kill();
    let early = mark(&marks, "early");
    thread::sleep(Duration::from_millis(2_500));
    let unseen = mark(&marks, "unseen");
    let daemon = left.start_again();
    let late = mark(&marks, "late");
    let dir = daemon.stop();
    let events = stored(&dir);
    let seen = [&early, &unseen, &late].map(|path| was_seen(&events, path));
    assert_eq!(seen, [1, 0, 1]);
    let gaps = gaps(&events);
    let [(begin, end)] = gaps[..] else {
        panic!("{gaps:?}");
    };
    let length_ms = (end - begin) / 1_000_000;
    assert!((400..60_000).contains(&length_ms), "{length_ms} ms");
    let at = |path: &Path| {
        let event = events.iter().find(|e| Path::new(&*e.process.exe) == path);
        event.expect("was seen").time_ns
    };
    assert!(at(&early) < begin && end < at(&late));
}

/// Other programs are read to their end before they are removed.
#[test]
fn programs_that_are_not_the_same_are_replaced() {
    const NAME: &str = "programs_that_are_not_the_same_are_replaced";
    let Some(daemon) = Daemon::start(NAME) else {
        return;
    };
    if !can_keep(NAME, &daemon) {
        return;
    }
    let marks = TempDir::new().expect("a folder");
    let programs = programs_of(daemon.pid());
    let left = daemon.kill();
    let between = mark(&marks, "between");
    let other = "[sensor]\npriority_ring_bytes = 2097152\n";
    fs::write(left.dir.path().join("config"), other).expect("writes");
    let daemon = left.start_again();
    let pid = daemon.pid();
    eventually("the old ones to be gone", || {
        (!are_loaded(&programs)).then_some(())
    });
    let after = mark(&marks, "after");
    let dir = daemon.stop();
    let events = stored(&dir);
    assert_eq!(
        [&between, &after].map(|path| was_seen(&events, path)),
        [1, 1]
    );
    assert_eq!(gaps(&events).len(), 1);
    check_silence(&events, &[pid]);
}

#[test]
fn the_programs_of_a_living_daemon_are_left_alone() {
    const NAME: &str = "the_programs_of_a_living_daemon_are_left_alone";
    let Some(daemon) = Daemon::start(NAME) else {
        return;
    };
    if !can_keep(NAME, &daemon) {
        return;
    }
    let second = sentinel()
        .args(["run", "--data-dir"])
        .arg(daemon.data())
        .arg("--socket")
        .arg(daemon.dir.path().join("other"))
        .output()
        .expect("runs");
    assert!(!second.status.success());
    assert!(folder_of(&daemon.data()).is_some());
    let marks = TempDir::new().expect("a folder");
    let seen = mark(&marks, "seen");
    let data = daemon.data();
    let dir = daemon.stop();
    assert_eq!(was_seen(&stored(&dir), &seen), 1);
    assert_eq!(folder_of(&data), None);
}
