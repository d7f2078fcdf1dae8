//! `sentinelctl query`: the history of this host in SQL, read from its files, with the
//! daemon or without.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use jiff::SignedDuration;
use sentinel_query::{Cell, History, Options, OutColumn, Sink, TimeRange, tables};

use crate::failure::Failure;
use crate::meter::Meter;
use crate::output::{Buffered, Output};
use crate::render::rows::{self, Table};
use crate::when;

const AFTER_HELP: &str = "\
Examples:
  sentinelctl query \"select exe, count(*) from execs group by 1 order by 2 desc limit 10\"
  sentinelctl query --since 2h \"select time, exe, addr, port from connections where port = 22\"
  sentinelctl query --format csv \"select * from alerts\" > alerts.csv
  sentinelctl query --tables

Times in answers are UTC. The engine is SQLite: https://sqlite.org/lang_select.html";

/// Arguments of `query`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// One SELECT; --tables shows what there is.
    #[arg(required_unless_present = "tables")]
    sql: Option<String>,
    /// Show the tables and what their columns mean.
    #[arg(long, conflicts_with = "sql")]
    tables: bool,
    /// Folder with the history; the daemon may be running.
    #[arg(
        long,
        value_name = "DIR",
        env = "SENTINEL_DATA_DIR",
        default_value = "/var/lib/sentinel"
    )]
    data_dir: PathBuf,
    /// How rows are printed.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        conflicts_with = "json"
    )]
    format: Format,
    /// Only what happened from this time on: 10min, 2h, '3 days', yesterday, 14:30,
    /// '2026-11-22 14:30'.
    #[arg(long, value_name = "TIME", value_parser = time_ns)]
    since: Option<i64>,
    /// Only what happened before this time.
    #[arg(long, value_name = "TIME", value_parser = time_ns)]
    until: Option<i64>,
    /// Memory that the query may take, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512,
          value_parser = clap::value_parser!(u64).range(16..=1 << 20))]
    memory_limit: u64,
    /// Cancel the query after this time, such as 30s.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    timeout: Option<Duration>,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Aligned columns for people.
    Table,
    /// One JSON object per line.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

fn time_ns(text: &str) -> Result<i64, String> {
    let moment = when::parse(text)?;
    Ok(moment
        .seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(moment.nanos.into()))
}

fn span(text: &str) -> Result<Duration, String> {
    let duration: Option<SignedDuration> = text.parse().ok();
    duration
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "expected a span such as 30s or 2m".to_owned())
}

/// Answers the query.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    if args.tables {
        return output.print(&rows::describe(tables::all(), &output.look));
    }
    let range = TimeRange {
        from_ns: args.since.unwrap_or(i64::MIN),
        until_ns: args.until.unwrap_or(i64::MAX),
    };
    if range.from_ns >= range.until_ns {
        return Err(Failure::usage("--since must lie before --until".to_owned()));
    }
    let options = Options {
        range,
        memory_bytes: args.memory_limit << 20,
        timeout: args.timeout,
    };
    let history = History::open(&args.data_dir, options)?;
    let format = match output.json {
        true => Format::Json,
        false => args.format,
    };
    let mut answer = Answer {
        format,
        table: Table::new(output.look.clone()),
        columns: Vec::new(),
        terminal: io::stdout().is_terminal(),
        out: output.buffered(),
        meter: Meter::start("reading the history", history.progress()),
    };
    let result = history.run(args.sql.as_deref().unwrap_or_default(), &mut answer);
    // What was found before a failure is printed too.
    let printed = answer.finish();
    let is_empty = answer.table.is_empty();
    drop(answer);
    for problem in history.problems() {
        output.note(&format!("left out: {problem}"));
    }
    result.and(printed)?;
    if format == Format::Table && is_empty {
        output.note("no rows");
    }
    Ok(())
}

/// Prints the rows of the answer.
struct Answer {
    format: Format,
    table: Table,
    columns: Vec<OutColumn>,
    terminal: bool,
    out: Buffered,
    /// Until there is something better to look at.
    meter: Option<Meter>,
}

impl Sink for Answer {
    type Error = Failure;

    fn begin(&mut self, columns: &[OutColumn]) -> Result<(), Failure> {
        self.columns = columns.to_vec();
        match self.format {
            Format::Table => self.table.begin(columns),
            Format::Json => {}
            Format::Csv => self.out.print(&rows::csv_header(columns))?,
        }
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Failure> {
        self.meter = None;
        let text = match self.format {
            Format::Table => self.table.row(cells),
            Format::Json => rows::json(&self.columns, cells)
                .map_err(|error| Failure::failed(format!("a row as JSON: {error}")))?,
            Format::Csv => rows::csv(cells, self.terminal),
        };
        self.out.print(&text)
    }
}

impl Answer {
    fn finish(&mut self) -> Result<(), Failure> {
        self.meter = None;
        if self.format == Format::Table {
            let text = self.table.finish();
            self.out.print(&text)?;
        }
        self.out.finish()
    }
}
