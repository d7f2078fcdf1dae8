//! What a flood costs: the rings are small and the daemon stands still for a moment, so
//! that much is lost, and every single loss must be accounted for.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sentinel_event::{Detail, Ring};
use sentinel_store::replay::{Source, TimeRange};
use serde_json::Value;

use crate::support::{Daemon, PATIENCE};

/// Without aggregation, which would leave little of these floods.
const SMALL_RINGS: &str = "[sensor]\naggregation_window_ms = 0\npriority_ring_bytes = 1048576\nbulk_ring_bytes = 1048576\n\
                           [store]\nqueue_batches = 4096\n";
const OPENS: usize = 20_000;
const CONNECTIONS: usize = 500;
const PROGRAMS: usize = 800;

/// Opens files from every processor at once.
fn flood_opens() {
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| (0..OPENS).for_each(|_| drop(File::open("/proc/self/stat"))));
        }
    });
}

fn flood_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = listener.local_addr().expect("has an address");
    for _ in 0..CONNECTIONS {
        let client = TcpStream::connect(address).expect("connects");
        drop((listener.accept().expect("accepts"), client));
    }
}

fn flood_programs() {
    for _ in 0..PROGRAMS {
        let status = Command::new("/bin/true").status();
        assert!(status.expect("runs").success());
    }
}

/// What a ring sent, received, aggregated and lost.
pub fn ring(status: &Value, ring: Ring) -> [u64; 4] {
    ["sent", "received", "aggregated", "lost"].map(|key| {
        status["rings"][ring.name()][key]
            .as_u64()
            .expect("a number")
    })
}

/// The counters once nothing is under way any more.
pub fn settled(daemon: &Daemon) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = daemon.ctl_json(&["--json", "status"]);
        let balanced = Ring::ALL.into_iter().all(|r| {
            let [sent, received, aggregated, lost] = ring(&status, r);
            sent == received + aggregated + lost
        });
        if balanced {
            return status;
        }
        assert!(
            Instant::now() < deadline,
            "never balanced: {}",
            status["rings"]
        );
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn every_loss_of_a_flood_is_accounted_for() {
    let Some(daemon) = Daemon::start_with("every_loss_of_a_flood_is_accounted_for", SMALL_RINGS)
    else {
        return;
    };
    daemon.signal(Signal::SIGSTOP);
    flood_opens();
    daemon.signal(Signal::SIGCONT);
    let status = settled(&daemon);
    let [_, _, _, lost] = ring(&status, Ring::Bulk);
    assert!(lost > 0, "a flood of opens fitted: {}", status["rings"]);
    let [.., lost] = ring(&status, Ring::Priority);
    assert_eq!(lost, 0, "opens cost other events: {}", status["rings"]);

    daemon.signal(Signal::SIGSTOP);
    flood_connections();
    flood_programs();
    daemon.signal(Signal::SIGCONT);
    let status = settled(&daemon);
    let lost_of = |status: &Value| Ring::ALL.map(|r| ring(status, r)[3]);
    let [priority, bulk] = lost_of(&status);
    assert!(priority > 0, "a flood of execs fitted: {}", status["rings"]);

    assert_eq!(status["store"]["dropped_total"], 0, "{}", status["store"]);

    // A loss is an event a second later at most; what is lost from now on is told at the end.
    thread::sleep(Duration::from_secs(2));
    let dir = daemon.stop();
    let mut told = [0; 2];
    let source = Source::open(&dir.path().join("data"), TimeRange::ALL).expect("opens");
    for batch in source {
        for event in batch.expect("reads").iter() {
            if let Detail::Lost(lost) = &event.detail {
                let ring = lost.ring.expect("the rings lost them");
                told[ring as usize] += lost.count;
            }
        }
    }
    assert!(
        told[0] >= priority && told[1] >= bulk,
        "lost {priority} and {bulk}, told {told:?}"
    );
}
