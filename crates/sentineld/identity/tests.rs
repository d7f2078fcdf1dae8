use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};
use sentinel_event::{Backing, Outcome, Sha256};
use sentinel_process::{Actor, NoLookup, Table};
use sha2::Digest as _;

use super::*;
use crate::clock;

/// Longer than any kernel's tick, after which a change is seen in the change time.
const TICK: Duration = Duration::from_millis(30);
const BYTES_MAX: u64 = 64 << 20;

fn sha256(path: impl AsRef<Path>) -> Sha256 {
    Sha256(sha2::Sha256::digest(fs::read(path).expect("is there")).into())
}

/// The image of a file as an exec's record would describe it.
fn image(path: &Path) -> Image {
    let text = path.to_str().expect("is text");
    let found = Mounts::default().identity_of_path(text).expect("is there");
    Image {
        exe: text.into(),
        file: FileIdentity {
            dev: found.dev,
            inode: found.inode,
            ctime_ns: found.ctime_ns,
            nlink: found.nlink,
            ..FileIdentity::default()
        },
        ..Image::default()
    }
}

/// The process `pid` that runs an image. A pid of 0 is nobody's.
fn process(image: Image, pid: u32) -> Arc<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ticks = stat
        .rsplit(')')
        .next()
        .and_then(|f| f.split_whitespace().nth(19)?.parse().ok());
    let actor = Actor {
        pid,
        start_ns: ticks.unwrap_or(0u64) * 10_000_000,
        ..Actor::default()
    };
    let mut table = Table::new(1, clock::wall_of_boot_ns(), 10);
    table.exec(&actor, 1, image, &mut NoLookup).0
}

/// Computes the digest of what a process ran from now on.
fn compute(process: &Arc<Process>, bytes_max: u64) -> Digest {
    let job = Job {
        process: Arc::clone(process),
        began_ns: Some(clock::unix_ns()),
    };
    digest::compute(&job, bytes_max, &mut Mounts::default()).digest
}

fn check(name: &str, answer: &Digest, outcome: Outcome, sha256: Option<Sha256>) {
    assert_eq!((answer.outcome, answer.sha256), (outcome, sha256), "{name}");
}

/// A copy of a program that waits, older than a tick.
fn sleeper(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    fs::copy("/bin/sleep", &path).expect("copies");
    thread::sleep(TICK);
    path
}

struct Running(Child);

impl Running {
    fn start(program: impl AsRef<std::ffi::OsStr>) -> Running {
        let mut command = Command::new(program);
        command.arg("60").stdin(Stdio::null());
        let running = Running(command.spawn().expect("starts"));
        // spawn returns once the exec has happened.
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_digest_is_that_of_the_file_that_was_executed_or_none() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = sleeper(dir.path(), "plain");
    let before = process(image(&path), 0);
    let answer = compute(&before, BYTES_MAX);
    check(
        "plain",
        &answer,
        Outcome::Hashed,
        Some(sha256("/bin/sleep")),
    );
    assert_eq!(
        answer.length,
        fs::metadata("/bin/sleep").expect("is there").len()
    );
    check("large", &compute(&before, 100), Outcome::TooLarge, None);

    // Another file takes its name.
    let other = dir.path().join("other");
    fs::copy("/bin/true", &other).expect("copies");
    fs::rename(&other, &path).expect("renames");
    check(
        "swapped",
        &compute(&before, BYTES_MAX),
        Outcome::Changed,
        None,
    );

    // Its content is overwritten, and made to look as old as before.
    let path = sleeper(dir.path(), "overwritten");
    let modified = fs::metadata(&path)
        .and_then(|m| m.modified())
        .expect("is there");
    let before = process(image(&path), 0);
    let mut file = File::options().write(true).open(&path).expect("opens");
    file.write_all(b"other").expect("writes");
    file.set_modified(modified).expect("sets the time");
    drop(file);
    check(
        "overwritten",
        &compute(&before, BYTES_MAX),
        Outcome::Changed,
        None,
    );

    fs::remove_file(&path).expect("removes");
    check(
        "gone",
        &compute(&before, BYTES_MAX),
        Outcome::Unreadable,
        None,
    );

    // Something that is no file must not be waited for.
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("makes a FIFO");
    thread::sleep(TICK);
    check(
        "fifo",
        &compute(&process(image(&fifo), 0), BYTES_MAX),
        Outcome::Changed,
        None,
    );
}

#[test]
fn a_file_that_was_written_just_before_is_certain_only_while_it_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = sleeper(dir.path(), "fresh");
    let running = Running::start(&path);
    let fresh = |pid| {
        let process = process(image(&path), pid);
        let job = Job {
            began_ns: Some(process.file.ctime_ns + 1_000_000),
            process,
        };
        digest::compute(&job, BYTES_MAX, &mut Mounts::default()).digest
    };
    check("ended", &fresh(0), Outcome::Changed, None);
    check(
        "running",
        &fresh(running.0.id()),
        Outcome::Hashed,
        Some(sha256(&path)),
    );
}

