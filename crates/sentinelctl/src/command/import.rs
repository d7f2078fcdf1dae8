//! `sentinelctl import`: events from elsewhere become a data folder.
//!
//! Reading and sorting lines is `sentinel-import`'s work, keeping events is
//! `sentinel-store`'s; here they are put together, and what could not be used is told.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sentinel_event::Event;
use sentinel_import::{Importer, Report};
use sentinel_store::{Config, Store, StoreError};

use crate::failure::Failure;
use crate::output::Output;

const AFTER_HELP: &str = "\
Each line is one JSON object with `time`, `kind` and `pid`; lines are in the order of time to
within ten minutes, across all files. `sentinelctl events --json` writes such lines.

Examples:
  sentinelctl import week.jsonl /tmp/week
  zcat *.jsonl.gz | sentinelctl import - /tmp/week
  sentinel replay /tmp/week";

/// The longest line, in bytes; the same as the importer's own limit.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Bad lines that are told one by one; the rest is counted.
const TOLD_MAX: usize = 20;
/// Events handed to the store at once.
const BATCH: usize = 8_192;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Files of JSON lines, read one after the other; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The folder to write; it must be empty, or not there yet.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Stop at the first line that is no event, and leave no folder behind.
    #[arg(long)]
    strict: bool,
}

/// Imports, and says what became of the lines.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let begun_empty = check_empty(&args.dir)?;
    let done = import(args);
    if done.is_err() && begun_empty {
        // What is half there would be taken for the whole.
        let _ = std::fs::remove_dir_all(&args.dir);
    }
    let (report, told) = done?;
    for bad in told {
        output.note(&bad);
    }
    if report.bad_total > TOLD_MAX as u64 {
        let more = report.bad_total - TOLD_MAX as u64;
        output.note(&format!("{more} more lines are no events"));
    }
    if report.hosts.len() > 1 {
        output.note(&format!(
            "events of {} hosts become one history, in which what is usual is learned of all \
             together: {}",
            report.hosts.len(),
            counts(&report.hosts)
        ));
    }
    if output.json {
        let named = report.hosts.iter().filter(|(name, _)| !name.is_empty());
        return output.line(
            &serde_json::json!({
                "events": report.events_total,
                "bad": report.bad_total,
                "unknown_keys": report.unknown_keys,
                "hosts": named.collect::<BTreeMap<_, _>>(),
            })
            .to_string(),
        );
    }
    let mut text = format!(
        "{} events in {}, {} lines skipped",
        report.events_total,
        args.dir.display(),
        report.bad_total
    );
    if !report.unknown_keys.is_empty() {
        text += &format!("\nignored keys: {}", counts(&report.unknown_keys));
    }
    output.line(&text)
}

/// Names with how often each occurred.
fn counts(names: &BTreeMap<String, u64>) -> String {
    let shown = |(name, n): (&String, &u64)| match name.as_str() {
        "" => format!("no name ({n})"),
        name => format!("{} ({n})", sentinel_event::text::escape(name)),
    };
    let first = names.iter().take(TOLD_MAX).map(shown);
    let more = names.len().saturating_sub(TOLD_MAX);
    let more = (more > 0).then(|| format!("{more} more"));
    first.chain(more).collect::<Vec<_>>().join(", ")
}

/// A folder with something in it is somebody's: events of two origins in one history
/// would have numbers and times that mean nothing.
fn check_empty(dir: &Path) -> Result<bool, Failure> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(true),
            Some(_) => Err(Failure::usage(format!("{} is not empty", dir.display()))
                .hint("an import makes a new folder")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::failed(format!(
            "reading {}: {error}",
            dir.display()
        ))),
    }
}

/// Imports, and returns the first bad lines as text beside what became of all.
fn import(args: &Args) -> Result<(Report, Vec<String>), Failure> {
    // Opened first, so that a wrong name costs nothing.
    let inputs: Vec<(String, Box<dyn BufRead>)> = args
        .files
        .iter()
        .map(|path| open(path))
        .collect::<Result<_, _>>()?;
    let config = Config {
        // What is imported is old already, and must not be removed for that.
        retention_days: 0,
        retention_bytes: 0,
        ..Config::default()
    };
    let stored = |error: StoreError| Failure::failed(error.to_string());
    let (mut store, _) = Store::open(&args.dir, "import", config).map_err(stored)?;
    let mut importer = Importer::default();
    let mut events = Vec::new();
    let mut line = Vec::new();
    let mut told = Vec::new();
    let several = inputs.len() > 1;
    for (name, mut input) in inputs {
        let reading = |error: io::Error| Failure::failed(format!("reading {name}: {error}"));
        for number in 1.. {
            if !read_line(&mut input, &mut line).map_err(reading)? {
                break;
            }
            if let Err(bad) = importer.line(number, &line) {
                if args.strict {
                    return Err(Failure::failed(format!("{name}: {bad}")));
                }
                if told.len() < TOLD_MAX {
                    told.push(match several {
                        true => format!("{name}: {bad}"),
                        false => bad.to_string(),
                    });
                }
            }
            importer.drain(&mut events);
            if events.len() >= BATCH {
                keep(&mut store, &mut events).map_err(stored)?;
            }
        }
    }
    let report = importer.finish(&mut events);
    if let (0, Some(first)) = (report.events_total, told.first()) {
        return Err(Failure::failed(format!("no line is an event: {first}")));
    }
    keep(&mut store, &mut events).map_err(stored)?;
    store.close().map_err(stored)?;
    Ok((report, told))
}

fn open(path: &Path) -> Result<(String, Box<dyn BufRead>), Failure> {
    if path == Path::new("-") {
        return Ok((
            "standard input".to_owned(),
            Box::new(BufReader::new(io::stdin())),
        ));
    }
    let name = path.display().to_string();
    let file = File::open(path)
        .and_then(|file| match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(file),
        })
        .map_err(|error| Failure::failed(format!("reading {name}: {error}")))?;
    Ok((name, Box::new(BufReader::with_capacity(1 << 18, file))))
}

/// Reads one line; false at the end. Of a line that is too long, the rest is passed over.
fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = input.take(LINE_BYTES_MAX + 2).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(false);
    }
    if line.pop_if(|byte| *byte == b'\n').is_none() && line.len() as u64 > LINE_BYTES_MAX {
        let mut rest = Vec::new();
        while rest.last() != Some(&b'\n') {
            rest.clear();
            if input.take(LINE_BYTES_MAX).read_until(b'\n', &mut rest)? == 0 {
                break;
            }
        }
    }
    Ok(true)
}

fn keep(store: &mut Store, events: &mut Vec<Event>) -> Result<(), StoreError> {
    store.append_events(events)?;
    events.clear();
    // Ends journals that have grown enough; with no retention, the time does not matter.
    store.tick(0)
}
