//! `sentinelctl audit`: who changed what.

use sentinel_api::v1::ListAuditRequest;

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the latest N changes.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: Option<u32>,
}

/// Lists the changes, oldest first.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let request = ListAuditRequest {
        limit: args.count.unwrap_or(0),
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
        output.note("nothing was changed yet");
    } else if answer.more && args.count.is_none() {
        output.note("there are earlier changes; audit.jsonl in the data folder has them");
    }
    Ok(())
}
