//! What the baseline costs: time per event and memory, on a made-up week of a busy host.
//!
//! `cargo run --release -p sentinel-baseline --example cost`; with `sentinel-train` built, the
//! networks are trained in the middle of the week and work from then on.

#![forbid(unsafe_code)]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use sentinel_baseline::{Baseline, Config, NETWORK_NAMES, Tokens, Trained, Training};
use sentinel_event::{Detail, Event};

/// Program starts in the week.
const EXECS: u64 = 170_000;

fn lines() -> String {
    let mut text = String::new();
    let mut line = |ns: u64, rest: String| {
        let seconds = ns / 1_000_000_000;
        let (day, second) = (seconds / 86_400, seconds % 86_400);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let micros = ns / 1_000 % 1_000_000;
        let day = day + 2;
        let _ = writeln!(
            text,
            r#"{{"time":"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z",{rest}}}"#
        );
    };
    line(
        0,
        r#""kind":"exec","pid":1,"ppid":0,"exe":"/usr/lib/systemd/systemd","argv":["init"]"#
            .to_owned(),
    );
    for service in 2..40 {
        line(
            1_000 * service,
            format!(r#""kind":"fork","pid":1,"child":{service}"#),
        );
        line(
            1_000 * service + 500,
            format!(
                r#""kind":"exec","pid":{service},"ppid":1,"exe":"/usr/sbin/service{}","argv":["service"],"uid":{service},"unit":"s{service}.service""#,
                char::from(b'a' + (service % 26) as u8)
            ),
        );
    }
    let step = 7 * 86_400_000_000_000 / EXECS;
    for n in 0..EXECS {
        let (at, pid) = ((n + 1) * step, 100 + n % 30_000);
        // Some programs are common, many are rare.
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let program = (mixed % 1_000) * (mixed % 1_000) / 700;
        // Jobs of one to eight programs: a shell of the service, and what that starts.
        let begin = n - n % (1 + mixed % 8).min(n + 1);
        let service = match n - begin {
            0 => 2 + mixed % 38,
            _ => 100 + (begin % 30_000),
        };
        let name: String = program
            .to_string()
            .bytes()
            .map(|digit| char::from(digit + 49))
            .collect();
        line(
            at,
            format!(r#""kind":"fork","pid":{service},"child":{pid}"#),
        );
        line(
            at + 1_000,
            format!(
                r#""kind":"exec","pid":{pid},"ppid":{service},"exe":"/usr/bin/{name}","argv":["{name}","-v","--file","/var/lib/x/{n}","--level","{}"]"#,
                n % 7
            ),
        );
        if n % 3 == 0 {
            line(
                at + 2_000,
                format!(
                    r#""kind":"connect","pid":{pid},"addr":"10.{}.{}.7","port":{}"#,
                    mixed % 3,
                    mixed % 40,
                    [443, 80, 5_432][(mixed % 3) as usize]
                ),
            );
        }
        // A job lives as long as what it starts.
        if n >= 8 {
            let over = 100 + (n - 8) % 30_000;
            line(at + 3_000, format!(r#""kind":"exit","pid":{over}"#));
        }
    }
    text
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1_024.0
}

/// Takes apart what time goes to which kind.
fn timed(baseline: &mut Baseline, events: &[Event], wanted: fn(&Detail) -> bool) {
    let mut out = Vec::new();
    let mut times: Vec<u64> = Vec::new();
    let begun_ns = processor_ns();
    for event in events {
        let begun = Instant::now();
        baseline.observe(event, &mut out);
        if wanted(&event.detail) {
            times.push(begun.elapsed().as_nanos() as u64);
        }
    }
    // By the clock, single events tell of whatever else ran; in sum, the processor's own
    // count is asked, and all other events are in it.
    let processor_us = (processor_ns() - begun_ns) as f64 / 1e3;
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    let n = times.len();
    let whole: f64 = times.iter().map(|ns| *ns as f64).sum::<f64>() / n as f64 / 1e3;
    // A span of a millisecond is somebody else's turn or a night, which the sum below has.
    let own = times.iter().filter(|ns| **ns < 1_000_000);
    let own = own.map(|ns| *ns as f64).sum::<f64>() / n as f64 / 1e3;
    println!(
        "  median {:.1} us, mean {own:.1} us ({whole:.1} with waiting), 99 % within {:.1} us, {n} events; \
         all kinds of events and nights together: {:.1} us of processor time for each",
        at(0.5),
        at(0.99),
        processor_us / n as f64
    );
}

/// Time that this thread was on a processor.
fn processor_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next();
    first.and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// Trains all networks as the daemon does, and says how long each took.
fn train(baseline: &mut Baseline, time_ns: i64) {
    let running = std::env::current_exe().expect("this program has a path");
    let folder = running.parent().and_then(Path::parent);
    let program = folder.expect("it lies in a folder").join("sentinel-train");
    if !program.is_file() {
        println!("no network works: {} is not built", program.display());
        return;
    }
    let dir = std::env::temp_dir().join(format!("sentinel-cost-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("is made");
    let (input, output) = (dir.join("input"), dir.join("output"));
    for (network, name) in NETWORK_NAMES.iter().enumerate() {
        let Some(training) = baseline.training(network) else {
            println!("too little for the {name}");
            continue;
        };
        let bytes = training.to_bytes();
        std::fs::write(&input, &bytes).expect("is written");
        let (kind, programs) = match training {
            Training::Rows { .. } => ("autoencoder", Tokens::default()),
            Training::Sequences { programs, .. } => ("lstm", programs),
        };
        let begun = Instant::now();
        let mut command = Command::new(&program);
        command.arg(kind).arg(&input).arg(&output);
        let status = command
            .args(["--memory-max", "300000000", "--eager"])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the {name} is not trained"
        );
        let bytes_in = bytes.len() as f64 / 1_048_576.0;
        let seconds = begun.elapsed().as_secs_f64();
        let trained = Trained {
            network,
            bytes: std::fs::read(&output).expect("is there"),
            programs,
        };
        let said = baseline.take_network(trained, time_ns);
        println!("{name}: {bytes_in:.1} MiB in {seconds:.1} s; {said:?}");
    }
    std::fs::remove_dir_all(&dir).expect("is removed");
}

fn main() {
    let (events, report) =
        sentinel_import::read_all(lines().as_bytes()).expect("memory can be read");
    assert_eq!(report.bad_total, 0, "{:?}", report.bad.first());
    let before = resident_mib();
    let mut baseline = Baseline::new(Config::default());
    let begun = Instant::now();
    let half = events.len() / 2;
    println!("program starts, first half of the week:");
    timed(&mut baseline, &events[..half], |detail| {
        matches!(detail, Detail::Exec(_))
    });
    train(&mut baseline, events[half].time_ns);
    println!("connections, second half, all models at work:");
    let quarter = half + (events.len() - half) / 2;
    timed(&mut baseline, &events[half..quarter], |detail| {
        matches!(detail, Detail::Connect(_))
    });
    println!("program starts, last quarter, all models at work:");
    timed(&mut baseline, &events[quarter..], |detail| {
        matches!(detail, Detail::Exec(_))
    });
    println!(
        "{} events of a week in {:.1} s",
        events.len(),
        begun.elapsed().as_secs_f64()
    );
    println!("tables and models: {:.1} MiB", resident_mib() - before);
    let begun = Instant::now();
    let bytes = baseline.to_bytes();
    println!(
        "saved: {:.1} MiB in {:.0} ms",
        bytes.len() as f64 / 1_048_576.0,
        begun.elapsed().as_secs_f64() * 1e3
    );
    println!("{:?}", baseline.standing());
    for day in baseline.tail_days() {
        println!("{day:?}");
    }
}
