//! `sentinelctl alerts`: the history of alerts, the live stream, or one alert.

use clap::builder::PossibleValuesParser;
use sentinel_api::v1::{
    self, AcknowledgeAlertRequest, GetAlertRequest, ListAlertsRequest, StreamAlertsRequest,
};
use sentinel_event::Severity;
use std::collections::VecDeque;

use super::detection_name;
use crate::client::{self, Client, Target};
use crate::failure::Failure;
use crate::output::{Output, Reader};
use crate::{json, render, when};

/// How many alerts are asked for at once.
const PAGE: u32 = 500;

/// Arguments of `alerts`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    filter: Filter,
}

/// An id as alerts show it.
///
/// # Errors
/// One sentence, where it cannot be one.
pub fn id(text: &str) -> Result<String, String> {
    match text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("an id is 16 hexadecimal digits, as 'sentinelctl alerts' shows it".to_owned()),
    }
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show one alert in full: what, why, by whom, on what evidence
    Show {
        /// The id of the alert, 16 hexadecimal digits.
        #[arg(value_parser = id)]
        id: String,
    },
    /// Note that an alert was dealt with
    Ack {
        /// The id of the alert, 16 hexadecimal digits.
        #[arg(value_parser = id)]
        id: String,
        /// What was found, or done.
        #[arg(
            long,
            short = 'm',
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        note: String,
    },
}

#[derive(Debug, clap::Args)]
struct Filter {
    /// Wait for new alerts and print them as they come.
    #[arg(long, short)]
    follow: bool,
    /// Only alerts of this severity or worse.
    #[arg(long, value_name = "SEVERITY",
          value_parser = PossibleValuesParser::new(Severity::ALL.iter().map(|s| s.name())))]
    min_severity: Option<String>,
    /// Only alerts of this detection, such as reverse_shell.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    detection: String,
    /// What would have been alerted about anomalies, had learning been over.
    #[arg(long, conflicts_with_all = ["detection", "digest"])]
    previews: bool,
    /// Anomalies that the daily budget had no room for.
    #[arg(long, conflicts_with = "detection")]
    digest: bool,
    /// Only alerts of this incident, 16 hexadecimal digits.
    #[arg(
        long,
        value_name = "ID",
        default_value = "",
        hide_default_value = true,
        conflicts_with = "follow"
    )]
    incident: String,
    /// Only alerts from this time on: 10min, 2h, '3 days', yesterday, 14:30, '2026-11-22 14:30'.
    #[arg(long, value_name = "TIME", value_parser = when::parse, conflicts_with = "follow")]
    since: Option<when::Moment>,
    /// Only alerts before this time.
    #[arg(long, value_name = "TIME", value_parser = when::parse, conflicts_with = "follow")]
    until: Option<when::Moment>,
    /// Only alerts that nobody has dealt with.
    #[arg(long, conflicts_with = "follow")]
    open: bool,
    /// Only alerts after this position in the history.
    #[arg(long, value_name = "N")]
    after_seq: Option<u64>,
    /// Only the newest N alerts, or the first N after --after-seq; with --follow, stop after N.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl Filter {
    /// The detection to ask for; what was not sent goes by a name of its own.
    fn detection(&self) -> String {
        match (self.previews, self.digest) {
            (true, _) => "anomaly_preview".to_owned(),
            (_, true) => "anomaly_digest".to_owned(),
            _ => self.detection.clone(),
        }
    }
}

/// Shows what was asked for.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    match &args.action {
        Some(Action::Show { id }) => show(&mut client, id, output).await,
        Some(Action::Ack { id, note }) => acknowledge(&mut client, id, note, output).await,
        None if args.filter.follow => follow(&mut client, &args.filter, output).await,
        None => list(&mut client, &args.filter, output).await,
    }
}

async fn show(client: &mut Client, id: &str, output: &mut Output) -> Result<(), Failure> {
    let request = GetAlertRequest { id: id.to_owned() };
    let alert = client::answer(client.get_alert(request)).await?;
    if output.json {
        return print(&alert, output);
    }
    output.print(&render::alert::show(&alert, &output.look))
}

async fn acknowledge(
    client: &mut Client,
    id: &str,
    note: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    let request = AcknowledgeAlertRequest {
        id: id.to_owned(),
        note: note.to_owned(),
    };
    let alert = client::answer(client.acknowledge_alert(request)).await?;
    print(&alert, output)
}

