//! Repeats of opens and connections: the first is told at once, the others are counted in
//! the kernel, and no count is off by one, however they are made.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use sentinel_event::{Access, Detail, Event, Kind, Ring};
use sentinel_store::replay::{Source, TimeRange};
use tempfile::TempDir;

use crate::loss::{ring, settled};
use crate::support::Daemon;

const OPENS: usize = 400;
const CONNECTIONS: usize = 60;
const BYTES: usize = 100;

/// Every event in a stopped daemon's folder for which `wanted` holds.
fn stored(dir: &TempDir, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut found = Vec::new();
    let source = Source::open(&dir.path().join("data"), TimeRange::ALL).expect("opens");
    for batch in source {
        let batch = batch.expect("reads");
        found.extend(batch.iter().filter(|event| wanted(event)).cloned());
    }
    found
}

fn counts(events: &[Event]) -> (usize, u64) {
    (events.len(), events.iter().map(|event| event.count).sum())
}

fn opens_of(path: &Path) -> impl Fn(&Event) -> bool {
    let path = path.to_string_lossy().into_owned();
    move |event| matches!(&event.detail, Detail::Open(open) if *open.path == *path)
}

fn open_again_and_again(path: &Path) {
    (0..OPENS).for_each(|_| drop(File::open(path).expect("opens")));
}

/// Connections of which each carries as much; the other side closes first.
fn connect_again_and_again(listener: &TcpListener) {
    let address = listener.local_addr().expect("has an address");
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(address).expect("connects");
        let (mut server, _) = listener.accept().expect("accepts");
        server.write_all(&[b'x'; BYTES]).expect("writes");
        drop(server);
        let mut taken = Vec::new();
        client.read_to_end(&mut taken).expect("reads");
        assert_eq!(taken.len(), BYTES);
    }
}

#[test]
fn repeats_are_told_once_and_counted_exactly() {
    let Some(daemon) = Daemon::start("repeats_are_told_once_and_counted_exactly") else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for name in ["often", "twin", "written", "ended"] {
        fs::write(path(name), "x").expect("writes");
    }
    fs::hard_link(path("often"), path("alias")).expect("links");
    symlink(path("twin"), path("link")).expect("links");
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = listener.local_addr().expect("has an address").port();

    open_again_and_again(&path("often"));
    // Another name of the same file is another object; a symlink is not.
    drop(File::open(path("alias")).expect("opens"));
    open_again_and_again(&path("twin"));
    drop(File::open(path("link")).expect("opens"));
    // Another access is another thing, and so is another process.
    open_again_and_again(&path("written"));
    drop(File::options().write(true).open(path("written")));
    connect_again_and_again(&listener);
    let script = format!(
        "i=0; while [ $i -lt {OPENS} ]; do : <{}; i=$((i+1)); done",
        path("ended").display()
    );
    let ended = Command::new("/bin/sh").args(["-c", &script]).status();
    assert!(ended.expect("runs").success());
    let status = settled(&daemon);
    let [.., aggregated, lost] = ring(&status, Ring::Bulk);
    assert!(aggregated > 4 * OPENS as u64 / 2, "{}", status["rings"]);
    assert_eq!(lost, 0, "{}", status["rings"]);
    // Repeats count in the ring that the first one's record went through.
    let [.., aggregated, _] = ring(&status, Ring::Priority);
    let told_at_once = 2 * CONNECTIONS as u64 / 3;
    assert!(
        aggregated >= 2 * CONNECTIONS as u64 - told_at_once,
        "{}",
        status["rings"]
    );

    let dir = daemon.stop();
    // One window may end in the middle, on a slow machine several.
    let check = |name: &str, total: u64, parts_max: usize| {
        let (parts, sum) = counts(&stored(&dir, opens_of(&path(name))));
        assert_eq!(sum, total, "{name}: told {sum} of {total}");
        assert!(parts <= parts_max, "{name}: {parts} events");
    };
    // Each file was made by one more open.
    check("often", OPENS as u64 + 1, OPENS / 4);
    check("alias", 1, 1);
    check("twin", OPENS as u64 + 2, OPENS / 4);
    check("written", OPENS as u64 + 2, OPENS / 4);
    check("ended", OPENS as u64 + 1, OPENS / 4);

    let network = |wanted: fn(&Detail) -> Option<u16>| {
        stored(&dir, move |event| wanted(&event.detail) == Some(port))
    };
    let connects = network(|detail| match detail {
        Detail::Connect(connection) => Some(connection.peer.port()),
        _ => None,
    });
    let accepts = network(|detail| match detail {
        Detail::Accept(connection) => Some(connection.local.port()),
        _ => None,
    });
    for events in [&connects, &accepts] {
        let (parts, sum) = counts(events);
        assert_eq!(sum, CONNECTIONS as u64);
        assert!(parts <= CONNECTIONS / 3, "{parts} events");
    }
    let closes = network(|detail| match detail {
        Detail::Network(action) if action.kind == Kind::Close => {
            Some(action.connection.peer.port())
        }
        _ => None,
    });
    let (_, sum) = counts(&closes);
    assert_eq!(sum, CONNECTIONS as u64);
    let received: u64 = closes
        .iter()
        .filter_map(|event| match &event.detail {
            Detail::Network(action) => Some(action.bytes_received),
            _ => None,
        })
        .sum();
    // The kernel counts the end of a stream as one byte more.
    assert_eq!(received, (CONNECTIONS * (BYTES + 1)) as u64);
}

