use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use nix::fcntl::{OFlag, open, openat};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, mkdirat};
use sentinel_event::text;
use serde_json::{Value, json};

use crate::support::{Daemon, Follow, Trigger};

/// Bytes that end lines, steer terminals, turn writing direction, and are no text.
const HOSTILE: &[u8] =
    b"a\n\r\x1b[2J\x1b]0;x\x07\xff\xfe\xc2\x9b31m\xe2\x80\xae\xee\xbe\x80'\"\\ $(x)\x7f";

/// What a display may hold: no control character but the end of a line.
fn check_shown(what: &str, shown: &[u8]) {
    let text = std::str::from_utf8(shown).unwrap_or_else(|e| panic!("{what} is no text: {e}"));
    for (number, line) in text.split('\n').enumerate() {
        let bad = line.chars().find(|c| {
            c.is_control() || matches!(*c, '\u{202a}'..='\u{202e}' | '\u{ef80}'..='\u{efff}')
        });
        assert_eq!(bad, None, "{what}, line {number}: {line:?}");
    }
}

fn events<'a>(kind: &'a str, exe: &'a str) -> [&'a str; 7] {
    ["--json", "events", "--follow", "--kind", kind, "--exe", exe]
}

fn bytes_of(value: &Value) -> Vec<u8> {
    text::to_bytes(value.as_str().unwrap_or_default())
}

#[test]
fn arguments_are_kept_as_they_are_and_shown_harmlessly() {
    let Some(daemon) = Daemon::start_shown("arguments_are_kept_as_they_are_and_shown_harmlessly")
    else {
        return;
    };
    let trigger = Trigger::new();
    let exe = trigger.path();
    let follow = Follow::start(&daemon, &events("exec", &exe));
    let mut child = trigger
        .command(&["exit", "0"])
        .arg(OsStr::from_bytes(HOSTILE))
        .spawn()
        .expect("starts");
    let pid = child.id();
    child.wait().expect("ends");
    let event = follow.find("exec", |event| event["pid"] == json!(pid));
    assert_eq!(bytes_of(&event["argv"][3]), HOSTILE);
    let listed = daemon.ctl(&["events", "--since", "1h", "--exe", &exe]);
    assert!(listed.status.success(), "{listed:?}");
    check_shown("events", &listed.stdout);
    let dir = daemon.stop();
    let console = fs::read(dir.path().join("console")).expect("is there");
    let shown = text::escape(&text::from_bytes(HOSTILE)).into_owned();
    assert!(
        String::from_utf8_lossy(&console).contains(&shown),
        "{shown} is not shown"
    );
    check_shown("the console", &console);
    check_shown(
        "the log",
        &fs::read(dir.path().join("log")).expect("is there"),
    );
}

#[test]
fn two_megabytes_of_arguments_are_cut_and_say_so() {
    let Some(daemon) = Daemon::start("two_megabytes_of_arguments_are_cut_and_say_so") else {
        return;
    };
    let trigger = Trigger::new();
    let follow = Follow::start(&daemon, &events("exec", &trigger.path()));
    let long = |byte: u8| OsString::from_vec(vec![byte; 120_000]);
    let args: Vec<OsString> = (0..16).map(|n| long(b'a' + n)).collect();
    let mut command = trigger.command(&["exit", "0"]);
    let mut child = command.args(&args).env_clear().spawn().expect("starts");
    let pid = child.id();
    child.wait().expect("ends");
    let event = follow.find("exec", |event| event["pid"] == json!(pid));
    assert!(
        event["flags"].to_string().contains("truncated"),
        "{}",
        event["flags"]
    );
    let kept = event["argv"].as_array().expect("a list");
    assert_eq!(&kept[1..3], &[json!("exit"), json!("0")]);
    let first = kept[3].as_str().expect("is text");
    assert!(
        first.len() > 30_000 && first.bytes().all(|b| b == b'a'),
        "{}",
        first.len()
    );
    daemon.stop();
}