async fn list(client: &mut Client, filter: &Filter, output: &mut Output) -> Result<(), Failure> {
    when::in_order(filter.since, filter.until)?;
    let printed = match (filter.count, filter.after_seq) {
        (Some(count), None) => newest(client, filter, count, output).await?,
        (count, after) => from(client, filter, after.unwrap_or(0), count, output).await?,
    };
    if printed == 0 {
        // A typo finds nothing, as what never happened does.
        if !filter.detection.is_empty() {
            detection_name::check(client, &filter.detection).await?;
        }
        if !output.json {
            output.note("no alerts");
        }
    }
    Ok(())
}

/// Prints the newest alerts, oldest first.
async fn newest(
    client: &mut Client,
    filter: &Filter,
    count: u64,
    output: &mut Output,
) -> Result<u64, Failure> {
    let mut alerts = VecDeque::new();
    let mut after = None;
    if count > PAGE.into() {
        // The newest of more than a page are found by going through all of them.
        after = Some(0);
    }
    loop {
        let limit = u32::try_from(count).unwrap_or(PAGE).min(PAGE);
        let (page, next) = page(client, filter, after, limit).await?;
        alerts.extend(page);
        while alerts.len() as u64 > count {
            alerts.pop_front();
        }
        match next {
            Some(next) if after.is_some() => after = Some(next),
            _ => break,
        }
    }
    alerts.iter().try_for_each(|alert| print(alert, output))?;
    Ok(alerts.len() as u64)
}

/// Prints the alerts after a position, a page at a time.
async fn from(
    client: &mut Client,
    filter: &Filter,
    after: u64,
    count: Option<u64>,
    output: &mut Output,
) -> Result<u64, Failure> {
    let mut printed = 0;
    let mut after = after;
    while count.is_none_or(|count| printed < count) {
        let left = count.map_or(u64::MAX, |count| count - printed);
        let limit = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let (page, next) = page(client, filter, Some(after), limit).await?;
        page.iter().try_for_each(|alert| print(alert, output))?;
        printed += page.len() as u64;
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    Ok(printed)
}

/// One page and the position from which to ask for the next, if there is one.
async fn page(
    client: &mut Client,
    filter: &Filter,
    after: Option<u64>,
    limit: u32,
) -> Result<(Vec<v1::Alert>, Option<u64>), Failure> {
    let request = ListAlertsRequest {
        after_seq: after,
        min_severity: filter.min_severity.clone().unwrap_or_default(),
        limit,
        detection: filter.detection(),
        since: filter.since,
        until: filter.until,
        unacknowledged: filter.open,
        incident: filter.incident.clone(),
    };
    let page = client::answer(client.list_alerts(request)).await?;
    // A page without progress would be asked for again and again.
    let last = page.alerts.last().map(|alert| alert.seq);
    let next = last.filter(|last| page.more && Some(*last) > after);
    Ok((page.alerts, next))
}

async fn follow(client: &mut Client, filter: &Filter, output: &mut Output) -> Result<(), Failure> {
    if !filter.detection.is_empty() {
        detection_name::check(client, &filter.detection).await?;
    }
    let request = StreamAlertsRequest {
        after_seq: filter.after_seq,
        min_severity: filter.min_severity.clone().unwrap_or_default(),
        detection: filter.detection(),
        counted: false,
    };
    let mut stream = client::answer(client.stream_alerts(request)).await?;
    let mut left = filter.count;
    let mut last_seen = None;
    let mut reader = Reader::new();
    loop {
        let next = reader.present(stream.message()).await?;
        let Some(update) = next.map_err(|status| resumable(status.into(), last_seen))? else {
            let ended = Failure::gone("the daemon ended the stream");
            return Err(resumable(ended, last_seen));
        };
        if update.missed > 0 {
            output.note(&missed(update.missed, last_seen));
        }
        let Some(alert) = update.alert else { continue };
        print(&alert, output)?;
        last_seen = Some(alert.seq);
        left = left.map(|left| left - 1);
        if left == Some(0) {
            return Ok(());
        }
    }
}

/// The failure with how to go on where it broke off, so that nothing is missed.
fn resumable(failure: Failure, last_seen: Option<u64>) -> Failure {
    match (last_seen, failure.advice()) {
        (Some(seq), advice) if !advice.is_empty() => {
            let next = format!("'sentinelctl alerts --follow --after-seq {seq}' goes on from here");
            let hint = format!("{advice}, and {next}");
            failure.hint(hint)
        }
        _ => failure,
    }
}

fn missed(count: u64, last_seen: Option<u64>) -> String {
    let after = last_seen.unwrap_or(0);
    format!(
        "missed {count} alerts because they were read too slowly; \
         'sentinelctl alerts --after-seq {after}' lists them"
    )
}

fn print(alert: &v1::Alert, output: &mut Output) -> Result<(), Failure> {
    let text = match output.json {
        true => json::message("Alert", alert)?,
        false => render::alert::line(alert, &output.look),
    };
    output.line(&text)
}