#[test]
fn repeats_can_be_switched_off() {
    let off = "[sensor]\naggregation_window_ms = 0\n";
    let Some(daemon) = Daemon::start_with("repeats_can_be_switched_off", off) else {
        return;
    };
    let file = tempfile::NamedTempFile::new().expect("a file");
    open_again_and_again(file.path());
    let status = settled(&daemon);
    assert_eq!(ring(&status, Ring::Bulk)[2], 0, "{}", status["rings"]);
    let dir = daemon.stop();
    let (parts, sum) = counts(&stored(&dir, opens_of(file.path())));
    assert_eq!((parts, sum), (OPENS + 1, OPENS as u64 + 1));
}

/// More objects than a window holds, again and again, from every processor, while the
/// daemon stands still: what is in no window is told or lost by itself.
#[test]
fn a_flood_of_repeats_is_accounted_for() {
    const FILES: usize = 6_000;
    const ROUNDS: usize = 3;
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let small = "[sensor]\nbulk_ring_bytes = 1048576\n[store]\nqueue_batches = 4096\n";
    let Some(daemon) = Daemon::start_with("a_flood_of_repeats_is_accounted_for", small) else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let names: Vec<_> = (0..FILES)
        .map(|number| folder.path().join(number.to_string()))
        .collect();
    names.iter().for_each(|name| drop(File::create(name)));
    let before = settled(&daemon);
    daemon.signal(Signal::SIGSTOP);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    names.iter().for_each(|name| drop(File::open(name)));
                }
            });
        }
    });
    daemon.signal(Signal::SIGCONT);
    let status = settled(&daemon);
    let [sent, received, aggregated, lost] = ring(&status, Ring::Bulk);
    let [sent_before, ..] = ring(&before, Ring::Bulk);
    assert!(sent - sent_before >= (threads * ROUNDS * FILES) as u64);
    assert!(aggregated > 0 && lost > 0, "{}", status["rings"]);
    assert_eq!(sent, received + aggregated + lost);
    thread::sleep(Duration::from_secs(2));
    let status = settled(&daemon);
    let [.., lost] = ring(&status, Ring::Bulk);
    assert_eq!(status["store"]["dropped_total"], 0, "{}", status["store"]);

    // What the events in the store stand for, and what is told to be lost, is what was done.
    let dir = daemon.stop();
    let inside = format!("{}/", folder.path().display());
    let told = counts(&stored(&dir, |event| match &event.detail {
        Detail::Open(open) => open.path.starts_with(&inside) && open.access == Access::Read,
        _ => false,
    }));
    let done = (threads * ROUNDS * FILES) as u64;
    let told_lost: u64 = stored(&dir, |_| true)
        .iter()
        .filter_map(|event| match &event.detail {
            Detail::Lost(gap) if gap.kind == Some(Kind::Open) => Some(gap.count),
            _ => None,
        })
        .sum();
    assert!(told.1 < done, "nothing was lost: {told:?} of {done}");
    assert!(
        told.1 + told_lost >= done,
        "{told:?} in the store, {told_lost} lost, of {done}"
    );
    assert!(
        told_lost <= lost,
        "{told_lost} told to be lost, {lost} were"
    );
}
