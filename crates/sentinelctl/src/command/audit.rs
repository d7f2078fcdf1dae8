//! `sentinelctl audit`: who changed what.

use sentinel_api::v1::ListAuditRequest;

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render, when};

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the latest N changes.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: Option<u32>,
    /// Only changes from this time on: 10min, 2h, '3 days', yesterday, 14:30,
    /// '2026-11-22 14:30'.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<when::Moment>,
    /// Only changes before this time.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    until: Option<when::Moment>,
}

/// Lists the changes, oldest first.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    when::in_order(args.since, args.until)?;
    let mut client = client::connect(target).await?;
    let request = ListAuditRequest {
        limit: args.count.unwrap_or(0),
        since: args.since,
        until: args.until,
    };
    let answer = client::answer(client.list_audit(request)).await?;
    for entry in &answer.entries {
        let text = match output.json {
            true => json::message("AuditEntry", entry)?,
            false => render::audit::line(entry, &output.look),
        };
        output.line(&text)?;
    }
    if answer.entries.is_empty() && !output.json {
        output.note(match (args.since, args.until) {
            (None, None) => "nothing was changed yet",
            _ => "nothing was changed then",
        });
    } else if answer.more && args.count.is_none() {
        output.note("there are earlier changes; audit.jsonl in the data folder has them");
    }
    Ok(())
}
