//! What the operator does not want to hear of is kept back in the kernel, is counted, and
//! can be changed while the sensor runs. What was told is looked up in the store afterwards.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use sentinel_event::Detail;
use sentinel_store::replay::{Source, TimeRange};
use tempfile::TempDir;

use crate::loss::settled;
use crate::support::{Daemon, Trigger};

fn reload(daemon: &Daemon, key: &str, value: &Path) {
    let text = format!("[sensor.filter]\n{key} = [\"{}\"]\n", value.display());
    fs::write(daemon.dir.path().join("config"), text).expect("writes");
    let output = daemon.ctl(&["reload"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // The sensor takes it when it looks at its rings next, 50 ms later at most.
    thread::sleep(Duration::from_secs(1));
}

fn filtered(daemon: &Daemon) -> u64 {
    settled(daemon)["rings"]["bulk"]["filtered"]
        .as_u64()
        .expect("a number")
}

fn open(path: &Path) {
    drop(File::open(path).expect("opens"));
}

/// Files of their own for each step, so that the store tells the steps apart.
fn files(folder: &Path, names: &[&str]) {
    fs::create_dir_all(folder).expect("makes");
    for name in names {
        fs::write(folder.join(name), "x").expect("writes");
    }
}

/// What was read below a folder, and how often a program was started, by the store.
fn told(data: &TempDir, folder: &Path, exe: &str) -> (Vec<String>, usize) {
    let (mut read, mut started) = (Vec::new(), 0);
    let source = Source::open(&data.path().join("data"), TimeRange::ALL).expect("opens");
    for batch in source {
        for event in batch.expect("reads").iter() {
            match &event.detail {
                Detail::Open(open) if open.access == sentinel_event::Access::Read => {
                    let name = Path::new(&*open.path).strip_prefix(folder);
                    read.extend(name.map(|name| name.display().to_string()).ok());
                }
                Detail::Exec(_) if *event.process.exe == *exe => started += 1,
                _ => {}
            }
        }
    }
    read.sort();
    (read, started)
}

#[test]
fn what_is_filtered_is_counted_and_not_told() {
    let Some(daemon) = Daemon::start("what_is_filtered_is_counted_and_not_told") else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let root = folder.path();
    let deep = root.join("quiet/a/b");
    files(&deep, &["before", "below", "linked", "after"]);
    files(root, &["beside", "1-told", "2-not", "4-not", "5-not"]);
    symlink(root.join("quiet"), root.join("link")).expect("links");
    open(&deep.join("before"));
    assert_eq!(filtered(&daemon), 0);

    // A folder, also by a name that does not lie below it.
    reload(&daemon, "folders", &root.join("quiet"));
    open(&deep.join("below"));
    open(&root.join("link/a/b/linked"));
    open(&root.join("beside"));
    let kept = filtered(&daemon);
    assert!(kept >= 2, "{kept} filtered");

    // A program: what it opens is not told, that it is started is.
    let trigger = Trigger::new();
    let run = |name: &str| {
        let path = root.join(name).display().to_string();
        trigger.run(&["open", &path]).expect("opens");
    };
    run("1-told");
    reload(&daemon, "executables", Path::new(&trigger.path()));
    open(&deep.join("after"));
    run("2-not");
    assert!(filtered(&daemon) > kept);
    // Another program of that name: the filter follows within a second.
    let new = trigger.dir.path().join("new");
    fs::copy(trigger.path(), &new).expect("copies");
    fs::rename(&new, trigger.path()).expect("renames");
    thread::sleep(Duration::from_secs(3));
    run("4-not");

    // A wrong filter is refused, and the right one stays.
    let wrong = "[sensor.filter]\nfolders = [\"tmp\"]\n";
    fs::write(daemon.dir.path().join("config"), wrong).expect("writes");
    let output = daemon.ctl(&["reload"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("\"tmp\" does not begin with a slash"),
        "{said}"
    );
    run("5-not");

    let exe = trigger.path();
    let (read, started) = told(&daemon.stop(), root, &exe);
    let expected = ["1-told", "beside", "quiet/a/b/after", "quiet/a/b/before"];
    assert_eq!(read, expected);
    assert_eq!(started, 4, "a filter kept back that a program was started");
}

#[test]
fn a_cgroup_is_filtered_with_those_below_it() {
    const NAME: &str = "a_cgroup_is_filtered_with_those_below_it";
    let Some(daemon) = Daemon::start(NAME) else {
        return;
    };
    let name = format!("sentinel-test-{}", std::process::id());
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
    let unified = |root: &&&Path| root.join("cgroup.controllers").exists();
    let Some(root) = roots.iter().find(unified) else {
        println!("skipped: {NAME}: no unified hierarchy of cgroups here");
        return;
    };
    let outer = root.join(&name);
    let inner = outer.join("inner");
    if let Err(error) = fs::create_dir_all(&inner) {
        println!("skipped: {NAME}: no cgroup can be made here: {error}");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    files(folder.path(), &["1-told", "2-not"]);
    let run = |file: &str| {
        let path = folder.path().join(file);
        let script = format!(
            "echo $$ >{}/cgroup.procs && : <{}",
            inner.display(),
            path.display()
        );
        Command::new("/bin/sh").args(["-c", &script]).status()
    };
    let before = run("1-told");
    reload(&daemon, "cgroups", &Path::new("/").join(&name));
    let after = run("2-not");
    let kept = filtered(&daemon);
    let _ = fs::remove_dir(&inner).and_then(|()| fs::remove_dir(&outer));
    for status in [before, after] {
        assert!(status.expect("runs").success());
    }
    let (read, _) = told(&daemon.stop(), folder.path(), "");
    assert_eq!(read, ["1-told"]);
    assert!(kept > 0);
}
