//! `sentinelctl events`: what happens on this host, and what has happened.

use clap::builder::PossibleValuesParser;
use sentinel_api::v1::{self, StreamEventsRequest};
use sentinel_event::Kind;

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::{Output, Reader};
use crate::{json, render, when};

/// Arguments of `events`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print events as they happen, after those of the history if --since asks for them.
    #[arg(long, short)]
    follow: bool,
    /// Events of the history from this time on: 10min, 2h, '3 days', yesterday, 14:30,
    /// '2026-11-22 14:30'; without it and --follow, of the last ten minutes. A large history
    /// takes its time.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<when::Moment>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME", value_parser = when::parse, requires = "since",
          conflicts_with = "follow")]
    until: Option<when::Moment>,
    /// Only events of these kinds.
    #[arg(long, value_name = "KIND,...", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(Kind::ALL.iter().map(|kind| kind.name())))]
    kind: Vec<String>,
    /// Only events of this process.
    #[arg(long)]
    pid: Option<u32>,
    /// Only events of executables whose path begins so.
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    exe: String,
    /// Stop after this many events.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// From when on events are shown to somebody who has not said it.
fn lately(output: &Output) -> Result<when::Moment, Failure> {
    if !output.json {
        output.note("the last 10 minutes; --since shows more, --follow what comes");
    }
    when::parse("10min").map_err(Failure::failed)
}

/// Follows the events until the count is reached or the user leaves.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    when::in_order(args.since, args.until)?;
    let mut client = client::connect(target).await?;
    let since = match (args.since, args.follow) {
        (None, false) => Some(lately(output)?),
        (since, _) => since,
    };
    let request = StreamEventsRequest {
        kinds: args.kind.clone(),
        pid: args.pid,
        exe_prefix: args.exe.clone(),
        since,
        until: args.until,
        follow: args.follow && since.is_some(),
    };
    let mut stream = client::answer(client.stream_events(request)).await?;
    let mut left = args.count;
    let mut reader = Reader::new();
    while let Some(update) = reader.present(stream.message()).await?? {
        if update.missed > 0 {
            let missed = update.missed;
            output.note(&format!(
                "missed {missed} events because they were read too slowly"
            ));
        }
        let Some(event) = update.event else { continue };
        print(&event, output)?;
        left = left.map(|left| left - 1);
        if left == Some(0) {
            return Ok(());
        }
    }
    if !args.follow {
        return Ok(());
    }
    Err(Failure::gone("the daemon ended the stream".to_owned()))
}

fn print(event: &v1::Event, output: &mut Output) -> Result<(), Failure> {
    let text = match output.json {
        true => json::message("Event", event)?,
        false => render::event::line(event, &output.look),
    };
    output.line(&text)
}
