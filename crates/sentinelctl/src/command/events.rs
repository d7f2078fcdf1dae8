//! `sentinelctl events`: what happens on this host, as it happens.

use std::path::Path;

use clap::builder::PossibleValuesParser;
use sentinel_api::v1::{self, StreamEventsRequest};
use sentinel_event::Kind;

use crate::client;
use crate::failure::Failure;
use crate::output::{Output, Reader};
use crate::{json, render};

/// Arguments of `events`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print events as they happen.
    #[arg(long, short, required = true)]
    follow: bool,
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

/// Follows the events until the count is reached or the user leaves.
pub async fn run(args: &Args, socket: &Path, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(socket).await?;
    let request = StreamEventsRequest {
        kinds: args.kind.clone(),
        pid: args.pid,
        exe_prefix: args.exe.clone(),
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
    Err(Failure::Gone("the daemon ended the stream".to_owned()))
}

fn print(event: &v1::Event, output: &mut Output) -> Result<(), Failure> {
    let text = match output.json {
        true => json::message("Event", event)?,
        false => render::event::line(event, &output.look),
    };
    output.line(&text)
}