/// An alert about a program whose very name is hostile.
#[test]
fn an_alert_about_a_hostile_name_is_harmless_everywhere() {
    let Some(daemon) = Daemon::start_shown("an_alert_about_a_hostile_name_is_harmless_everywhere")
    else {
        return;
    };
    let name: Vec<u8> = HOSTILE.iter().copied().filter(|b| *b != b'/').collect();
    let name = CString::new(name).expect("has no NUL");
    let memfd = File::from(memfd_create(&*name, MFdFlags::empty()).expect("makes a memfd"));
    std::io::copy(&mut File::open("/bin/true").expect("opens"), &mut &memfd).expect("copies");
    let path = format!("/proc/{}/fd/{}", std::process::id(), memfd.as_raw_fd());
    let program = File::open(&path).expect("opens again");
    drop(memfd);
    let alerts = Follow::start(&daemon, &["--json", "alerts", "--follow"]);
    let path = format!("/proc/{}/fd/{}", std::process::id(), program.as_raw_fd());
    assert!(Command::new(path).status().expect("starts").success());
    let wanted = [b"memfd:", name.as_bytes()].concat();
    let alert = alerts.find("alert", |alert| bytes_of(&alert["exe"]) == wanted);
    let id = alert["id"].as_str().expect("has an id");
    for args in [&["alerts"][..], &["alerts", "show", id]] {
        let shown = daemon.ctl(args);
        assert!(shown.status.success(), "{shown:?}");
        assert!(!shown.stdout.is_empty());
        check_shown(&args.join(" "), &shown.stdout);
    }
    let dir = daemon.stop();
    let console = fs::read(dir.path().join("console")).expect("is there");
    assert!(String::from_utf8_lossy(&console).contains("memfd:a\\n"));
    check_shown("the console", &console);
    let log = fs::read(dir.path().join("log")).expect("is there");
    check_shown("the log", &log);
}

/// Folders one in another until the whole path has so many bytes; gives back the last one.
fn deep(root: &Path, bytes: usize) -> (File, PathBuf) {
    let mut path = root.to_owned();
    let mut folder = File::open(root).expect("opens");
    while path.as_os_str().len() + 2 < bytes {
        let name = "d".repeat((bytes - path.as_os_str().len() - 2).min(200));
        mkdirat(&folder, &*name, Mode::S_IRWXU).expect("makes a folder");
        let next = openat(&folder, &*name, OFlag::O_DIRECTORY, Mode::empty());
        folder = next.expect("opens").into();
        path.push(name);
    }
    (folder, path)
}

#[test]
fn paths_as_long_as_the_kernel_allows_arrive_whole() {
    let Some(daemon) = Daemon::start("paths_as_long_as_the_kernel_allows_arrive_whole") else {
        return;
    };
    let own = std::env::current_exe()
        .expect("has a path")
        .display()
        .to_string();
    let follow = Follow::start(&daemon, &events("open", &own));
    let dir = tempfile::TempDir::new().expect("a folder");
    // With the file's name and the NUL that is all that fits into a call: 4,096 bytes.
    let (folder, path) = deep(dir.path(), 4_094);
    let file = openat(
        &folder,
        "f",
        OFlag::O_CREAT | OFlag::O_WRONLY,
        Mode::S_IRWXU,
    );
    file.expect("makes a file");
    let wanted = path.join("f");
    assert_eq!(wanted.as_os_str().len(), 4_095);
    open(&wanted, OFlag::O_RDONLY, Mode::empty()).expect("opens by the whole path");
    let wanted = wanted.display().to_string();
    let event = follow.find("open", |event| {
        event["path"] == json!(wanted) && event["access"] == "r"
    });
    assert!(!event["flags"].to_string().contains("truncated"), "{event}");
    daemon.stop();
}

