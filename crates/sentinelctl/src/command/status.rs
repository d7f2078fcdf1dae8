//! `sentinelctl status`: the health of the sensor on one screen.

use sentinel_api::v1::{ListAlertsRequest, StatusRequest};

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Alerts that fit on the screen beside all the rest.
const LATEST: u32 = 3;

/// Asks once and shows everything.
pub async fn run(target: &Target, output: &mut Output) -> Result<(), Failure> {
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
    let mut screen = render::status::screen(&status, &output.look);
    screen += &render::status::latest(&latest.alerts, &output.look);
    output.print(&screen)
}
