use std::sync::Arc;

use sentinel_event::{Detail, Event, Flags, MAX_ANCESTORS};

use crate::{Actor, Enricher, Image, Lookup, NoLookup, Observed, Seed, Table, What};

const SECOND: u64 = 1_000_000_000;

fn actor(pid: u32, start_s: u64, exec_seq: u32) -> Actor {
    Actor {
        pid,
        tid: pid,
        ppid: 1,
        start_ns: start_s * SECOND,
        exec_seq,
        ..Actor::default()
    }
}

fn image(exe: &str) -> Image {
    Image {
        exe: exe.into(),
        ..Image::default()
    }
}

struct World {
    enricher: Enricher,
    now_ns: u64,
}

impl World {
    fn new(capacity: usize) -> World {
        let mut enricher = Enricher::new(Table::new(7, 0, capacity), 1);
        let init = Seed {
            actor: actor(1, 0, 0),
            is_counted: false,
            image: image("/sbin/init"),
        };
        enricher.seed(0, vec![init], &mut NoLookup, &mut Vec::new());
        World {
            enricher,
            now_ns: SECOND,
        }
    }

    fn see(&mut self, actor: Actor, what: What) -> Event {
        self.see_with(actor, what, &mut NoLookup)
    }

    fn see_with(&mut self, actor: Actor, what: What, lookup: &mut dyn Lookup) -> Event {
        self.now_ns += 1;
        let observed = Observed {
            time_ns: self.now_ns,
            actor,
            result: 0,
            flags: Flags::default(),
            count: 1,
            what,
        };
        self.enricher.enrich(observed, 0, lookup)
    }

    fn fork(&mut self, parent: Actor, child: u32, start_s: u64) -> Event {
        let what = What::Fork {
            child_pid: child,
            child_ppid: parent.pid,
            child_start_ns: start_s * SECOND,
        };
        self.see(parent, what)
    }

    fn exec(&mut self, actor: Actor, exe: &str) -> Event {
        self.see(actor, What::Exec(Box::new(image(exe))))
    }

    fn exit(&mut self, actor: Actor) -> Event {
        let what = What::Exit {
            status: 0,
            cpu_ns: 0,
            peak_rss_bytes: 0,
        };
        self.see(actor, what)
    }
}

fn lineage(event: &Event) -> Vec<String> {
    let own = event.process.exe.to_string();
    let ancestors = event.process.ancestors().map(|p| p.exe.to_string());
    std::iter::once(own).chain(ancestors).collect()
}

#[test]
fn ancestry_reaches_init_through_forks_and_execs() {
    let mut world = World::new(100);
    world.fork(actor(1, 0, 0), 10, 1);
    world.exec(actor(10, 1, 1), "/bin/sh");
    world.fork(actor(10, 1, 1), 11, 2);
    let event = world.exec(actor(11, 2, 2), "/bin/ls");
    assert_eq!(lineage(&event), ["/bin/ls", "/bin/sh", "/sbin/init"]);
    let Detail::Exec(exec) = &event.detail else {
        panic!("{event:?}");
    };
    assert_eq!(&*exec.previous_exe, "/bin/sh");
    // The parent's death changes nothing.
    world.exit(actor(10, 1, 1));
    let event = world.exit(actor(11, 2, 2));
    assert_eq!(lineage(&event), ["/bin/ls", "/bin/sh", "/sbin/init"]);
}

#[test]
fn a_reused_pid_is_another_process() {
    let mut world = World::new(100);
    world.fork(actor(1, 0, 0), 10, 1);
    let first = world.exec(actor(10, 1, 1), "/bin/first");
    world.exit(actor(10, 1, 1));
    world.fork(actor(1, 0, 0), 10, 5);
    let second = world.exec(actor(10, 5, 1), "/bin/second");
    assert_ne!(first.process.exec_id, second.process.exec_id);
    // A late record of the first still finds the first.
    let late = world.exit(actor(10, 1, 1));
    assert_eq!(&*late.process.exe, "/bin/first");
}

