use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

/// A folder in which somebody learns, and the training program that it has.
struct Host {
    dir: TempDir,
    learning: Learning,
    board: Arc<LearningBoard>,
}

/// Programs at each minute of a day, in a few orders.
fn day(day: u64) -> Vec<Event> {
    let mut text = String::new();
    let mut line = |second: u64, rest: String| {
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let _ = writeln!(
            text,
            r#"{{"time":"2026-03-{:02}T{hour:02}:{minute:02}:{second:02}Z",{rest}}}"#,
            day + 2
        );
    };
    line(
        0,
        r#""kind":"exec","pid":1,"ppid":0,"exe":"/usr/lib/systemd/systemd","argv":["init"]"#.into(),
    );
    line(1, r#""kind":"fork","pid":1,"child":50"#.into());
    line(
        1,
        r#""kind":"exec","pid":50,"ppid":1,"exe":"/usr/sbin/cron","argv":["cron"],"unit":"cron.service""#.into(),
    );
    // Each order goes round a ring, from another place and for another while.
    let tools = ["ls", "cat", "grep", "git", "vim", "less", "make", "find"];
    let (mut pid, jobs) = (1_000, 350);
    for n in 0..jobs {
        let (begin, length) = (n % 8, 3 + n / 8 % 8);
        let mut parent = 50;
        for at in 0..length {
            let (second, tool) = (60 + n * 200 + at, tools[((begin + at) % 8) as usize]);
            pid += 1;
            line(
                second,
                format!(r#""kind":"fork","pid":{parent},"child":{pid}"#),
            );
            line(
                second,
                format!(
                    r#""kind":"exec","pid":{pid},"ppid":{parent},"exe":"/usr/bin/{tool}","argv":["{tool}"]"#
                ),
            );
            parent = pid - at;
        }
    }
    let (events, report) = sentinel_import::read_all(text.as_bytes()).expect("memory can be read");
    assert_eq!(report.bad, []);
    events
}

impl Host {
    /// One whose training program is a script, or is not installed.
    fn new(script: Option<&str>) -> Host {
        Host::with(script, Config::default())
    }

    fn with(script: Option<&str>, config: Config) -> Host {
        let dir = TempDir::new().expect("a folder");
        let board = Arc::new(LearningBoard::default());
        let mode = Arc::new(ModeFile::open(dir.path()).expect("opens"));
        let mut learning =
            Learning::open(dir.path(), config, mode, Arc::clone(&board)).expect("opens");
        learning.trainer.program = script.map(|text| {
            let path = dir.path().join("trainer");
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("writes");
            let runnable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&path, runnable).expect("is ours");
            path
        });
        Host {
            dir,
            learning,
            board,
        }
    }

    /// Lives through a day, and waits for what is trained on it.
    fn live(&mut self, number: u64) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for batch in day(number).chunks(500) {
            for event in batch {
                self.learning.observe(event, &mut alerts);
            }
            self.learning.step(&mut alerts);
            self.wait(&mut alerts);
        }
        alerts
    }

    fn wait(&mut self, alerts: &mut Vec<Alert>) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !self.learning.trainer.is_idle() {
            assert!(Instant::now() < deadline, "training does not end");
            std::thread::sleep(Duration::from_millis(2));
            self.learning.step(alerts);
        }
    }

    fn problems(&self) -> String {
        self.board.get().problems.join("\n")
    }
}

fn stalled(alerts: &[Alert]) -> Vec<&Alert> {
    alerts
        .iter()
        .filter(|alert| &*alert.detection == "learning_stalled")
        .collect()
}

