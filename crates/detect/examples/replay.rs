//! Brings recorded events through the engine and prints the alerts:
//! `cargo run --release -p sentinel-detect --example replay FILE [MIN_SEVERITY]`.
//!
//! FILE holds JSON lines as `sentinel-import` reads them, such as the output of
//! `sentinelctl events --json`. For trying a detection on a real host's events.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use sentinel_detect::{Config, Engine, SeverityName};
use sentinel_event::Severity;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: replay FILE [MIN_SEVERITY]");
        return ExitCode::from(2);
    };
    let name = arguments.next().unwrap_or_else(|| "low".to_owned());
    let Some(severity) = Severity::from_name(&name) else {
        eprintln!("replay: unknown severity \"{name}\"");
        return ExitCode::from(2);
    };
    let read = File::open(&path).and_then(|file| sentinel_import::read_all(BufReader::new(file)));
    let (events, report) = match read {
        Ok(read) => read,
        Err(error) => {
            eprintln!("replay: {path}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let config = Config {
        min_severity: SeverityName(severity),
        ..Config::default()
    };
    let mut engine = Engine::new(&config);
    let mut alerts = Vec::new();
    for event in &events {
        engine.observe(event, &mut alerts);
    }
    for alert in &alerts {
        println!("{:8} {} {}", alert.severity, alert.detection, alert.summary);
        println!("         {}", alert.reason);
    }
    for status in engine.status() {
        eprintln!(
            "{:20} {:?} {:?}",
            status.name, status.state, status.counters
        );
    }
    eprintln!(
        "{} events, {} bad lines, first: {:?}, unknown keys: {:?}",
        report.events_total,
        report.bad_total,
        report.bad.first(),
        report.unknown_keys
    );
    ExitCode::SUCCESS
}