/// Answers every question with one process.
struct Answer(Seed);

impl Lookup for Answer {
    fn find(&mut self, _: u32) -> Option<Seed> {
        Some(self.0.clone())
    }

    fn user(&mut self, uid: u32) -> Option<Arc<str>> {
        Some(format!("user{uid}").into())
    }
}

#[test]
fn late_records_find_their_image_and_leave_the_present_one_alone() {
    let mut world = World::new(100);
    world.fork(actor(1, 0, 0), 10, 1);
    for seq in 1..=7 {
        world.exec(actor(10, 1, seq), &format!("/bin/{seq}"));
    }
    let mut answer = Answer(Seed {
        actor: actor(10, 1, 0),
        is_counted: false,
        image: image("/bin/7"),
    });
    let mut late = |seq: u32| {
        let what = What::Exit {
            status: 0,
            cpu_ns: 0,
            peak_rss_bytes: 0,
        };
        world.see_with(actor(10, 1, seq), what, &mut answer)
    };
    assert_eq!(&*late(6).process.exe, "/bin/6");
    assert_eq!(&*late(3).process.exe, "/bin/3");
    // Too late: its image is forgotten, and /proc knows only the present one.
    let forgotten = late(1);
    assert_eq!(&*forgotten.process.exe, "");
    assert!(forgotten.flags.contains(Flags::UNKNOWN_PROCESS));
    let present = late(7);
    assert_eq!(&*present.process.exe, "/bin/7");
    assert!(!present.flags.contains(Flags::UNKNOWN_PROCESS));
}

#[test]
fn a_process_that_was_missed_is_looked_up() {
    let mut world = World::new(100);
    let mut answer = Answer(Seed {
        actor: actor(20, 3, 0),
        is_counted: false,
        image: image("/bin/missed"),
    });
    let what = What::Exit {
        status: 0x0700,
        cpu_ns: 0,
        peak_rss_bytes: 0,
    };
    let event = world.see_with(actor(20, 3, 4), what, &mut answer);
    assert_eq!(lineage(&event), ["/bin/missed", "/sbin/init"]);
    assert!(event.flags.contains(Flags::UNKNOWN_PROCESS));
    let Detail::Exit(exit) = event.detail else {
        panic!("{event:?}");
    };
    assert_eq!((exit.code, exit.signal), (7, 0));
    assert_eq!(world.enricher.counters().unknown_total, 1);
}

/// What came before a change of ids, but later from the other ring, is no gain of rights.
#[test]
fn a_late_record_does_not_give_old_ids_back() {
    let mut table = Table::new(7, 0, 10);
    let with = |euid| Actor {
        euid,
        ..actor(5, 1, 0)
    };
    let euid = |table: &mut Table, euid, time_ns| {
        table.resolve(&with(euid), time_ns, &mut NoLookup).0.euid
    };
    assert_eq!(euid(&mut table, 0, 10), 0);
    assert_eq!(euid(&mut table, 6, 30), 6);
    assert_eq!(euid(&mut table, 0, 20), 6);
    assert_eq!(euid(&mut table, 0, 40), 0);
}

#[test]
fn a_change_of_user_without_an_exec_is_followed() {
    let mut world = World::new(100);
    world.fork(actor(1, 0, 0), 10, 1);
    let before = world.exec(actor(10, 1, 1), "/usr/sbin/nginx");
    let dropped = Actor {
        uid: 33,
        euid: 33,
        ..actor(10, 1, 1)
    };
    let mut answer = Answer(Seed {
        actor: dropped,
        is_counted: false,
        image: image("unused"),
    });
    let what = What::Exit {
        status: 0,
        cpu_ns: 0,
        peak_rss_bytes: 0,
    };
    let after = world.see_with(dropped, what, &mut answer);
    assert_eq!(before.process.uid, 0);
    assert_eq!(
        (after.process.uid, after.process.user.as_deref()),
        (33, Some("user33"))
    );
    assert_eq!(before.process.exec_id, after.process.exec_id);
}