#[test]
fn training_that_fails_for_two_days_is_a_problem_and_one_alert() {
    let cases = [
        (None, "sentinel-train is not installed"),
        (
            Some("echo 'trainer: it has no memory' >&2; exit 1"),
            "trainer: it has no memory",
        ),
        (Some("kill -9 $$"), "training failed with signal: 9"),
        (Some("exit 0"), "cannot read"),
        (
            Some("shift $(($# - 3)); head -c 9000 /dev/zero > $1"),
            "is refused",
        ),
    ];
    for (script, why) in cases {
        let mut host = Host::new(script);
        // Models are fitted at the end of the second day, and training begins.
        let mut alerts: Vec<Alert> = (0..4).flat_map(|number| host.live(number)).collect();
        assert_eq!(host.board.get().standing.generation, 2, "{why}");
        let problems = host.problems();
        assert!(problems.contains(why), "{why}: {problems}");
        assert!(stalled(&alerts).is_empty(), "two days are not over: {why}");
        alerts.extend((4..7).flat_map(|number| host.live(number)));
        let told = stalled(&alerts);
        let [alert] = &told[..] else {
            panic!("{why}: {} alerts", told.len());
        };
        assert!(
            alert
                .summary
                .contains("no training of the networks has succeeded for 2 days"),
            "{alert:?}"
        );
        assert!(alert.reason.contains(why), "{alert:?}");
        let problems = host.problems();
        assert!(problems.contains("has succeeded for 4 days"), "{problems}");
    }
}

#[test]
fn what_is_trained_and_passes_is_in_use_and_kept() {
    // The real one, where it was built.
    let beside = std::env::current_exe().ok();
    let built = beside.and_then(|path| Some(path.parent()?.parent()?.join("sentinel-train")));
    let Some(program) = built.filter(|program| program.is_file()) else {
        println!(
            "skipped: what_is_trained_and_passes_is_in_use_and_kept: sentinel-train is not built"
        );
        return;
    };
    let mut host = Host::new(None);
    let early = host.learning.fit_now().expect_err("nothing was seen");
    assert!(early.contains("0 of 256 program starts"), "{early}");
    for number in 0..2 {
        host.live(number);
    }
    host.learning.trainer.program = Some(program);
    let (verdict, ordered) = host.learning.fit_now().expect("fits");
    assert!(verdict.contains("the models are in use"), "{verdict}");
    assert_eq!(
        ordered,
        [NETWORK_NAMES[0], NETWORK_NAMES[2]],
        "nobody connects"
    );
    let mut alerts = Vec::new();
    host.wait(&mut alerts);
    host.learning.step(&mut alerts);
    let status = host.board.get();
    assert!(
        status.outcomes[0].contains("autoencoder of program starts is in use: AUROC"),
        "{:?}",
        status.outcomes
    );
    assert!(
        status.outcomes[2].contains("recurrent network is in use"),
        "{:?}",
        status.outcomes
    );
    assert_eq!(host.problems(), "");
    let trained = host.learning.baseline.standing().trained_ns;
    assert!(
        trained[0] > 0 && trained[1] == 0 && trained[2] > 0,
        "{trained:?}"
    );
    // They are part of what is saved, and judge a day later.
    host.live(2);
    host.live(3);
    let Host {
        dir,
        learning,
        board: _,
    } = host;
    learning.close();
    let mut again = Baseline::new(Config::default());
    let said = Folder::at(dir.path()).load(&mut again);
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(
        again.standing().trained_ns[0],
        trained[0].max(again.standing().trained_ns[0])
    );
    let last = again.tail_days().last().copied().expect("was judged");
    let said: Vec<bool> = last.detectors.iter().map(|(count, _)| *count > 0).collect();
    assert_eq!(said, [true; 5], "all detectors speak: {last:?}");
}

#[test]
fn learning_ends_by_itself_when_enough_was_watched_or_time_is_over() {
    let config = |execs_min, auto_detect| Config {
        days: 2,
        execs_min,
        // Nobody is there at night.
        hour_days_min: 0,
        auto_detect,
        ..Config::default()
    };
    let cases = [
        (
            "enough was watched",
            config(100, true),
            3,
            Mode::Detect,
            false,
        ),
        (
            "nobody may but people",
            config(100, false),
            3,
            Mode::Learn,
            false,
        ),
        (
            "too little was seen",
            config(1_000_000, true),
            3,
            Mode::Learn,
            false,
        ),
        (
            "twice the time is over",
            config(1_000_000, true),
            6,
            Mode::Detect,
            true,
        ),
    ];
    for (why, config, days, wanted, thin) in cases {
        let mut host = Host::with(None, config);
        for number in 0..days {
            host.live(number);
        }
        assert_eq!(host.learning.mode.get().mode, wanted, "{why}");
        let progress = host.board.get().progress.expect("it was asked");
        assert_eq!(progress.thin, thin, "{why}: {progress:?}");
    }
}

