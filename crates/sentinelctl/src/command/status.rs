//! `sentinelctl status`: the health of the sensor on one screen.

use std::path::Path;

use sentinel_api::v1::StatusRequest;

use crate::client;
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Asks once and shows everything.
pub async fn run(socket: &Path, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(socket).await?;
    let status = client::answer(client.status(StatusRequest {})).await?;
    if output.json {
        return output.line(&json::message("StatusResponse", &status)?);
    }
    output.print(&render::status::screen(&status, &output.look))
}