#[test]
fn the_table_stays_within_its_bounds_and_keeps_init() {
    let mut world = World::new(64);
    for child in 2..2_000 {
        world.fork(actor(1, 0, 0), child, u64::from(child));
    }
    let counters = world.enricher.counters();
    assert!(counters.size <= 64, "{counters:?}");
    assert!(counters.evicted_total >= 1_900, "{counters:?}");
    let event = world.exit(actor(1, 0, 0));
    assert_eq!(&*event.process.exe, "/sbin/init");
    assert_eq!(world.enricher.counters().unknown_total, 0);
}

#[test]
fn a_relay_of_forks_does_not_keep_its_whole_past_alive() {
    let mut world = World::new(10_000);
    let mut parent = actor(1, 0, 0);
    let mut last = None;
    for child in 2..1_000 {
        let event = world.fork(parent, child, u64::from(child));
        world.exit(parent);
        parent = actor(child, u64::from(child), 0);
        last = Some(event);
    }
    let Some(Detail::Fork(fork)) = last.map(|event| event.detail) else {
        panic!("no fork");
    };
    assert!(fork.child.ancestors().count() <= MAX_ANCESTORS);
}

#[test]
fn numbers_follow_each_other() {
    let mut world = World::new(100);
    let first = world.fork(actor(1, 0, 0), 10, 1);
    let second = world.exec(actor(10, 1, 1), "/bin/x");
    // Number 1 was given to init when it was seeded.
    assert_eq!((first.seq, second.seq), (2, 3));
}

/// A process is the same whether its beginning was seen or it was found later.
#[test]
fn a_seeded_image_has_the_identity_that_its_exec_would_have_given() {
    let mut before = World::new(100);
    before.fork(actor(1, 0, 0), 10, 1);
    before.exec(actor(10, 1, 3), "/bin/sh");
    let seen = before.exec(actor(10, 1, 4), "/bin/long");
    // To /proc the start is a number of ticks.
    let mut found = actor(10, 1, 4);
    found.start_ns += 9_999_999;
    for (is_counted, is_same) in [(true, true), (false, false)] {
        let mut after = World::new(100);
        let seed = Seed {
            actor: found,
            is_counted,
            image: image("/bin/long"),
        };
        let mut events = Vec::new();
        after
            .enricher
            .seed(0, vec![seed], &mut NoLookup, &mut events);
        let same = events[0].process.exec_id == seen.process.exec_id;
        assert_eq!(same, is_same, "counted: {is_counted}");
        // A further exec is told apart from it either way.
        let next = after.exec(actor(10, 1, 5), "/bin/next");
        assert_ne!(next.process.exec_id, events[0].process.exec_id);
        let late = after.exit(actor(10, 1, 4));
        assert_eq!(late.process.exec_id, events[0].process.exec_id);
    }
}

/// After a restart the records that waited in the rings are older than what /proc tells.
#[test]
fn an_exec_that_proc_told_of_before_is_the_same_image() {
    let mut before = World::new(100);
    before.fork(actor(1, 0, 0), 10, 1);
    let seen = before.exec(actor(10, 1, 4), "/bin/long");
    let mut after = World::new(100);
    let seed = Seed {
        actor: actor(10, 1, 4),
        is_counted: true,
        image: image("/bin/long"),
    };
    let mut events = Vec::new();
    after
        .enricher
        .seed(0, vec![seed], &mut NoLookup, &mut events);
    let late = after.exec(actor(10, 1, 4), "/bin/long");
    assert_eq!(late.process.exec_id, seen.process.exec_id);
    let Detail::Exec(exec) = &late.detail else {
        panic!("an exec");
    };
    assert_eq!(&*exec.previous_exe, "", "an image does not follow itself");
    assert_eq!(lineage(&late), lineage(&seen));
    // The next one follows it as ever.
    let next = after.exec(actor(10, 1, 5), "/bin/next");
    let Detail::Exec(exec) = &next.detail else {
        panic!("an exec");
    };
    assert_eq!(&*exec.previous_exe, "/bin/long");
}