#[test]
fn what_has_no_name_is_read_while_it_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = sleeper(dir.path(), "unlinked");
    let running = Running::start(&path);
    let unlinked = process(image(&path), running.0.id());
    let expected = sha256(&path);
    thread::sleep(TICK);
    fs::remove_file(&path).expect("removes");
    check(
        "unlinked",
        &compute(&unlinked, BYTES_MAX),
        Outcome::Hashed,
        Some(expected),
    );
    drop(running);
    check(
        "ended",
        &compute(&unlinked, BYTES_MAX),
        Outcome::Unreadable,
        None,
    );

    let memfd = File::from(memfd_create("x", MFdFlags::MFD_CLOEXEC).expect("makes a memfd"));
    (&memfd)
        .write_all(&fs::read("/bin/sleep").expect("reads"))
        .expect("writes");
    // Nobody can run what is open for writing.
    let name = format!("/proc/{}/fd/{}", std::process::id(), memfd.as_raw_fd());
    let read_only = File::open(&name).expect("opens again");
    drop(memfd);
    let name = format!("/proc/{}/fd/{}", std::process::id(), read_only.as_raw_fd());
    let running = Running::start(&name);
    let mut of_memfd = image(Path::new(&format!("/proc/{}/exe", running.0.id())));
    of_memfd.exe = "memfd:x".into();
    of_memfd.backing = Backing::Memfd;
    let of_memfd = process(of_memfd, running.0.id());
    check(
        "memfd",
        &compute(&of_memfd, BYTES_MAX),
        Outcome::Hashed,
        Some(expected),
    );
    drop(running);
    check(
        "memfd, ended",
        &compute(&of_memfd, BYTES_MAX),
        Outcome::Unreadable,
        None,
    );
}

#[test]
fn a_reused_process_id_is_another_process() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = sleeper(dir.path(), "reused");
    let running = Running::start(&path);
    let known = process(image(&path), running.0.id());
    let mut earlier = (*known).clone();
    earlier.start_ns -= 60_000_000_000;
    fs::remove_file(&path).expect("removes");
    check(
        "earlier",
        &compute(&Arc::new(earlier), BYTES_MAX),
        Outcome::Unreadable,
        None,
    );
}

#[test]
fn the_queue_is_bounded_and_its_drops_are_counted() {
    let config = Config {
        digest_queue: 2,
        ..Config::default()
    };
    let (mut identity, jobs) = Identity::new(&config);
    let stats = identity.stats();
    let path = Path::new("/bin/sleep");
    for inode in 1..=5 {
        let mut image = image(path);
        image.file.inode = inode;
        identity.ask(&process(image, 0), None);
    }
    assert_eq!((stats().waiting, stats().dropped_total), (2, 3));
    // The same ones again: those that wait are not asked for twice, the others are.
    let mut again = image(path);
    again.file.inode = 1;
    identity.ask(&process(again.clone(), 0), None);
    assert_eq!(stats().dropped_total, 3);
    again.file.inode = 5;
    identity.ask(&process(again, 0), None);
    assert_eq!(stats().dropped_total, 4);
    drop(jobs);
}

#[test]
fn an_answer_is_known_from_then_on() {
    let (mut identity, jobs) = Identity::new(&Config::default());
    let dir = tempfile::tempdir().expect("a folder");
    let image = image(&sleeper(dir.path(), "known"));
    assert_eq!(identity.executable(&image), Executable::default());
    let process = process(image.clone(), 0);
    identity.ask(&process, Some(clock::unix_ns()));
    let job = jobs.recv().expect("was asked");
    worker::answer(job, BYTES_MAX, &identity.shared, &mut Mounts::default());
    let expected = Some(sha256("/bin/sleep"));
    assert_eq!(identity.executable(&image).sha256, expected);
    assert_eq!(identity.sha256(&process), expected);
    let finished = identity.finished();
    assert_eq!(finished.len(), 1);
    assert!(Arc::ptr_eq(&finished[0].process, &process));
    assert!(identity.finished().is_empty());
    identity.ask(&process, Some(clock::unix_ns()));
    assert!(jobs.try_recv().is_err(), "it was asked for twice");
    let counted = (identity.stats())().outcomes;
    assert_eq!(counted[Outcome::Hashed as usize], (Outcome::Hashed, 1));
}

#[test]
fn the_owner_is_that_of_the_very_file() {
    let (mut identity, _jobs) = Identity::new(&Config::default());
    let mut packages = packages::Packages::of_host(1_000_000);
    let owners = packages.read_if_changed().expect("was never read");
    if owners.packages() == 0 {
        println!("skipped: the_owner_is_that_of_the_very_file: no packages here");
        return;
    }
    *locked(&identity.shared.owners) = Arc::new(owners);
    let path = fs::canonicalize("/bin/bash").expect("is there");
    let own = image(&path);
    assert_eq!(identity.executable(&own).package.as_deref(), Some("bash"));
    // A container's file of the same name is another file.
    let mut other = own.clone();
    other.file.inode += 1;
    assert_eq!(identity.executable(&other).package, None);
    let mut other = own;
    other.file.dev += 1;
    assert_eq!(identity.executable(&other).package, None);
}

#[test]
fn what_may_not_be_read_is_not_guessed() {
    if nix::unistd::geteuid().is_root() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = sleeper(dir.path(), "secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o711)).expect("sets");
        thread::sleep(TICK);
        let process = process(image(&path), 0);
        assert_ne!(process.file.inode, 0);
        // Capabilities are a thread's own: this one gives its up and becomes nobody else.
        let answer = thread::spawn(move || {
            let owner = fs::metadata("/bin/sleep").expect("is there").uid();
            assert_eq!(owner, 0);
            rustix::thread::set_thread_res_uid(
                rustix::process::Uid::from_raw(65_534),
                rustix::process::Uid::from_raw(65_534),
                rustix::process::Uid::from_raw(65_534),
            )
            .expect("becomes nobody");
            compute(&process, BYTES_MAX)
        });
        let answer = answer.join().expect("ends");
        check("secret", &answer, Outcome::Unreadable, None);
    } else {
        println!("skipped: what_may_not_be_read_is_not_guessed: needs root");
    }
}
