//! `sentinelctl config` and `sentinelctl reload`: the settings in use.

use sentinel_api::v1::{GetConfigRequest, ReloadRequest, ReloadResponse, Setting};

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only settings whose keys begin so, such as `store`.
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    /// Only settings that are not the default.
    #[arg(long)]
    changed: bool,
}

impl Args {
    fn wants(&self, setting: &Setting) -> bool {
        setting.key.starts_with(&self.prefix) && !(self.changed && setting.origin == "default")
    }
}

/// Shows the settings in use.
pub async fn show(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let mut answer = client::answer(client.get_config(GetConfigRequest {})).await?;
    answer.settings.retain(|setting| args.wants(setting));
    if answer.settings.is_empty() && !args.prefix.is_empty() && !args.changed {
        return Err(
            Failure::failed(format!("no setting begins with {:?}", args.prefix))
                .hint("'sentinelctl config' lists all"),
        );
    }
    if output.json {
        return output.line(&json::message("GetConfigResponse", &answer)?);
    }
    if answer.settings.is_empty() {
        output.note("every setting is the default");
        return Ok(());
    }
    output.print(&render::config::settings(&answer, &output.look))
}

/// Lets the daemon read its configuration file again.
pub async fn reload(target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let answer = client::answer(client.reload(ReloadRequest {})).await?;
    if output.json {
        return output.line(&json::message("ReloadResponse", &answer)?);
    }
    let ReloadResponse {
        applied,
        needs_restart,
    } = &answer;
    output.line(&render::config::applied(applied))?;
    if !needs_restart.is_empty() {
        output.note(&render::config::needs_restart(needs_restart));
    }
    Ok(())
}