#[test]
fn the_ten_thousandth_descriptor_is_seen() {
    const COUNT: u64 = 10_000;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("has a limit");
    if setrlimit(Resource::RLIMIT_NOFILE, (COUNT + 500).min(most), most).is_err()
        || most < COUNT + 500
    {
        println!("skipped: the_ten_thousandth_descriptor_is_seen: at most {most} descriptors");
        return;
    }
    let Some(daemon) = Daemon::start("the_ten_thousandth_descriptor_is_seen") else {
        return;
    };
    let own = std::env::current_exe()
        .expect("has a path")
        .display()
        .to_string();
    let dir = tempfile::TempDir::new().expect("a folder");
    let last = dir.path().join("last");
    fs::write(&last, "x").expect("writes");
    let held: Vec<File> = (0..COUNT)
        .map(|_| File::open("/dev/null").expect("opens"))
        .collect();
    // A reader that came before these would have to hurry.
    let follow = Follow::start(&daemon, &events("open", &own));
    let file = File::open(&last).expect("opens");
    assert!(file.as_raw_fd() as u64 >= COUNT);
    let wanted = last.display().to_string();
    let event = follow.find("open", |event| event["path"] == json!(wanted));
    // Not every hook knows the descriptor; one that does must know this one.
    let fd = event.get("fd").cloned().unwrap_or(json!(file.as_raw_fd()));
    assert_eq!(fd, json!(file.as_raw_fd()), "{event}");
    drop(held);
    daemon.stop();
}

#[test]
fn a_path_leads_through_every_mount() {
    const DEPTH: usize = 24;
    let Some(daemon) = Daemon::start("a_path_leads_through_every_mount") else {
        return;
    };
    let own = std::env::current_exe()
        .expect("has a path")
        .display()
        .to_string();
    let follow = Follow::start(&daemon, &events("open", &own));
    let dir = tempfile::TempDir::new().expect("a folder");
    let root = dir.path().to_owned();
    // Mounts of this thread alone, gone when it ends.
    let opened = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).ok()?;
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).ok()?;
        let mut path = root;
        for level in 0..DEPTH {
            path.push(format!("m{level}"));
            fs::create_dir(&path).expect("makes a folder");
            mount(Some("x"), &path, Some("tmpfs"), MsFlags::empty(), none).ok()?;
        }
        path.push("file");
        fs::write(&path, "x").expect("writes");
        File::open(&path).expect("opens");
        // The folder below is removed by another thread, which does not see the mounts.
        let _ = umount2(path.parent()?, MntFlags::MNT_DETACH);
        Some(path)
    });
    let Some(path) = opened.join().expect("ends") else {
        println!("skipped: a_path_leads_through_every_mount: mounting is not allowed here");
        return;
    };
    let wanted = path.display().to_string();
    follow.find("open", |event| {
        event["path"] == json!(wanted) && event["access"] == "r"
    });
    daemon.stop();
}

/// A folder is renamed all the time while a file in it is opened: each path that is
/// reported must be one that the file had.
#[test]
fn names_that_change_are_never_mixed_up() {
    const OPENS: usize = 300;
    let Some(daemon) = Daemon::start("names_that_change_are_never_mixed_up") else {
        return;
    };
    let trigger = Trigger::new();
    let dir = trigger.dir.path().to_owned();
    let (a, b) = (dir.join("a-folder"), dir.join("b"));
    fs::create_dir(&a).expect("makes a folder");
    fs::write(a.join("file"), "x").expect("writes");
    let own = std::env::current_exe()
        .expect("has a path")
        .display()
        .to_string();
    let follow = Follow::start(&daemon, &events("open", &own));
    let folder = File::open(&a).expect("opens");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                fs::rename(&a, &b).expect("renames");
                fs::rename(&b, &a).expect("renames back");
            }
        });
        for _ in 0..OPENS {
            openat(&folder, "file", OFlag::O_RDONLY, Mode::empty()).expect("opens");
        }
        stop.store(true, Relaxed);
    });
    let last = dir.join("last");
    fs::write(&last, "x").expect("writes");
    let possible = [a.join("file"), b.join("file")].map(|path| json!(path));
    let (mut seen, last) = (0, json!(last));
    follow.find("last open", |event| {
        let path = event["path"].as_str().unwrap_or_default();
        if path.ends_with("/file") && path.starts_with(&*dir.to_string_lossy()) {
            assert!(possible.contains(&event["path"]), "{event}");
            seen += event["count"].as_u64().unwrap_or(1);
        }
        event["path"] == last
    });
    assert!(seen > 0, "no open was seen");
    daemon.stop();
}