#[test]
fn a_day_without_the_daemon_lengthens_learning() {
    let watched = |days: &[u64]| {
        let mut host = Host::new(None);
        days.iter().for_each(|number| drop(host.live(*number)));
        host.board.get().progress.expect("it was asked")
    };
    let (whole, holed) = (watched(&[0, 1, 2, 3]), watched(&[0, 1, 3]));
    let day_ns = whole.watched_ns / 4;
    let less = whole.watched_ns - holed.watched_ns;
    assert!((less - day_ns).abs() < day_ns / 20, "{less}");
    assert!((holed.missed_ns - whole.missed_ns - day_ns).abs() < day_ns / 20);
    assert!(holed.remaining_ns - whole.remaining_ns > day_ns / 2);
    assert!(holed.missing[0].starts_with("2."), "{:?}", holed.missing);
}

#[test]
fn a_generation_that_was_gone_back_to_stays_in_use() {
    let mut host = Host::new(None);
    for number in 0..4 {
        host.live(number);
    }
    let newest = host.board.get().standing.generation;
    assert!(newest >= 2, "{newest}");
    let deadline = Instant::now() + Duration::from_secs(90);
    while host.learning.folder().list().len() < newest as usize {
        assert!(Instant::now() < deadline, "generations are not kept");
        std::thread::sleep(Duration::from_millis(2));
    }
    let removed = host.learning.roll_back(1).expect("is whole");
    assert_eq!(removed, (2..=newest).collect::<Vec<u32>>());
    let generation = |host: &mut Host| {
        host.learning.step(&mut Vec::new());
        host.board.get().standing.generation
    };
    assert_eq!(generation(&mut host), 1);
    // Neither the next event nor a restart fits another one before the night.
    let more = day(3);
    let evening = &more[more.len() - 100..];
    let mut alerts = Vec::new();
    evening
        .iter()
        .for_each(|event| host.learning.observe(event, &mut alerts));
    assert_eq!(generation(&mut host), 1);
    let Host { dir, learning, .. } = host;
    learning.close();
    let mut again = Baseline::new(Config::default());
    assert_eq!(
        Folder::at(dir.path()).load(&mut again),
        Vec::<String>::new()
    );
    let mut found = Vec::new();
    evening
        .iter()
        .for_each(|event| again.observe(event, &mut found));
    assert_eq!(again.standing().generation, 1);
    day(4)
        .iter()
        .for_each(|event| again.observe(event, &mut found));
    assert_eq!(
        again.standing().generation,
        2,
        "the night fits the next one"
    );
}

#[test]
fn who_breaks_off_learning_again_has_what_was_learned() {
    let mut host = Host::with(
        None,
        Config {
            days: 2,
            execs_min: 100,
            hour_days_min: 0,
            ..Config::default()
        },
    );
    (0..3).for_each(|number| drop(host.live(number)));
    assert_eq!(host.learning.mode.get().mode, Mode::Detect);
    let mut turn = |mode| {
        host.learning.mode.set(mode, None).expect("is kept");
        host.learning.step(&mut Vec::new());
        let status = host.board.get();
        let missing = status.progress.expect("it was asked").missing;
        (missing.is_empty(), status.standing.learned_before)
    };
    assert_eq!(turn(Mode::Learn), (false, true), "it wants as much again");
    assert_eq!(turn(Mode::Detect), (true, false), "it has what it had");
    assert_eq!(turn(Mode::Learn), (false, true));
}
