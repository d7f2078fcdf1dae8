//! `sentinelctl status`: the health of the sensor on one screen.

use sentinel_api::v1::{ListAlertsRequest, StatusRequest};

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Alerts that fit on the screen beside all the rest.
const LATEST: u32 = 3;

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show every hook, kind of event, ring, queue and detection too.
    #[arg(long, short)]
    all: bool,
}

/// Asks once and shows the answer.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let status = client::answer(client.status(StatusRequest {})).await?;
    if output.json {
        return output.line(&json::message("StatusResponse", &status)?);
    }
    let request = ListAlertsRequest {
        limit: LATEST,
        ..ListAlertsRequest::default()
    };
    let latest = client::answer(client.list_alerts(request)).await?;
    let mut screen = match args.all {
        true => render::status::screen(&status, &output.look),
        false => render::status::summary(&status, &output.look),
    };
    screen += &render::status::latest(&latest.alerts, &output.look);
    output.print(&screen)
}
